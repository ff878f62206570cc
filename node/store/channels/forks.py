"""Proofs of split histories on the embedded store.

Implements `node.peer.channels.forks.ForkStore`.
"""

from __future__ import annotations

from typing import Final

from node.peer.channels.forks import Counterpart, KeptFork
from node.store.seam import Connection
from node.store.writer import Readers, Writer
from protocol.fork import ForkEvidence
from protocol.merkle import HASH_BYTES
from protocol.vocabulary import Lane

MOST: Final = 64
"""Proofs against one member, 33 KB each at most."""
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
    """Keep a proof; whether it was not kept already.

    Of one member `MOST` are kept (`keep_most`).
    """
    row = (peer, evidence.smaller_note, evidence.larger_note, b"".join(evidence.nodes), now_ms)
    done = connection.execute(
        "INSERT OR IGNORE INTO forks"
        " (peer, smaller_note, larger_note, nodes, found_ms) VALUES (?, ?, ?, ?, ?)",
        row,
    )
    if done.rowcount > 0:
        keep_most(connection, "forks", peer, MOST)
    return done.rowcount > 0


def keep_most(connection: Connection, table: str, peer: str, most: int) -> None:
    """Let the newest proof against a member take the place of the one before it, beyond `most`.

    Each proves the same thing of it. The first ones stay, and the newest, since the keys under the
    first may be revoked meanwhile: whoever makes us find one after the other fills no disk.
    """
    rows = connection.execute(
        f"SELECT number FROM {table} WHERE peer = ? ORDER BY number",  # noqa: S608 - own names
        (peer,),
    ).fetchall()
    over = rows[most - 1 : -1]
    connection.executemany(f"DELETE FROM {table} WHERE number = ?", over)  # noqa: S608 - own names


def kept_forks(connection: Connection) -> list[KeptFork]:
    """Return every proof that this node keeps, in the order in which they were found."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM forks ORDER BY number")  # noqa: S608 - own names
    return [
        KeptFork(row[0], row[1], ForkEvidence(row[2], row[3], _hashes(row[4])), row[5])
        for row in rows
    ]


def _hashes(raw: bytes) -> tuple[bytes, ...]:
    return tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES))
