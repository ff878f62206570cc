"""The loaded items that one hash leads to, as one crowd: asked as a whole, not item by item.

One file may stand at thousands of places, and a member may hand over as many items with one hash.
If each of them were compared with each other whenever one changes, that member would stop a node.
So a decision keeps, of each hash that it asks for, what it asks of all items with it: who has not
heard a verdict (`Hearers`), and which of them the table of duplicates can choose (`Choices`). Both
follow the decision's events. They leave out nothing that could matter; whoever asks looks at what
they name.

Only a view of the loaded items, made when it is asked for. Pure.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from node.casework.contents.seeing import seen_by
from node.casework.item import ItemState
from node.matching.duplicates import carries, goes_on, host_and_path
from protocol.facts import Assessment, Content
from protocol.vocabulary import ItemKind, Matter

if TYPE_CHECKING:
    from node.casework.casebook import Casebook

_NONE: frozenset[str] = frozenset()
_FEW = 8
"""So many ids are looked through one by one: most hashes lead to one item or none."""


class Hearers:
    """Which verdicts stand on the items by their authors' word, and on which they were not heard.

    A verdict that every item has heard goes nowhere any more, however many there are.
    """

    def __init__(self, us: str) -> None:
        self._us = us
        self._states: dict[str, ItemState] = {}
        self._given: dict[Assessment, set[str]] = {}
        self._spoken: dict[str, set[str]] = {}
        self._deaf: dict[str, set[str]] = {}

    def put(self, before: ItemState | None, after: ItemState | None) -> None:
        """Follow an item that changed."""
        if before is not None and after is not None:
            self._states[after.id] = after
            if _words(before) == _words(after):
                return
        elif after is not None:
            self._states[after.id] = after
        elif before is not None:
            del self._states[before.id]
        state = after or before
        assert state is not None
        old, new = _vouched(before), _vouched(after)
        _move(self._given, state.id, old, new)
        _move(self._spoken, state.id, _speakers(before), _speakers(after))
        if self._deaf:
            self._hear(state.id, before, after)

    def _hear(self, item_id: str, before: ItemState | None, after: ItemState | None) -> None:
        if before is None or after is None:
            for event_id, deaf in self._deaf.items():
                if after is None or after.has_heard(event_id):
                    deaf.discard(item_id)
                else:
                    deaf.add(item_id)
            return
        old, new = _heard(before), _heard(after)
        for event_id in new - old:
            self._deaf.get(event_id, set()).discard(item_id)
        for event_id in old - new:
            if event_id in self._deaf:
                self._deaf[event_id].add(item_id)

    def givers(self, target: ItemState) -> set[str]:
        """Return the items of which a verdict may go to this one, that it has not heard.

        A word of an author that goes nowhere by itself follows one that it said there before.
        """
        heard = _heard(target)
        fresh = [given for given in self._given if given.event_id not in heard]
        spoke = {given.member for given in fresh if goes_on(given, self._us)}
        spoke.update(_speakers(target))
        found = (self._given[given] for given in fresh if given.member in spoke)
        return set().union(*found) - {target.id}

    def takers(self, source: ItemState) -> set[str]:
        """Return the items to which a verdict of this one may go, since they have not heard it."""
        found: set[str] = set()
        for given in source.vouched:
            deaf = self._not_heard(given.event_id)
            if carries(given, source, self._us):
                found |= deaf
            elif deaf:
                found |= deaf & self._spoken.get(given.member, set())
        return found - {source.id}

    def _not_heard(self, event_id: str) -> set[str]:
        if event_id not in self._deaf:
            self._deaf[event_id] = {
                one.id for one in self._states.values() if not one.has_heard(event_id)
            }
        return self._deaf[event_id]


def _words(state: ItemState) -> tuple[object, ...]:
    return state.assessments, state.actions, state.heard, state.hearsay


def _vouched(state: ItemState | None) -> Collection[Assessment]:
    return () if state is None else state.vouched


def _speakers(state: ItemState | None) -> set[str]:
    return set() if state is None else {given.member for given in state.assessments}


def _heard(state: ItemState) -> set[str]:
    """Return the ids for which `ItemState.has_heard` holds."""
    found = set(state.heard)
    found.update(given.event_id for given in state.assessments)
    found.update(done.event_id for done in state.actions)
    return found.difference(state.hearsay)


_K = TypeVar("_K")


def _move(index: dict[_K, set[str]], item_id: str, old: Iterable[_K], new: Iterable[_K]) -> None:
    """Let the item stand under what is `new` of it, and no more under what is `old` alone."""
    was, now = set(old), set(new)
    for one in was - now:
        index[one].discard(item_id)
        if not index[one]:
            del index[one]
    for one in now - was:
        index.setdefault(one, set()).add(item_id)


class _Kind(NamedTuple):
    """All that the table asks of an item elsewhere: of those that are alike the first is chosen."""

    content: tuple[Content, ...]
    unseen: tuple[int, ...]
    is_video: bool
    matter: Matter
    carried: frozenset[frozenset[int] | None]


class Choices:
    """Which of the items the table of duplicates can choose for something that comes in."""

    def __init__(self, us: str) -> None:
        self._us = us
        self._kinds: dict[_Kind, list[str]] = {}
        self._places: dict[str | None, set[str]] = {}
        self.known: set[str] = set()
        self.unknown: set[str] = set()

    def put(self, before: ItemState | None, after: ItemState | None) -> None:
        """Follow an item that changed."""
        state = after or before
        assert state is not None
        if before is not None and after is not None and _asked(before) == _asked(after):
            return
        old, new = self._kind(before), self._kind(after)
        if old is not None and old != new:
            ids = self._kinds[old]
            del ids[bisect_left(ids, state.id)]
            if not ids:
                del self._kinds[old]
        if new is not None and old != new:
            insort(self._kinds.setdefault(new, []), state.id)
        _move(self._places, state.id, _place(before), _place(after))
        for known, ids_of in ((True, self.known), (False, self.unknown)):
            if after is not None and after.known is known:
                ids_of.add(state.id)
            else:
                ids_of.discard(state.id)

    def _kind(self, state: ItemState | None) -> _Kind | None:
        """Return the kind of an item that somebody judged, and that somebody still reports."""
        if state is None or not state.sightings or not state.known:
            return None
        carried = frozenset(
            seen_by(state, given) for given in state.vouched if carries(given, state, self._us)
        )
        is_video = state.kind is ItemKind.VIDEO
        return _Kind(state.content, state.unseen, is_video, state.matter, carried)

    def at(self, canonical: str | None) -> Collection[str]:
        """Return the items at one host and path, whatever their query; None: those nowhere."""
        return self._places.get(None if canonical is None else host_and_path(canonical), _NONE)

    def judged(self, without: Collection[str]) -> set[str]:
        """Return the oldest item of each kind that somebody judged, `without` these items."""
        firsts = ((one for one in ids if one not in without) for ids in self._kinds.values())
        return {one for first in firsts for one in islice(first, 1)}


def _asked(state: ItemState) -> tuple[object, ...]:
    """Return all of an item that the answers rest on."""
    place, files = (state.location, state.matter), (state.content, state.unseen, state.kind)
    verdicts = (state.assessments, state.hearsay, state.carried, state.listed, state.reviews)
    by = (state.named, state.informants, state.looks, state.since, state.taken_off)  # `seeing.seen`
    way = (state.custody, state.hops, state.untold)
    return *place, *files, *verdicts, *by, *way, bool(state.sightings)


def _place(state: ItemState | None) -> tuple[str | None, ...]:
    if state is None:
        return ()
    canonical = None if state.location is None else state.location.canonical
    return (None if canonical is None else host_and_path(canonical),)


_C = TypeVar("_C", Hearers, Choices)


class _Made:
    """A crowd, the ids that its key leads to, and which of them joined it so far."""

    def __init__(self, ids: Collection[str], crowd: Hearers | Choices) -> None:
        self.ids = ids
        self.crowd = crowd
        self.joined: set[str] = set()
        self.number = 0

    def new(self) -> Collection[str]:
        return self.ids - self.joined if isinstance(self.ids, set) else self.ids


class Crowds:
    """The crowds that one decision has asked for."""

    def __init__(self) -> None:
        self.looked = 0
        """At how many items was looked for the sake of others: what a decision is bounded by."""
        self._made: dict[tuple[type, bytes], _Made] = {}
        self._of: dict[str, list[Hearers | Choices]] = {}
        self._states: dict[str, ItemState] = {}
        self._followed = 0
        self._led: dict[bytes, set[str]] = {}

    def is_new(self, key: bytes, item_id: str, ids: Collection[str]) -> bool:
        """Whether a key does not lead to an item yet; it does from now on."""
        if len(ids) < _FEW:
            if self._led:
                self._led.pop(key, None)  # of more, that it led to before
            return item_id not in ids
        led = self._led.get(key)
        if led is None or len(led) != len(ids):
            led = self._led[key] = set(ids)
        if item_id in led:
            return False
        led.add(item_id)
        return True

    def of(self, kind: type[_C], book: Casebook, key: bytes, ids: Collection[str]) -> _C:
        """Return the crowd of a key that leads to these `ids`, as the decision has left it."""
        self._follow(book)
        made = self._made.get((kind, key))
        if made is None or made.ids is not ids:
            made = self._made[kind, key] = _Made(ids, kind(book.us))
        if made.number != len(ids):
            fresh = islice(ids, made.number, None) if isinstance(ids, list) else made.new()
            for one in list(fresh):
                self._join(one, made, book.loaded.items.get(one))
            made.number = len(ids)
        assert isinstance(made.crowd, kind)
        return made.crowd

    def _join(self, item_id: str, made: _Made, state: ItemState | None) -> None:
        if item_id in made.joined:
            return
        made.joined.add(item_id)
        self._of.setdefault(item_id, []).append(made.crowd)
        if state is not None:
            self._states[item_id] = state
            made.crowd.put(None, state)

    def _follow(self, book: Casebook) -> None:
        """Let every crowd know what the events since the last question made of its items."""
        if self._followed == len(book.events):
            return
        changed = {event.item for event in islice(book.events, self._followed, None)}
        self._followed = len(book.events)
        for item_id in changed & self._of.keys():
            before, after = self._states.pop(item_id, None), book.loaded.items.get(item_id)
            if after is not None:
                self._states[item_id] = after
            if before is not after:
                for crowd in self._of[item_id]:
                    crowd.put(before, after)


def hearers(book: Casebook, key: bytes) -> Hearers:
    """Return who of the items with a hash has not heard of which verdict."""
    return book.crowds.of(Hearers, book, key, book.loaded.by_key.get(key, ()))


def choices(book: Casebook, key: bytes) -> Choices:
    """Return what can be chosen of the items with a hash."""
    return book.crowds.of(Choices, book, key, book.loaded.by_key.get(key, ()))


def near_choices(book: Casebook, pdq: bytes) -> Iterator[Choices]:
    """Yield what can be chosen of the items with each picture that looks like this one."""
    for one in book.loaded.near.get(pdq, ()):
        yield book.crowds.of(Choices, book, one, book.loaded.by_picture.get(one, ()))
