"""Contract of a store, entries of lists about which items that were here have not been asked."""

from __future__ import annotations

import pytest

from node.casework.relisting import Piece
from node.matching.lists import Retraction
from node.store.newcomers import unmatched
from node.store.sqlite import Store
from tests.builders.cases import FINGERPRINTS
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
