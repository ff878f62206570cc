"""The receiving ends of channels on the embedded store.

Implements `node.peer.channels.inbox.InboxStore`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from node.casework.incoming.receiving import Judged
from node.peer.channels.inbox import Decide, Held, Taken
from node.store.bulk import insert_rows
from node.store.channels.ending import keep_tombstones
from node.store.channels.epochs import opened_ms
from node.store.channels.repeats import keep_repeats
from node.store.delta import Delta
from node.store.items.erasing import was_erased
from node.store.items.tasks import open_task
from node.store.ledgers.views import remember_view
from node.store.recovery.disavowing import own_again
from node.store.seam import Connection
from node.store.writer import Readers, Writer
from protocol.answers import MAX_ANCESTORS, NOTHING, Position, Told
from protocol.channel import UNOPENED, Accepted, ReceiverState, Refusal
from protocol.checkpoint import VerifiedCheckpoint
from protocol.merkle import EMPTY_ROOT, CompactRange
from protocol.vocabulary import Kind, Lane

CONFLICT = "conflict"
REPEAT = "repeat"
OF_PEER = "peer = ? AND "
MISSING = "entry_missing"
MOST_MISSING = 100
"""So many missing entries of one member are listed at a time, one task each; a member could name
any number of ids that were never anything. Its log keeps them all."""
AND_MORE = "more"


class Inbox:
    """The inbox of one node."""

    def __init__(self, writer: Writer, readers: Readers, entry_ids: Delta) -> None:
        self._writer = writer
        self._readers = readers
        self._entry_ids = entry_ids

    async def held(self, peer: str, lane: Lane, checkpoint: VerifiedCheckpoint) -> Held:
        """See `InboxStore.held`."""
        return self._readers.look_up(lambda c: _held(c, peer, lane, checkpoint))

    async def told(self, peer: str, lane: Lane) -> tuple[Told, str | None]:
        """See `InboxStore.told`."""
        return self._readers.look_up(lambda c: _told(c, peer, lane))

    async def last_receipt(self, peer: str, lane: Lane) -> bytes | None:
        """See `InboxStore.last_receipt`."""
        return self._readers.look_up(lambda c: _last_receipt(c, peer, lane))

    async def own_root(self, peer: str, lane: Lane, epoch: bytes, size: int) -> bytes:
        """See `InboxStore.own_root`."""

        def query(connection: Connection) -> bytes:
            rows = connection.execute(
                "SELECT leaf FROM entries_in WHERE peer = ? AND lane = ? AND epoch = ? AND idx < ?"
                " ORDER BY idx",
                (peer, str(lane), epoch, size),
            )
            return CompactRange().extend([row[0] for row in rows]).root

        return await self._readers.run(query)

    async def signed_from(self, peer: str, lane: Lane, epoch: bytes, size: int) -> list[bytes]:
        """See `InboxStore.signed_from`."""
        return await self._readers.run(lambda c: signed_from(c, peer, lane, epoch, size))

    async def take(
        self,
        peer: str,
        lane: Lane,
        checkpoint: VerifiedCheckpoint,
        note: bytes,
        now_ms: int,
        decide: Decide,
    ) -> bytes | Refusal:
        """See `InboxStore.take`."""

        def job(connection: Connection) -> bytes | Refusal:
            held = _held(connection, peer, lane, checkpoint)
            decided = decide(held)
            if isinstance(decided, bytes | Refusal):
                return decided
            accepted, receipt, taken = decided
            _keep_state(connection, peer, lane, held.state.epoch, accepted, now_ms)
            first = checkpoint.size - len(taken)
            place = (peer, str(lane), checkpoint.origin.epoch)
            _keep_entries(connection, place, first, taken, now_ms, self._entry_ids)
            connection.execute(
                "INSERT INTO receipts_in VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*place, first, checkpoint.size, note, receipt),
            )
            for view in [one.view for one in taken if one.view is not None]:
                remember_view(connection, checkpoint.origin.receiver, peer, view, now_ms)
            return receipt

        return await self._writer.run(job, ahead=True)

    async def stop(self, peer: str, lane: Lane, code: str, now_ms: int) -> None:
        """See `InboxStore.stop`."""

        def job(connection: Connection) -> None:
            connection.execute(
                "UPDATE channels_in SET stopped = ? WHERE peer = ? AND lane = ?",
                (code, peer, str(lane)),
            )
            open_task(connection, f"channel_in_{code}", f"{peer}/{lane}", now_ms)

        await self._writer.run(job)


def _state(connection: Connection, peer: str, lane: Lane) -> tuple[ReceiverState, str | None]:
    row = connection.execute(
        "SELECT epoch, size, range, stopped FROM channels_in WHERE peer = ? AND lane = ?",
        (peer, str(lane)),
    ).fetchone()
    if row is None:
        return UNOPENED, None
    return ReceiverState(row[0], row[1], row[2], _root(row[2])), row[3]


@lru_cache(maxsize=256)
def _root(edge: bytes) -> bytes:
    """The root under the right edge of a tree; that of a channel is asked for again and again."""
    return CompactRange.from_bytes(edge).root


def _held(connection: Connection, peer: str, lane: Lane, checkpoint: VerifiedCheckpoint) -> Held:
    state, stopped = _state(connection, peer, lane)
    epoch = checkpoint.origin.epoch
    closed_size = None
    if epoch != state.epoch:
        closed_size = _closed_size(connection, peer, lane, epoch)
    row = connection.execute(
        "SELECT checkpoint, receipt FROM receipts_in WHERE peer = ? AND lane = ? AND epoch = ?"
        " AND size = ?",
        (peer, str(lane), epoch, checkpoint.size),
    ).fetchone()
    receipt = None
    if row is not None and row[0].split(b"\n\n", 1)[0] + b"\n" == checkpoint.text.encode():
        receipt = row[1]
    return Held(state, stopped, closed_size, receipt)


def _closed_size(connection: Connection, peer: str, lane: Lane, epoch: bytes) -> int | None:
    known = connection.execute(
        "SELECT 1 FROM epochs_in WHERE peer = ? AND lane = ? AND epoch = ?",
        (peer, str(lane), epoch),
    ).fetchone()
    if known is None:
        return None
    return int(
        connection.execute(
            "SELECT coalesce(max(idx) + 1, 0) FROM entries_in"
            " WHERE peer = ? AND lane = ? AND epoch = ?",
            (peer, str(lane), epoch),
        ).fetchone()[0]
    )


def _told(connection: Connection, peer: str, lane: Lane) -> tuple[Told, str | None]:
    state, stopped = _state(connection, peer, lane)
    if state.epoch is None:
        return Told(NOTHING, None, ()), stopped
    note = connection.execute(
        "SELECT checkpoint FROM receipts_in WHERE peer = ? AND lane = ? AND epoch = ? AND size = ?",
        (peer, str(lane), state.epoch, state.size),
    ).fetchone()
    ancestors: list[Position] = []
    epoch: bytes | None = state.epoch
    while epoch is not None and len(ancestors) < MAX_ANCESTORS:
        row = connection.execute(
            "SELECT prev_epoch, prev_size, prev_root FROM epochs_in"
            " WHERE peer = ? AND lane = ? AND epoch = ?",
            (peer, str(lane), epoch),
        ).fetchone()
        epoch = None if row is None else row[0]
        if epoch is not None:
            ancestors.append(Position(epoch, row[1], row[2]))
    return Told(state.position, note[0], tuple(ancestors)), stopped


def signed_from(
    connection: Connection, peer: str, lane: Lane, epoch: bytes, size: int
) -> list[bytes]:
    """Return the checkpoints of an epoch at `size` and above that we receipted, largest first."""
    rows = connection.execute(
        "SELECT checkpoint FROM receipts_in WHERE peer = ? AND lane = ? AND epoch = ?"
        " AND size >= ? ORDER BY size DESC",
        (peer, str(lane), epoch, size),
    )
    return [note for (note,) in rows]


def _last_receipt(connection: Connection, peer: str, lane: Lane) -> bytes | None:
    row = connection.execute(
        "SELECT r.receipt FROM channels_in c JOIN receipts_in r ON r.peer = c.peer"
        " AND r.lane = c.lane AND r.epoch = c.epoch AND r.size = c.size"
        " WHERE c.peer = ? AND c.lane = ?",
        (peer, str(lane)),
    ).fetchone()
    return None if row is None else row[0]


def _keep_state(
    connection: Connection,
    peer: str,
    lane: Lane,
    before: bytes | None,
    accepted: Accepted,
    now_ms: int,
) -> None:
    """Keep the state after a push; `before` is the epoch that was open."""
    state = accepted.state
    if before != state.epoch:
        closed = accepted.closed
        previous = (None, 0, EMPTY_ROOT) if closed is None else (
            closed.epoch, closed.size, closed.root
        )  # fmt: skip
        connection.execute(
            "INSERT INTO epochs_in VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                peer,
                str(lane),
                state.epoch,
                *previous,
                opened_ms(connection, "epochs_in", peer, str(lane), now_ms),
            ),
        )
    connection.execute(
        "INSERT INTO channels_in VALUES (?, ?, ?, ?, ?, NULL) ON CONFLICT (peer, lane)"
        " DO UPDATE SET epoch = excluded.epoch, size = excluded.size, range = excluded.range",
        (peer, str(lane), state.epoch, state.size, state.edge),
    )


def _keep_entries(
    connection: Connection,
    place: tuple[str, str, bytes],
    first: int,
    taken: Sequence[Taken],
    now_ms: int,
    entry_ids: Delta,
) -> None:
    """Keep every entry at its place; one whose id was taken before has no effect again."""
    known = _known_ids(connection, place[0], taken, entry_ids)
    erased = was_erased(connection, place[0], [one.leaf for one in taken])
    rows: list[tuple[Any, ...]] = []
    fresh = []
    for number, one in enumerate(taken):
        judged, answer = Judged.WAITING, None
        if one.of_channel:
            judged = Judged.DONE
        elif one.entry_id is not None and one.entry_id in known:
            same = known[one.entry_id] == one.digest or one.leaf in erased
            answer = REPEAT if same else CONFLICT
            judged = (
                Judged.DONE if same else Judged.WAITING
            )  # no effect; but its sender hears of it
        elif one.entry_id is not None:
            known[one.entry_id] = one.digest
            fresh.append((one.entry_id, place[0], one.digest))
        elif one.leaf in erased:  # nobody could read it, and its body went
            judged, answer = Judged.DONE, REPEAT
        entry = None if one.leaf in erased else one.entry
        rows.append((*place, first + number, one.leaf, entry, int(judged), now_ms, answer))
        if one.tombstone is not None:
            _list_missing(connection, place[0], one.tombstone.entry_id, now_ms, entry_ids)
        if answer == CONFLICT:
            open_task(connection, "entry_conflict", place[0], now_ms)
    insert_rows(
        connection,
        "INSERT OR FAIL INTO entries_in"
        " (peer, lane, epoch, idx, leaf, entry, judged, taken_ms, answer)",
        rows,
    )
    entry_ids.append(connection, fresh)
    keep_repeats(connection, place, _came_again(rows, taken))
    if again := [row[4] for row in rows if row[-1] == REPEAT]:
        own_again(connection, place[0], again, now_ms)
    if place[1] == Lane.REPORTS:
        stones = [one.tombstone for one in taken if one.tombstone is not None]
        times = [stone.erased_ms for stone in stones if stone.entry_kind == Kind.ITEM]
        keep_tombstones(connection, place[0], times)


def _came_again(rows: Sequence[tuple[Any, ...]], taken: Sequence[Taken]) -> list[tuple[int, bytes]]:
    """The places and ids of entries that came under an id of before, and have a body."""
    return [
        (row[3], one.entry_id)
        for row, one in zip(rows, taken, strict=True)
        if row[-1] in {REPEAT, CONFLICT} and row[5] is not None and one.entry_id is not None
    ]


def _list_missing(
    connection: Connection, peer: str, entry_id: bytes, now_ms: int, entry_ids: Delta
) -> None:
    """The sender erased an entry: one that never came stands before a person as missing."""
    if any(entry_ids.find(connection, [entry_id], OF_PEER, (peer,))):
        return
    listed = connection.execute(
        "SELECT count(*) FROM tasks WHERE code = ? AND subject LIKE ? AND closed_ms IS NULL",
        (MISSING, f"{peer}/%"),
    ).fetchone()[0]
    name = entry_id.hex()[:16] if listed < MOST_MISSING else AND_MORE
    open_task(connection, MISSING, f"{peer}/{name}", now_ms)


def _known_ids(
    connection: Connection, peer: str, taken: Sequence[Taken], entry_ids: Delta
) -> dict[bytes, bytes]:
    ids = [one.entry_id for one in taken if one.entry_id is not None and not one.of_channel]
    return {row[0]: row[2] for row in entry_ids.find(connection, ids, OF_PEER, (peer,))}
