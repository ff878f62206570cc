"""Contract of a store: entries of lists that look like a picture, whatever comes and goes."""

from __future__ import annotations

from random import Random

import pytest

from node.casework.casebook import Casebook, Needs
from node.matching.lists import Entry, Listed, Retraction, Trust
from node.store.contents.known import MOST_LOOKED_AT, MOST_SUGGESTED
from node.store.contents.list_taking import take_in
from node.store.contents.listed_pictures import STRETCH
from node.store.seam import Connection
from node.store.sqlite import Store
from protocol.facts import Content
from tests.builders.cases import FINGERPRINTS, file, item
from tests.builders.network import NOW_MS
from tests.builders.pictures import flat_scan, flipped, picture
from tests.contract.stores import Place, record
from tests.contract.test_store_lists import listed, take


def of(pdq: bytes, number: int | None = None, quality: int = 90) -> Content:
    """Return the hashes of a file with this picture; without a number PDQ is all."""
    sha256 = None if number is None else number.to_bytes(32, "big")
    return Content(sha256, None, None, None, pdq, quality)


def entry(pdq: bytes, number: int, category: str = "A") -> Entry:
    """Return an entry under the id of its number."""
    return Entry(of(pdq, number), category, NOW_MS, str(number))


async def seen(store: Store, *pdqs: bytes) -> dict[bytes, tuple[Listed, ...]]:
    """Return what a decision about these pictures is shown."""
    _, book = await store.cases.transact(Needs(pictures=set(pdqs)), NOW_MS, lambda _: None)
    return {pdq: some for pdq, some in book.loaded.listed.items() if pdq in pdqs}


async def near(store: Store, pdq: bytes) -> list[str | None]:
    """Return the ids of the entries that a decision is shown."""
    return [one.entry.external_id for one in (await seen(store, pdq)).get(pdq, ())]


async def follow(store: Store) -> None:
    """Let the index take up all that came and ended."""
    while await store.known_content.refresh():
        pass


async def test_entries_that_look_alike_are_found_the_nearest_first(store: Store) -> None:
    """Up to 31 bits; of equal ones the oldest."""
    name = await listed(store, A=Trust.AUTO)
    base = picture(1)
    apart = (31, 3, 32, 0, 3)
    batch = [entry(flipped(base, range(bits)), n) for n, bits in enumerate(apart)]
    await take(store, name, 1, *batch)
    await follow(store)
    assert await near(store, base) == ["3", "1", "4", "0"]


async def test_what_counts_for_nothing_is_not_shown(store: Store) -> None:
    """Categories that are not followed, harmless ones, hashes of low quality."""
    name = await listed(store, A=Trust.AUTO, B=Trust.BENIGN, C=Trust.SUGGESTION)
    base = picture(1)
    poor = Entry(of(base, 9, quality=49), "A", NOW_MS, "9")
    batch = [entry(base, n, word) for n, word in enumerate("ABCD")]
    await take(store, name, 1, *batch, poor)
    await follow(store)
    assert await near(store, base) == ["0", "2"]


async def test_very_many_that_do_not_count_hide_none_that_does(store: Store) -> None:
    """A list that nobody follows may hold one picture in hundreds of files."""
    name = await listed(store, A=Trust.AUTO, B=Trust.NONE)
    base = picture(1)
    batch = [entry(base, n, "B") for n in range(MOST_SUGGESTED * 9)]
    await take(store, name, 1, *batch, entry(flipped(base, [7]), 999))
    await follow(store)
    assert len(batch) < MOST_LOOKED_AT
    assert await near(store, base) == ["999"]


async def test_of_very_many_the_nearest_are_shown(store: Store) -> None:
    """A person compares a few."""
    name = await listed(store, A=Trust.AUTO)
    base = picture(1)
    batch = [entry(flipped(base, range(n % 31)), n) for n in range(40)]
    await take(store, name, 1, *batch)
    await follow(store)
    found = await near(store, base)
    assert len(found) == MOST_SUGGESTED
    assert found[:4] == ["0", "31", "1", "32"]


async def test_entry_that_ends_is_shown_no_more_though_the_index_lags(store: Store) -> None:
    """What is answered is what stands."""
    name = await listed(store, A=Trust.AUTO)
    base = picture(1)
    await take(store, name, 1, entry(base, 1), entry(base, 2))
    await follow(store)
    await take(store, name, 2, Retraction("1"))
    assert await near(store, base) == ["2"]
    await follow(store)
    assert await near(store, base) == ["2"]


async def test_entry_with_a_picture_leaves_by_what_items_are_found_when_it_ends(
    store: Store,
) -> None:
    """None of its hashes: the key under which items stand that look like it."""
    name = await listed(store, A=Trust.AUTO)
    await take(store, name, 1, Entry(of(picture(1)), "A", NOW_MS, "1"), Entry(file(2), "A", 1, "2"))
    await take(store, name, 2, Retraction("1"), Retraction("2"))
    ended = {one.entry: set(one.keys) for one in await store.known_content.ended_entries(9)}
    assert ended == {1: {FINGERPRINTS.entry(1)}, 2: {*FINGERPRINTS.content(file(2))}}


