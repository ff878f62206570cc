"""Proofs of split histories on the embedded store. Implements `node.peer.forks.ForkStore`."""

from __future__ import annotations

from node.peer.forks import Counterpart, KeptFork
from node.store.seam import Connection
from node.store.writer import Readers, Writer
from protocol.fork import ForkEvidence
from protocol.merkle import HASH_BYTES
from protocol.vocabulary import Lane

_COLUMNS = "number, peer, smaller_note, larger_note, nodes, found_ms"


class Forks:
    """What members signed that cannot both be true."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def counterpart(
        self, peer: str, lane: Lane, epoch: bytes, size: int
    ) -> Counterpart | None:
        """See `ForkStore.counterpart`."""

        def query(connection: Connection) -> Counterpart | None:
            place = (peer, str(lane), epoch)
            row = connection.execute(
                "SELECT checkpoint, size FROM receipts_in WHERE peer = ? AND lane = ?"
                " AND epoch = ? AND size >= ? ORDER BY size LIMIT 1",
                (*place, size),
            ).fetchone()
            if row is None:
                return None
            leaves = connection.execute(
                "SELECT leaf FROM entries_in WHERE peer = ? AND lane = ? AND epoch = ? AND idx < ?"
                " ORDER BY idx",
                (*place, row[1]),
            )
            return Counterpart(row[0], [leaf for (leaf,) in leaves])

        return await self._readers.run(query)

    async def keep(self, peer: str, evidence: ForkEvidence, now_ms: int) -> None:
        """See `ForkStore.keep`."""
        await self._writer.run(lambda c: insert_fork(c, peer, evidence, now_ms))


def insert_fork(connection: Connection, peer: str, evidence: ForkEvidence, now_ms: int) -> bool:
    """Keep a proof; whether it was not kept already."""
    row = (peer, evidence.smaller_note, evidence.larger_note, b"".join(evidence.nodes), now_ms)
    done = connection.execute(
        "INSERT OR IGNORE INTO forks"
        " (peer, smaller_note, larger_note, nodes, found_ms) VALUES (?, ?, ?, ?, ?)",
        row,
    )
    return done.rowcount > 0


def kept_forks(connection: Connection) -> list[KeptFork]:
    """Return every proof that this node keeps, in the order in which they were found."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM forks ORDER BY number")  # noqa: S608 - own names
    return [
        KeptFork(row[0], row[1], ForkEvidence(row[2], row[3], _hashes(row[4])), row[5])
        for row in rows
    ]


def _hashes(raw: bytes) -> tuple[bytes, ...]:
    return tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES))
