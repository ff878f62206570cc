"""The ledger of this member on the embedded store.

Implements `node.peer.ledgers.ledger.LedgerStore`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import NamedTuple

from node.peer.ledgers.ledger import IsOurs
from node.peer.ledgers.witnessing import Counts, Given
from node.store.seam import Connection
from node.store.writer import Readers, Writer
from protocol.checkpoint import read_checkpoint
from protocol.errors import ProtocolError
from protocol.ledger import LedgerHead, LoggedHead, is_ledger_origin
from protocol.witness import WITNESSES

CARRIED = 1024
"""Heads at most that are said again in the next epoch because no witness saw them in theirs."""

_LAST = (
    "SELECT (SELECT {note} FROM {table} n WHERE n.peer = e.peer AND n.lane = e.lane"
    " AND n.epoch = e.epoch ORDER BY n.size DESC LIMIT 1) FROM {epochs} e"
)
_HEADS = " UNION ALL ".join(
    _LAST.format(note=note, table=table, epochs=epochs)
    for note, table, epochs in (
        ("note", "checkpoints_out", "epochs_out"),
        ("checkpoint", "receipts_in", "epochs_in"),
    )
)
"""The last signed note of each log in both directions: one look-up for each epoch, no scan."""


class LedgerLeaf(NamedTuple):
    """One leaf at its place."""

    epoch: bytes
    place: int
    head: LoggedHead


class LedgerNote(NamedTuple):
    """One signed head of ours; `number` counts them in the order in which they were signed."""

    number: int
    epoch: bytes
    size: int
    note: bytes


class Ledger:
    """The log of the heads of all channels."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def unlogged(self, is_ours: IsOurs | None) -> list[LoggedHead]:
        """See `LedgerStore.unlogged`."""
        return await self._readers.run(lambda c: _unlogged(c, is_ours))

    async def newest(self) -> tuple[bytes, int] | None:
        """See `LedgerStore.newest`."""
        return await self._readers.run(
            lambda c: c.execute(
                "SELECT note, signed_ms FROM ledger_heads ORDER BY number DESC LIMIT 1"
            ).fetchone()
        )

    async def unwitnessed(self, epoch: bytes, counts: Counts) -> list[LoggedHead]:
        """See `LedgerStore.unwitnessed`."""
        return await self._readers.run(lambda c: _unwitnessed(c, epoch, counts))

    async def append(
        self, head: LedgerHead, added: Sequence[LoggedHead], note: bytes, now_ms: int
    ) -> None:
        """See `LedgerStore.append`."""
        first = head.size - len(added)
        rows = [(head.origin.epoch, first + at, *one) for at, one in enumerate(added)]

        def job(connection: Connection) -> None:
            connection.executemany("INSERT INTO ledger_leaves VALUES (?, ?, ?, ?, ?)", rows)
            connection.execute(
                "INSERT INTO ledger_heads (epoch, size, note, signed_ms) VALUES (?, ?, ?, ?)",
                (head.origin.epoch, head.size, note, now_ms),
            )

        await self._writer.run(job)


def _unlogged(connection: Connection, is_ours: IsOurs | None) -> list[LoggedHead]:
    notes = connection.execute(_HEADS).fetchall()
    heads = [_head_of(note) for (note,) in notes if note is not None]
    ours = None if is_ours is None else cache(is_ours)
    known = [head for head in heads if head is not None]
    return sorted(head for head in known if not _stands(connection, head, ours))


def _stands(connection: Connection, head: LoggedHead, is_ours: IsOurs | None) -> bool:
    place = (head.origin, head.size)
    if is_ours is None:
        sql = "SELECT 1 FROM ledger_leaves WHERE origin = ? AND size = ?"
        return connection.execute(sql, place).fetchone() is not None
    rows = connection.execute(
        "SELECT h.note FROM ledger_leaves l JOIN ledger_heads h ON h.epoch = l.epoch"
        " AND h.size > l.idx WHERE l.origin = ? AND l.size = ? ORDER BY h.number DESC",
        place,
    )
    return any(is_ours(note) for (note,) in rows)


def _unwitnessed(connection: Connection, epoch: bytes, counts: Counts) -> list[LoggedHead]:
    """The heads of an epoch of ours under none that enough others cosigned, the last of each log.

    What too few cosigned at all is not verified: that costs, and there may be years of it.
    """
    cosigned = connection.execute(
        "SELECT h.size, h.number, s.witness FROM ledger_heads h JOIN ledger_cosignatures s"
        " ON s.head = h.number WHERE h.epoch = ? ORDER BY h.size DESC, h.number DESC",
        (epoch,),
    )
    heads = [
        (*head, {row[2] for row in said})
        for head, said in groupby(cosigned, key=lambda row: (row[0], row[1]))
    ]

    @cache
    def counted(number: int) -> set[str]:
        given = connection.execute(
            "SELECT s.witness, h.note, s.lines, s.time_s FROM ledger_cosignatures s"
            " JOIN ledger_heads h ON h.number = s.head WHERE s.head = ?",
            (number,),
        )
        return {one.witness for one in (Given(*row) for row in given) if counts(one)}

    rows = connection.execute(
        "SELECT idx, origin, size, root FROM ledger_leaves WHERE epoch = ? ORDER BY idx", (epoch,)
    )
    last = {row[1]: (row[0], LoggedHead(*row[1:])) for row in rows if not is_ledger_origin(row[1])}
    left = []
    for idx, head in last.values():
        parties = set(head.origin.split("/")[2:4])
        many = (one for one in heads if len(one[2] - parties) >= WITNESSES)
        enough = (size for size, number, _ in many if len(counted(number) - parties) >= WITNESSES)
        seen = next(enough, 0)
        if idx >= seen:
            left.append(head)
    return left[-CARRIED:]


def ledger_leaves(connection: Connection) -> list[LedgerLeaf]:
    """Return every leaf, by epoch and place."""
    rows = connection.execute(
        "SELECT epoch, idx, origin, size, root FROM ledger_leaves ORDER BY epoch, idx"
    )
    return [LedgerLeaf(row[0], row[1], LoggedHead(*row[2:])) for row in rows]


def leaf_hashes(connection: Connection, epoch: bytes, size: int) -> list[bytes]:
    """Return the first leaf hashes of one epoch of our ledger."""
    rows = connection.execute(
        "SELECT origin, size, root FROM ledger_leaves WHERE epoch = ? AND idx < ? ORDER BY idx",
        (epoch, size),
    )
    return [LoggedHead(*row).leaf for row in rows]


def ledger_notes(connection: Connection) -> list[LedgerNote]:
    """Return every signed head, in the order in which they were signed."""
    rows = connection.execute("SELECT number, epoch, size, note FROM ledger_heads ORDER BY number")
    return [LedgerNote(*row) for row in rows]


def signed_heads(connection: Connection) -> set[LoggedHead]:
    """Return what was signed of every log, by us or by those who sent it, at every size."""
    notes = connection.execute(
        "SELECT note FROM checkpoints_out UNION ALL SELECT checkpoint FROM receipts_in"
    )
    return {head for (note,) in notes if (head := _head_of(note)) is not None}


def _head_of(note: bytes) -> LoggedHead | None:
    """Return what a note says; None for one that was damaged, which `hotline verify` names."""
    try:
        head = read_checkpoint(note)
    except ProtocolError:
        return None
    return LoggedHead(str(head.origin), head.size, head.root)
