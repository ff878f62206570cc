"""Items with a verdict, for whoever looks contents up: who has one, and what their state is now.

All of them are walked once in the order of their ids, a page at a time; from then on the history
says which have changed.
"""

from __future__ import annotations

from collections.abc import Iterable

from node.casework.item import ItemState
from node.store.bulk import select_in
from node.store.items.states import STATES_BY_ID, states, states_of
from node.store.seam import Connection
from node.store.writer import Readers


class Judged:
    """Reads beside the writer; every state is the present one."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def newest(self) -> int:
        """Return the number of the newest event."""
        sql = "SELECT coalesce(max(seq), 0) FROM events"
        return int((await self._readers.run(lambda c: c.execute(sql).fetchone()))[0])

    async def page(self, after: str, limit: int) -> list[ItemState]:
        """Return the next items after an id, in the order of ids."""
        sql = states_of("id > ? ORDER BY id LIMIT ?")
        return await self._readers.run(
            lambda c: list(states(c.execute(sql, (after, limit))).values())
        )

    async def changed(self, after: int, limit: int) -> tuple[int, list[ItemState]]:
        """Return up to which event was read, and the items of events after number `after`."""

        def query(connection: Connection) -> tuple[int, list[ItemState]]:
            sql = "SELECT seq, item FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
            rows = connection.execute(sql, (after, limit)).fetchall()
            if not rows:
                return after, []
            return rows[-1][0], _states(connection, {item for _, item in rows})

        return await self._readers.run(query)

    async def of(self, items: Iterable[str]) -> list[ItemState]:
        """Return what these items are now; those that ended are left out."""
        named = set(items)
        return await self._readers.run(lambda connection: _states(connection, named))

    async def told(self, verdicts: Iterable[str]) -> set[str]:
        """Return which of these verdicts a person here gave, as all are told, and stand."""
        ids = sorted(set(verdicts))
        sql = "SELECT event_id FROM shared_verdicts WHERE message IS NOT NULL AND event_id IN ({})"
        return await self._readers.run(lambda c: {row[0] for row in select_in(c, sql, ids)})


def _states(connection: Connection, items: set[str]) -> list[ItemState]:
    return list(states(select_in(connection, STATES_BY_ID, sorted(items))).values())
