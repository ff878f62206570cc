"""What another member names twice in one item counts once (docs/protocol.md §6.4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from msgspec.structs import replace

from node.casework.incoming.hearing import credible
from node.matching.contents import merge
from protocol.facts import ActionTaken, Assessment, Sighting
from protocol.messages import Item

_Named = TypeVar("_Named", Assessment, ActionTaken, Sighting)


def each_once(message: Item) -> Item:
    """Return an item in which each id stands once, as it stood first, and each file.

    A sighting stands under an id of who saw it alone: else one could take the place of another's.
    """
    if _has_one_of_each(message):
        return message
    assessments = _once((one.event_id, one) for one in message.assessments)
    judged = {one.event_id for one in assessments}
    return replace(
        message,
        content=merge((), message.content),
        assessments=assessments,
        actions=_once((a.event_id, a) for a in message.actions if a.event_id not in judged),
        sightings=_once((one.sighting_id, one) for one in message.sightings if is_own(one)),
    )


def _has_one_of_each(message: Item) -> bool:
    """Whether nothing stands twice in an item, since at most one of each kind does: mostly."""
    if len(message.assessments) + len(message.actions) > 1:  # of one id the verdict counts
        return False
    if len(message.content) > 1 or len(message.sightings) > 1:
        return False
    return not message.sightings or is_own(message.sightings[0])


def is_own(sighting: Sighting) -> bool:
    """Whether a sighting's id bears the name of who is said to have seen it."""
    return credible(sighting.sighting_id, sighting.member)


def _once(named: Iterable[tuple[str, _Named]]) -> tuple[_Named, ...]:
    found: dict[str, _Named] = {}
    for event_id, one in named:
        found.setdefault(event_id, one)
    return tuple(found.values())
