"""A member's verdict is no look at a file of the item that it never told of, whichever came first.

The file waits for a person here: the verdict goes nowhere with it (docs/threat-model.md).
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from node.casework.contents.crowds import Crowds
from node.casework.events import EventKind, HandedOn, Kept
from node.casework.item import Informant, ItemState, Review
from node.casework.passing_on.permits import Permits
from node.casework.reports.draft import AssessmentDraft
from node.casework.working import record_assessment
from node.hashcheck.verdicts import findings
from node.registry.changes import merge
from protocol.facts import Content, Hop
from protocol.messages import Item, Outcome, Sighted
from protocol.vocabulary import OutcomeWhat, Reason, Verdict
from tests.builders.cases import (
    POSTBOX,
    US,
    closed,
    country,
    event_id,
    file,
    handed_on,
    item,
    network,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, item_from, outcome, said_of
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


def taken_back(state: ItemState, receiver: Receiver) -> None:
    """Let an item that went on be here again, without having been handed over."""
    hops = (*receiver.state(state.id).hops, Hop(US, NOW_MS))
    body = Kept(US, orphan=False, hops=hops, jurisdiction=None)
    receiver.book.record(state.id, EventKind.KEPT, body, at_ms=NOW_MS, actor=US)


@pytest.mark.parametrize("back", [False, True], ids=["there", "back"])
def test_what_a_member_judged_that_had_the_item_it_saw_wherever_the_item_is_now(
    *, back: bool
) -> None:
    """It had reported the page without a file before."""
    here, fresh = reported(file(1)), item_from("gb-iwf", 5, file(1), url="https://nl5.example/5")
    receiver = Receiver(handed_on(here))
    receiver("fr-pdc", item_from("fr-pdc", 7, url=THERE))
    receiver("fr-pdc", said_of(here.id, verdict(member="fr-pdc")))
    if back:
        taken_back(here, receiver)
    assert list(findings(receiver.state(here.id), file(1), set(), US, near=False))
    receiver("gb-iwf", fresh)
    assert receiver.state(fresh.item_id).known


def test_attack_that_an_item_went_to_its_judge_later_says_nothing_of_what_it_saw_before() -> None:
    """It had told of one file, and judged that."""
    first = verdict(member="fr-pdc", number=901)
    here, fresh = (
        reported(file(1), file(2)),
        item_from("fr-pdc", 5, file(2), url="https://nl5.example/5"),
    )
    receiver = Receiver(here)
    brought = item_from("fr-pdc", 8, file(1), file(2), url=THERE, assessments=(first,))
    receiver("fr-pdc", brought)
    say(receiver, file(1), late=False)
    body = HandedOn(
        "gb-iwf", orphan=False, hops=(*here.hops, Hop("gb-iwf", NOW_MS)), jurisdiction=country("GB")
    )
    receiver.book.record(here.id, EventKind.HANDED_ON, body, at_ms=NOW_MS, actor=US)
    receiver(
        "fr-pdc",
        outcome(brought.item_id, OutcomeWhat.WITHDRAWN, author="fr-pdc", event_id=first.event_id),
    )
    receiver("fr-pdc", fresh)
    assert not receiver.state(fresh.item_id).known


def test_verdict_that_came_with_the_file_goes_on_with_it_where_its_author_told_of_the_place() -> (
    None
):
    """The author reported the page alone; of the file it spoke elsewhere, which is gone."""
    here = reported(file(1))
    known = item(
        4,
        file(1),
        url="https://nl4.example/4.jpg",
        named=(("gb-iwf", 0),),
        informants=(Informant("gb-iwf", item(4).id),),
    )
    receiver = Receiver(here, known)
    receiver("gb-iwf", handed(judged=False))
    receiver("gb-iwf", said_of(known.id, GIVEN))
    assert receiver.state(here.id).carried == (GIVEN.event_id,)
    assert list(findings(receiver.state(here.id), file(1), set(), US, near=False))
    del receiver.book.loaded.items[known.id]
    for ids in receiver.book.loaded.by_key.values():
        if known.id in ids:
            ids.remove(known.id)
    receiver.book.crowds = Crowds()
    fresh = item_from("fr-pdc", 5, file(1), url="https://nl5.example/5")
    receiver("fr-pdc", fresh)
    assert receiver.state(fresh.item_id).known


def test_person_here_who_could_not_judge_a_file_looked_at_it_whatever_is_taken_back() -> None:
    """Of what a person looked at nobody is asked once more."""
    here = reported(file(1))
    receiver = Receiver(here)
    say(receiver, late=False)
    draft = AssessmentDraft(verdict=Verdict.UNASSESSABLE, reason=Reason.ERROR)
    record_assessment(receiver.book, here.id, draft, later(50), POSTBOX)
    assert receiver.state(here.id).unseen == ()
    other = verdict(member="fr-pdc", number=901)
    page = item_from("fr-pdc", 8, url=THERE, assessments=(other,))
    receiver("fr-pdc", page)
    receiver(
        "fr-pdc",
        outcome(page.item_id, OutcomeWhat.WITHDRAWN, author="fr-pdc", event_id=other.event_id),
    )
    assert receiver.state(here.id).unseen == ()


def after_a_merge(*known: ItemState) -> Receiver:
    """Return who judges what arrives since one member took over from another."""
    before = network()
    registry = replace(before, network=merge(before.network, "gb-iwf", "fr-pdc", {}))
    return Receiver(*known, registry=registry, postbox=POSTBOX.under(Permits(US, registry)))


def test_attack_verdict_of_a_successor_is_none_on_a_file_that_its_predecessor_never_named() -> None:
    """It has what that one had."""
    here, other = reported(file(1), file(2)), elsewhere(4, file(2))
    one = elsewhere(5, file(1))
    told_of = handed(judged=False).item_id
    told = msgspec.structs.replace(
        here,
        informants=(Informant("gb-iwf", told_of),),
        named=(("gb-iwf", 0),),
        aliases=(told_of,),
        hops=(Hop("fr-pdc", NOW_MS), Hop("gb-iwf", NOW_MS), Hop(US, NOW_MS)),
    )
    receiver = after_a_merge(told, other, one)
    receiver("fr-pdc", said_of(told_of, verdict(member="fr-pdc")))
    assert receiver.state(here.id).known
    assert receiver.state(here.id).unseen == (1,)
    assert not receiver.state(other.id).known


def test_attack_verdict_of_a_predecessor_is_none_on_a_file_that_its_successor_never_names() -> None:
    """Who hands over what that one had judged says what it judged."""
    here, other = reported(file(1), file(2)), elsewhere(4, file(2))
    receiver = after_a_merge(here, other)
    receiver("fr-pdc", item_from("fr-pdc", 8, file(1), url=THERE, assessments=(GIVEN,)))
    assert receiver.state(here.id).vouched == (GIVEN,)
    assert receiver.state(here.id).unseen == (1,)
    assert not receiver.state(other.id).known


def test_verdict_of_a_successor_goes_with_the_file_that_its_predecessor_named() -> None:
    """Nobody looks at that again."""
    here, one = reported(file(1)), elsewhere(5, file(1))
    told_of = handed(judged=False).item_id
    told = msgspec.structs.replace(
        here,
        informants=(Informant("gb-iwf", told_of),),
        named=(("gb-iwf", 0),),
        aliases=(told_of,),
        hops=(Hop("fr-pdc", NOW_MS), Hop("gb-iwf", NOW_MS), Hop(US, NOW_MS)),
    )
    receiver = after_a_merge(told, one)
    receiver("fr-pdc", said_of(told_of, verdict(member="fr-pdc")))
    assert receiver.state(here.id).unseen == ()
    assert receiver.state(one.id).known


WEAK, FULL = file(md5=1), file(6, md5=1)


@pytest.mark.parametrize("first", [True, False], ids=["told_first", "told_last"])
@LATE
def test_attack_verdict_on_a_file_by_its_weak_hash_is_none_on_what_another_says_it_is(
    *, first: bool, late: bool
) -> None:
    """One weak hash only suggests: whoever reports the place may say any file of it."""
    here, innocent = reported(*(() if first else (FULL,))), elsewhere(4, file(6))
    receiver = Receiver(here, innocent)
    receiver("gb-iwf", handed(WEAK, judged=not late))
    if first:
        receiver("fr-pdc", item_from("fr-pdc", 8, FULL, url=THERE))
    if late:
        receiver("gb-iwf", judged_later())
    assert receiver.state(here.id).content == (FULL,)
    assert receiver.state(here.id).unseen == (0,)
    assert not receiver.state(innocent.id).known


def test_of_a_file_that_waits_companies_are_told_that_a_person_has_to_look() -> None:
    """Of one beside it that another judged, and that waits for nobody, nothing is said by this."""
    here = reported(file(1), file(2))
    receiver = Receiver(here)
    say(receiver, file(1), late=False)

    def said_of_the(one: Content) -> list[bool]:
        state = receiver.state(here.id)
        return [found.sure for found in findings(state, one, set(), US, near=False)]

    assert said_of_the(file(2)) == [False]
    draft = AssessmentDraft(verdict=Verdict.UNASSESSABLE, reason=Reason.ERROR)
    record_assessment(receiver.book, here.id, draft, later(50), POSTBOX)
    assert (said_of_the(file(1)), said_of_the(file(2))) == ([True], [])


def test_who_had_the_item_once_saw_what_it_had() -> None:
    """It told of nothing itself, and says what it thinks after the item was taken back."""
    here, other = reported(file(1)), elsewhere(4, file(1))
    page = handed(judged=False)
    receiver = Receiver(here, other)
    receiver("gb-iwf", page)
    there = HandedOn(
        "fr-pdc",
        orphan=False,
        hops=(*here.hops, Hop("fr-pdc", NOW_MS)),
        jurisdiction=country("FR"),
    )
    receiver.book.record(here.id, EventKind.HANDED_ON, there, at_ms=NOW_MS, actor=US)
    taken_back(here, receiver)
    receiver("fr-pdc", said_of(here.id, verdict(member="fr-pdc")))
    assert receiver.state(here.id).vouched
    assert receiver.state(here.id).unseen == ()
    assert receiver.state(other.id).known
