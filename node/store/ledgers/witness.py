"""What we cosigned for others, on the embedded store.

Implements `node.peer.ledgers.witness.WitnessStore`.

A head is compared, remembered and cosigned in one transaction of the one writer: two submissions
that cross can't roll anything back (C2SP tlog-witness, add-checkpoint).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from node.peer.ledgers.forgetting import Forgotten
from node.peer.ledgers.lineage import FORKED
from node.peer.ledgers.witness import HeldHead
from node.store.channels.forks import insert_fork
from node.store.items.tasks import open_task
from node.store.ledgers.lineage import remembered
from node.store.seam import Connection
from node.store.writer import Readers, Writer
from protocol.fork import ForkEvidence
from protocol.ledger import LedgerHead, LedgerOrigin
from protocol.witness import NEVER, Witnessed


class WitnessedRow(NamedTuple):
    """One row of what we cosigned."""

    member: str
    epoch: bytes
    size: int
    root: bytes
    note: bytes | None
    time_s: int


class WitnessMemory:
    """The last head of each ledger epoch that we cosigned."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def held(self, origin: LedgerOrigin) -> HeldHead:
        """See `WitnessStore.held`."""
        return await self._readers.run(lambda c: _held(c, origin))

    async def advance(
        self,
        head: LedgerHead,
        note: bytes,
        before: Witnessed,
        sign: Callable[[int], bytes],
        at_s: int,
    ) -> bytes | None:
        """See `WitnessStore.advance`."""

        def job(connection: Connection) -> bytes | None:
            held = _held(connection, head.origin)
            if held.state != before or not held.is_newest:
                return None
            last_s = connection.execute("SELECT max(time_s) FROM witnessed").fetchone()[0]
            time_s = max(at_s, last_s or 0)
            lines = sign(time_s)
            member, epoch = head.origin.member, head.origin.epoch
            connection.execute(
                "UPDATE witnessed SET note = NULL WHERE member = ? AND epoch <> ?"
                " AND note IS NOT NULL",
                (member, epoch),
            )
            connection.execute(
                "INSERT INTO witnessed (member, epoch, size, root, note, time_s)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (member, epoch) DO UPDATE SET"
                " size = excluded.size, root = excluded.root, note = excluded.note,"
                " time_s = excluded.time_s",
                (member, epoch, head.size, head.root, note + lines, time_s),
            )
            return lines

        return await self._writer.run(job)

    async def forgotten(self) -> Forgotten | None:
        """See `WitnessStore.forgotten`."""
        return await self._readers.run(forgotten)

    async def shown_epoch(self, member: str) -> bytes | None:
        """See `WitnessStore.shown_epoch`."""
        seen = await self._readers.run(lambda c: remembered(c, member))
        return None if seen is None else seen.epoch

    async def keep_fork(self, member: str, evidence: ForkEvidence, now_ms: int) -> None:
        """See `WitnessStore.keep_fork`."""

        def job(connection: Connection) -> None:
            if insert_fork(connection, member, evidence, now_ms):
                open_task(connection, FORKED, member, now_ms)

        await self._writer.run(job)


def forgotten(connection: Connection) -> Forgotten | None:
    """Return what the last restore left, as `node.store.backup` wrote it."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'witness_forgot'").fetchone()
    return None if row is None else Forgotten(*map(int, str(row[0]).split(",")))


def _held(connection: Connection, origin: LedgerOrigin) -> HeldHead:
    rows = connection.execute(
        "SELECT epoch, size, root, note FROM witnessed WHERE member = ? ORDER BY number DESC",
        (origin.member,),
    ).fetchall()
    for place, (epoch, size, root, note) in enumerate(rows):
        if epoch == origin.epoch:
            return HeldHead(Witnessed(size, root), note, is_newest=place == 0)
    return HeldHead(NEVER, None, is_newest=True)


def witnessed_rows(connection: Connection) -> list[tuple[int, WitnessedRow]]:
    """Return everything that we cosigned, in the order in which the epochs were first seen."""
    rows = connection.execute(
        "SELECT number, member, epoch, size, root, note, time_s FROM witnessed ORDER BY number"
    )
    return [(row[0], WitnessedRow(*row[1:])) for row in rows]
