"""Verifying logs: leaves from entries, checkpoints from leaves, signatures and receipts on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from keys.errors import KeysError
from keys.member import Purpose
from keys.registry import Registry
from keys.signing import VerifyKey
from node.evidence.disavowals import Limits, count_in_vain, disavowed_held, disavowed_sent
from node.evidence.findings import Findings
from node.evidence.gone import Gone
from node.evidence.seen_in_time import OurLedger
from node.evidence.weight import Weighed, count_void, is_worth
from node.store.audits.audit import Audit, CheckpointRow, LogRow
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint, Origin, verify_checkpoint
from protocol.entry import leaf as leaf_of
from protocol.errors import ProtocolError
from protocol.merkle import CompactRange
from protocol.messages import EpochOpen, read
from protocol.receipt import verify_receipt
from protocol.vocabulary import Lane

if TYPE_CHECKING:
    from node.evidence.believed import Believed

_LANES = frozenset(str(lane) for lane in Lane)
_Epoch = tuple[str, str, bytes, bytes | None, int, bytes]


def verify_sent(audit: Audit, believed: Believed, erased: Gone, findings: Findings) -> None:
    """Our own logs: what we signed, and what was receipted."""
    ends, weighing = {}, _Weighing(audit, believed, disavowed_sent(audit))
    for epoch in _known_lanes(audit.sent_epochs(), "sent", findings):
        peer, lane, name = epoch[:3]
        origin = _origin(believed.registry, believed.us, peer, lane, name)
        rows, checkpoints = audit.sent(peer, lane, name), audit.sent_checkpoints(peer, lane, name)
        keys = weighing.of(believed.us, peer, epoch)
        ends[peer, lane, name] = _walk(
            "sent", origin, epoch, rows, checkpoints, keys, erased, findings
        )
        last = checkpoints[-1].size if checkpoints else 0
        whole = last == ends[peer, lane, name].size
        findings.expect(whole, "sent", f"{peer}/{lane}/{name.hex()}", "beyond_checkpoint")
    count_void("sent", weighing.parts(), findings)
    for peer, lane, present, size, edge, receipted in audit.sent_state():
        if present is None:
            continue
        end = ends.get((peer, lane, present), CompactRange())
        place = f"{peer}/{lane}"
        findings.expect((size, edge) == (end.size, end.to_bytes()), "sent", place, "row")
        sizes = [
            c.size for c in audit.sent_checkpoints(peer, lane, present) if c.receipt is not None
        ]
        findings.expect(receipted == max(sizes, default=0), "sent", place, "receipted")


def verify_held(audit: Audit, believed: Believed, erased: Gone, findings: Findings) -> None:
    """Other members' logs: what they signed, and what we receipted."""
    ends, weighing = {}, _Weighing(audit, believed, disavowed_held(audit))
    for epoch in _known_lanes(audit.held_epochs(), "held", findings):
        peer, lane, name = epoch[:3]
        origin = _origin(believed.registry, peer, believed.us, lane, name)
        rows, checkpoints = audit.held(peer, lane, name), audit.held_checkpoints(peer, lane, name)
        keys = weighing.of(peer, believed.us, epoch)
        ends[peer, lane, name] = _walk(
            "held", origin, epoch, rows, checkpoints, keys, erased, findings
        )
        whole = bool(checkpoints) and checkpoints[-1].size == ends[peer, lane, name].size
        findings.expect(whole, "held", f"{peer}/{lane}/{name.hex()}", "beyond_receipt")
    count_void("held", weighing.parts(), findings)
    count_in_vain(weighing.checkpoints, findings)
    closed = {(*epoch[:2], epoch[3]) for epoch in audit.held_epochs()}
    for peer, lane, name, size, edge in audit.held_state():
        findings.expect((peer, lane, name) not in closed, "held", f"{peer}/{lane}", "closed_epoch")
        end = ends.get((peer, lane, name), CompactRange())
        same = (size, edge) == (end.size, end.to_bytes())
        findings.expect(same, "held", f"{peer}/{lane}", "row")


