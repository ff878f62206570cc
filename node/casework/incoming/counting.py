"""How much each member has said of an item: counted as its events come (docs/protocol.md §10.8)."""

from __future__ import annotations

from msgspec.structs import replace

from node.casework.events import Event, EventKind, Sighted, VerdictWithdrawn
from node.casework.item import ItemState, Said
from protocol.facts import ActionTaken, Assessment

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
_OF_OTHERS = (Assessment, ActionTaken, VerdictWithdrawn)
"""Of these one may tell that another gave, did or took them back."""


def with_said(state: ItemState, event: Event, sightings: int) -> tuple[Said, ...]:
    """Count what a member's words left: an event, or as many sightings as came with it.

    `sightings`: how many the item has afterwards. Answers are counted apart: each sighting that is
    passed on is answered, too. So is what others said or did, whoever is told of it by many.
    """
    member = event.actor.partition("/")[0]
    before = next((one for one in state.said if one.member == member), Said(member, 0))
    others = tuple([one for one in state.said if one.member != member])
    if event.kind is EventKind.ANSWERED:
        return (*others, replace(before, answers=before.answers + 1))
    more = max(1, sightings - len(state.sightings))
    if _is_passed_on(event, member):
        return (*others, replace(before, passed_on=before.passed_on + more))
    return (*others, replace(before, number=before.number + more))


def _is_passed_on(event: Event, member: str) -> bool:
    """Whether `member` tells of what others saw, judged or did."""
    body = event.body
    if isinstance(body, Sighted):
        return bool(body.sightings) and all(one.member != member for one in body.sightings)
    return isinstance(body, _OF_OTHERS) and body.member != member
