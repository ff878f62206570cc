"""Contract of a store: of what is erased the body goes, all else stays, its room is free."""

from __future__ import annotations

import msgspec
import pytest

from node.casework.casebook import Casebook, Needs
from node.store.bodies import take_bodies
from node.store.seam import Connection
from node.store.sqlite import Store
from protocol.vocabulary import Kind
from tests.builders.cases import item
from tests.builders.network import NOW_MS
from tests.contract.incoming import Sender, arrive
from tests.contract.stores import FILES, message, post, record, record_items
from tests.contract.test_store_outbox import Tenure
from tests.contract.test_store_rebuilt import erased

ITEMS = range(1, 121)


@pytest.mark.parametrize(
    ("table", "body"), [("events", "body"), ("messages_out", "entry"), ("entries_in", "entry")]
)
async def test_all_else_of_a_row_stays(store: Store, table: str, body: str) -> None:
    """Its number, each of its other columns, whatever a later schema adds, and its neighbours."""
    await record_items(store, 1, 2, 3)
    await post(store, message(1), message(2), message(3))
    await arrive(store, Sender(), 1, 2, 3)
    await store.writer.run(lambda c: c.execute("UPDATE entries_in SET waits_for = 'w', item = 'i'"))

    def rows(connection: Connection) -> list[tuple[object, ...]]:
        sql = f"SELECT {body} IS NULL, * FROM {table} ORDER BY seq"
        return [tuple(row) for row in connection.execute(sql)]

    def take(connection: Connection) -> None:
        take_bodies(connection, table, body, "seq = ?", (2,))

    before = await store.readers.run(rows)
    await store.writer.run(take)
    after = await store.readers.run(rows)
    assert (before[0], before[2:]) == (after[0], after[2:])
    gone = [(one, now) for one, now in zip(before[1], after[1], strict=True) if one != now]
    assert [(bool(one), bool(now)) for one, now in gone] == [(False, True), (True, False)]


class TestInAFile:
    """SQLite gives room back where rows go, not where they become shorter."""

    MEANT = FILES

    async def in_use(self, store: Store) -> int:
        """How many pages of the file something stands on."""

        def pages(connection: Connection) -> int:
            whole, free = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count")
            )
            return int(whole) - int(free)

        return await store.readers.run(pages)

    async def test_pages_of_erased_items_are_free(self, store: Store) -> None:
        """More than half of what they took: what proves that they were there needs the rest."""

        def decide(book: Casebook) -> None:
            for number in ITEMS:
                state = item(number, url=f"https://nl1.example/{'a' * 500}/{number}.jpg")
                record(book, state)
                book.posts.append(msgspec.structs.replace(message(number, size=900), item=state.id))

        empty = await self.in_use(store)
        await store.cases.transact(Needs(), NOW_MS, decide)
        full = await self.in_use(store) - empty
        for number in ITEMS:
            await erased(store, number)
        assert await self.in_use(store) - empty < full / 2


@pytest.mark.parametrize("was_said", [True, False])
async def test_what_was_said_of_an_erased_item_is_not_said_again_in_other_words(
    store: Store, *, was_said: bool
) -> None:
    """Another item has its place, and hears of the same hand-over: it would be two under one id."""
    state = item(1)
    told = msgspec.structs.replace(message(1), item=state.id, kind=Kind.OUTCOME)

    def decide(book: Casebook) -> None:
        record(book, state)
        book.posts.append(told)

    await store.cases.transact(Needs(), NOW_MS, decide)
    if was_said:
        tenure = Tenure(store)
        await tenure.open()
        await tenure.cut()
    await erased(store, 1)
    await post(store, msgspec.structs.replace(told, entry=b"later"), message(2))
    sql = "SELECT entry_id FROM messages_out WHERE entry IS NOT NULL ORDER BY seq"
    says = await store.readers.run(lambda c: c.execute(sql).fetchall())
    expected = [message(2)] if was_said else [told, message(2)]
    assert [bytes(entry_id) for (entry_id,) in says] == [one.entry_id for one in expected]
