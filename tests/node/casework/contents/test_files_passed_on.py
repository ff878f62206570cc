"""Who passes on a file at which nobody there looked does not say that it judged it (§6.4)."""

from __future__ import annotations

import msgspec
import pytest

from node.casework.events import Facts
from node.casework.incoming.bounding import MAX_SAID
from node.casework.item import Custody, Review
from node.casework.reports.draft import AssessmentDraft
from node.casework.reports.intake import add_facts
from node.casework.telling import pass_on_sighting
from node.casework.working import record_assessment
from protocol.messages import Sighted
from protocol.vocabulary import Lane, Verdict
from tests.builders.cases import file
from tests.node.casework.circle import MEMBERS, ORDERS, Circle, Member, drawn, holders

GB, NL, FR, DE = MEMBERS[:4]


def judge(member: Member) -> None:
    """A person there holds what it has of the place illegal."""
    draft = AssessmentDraft(verdict=Verdict.BASELINE)
    record_assessment(member.book, member.only.id, draft, member.ids, member.postbox)


def judged_page() -> Circle:
    """A page that one member found, another judged without any hash, and a third has now."""
    circle = Circle((GB, NL, FR, DE))
    circle[NL].find()
    circle[NL].locate(FR)
    circle.settle(drawn(0))
    judge(circle[FR])
    circle[FR].move(GB)
    circle.settle(drawn(0))
    return circle


def handed_on_judged() -> tuple[Circle, str]:
    """A page that one member found, judged and handed on; the item's id."""
    circle = Circle((GB, NL))
    found = circle[NL].find()
    circle[NL].book.loaded.items[found.id] = msgspec.structs.replace(found, named=())
    judge(circle[NL])
    circle[NL].locate(GB)
    circle.settle(drawn(0))
    return circle, found.id


def waits(circle: Circle, member: str) -> bool:
    """Whether a person of who has it is asked to look at the one file."""
    state = circle[member].only
    asked = Review.SUGGESTED_VERDICT in state.reviews
    return (state.custody, state.unseen, asked) == (Custody.HERE, (0,), True)


@pytest.mark.parametrize("order", ORDERS)
def test_attack_file_that_another_names_is_none_that_who_passes_it_on_judged(order: int) -> None:
    """The finder's hashes came once the page was judged."""
    circle = judged_page()
    circle[NL].learn(file(1))
    circle.settle(drawn(order))
    assert waits(circle, GB)


@pytest.mark.parametrize("order", ORDERS)
def test_so_it_is_however_far_it_goes(order: int) -> None:
    """Each on the way passes it on as what it is."""
    circle = judged_page()
    circle[GB].move(DE)
    circle.settle(drawn(0))
    circle[NL].learn(file(1))
    circle.settle(drawn(order))
    assert holders(circle) == [DE]
    assert waits(circle, DE)


def test_attack_file_of_a_line_that_comes_again_is_none_that_was_judged_there_before() -> None:
    """Nobody there looked at it: the item has gone on."""
    circle, item_id = handed_on_judged()
    again = Facts((file(1),), None, after_hand_over=True, unseen=True)
    add_facts(circle[NL].book, item_id, again, circle[NL].postbox)
    circle.settle(drawn(0))
    assert waits(circle, GB)


def test_attack_file_that_overtakes_an_older_verdict_is_none_that_it_is_of() -> None:
    """Reports and outcomes go by lanes of their own; a report says when it was made."""
    circle, item_id = handed_on_judged()
    circle[NL].tick()
    judge(circle[NL])  # says so again, of the page
    circle[NL].tick()
    seen = circle[NL].report_danger()
    told = Sighted(item_id, seen, file(1), None, child_at_risk=True)
    pass_on_sighting(circle[NL].book, circle[NL].postbox, circle[NL].only, told, "report")
    circle.send()
    circle.deliver(NL, GB, Lane.REPORTS)
    circle.settle(drawn(0))
    assert len(circle[GB].only.assessments) == 2
    assert waits(circle, GB)


def test_each_file_that_follows_with_a_known_report_is_one_word() -> None:
    """Of all that one member says of an item only so much is heard."""
    circle = Circle((GB, NL))
    files = [file(number) for number in range(1, MAX_SAID // 2 + 20)]
    found = circle[NL].find(*files)
    waiting = msgspec.structs.replace(found, named=(), unseen=found.places)
    circle[NL].book.loaded.items[found.id] = waiting
    circle[NL].locate(GB)
    circle.settle(drawn(0))
    assert circle[GB].only.content == tuple(files)
