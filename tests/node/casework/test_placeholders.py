"""What hosts show in the place of a removed file says that it is gone, and belongs to no item."""

from __future__ import annotations

import msgspec
import pytest

from node.casework.item import ItemState, Review
from node.matching.lists import Entry, Listed, Trust
from protocol.messages import Sighted
from protocol.vocabulary import Disposition
from tests.builders.cases import OTHER_PLACE, closed, file, handed_on, item, said
from tests.node.casework.arriving import Receiver, item_from
from tests.node.casework.contents.listed_items import FILE, listed, load
from tests.node.casework.contents.test_unlisting import Office, office
from tests.node.casework.reports.test_intake import Desk, only

__all__ = ["office"]

SHOWN = file(77)
SHOWN_HEX = f"{77:064x}"
PLACEHOLDERS = listed(1, Trust.PLACEHOLDER, SHOWN, name="removed")
HELD = item(1, FILE, finder="nl-eokm")


def desk_with(*known: ItemState) -> Desk:
    """Give a desk that knows what hosts show, and these items."""
    desk = Desk(*known)
    load(desk.book, PLACEHOLDERS)
    return desk


def receiver_with(*known: ItemState) -> Receiver:
    """Give a receiver that knows what hosts show, and these items."""
    receiver = Receiver(*known)
    load(receiver.book, PLACEHOLDERS)
    return receiver


def test_report_of_a_placeholder_puts_the_open_item_before_a_person() -> None:
    """Nobody closes it unseen: it may be shown to some countries alone."""
    desk = desk_with(HELD)
    assert only(desk(sha256=SHOWN_HEX)) == (HELD.id, "duplicate")
    state = desk.state(HELD.id)
    assert (state.reviews, state.closed_ms) == ((Review.PERHAPS_GONE,), None)


def test_placeholder_is_no_file_of_the_item() -> None:
    """Else each item that is gone would have a file in common with every other."""
    desk = desk_with(HELD)
    desk(sha256=SHOWN_HEX)
    assert desk.state(HELD.id).content == (FILE,)


@pytest.mark.parametrize("away", [False, True])
def test_placeholder_with_a_line_that_is_handed_in_again_is_no_file_of_its_item(
    *, away: bool
) -> None:
    """A crawler finds it there on its next round: whoever judges the item judges no placeholder."""
    desk = desk_with()
    first, _ = only(desk(reference="R-1"))
    if away:
        desk.book.loaded.items[first] = handed_on(desk.state(first))
    again = only(desk(reference="R-1", sha256=SHOWN_HEX))
    assert again == (first, "repeated")
    assert (desk.state(first).content, desk.state(first).reviews) == ((), ())


def test_placeholder_with_an_item_that_is_handed_over_again_is_no_file_of_it() -> None:
    """Whoever hands it over may not know what hosts show."""
    receiver = receiver_with()
    page = item_from("gb-iwf", 1)
    receiver("gb-iwf", page)
    receiver("gb-iwf", msgspec.structs.replace(page, revision=2, content=(SHOWN,)))
    assert receiver.state(page.item_id).content == ()
    assert receiver.state(page.item_id).reviews == (Review.PERHAPS_GONE,)


def test_item_that_is_closed_as_gone_is_not_asked_about_again() -> None:
    """It is no news."""
    desk = desk_with(closed(HELD))
    only(desk(sha256=SHOWN_HEX))
    assert desk.state(HELD.id).reviews == ()


def test_placeholder_where_nothing_is_known_is_an_item_as_any() -> None:
    """And not the same as an item elsewhere at which it was found."""
    other = item(2, SHOWN, url=OTHER_PLACE)
    desk = desk_with(other)
    item_id, outcome = only(desk(sha256=SHOWN_HEX))
    assert (outcome, desk.state(item_id).content) == ("new", (SHOWN,))


def test_placeholder_that_a_member_hands_over_is_answered_so() -> None:
    """By the word that the norm has for it."""
    receiver = receiver_with(HELD)
    answer = receiver("gb-iwf", item_from("gb-iwf", 1, SHOWN))
    assert answer.disposition is Disposition.PLACEHOLDER
    assert receiver.state(HELD.id).reviews == (Review.PERHAPS_GONE,)
    assert receiver.state(HELD.id).content == (FILE,)


