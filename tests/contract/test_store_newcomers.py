"""Contract of a store, entries of lists about which items that were here have not been asked."""

from __future__ import annotations

import msgspec
import pytest

from node.casework.contents.relisting import Piece
from node.matching.lists import MIN_BYTES, Entry, Provenance, Retraction, Terms, Trust
from node.store.contents.lists import keep_terms
from node.store.contents.newcomers import MOST_BESIDE, unmatched
from node.store.sqlite import Store
from tests.builders.cases import FINGERPRINTS
from tests.builders.network import NOW_MS
from tests.contract.stores import Place
from tests.contract.test_store_lists import content, entry, listed, look, take


async def test_entries_come_in_pieces_in_the_order_they_came(store: Store) -> None:
    """Each piece says how far it goes; what was noted does not come again."""
    number = await listed(store)
    await take(store, number, 1, entry(1), entry(2), entry(3))
    assert await store.known_content.newcomers(2) == Piece(2, frozenset())
    assert await store.known_content.newcomers(2) == Piece(2, frozenset())
    await store.known_content.note_matched(2)
    assert await store.known_content.newcomers(2) == Piece(3, frozenset())
    await store.known_content.note_matched(3)
    assert await store.known_content.newcomers(2) is None


async def test_what_was_taken_back_meanwhile_is_asked_about_no_more(store: Store) -> None:
    """Its number is passed over."""
    number = await listed(store)
    await take(store, number, 1, entry(1, external_id="a"), entry(2))
    await take(store, number, 2, Retraction("a", None))
    assert await store.known_content.newcomers(9) == Piece(2, frozenset())


@pytest.mark.parametrize("table", ["item_keys (key, item)", "item_keys_delta (number, key, item)"])
async def test_only_hashes_that_an_item_has_are_named(store: Store, table: str) -> None:
    """Wherever the store keeps what items are found by."""
    number = await listed(store)
    await take(store, number, 1, entry(1), entry(2))
    key = next(iter(FINGERPRINTS.content(content(2))))
    first = (1,) if "number" in table else ()
    marks = ", ".join("?" for _ in (*first, key, ""))
    await store.writer.run(
        lambda c: c.execute(f"INSERT INTO {table} VALUES ({marks})", (*first, key, "gb.1")).rowcount
    )
    assert await store.known_content.newcomers(9) == Piece(2, frozenset({key}))


async def test_how_far_it_came_outlives_the_process_and_is_shown_by_list(place: Place) -> None:
    """A pass over millions of entries goes on after a restart."""
    store = place.open()
    for name, count in (("a", 3), ("b", 2)):
        number = await listed(store, name)
        await take(store, number, 1, *(entry(ord(name) + n) for n in range(count)))
    assert await look(store, unmatched) == {"a": 3, "b": 2}
    await store.known_content.note_matched(4)
    await store.close()
    again = place.open()
    assert await look(again, unmatched) == {"b": 1}
    assert await again.known_content.newcomers(9) == Piece(5, frozenset())
    await again.close()


async def follow(store: Store, name: str, **trusts: Trust) -> None:
    """Let the operator say how far a list is followed."""
    terms = Terms(name, Provenance.POLICE)
    await store.writer.run(lambda c: keep_terms(c, terms, trusts, NOW_MS))


async def two_lists(store: Store) -> None:
    """Take entries 1 to 6 in turn into lists a and b, all asked about."""
    for name in ("a", "b"):
        await listed(store, name)
    for number in range(1, 7):
        name = "a" if number % 2 else "b"
        await take(store, name, 1, entry(number, category="x" if number < 5 else "y"))
    await store.known_content.note_matched(6)


async def piece_of(store: Store) -> Piece:
    """Return the next piece."""
    piece = await store.known_content.newcomers(9)
    assert piece is not None
    return piece


