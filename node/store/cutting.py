"""Cutting a push: the tenure is checked, what waits is taken, the log grows by it.

Every step names the fence of its tenure: a process that was displaced, or a replica promoted from
an old state, fails before it signs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from node.peer.outgoing import OwnEntry, Push
from node.store.bulk import insert_rows
from node.store.errors import DisplacedError, ErasedError
from node.store.seam import Connection
from protocol import channel as channels
from protocol.channel import Channel, SenderState
from protocol.entry import leaf
from protocol.push import fit
from protocol.vocabulary import Lane

Sign = Callable[[channels.Cut], bytes]
_LOOK_AHEAD = 1000


def cut(
    connection: Connection,
    channel: Channel,
    fence: int,
    state: SenderState,
    own: Sequence[OwnEntry],
    limits: tuple[int, int],
    sign: Sign,
    now_ms: int,
) -> tuple[SenderState, Push] | None:
    """Append what waits, the urgent first, and sign; see `node.peer.outgoing.Outbox.cut`."""
    peer, lane = channel.receiver, channel.lane
    _check_tenure(connection, peer, lane, fence, state)
    taken = _next_messages(connection, peer, lane, own, limits)
    entries = [one.entry for one in own] + [entry for _, entry, _ in taken]
    if not entries:
        return None
    leaves = [leaf(entry) for entry in entries]
    cut = channels.cut(channel, state, leaves)
    note = sign(cut)
    _append(connection, peer, lane, state, own, taken, leaves)
    connection.execute(
        "INSERT INTO checkpoints_out VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
        (peer, str(lane), state.epoch, state.size, cut.state.size, note, now_ms),
    )
    connection.execute(
        "UPDATE channels_out SET size = ?, range = ? WHERE peer = ? AND lane = ?",
        (cut.state.size, cut.state.edge, peer, str(lane)),
    )
    return cut.state, Push(state.epoch, state.size, cut.state.size, note, entries, now_ms)


def channel_row(connection: Connection, peer: str, lane: Lane, columns: str) -> tuple[Any, ...]:
    """Return columns of a channel's row.

    Raises:
        DisplacedError: it has none; nobody holds its tenure.
    """
    found: tuple[Any, ...] | None = connection.execute(
        f"SELECT {columns} FROM channels_out WHERE peer = ? AND lane = ?",  # noqa: S608 - own names
        (peer, str(lane)),
    ).fetchone()
    if found is None:
        raise DisplacedError(DisplacedError.__doc__)
    return found


def check_fence(connection: Connection, peer: str, lane: Lane, fence: int) -> None:
    """See that the tenure that holds `fence` still writes the channel.

    Raises:
        DisplacedError: another tenure began meanwhile.
    """
    if channel_row(connection, peer, lane, "fence")[0] != fence:
        raise DisplacedError(DisplacedError.__doc__)


def _check_tenure(
    connection: Connection, peer: str, lane: Lane, fence: int, state: SenderState
) -> None:
    """The row still says what this process last signed (docs/protocol.md §8.5)."""
    held = channel_row(connection, peer, lane, "fence, epoch, size, range")
    on_row = state._replace(epoch=held[1], size=held[2], edge=held[3])
    if held[0] != fence or not channels.tenure_holds(state, on_row):
        raise DisplacedError(DisplacedError.__doc__)


def _next_messages(
    connection: Connection,
    peer: str,
    lane: Lane,
    own: Sequence[OwnEntry],
    limits: tuple[int, int],
) -> list[tuple[int, bytes, int]]:
    rows = connection.execute(
        "SELECT m.seq, m.entry, w.urgency FROM waiting_out w"
        " JOIN messages_out m ON m.seq = w.message"
        " WHERE w.peer = ? AND w.lane = ? ORDER BY w.urgency, w.message LIMIT ?",
        (peer, str(lane), min(limits[0], _LOOK_AHEAD)),
    ).fetchall()
    if any(row[1] is None for row in rows):
        raise ErasedError(ErasedError.__doc__)
    lengths = [len(one.entry) for one in own] + [len(row[1]) for row in rows]
    count = fit(lengths, limits[0], limits[1]) - len(own)
    if count < 1 and not own:
        count = 1  # the network's limits are narrower now: its receiver refuses it, and people see
    return rows[: max(count, 0)]


def _append(
    connection: Connection,
    peer: str,
    lane: Lane,
    state: SenderState,
    own: Sequence[OwnEntry],
    taken: Sequence[tuple[int, bytes, int]],
    leaves: Sequence[bytes],
) -> None:
    place = (peer, str(lane), state.epoch)
    first = state.size
    rows: list[tuple[object, ...]] = [
        (*place, first + n, leaves[n], None, one.entry) for n, one in enumerate(own)
    ]
    offset = first + len(own)
    rows += [
        (*place, offset + n, leaves[len(own) + n], seq, None) for n, (seq, _, _) in enumerate(taken)
    ]
    insert_rows(connection, "INSERT OR FAIL INTO log_out", rows)
    last = {urgency: seq for seq, _, urgency in taken}  # of each urgency the first ones were taken
    for urgency, seq in last.items():
        connection.execute(
            "DELETE FROM waiting_out WHERE peer = ? AND lane = ? AND urgency = ? AND message <= ?",
            (peer, str(lane), urgency, seq),
        )
