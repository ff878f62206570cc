"""How much each member has said of an item: counted as its events come (docs/protocol.md §10.8)."""

from __future__ import annotations

from node.casework.events import Event, EventKind
from node.casework.item import ItemState, Said

SAYING = frozenset(
    {
        EventKind.SIGHTED,
        EventKind.FACTS,
        EventKind.ANSWERED,
        EventKind.ASSESSED,
        EventKind.ACTED,
        EventKind.RESPONSIBLE,
        EventKind.REOPENED,
        EventKind.MESSAGE,
        EventKind.ERASED_THERE,
        EventKind.VERDICT_WITHDRAWN,
        EventKind.CARRIED_OVER,
    }
)
"""What adds to an item by somebody's word."""


def with_said(state: ItemState, event: Event, sightings: int) -> tuple[Said, ...]:
    """Count what a member's words left: an event, or as many sightings as came with it.

    `sightings`: how many the item has afterwards. Answers are counted apart: each sighting that is
    passed on is answered, too.
    """
    member = event.actor.partition("/")[0]
    before = next((one for one in state.said if one.member == member), Said(member, 0))
    others = tuple([one for one in state.said if one.member != member])
    if event.kind is EventKind.ANSWERED:
        return (*others, Said(member, before.number, before.answers + 1))
    more = max(1, sightings - len(state.sightings))
    return (*others, Said(member, before.number + more, before.answers))
