"""Cutting a push: the tenure is checked, what waits is taken, the log grows by it.

Every step names the fence of its tenure: a process that was displaced, or a replica promoted from
an old state, fails before it signs.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Any, NamedTuple

from node.peer.channels.outgoing import Limits, OwnEntry, Push
from node.store.bulk import insert_rows
from node.store.errors import DisplacedError, ErasedError
from node.store.items.tasks import close_task, open_task
from node.store.seam import Connection
from protocol import channel as channels
from protocol.channel import Channel, SenderState
from protocol.entry import leaf
from protocol.push import fit, largest_entry
from protocol.vocabulary import Lane

Sign = Callable[[channels.Cut], bytes]
_LOOK_AHEAD = 1000
HELD_BACK = 3
"""Where a message waits that may not go as the network is now: behind all urgencies."""
_NEXT_CHANNEL = (
    "SELECT peer, lane FROM waiting_out WHERE (peer, lane) > (?, ?) ORDER BY peer, lane LIMIT 1"
)
_HELD_BACK_ON = "SELECT 1 FROM waiting_out WHERE peer = ? AND lane = ? AND urgency = ? LIMIT 1"
TOO_LARGE = "entry_too_large"
NO_LONGER_PERMITTED = "no_longer_permitted"


def cut(
    connection: Connection,
    channel: Channel,
    fence: int,
    state: SenderState,
    own: Sequence[OwnEntry],
    limits: Limits,
    sign: Sign,
    now_ms: int,
) -> tuple[SenderState, Push] | None:
    """Append what waits, the urgent first, and sign.

    See `node.peer.channels.outgoing.Outbox.cut`.
    """
    peer, lane = channel.receiver, channel.lane
    _check_tenure(connection, peer, lane, fence, state)
    rows, held_back = _hold_back(connection, peer, lane, limits)
    for code in held_back:
        open_task(connection, code, f"{peer}/{lane}", now_ms)
    taken = _next_messages(rows, own, limits)
    entries = [one.entry for one in own] + [entry for _, entry, _ in taken]
    if not entries:
        return None
    leaves = [leaf(entry) for entry in entries]
    cut = channels.cut(channel, state, leaves)
    note = sign(cut)
    _append(connection, peer, lane, state, own, taken, leaves)
    _end_of_holding_back(connection, peer, lane, taken, now_ms)
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


def sign_anew(connection: Connection, peer: str, lane: Lane, fence: int, push: Push) -> None:
    """See `Outbox.sign_anew`; what has its receipt stands as it was receipted.

    Raises:
        DisplacedError: another tenure began meanwhile.
    """
    check_fence(connection, peer, lane, fence)
    connection.execute(
        "UPDATE checkpoints_out SET note = ? WHERE peer = ? AND lane = ? AND epoch = ?"
        " AND size = ? AND receipt IS NULL",
        (push.note, peer, str(lane), push.epoch, push.size),
    )


def _check_tenure(
    connection: Connection, peer: str, lane: Lane, fence: int, state: SenderState
) -> None:
    """The row still says what this process last signed (docs/protocol.md §8.5)."""
    held = channel_row(connection, peer, lane, "fence, epoch, size, range")
    on_row = state._replace(epoch=held[1], size=held[2], edge=held[3])
    if held[0] != fence or not channels.tenure_holds(state, on_row):
        raise DisplacedError(DisplacedError.__doc__)


def _next_messages(
    waiting: Sequence[_Row], own: Sequence[OwnEntry], limits: Limits
) -> list[tuple[int, bytes, int]]:
    most = largest_entry(limits.push_bytes, limits.entry_bytes)
    rows = []
    for seq, entry, urgency, _ in waiting:
        if entry is None:
            raise ErasedError(ErasedError.__doc__)
        if len(entry) <= most:
            rows.append((seq, entry, urgency))
    lengths = [len(one.entry) for one in own] + [len(row[1]) for row in rows]
    count = fit(lengths, limits.push_entries, limits.push_bytes) - len(own)
    return rows[: max(count, 0)]


_Row = tuple[int, bytes | None, int, int]
"""What waits: number, entry (None: erased), urgency, kind."""


def _next_rows(connection: Connection, peer: str, lane: Lane, limits: Limits) -> list[_Row]:
    """What waits, the urgent first.

    Not what is held back and is not permitted still: very much of it would hide what is.
    """
    withheld = ", ".join(map(str, sorted(limits.withheld))) or "NULL"
    return connection.execute(
        "SELECT m.seq, m.entry, w.urgency, m.kind FROM waiting_out w"  # noqa: S608 - own numbers
        " JOIN messages_out m ON m.seq = w.message WHERE w.peer = ? AND w.lane = ?"
        f" AND (w.urgency < {HELD_BACK} OR (m.kind IN ({withheld})) IS NOT TRUE)"
        " ORDER BY w.urgency, w.message LIMIT ?",
        (peer, str(lane), min(limits.push_entries, _LOOK_AHEAD)),
    ).fetchall()


def _hold_back(
    connection: Connection, peer: str, lane: Lane, limits: Limits
) -> tuple[list[_Row], set[str]]:
    """Let what may not go as the network is now wait behind all else.

    Returns what waits next then, and codes of tasks for what was held back.

    What is too large would be refused with everything beside it, and stop its channel. What is not
    permitted to this member any more must not come to it. It goes by itself once it may again.
    """
    most = largest_entry(limits.push_bytes, limits.entry_bytes)
    found: set[str] = set()
    while True:
        back = []
        rows = _next_rows(connection, peer, lane, limits)
        for seq, entry, urgency, kind in rows:
            if urgency == HELD_BACK or entry is None:
                continue
            if kind in limits.withheld or len(entry) > most:
                back.append((HELD_BACK, peer, str(lane), urgency, seq))
                found.add(NO_LONGER_PERMITTED if kind in limits.withheld else TOO_LARGE)
        if not back:
            return rows, found
        connection.executemany(
            "UPDATE waiting_out SET urgency = ?"
            " WHERE peer = ? AND lane = ? AND urgency = ? AND message = ?",
            back,
        )


class Closed(NamedTuple):
    """Channels on which something waits in vain; of those tasks to open, and others that end."""

    all: frozenset[str]
    opened: list[str]
    ended: list[str]


def note_closed(connection: Connection, found: Closed, now_ms: int) -> None:
    """See `node.store.channels.outbox.Outbox.note_closed`."""
    for subject in found.opened:
        open_task(connection, NO_LONGER_PERMITTED, subject, now_ms)
    for subject in found.ended:
        close_task(connection, NO_LONGER_PERMITTED, subject, now_ms)


def find_closed(
    connection: Connection, pairs: Container[tuple[str, Lane]], told: frozenset[str]
) -> Closed:
    """Look at what waits; a person was `told` of these already."""
    closed, held = set(), set()
    place: tuple[str, str] = ("", "")
    while row := connection.execute(_NEXT_CHANNEL, place).fetchone():
        place = row[0], row[1]
        if (place[0], Lane(place[1])) not in pairs:
            closed.add("/".join(place))
        elif connection.execute(_HELD_BACK_ON, (*place, HELD_BACK)).fetchone():
            held.add("/".join(place))
    sql = "SELECT subject FROM tasks WHERE code = ? AND closed_ms IS NULL"
    stands = {row[0] for row in connection.execute(sql, (NO_LONGER_PERMITTED,)).fetchall()}
    return Closed(frozenset(closed), sorted(closed - stands - told), sorted(stands - closed - held))


def may_go_again(connection: Connection, peer: str, lane: Lane, limits: Limits) -> bool:
    """Whether something that was held back is permitted now, and small enough."""
    withheld = ", ".join(map(str, sorted(limits.withheld))) or "NULL"
    row = connection.execute(
        "SELECT 1 FROM waiting_out w JOIN messages_out m ON m.seq = w.message"  # noqa: S608 - own numbers
        f" WHERE w.peer = ? AND w.lane = ? AND w.urgency = {HELD_BACK}"
        f" AND (m.kind IN ({withheld})) IS NOT TRUE AND length(m.entry) <= ? LIMIT 1",
        (peer, str(lane), largest_entry(limits.push_bytes, limits.entry_bytes)),
    ).fetchone()
    return row is not None


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
    last.pop(HELD_BACK, None)  # of these only some were
    for urgency, seq in last.items():
        connection.execute(
            "DELETE FROM waiting_out WHERE peer = ? AND lane = ? AND urgency = ? AND message <= ?",
            (peer, str(lane), urgency, seq),
        )


def _end_of_holding_back(
    connection: Connection,
    peer: str,
    lane: Lane,
    taken: Sequence[tuple[int, bytes, int]],
    now_ms: int,
) -> None:
    """What was held back and goes again waits no more; with the last of it its tasks end."""
    place = (peer, str(lane), HELD_BACK)
    back = [(*place, seq) for seq, _, urgency in taken if urgency == HELD_BACK]
    if not back:
        return
    one = "FROM waiting_out WHERE peer = ? AND lane = ? AND urgency = ?"
    connection.executemany(f"DELETE {one} AND message = ?", back)
    if connection.execute(f"SELECT 1 {one} LIMIT 1", place).fetchone() is None:
        for code in (TOO_LARGE, NO_LONGER_PERMITTED):
            close_task(connection, code, f"{peer}/{lane}", now_ms)
