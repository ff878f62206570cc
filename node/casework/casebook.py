"""What a decision works on: the items it concerns, and what it adds to them.

The store loads a casebook with everything that a batch `Needs`, hands it to the decision, and
writes what the decision added, all in one transaction. The casebook itself touches nothing: it
folds each event at once, so the second of two equal lines in one batch already meets the first.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from node.casework.contents.crowds import Crowds
from node.casework.events import (
    Answered,
    Burial,
    ErasedThere,
    Erasure,
    Event,
    EventKind,
    Facts,
    Raised,
    Recorded,
    Sighted,
)
from node.casework.events import Body as EventBody
from node.casework.folding import evolve
from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.naming import Citation, Disavowed, Span
from node.casework.item import ItemState, ReportFacts, Review, Suggestion
from node.casework.passing_on.permits import NotPermittedError, WithheldError
from node.casework.passing_on.post import Post
from node.casework.postbox import Postbox
from node.matching.contents import pictures_of
from node.matching.fingerprints import Fingerprints, content_keys
from node.matching.lists import MIN_BYTES, Listed, Told
from protocol.facts import Assessment
from protocol.messages import Message
from protocol.vocabulary import Kind, Lane


@dataclass(slots=True)
class Needs:
    """What a batch must find loaded: items by id and by key, lines, reports.

    `named` are items by an id that may be an alias, with the key of that alias. `leaves_of` is the
    id of an item to be erased: the leaves of the entries about it are found, and who never heard of
    it. `alike` are ids in `named` or `items` of which all other items with a content of theirs are
    needed too, `alike_by` keys by which such items are found. `ends` are (id, member) where the
    member speaks of an item that it may have erased, `erasures` (member, time) where it says so.
    `pictures` are PDQ hashes: what looks like them is needed. `told` is what members say of
    contents: it is taken into lists before the rest is read.
    """

    items: set[str] = field(default_factory=set)
    named: dict[str, bytes] = field(default_factory=dict)
    keys: set[bytes] = field(default_factory=set)
    lines: set[bytes] = field(default_factory=set)
    references: set[tuple[str, str]] = field(default_factory=set)
    leaves_of: str | None = None
    cited: list[Citation] = field(default_factory=list)
    alike: set[str] = field(default_factory=set)
    alike_by: set[bytes] = field(default_factory=set)
    ends: set[tuple[str, str]] = field(default_factory=set)
    erasures: set[tuple[str, int]] = field(default_factory=set)
    pictures: set[bytes] = field(default_factory=set)
    told: list[Told] = field(default_factory=list)
    refused: Span | None = None  # entries there that became part of no item are to be erased


@dataclass(slots=True)
class Loaded:
    """What the store found of them.

    `cited`: the items of cited entries, by peer and leaf; those that only learn their answer are
    not among the `items` but in `answered`, by who answers. `was_lost`: this node was rebuilt from
    what its peers had, so that some of what it has to say it said before. `said_before`: what came
    back of that, and to whom it was said, by the id of the item; once it is rebuilt. `lost_ms`: it
    is being rebuilt at the moment, and asked its peers for their bodies from then on (ms UTC).
    """

    items: dict[str, ItemState] = field(default_factory=dict)
    by_key: dict[bytes, list[str]] = field(default_factory=dict)
    lines: dict[bytes, str] = field(default_factory=dict)
    reports: dict[tuple[str, str], str] = field(default_factory=dict)
    leaves: tuple[bytes, ...] = ()
    cited: dict[tuple[str, bytes], str] = field(default_factory=dict)
    cited_ids: dict[tuple[str, bytes], bytes] = field(default_factory=dict)  # of those entries
    answered: set[tuple[str, str]] = field(default_factory=set)  # (member, id): is with that member
    near: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)  # PDQ hash: what is like it
    by_picture: dict[bytes, set[str]] = field(default_factory=dict)
    refused: tuple[Arrived, ...] = ()
    said_before: dict[str, list[tuple[str, bytes]]] = field(default_factory=dict)
    was_lost: bool = False
    lost_ms: int | None = None
    unsaid_to: frozenset[str] = frozenset()  # to whom it waits to go, and nothing of it has left
    ended: set[tuple[str, str]] = field(default_factory=set)  # (id, member): erased there, no more
    listed: dict[bytes, tuple[Listed, ...]] = field(default_factory=dict)
    """What lists say: by a content's key, the PDQ hash of what looks alike, a key of what spoke."""
    min_bytes: int = MIN_BYTES  # of a smaller file no list counts unseen
    full: frozenset[str] = frozenset()  # members of whose contents no more are taken
    entombed: frozenset[tuple[str, int]] = frozenset()  # `erasures` of what had not been said yet


