"""What a person decided about things that the node put before a person.

Each is one short transaction. Closing a task may be done beside a running node; a channel may only
be resumed while the node does not run, because it keeps in memory what it has stopped.
"""

from __future__ import annotations

from node.casework.incoming.receiving import HANDED_OVER
from node.casework.mistakes.mass import TASK, waiting_of
from node.store.backup import mark_restored
from node.store.channels.waking import wake_let_go
from node.store.recovery.disowning import word
from node.store.recovery.refilling import forget_again
from node.store.seam import BulkConnection, Connection
from protocol.vocabulary import Disposition, Lane


def close_task(connection: Connection, code: str, subject: str, now_ms: int) -> int:
    """Close the open tasks of one code and subject; return how many there were."""
    return connection.execute(
        "UPDATE tasks SET closed_ms = ? WHERE code = ? AND subject = ? AND closed_ms IS NULL",
        (now_ms, code, subject),
    ).rowcount


def let_go(connection: Connection, peer: str, now_ms: int) -> int:
    """Let what waits for a person because of its sender be judged, in the order it came.

    `peer`: a member, or of what it passes on of another's `member/author`.
    That is what a member took back beyond the bound, and the items that it handed over before or
    after it was expelled (of one that is suspended, whoever judges sets them aside again). What
    retention took the body of stays where it is. The tasks are closed with it. Returns how much
    was woken at once; the rest follows before anything is judged (`waking`).
    """
    for code in (TASK, HANDED_OVER):
        close_task(connection, code, peer, now_ms)
    return wake_let_go(connection, peer)


def held_of(connection: Connection, peer: str) -> int:
    """Return how much waits for a person because of its sender: what `let_go` lets go on."""
    waiting, set_aside = connection.execute(
        "SELECT (SELECT count(*) FROM entries_in WHERE judged = 2 AND waits_for = ?"
        " AND entry IS NOT NULL), (SELECT count(*) FROM entries_in WHERE judged = 3 AND peer = ?"
        " AND lane = ? AND answer = ? AND entry IS NOT NULL)",
        (waiting_of(peer), peer, str(Lane.REPORTS), str(Disposition.QUARANTINED)),
    ).fetchone()
    return int(waiting) + int(set_aside)


def say_restored(connection: Connection, now_ms: int, snapshot_ms: int = 0) -> int:
    """Take a person's word that this database was set back; return how many channels go on.

    Those are the channels that stopped because a receiver holds more than is known here.

    Args:
        connection: in a transaction.
        now_ms: UTC.
        snapshot_ms: of when the state is that it was set back to, UTC; 0: nobody knows.
    """
    mark_restored(connection, now_ms, remembers_until_ms=snapshot_ms)
    # What a node on a server may have found out by itself (`history.SET_BACK`), or would yet.
    connection.execute("DELETE FROM meta WHERE name = 'set_back'")
    if isinstance(connection, BulkConnection):
        connection.fence_off(now_ms)
    stopped = connection.execute(
        "SELECT peer, lane FROM channels_out WHERE stopped = 'unknown_history'"
    ).fetchall()
    return sum(resume_channel(connection, peer, Lane(lane), now_ms) for peer, lane in stopped)


def say_compromised(connection: Connection, peer: str, lane: Lane, now_ms: int) -> int:
    """Take a person's word that somebody else signed on a channel; return how many go on.

    It is kept for the next contact, and counts once (`disowning`).
    """
    stopped = connection.execute(
        "SELECT 1 FROM channels_out WHERE peer = ? AND lane = ? AND stopped = 'unknown_history'",
        (peer, str(lane)),
    ).fetchone()
    if stopped is None:
        return 0
    connection.execute(
        "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (word(peer, lane), str(now_ms))
    )
    return resume_channel(connection, peer, lane, now_ms)


def resume_channel(connection: Connection, peer: str, lane: Lane, now_ms: int) -> int:
    """Let both directions of a channel run again; return how many had stopped.

    Its tasks are closed with it. Nothing of its history is changed.
    """
    place = (peer, str(lane))
    stopped = connection.execute(
        "UPDATE channels_out SET stopped = NULL, problem = NULL, attempts = 0, next_attempt_ms = 0"
        " WHERE peer = ? AND lane = ? AND stopped IS NOT NULL",
        place,
    ).rowcount
    forget_again(connection, peer, lane)
    stopped += connection.execute(
        "UPDATE channels_in SET stopped = NULL WHERE peer = ? AND lane = ? AND stopped IS NOT NULL",
        place,
    ).rowcount
    connection.execute(
        "UPDATE tasks SET closed_ms = ? WHERE subject = ? AND closed_ms IS NULL"
        " AND code LIKE 'channel\\_%' ESCAPE '\\'",
        (now_ms, f"{peer}/{lane}"),
    )
    return stopped
