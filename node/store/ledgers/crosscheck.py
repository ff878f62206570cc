"""Comparing ledgers, on the embedded store.

Implements `node.peer.ledgers.crosscheck.CrossStore`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from node.peer.ledgers.crosscheck import (
    PASSING,
    Checked,
    Due,
    Followed,
    Log,
    Ours,
    Place,
    Problem,
)
from node.peer.ledgers.ledger import IsOurs
from node.peer.ledgers.witnessing import Counts
from node.store.audits.witness_audit import HeadRow, PlaceRow, WitnessAudit
from node.store.channels.forks import keep_most
from node.store.channels.inbox import signed_from
from node.store.history import fact
from node.store.items.tasks import close_task, open_task
from node.store.ledgers.witnessing import partners
from node.store.seam import Connection
from node.store.writer import Readers, Writer
from protocol.channel import Channel
from protocol.checkpoint import TIMESTAMP_BYTES, read_checkpoint
from protocol.merkle import CompactRange, inclusion_path
from protocol.note import parse
from protocol.showing import Showing, ShownHead, ShownLeaf
from protocol.vocabulary import Lane

SKEW_MS = 3_600_000
SHOWN_EPOCHS = 4
SHOWN_COSIGNERS = 4
MOST = 8
"""Showings of one member that are kept because they contradict our logs, half a MB each at most."""
BARRED: Final = "barred"
"""The row of `meta` that says who was suspended when."""
LOOKED_AT = 48
"""Places of one channel's epoch, the newest first, that are looked at for a witnessed one."""


LEAVES_AT_ONCE = 65_536
"""Leaves at most that are hashed for one showing, but those of one log of each lane."""


