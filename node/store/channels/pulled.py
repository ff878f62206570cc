"""Receipts that come with a pull: for any epoch that this node ever signed in, kept as evidence."""

from __future__ import annotations

from node.store.seam import Connection
from protocol.vocabulary import Lane


def unreceipted(
    connection: Connection, peer: str, lane: Lane, epoch: bytes, size: int, text: str
) -> tuple[int, int] | None:
    """Return how many entries the receipt for `text` covers anew, and when we signed it (ms UTC).

    None: its receipt is kept already, or we do not remember having signed this.
    """
    place = (peer, str(lane), epoch)
    row = connection.execute(
        "SELECT note, receipt, signed_ms FROM checkpoints_out"
        " WHERE peer = ? AND lane = ? AND epoch = ? AND size = ?",
        (*place, size),
    ).fetchone()
    if row is None or row[1] is not None or not row[0].startswith(text.encode() + b"\n"):
        return None
    (before,) = connection.execute(
        "SELECT coalesce(max(size), 0) FROM checkpoints_out WHERE peer = ? AND lane = ?"
        " AND epoch = ? AND size < ? AND receipt IS NOT NULL",
        (*place, size),
    ).fetchone()
    return size - int(before), int(row[2])


def keep(
    connection: Connection, peer: str, lane: Lane, epoch: bytes, size: int, receipt: bytes
) -> None:
    """Keep a verified receipt; the first one for a size is the evidence."""
    place = (peer, str(lane), epoch)
    connection.execute(
        "UPDATE checkpoints_out SET receipt = coalesce(receipt, ?)"
        " WHERE peer = ? AND lane = ? AND epoch = ? AND size = ?",
        (receipt, *place, size),
    )
    connection.execute(
        "UPDATE channels_out SET receipted = CASE WHEN receipted < ?1 THEN ?1 ELSE receipted END,"
        " attempts = 0, next_attempt_ms = 0, problem = NULL"
        " WHERE peer = ?2 AND lane = ?3 AND epoch = ?4",
        (size, *place),
    )