def verify_whole(audit: Audit, findings: Findings) -> None:
    """Nothing hangs in the air: each row has the epoch and the channel that it belongs to."""
    for where, place, why in (*audit.strays(), *audit.uncovered()):
        findings.add(where, place, why)
    _verify_stopped(audit, findings)


def _verify_stopped(audit: Audit, findings: Findings) -> None:
    """A stopped channel stands before a person, and nobody but a person lets it run again."""
    stopped, expected = set(audit.stopped()), 1
    known, still_open = set(), set()
    for task, code, subject, closed_ms in audit.tasks():
        findings.expect(task == expected, "tasks", task, "gap")
        expected = task + 1
        known.add((code, subject))
        if closed_ms is None and code.startswith("channel_"):
            still_open.add((code, subject))
    for code, subject in sorted(stopped - known):
        findings.add("tasks", subject, f"{code}_missing")
    for code, subject in sorted(still_open - stopped):
        findings.add("tasks", subject, f"{code}_but_runs")


def _known_lanes(epochs: Sequence[_Epoch], where: str, findings: Findings) -> list[_Epoch]:
    """Leave out, and name, epochs of lanes that do not exist."""
    for epoch in epochs:
        findings.expect(epoch[1] in _LANES, where, f"{epoch[0]}/{epoch[1]}", "lane")
    return [epoch for epoch in epochs if epoch[1] in _LANES]


def _origin(registry: Registry, sender: str, receiver: str, lane: str, epoch: bytes) -> Origin:
    return Channel(registry.network_id, sender, receiver, Lane(lane)).origin(epoch)


class _Weighing:
    """Whose keys sign and cosign the logs of one direction, and what came of it."""

    def __init__(self, audit: Audit, believed: Believed, disavowed: Limits) -> None:
        self._believed = believed
        self._ledger = OurLedger(audit, believed)
        self.checkpoints = Weighed(disavowed=disavowed)
        self._receipts = Weighed()

    def parts(self) -> tuple[tuple[str, Weighed], tuple[str, Weighed]]:
        """What was seen, by what was signed."""
        return ("checkpoints", self.checkpoints), ("receipts", self._receipts)

    def of(self, sender: str, receiver: str, epoch: _Epoch) -> tuple[_Keys, _Keys]:
        """The keys for one log: the sender's, then the receiver's."""
        peer, lane, name, before, size, _ = epoch
        log = (peer, lane, name)
        if before is not None:
            for one in (self.checkpoints, self._receipts):
                one.before[log] = (peer, lane, before), size
        return (
            self._keys(sender, "log", peer, self.checkpoints.seen.setdefault(log, [])),
            self._keys(receiver, "receipt", peer, self._receipts.seen.setdefault(log, [])),
        )

    def _keys(
        self, member: str, purpose: Purpose, peer: str, seen: list[tuple[int, bool]]
    ) -> _Keys:
        """The member's keys for `purpose`; none if the registry no longer knows it."""
        try:
            document = self._believed.registry.member(member)
        except KeysError:
            return _Keys((), frozenset(), seen, _never)
        keys = tuple(published.key for published in document.published(purpose))
        revoked = self._believed.revoked.get(member, frozenset())
        good = (key.key_id for key in keys if is_worth(document, key.key_id, revoked))
        if member != self._believed.us:
            return _Keys(keys, frozenset(good), seen, _never)

        def in_time(checkpoint: Checkpoint, key: VerifyKey) -> bool:
            """Whether witnesses saw in our ledger what this key signed before it was stolen."""
            if document.turn(key.key_id).compromised_ms is None:
                return False
            held_ms = self._ledger.held_ms(peer, checkpoint)
            return is_worth(document, key.key_id, revoked, held_ms)

        return _Keys(keys, frozenset(good), seen, in_time)


