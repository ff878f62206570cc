"""An item that names one thing twice: it counts once, the first time (docs/protocol.md §6.4)."""

from __future__ import annotations

from msgspec.structs import replace

from node.casework.item import ItemState
from protocol.facts import ActionTaken, Content, Sighting
from protocol.messages import Item
from protocol.vocabulary import Action, Source, Verdict
from tests.builders.cases import PLACE, event_id, item, verdict
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, item_from

GB = "gb-iwf"
FILE = Content(b"\x09" * 32, None, None, None, None, None)
GIVEN = verdict(member=GB)
ACTED = ActionTaken(event_id(41, GB), GB, Action.LEA_NOTIFIED, None, NOW_MS)
SEEN = Sighting(event_id(51, GB), GB, Source.PUBLIC, NOW_MS)
ON_ITS_WAY = "https://nl3.example/3.jpg"


def taken(message: Item, *here: ItemState) -> ItemState:
    """Return the item as it stands here once it was handed over."""
    receiver = Receiver(*here)
    receiver(GB, message)
    return receiver.state(message.item_id)


def twice(url: str = ON_ITS_WAY) -> Item:
    """An item that names each thing twice, the second time in other words."""
    return item_from(
        GB,
        7,
        *(FILE, replace(FILE, md5=b"\x01" * 16)),
        url=url,
        assessments=(GIVEN, replace(GIVEN, verdict=Verdict.NOT_ILLEGAL)),
        actions=(ACTED, replace(ACTED, action=Action.HOST_NOTIFIED)),
        sightings=(SEEN, replace(SEEN, source=Source.CRAWLER)),
    )


def test_what_an_item_names_twice_stands_once() -> None:
    """As it stood first; of a file what both say."""
    state = taken(twice())
    assert (state.assessments, state.actions, state.sightings) == ((GIVEN,), (ACTED,), (SEEN,))
    assert state.content == (replace(FILE, md5=b"\x01" * 16),)


def test_what_an_item_names_twice_joins_once() -> None:
    """As where the item is new."""
    state = taken(twice(PLACE), item(1, FILE))
    assert state.sightings[1:] == (SEEN,)
    assert (state.assessments, state.actions) == ((GIVEN,), (ACTED,))
    assert len(state.content) == 1


def test_action_under_the_id_of_a_verdict_counts_for_nothing() -> None:
    """One id, one thing."""
    message = twice()
    acted = replace(ACTED, event_id=GIVEN.event_id)
    state = taken(replace(message, actions=(acted,)))
    assert (state.assessments, state.actions) == ((GIVEN,), ())


def test_action_under_the_id_of_the_only_verdict_counts_for_nothing() -> None:
    """One of each is one too many, too."""
    acted = replace(ACTED, event_id=GIVEN.event_id)
    message = item_from(GB, 7, FILE, url=ON_ITS_WAY, assessments=(GIVEN,), actions=(acted,))
    state = taken(message)
    assert (state.assessments, state.actions) == ((GIVEN,), ())


def test_the_only_sighting_under_an_id_of_another_counts_for_nothing() -> None:
    """It would take the place of that member's own."""
    theirs = replace(SEEN, sighting_id=event_id(51, "fr-pdc"))
    message = item_from(GB, 7, FILE, url=ON_ITS_WAY, sightings=(theirs,))
    assert taken(message).sightings == ()