@dataclass(slots=True)
class Casebook:
    """Loaded items, plus what a decision adds: events, keys, lines, reports, messages, tasks."""

    us: str
    now: int
    fingerprints: Fingerprints
    loaded: Loaded
    events: list[Event] = field(default_factory=list)
    changed: dict[str, ItemState] = field(default_factory=dict)
    new_keys: list[tuple[bytes, str]] = field(default_factory=list)
    gone_keys: list[tuple[bytes, str]] = field(default_factory=list)
    new_lines: list[tuple[bytes, str]] = field(default_factory=list)
    new_reports: list[ReportFacts] = field(default_factory=list)
    opened_reports: set[str] = field(default_factory=set)
    posts: list[Post] = field(default_factory=list)
    tasks: list[tuple[str, str]] = field(default_factory=list)
    reminders: list[tuple[str, str]] = field(default_factory=list)
    """Tasks of items, by code and item, where nobody was told since what was learnt of it last."""
    still: dict[tuple[str, str], Arrived] = field(default_factory=dict)
    """Tasks of members, by the last entry that is why; for whom nobody was told since it came."""
    over: list[tuple[str, str]] = field(default_factory=list)  # tasks whose reason is gone
    erased: dict[str, frozenset[str]] = field(default_factory=dict)  # and by which other ids known
    freed: list[str] = field(default_factory=list)  # their ids and aliases: nothing waits for them
    late: list[tuple[str, Arrived]] = field(default_factory=list)  # about items erased before
    unheard_of: list[str] = field(default_factory=list)  # ids of no item: our words go in time
    disavowed: list[Disavowed] = field(default_factory=list)
    ended: list[tuple[str, str]] = field(default_factory=list)
    """(id, member) of `Loaded.ended`, as far as this decision found it."""
    answered: list[str] = field(default_factory=list)
    """Items that have an event more, while their row stays as it is."""
    undone: list[int] = field(default_factory=list)  # ended entries of lists: nothing follows
    shared: list[Message] = field(default_factory=list)  # what all are told of contents
    by: str | None = None
    crowds: Crowds = field(default_factory=Crowds)

    def find(self, item_id: str) -> ItemState | None:
        """Return the item with this id, or the one that has it as an alias."""
        state = self.loaded.items.get(item_id)
        if state is not None:
            return state
        return next(iter(self.by_key(self.fingerprints.item(item_id))), None)

    def by_key(self, key: bytes | None) -> list[ItemState]:
        """Return the items with this key, oldest first (ids sort by time within a member)."""
        ids = self.loaded.by_key.get(key, ()) if key is not None else ()
        return [self.loaded.items[i] for i in ids if i in self.loaded.items] if ids else []

    def was_here(self, key: bytes | None) -> bool:
        """Whether an item with this key was here and has been erased since."""
        ids = self.loaded.by_key.get(key, ()) if key is not None else ()
        return bool(ids) and any(i not in self.loaded.items for i in ids)

    def erased_id(self, item_id: str) -> str | None:
        """Return the id of an item that was erased here and was known by `item_id`."""
        ids = self.loaded.by_key.get(self.fingerprints.item(item_id), ())
        return next((i for i in ids if i not in self.loaded.items), None)

    def gone_id(self, item_id: str, peer: str) -> str | None:
        """Return the id of the item that `peer` speaks of, if that has ended.

        It was erased here, or there before it came.
        """
        erased = self.erased_id(item_id)
        return item_id if erased is None and (item_id, peer) in self.loaded.ended else erased

    def note_ended(self, item_id: str, body: ErasedThere) -> None:
        """Of an item that never came, its sender says that it erased it, and it will not come.

        What else that member said of it waits no longer. If another brings the item it is new.
        """
        self._append(item_id, EventKind.ERASED_THERE, body, body.member)
        self.loaded.ended.add((item_id, body.member))
        self.ended.append((item_id, body.member))

    def note_answer(self, item_id: str, body: Answered, at_ms: int) -> None:
        """Record the answer to an item that was not loaded: nothing else of it changes."""
        self.events.append(Event(item_id, EventKind.ANSWERED, at_ms, self.now, body.by, body))
        self.answered.append(item_id)

    def erase(self, state: ItemState, body: Erasure) -> Event:
        """End an item: what goes before this event loses its body in the same transaction.

        Its id stays findable, so that what others still say of it is known to be about it.
        """
        event = self._append(state.id, EventKind.ERASED, body, self.us)
        self.add_key(self.fingerprints.item(state.id), state.id)
        del self.loaded.items[state.id]
        self.changed.pop(state.id, None)
        self.erased[state.id] = other_ids(state)
        self.freed += [state.id, *state.aliases]
        return event

    def note_erased_there(self, item_id: str, body: ErasedThere) -> None:
        """Of an item that is erased here too, another member says that it erased it."""
        self._append(item_id, EventKind.ERASED_THERE, body, body.member)

    def bury(self, item_id: str, arrived: Arrived) -> None:
        """What came about an erased item loses its body in the same transaction."""
        self._append(item_id, EventKind.BURIED, Burial((arrived.leaf,)), self.us)
        self.late.append((item_id, arrived))

    def _append(self, item_id: str, kind: EventKind, body: EventBody, actor: str) -> Event:
        event = Event(item_id, kind, self.now, self.now, self._named(actor), body)
        self.events.append(event)
        return event

    def _named(self, actor: str) -> str:
        return f"{actor}/{self.by}" if actor == self.us and self.by is not None else actor

    def record(
        self, item_id: str, kind: EventKind, body: EventBody, *, at_ms: int, actor: str
    ) -> ItemState:
        """Add an event and return the item's state after it.

        What we record ourselves bears the name under which it was recorded (`by`), if there is one.
        """
        event = Event(item_id, kind, at_ms, self.now, self._named(actor), body)
        state = evolve(self.loaded.items.get(item_id), event)
        self.events.append(event)
        self.loaded.items[item_id] = state
        self.changed[item_id] = state
        if kind is EventKind.RECORDED and isinstance(body, Recorded):
            self._index_new(state)
        elif isinstance(body, Facts):
            self._index_content(state)
        elif isinstance(body, Sighted):
            self._index_sighting(state, body)
        elif isinstance(body, Assessment):
            self._index_verdict(state.id, body)
        if isinstance(body, Recorded | Sighted) and body.report is not None:
            self._open_report(body.report)
        return state

    def say(
        self,
        postbox: Postbox,
        peer: str,
        kind: Kind,
        message: Message,
        *,
        subject: str | bytes,
        item: str | None = None,
        lane: Lane = Lane.STATUS,
        urgency: int = 1,
    ) -> None:
        """Say it to `peer`; what the network does not permit, or not so large, leaves a task.

        What the terms of the pair leave out is not said, as agreed: no task.
        """
        try:
            post = postbox.post(
                peer, kind, message, subject=subject, item=item, lane=lane, urgency=urgency
            )
        except WithheldError:
            return
        except NotPermittedError as error:
            self.tasks.append((error.task, peer))
            return
        self.posts.append(post)

    def raise_review(
        self, item_id: str, review: Review, suggestion: Suggestion | None = None
    ) -> None:
        """Put the item in front of a person (once for the same reason and suggestion)."""
        state = self.loaded.items[item_id]
        if review not in state.reviews or state.lacks_suggestion(suggestion):
            body = Raised(review, suggestion)
            self.record(item_id, EventKind.RAISED, body, at_ms=self.now, actor=self.us)

    def remember_line(self, line: bytes, item_id: str) -> None:
        """From now on this handed-in line is this item."""
        self.loaded.lines[line] = item_id
        self.new_lines.append((line, item_id))

    def add_key(self, key: bytes, item_id: str) -> None:
        """Let the item be found by `key`."""
        ids = self.loaded.by_key.setdefault(key, [])
        if self.crowds.is_new(key, item_id, ids):
            ids.append(item_id)
            self.new_keys.append((key, item_id))

    def _open_report(self, report: ReportFacts) -> None:
        self.new_reports.append(report)
        self.opened_reports.add(report.id)
        if report.reference is not None:
            self.loaded.reports[report.source, report.reference] = report.id

    def _index_new(self, state: ItemState) -> None:
        location = self.fingerprints.location(state.location)
        if location is not None:
            self.add_key(location, state.id)
        self._index_content(state)
        for informant in state.informants:
            self._index_alias(state, informant.item_id)
        for given in state.assessments:
            self._index_verdict(state.id, given)

    def _index_verdict(self, item_id: str, given: Assessment) -> None:
        self.add_key(self.fingerprints.verdict(given.event_id), item_id)

    def _index_content(self, state: ItemState) -> None:
        for key in content_keys(self.fingerprints, state.content):
            self.add_key(key, state.id)
        for picture in pictures_of(state.content):
            self.loaded.by_picture.setdefault(picture, set()).add(state.id)

    def _index_sighting(self, state: ItemState, body: Sighted) -> None:
        if body.informant is not None:
            self._index_alias(state, body.informant.item_id)
        also_at = self.fingerprints.location(body.also_at)
        if also_at is not None:
            self.add_key(also_at, state.id)

    def _index_alias(self, state: ItemState, alias: str) -> None:
        if alias != state.id:
            self.add_key(self.fingerprints.item(alias), state.id)


def other_ids(state: ItemState) -> frozenset[str]:
    """By which other ids than its own members know an item."""
    return frozenset({*state.aliases, *(one.item_id for one in state.informants)} - {state.id})
