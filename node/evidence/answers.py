"""Verifying what became of other members' entries: each had its effect, once, and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from node.casework.incoming.answering import UNKNOWN
from node.casework.incoming.receiving import Judged
from node.casework.mistakes.mass import may_wait_for, taken_back
from node.casework.passing_on.permits import NotPermittedError
from node.evidence.believed import Believed
from node.evidence.findings import Findings
from node.evidence.outbox import Told
from node.evidence.story import Story
from node.evidence.tombstones import Buried
from node.peer.channels.inbox import digest_of
from node.peer.channels.sending import may_send
from node.store.audits.audit import Audit, TakenRow
from protocol import entry as entries
from protocol.correspondence import PeerMessage
from protocol.dispositions import Dispositions
from protocol.errors import ProtocolError
from protocol.messages import (
    DispositionNote,
    Message,
    Outcome,
    from_body,
    is_answered,
)
from protocol.vocabulary import Disposition, Kind, Lane

REPEAT = "repeat"
CONFLICT = "conflict"
_REFUSED = str(Disposition.NOT_PERMITTED)
_QUARANTINED = str(Disposition.QUARANTINED)
_ASIDE = (_QUARANTINED, _REFUSED)
"""What is set aside as the registry stands: who says it, or that it is said, is not permitted."""


@dataclass(frozen=True, slots=True)
class _Read:
    """One entry in custody, read: what cannot be read has neither id nor message."""

    row: TakenRow
    place: str
    entry: entries.Entry | None
    message: Message | None

    @property
    def of_channel(self) -> bool:
        """Whether it belongs to the channel itself, and to no item."""
        return self.entry is not None and self.entry.kind < Kind.ITEM

    @property
    def digest(self) -> bytes:
        """What is remembered of it for ever."""
        assert self.entry is not None
        return digest_of(self.entry)


class _Answers(NamedTuple):
    """What senders were told, and the members to which an answer may not go, or once might not.

    That it might not left a task; none is ever deleted, and a gap between them is found.
    """

    by_leaf: Told
    deaf: frozenset[str]


def verify_answers(
    audit: Audit,
    story: Story,
    answered: Told,
    buried: Buried,
    believed: Believed,
    findings: Findings,
) -> None:
    """What we keep as our answer is what we told the sender; ids once taken are kept."""
    registry, us = believed.registry, believed.us
    heard = {peer for peer in registry.members if may_send(registry, us, peer, Lane.STATUS)}
    unheard = {who for _, code, who, _ in audit.tasks() if code == NotPermittedError.task}
    told = _Answers(answered, frozenset(registry.members) - heard | unheard)
    kept = {(peer, entry_id): digest for peer, entry_id, digest in audit.taken_ids()}
    first: dict[tuple[str, bytes], bytes] = {}
    turned: set[tuple[str, bytes]] = set()
    erased = story.leaves
    expired = {(peer, leaf) for peer, leaf in buried if leaf in story.buried.get(peer, ())}
    for row in audit.taken():
        findings.count("answers")
        one = _read(row)
        if one.row.entry is None and row.leaf in erased:
            _check_erased(one, told, findings)
            expired.discard((row.peer, row.leaf))
            entry_id = buried.get((row.peer, row.leaf), row.leaf)
            if entry_id != row.leaf and row.answer not in (REPEAT, CONFLICT):
                first[row.peer, entry_id] = row.leaf[:16]
            continue
        if one.of_channel:
            findings.expect(row.judged == Judged.DONE, "entries_in", one.place, "judged")
            continue
        if one.entry is not None and _is_turned(one, one.entry, told, turned, first):
            continue
        if one.entry is not None and _is_again(one, one.entry, first, findings):
            continue
        findings.expect(row.answer not in (REPEAT, CONFLICT), "entries_in", one.place, "no_repeat")
        _check_standing(one, audit, story, told, findings)
    for peer, leaf in sorted(expired):
        findings.add("tombstones", f"{peer}/{leaf.hex()[:16]}", "not_erased")
    for key in sorted(first.keys() | kept.keys()):
        same = first.get(key) == kept.get(key)
        findings.expect(same, "entry_ids_in", f"{key[0]}/{key[1].hex()[:16]}", "not_as_taken")


def _check_erased(one: _Read, told: _Answers, findings: Findings) -> None:
    """What is left of an erased entry: that it was judged, and the answer that its sender got."""
    row = one.row
    set_aside = row.answer in _ASIDE and row.judged == Judged.QUARANTINED
    findings.expect(set_aside or row.judged == Judged.DONE, "entries_in", one.place, "judged")
    if row.answer not in (None, REPEAT, CONFLICT, _REFUSED, _QUARANTINED):
        same = _as_told(told, row)
        findings.expect(same, "entries_in", one.place, "answer")


def _read(row: TakenRow) -> _Read:
    place = f"{row.peer}/{row.lane}/{row.leaf.hex()[:16]}"
    if row.entry is None:
        return _Read(row, place, None, None)
    try:
        entry = entries.decode(row.entry)
    except ProtocolError:
        return _Read(row, place, None, None)
    try:
        return _Read(row, place, entry, from_body(entry.kind, entry.body, entry.version))
    except ProtocolError:
        return _Read(row, place, entry, None)


def _is_turned(
    one: _Read,
    entry: entries.Entry,
    told: _Answers,
    turned: set[tuple[str, bytes]],
    first: dict[tuple[str, bytes], bytes],
) -> bool:
    """Whether two lanes brought one id in another order than before we lost our database.

    What was told then stands, in our own logs: the one that came first this time was the conflict.
    """
    row, key = one.row, (one.row.peer, entry.id)
    if row.judged != Judged.DONE or row.answer is None or not _is_told(told, row):
        return False
    if row.answer == CONFLICT and key not in first:
        first[key] = one.digest
        turned.add(key)
        return True
    return key in turned and row.answer not in (REPEAT, CONFLICT)


def _is_again(
    one: _Read,
    entry: entries.Entry,
    first: dict[tuple[str, bytes], bytes],
    findings: Findings,
) -> bool:
    """Whether this id was taken before; then it has no effect, and says which."""
    before = first.setdefault((one.row.peer, entry.id), digest := one.digest)
    if before is digest:
        return False
    word = REPEAT if before == digest else CONFLICT
    may_be = (Judged.DONE, Judged.WAITING, Judged.QUARANTINED)  # a conflict is judged, too
    judged = one.row.judged in (may_be[:1] if word == REPEAT else may_be)
    holds = judged and one.row.answer == word
    findings.expect(holds, "entries_in", one.place, word)
    return True


def _check_standing(
    one: _Read, audit: Audit, story: Story, told: _Answers, findings: Findings
) -> None:
    """It waits, is parked for an item that is not here, is set aside, or had its effect."""
    row = one.row
    spoken_of = getattr(one.message, "item_id", None)
    if row.item is not None:
        same = row.item in story.items(spoken_of)
        findings.expect(same, "entries_in", one.place, "item")
    waits = row.judged == Judged.PARKED
    findings.expect((row.waits_for is not None) == waits, "entries_in", one.place, "waits_for")
    if waits:
        held = (
            row.waits_for in may_wait_for(row.peer, one.message)
            and taken_back(one.message) is not None
        )
        if held:
            findings.count("held")
        right = held or (
            row.waits_for == spoken_of
            and (not story.is_told(row.peer, spoken_of) or spoken_of in audit.waking())
        )
        findings.expect(right, "entries_in", one.place, "waits_for")
    elif row.judged == Judged.QUARANTINED:
        findings.count("quarantined")
        right = row.answer is None or row.answer in _ASIDE
        findings.expect(right, "entries_in", one.place, "answer")
    elif row.judged == Judged.DONE:
        _check_done(one, audit, story, told, findings)
    else:
        findings.expect(row.judged == Judged.WAITING, "entries_in", one.place, "judged")


def _is_told(told: _Answers, row: TakenRow) -> bool:
    return row.answer in told.by_leaf.get((row.peer, row.leaf), ())


def _as_told(told: _Answers, row: TakenRow) -> bool:
    """Whether the sender was told what is kept as its answer; one that was lost twice told two.

    Who hears no answers, as the registry stands or stood, may have been told nothing.
    """
    said = told.by_leaf.get((row.peer, row.leaf))
    if said is None:
        return row.answer is None or row.peer in told.deaf
    return row.answer in said


def _check_done(one: _Read, audit: Audit, story: Story, told: _Answers, findings: Findings) -> None:
    row = one.row
    same = _as_told(told, row)
    if row.answer in UNKNOWN:
        findings.count("unknown")
        findings.expect(same, "entries_in", one.place, "answer")
        return
    if one.entry is None or is_answered(one.entry.version, one.entry.kind):
        why = "unanswered" if row.answer is None else "answer"
        findings.expect(row.answer is not None and same, "entries_in", one.place, why)
        return
    if one.message is None:
        findings.expect(same, "entries_in", one.place, "answer")
        return
    right = row.answer in (None, _REFUSED) or _is_inherited(one)
    findings.expect(right, "entries_in", one.place, "answer")
    if row.answer is None:
        ended = (getattr(one.message, "item_id", None), row.peer) in story.ended
        took = ended or _had_effect(one, audit, story)
        findings.expect(took, "entries_in", one.place, "no_effect")


def _is_inherited(one: _Read) -> bool:
    """Whether a person has it before him since it is about no item here (`inherited_outcome`)."""
    told = isinstance(one.message, Outcome | DispositionNote) and one.row.item is None
    return told and one.row.answer == str(Disposition.FOR_A_PERSON)


def _had_effect(one: _Read, audit: Audit, story: Story) -> bool:
    """Whether the history knows what this entry told."""
    message = one.message
    if isinstance(message, Outcome):
        items = story.items(message.item_id)
        return any(one in story.erased or (one, message.event_id) in story.heard for one in items)
    if isinstance(message, PeerMessage):
        items = story.items(message.item_id)
        return any(one in story.erased or (one, message.message_id) in story.heard for one in items)
    if isinstance(message, DispositionNote) and message.item_id is not None:
        said = (one.row.peer, str(message.disposition))
        items = story.items(message.item_id)
        return any(item in story.erased or (item, *said) in story.answered for item in items)
    if isinstance(message, Dispositions):
        said = (one.row.peer, str(message.disposition))
        items = set(audit.answered(one.row.peer, message))
        took = any(item in story.erased or (item, *said) in story.answered for item in items)
        return took or not items  # some may have been with others by then
    return True
