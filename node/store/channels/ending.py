"""What members say of items that they erased before they came (protocol §8.8, §10.3).

Such an entry would wait for ever. It ends when the log of that member's `reports` lane says, by a
`Tombstone`, that the item was erased: an epoch that has it was opened after the erasure, and closed
all pushes that could still have brought the item.
"""

from __future__ import annotations

from collections.abc import Iterable

from node.casework.casebook import Loaded, Needs
from node.casework.events import EventKind
from node.casework.incoming.receiving import Answer, Judged
from node.store.bulk import insert_rows, select_in
from node.store.channels.custody import row_of
from node.store.channels.waking import wake_entombed
from node.store.seam import Connection

NO_ENTRY = 0
"""The entry of a row that a tombstone made: no row of `entries_in` has this number."""


def load_ends(connection: Connection, needs: Needs, loaded: Loaded) -> None:
    """Find which of `needs.ends` speak of an item that is not here and has ended, or may have."""
    unknown = {
        one
        for one in needs.ends
        if one[0] not in loaded.items and needs.named[one[0]] not in loaded.by_key
    }
    if not unknown:
        return
    sql = "SELECT item, actor FROM events WHERE kind = ? AND item IN ({})"
    items = {item for item, _ in unknown}
    said = set(select_in(connection, sql, items, (int(EventKind.ERASED_THERE),)))
    loaded.ended = unknown & said
    loaded.entombed = frozenset(one for one in needs.erasures if _is_entombed(connection, *one))


def _is_entombed(connection: Connection, peer: str, erased_ms: int) -> bool:
    """Whether a tombstone in its log says that it erased an item then that had not come."""
    sql = "SELECT 1 FROM erased_unsent WHERE peer = ? AND erased_ms = ? AND entry = ?"
    return connection.execute(sql, (peer, erased_ms, NO_ENTRY)).fetchone() is not None


def keep_waiting(connection: Connection, answers: Iterable[Answer]) -> None:
    """Remember which of these answers leave a word of an erasure waiting for its tombstone."""
    rows = [
        (one.arrived.peer, one.erased_ms, row_of(one.arrived))
        for one in answers
        if one.judged is Judged.PARKED and one.erased_ms is not None
    ]
    insert_rows(connection, "INSERT OR IGNORE INTO erased_unsent", rows)


def keep_tombstones(connection: Connection, peer: str, times: Iterable[int]) -> None:
    """Keep when this member erased items that will not come; let be judged what it said of those.

    Each time wakes what waits for it once: a member can say any number of tombstones.
    """
    for erased_ms in sorted(set(times)):
        added = connection.execute(
            "INSERT OR IGNORE INTO erased_unsent VALUES (?, ?, ?)", (peer, erased_ms, NO_ENTRY)
        )
        if added.rowcount:
            wake_entombed(connection, peer, erased_ms)
