"""A member's verdict is no look at a file of the item that it never told of, whichever came first.

The file waits for a person here: the verdict goes nowhere with it (docs/threat-model.md).
"""

from __future__ import annotations

import msgspec
import pytest

from node.casework.item import ItemState, Review
from node.casework.reports.draft import AssessmentDraft
from node.casework.working import record_assessment
from protocol.facts import Assessment, Content
from protocol.messages import Item, Outcome, Sighted
from protocol.vocabulary import OutcomeWhat, Reason, Verdict
from tests.builders.cases import POSTBOX, closed, event_id, file, handed_on, item, verdict
from tests.node.casework.arriving import Receiver, item_from, outcome
from tests.node.casework.contents.listed_items import later

ASKED = (Review.SUGGESTED_VERDICT,)
THERE = "https://nl9.example/9.jpg"
GIVEN = verdict(member="gb-iwf")


def reported(*content: Content) -> ItemState:
    """Return an item that a person reported here with these files."""
    return item(3, *content, url=THERE, named=())


def elsewhere(number: int, content: Content) -> ItemState:
    """Return another item with a file, at a place of its own."""
    return item(number, content, url=f"https://nl{number}.example/{number}.jpg", named=())


def handed(*content: Content, judged: bool) -> Item:
    """Return the same place as another member hands it over."""
    return item_from("gb-iwf", 7, *content, url=THERE, assessments=(GIVEN,) if judged else ())


def judged_later() -> Outcome:
    """Return what that member tells once it has judged its item."""
    return said_of(handed(judged=False).item_id, GIVEN)


def said_of(item_id: str, given: Assessment) -> Outcome:
    """Return a member's word that it judged an item."""
    return outcome(
        item_id,
        OutcomeWhat.ASSESSED,
        author=given.member,
        event_id=given.event_id,
        assessment=given,
    )


def say(receiver: Receiver, *content: Content, late: bool) -> None:
    """Let the member hand over and judge, at once or one after the other."""
    receiver("gb-iwf", handed(*content, judged=not late))
    if late:
        receiver("gb-iwf", judged_later())


LATE = pytest.mark.parametrize("late", [False, True], ids=["at_once", "later"])


@LATE
def test_attack_innocent_file_reported_under_a_judged_page_is_known_by_no_verdict(
    *,
    late: bool,
) -> None:
    """The page was judged without hashes: what stands here under its address it may never show."""
    here, other = reported(file(1)), elsewhere(4, file(1))
    receiver = Receiver(here, other)
    say(receiver, late=late)
    there, innocent = receiver.state(here.id), receiver.state(other.id)
    assert (there.known, there.reviews, there.unseen) == (True, ASKED, (0,))
    assert (innocent.known, innocent.reviews) == (False, ())


@LATE
def test_attack_file_beside_the_one_that_was_told_of_waits_for_a_look(*, late: bool) -> None:
    """And the verdict goes on with the other one alone, once somebody looked."""
    here, other = reported(file(1), file(2)), elsewhere(4, file(2))
    receiver = Receiver(here, other)
    say(receiver, file(1), late=late)
    there = receiver.state(here.id)
    assert (there.known, there.reviews, there.unseen) == (True, ASKED, (1,))
    assert not receiver.state(other.id).known


@LATE
def test_member_that_told_of_each_file_has_looked_at_each(*, late: bool) -> None:
    """Nobody need view twice what was judged (rule 2)."""
    here, other = reported(file(1), file(2)), elsewhere(4, file(2))
    receiver = Receiver(here, other)
    say(receiver, file(1), file(2), late=late)
    assert (receiver.state(here.id).known, receiver.state(here.id).reviews) == (True, ())
    assert receiver.state(other.id).known


def test_file_that_the_member_brings_itself_is_one_that_it_judged() -> None:
    """Where nothing was known of the files before."""
    here = reported()
    receiver = Receiver(here)
    say(receiver, file(1), late=True)
    assert (receiver.state(here.id).known, receiver.state(here.id).reviews) == (True, ())


def test_file_that_the_member_names_later_and_that_is_here_is_one_that_it_judged() -> None:
    """As if it had been first to name it."""
    here, other = reported(file(1)), elsewhere(4, file(1))
    receiver = Receiver(here, other)
    page = handed(judged=False)
    receiver("gb-iwf", page)
    for _ in range(2):  # what is named again is noted once
        receiver("gb-iwf", Sighted(page.item_id, None, file(1), None, child_at_risk=False))
    assert receiver.state(here.id).named == (("gb-iwf", 0),)
    receiver("gb-iwf", judged_later())
    assert (receiver.state(here.id).unseen, receiver.state(here.id).reviews) == ((), ())
    assert receiver.state(other.id).known


def test_file_waits_for_no_verdict_that_was_taken_back() -> None:
    """The next member that judges it told of it: all is as if the first had said nothing."""
    here, other = reported(file(1), file(2)), elsewhere(4, file(2))
    receiver = Receiver(here, other)
    say(receiver, file(1), late=True)
    gone = handed(judged=False).item_id
    receiver(
        "gb-iwf", outcome(gone, OutcomeWhat.WITHDRAWN, author="gb-iwf", event_id=GIVEN.event_id)
    )
    assert (receiver.state(here.id).unseen, receiver.state(here.id).reviews) == (
        (),
        (Review.WITHDRAWAL,),
    )
    both = item_from(
        "fr-pdc", 8, file(1), file(2), url=THERE, assessments=(verdict(member="fr-pdc"),)
    )
    receiver("fr-pdc", both)
    assert receiver.state(here.id).unseen == ()
    assert receiver.state(other.id).known


