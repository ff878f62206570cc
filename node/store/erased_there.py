"""What a peer says in a recovery that it erased, and whether it had said so before.

Who erases an item tells every member that told of it (docs/protocol.md §8.8.3), with the very time
of the erasure (§8.8.6), in its own signed log; and a member that lost its node is told it again. So
a place that comes back as erased at a time for which its peer has no such word is one that the peer
keeps back, or one that came there after the erasure: a person asks (§8.13.6).
"""

from __future__ import annotations

from collections import Counter

from node.store.seam import Connection
from protocol.errors import ProtocolError
from protocol.messages import Outcome, read
from protocol.vocabulary import Lane, OutcomeWhat


def without_word(connection: Connection) -> dict[str, int]:
    """Return how many places came back as erased without a word, by channel (`peer/lane`)."""
    found: Counter[str] = Counter()
    said: dict[str, frozenset[int]] = {}
    for peer, lane, at_ms, places in connection.execute(
        "SELECT peer, lane, at_ms, count(*) FROM recovered_entries"
        " WHERE kind IS NULL AND length(entry_id) > 0 GROUP BY peer, lane, at_ms"
    ).fetchall():
        if peer not in said:
            said[peer] = _said_by(connection, peer)
        if at_ms not in said[peer]:
            found[f"{peer}/{lane}"] += places
    return dict(found)


def _said_by(connection: Connection, peer: str) -> frozenset[int]:
    """The times of the erasures of which a peer told us (ms UTC)."""
    times = set()
    for (entry,) in connection.execute(
        "SELECT entry FROM entries_in WHERE peer = ? AND lane = ? AND entry IS NOT NULL",
        (peer, str(Lane.STATUS)),
    ):
        try:
            message = read(entry)[1]
        except ProtocolError:
            continue
        if isinstance(message, Outcome) and message.what is OutcomeWhat.ERASED:
            times.add(message.at_ms)
    return frozenset(times)
