"""What the history tells, folded once: the items, and what must therefore stand elsewhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from node.casework.events import (
    Answered,
    Event,
    Recorded,
    Reopened,
    Responsible,
    Sighted,
    evolve,
)
from node.casework.item import ItemState, KeptMessage, ReportFacts
from protocol.facts import ActionTaken, Assessment


@dataclass(slots=True)
class Story:
    """The items as the events make them, and what follows from the events for other tables.

    Attributes:
        changed: the last event of each item.
        names: every id that an item is known by, to its own.
        lines: how many handed-in lines became each item here.
        heard: (item, event id) of everything that was learnt of it.
        answered: (item, member, disposition) of everything that was answered.
    """

    us: str
    states: dict[str, ItemState] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    reports: dict[str, ReportFacts] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    lines: Counter[str] = field(default_factory=Counter)
    heard: set[tuple[str, str]] = field(default_factory=set)
    answered: set[tuple[str, str, str]] = field(default_factory=set)

    def take(self, event: Event) -> None:
        """Fold the next event.

        Raises:
            ValueError: it cannot follow.
        """
        item, body = event.item, event.body
        self.states[item] = evolve(self.states.get(item), event)
        self.names.setdefault(item, item)
        if isinstance(body, Recorded):
            self._recorded(body)
        elif isinstance(body, Sighted):
            self._sighted(item, event.actor, body)
        elif isinstance(body, Assessment | ActionTaken | Responsible | Reopened):
            self.heard.add((item, body.event_id))
        elif isinstance(body, KeptMessage):
            self.heard.add((item, body.message_id))
        elif isinstance(body, Answered):
            self.answered.add((item, body.by, str(body.disposition)))

    def item(self, any_id: str | None) -> str | None:
        """Return the id of the item that is known by `any_id`."""
        return None if any_id is None else self.names.get(any_id)

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
