"""Raw rows about witnesses, for verification and for reports: `Audit.witnesses`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from node.peer.ledgers.witnessing import Counts, SignedHead
from node.store.ledgers.ledger import leaf_hashes
from node.store.ledgers.lineage import all_remembered
from node.store.ledgers.witness import WitnessedRow, witnessed_rows
from node.store.ledgers.witnessing import (
    CosignatureRow,
    cosignatures,
    given,
    newest_head,
    partners,
)
from node.store.seam import Connection
from protocol.lineage import Remembered
from protocol.witness import MAX_COSIGNERS, WITNESSES


class DifferenceRow(NamedTuple):
    """What a member showed that contradicts our log: number, whose ledger, the bytes."""

    number: int
    peer: str
    showing: bytes
    found_ms: int


class SignedRow(NamedTuple):
    """What stands in a log at one size: its sender's note, the receipt for it, the leaves below."""

    note: bytes
    receipt: bytes
    leaves: list[bytes]


class PlaceRow(NamedTuple):
    """Where a head of a channel, at `size`, stands in our ledger."""

    size: int
    root: bytes
    epoch: bytes
    idx: int


class HeadRow(NamedTuple):
    """A head of our ledger."""

    number: int
    size: int
    note: bytes


class WitnessAudit:
    """Reads what witnesses said, and what we said as one.

    Args:
        connection: to the database.
        counts: which cosignatures make a head witnessed; by default all that were verified once.
        is_ours: which notes of our heads are our word; by default all.
    """

    def __init__(
        self,
        connection: Connection,
        counts: Counts = lambda _given: True,
        is_ours: Callable[[bytes], bool] = lambda _note: True,
    ) -> None:
        self._connection = connection
        self._counts = counts
        self._is_ours = is_ours

    def believing(self, counts: Counts) -> WitnessAudit:
        """The same, with other cosignatures that count."""
        return WitnessAudit(self._connection, counts)

    def cosignatures(self) -> list[CosignatureRow]:
        """What witnesses said of the heads of our ledger."""
        return cosignatures(self._connection)

    def newest_head(self) -> SignedHead | None:
        """The newest head of our ledger, with who cosigned it."""
        return newest_head(self._connection)

    def partners(self) -> set[str]:
        """The members with which we have a channel."""
        return partners(self._connection)

    def witnessed(self) -> list[tuple[int, WitnessedRow]]:
        """What we cosigned of other members' ledgers, by number."""
        return witnessed_rows(self._connection)

    def seen(self) -> list[tuple[str, Remembered]]:
        """The last head of each member's ledger that was shown to us."""
        return all_remembered(self._connection)

    def places(self, origin: str) -> list[PlaceRow]:
        """Where the heads of a channel's epoch stand in our ledger."""
        rows = self._connection.execute(
            "SELECT size, root, epoch, idx FROM ledger_leaves WHERE origin = ?", (origin,)
        )
        return [PlaceRow(*row) for row in rows]

    def witnessed_head(self, epoch: bytes, index: int, parties: tuple[str, str]) -> HeadRow | None:
        """The first head of one epoch of our ledger over a leaf that is witnessed for a channel."""
        rows = self._connection.execute(
            "SELECT number, size, note FROM ledger_heads h WHERE epoch = ? AND size > ? AND"
            " (SELECT count(*) FROM ledger_cosignatures WHERE head = h.number"
            " AND witness NOT IN (?, ?)) >= ? ORDER BY number",
            (epoch, index, *parties, WITNESSES),
        )
        for row in rows:
            on_it = given(self._connection, row[0], row[2])
            outside = (one for one in on_it if one.witness not in parties)
            enough = sum(map(self._counts, outside)) >= WITNESSES
            if enough and self._is_ours(row[2]):
                return HeadRow(*row)
        return None

    def first_head(self, epoch: bytes, index: int) -> HeadRow | None:
        """The first head of one epoch of our ledger over a leaf."""
        rows = self._connection.execute(
            "SELECT number, size, note FROM ledger_heads WHERE epoch = ? AND size > ?"
            " ORDER BY number",
            (epoch, index),
        )
        return next((HeadRow(*row) for row in rows if self._is_ours(row[2])), None)

    def cosigned_note(self, head: HeadRow, peer: str, most: int = MAX_COSIGNERS) -> bytes:
        """A head with its cosignatures, as many as a note may have.

        Those that count come first, and of these the ones of `peer` last.
        """
        on_it = sorted(
            given(self._connection, head.number, head.note),
            key=lambda one: (not self._counts(one), one.witness == peer),
        )
        return head.note + b"".join(one.lines for one in on_it[:most])

    def leaf_hashes(self, epoch: bytes, size: int) -> list[bytes]:
        """The first leaf hashes of one epoch of our ledger."""
        return leaf_hashes(self._connection, epoch, size)

    def differences(self) -> list[DifferenceRow]:
        """What members showed that contradicts our logs, in the order in which it was found."""
        sql = "SELECT number, peer, showing, found_ms FROM ledger_differences ORDER BY number"
        return [DifferenceRow(*row) for row in self._connection.execute(sql)]

    def receipted_from(
        self, peer: str, lane: str, epoch: bytes, size: int, *, sent: bool
    ) -> SignedRow | None:
        """What was receipted of a channel's epoch at `size`, or at the next size after it."""
        note, table, leaves = (
            ("note", "checkpoints_out", "log_out")
            if sent
            else ("checkpoint", "receipts_in", "entries_in")
        )
        place = (peer, lane, epoch)
        row = self._connection.execute(
            f"SELECT {note}, receipt, size FROM {table}"  # noqa: S608 - own names
            " WHERE peer = ? AND lane = ? AND epoch = ? AND size >= ? AND receipt IS NOT NULL"
            " ORDER BY size LIMIT 1",
            (*place, size),
        ).fetchone()
        if row is None:
            return None
        below = self._connection.execute(
            f"SELECT leaf FROM {leaves}"  # noqa: S608 - own names
            " WHERE peer = ? AND lane = ? AND epoch = ? AND idx < ? ORDER BY idx",
            (*place, row[2]),
        )
        return SignedRow(row[0], row[1], [leaf for (leaf,) in below])
