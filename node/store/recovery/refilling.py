"""What a receiver does not hold although it stands in a log of ours: it waits again.

A receiver that was restored from a backup tells its old state and is refilled; that it gave
receipts for more is told to a person. How much is said again in all is bounded: else one that goes
back again and again would make us keep, sign and send the same for ever. A sender that was restored
may have said something on channels that its backup had no word of; it asks once for each.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from node.store.items.tasks import open_task
from node.store.recovery.recovered import phase
from node.store.seam import Connection
from protocol import channel as channels
from protocol.vocabulary import Lane

OPENING: Final = 64
"""What an epoch costs that a receiver makes us open, in entries: signed checkpoint, rows, leaf."""
ALWAYS: Final = 1000 * OPENING
"""How many entries may be said again on any channel."""
TIMES: Final = 8
"""How often beyond that all that was said on a channel may be said again."""


def alert_refill(
    connection: Connection, peer: str, lane: Lane, chain: Mapping[bytes, int], now_ms: int
) -> None:
    """The receiver holds less than it gave receipts for: it is refilled, and a person hears."""
    for epoch, size in connection.execute(
        "SELECT epoch, max(size) FROM checkpoints_out WHERE peer = ? AND lane = ?"
        " AND receipt IS NOT NULL GROUP BY epoch",
        (peer, str(lane)),
    ).fetchall():
        if size > chain.get(epoch, 0):
            lost_entries(connection, peer, lane, now_ms)
            return


def lost_entries(connection: Connection, peer: str, lane: Lane, now_ms: int) -> None:
    """Put it in front of a person that the receiver lost what it had receipted."""
    open_task(connection, "peer_lost_entries", f"{peer}/{lane}", now_ms)


def unsettled(
    connection: Connection, peer: str, lane: Lane, chain: Mapping[bytes, int]
) -> list[int]:
    """Messages that stand in a log of ours but not in the chain that the receiver told."""
    candidates: set[int] = set()
    for (epoch,) in connection.execute(
        "SELECT epoch FROM epochs_out WHERE peer = ? AND lane = ?", (peer, str(lane))
    ).fetchall():
        candidates.update(
            row[0]
            for row in connection.execute(
                "SELECT message FROM log_out WHERE peer = ? AND lane = ? AND epoch = ?"
                " AND idx >= ? AND message IS NOT NULL",
                (peer, str(lane), epoch, chain.get(epoch, 0)),
            )
        )
    return [seq for seq in sorted(candidates) if not _settled(connection, seq, chain)]


def _settled(connection: Connection, seq: int, chain: Mapping[bytes, int]) -> bool:
    places = connection.execute("SELECT epoch, idx FROM log_out WHERE message = ?", (seq,))
    return any(channels.is_settled(chain, epoch, index) for epoch, index in places)


def unasked(connection: Connection, pairs: Collection[tuple[str, Lane]]) -> list[tuple[str, Lane]]:
    """Return those of these channels that nothing is known of; none while the node recovers."""
    if phase(connection) is not None:
        return []
    told = connection.execute("SELECT name FROM meta WHERE name LIKE 'epochs %'").fetchall()
    used = connection.execute("SELECT peer, lane FROM channels_out").fetchall()
    known = {name for (name,) in told} | {_epochs(peer, lane) for peer, lane in used}
    return sorted(pair for pair in pairs if _epochs(*pair) not in known)


def never_used(connection: Connection, peer: str, lane: Lane) -> None:
    """Keep that the receiver told that we had said nothing on a channel, until the next restore."""
    connection.execute(
        "INSERT INTO meta (name, value) VALUES (?, '0') ON CONFLICT (name) DO NOTHING",
        (_epochs(peer, lane),),
    )


def wait_again(
    connection: Connection, peer: str, lane: Lane, messages: Collection[int], *, renewed: bool
) -> None:
    """Let messages wait again, and count them; `renewed`: so the epoch counts that they go into."""
    back = connection.executemany(
        "INSERT OR IGNORE INTO waiting_out"
        " SELECT peer, lane, urgency, seq FROM messages_out WHERE seq = ?",
        [(seq,) for seq in messages],
    ).rowcount
    entries = max(back, 0) + (OPENING if renewed else 0)
    if entries:
        connection.execute(
            "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)",
            (_again(peer, lane), str(_counted(connection, peer, lane) + entries)),
        )


def goes_back(connection: Connection, peer: str, lane: Lane) -> bool:
    """Whether a receiver made us say so much again that a person must look before it goes on."""
    again = _counted(connection, peer, lane)
    if again <= ALWAYS:
        return False
    said = connection.execute(
        "SELECT count(DISTINCT message) FROM log_out WHERE peer = ? AND lane = ?",
        (peer, str(lane)),
    ).fetchone()[0]
    return again > ALWAYS + TIMES * int(said)


def forget_again(connection: Connection, peer: str, lane: Lane) -> None:
    """A person has looked: count from nothing."""
    connection.execute("DELETE FROM meta WHERE name = ?", (_again(peer, lane),))


def _counted(connection: Connection, peer: str, lane: Lane) -> int:
    row = connection.execute(
        "SELECT value FROM meta WHERE name = ?", (_again(peer, lane),)
    ).fetchone()
    return 0 if row is None else int(row[0])


def _again(peer: str, lane: Lane) -> str:
    return f"again {peer}/{lane}"


def _epochs(peer: str, lane: str) -> str:
    return f"epochs {peer}/{lane}"


def epochs_restored(connection: Connection, peer: str, lane: Lane) -> int:
    """How many epochs of the channel the backup held that was restored last; 0: none was."""
    row = connection.execute(
        "SELECT value FROM meta WHERE name = ?", (_epochs(peer, lane),)
    ).fetchone()
    return 0 if row is None else int(row[0])
