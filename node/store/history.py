"""Signed heads of the event history, and the store's own small facts.

The chain of events shows any change made inside it; a signed head shows a chain that was rewritten
as a whole. Heads are signed by the log key, at most once a minute while something happens, and at
a clean stop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from node.store.cases import EMPTY_CHAIN
from node.store.connection import Connection
from node.store.writer import Readers, Writer


@dataclass(frozen=True, slots=True)
class Head:
    """The history up to event number `size`: the value of its chain there (32 bytes)."""

    size: int
    chain: bytes


class History:
    """Heads and meta facts of one database."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def sign_head(self, sign: Callable[[Head], bytes]) -> Head | None:
        """Sign the present head if events came since the last one; None: nothing new."""

        def job(connection: Connection) -> Head | None:
            row = connection.execute(
                "SELECT seq, chain FROM events ORDER BY seq DESC LIMIT 1"
            ).fetchone()
            head = Head(*row) if row is not None else Head(0, EMPTY_CHAIN)
            signed = connection.execute(
                "SELECT coalesce(max(size), 0) FROM history_heads"
            ).fetchone()[0]
            if head.size <= signed:
                return None
            connection.execute("INSERT INTO history_heads VALUES (?, ?)", (head.size, sign(head)))
            return head

        return await self._writer.run(job)

    async def fact(self, name: str) -> str | None:
        """Return a fact about this database, such as when it was restored."""
        row = await self._readers.run(
            lambda c: c.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        )
        return None if row is None else str(row[0])

    async def set_fact(self, name: str, value: str | None) -> None:
        """Keep a fact about this database; None forgets it."""

        def job(connection: Connection) -> None:
            connection.execute("DELETE FROM meta WHERE name = ?", (name,))
            if value is not None:
                connection.execute("INSERT INTO meta VALUES (?, ?)", (name, value))

        await self._writer.run(job)
