"""Raw rows about a recovery, for verification: `Audit.recovery`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from node.store.recovery.erased_there import ItemIds, without_word
from node.store.seam import Connection


class BareRow(NamedTuple):
    """One place of a log of ours that came back and says nothing.

    `is_erased`: without a body; if not, with one that we can't have salted.
    """

    peer: str
    lane: str
    epoch: bytes
    place: int
    leaf: bytes
    is_erased: bool


class RecoveryAudit:
    """Reads what is left of the recovery of this node."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def bare(self) -> Iterator[BareRow]:
        """What came back of our logs and says nothing: erased at the peer, or never ours."""
        for row in self._connection.execute(
            "SELECT peer, lane, epoch, idx, leaf, length(entry_id) FROM recovered_entries"
            " WHERE kind IS NULL"
        ):
            yield BareRow._make((*row[:5], row[5] > 0))

    def without_word(self, item_ids: ItemIds) -> dict[str, int]:
        """How many places came back as erased without their peer's word, by channel."""
        return without_word(self._connection, item_ids)

    def counted(self) -> dict[tuple[str, str], int]:
        """How many such entries the recovery of each channel counted when its pages came."""
        rows = self._connection.execute("SELECT peer, lane, erased FROM recoveries")
        return {(peer, lane): erased for peer, lane, erased in rows}
