"""A person's word "compromised": what stands at a receiver beyond our memory is not ours.

The receiver's state can't be taken back, so the next epoch follows it; but nothing of ours is taken
for settled by it beyond what was receipted, and the ranges that somebody else signed are named:
before a person here, and to the receiver by `Disavow` entries (docs/protocol.md §8.15).
"""

from __future__ import annotations

from collections.abc import Mapping

from node.casework.passing_on.post import Post
from node.peer.channels.outgoing import Word
from node.peer.ledgers.crosscheck import Problem
from node.store.items.cases import post
from node.store.items.tasks import close_task, open_task
from node.store.seam import Connection
from protocol.answers import Position, Told
from protocol.disavowal import Disavow
from protocol.merkle import CompactRange
from protocol.vocabulary import Kind, Lane, Urgency

TASK = "history_disowned"
_URGENCY = int(Urgency.CHILD_AT_RISK)
"""The most urgent: as long as it is not said, a thief's items are worked on."""


def word(peer: str, lane: Lane) -> str:
    """The name under which the word for a channel is kept."""
    return f"compromised {peer}/{lane}"


def disown(
    connection: Connection, peer: str, lane: Lane, told: Told, now_ms: int, say: Word
) -> Mapping[bytes, int] | None:
    """Take the word, once, and return by epoch how much of it is ours; None: nobody said it.

    It was said, too, where our newest epoch names the told state: who is killed before a push of
    that one left begins it anew.

    From the told state back to the first one that we remember, each is named before a person, and
    to the receiver in an entry that `say` makes. What its ledger showed of it is answered by that.
    """
    said = connection.execute("DELETE FROM meta WHERE name = ?", (word(peer, lane),)).rowcount
    if not said and not _is_followed(connection, peer, lane, told.position):
        return None
    close_task(connection, Problem.UNKNOWN, peer, now_ms)
    ours: dict[bytes, int] = {}
    for place in (told.position, *told.ancestors):
        if place.epoch is None or _root(connection, peer, lane, place.epoch, place.size) == (
            place.root
        ):
            break
        ours[place.epoch] = size = receipted(connection, peer, lane, place.epoch)
        subject = f"{peer}/{lane}/{place.epoch.hex()}/{size}-{place.size}"
        open_task(connection, TASK, subject, now_ms)
        root = _root(connection, peer, lane, place.epoch, size)
        if root is not None and size < place.size:
            made = say(Disavow(place.epoch, size, root, place.size, place.root))
            _append(connection, peer, lane, made, now_ms)
    return ours


def _is_followed(connection: Connection, peer: str, lane: Lane, told: Position) -> bool:
    """Whether entry 0 of our newest epoch names a state, as it does by a person's word alone."""
    row = connection.execute(
        "SELECT prev_epoch, prev_size, prev_root FROM epochs_out WHERE peer = ? AND lane = ?"
        " ORDER BY opened_ms DESC LIMIT 1",
        (peer, str(lane)),
    ).fetchone()
    return row is not None and Position(*row) == told


def _append(
    connection: Connection, peer: str, lane: Lane, made: tuple[bytes, bytes], now_ms: int
) -> None:
    """Let the entry wait, once, before all else that waits: what follows is our own word again."""
    entry_id, entry = made
    known = connection.execute(
        # The number of the kind stands in the text, as in the index that serves this.
        "SELECT 1 FROM messages_out WHERE peer = ? AND lane = ? AND kind = 64 AND entry_id = ?",
        (peer, str(lane), entry_id),
    ).fetchone()
    if known is None:
        post(connection, [Post(peer, lane, _URGENCY, Kind.DISAVOW, None, entry_id, entry)], now_ms)


def _root(connection: Connection, peer: str, lane: Lane, epoch: bytes, size: int) -> bytes | None:
    leaves = connection.execute(
        "SELECT leaf FROM log_out WHERE peer = ? AND lane = ? AND epoch = ? AND idx < ?"
        " ORDER BY idx",
        (peer, str(lane), epoch, size),
    ).fetchall()
    return CompactRange().extend([row[0] for row in leaves]).root if len(leaves) == size else None


def receipted(connection: Connection, peer: str, lane: Lane, epoch: bytes) -> int:
    """Return up to which size of an epoch of ours there is a receipt; 0: none."""
    row = connection.execute(
        "SELECT size FROM checkpoints_out WHERE peer = ? AND lane = ? AND epoch = ?"
        " AND receipt IS NOT NULL ORDER BY size DESC LIMIT 1",
        (peer, str(lane), epoch),
    ).fetchone()
    return 0 if row is None else int(row[0])
