"""A place that another member tells of is read in this node's canonical form."""

from __future__ import annotations

import pytest

from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.reading import parse
from node.jurisdiction.locations import VERSION
from protocol import entry as entries
from protocol.facts import Location
from protocol.messages import Item, to_body
from protocol.vocabulary import Kind, Lane
from tests.node.casework.arriving import item_from

ABUSE = "https://nl1.example/abuse.jpg"
HARMLESS = "https://nl1.example/harmless.jpg"


def read(location: Location) -> Location:
    """Return the place of an item as it is read that came with this one."""
    message = item_from("gb-iwf", 9, location=location)
    entry = entries.Entry(1, Kind.ITEM, bytes(32), bytes(16), to_body(message))
    arrived = Arrived("gb-iwf", Lane.REPORTS, bytes(8), 0, bytes(32), entries.encode(entry))
    told = parse(arrived).message
    assert isinstance(told, Item)
    return told.location


def test_6_3_attack_an_address_is_passed_off_as_the_canonical_form_of_another() -> None:
    """Analysts would look at the one, and reports of the other would be counted away by it."""
    assert read(Location(HARMLESS, VERSION, ABUSE)) == Location(ABUSE, VERSION, ABUSE)


def test_6_3_a_form_by_other_rules_is_made_anew() -> None:
    """Two members of different versions speak of one place."""
    raw = "HTTPS://NL1.example:443/abuse.jpg#top"
    assert read(Location("https://nl1.example:443/abuse.jpg", 7, raw)) == Location(ABUSE, 1, raw)


def test_6_3_without_a_raw_form_the_canonical_one_is_made_anew() -> None:
    """A host is in small letters."""
    assert read(Location("https://NL1.example/abuse.jpg")) == Location(ABUSE)


def test_6_3_what_is_canonical_stays_as_it_was_told() -> None:
    """As nearly all is."""
    told = Location(ABUSE, VERSION, ABUSE)
    assert read(told) == told


def test_6_3_an_account_is_named_by_service_and_account() -> None:
    """Whatever address its sender gives it."""
    told = read(Location(HARMLESS, VERSION, None, "Chat.example", "someone"))
    assert told.canonical == "service:chat.example/someone"


@pytest.mark.parametrize("raw", [None, "https://[bad", "no address"])
def test_6_3_what_is_no_address_stays_as_told(raw: str | None) -> None:
    """Nothing is lost by it."""
    told = Location("https://[bad", VERSION, raw)
    assert read(told) == told