def test_attack_verdict_that_may_count_again_is_waited_for_still() -> None:
    """Its author says that it cannot judge the place, and takes that back."""
    here, other = reported(file(1)), elsewhere(4, file(1))
    receiver = Receiver(here, other)
    say(receiver, late=True)
    place = handed(judged=False).item_id
    unable = msgspec.structs.replace(
        GIVEN,
        event_id=event_id(901, "gb-iwf"),
        verdict=Verdict.UNASSESSABLE,
        reason=Reason.GEOBLOCKED,
        at_ms=GIVEN.at_ms + 1,
    )
    receiver("gb-iwf", said_of(place, unable))
    receiver(
        "gb-iwf",
        outcome(place, OutcomeWhat.WITHDRAWN, author="gb-iwf", event_id=unable.event_id),
    )
    state = receiver.state(here.id)
    assert (state.known, state.unseen) == (True, (0,))
    assert Review.SUGGESTED_VERDICT in state.reviews
    assert not receiver.state(other.id).known


def test_new_item_comes_with_verdicts_on_all_its_files() -> None:
    """Nothing stood here before it."""
    receiver = Receiver()
    say(receiver, file(1), file(2), late=True)
    state = receiver.state(handed(judged=False).item_id)
    assert (state.known, state.reviews) == (True, ())


@LATE
def test_of_an_item_that_went_on_nobody_is_asked_and_no_verdict_goes_on(*, late: bool) -> None:
    """Who has it looks."""
    here, other = handed_on(reported(file(1))), elsewhere(4, file(1))
    receiver = Receiver(here, other)
    say(receiver, late=late)
    assert (receiver.state(here.id).reviews, receiver.state(here.id).unseen) == ((), (0,))
    assert not receiver.state(other.id).known


def test_verdict_of_who_was_handed_the_item_is_one_on_all_its_files() -> None:
    """It went there with them, though that member had reported a page without any before."""
    here, other = reported(file(1)), elsewhere(4, file(1))
    receiver = Receiver(handed_on(here), other)
    receiver("fr-pdc", item_from("nl-eokm", 7, url=THERE))
    said = verdict(member="fr-pdc")
    receiver(
        "fr-pdc",
        outcome(
            here.id,
            OutcomeWhat.ASSESSED,
            author="fr-pdc",
            event_id=said.event_id,
            assessment=said,
        ),
    )
    assert receiver.state(here.id).unseen == ()
    assert receiver.state(other.id).known


def test_verdict_on_what_was_judged_before_leaves_nothing_to_look_at() -> None:
    """Who judged it first looked at what stood there."""
    here = item(3, file(1), url=THERE, named=(), assessments=(verdict(),))
    receiver = Receiver(here)
    say(receiver, late=False)
    assert receiver.state(here.id).reviews == ()


def test_unassessable_is_no_verdict_that_could_go_with_a_file() -> None:
    """Nobody is asked of it."""
    here = reported(file(1))
    receiver = Receiver(here)
    unable = verdict(Verdict.UNASSESSABLE, member="gb-iwf")
    receiver("gb-iwf", item_from("gb-iwf", 7, url=THERE, assessments=(unable,)))
    assert (receiver.state(here.id).unseen, receiver.state(here.id).reviews) == ((), ())


def test_person_who_looks_lets_the_verdict_go_with_the_file() -> None:
    """The look is hers, and so is the verdict."""
    here, other = reported(file(1)), elsewhere(4, file(1))
    receiver = Receiver(here, other)
    say(receiver, late=False)
    draft = AssessmentDraft(verdict=Verdict.BASELINE)
    record_assessment(receiver.book, here.id, draft, later(50), POSTBOX)
    assert (receiver.state(here.id).reviews, receiver.state(here.id).unseen) == ((), ())
    assert receiver.state(other.id).known


def test_closed_item_asks_as_an_open_one_does() -> None:
    """HashCheck and other items go by it as well."""
    here, other = closed(reported(file(1))), elsewhere(4, file(1))
    receiver = Receiver(here, other)
    say(receiver, late=False)
    assert receiver.state(here.id).unseen == (0,)
    assert not receiver.state(other.id).known


def test_verdict_of_who_named_one_file_goes_with_that_one_alone_whoever_judged_before() -> None:
    """That another had looked at both says nothing of what this one saw."""
    first = verdict(member="fr-pdc", number=901)
    here, other = reported(file(1), file(2)), elsewhere(4, file(2))
    one = elsewhere(5, file(1))
    receiver = Receiver(here, other, one)
    receiver(
        "fr-pdc",
        item_from("fr-pdc", 8, file(1), file(2), url=THERE, assessments=(first,)),
    )
    say(receiver, file(1), late=False)
    assert [a.member for a in receiver.state(other.id).assessments] == ["fr-pdc"]
    assert {a.member for a in receiver.state(one.id).assessments} == {"fr-pdc", "gb-iwf"}


def test_once_the_verdict_on_both_is_taken_back_the_file_that_nobody_named_waits() -> None:
    """As where the other one alone had ever judged."""
    first = verdict(member="fr-pdc", number=901)
    here, other = reported(file(1), file(2)), elsewhere(4, file(2))
    receiver = Receiver(here, other)
    brought = item_from("fr-pdc", 8, file(1), file(2), url=THERE, assessments=(first,))
    receiver("fr-pdc", brought)
    say(receiver, file(1), late=False)
    receiver(
        "fr-pdc",
        outcome(brought.item_id, OutcomeWhat.WITHDRAWN, author="fr-pdc", event_id=first.event_id),
    )
    there = receiver.state(here.id)
    assert (there.known, there.unseen) == (True, (1,))
    assert Review.SUGGESTED_VERDICT in there.reviews
    assert not receiver.state(other.id).known
