"""What retention looks at: items by their age, and entries that became part of none."""

from __future__ import annotations

from node.casework.ending.retaining import Aged
from node.casework.incoming.naming import Span
from node.casework.telling import CHILD_AT_RISK_SINCE, REPORTED_IN_VAIN
from node.store.bulk import select_in
from node.store.channels.refused import next_window, refused
from node.store.items.states import STATES_BY_ID, states
from node.store.items.tasks import kept_for
from node.store.recovery.came_back import unplaced
from node.store.seam import Connection
from node.store.writer import Readers


class Aging:
    """Questions about age, each on a reader connection (`retaining.AgedItems`)."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def aged(self, after: str, limit: int, before_ms: int) -> list[Aged]:
        """Return the items after an id, in the order of ids; with states if old enough."""
        codes = (REPORTED_IN_VAIN, CHILD_AT_RISK_SINCE)

        def query(connection: Connection) -> list[Aged]:
            rows = connection.execute(
                "SELECT i.id, (SELECT e.learnt_ms FROM events e WHERE e.item = i.id"
                " ORDER BY e.seq DESC LIMIT 1) FROM items i WHERE i.id > ? ORDER BY i.id LIMIT ?",
                (after, limit),
            ).fetchall()
            old = [item for item, learnt_ms in rows if learnt_ms <= before_ms]
            kept = kept_for(connection, old, codes)
            found = states(select_in(connection, STATES_BY_ID, [i for i in old if i not in kept]))
            return [Aged(item, found.get(item), learnt_ms) for item, learnt_ms in rows]

        return await self._readers.run(query)

    async def refused(
        self, after: int, before_ms: int, expelled: frozenset[str]
    ) -> tuple[Span, int] | None:
        """Return the next rows of entries in custody, and how many of them became part of no item.

        Those whose time is over. None: after that row there is none that came before `before_ms`.
        """

        def query(connection: Connection) -> tuple[Span, int] | None:
            to = next_window(connection, after, before_ms)
            if to is None:
                return None
            span = Span(after, to, before_ms, expelled)
            return span, len(refused(connection, span))

        return await self._readers.run(query)

    async def unplaced(self, after: int, before_ms: int) -> tuple[int, list[str]] | None:
        """Return the next rows of what came back in a recovery, and of which items that is.

        Those that are not here by that id. None: after that row nothing came before `before_ms`.
        """
        return await self._readers.run(lambda c: unplaced(c, after, before_ms))
