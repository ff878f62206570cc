"""What the history tells, folded once: the items, and what must therefore stand elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from node.casework.events import (
    Answered,
    Burial,
    ErasedThere,
    Erasure,
    Event,
    Expiry,
    Recorded,
    Reopened,
    Responsible,
    Sighted,
    VerdictWithdrawn,
)
from node.casework.folding import evolve
from node.casework.item import ItemState, KeptMessage, ReportFacts
from protocol.facts import ActionTaken, Assessment


@dataclass(slots=True)
class Story:
    """The items as the events make them, and what follows from the events for other tables.

    Attributes:
        standing: each item's last event, with its state after it, and before answers that came
            last those events for which its row may stand as well.
        names: every id that an item is known by, to its own.
        lines: how many handed-in lines became each item here.
        heard: (item, event id) of everything that was learnt of it.
        answered: (item, member, disposition) of everything that was answered.
        erased: the last event that erased each erased item, and when that was (ms).
        buried: the leaves of erased entries, by item, and when each lost its body (ms).
        keys: items that were erased, by the keys that are left of them.
        loose: (item, number) of events that only an item can have that has ended.
        ended: (item, member): the member erased an item that was not here.
        alike: (number, item): the item looks like that entry of a list, or did.
    """

    us: str
    key_of: Callable[[str], bytes]
    states: dict[str, ItemState] = field(default_factory=dict)
    standing: dict[str, list[tuple[int, ItemState]]] = field(default_factory=dict)
    reports: dict[str, ReportFacts] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    lines: Counter[str] = field(default_factory=Counter)
    heard: set[tuple[str, str]] = field(default_factory=set)
    answered: set[tuple[str, str, str]] = field(default_factory=set)
    erased: dict[str, tuple[int, int]] = field(default_factory=dict)
    buried: dict[str, dict[bytes, int]] = field(default_factory=dict)
    keys: dict[bytes, set[str]] = field(default_factory=dict)
    loose: list[tuple[str, int]] = field(default_factory=list)
    ended: set[tuple[str, str]] = field(default_factory=set)
    alike: set[tuple[int, str]] = field(default_factory=set)

    def take(self, event: Event, seq: int) -> None:
        """Fold the next event.

        Raises:
            ValueError: it cannot follow.
        """
        item, body = event.item, event.body
        if isinstance(body, Erasure):
            self.states.pop(item, None)
            self.erased[item] = (seq, event.learnt_ms)
            self._bury(item, body.leaves, event.learnt_ms)
            return
        if isinstance(body, Burial | Expiry):
            self._bury(item, body.leaves, event.learnt_ms)
            self._ended_before(item, seq, body)
            return
        if isinstance(body, ErasedThere):
            self.heard.add((item, body.event_id))
            if item not in self.states:
                self.ended.add((item, body.member))
                return
        state = self.states[item] = evolve(self.states.get(item), event)
        before = self.standing.get(item, []) if isinstance(body, Answered) else []
        self.standing[item] = [*before, (seq, state)]
        self.names.setdefault(item, item)
        self.alike.update((one.entry, item) for one in state.listed if one.closeness is not None)
        if isinstance(body, Recorded):
            self._recorded(body)
        elif isinstance(body, Sighted):
            self._sighted(item, event.actor, body)
        elif isinstance(body, Assessment | ActionTaken | Responsible | Reopened | VerdictWithdrawn):
            self.heard.add((item, body.event_id))
        elif isinstance(body, KeptMessage):
            self.heard.add((item, body.message_id))
        elif isinstance(body, Answered):
            self.answered.add((item, body.by, str(body.disposition)))

    def _ended_before(self, item: str, seq: int, body: Burial | Expiry) -> None:
        if isinstance(body, Burial):
            self.loose.append((item, seq))

    def _bury(self, item: str, leaves: tuple[bytes, ...], at_ms: int) -> None:
        buried = self.buried.setdefault(item, {})
        for leaf in leaves:
            buried.setdefault(leaf, at_ms)

    def items(self, any_id: str | None) -> set[str]:
        """Return the items that are known by `any_id`, or were: one, and erased ones before it."""
        if any_id is None:
            return set()
        named = {self.names[any_id]} if any_id in self.names else set()
        return named | self.keys.get(self.key_of(any_id), set()) if self.keys else named

    def is_told(self, member: str, any_id: str | None) -> bool:
        """Whether an item is here of which the member told us by this id."""
        here = [self.states[one] for one in self.items(any_id) if one in self.states]
        return any(
            (one.member, one.item_id) == (member, any_id) for s in here for one in s.informants
        )

    def erased_with(self, leaf: bytes, any_id: str) -> str:
        """Return the item with which this entry was erased that names it by `any_id`.

        What we had said of it, and had back before it was here, stands under the id that its peer
        knows (docs/protocol.md §8.13.7).
        """
        if leaf in self.buried.get(any_id, ()):
            return any_id
        items = sorted(self.items(any_id))
        return next((one for one in items if leaf in self.buried.get(one, ())), any_id)

    @property
    def leaves(self) -> set[bytes]:
        """The leaves of all erased entries."""
        return {leaf for leaves in self.buried.values() for leaf in leaves}

    def _recorded(self, body: Recorded) -> None:
        state = body.state
        if body.report is not None:
            self.reports[body.report.id] = body.report
        if state.came_from is None:
            self.lines[state.id] += 1
        for informant in state.informants:
            self.names.setdefault(informant.item_id, state.id)
        self.heard.update((state.id, given.event_id) for given in state.assessments)
        self.heard.update((state.id, done.event_id) for done in state.actions)

    def _sighted(self, item: str, actor: str, body: Sighted) -> None:
        if body.report is not None:
            self.reports[body.report.id] = body.report
        if body.informant is not None:
            self.names.setdefault(body.informant.item_id, item)
        elif actor.split("/", 1)[0] == self.us and body.sightings:
            self.lines[item] += 1
