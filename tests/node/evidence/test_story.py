"""What the history says of who told of an item (`node.evidence.story`)."""

from __future__ import annotations

from node.casework.events import Erasure, Event, EventKind, Recorded
from node.casework.item import Informant, ItemState
from node.evidence.story import Story
from tests.builders.cases import US, event_id, item
from tests.builders.network import NOW_MS

GB, FR = "gb-iwf", "fr-pdc"


def came(state: ItemState, by: str) -> Event:
    """A member hands an item over."""
    body = Recorded(state, None)
    return Event(state.id, EventKind.RECORDED, NOW_MS, NOW_MS, by, body)


def test_10_9_who_told_of_what_was_erased_did_not_tell_of_what_came_since() -> None:
    """So what it says by that id may wait (§10.9.3): a whole database is not accused of it."""
    story, name = Story(US, str.encode), event_id(1, GB)
    story.take(came(item(1, informants=(Informant(GB, name),)), GB), 1)
    assert story.is_told(GB, name)
    gone = Erasure(event_id(9, US), "error", ())
    story.take(Event(name, EventKind.ERASED, NOW_MS, NOW_MS, US, gone), 2)
    story.take(came(item(1, informants=(Informant(FR, name),)), FR), 3)
    assert (story.is_told(GB, name), story.is_told(FR, name)) == (False, True)
