"""Comparing ledgers, on the embedded store. Implements `node.peer.crosscheck.CrossStore`."""

from __future__ import annotations

from collections.abc import Iterable

from node.peer.crosscheck import PASSING, Checked, Due, Log, Ours, Problem
from node.store.connection import Connection
from node.store.tasks import close_task, open_task
from node.store.witness_audit import HeadRow, PlaceRow, WitnessAudit
from node.store.witnessing import partners
from node.store.writer import Readers, Writer
from protocol.channel import Channel
from protocol.checkpoint import read_checkpoint
from protocol.merkle import inclusion_path, root_of
from protocol.showing import Showing, ShownHead, ShownLeaf
from protocol.vocabulary import Lane

LOOKED_AT = 48
"""Places of one channel's epoch, the newest first, that are looked at for a witnessed one."""


class Crosschecks:
    """What is compared with the ledgers of others, and how it went."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def partners(self) -> set[str]:
        """See `CrossStore.partners`."""
        return await self._readers.run(partners)

    async def checks(self) -> dict[str, Checked]:
        """See `CrossStore.checks`."""
        return await self._readers.run(checks)

    async def due(self, peer: str, before_ms: int) -> list[Due]:
        """See `CrossStore.due`."""
        return await self._readers.run(lambda c: _due(c, peer, before_ms))

    async def ours(self, peer: str, log: Log, size: int) -> Ours:
        """See `CrossStore.ours`."""
        return await self._readers.run(lambda c: _ours(c, peer, log, size))

    async def showing(self, network: str, us: str, peer: str) -> Showing:
        """See `CrossStore.showing`."""
        return await self._readers.run(lambda c: _showing(c, network, us, peer))

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
                " good_ms = coalesce(excluded.good_ms, good_ms), failures = excluded.failures,"
                " next_ms = excluded.next_ms, problem = excluded.problem",
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

        await self._writer.run(job)


def checks(connection: Connection) -> dict[str, Checked]:
    """Return how the last comparison with each member went."""
    rows = connection.execute("SELECT peer, good_ms, failures, next_ms, problem FROM ledger_checks")
    return {row[0]: Checked(*row[1:]) for row in rows}


_SENT_DUE = (
    "SELECT max(size) FROM checkpoints_out WHERE peer = ? AND lane = ? AND epoch = ?"
    " AND receipt IS NOT NULL AND signed_ms <= ?"
)
_HELD_DUE = (
    "SELECT max(r.size) FROM receipts_in r JOIN entries_in e ON e.peer = r.peer"
    " AND e.lane = r.lane AND e.epoch = r.epoch AND e.idx = r.size - 1"
    " WHERE r.peer = ? AND r.lane = ? AND r.epoch = ? AND e.taken_ms <= ?"
)


def _epochs(connection: Connection, peer: str, lane: Lane, *, sent: bool) -> list[bytes]:
    """The epochs of a channel, the newest first."""
    table = "epochs_out" if sent else "epochs_in"
    rows = connection.execute(
        f"SELECT epoch FROM {table} WHERE peer = ? AND lane = ?"  # noqa: S608 - own names
        " ORDER BY opened_ms DESC, epoch",
        (peer, str(lane)),
    )
    return [epoch for (epoch,) in rows]


def _due(connection: Connection, peer: str, before_ms: int) -> list[Due]:
    found = []
    for sent, sql in ((True, _SENT_DUE), (False, _HELD_DUE)):
        for lane in Lane:
            epochs = _epochs(connection, peer, lane, sent=sent)
            for number, epoch in enumerate(epochs):
                row = connection.execute(sql, (peer, str(lane), epoch, before_ms)).fetchone()
                if row[0] is not None:
                    found.append(Due(Log(sent, lane, epoch), row[0], frozenset(epochs[:number])))
                    break
    return found


def _ours(connection: Connection, peer: str, log: Log, size: int) -> Ours:
    place = (peer, str(log.lane), log.epoch)
    table, note = ("checkpoints_out", "note") if log.sent else ("receipts_in", "checkpoint")
    signed = ", signed_ms" if log.sent else ", NULL"
    row = connection.execute(
        f"SELECT {note}{signed} FROM {table}"  # noqa: S608 - own names
        " WHERE peer = ? AND lane = ? AND epoch = ? AND size = ?",
        (*place, size),
    ).fetchone()
    receipted = connection.execute(
        "SELECT coalesce(max(size), 0) FROM checkpoints_out"
        " WHERE peer = ? AND lane = ? AND epoch = ? AND receipt IS NOT NULL",
        place,
    ).fetchone()[0]
    if row is not None:
        return Ours(read_checkpoint(row[0]).root, receipted, row[1])
    leaves = connection.execute(
        f"SELECT leaf FROM {'log_out' if log.sent else 'entries_in'}"  # noqa: S608 - own names
        " WHERE peer = ? AND lane = ? AND epoch = ? AND idx < ? ORDER BY idx",
        (*place, size),
    ).fetchall()
    root = root_of([leaf for (leaf,) in leaves]) if leaves and len(leaves) == size else None
    return Ours(root, receipted, None)


def _showing(connection: Connection, network: str, us: str, peer: str) -> Showing:
    """Show each channel at its newest witnessed place, else at its newest."""
    audit, below = WitnessAudit(connection), dict[int, list[ShownLeaf]]()
    notes: dict[int, bytes] = {}
    for sent in (True, False):
        sender, receiver = (us, peer) if sent else (peer, us)
        for lane in Lane:
            channel = Channel(network, sender, receiver, lane)
            for epoch in _epochs(connection, peer, lane, sent=sent):
                origin = str(channel.origin(epoch))
                found = _best(audit, us, peer, origin)
                if found is None:
                    continue
                place, head = found
                notes[head.number] = audit.cosigned_note(head, peer)
                leaves = audit.leaf_hashes(place.epoch, head.size)
                path = tuple(inclusion_path(leaves, place.idx, head.size))
                leaf = ShownLeaf(origin, place.size, place.root, place.idx, path)
                below.setdefault(head.number, []).append(leaf)
                break
    return Showing(1, tuple(ShownHead(notes[n], tuple(below[n])) for n in sorted(below)))


def _best(audit: WitnessAudit, us: str, peer: str, origin: str) -> tuple[PlaceRow, HeadRow] | None:
    """The newest place of a log under a witnessed head, else the newest one under any."""
    places = sorted(audit.places(origin), reverse=True)[:LOOKED_AT]
    for place in places:
        head = audit.witnessed_head(place.epoch, place.idx, (us, peer))
        if head is not None:
            return place, head
    head = audit.first_head(places[0].epoch, places[0].idx) if places else None
    return None if head is None else (places[0], head)