async def gone_through(store: Store, limit: int) -> list[int]:
    """Note piece after piece; return how far each went."""
    ends = []
    while (piece := await store.known_content.newcomers(limit)) is not None:
        ends.append(piece.matched_to)
        await store.known_content.note_matched(piece.matched_to, piece.again)
    return ends


async def test_entries_that_count_otherwise_are_gone_through_again(store: Store) -> None:
    """Of the list and the categories that are followed otherwise, and no others."""
    await two_lists(store)
    await follow(store, "a", x=Trust.AUTO)
    assert await look(store, unmatched) == {"a": 2}
    assert await gone_through(store, 1) == [1, 3, 6, 6]
    assert await look(store, unmatched) == {}


async def test_hashes_of_such_entries_that_items_have_are_named(store: Store) -> None:
    """As of entries that come."""
    await two_lists(store)
    (key,) = list(FINGERPRINTS.content(content(3)))[:1]
    await store.writer.run(
        lambda c: (
            c.execute("INSERT INTO item_keys (key, item) VALUES (?, ?)", (key, "gb.1")).rowcount
        )
    )
    await follow(store, "a", x=Trust.AUTO)
    piece = await piece_of(store)
    assert (piece.matched_to, piece.keys) == (6, frozenset({key}))


async def test_change_that_comes_meanwhile_begins_again_and_forgets_none(store: Store) -> None:
    """Whoever was in the middle cannot note that he got on; nor at the end."""
    await two_lists(store)
    await follow(store, "a", x=Trust.AUTO)
    for trust in (Trust.AUTO, Trust.NONE):
        piece = await piece_of(store)
        await follow(store, "b", x=trust)
        await store.known_content.note_matched(piece.matched_to, piece.again)
        assert await look(store, unmatched) == {"a": 2, "b": 2}
        await store.known_content.note_matched(
            6, (await piece_of(store)).again
        )  # the piece that is taken next is the last
    assert await gone_through(store, 1) == [6]


async def test_going_through_again_outlives_the_process(place: Place) -> None:
    """A list of millions is not begun anew at each start."""
    store = place.open()
    await two_lists(store)
    await follow(store, "b", **{"*": Trust.AUTO})
    await store.known_content.note_matched(2, (await piece_of(store)).again)
    await store.close()
    again = place.open()
    assert await look(again, unmatched) == {"b": 2}
    assert await gone_through(again, 9) == [6, 6]
    await again.close()


@pytest.mark.parametrize("same", [{}, {"x": Trust.AUTO}, {"z": Trust.AUTO}])
async def test_what_counts_as_before_is_not_gone_through(
    store: Store, same: dict[str, Trust]
) -> None:
    """Said again, or of a category without entries."""
    await listed(store, "a", x=Trust.AUTO)
    await take(store, "a", 1, entry(1, category="x"))
    await store.known_content.note_matched(1)
    await follow(store, "a", **same)
    assert await store.known_content.newcomers(9) is None


async def test_all_entries_are_gone_through_when_the_least_size_changes(store: Store) -> None:
    """Once: what is said again changes nothing."""
    await two_lists(store)
    for least, waits in ((MIN_BYTES, {}), (4096, {"a": 3, "b": 3}), (4096, {})):
        await store.known_content.judge_unseen_from(least)
        assert await look(store, unmatched) == waits
        await gone_through(store, 9)


async def test_entry_of_a_hash_that_very_many_share_brings_some_of_them_when_it_ends(
    store: Store,
) -> None:
    """A list that named one MD5 everywhere would be read whole for each entry that goes."""
    name = await listed(store)
    many = [msgspec.structs.replace(content(n), md5=bytes(16)) for n in range(1, MOST_BESIDE + 9)]
    await take(store, name, 1, *(Entry(one, "1", NOW_MS) for one in many))
    await take(store, name, 2, Retraction(content=content(1, "sha256")))
    (ended,) = await store.known_content.ended_entries(9)
    told = [one for one in many[1:] if {*FINGERPRINTS.content(one)} <= {*ended.beside}]
    assert len(told) == MOST_BESIDE