def test_placeholder_that_a_member_sights_later_is_no_file_of_the_item() -> None:
    """A later sighting is judged by the same table."""
    receiver = receiver_with()
    receiver("gb-iwf", item_from("gb-iwf", 1, FILE))
    item_id = item_from("gb-iwf", 1, FILE).item_id
    sighting = item_from("gb-iwf", 2).sightings[0]
    answer = receiver("gb-iwf", Sighted(item_id, sighting, SHOWN, None, child_at_risk=False))
    assert answer.disposition is Disposition.PLACEHOLDER
    assert receiver.state(item_id).content == (FILE,)


def test_placeholder_of_an_item_that_was_handed_on_goes_to_whom_it_went() -> None:
    """The member that is responsible looks; it may know the placeholder or not."""
    desk = desk_with(handed_on(HELD))
    only(desk(sha256=SHOWN_HEX))
    assert desk.state(HELD.id).reviews == ()
    (told,) = [message for _, message in said(desk.book) if isinstance(message, Sighted)]
    assert told.item_id == HELD.id


def test_placeholder_is_no_file_of_an_item_that_was_handed_on() -> None:
    """Reported here, by its sender or later: else our verdict would tell all that it is illegal."""
    desk = desk_with(handed_on(HELD))
    only(desk(sha256=SHOWN_HEX))
    (told,) = [message for _, message in said(desk.book) if isinstance(message, Sighted)]
    assert (desk.state(HELD.id).content, told.content) == ((FILE,), SHOWN)
    receiver = receiver_with(handed_on(HELD))
    theirs = item_from("gb-iwf", 1, SHOWN)
    assert receiver("gb-iwf", theirs).disposition is Disposition.FORWARDED
    later = item_from("gb-iwf", 2).sightings[0]
    receiver("gb-iwf", Sighted(theirs.item_id, later, SHOWN, None, child_at_risk=False))
    passed = [message for _, message in said(receiver.book) if isinstance(message, Sighted)]
    assert [one.content for one in passed] == [SHOWN, SHOWN]
    assert receiver.state(HELD.id).content == (FILE,)


@pytest.mark.parametrize(
    "entry",
    [
        listed(1, Trust.BENIGN, SHOWN, name="stock"),
        listed(1, Trust.PLACEHOLDER, SHOWN, name="removed", may_use=False),
    ],
    ids=["another-harmless-file", "may-not-be-used"],
)
def test_only_lists_of_placeholders_say_so(entry: Listed) -> None:
    """Another content at the place is what replaces the item."""
    desk = Desk(HELD)
    load(desk.book, entry)
    item_id, outcome = only(desk(sha256=SHOWN_HEX))
    assert (outcome, desk.state(HELD.id).reviews) == ("new", (Review.REPLACED,))
    assert item_id != HELD.id


def test_weak_hash_alone_is_no_placeholder() -> None:
    """MD5 can be made to collide: it would hide what is there."""
    receiver = Receiver(HELD)
    load(receiver.book, listed(1, Trust.PLACEHOLDER, file(md5=7), name="removed"))
    answer = receiver("gb-iwf", item_from("gb-iwf", 1, file(5, md5=7)))
    assert answer.disposition is not Disposition.PLACEHOLDER


def test_something_beside_the_placeholder_is_looked_at() -> None:
    """All that was found must be placeholders: a page may show one beside a file that is there."""
    receiver = receiver_with(HELD)
    answer = receiver("gb-iwf", item_from("gb-iwf", 1, SHOWN, file(8)))
    assert answer.disposition is not Disposition.PLACEHOLDER


async def test_placeholder_is_found_by_a_real_store(office: Office) -> None:
    """From memory, and by the tree of the store."""
    await office.follow(R=Trust.PLACEHOLDER)
    await office.lists(2, Entry(SHOWN, "R"))
    before = await office.report(1)
    after = await office.report(1, sha256=77, again=True)
    assert (after.id, after.reviews) == (before.id, ("perhaps_gone",))