class Crosschecks:
    """What is compared with the ledgers of others, and how it went.

    `leaves_at_once`: as `LEAVES_AT_ONCE`.
    """

    def __init__(
        self, writer: Writer, readers: Readers, leaves_at_once: int = LEAVES_AT_ONCE
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._leaves_at_once = leaves_at_once

    async def partners(self) -> set[str]:
        """See `CrossStore.partners`."""
        return await self._readers.run(partners)

    async def checks(self) -> dict[str, Checked]:
        """See `CrossStore.checks`."""
        return await self._readers.run(checks)

    async def due(self, peer: str, before_ms: int, now_ms: int) -> list[Due]:
        """See `CrossStore.due`."""
        return await self._readers.run(lambda c: _due(c, peer, before_ms, now_ms))

    async def ours(self, peer: str, places: Collection[Place]) -> dict[Place, Ours]:
        """See `CrossStore.ours`."""
        return await self._readers.run(lambda c: _ours(c, peer, places, self._leaves_at_once))

    async def signed_from(self, peer: str, log: Log, size: int) -> list[bytes]:
        """See `CrossStore.signed_from`."""
        place = (peer, log.lane, log.epoch, size)
        return await self._readers.run(lambda c: signed_from(c, *place))

    async def showing(
        self, network: str, us: str, peer: str, counts: Counts, is_ours: IsOurs
    ) -> Showing:
        """See `CrossStore.showing`."""
        return await self._readers.run(lambda c: _showing(c, network, us, peer, counts, is_ours))

    async def keep_check(
        self,
        peer: str,
        checked: Checked,
        showing: bytes | None,
        found: Iterable[Problem],
        now_ms: int,
    ) -> None:
        """See `CrossStore.keep_check`."""
        problems = set(found)

        def job(connection: Connection) -> None:
            connection.execute(
                "INSERT INTO ledger_checks (peer, good_ms, failures, next_ms, problem)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (peer) DO UPDATE SET"
                " good_ms = coalesce(excluded.good_ms, ledger_checks.good_ms),"
                " failures = excluded.failures, next_ms = excluded.next_ms,"
                " problem = excluded.problem",
                (peer, *checked),
            )
            for problem in sorted(problems):
                open_task(connection, problem, peer, now_ms)
            if showing is not None:
                for passed in PASSING - problems:
                    close_task(connection, passed, peer, now_ms)
            if showing is not None and Problem.DIFFERS in problems:
                connection.execute(
                    "INSERT OR IGNORE INTO ledger_differences (peer, showing, found_ms)"
                    " VALUES (?, ?, ?)",
                    (peer, showing, now_ms),
                )
                keep_most(connection, "ledger_differences", peer, MOST)

        await self._writer.run(job)

    async def barred(self) -> dict[str, int]:
        """See `Suspensions.barred`."""
        kept = await self._readers.run(lambda c: fact(c, BARRED))
        return {} if kept is None else msgspec.json.decode(kept, type=dict[str, int])

    async def keep_barred(self, last_ms: Mapping[str, int]) -> None:
        """See `Suspensions.keep_barred`."""
        value = msgspec.json.encode(last_ms).decode()
        sql = "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)"
        await self._writer.run(lambda c: c.execute(sql, (BARRED, value)))


def checks(connection: Connection) -> dict[str, Checked]:
    """Return how the last comparison with each member went."""
    rows = connection.execute("SELECT peer, good_ms, failures, next_ms, problem FROM ledger_checks")
    return {row[0]: Checked(*row[1:]) for row in rows}


_SENT = (
    "SELECT size, signed_ms, receipt FROM checkpoints_out WHERE peer = ? AND lane = ? AND epoch = ?"
    " AND receipt IS NOT NULL AND signed_ms <= ? ORDER BY size DESC"
)
_HELD = (
    "SELECT r.size, e.taken_ms, NULL FROM receipts_in r JOIN entries_in e ON e.peer = r.peer"
    " AND e.lane = r.lane AND e.epoch = r.epoch AND e.idx = r.size - 1"
    " WHERE r.peer = ? AND r.lane = ? AND r.epoch = ? AND e.taken_ms <= ? ORDER BY r.size DESC"
)
"""Size, when we signed or took it, the receipt of the other; the newest first."""


def _epochs(connection: Connection, peer: str, lane: Lane, *, sent: bool) -> list[bytes]:
    """The epochs of a channel, the newest first."""
    table = "epochs_out" if sent else "epochs_in"
    rows = connection.execute(
        f"SELECT epoch FROM {table} WHERE peer = ? AND lane = ?"  # noqa: S608 - own names
        " ORDER BY opened_ms DESC, epoch",
        (peer, str(lane)),
    )
    return [epoch for (epoch,) in rows]


def _due(connection: Connection, peer: str, before_ms: int, now_ms: int) -> list[Due]:
    found = []
    for sent, sql in ((True, _SENT), (False, _HELD)):
        for lane in Lane:
            epochs = _epochs(connection, peer, lane, sent=sent)
            for number, epoch in enumerate(epochs):
                rows = connection.execute(sql, (peer, str(lane), epoch, before_ms))
                size = next((r[0] for r in rows if _held_ms(r[1], r[2], now_ms) <= before_ms), None)
                if size is not None:
                    found.append(Due(Log(sent, lane, epoch), size, frozenset(epochs[:number])))
                    break
    return found


def _held_ms(our_ms: int, receipt: bytes | None, now_ms: int) -> int:
    """Since when the receiver has had it: what waited for days was receipted when it went.

    That is the receipt's own time, unless it lies beyond our present.
    """
    if receipt is None:
        return our_ms
    stamp = parse(receipt).signatures[0].signature[:TIMESTAMP_BYTES]
    their_ms = int.from_bytes(stamp, "big") * 1000
    return max(our_ms, their_ms) if their_ms <= now_ms + SKEW_MS else our_ms


def _ours(
    connection: Connection, peer: str, places: Collection[Place], leaves_left: int
) -> dict[Place, Ours]:
    """Each log is hashed once, whatever is shown of it; the largest of each lane in any case."""
    found = {place: _signed(connection, peer, place) for place in places}
    sizes: dict[Log, list[int]] = {}
    for log, size in sorted(place for place, ours in found.items() if ours.root is None):
        if 0 < size <= _length(connection, peer, log):
            sizes.setdefault(log, []).append(size)
    logs = sorted(sizes, key=lambda log: sizes[log][-1])
    largest = {log[:2]: log for log in logs}
    for log in logs:
        if log not in largest.values():
            leaves_left -= sizes[log][-1]
        if leaves_left < 0 and log not in largest.values():
            for size in sizes[log]:
                del found[Place(log, size)]
            continue
        for size, root in _roots(connection, peer, log, sizes[log]):
            found[Place(log, size)] = found[Place(log, size)]._replace(root=root)
    return found


def _signed(connection: Connection, peer: str, place: Place) -> Ours:
    """What our log says at a size, by what was signed there; without a root if nothing was."""
    log, size = place
    key = (peer, str(log.lane), log.epoch)
    table, note = ("checkpoints_out", "note") if log.sent else ("receipts_in", "checkpoint")
    signed = ", signed_ms" if log.sent else ", NULL"
    row = connection.execute(
        f"SELECT {note}{signed} FROM {table}"  # noqa: S608 - own names
        " WHERE peer = ? AND lane = ? AND epoch = ? AND size = ?",
        (*key, size),
    ).fetchone()
    receipted = connection.execute(
        "SELECT coalesce(max(size), 0) FROM checkpoints_out"
        " WHERE peer = ? AND lane = ? AND epoch = ? AND receipt IS NOT NULL",
        key,
    ).fetchone()[0]
    followed = _followed(connection, *key) if log.sent else None
    if row is None:
        return Ours(None, receipted, None, followed)
    return Ours(read_checkpoint(row[0]).root, receipted, row[1], followed)


def _length(connection: Connection, peer: str, log: Log) -> int:
    row = connection.execute(
        f"SELECT max(idx) FROM {'log_out' if log.sent else 'entries_in'}"  # noqa: S608 - own names
        " WHERE peer = ? AND lane = ? AND epoch = ?",
        (peer, str(log.lane), log.epoch),
    ).fetchone()
    return 0 if row[0] is None else int(row[0]) + 1


def _roots(
    connection: Connection, peer: str, log: Log, sizes: Sequence[int]
) -> Iterator[tuple[int, bytes]]:
    """The roots of a log of ours at sizes that grow; none where leaves of it are missing."""
    rows = connection.execute(
        f"SELECT leaf FROM {'log_out' if log.sent else 'entries_in'}"  # noqa: S608 - own names
        " WHERE peer = ? AND lane = ? AND epoch = ? AND idx < ? ORDER BY idx",
        (peer, str(log.lane), log.epoch, sizes[-1]),
    ).fetchall()
    leaves = [leaf for (leaf,) in rows]
    if len(leaves) != sizes[-1]:
        return
    edge = CompactRange()
    for size in sizes:
        edge = edge.extend(leaves[edge.size : size])
        yield size, edge.root


def _followed(connection: Connection, peer: str, lane: str, epoch: bytes) -> Followed | None:
    row = connection.execute(
        "SELECT prev_size, prev_root FROM epochs_out WHERE peer = ? AND lane = ?"
        " AND prev_epoch = ? ORDER BY prev_size DESC LIMIT 1",
        (peer, lane, epoch),
    ).fetchone()
    return None if row is None else Followed(*row)


class _Witnessed(NamedTuple):
    """Our ledger as it is witnessed for the channels of two members."""

    audit: WitnessAudit
    parties: tuple[str, str]

    def best(self, origin: str) -> list[tuple[PlaceRow, HeadRow]]:
        """The newest place of a log under a witnessed head, and a newer one if there is one.

        What a key of ours signed that was revoked since is nobody's word any more: a reader would
        refuse all that is shown with it.
        """
        newer: list[tuple[PlaceRow, HeadRow]] = []
        for place in sorted(self.audit.places(origin), reverse=True)[:LOOKED_AT]:
            head = self.audit.witnessed_head(place.epoch, place.idx, self.parties)
            if head is not None:
                return [*newer, (place, head)]
            head = None if newer else self.audit.first_head(place.epoch, place.idx)
            newer = newer if head is None else [(place, head)]
        return newer


def _showing(
    connection: Connection, network: str, us: str, peer: str, counts: Counts, is_ours: IsOurs
) -> Showing:
    """Show each channel at its newest place and its newest witnessed one, and epochs before it."""
    witnessed, below = (
        _Witnessed(WitnessAudit(connection, counts, is_ours), (us, peer)),
        dict[HeadRow, list[ShownLeaf]](),
    )
    for sent in (True, False):
        sender, receiver = (us, peer) if sent else (peer, us)
        for lane in Lane:
            channel = Channel(network, sender, receiver, lane)
            shown = _shown(connection, witnessed, channel, sent=sent)
            for origin, place, head in shown:
                below.setdefault(head, []).append(_leaf(witnessed.audit, origin, place, head))
    notes = {
        head: witnessed.audit.cosigned_note(head, peer, SHOWN_COSIGNERS) for head in sorted(below)
    }
    return Showing(1, tuple(ShownHead(note, tuple(below[head])) for head, note in notes.items()))


def _shown(
    connection: Connection,
    witnessed: _Witnessed,
    channel: Channel,
    *,
    sent: bool,
) -> list[tuple[str, PlaceRow, HeadRow]]:
    """What is shown of one channel, the newest epoch first.

    Of what we send, back to the newest that was receipted: what we opened after it may never have
    reached the reader, who misses the one that it knows.
    """
    _, peer = witnessed.parties
    shown: list[tuple[str, PlaceRow, HeadRow]] = []
    epochs = _epochs(connection, peer, channel.lane, sent=sent)
    for epoch in epochs[:SHOWN_EPOCHS]:
        origin = str(channel.origin(epoch))
        found = witnessed.best(origin)
        shown += [(origin, *one) for one in (found[-1:] if shown else found)]
        if found and (not sent or _is_receipted(connection, peer, channel.lane, epoch)):
            break
    return shown


def _is_receipted(connection: Connection, peer: str, lane: Lane, epoch: bytes) -> bool:
    row = connection.execute(
        "SELECT 1 FROM checkpoints_out WHERE peer = ? AND lane = ? AND epoch = ?"
        " AND receipt IS NOT NULL LIMIT 1",
        (peer, str(lane), epoch),
    ).fetchone()
    return row is not None


def _leaf(audit: WitnessAudit, origin: str, place: PlaceRow, head: HeadRow) -> ShownLeaf:
    leaves = audit.leaf_hashes(place.epoch, head.size)
    path = tuple(inclusion_path(leaves, place.idx, head.size))
    return ShownLeaf(origin, place.size, place.root, place.idx, path)
