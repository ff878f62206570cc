"""One place in two canonical forms: IPv4, and the same address inside IPv6."""

from __future__ import annotations

import pytest

from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.needing import judging_needs
from node.casework.incoming.reading import parse
from node.casework.reports.draft import ItemDraft, ReportDraft
from protocol.entry import compose, encode, leaf
from protocol.messages import form_of, to_body
from protocol.vocabulary import Disposition, Lane, Source
from tests.builders.cases import FINGERPRINTS, US, at, event_id, item
from tests.node.casework.arriving import Receiver, item_from
from tests.node.casework.contents.test_unlisting import Office, office

__all__ = ["office"]
PLAIN = "http://192.0.2.1/a.jpg"
MAPPED = "http://[::ffff:c000:201]/a.jpg"
BOTH = pytest.mark.parametrize(("stood", "comes"), [(PLAIN, MAPPED), (MAPPED, PLAIN)])


async def hand_in(office: Office, url: str, batch: str) -> tuple[str, str]:
    """Hand in a report of a place; return the item and the outcome."""
    draft = ReportDraft(items=(ItemDraft(url=url),), source=Source.PUBLIC)
    (taken,) = await office.desk.submit([draft], actor="desk", batch=batch)
    return taken.items[0].item_id, taken.items[0].outcome


@BOTH
async def test_report_of_the_other_form_is_a_duplicate(
    office: Office, stood: str, comes: str
) -> None:
    """The item keeps the form that it has."""
    first, _ = await hand_in(office, stood, "1")
    assert await hand_in(office, comes, "2") == (first, "duplicate")
    found = await office.item(first)
    assert (found.canonical, len(found.sightings)) == (stood, 2)


@BOTH
def test_what_was_erased_at_the_one_form_was_here_at_the_other(stood: str, comes: str) -> None:
    """Who hands it over again is told that it comes again."""
    receiver = Receiver()
    key = FINGERPRINTS.location(at(stood))
    assert key is not None
    receiver.book.loaded.by_key[key] = [event_id(9)]
    answer = receiver("gb-iwf", item_from("gb-iwf", 7, url=comes))
    assert answer.disposition is Disposition.NEW_AGAIN


@BOTH
def test_item_that_another_member_hands_over_joins_the_one_that_is_here(
    stood: str, comes: str
) -> None:
    """Whichever version of the program it has."""
    here = item(1, url=stood, finder=US)
    receiver = Receiver(here)
    answer = receiver("gb-iwf", item_from("gb-iwf", 7, url=comes))
    assert answer.disposition is Disposition.DUPLICATE
    assert answer.item == here.id


@BOTH
def test_what_arrives_asks_for_both(stood: str, comes: str) -> None:
    """Else the item at the other form would not be loaded."""
    message = item_from("gb-iwf", 1, url=comes)
    version, kind = form_of(message)
    raw = encode(compose(bytes(32), kind, b"", 0, US, to_body(message), version))
    needs = judging_needs(
        [parse(Arrived("gb-iwf", Lane.REPORTS, bytes(8), 1, leaf(raw), raw))], FINGERPRINTS
    )
    assert FINGERPRINTS.location(at(stood)) in needs.keys
