"""The sending ends of channels on the embedded store.

Implements `node.peer.channels.outgoing.Outbox`. Every write names the fence of its tenure: a
process that
was displaced, or a replica promoted from an old state, fails with `DisplacedError` before it signs.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence

from node.peer.channels.outgoing import ChannelRow, Entomb, Limits, OwnEntry, Push, Word
from node.store.channels import cutting, pulled
from node.store.channels.cutting import (
    HELD_BACK,
    Sign,
    channel_row,
    check_fence,
    find_closed,
    may_go_again,
    note_closed,
)
from node.store.channels.epochs import opened_ms
from node.store.errors import DisplacedError, ErasedError
from node.store.items.erasing import bury
from node.store.items.tasks import open_task
from node.store.recovery import disowning
from node.store.recovery.refilling import (
    alert_refill,
    epochs_restored,
    forget_again,
    goes_back,
    lost_entries,
    never_used,
    unasked,
    unsettled,
    wait_again,
)
from node.store.seam import Connection
from node.store.writer import Readers, Writer
from protocol.answers import NOTHING, Position, Told
from protocol.channel import Channel, SenderState
from protocol.merkle import EMPTY_EDGE, CompactRange
from protocol.vocabulary import Lane

AFTER_ANY_RESTORE_MS = 1 << 53
_NEXT_WAITING = (
    "SELECT peer, lane, urgency FROM waiting_out WHERE (peer, lane) > (?, ?)"  # noqa: S608 - own number
    f" AND urgency < {HELD_BACK} ORDER BY peer, lane, urgency LIMIT 1"
)


class Outbox:
    """The outbox of one node."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def rows(self) -> list[ChannelRow]:
        """Return every channel that was ever used, with its delivery state."""
        found = await self._readers.run(
            lambda c: c.execute(
                "SELECT peer, lane, attempts, next_attempt_ms, problem, stopped FROM channels_out"
            ).fetchall()
        )
        return [ChannelRow(row[0], Lane(row[1]), *row[2:]) for row in found]

    async def unasked(self, pairs: Collection[tuple[str, Lane]]) -> list[tuple[str, Lane]]:
        """Return those of these channels on which we may have said something before a restore.

        Nothing is known of them, neither used nor told to be unused since; none while we recover.
        """
        return await self._readers.run(lambda c: unasked(c, pairs))

    async def never_used(self, peer: str, lane: Lane) -> None:
        """Keep that the receiver told that we had said nothing, until the next restore."""
        await self._writer.run(lambda c: never_used(c, peer, lane))

    async def waiting(self, pairs: Container[tuple[str, Lane]]) -> dict[tuple[str, Lane], int]:
        """Return the most urgent waiting message's urgency for each channel that has one.

        What is held back since limits were narrowed asks for nothing.

        Steps from one channel that has something to the next: what it costs grows with those, not
        with the members of the network.
        """

        def query(connection: Connection) -> dict[tuple[str, Lane], int]:
            found = {}
            place: tuple[str, str] = ("", "")
            while row := connection.execute(_NEXT_WAITING, place).fetchone():
                place = pair = (row[0], Lane(row[1]))
                if pair in pairs:
                    found[pair] = row[2]
            return found

        return self._readers.look_up(query)

    async def urgency(self, peer: str, lane: Lane) -> int | None:
        """Return the most urgent waiting message's urgency for one channel; None: nothing waits."""
        row = self._readers.look_up(
            lambda c: c.execute(
                "SELECT urgency FROM waiting_out WHERE peer = ? AND lane = ? AND urgency < ?"
                " ORDER BY urgency LIMIT 1",
                (peer, str(lane), HELD_BACK),
            ).fetchone()
        )
        return None if row is None else int(row[0])

    async def note_closed(
        self, pairs: Container[tuple[str, Lane]], told: frozenset[str], now_ms: int
    ) -> frozenset[str]:
        """Put before a person what waits on other channels than these, which are open.

        Where a channel is open again, and nothing is held back on it, its task ends. Returns the
        channels that are not; of those that were `told` no task is opened once more.
        """
        found = await self._readers.run(lambda c: find_closed(c, pairs, told))
        if found.opened or found.ended:
            await self._writer.run(lambda c: note_closed(c, found, now_ms))
        return found.all

    async def may_go_again(self, peer: str, lane: Lane, limits: Limits) -> bool:
        """Whether something may go now that was held back before."""
        return await self._readers.run(lambda c: may_go_again(c, peer, lane, limits))

    async def take_over(self, peer: str, lane: Lane) -> int:
        """Begin a tenure: whoever held the channel before can no longer write it."""

        def job(connection: Connection) -> int:
            connection.execute(
                "INSERT INTO channels_out VALUES (?, ?, 1, NULL, 0, ?, 0, 0, 0, NULL, NULL)"
                " ON CONFLICT (peer, lane) DO UPDATE SET fence = channels_out.fence + 1,"
                " epoch = NULL, size = 0, range = ?, receipted = 0",
                (peer, str(lane), EMPTY_EDGE, EMPTY_EDGE),
            )
            fence: int = channel_row(connection, peer, lane, "fence")[0]
            return fence

        return await self._writer.run(job)

    async def remembered(
        self, peer: str, lane: Lane, told: Position
    ) -> tuple[bytes | None, dict[bytes, Position], int]:
        """Return the root we signed for exactly `told`, and what we know of our own epochs.

        That is the predecessor of each, and a time: 0 while none was opened since the database was
        restored (or ever was) but upon `told`, else one that is after any restore: who was killed
        before such an epoch left remembers from its entry 0 what a person's word let it follow.
        Clocks that were set do not count: what the backup held is told by number.
        """

        def query(connection: Connection) -> tuple[bytes | None, dict[bytes, Position], int]:
            rows = connection.execute(
                "SELECT epoch, prev_epoch, prev_size, prev_root FROM epochs_out"
                " WHERE peer = ? AND lane = ?",
                (peer, str(lane)),
            ).fetchall()
            opened = {row[0]: Position(row[1], row[2], row[3]) for row in rows}
            since = len(opened) - epochs_restored(connection, peer, lane)
            upon_told = sum(one == told for one in opened.values())
            last_ms = 0 if since <= upon_told else AFTER_ANY_RESTORE_MS
            if told == NOTHING or told.epoch not in opened:
                return None, opened, last_ms
            leaves = connection.execute(
                "SELECT leaf FROM log_out WHERE peer = ? AND lane = ? AND epoch = ? AND idx < ?"
                " ORDER BY idx",
                (peer, str(lane), told.epoch, told.size),
            ).fetchall()
            whole = len(leaves) == told.size
            root = CompactRange().extend([row[0] for row in leaves]).root if whole else None
            return root, opened, last_ms

        return await self._readers.run(query)

    async def receipts(self, peer: str, lane: Lane, epochs: Collection[bytes]) -> dict[bytes, int]:
        """Return up to which size of each of these epochs there is a receipt; 0: none."""
        return await self._readers.run(
            lambda c: {epoch: disowning.receipted(c, peer, lane, epoch) for epoch in epochs}
        )

    async def disown(
        self, peer: str, lane: Lane, told: Told, now_ms: int, word: Word
    ) -> Mapping[bytes, int] | None:
        """Take a person's word "compromised", once; by epoch how much is ours. None: not said.

        What is not ours is named before a person, and in entries that wait for the next push.
        """
        return await self._writer.run(lambda c: disowning.disown(c, peer, lane, told, now_ms, word))

    async def open(
        self,
        peer: str,
        lane: Lane,
        fence: int,
        state: SenderState,
        chain: Mapping[bytes, int],
        now_ms: int,
        entomb: Entomb,
        *,
        renewed: bool = False,
    ) -> int:
        """Open an epoch: what the receiver does not hold waits again. Returns how many do.

        For what was erased meanwhile the entry waits that `entomb` makes of it (§8.8). `renewed`:
        this process had opened one before, so the epoch itself counts as said again, too.

        Raises:
            DisplacedError: another tenure began meanwhile.
        """

        def job(connection: Connection) -> int:
            check_fence(connection, peer, lane, fence)
            waits = unsettled(connection, peer, lane, chain)
            again = bury(connection, peer, lane, waits, now_ms, entomb)
            alert_refill(connection, peer, lane, chain, now_ms)
            wait_again(connection, peer, lane, again, renewed=renewed)
            connection.execute(
                "INSERT INTO epochs_out VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    peer,
                    str(lane),
                    state.epoch,
                    state.predecessor_epoch,
                    state.predecessor_size,
                    state.predecessor_root,
                    opened_ms(connection, "epochs_out", peer, str(lane), now_ms),
                ),
            )
            connection.execute(
                "UPDATE channels_out SET epoch = ?, size = 0, range = ?, receipted = 0"
                " WHERE peer = ? AND lane = ?",
                (state.epoch, state.edge, peer, str(lane)),
            )
            return len(again)

        return await self._writer.run(job)

    async def cut(
        self,
        channel: Channel,
        fence: int,
        state: SenderState,
        own: Sequence[OwnEntry],
        limits: Limits,
        sign: Sign,
        now_ms: int,
    ) -> tuple[SenderState, Push] | None:
        """Append what waits, the urgent first, and sign: durable before a byte of it is sent.

        `own` are entries that belong to the epoch itself; they go first. None: nothing waits.

        Raises:
            DisplacedError: the row is not what this tenure last signed.
            ErasedError: what is to be said again was erased; a new epoch says so.
        """
        return await self._writer.run(
            lambda c: cutting.cut(c, channel, fence, state, own, limits, sign, now_ms), ahead=True
        )

    async def stored(self, peer: str, lane: Lane, epoch: bytes, held: int) -> Push | None:
        """Return the signed push that brings a receiver beyond `held` entries of `epoch`.

        Raises:
            ErasedError: some of it was erased; it can never be sent.
        """

        def query(connection: Connection) -> Push | None:
            row = connection.execute(
                "SELECT size, note, signed_ms FROM checkpoints_out"
                " WHERE peer = ? AND lane = ? AND epoch = ? AND size > ? ORDER BY size LIMIT 1",
                (peer, str(lane), epoch, held),
            ).fetchone()
            if row is None:
                return None
            entries = connection.execute(
                "SELECT l.entry, m.entry FROM log_out l LEFT JOIN messages_out m"
                " ON m.seq = l.message WHERE l.peer = ? AND l.lane = ? AND l.epoch = ?"
                " AND l.idx >= ? AND l.idx < ? ORDER BY l.idx",
                (peer, str(lane), epoch, held, row[0]),
            ).fetchall()
            said = [message if own is None else own for own, message in entries]
            if None in said:
                raise ErasedError(ErasedError.__doc__)
            return Push(epoch, held, row[0], row[1], said, row[2])

        return await self._readers.run(query)

    async def sign_anew(self, peer: str, lane: Lane, fence: int, push: Push) -> None:
        """Keep another signature over the checkpoint of a push that has no receipt yet.

        Raises:
            DisplacedError: another tenure began meanwhile.
        """
        await self._writer.run(lambda c: cutting.sign_anew(c, peer, lane, fence, push), ahead=True)

    async def receipted(
        self, peer: str, lane: Lane, fence: int, epoch: bytes, size: int, receipt: bytes
    ) -> None:
        """Keep a verified receipt (the first one for a size is the evidence) and end backing off.

        Raises:
            DisplacedError: another tenure began meanwhile.
        """

        def job(connection: Connection) -> None:
            ours = connection.execute(
                "UPDATE channels_out SET receipted = CASE WHEN receipted < ?1 THEN ?1"
                " ELSE receipted END, attempts = 0, next_attempt_ms = 0, problem = NULL"
                " WHERE peer = ?2 AND lane = ?3 AND fence = ?4",
                (size, peer, str(lane), fence),
            )
            if not ours.rowcount:
                raise DisplacedError(DisplacedError.__doc__)
            connection.execute(
                "UPDATE checkpoints_out SET receipt = coalesce(receipt, ?)"
                " WHERE peer = ? AND lane = ? AND epoch = ? AND size = ?",
                (receipt, peer, str(lane), epoch, size),
            )

        await self._writer.run(job, ahead=True)

    async def unreceipted(
        self, peer: str, lane: Lane, epoch: bytes, size: int, text: str
    ) -> tuple[int, int] | None:
        """Return how many entries the receipt for a checkpoint covers anew, and when we signed it.

        None: its receipt is kept already, or we remember no such checkpoint.
        """
        return self._readers.look_up(lambda c: pulled.unreceipted(c, peer, lane, epoch, size, text))

    async def keep_receipt(
        self, peer: str, lane: Lane, epoch: bytes, size: int, receipt: bytes
    ) -> None:
        """Keep a verified receipt of any epoch of ours: evidence, whoever holds the tenure."""
        await self._writer.run(
            lambda c: pulled.keep(c, peer, lane, epoch, size, receipt), ahead=True
        )

    async def failed(
        self, peer: str, lane: Lane, attempts: int, next_attempt_ms: int, problem: str
    ) -> None:
        """Keep when to try again and why it failed."""

        def job(connection: Connection) -> None:
            _know(connection, peer, lane)
            connection.execute(
                "UPDATE channels_out SET attempts = ?, next_attempt_ms = ?, problem = ?"
                " WHERE peer = ? AND lane = ?",
                (attempts, next_attempt_ms, problem, peer, str(lane)),
            )

        await self._writer.run(job)

    async def goes_back(self, peer: str, lane: Lane) -> bool:
        """Whether the receiver made us say so much again that a person must look (§8.5.9)."""
        return await self._readers.run(lambda c: goes_back(c, peer, lane))

    async def alert_refill(self, peer: str, lane: Lane, now_ms: int) -> None:
        """The receiver holds less than it gave receipts for: a person hears of it."""
        await self._writer.run(lambda c: lost_entries(c, peer, lane, now_ms))

    async def stop(self, peer: str, lane: Lane, code: str, now_ms: int) -> None:
        """Stop the channel before a person; what waits stays, and waits."""

        def job(connection: Connection) -> None:
            _know(connection, peer, lane)
            connection.execute(
                "UPDATE channels_out SET stopped = ?, problem = ? WHERE peer = ? AND lane = ?",
                (code, code, peer, str(lane)),
            )
            open_task(connection, f"channel_{code}", f"{peer}/{lane}", now_ms)

        await self._writer.run(job)

    async def resume(self, peer: str, lane: Lane, now_ms: int) -> None:
        """A person has looked: the channel runs again."""

        def job(connection: Connection) -> None:
            connection.execute(
                "UPDATE channels_out SET stopped = NULL, attempts = 0, next_attempt_ms = 0"
                " WHERE peer = ? AND lane = ?",
                (peer, str(lane)),
            )
            connection.execute(
                "UPDATE tasks SET closed_ms = ? WHERE subject = ? AND closed_ms IS NULL",
                (now_ms, f"{peer}/{lane}"),
            )
            forget_again(connection, peer, lane)

        await self._writer.run(job)


def _know(connection: Connection, peer: str, lane: Lane) -> None:
    """See that the channel has a row, also where the peer never answered yet."""
    connection.execute(
        "INSERT OR IGNORE INTO channels_out VALUES (?, ?, 0, NULL, 0, ?, 0, 0, 0, NULL, NULL)",
        (peer, str(lane), EMPTY_EDGE),
    )
