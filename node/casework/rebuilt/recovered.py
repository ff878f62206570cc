"""What a member that lost its node makes of the entries that come back (docs/protocol.md §8.13).

It begins with what it had said itself: an item that it handed on stands in its own message, with
the custody chain; what it judged and did stands in the outcomes that it told. What was said to it
its peers say again, and it is judged as ever. Only two things differ: what was said once is not
said a second time (`said_key`), and an answer that was given stays the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from keys.registry import Registry
from node.casework.casebook import Casebook
from node.casework.contents.hits import without_placeholder
from node.casework.events import (
    EventKind,
    Facts,
    HandedOn,
    Recorded,
    Reopened,
    Settled,
    VerdictWithdrawn,
    Withdrawn,
)
from node.casework.events import Sighted as SightedEvent
from node.casework.folding import lacks
from node.casework.incoming.answering import UNKNOWN
from node.casework.item import FINAL_ACTIONS, Custody, Informant, ItemState, KeptMessage, Review
from node.casework.passing_on.chains import order
from node.casework.passing_on.routing import item_told, responsible
from node.casework.rebuilt.words import one_file, read
from node.casework.telling import is_there_since, note, of_others
from node.ids import Ids, digits_of, time_of
from protocol import entry as entries
from protocol.correspondence import PeerMessage
from protocol.dispositions import Dispositions
from protocol.errors import MalformedError, ProtocolError
from protocol.facts import Hop, Jurisdiction, Moved
from protocol.fields import MAX_HOPS
from protocol.messages import (
    DispositionNote,
    Item,
    ItemV2,
    Message,
    Outcome,
    Sighted,
    Withdrawal,
    from_body,
)
from protocol.verdicts import ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import Action, Confidence, Disposition, HostingState, Kind, OutcomeWhat

OWN_ITEMS, OTHERS = 1, 2
"""Steps of the rebuilding: items that we handed on, then, once the rest is judged, all else."""
KEY_BYTES = 16
NOT_REBUILT = "entry_not_rebuilt"


class Said(NamedTuple):
    """One entry of ours, as far as the rebuilding must know it.

    `step` None: it belongs to the channel, or is not our word. `key`: what it says; the same is not
    said again. `answer`: of a disposition, which. `answers`: of the answer of a crowd, the key of
    each of its answers, which is all `answer`.
    """

    entry_id: bytes
    kind: int
    step: int | None
    at_ms: int
    key: bytes | None
    answer: str | None = None
    answers: tuple[bytes, ...] = ()


def read_said(raw: bytes, node_secret: bytes) -> Said:
    """Read an entry of our own log; one without our salt says nothing, whoever signed the log.

    Raises:
        MalformedError: it is no entry; we never made it.
    """
    entry = entries.decode(raw)
    of_the_channel = entry.kind in (Kind.EPOCH_OPEN, Kind.REGISTRY_SEEN)
    if of_the_channel or not entries.is_made_with(node_secret, entry):
        return Said(entry.id, entry.kind, None, 0, None)
    try:
        message = from_body(entry.kind, entry.body, entry.version)
    except MalformedError:
        return Said(entry.id, entry.kind, OTHERS, 0, None)
    if isinstance(message, Item):
        return Said(entry.id, entry.kind, OWN_ITEMS, order(message.custody), said_key(message))
    answer = None
    answers: tuple[bytes, ...] = ()
    if isinstance(message, DispositionNote) and message.disposition not in UNKNOWN:
        answer = str(message.disposition)
    elif isinstance(message, Dispositions):
        answer = str(message.disposition)
        answers = tuple(answer_key(one.leaf) for one in message.cited)
    key = said_key(message)
    return Said(entry.id, entry.kind, OTHERS, _at_ms(message), key, answer, answers)


def said_key(message: Message) -> bytes | None:
    """What a message says, whatever the form and revision: 16 bytes; None: it may be repeated."""
    about = _ABOUT.get(type(message))
    said = None if about is None else about(message)
    return None if said is None else _digest(said)


def _digest(said: tuple[object, ...]) -> bytes:
    return hashlib.sha256(msgspec.msgpack.encode(said)).digest()[:KEY_BYTES]


def key_of(raw: bytes) -> bytes | None:
    """Return the `said_key` of an entry; None where it has none."""
    try:
        entry = entries.decode(raw)
        return said_key(from_body(entry.kind, entry.body, entry.version))
    except ProtocolError:
        return None


def item_ids(node_secret: bytes, item: str, peer: str) -> Iterator[bytes]:
    """Yield the id of every hand-over of an item to `peer` that we can have said (§5.3)."""
    for version in entries.VERSIONS:
        for hops in range(MAX_HOPS + 2):
            yield entries.entry_id(node_secret, Kind.ITEM, item, hops, peer, version)


def answer_key(leaf: bytes) -> bytes:
    """Return the key of the answer to the entry with this leaf."""
    return _digest((int(Kind.DISPOSITION), leaf))


def _about_answer(message: DispositionNote) -> tuple[object, ...] | None:
    """An answer that a form is unknown is followed by another once we have learnt it."""
    unknown = message.disposition in UNKNOWN
    return None if unknown else (int(Kind.DISPOSITION), message.leaf)


def _about_sighting(message: Sighted) -> tuple[object, ...]:
    """One report may be told with several files, each by itself."""
    seen, files = message.sighting, filter(None, (message.content,))
    what = (msgspec.msgpack.encode(message),) if seen is None else (seen.sighting_id, *files)
    return int(Kind.SIGHTED), message.item_id, *what


def _about_outcome(message: Outcome) -> tuple[object, ...]:
    """A verdict and its end bear one event id; of an action there may be two accounts."""
    back = (str(message.what),) if message.what is OutcomeWhat.WITHDRAWN else ()
    done = back if message.action is None else (message.action,)
    return int(Kind.OUTCOME), message.item_id, message.event_id, *done


_ABOUT: dict[type, Callable[[Any], tuple[object, ...] | None]] = {
    Item: lambda m: (int(Kind.ITEM), m.item_id, len(m.custody)),
    ItemV2: lambda m: (int(Kind.ITEM), m.item_id, len(m.custody)),
    Sighted: _about_sighting,
    DispositionNote: _about_answer,
    Outcome: _about_outcome,
    Withdrawal: lambda m: (int(Kind.WITHDRAWAL), m.item_id, m.sighting_id),
    ContentVerdict: lambda m: (Kind.CONTENT_VERDICT, m.assessment.event_id, m.part, m.fullness),
    ContentVerdictWithdrawn: lambda m: (Kind.CONTENT_VERDICT_WITHDRAWN, m.event_id),
}


def _at_ms(message: Message) -> int:
    if isinstance(message, Outcome):
        return message.learnt_ms
    if isinstance(message, Sighted):
        return 0 if message.sighting is None else message.sighting.found_ms
    at_ms: int = getattr(message, "at_ms", 0)
    return at_ms


def is_told(registry: Registry, state: ItemState, peer: str) -> bool:
    """Whether we tell `peer` of this item: it is part of its story, or heir of one that is.

    What a thief of all our keys had receipted by one that is not has no effect (§8.13.7).
    """
    members = {hop.member for hop in state.hops} | {one.member for one in state.informants}
    return peer in members or peer in map(registry.network.heir_of, members)


class Rebuilder:
    """Takes what we had said into one casebook."""

    def __init__(self, book: Casebook, registry: Registry) -> None:
        self._book = book
        self._registry = registry

    def take(self, peer: str, raw: bytes) -> str | None:
        """Give one entry of ours its effect; return the item that it is about, here or not."""
        message = read(raw)
        if isinstance(message, Item):
            return self._handed_on(peer, message, raw)
        if isinstance(message, ContentVerdict | ContentVerdictWithdrawn):
            self._book.shared.append(message)
        item_id = getattr(message, "item_id", None)
        state = None if item_id is None else self._book.find(item_id)
        if state is None:
            return item_id
        effect = _EFFECTS.get(type(message))
        if effect is not None and not is_told(self._registry, state, peer):
            self._book.tasks.append((NOT_REBUILT, peer))
        elif effect is not None:
            effect(self, state, peer, message)
        return state.id

    def _handed_on(self, peer: str, message: Item, raw: bytes) -> str:
        """An item that we handed to `peer`: ours, or of a member before us in the chain.

        Its hand-over has a place among those of others again, under an id of the same time.
        """
        state = self._book.find(message.item_id) or self._record(message)
        at_ms, dated = message.custody[-1].received_ms, message.revision > MAX_HOPS
        hops = (*message.custody, Hop(peer, at_ms))
        if len(hops) > len(state.hops) or state.custody is Custody.LOCATING:
            digits = digits_of(hashlib.sha256(raw).digest())
            step = Ids(self._book.us).mint(message.revision, digits) if dated else None
            self._hand_on(state, hops, message.jurisdiction, at_ms, step)
        return state.id

    def _record(self, message: Item) -> ItemState:
        chain = message.custody
        before = chain[-2].member if len(chain) > 1 else None
        state = msgspec.structs.replace(
            item_told(message, before),
            told_hops=len(chain) - 1,  # it is the first time that we handed it on
            informants=() if before is None else (Informant(before, message.item_id),),
            hearsay=of_others(self._book.us, (*message.assessments, *message.actions)),
        )
        if before is None:
            self._remember_line(message.item_id)
        return self._book.record(
            message.item_id,
            EventKind.RECORDED,
            Recorded(state, None),
            at_ms=message.found_ms,
            actor=before or self._book.us,
        )

    def _remember_line(self, subject: str) -> None:
        """The line itself was never told to anybody: what stands in its place matches none."""
        line = hashlib.sha256(b"recovered\0" + subject.encode()).digest()[:KEY_BYTES]
        self._book.remember_line(line, subject)

    def _hand_on(
        self,
        state: ItemState,
        hops: tuple[Hop, ...],
        found: Jurisdiction,
        at_ms: int,
        step: str | None = None,
    ) -> None:
        orphan = found.country is not None and responsible(self._registry, found.country)[1]
        body = HandedOn(hops[-1].member, orphan, hops, found, step)
        self._book.record(state.id, EventKind.HANDED_ON, body, at_ms=at_ms, actor=self._book.us)

    def outcome(self, state: ItemState, _peer: str, message: Outcome) -> None:
        """What we judged, did or passed on; whether that was its author's word, nobody says."""
        book = self._book
        if message.what is OutcomeWhat.WITHDRAWN:
            self._verdict_withdrawn(state, message)
            return
        if state.has_been_told(message.event_id):
            return
        if message.assessment is not None:
            note(book, state.id, EventKind.ASSESSED, message.assessment, message.at_ms, book.us)
        elif message.action is not None:
            after = note(book, state.id, EventKind.ACTED, message.action, message.at_ms, book.us)
            seen = after.last_seen_online_ms
            ended = message.action.action in FINAL_ACTIONS and after.closed_ms is not None
            if ended and seen is not None and seen > message.action.at_ms:
                self._reopen(after, message)  # somebody saw it again after we had closed it
            elif after.custody is Custody.HERE:
                self._ask_whether_it_is_back(after)
        elif message.moved is not None and message.author == book.us:
            self._moved(state, message.moved, message.at_ms)
        elif message.what is OutcomeWhat.REOPENED:
            self._reopen(state, message)

    def _ask_whether_it_is_back(self, state: ItemState) -> None:
        """What was reported after we had closed it stands before a person, until we looked.

        It was said to us again before this, and was one more report of an open item.
        """
        book = self._book
        if is_there_since(state, book.now) or _is_told_since(state, book.now):
            book.raise_review(state.id, Review.PERHAPS_BACK)
        elif Review.PERHAPS_BACK in state.reviews:
            body = Settled(Review.PERHAPS_BACK)
            book.record(state.id, EventKind.SETTLED, body, at_ms=book.now, actor=book.us)

    def _verdict_withdrawn(self, state: ItemState, message: Outcome) -> None:
        if message.event_id not in state.heard:
            body = VerdictWithdrawn(message.event_id, message.author)
            self._book.record(
                state.id,
                EventKind.VERDICT_WITHDRAWN,
                body,
                at_ms=message.at_ms,
                actor=self._book.us,  # as above
            )

    def _reopen(self, state: ItemState, message: Outcome) -> None:
        body, at_ms = Reopened(message.event_id), message.at_ms
        actor = message.author
        after = self._book.record(state.id, EventKind.REOPENED, body, at_ms=at_ms, actor=actor)
        self._ask_whether_it_is_back(after)

    def _moved(self, state: ItemState, moved: Moved, at_ms: int) -> None:
        """We told that it moved on, and who has it now did not hand our entry back.

        Whether it has come back since, while we were lost, is seen once all is known
        (`whereabouts`).
        """
        if state.custody is Custody.HANDED_ON:
            return
        country = moved.country
        where = HostingState.COUNTRY if country is not None else HostingState.NONE
        found = Jurisdiction(where, country, Confidence.MEDIUM, moved.evidence)
        self._hand_on(state, (*state.hops, Hop(moved.to_member, at_ms)), found, at_ms)

    def sighted(self, state: ItemState, _peer: str, message: Sighted) -> None:
        """A sighting or facts that we passed along the chain."""
        book, sighting = self._book, message.sighting
        if sighting is not None and sighting not in state.sightings:
            ours = sighting.member == book.us
            body = SightedEvent((sighting,), None, message.child_at_risk, Disposition.DUPLICATE)
            if ours:
                self._remember_line_of(sighting.sighting_id, state.id)
            book.record(
                state.id,
                EventKind.SIGHTED,
                body,
                at_ms=sighting.found_ms,
                actor=sighting.member,
            )
        state = book.loaded.items[state.id]
        files = without_placeholder(book, state, one_file(message.content), state.kind)
        facts = lacks(state, Facts(files, message.access))
        if facts is not None:
            book.record(state.id, EventKind.FACTS, facts, at_ms=book.now, actor=book.us)

    def _remember_line_of(self, sighting: str, item: str) -> None:
        line = hashlib.sha256(b"recovered\0" + sighting.encode()).digest()[:KEY_BYTES]
        self._book.remember_line(line, item)

    def withdrawn(self, state: ItemState, _peer: str, message: Withdrawal) -> None:
        """A sighting that we took back, or told on that another took back."""
        gone = [
            one
            for one in state.sightings
            if message.sighting_id in (None, one.sighting_id)
            and (message.sighting_id is not None or one.member == self._book.us)
        ]
        if gone:
            body = Withdrawn(gone[0].member, message.sighting_id)
            self._book.record(
                state.id, EventKind.WITHDRAWN, body, at_ms=message.at_ms, actor=gone[0].member
            )

    def written(self, state: ItemState, peer: str, message: PeerMessage) -> None:
        """What a person of ours wrote to one of theirs."""
        if any(kept.message_id == message.message_id for kept in state.messages):
            return
        us = self._book.us
        kept = KeptMessage(
            message.message_id, message.item_id, us, peer, message.text, message.at_ms
        )
        self._book.record(state.id, EventKind.MESSAGE, kept, at_ms=message.at_ms, actor=us)


def _is_told_since(state: ItemState, now_ms: int) -> bool:
    """Whether a report of an item that is closed as gone was taken in after that, not after now.

    Found before that, it is nothing to look at only if it had the same file, which nothing says.
    """
    closed_ms = None if state.closed_by is Action.NOT_ILLEGAL else state.closed_ms
    times = (time_of(one.sighting_id) for one in state.sightings)
    return closed_ms is not None and any(closed_ms < at_ms <= now_ms for at_ms in times)


_Effect = Callable[[Rebuilder, ItemState, str, Any], None]
_EFFECTS: dict[type, _Effect] = {
    Outcome: Rebuilder.outcome,
    Sighted: Rebuilder.sighted,
    Withdrawal: Rebuilder.withdrawn,
    PeerMessage: Rebuilder.written,
}
