"""What we had said, and have back, of items that come no more: found once it is old.

It came back before its item could be here again (docs/protocol.md §8.13.7). As long as it may come
its words wait for it; with an item that is here they are erased (`node.store.items.erasing`).
"""

from __future__ import annotations

from typing import Final

from node.store.seam import Connection

WINDOW: Final = 1000
"""Rows that are looked at in one step."""


def unplaced(connection: Connection, after: int, before_ms: int) -> tuple[int, list[str]] | None:
    """Return where the next window of rows ends, and of which items not here they speak.

    None: there is no row after that one, or what it is about came back too short a time ago.
    """
    rows = connection.execute(
        "SELECT number FROM recovered_entries WHERE number > ? ORDER BY number LIMIT ?",
        (after, WINDOW),
    ).fetchall()
    if not rows:
        return None
    span = (after, rows[-1][0])
    found = connection.execute(
        "SELECT m.item, max(m.created_ms) FROM recovered_entries r"
        " JOIN messages_out m ON m.seq = r.message WHERE r.number > ? AND r.number <= ?"
        " AND m.item IS NOT NULL AND m.entry IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM items i WHERE i.id = m.item)"
        " GROUP BY m.item ORDER BY m.item",
        span,
    ).fetchall()
    if any(at_ms > before_ms for _, at_ms in found):
        return None
    return span[1], [item for item, _ in found]
