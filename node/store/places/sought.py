"""Contacts that are looked for (`node.asking.contacts.SoughtStore`), by block.

How far the history was read for this is a fact of the database. With what is looked for goes what
a person must see: the task `hoster_unknown` names the block while nobody is known there; when the
node gives up, it stays.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from node.asking.contacts import Standing
from node.casework.item import ItemState
from node.casework.places.placing import stands_at
from node.jurisdiction.sought import Sought
from node.store.items.states import states, states_of
from node.store.items.tasks import close_task, open_task
from node.store.seam import Connection
from node.store.writer import Readers, Writer

UNKNOWN: Final = "hoster_unknown"
READ_TO: Final = "contacts_sought_to"
_COLUMNS: Final = "block, address, urgency, since_ms, next_ms, attempts, outcome"
_HERE: Final = states_of(
    "id IN (SELECT item FROM events WHERE seq > ? AND seq <= ?) AND custody = 'here'"
)


class SoughtBook:
    """Reads on a connection of its own, writes in the one writer."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def news(self, limit: int) -> tuple[int, Sequence[Standing]]:
        """See `SoughtStore.news`; 0: nothing came."""

        def query(connection: Connection) -> tuple[int, Sequence[Standing]]:
            begin, last = _read_to(connection), _last_event(connection)
            if last <= begin:
                return 0, ()
            upto = min(last, begin + limit)
            found = states(connection.execute(_HERE, (begin, upto))).values()
            return upto, [_standing(state) for state in found if state.closed_ms is None]

        return await self._readers.run(query)

    async def begin(self, read_to: int, sought: Collection[Sought]) -> None:
        """See `SoughtStore.begin`; what is looked for already goes on, more urgently if need be."""
        rows = [_row(one) for one in sought]

        def job(connection: Connection) -> None:
            for row in rows:
                _begin(connection, row)
            connection.execute(
                "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (READ_TO, str(read_to))
            )

        await self._writer.run(job)

    async def due(self, now_ms: int, limit: int) -> Sequence[Sought]:
        """See `SoughtStore.due`."""
        if limit <= 0:
            return ()
        rows = await self._readers.run(
            lambda c: c.execute(
                f"SELECT {_COLUMNS} FROM contacts_sought WHERE next_ms <= ?"  # noqa: S608 -- own words
                " ORDER BY urgency, next_ms, block LIMIT ?",
                (now_ms, limit),
            ).fetchall()
        )
        return [Sought(*row) for row in rows]

    async def settle(self, asked: Sought, left: Sought | None, now_ms: int) -> None:
        """See `SoughtStore.settle`."""
        if left is None:
            await self.end(asked.block, now_ms)
            return

        def job(connection: Connection) -> None:
            connection.execute("DELETE FROM contacts_sought WHERE block = ?", (asked.block,))
            if not left.is_given_up(now_ms):
                _insert(connection, _row(left))
            if left.is_unknown:
                open_task(connection, UNKNOWN, asked.block, now_ms)

        await self._writer.run(job)

    async def end(self, block: str, now_ms: int) -> None:
        """Look for nobody any more who hosts in a block: somebody is known there."""

        def job(connection: Connection) -> None:
            connection.execute("DELETE FROM contacts_sought WHERE block = ?", (block,))
            close_task(connection, UNKNOWN, block, now_ms)

        await self._writer.run(job)

    async def asked_since(self, since_ms: int) -> int:
        """See `SoughtStore.asked_since`."""
        row = await self._readers.run(
            lambda c: c.execute(
                "SELECT count(*) FROM hoster_ranges WHERE asked_ms > ?", (since_ms,)
            ).fetchone()
        )
        return int(row[0])


def all_sought(connection: Connection) -> list[Sought]:
    """Return everything that is looked for, the longest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM contacts_sought ORDER BY since_ms, block"  # noqa: S608 -- own words
    ).fetchall()
    return [Sought(*row) for row in rows]


def _standing(state: ItemState) -> Standing:
    return Standing(stands_at(state.jurisdiction), state.urgency)


def _begin(connection: Connection, row: tuple[object, ...]) -> None:
    block, _, urgency, *_ = row
    known = connection.execute(
        "SELECT urgency FROM contacts_sought WHERE block = ?", (block,)
    ).fetchone()
    if known is None:
        _insert(connection, row)
    elif urgency == 0:
        connection.execute("UPDATE contacts_sought SET urgency = 0 WHERE block = ?", (block,))


def _insert(connection: Connection, row: tuple[object, ...]) -> None:
    connection.execute(
        f"INSERT INTO contacts_sought ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 -- own words
        row,
    )


def _row(one: Sought) -> tuple[object, ...]:
    return (
        one.block, one.address, one.urgency, one.since_ms, one.next_ms, one.attempts, one.outcome,
    )  # fmt: skip


def _read_to(connection: Connection) -> int:
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (READ_TO,)).fetchone()
    return 0 if row is None else int(row[0])


def _last_event(connection: Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])