async def test_what_was_rolled_back_leaves_nothing_behind(store: Store) -> None:
    """Its number is given again, to an entry of another picture."""
    name = await listed(store, A=Trust.AUTO)
    one, other = picture(1), picture(2)

    def fail(connection: Connection) -> None:
        take_in(connection, FINGERPRINTS, name, 1, [entry(one, 1)], NOW_MS)
        store.cases.open_book(connection, Needs(pictures={one}), NOW_MS)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await store.writer.run(fail)
    await take(store, name, 1, entry(other, 2))
    await follow(store)
    assert [await near(store, one), await near(store, other)] == [[], ["2"]]


async def test_items_that_look_like_what_came_are_named(store: Store) -> None:
    """By their pictures; those that share a hash by that."""
    base = picture(1)

    def put(book: Casebook) -> None:
        record(book, item(1, of(flipped(base, range(9)), 1)))
        record(book, item(2, of(picture(2), 2), url="https://nl2.example/2.jpg"))
        record(book, item(3, file(4), url="https://nl2.example/3.jpg"))

    await store.cases.transact(Needs(), NOW_MS, put)
    name = await listed(store, A=Trust.AUTO)
    await take(store, name, 1, entry(base, 4), entry(picture(3), 5))
    piece = await store.known_content.newcomers(9)
    assert piece is not None
    assert piece.matched_to == 2
    assert piece.alike == {item(1).id}
    assert piece.keys == {*FINGERPRINTS.content(file(4))}


async def test_index_is_whole_when_a_store_is_opened(place: Place) -> None:
    """What items were asked about before a restart, later ones must find."""
    store = place.open()
    name = await listed(store, A=Trust.AUTO)
    await take(store, name, 1, *(entry(picture(n), n) for n in range(30)))
    await store.known_content.note_matched(30)
    await store.close()
    again = place.open()
    if place.opener == Store.open:
        assert len(again.known_content.pictures) == 30
    assert await near(again, picture(7)) == ["7"]
    await again.close()


@pytest.mark.parametrize("seed", range(3))
async def test_against_a_flat_scan_whatever_comes_and_goes(store: Store, seed: int) -> None:
    """Entries come, change, go; the index follows now and then; nothing that it has is missed.

    What it has not followed yet may be missing, and nothing that ended is ever shown.
    """
    chance = Random(seed)  # noqa: S311 - the same in every run
    name = await listed(store, A=Trust.AUTO)
    stands: dict[int, bytes] = {}
    followed: set[int] = set()
    for version in range(1, 40):
        for _ in range(chance.randrange(6)):
            number = chance.randrange(40)
            base = picture(number % 4)
            pdq = flipped(base, chance.sample(range(256), chance.randrange(24)))
            if chance.random() < 0.3:
                await take(store, name, version, Retraction(str(number)))
                stands.pop(number, None)
            elif (await take(store, name, version, entry(pdq, number)))[0] in ("added", "changed"):
                stands[number] = pdq
            followed.discard(number)
        if chance.random() < 0.5:
            await follow(store)
            followed = set(stands)
        asked = flipped(picture(chance.randrange(4)), chance.sample(range(256), 12))
        ought = flat_scan({number: [pdq] for number, pdq in stands.items()}, asked)
        found = {int(one) for one in await near(store, asked) if one is not None}
        sure = [number for _, number in ought if number in followed]
        assert found <= {number for _, number in ought}
        if len(ought) <= MOST_SUGGESTED:
            assert found >= set(sure)


async def test_nothing_is_asked_about_before_the_index_has_it(store: Store) -> None:
    """Whoever came meanwhile would miss it: a long list is asked about as far as it is followed."""
    await follow(store)
    name = await listed(store, A=Trust.AUTO)
    await take(store, name, 1, *(Entry(file(md5=n), "A") for n in range(1, STRETCH)))
    await take(store, name, 1, *(entry(picture(n), STRETCH + n) for n in range(2)))
    piece = await store.known_content.newcomers(2 * STRETCH)
    assert piece is not None
    assert piece.matched_to == STRETCH


async def test_index_grows_and_shrinks_with_what_stands(store: Store) -> None:
    """Entries without pictures cost it nothing; what ended leaves it."""
    name = await listed(store, A=Trust.AUTO)
    await take(store, name, 1, entry(picture(1), 1), entry(picture(2), 2), Entry(file(3), "A"))
    await follow(store)
    assert len(store.known_content.pictures) == 2
    await take(store, name, 1, Retraction("1"))
    await follow(store)
    assert len(store.known_content.pictures) == 1


async def test_damaged_entry_keeps_no_store_from_opening(place: Place) -> None:
    """It says nothing, and the others do."""
    store = place.open()
    name = await listed(store, A=Trust.AUTO)
    await take(store, name, 1, entry(picture(1), 1), entry(picture(2), 2))
    sql = "UPDATE list_entries SET state = ? WHERE number = 1"
    await store.writer.run(lambda c: c.execute(sql, (b"\xc0",)).rowcount)
    await store.close()
    again = place.open()
    assert [await near(again, picture(1)), await near(again, picture(2))] == [[], ["2"]]
    await again.close()
