"""What waits of an item goes with what is said urgently of it.

An item that waits for its turn keeps the urgency it was said with. If somebody says later that a
child is at risk there, that word overtakes it, and means nothing to its receiver before the item
has come. So what waits of the item for the same member, on the same lane, is as urgent from then
on, also where it has to be said again.
"""

from __future__ import annotations

from collections.abc import Iterable

from node.casework.passing_on.post import Post
from node.store.bulk import select_in
from node.store.seam import Connection
from protocol.vocabulary import Urgency


def hurry(connection: Connection, said: Iterable[Post]) -> None:
    """Let what was said before of the items of urgent messages be as urgent; in its old order."""
    urgent = {
        (one.item, one.peer, str(one.lane))
        for one in said
        if one.item is not None and one.urgency == Urgency.CHILD_AT_RISK
    }
    if not urgent:
        return
    sql = (
        "SELECT item, peer, lane, urgency, seq FROM messages_out"
        " WHERE item IN ({}) AND urgency > 0 AND entry IS NOT NULL"
    )
    found = select_in(connection, sql, sorted({item for item, _, _ in urgent}))
    slow = [tuple(place) for item, *place in found if (item, *place[:2]) in urgent]
    connection.executemany(
        "UPDATE waiting_out SET urgency = 0"
        " WHERE peer = ? AND lane = ? AND urgency = ? AND message = ?",
        slow,
    )
    connection.executemany(
        "UPDATE messages_out SET urgency = 0 WHERE seq = ?", [(seq,) for *_, seq in slow]
    )