def _never(_checkpoint: Checkpoint, _key: VerifyKey) -> bool:
    """Of another's ledger we keep nothing that would tell (§3.9.6)."""
    return False


class _Keys(NamedTuple):
    """All listed keys, the ids of those whose signatures count, and what was signed with them.

    `in_time`: whether what another key signed counts, since witnesses saw it before the theft.
    """

    listed: tuple[VerifyKey, ...]
    good: frozenset[str]
    seen: list[tuple[int, bool]]
    in_time: Callable[[Checkpoint, VerifyKey], bool]

    def saw(self, checkpoint: Checkpoint, key: VerifyKey) -> None:
        """Remember by which key this was signed."""
        counts = key.key_id in self.good or self.in_time(checkpoint, key)
        self.seen.append((checkpoint.size, counts))


def _walk(
    where: str,
    origin: Origin,
    epoch: _Epoch,
    rows: Iterator[LogRow],
    checkpoints: Sequence[CheckpointRow],
    keys: tuple[_Keys, _Keys],
    erased: Gone,
    findings: Findings,
) -> CompactRange:
    """Walk one log; return its edge."""
    place = f"{epoch[0]}/{epoch[1]}/{epoch[2].hex()}"
    due = {row.size: row for row in checkpoints}
    edge = CompactRange()
    for row in rows:
        findings.count(f"entries_{where}")
        at = f"{place}/{row.place}"
        findings.expect(row.place == edge.size, where, at, "gap")
        _check_entry(where, at, row, epoch, erased, findings)
        edge = edge.append(row.leaf)
        checkpoint = due.pop(edge.size, None)
        if checkpoint is not None:
            _check_signed(where, origin, edge, checkpoint, keys, findings)
    for size in due:
        findings.add(where, f"{place}/{size}", "checkpoint_beyond_log")
    return edge


def _check_entry(
    where: str,
    at: str,
    row: LogRow,
    epoch: _Epoch,
    erased: Gone,
    findings: Findings,
) -> None:
    findings.expect(not row.lost, where, at, "message_missing")
    if row.entry is None:
        explained = erased.explains(epoch[:3], row.place, row.leaf, findings)
        findings.expect(explained, where, at, "erased")
        return
    findings.expect(leaf_of(row.entry) == row.leaf, where, at, "leaf")
    if row.place != 0:
        return
    named = epoch[3:]
    try:
        _, message = read(row.entry)
    except ProtocolError:
        findings.add(where, at, "opening")
        return
    holds = isinstance(message, EpochOpen) and named == (
        message.predecessor_epoch,
        message.predecessor_size,
        message.predecessor_root,
    )
    findings.expect(holds, where, at, "opening")


def _check_signed(
    where: str,
    origin: Origin,
    edge: CompactRange,
    row: CheckpointRow,
    keys: tuple[_Keys, _Keys],
    findings: Findings,
) -> None:
    expected = Checkpoint(origin, edge.size, edge.root)
    peer = origin.receiver if where == "sent" else origin.sender
    place = f"{peer}/{origin.lane}/{origin.epoch.hex()}/{edge.size}"
    findings.count(f"checkpoints_{where}")
    signers, cosigners = keys

    def is_signed() -> bool:
        found = verify_checkpoint(row.note, signers.listed)
        signers.saw(expected, found.key)
        return found.checkpoint == expected

    findings.expect(_holds(is_signed), where, place, "checkpoint")
    if row.receipt is None:
        findings.count("unreceipted")
        return
    receipt = row.receipt
    findings.count(f"receipts_{where}")

    def is_receipted() -> bool:
        found = verify_receipt(receipt, expected, cosigners.listed)
        cosigners.saw(expected, found.key)
        return found.checkpoint == expected

    findings.expect(_holds(is_receipted), where, place, "receipt")


def _holds(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (ProtocolError, KeysError):
        return False
