"""What is taken back goes on to whoever has the item now, and to what the item was joined to."""

from __future__ import annotations

import msgspec

from node.casework.contents.rejudging import bring_verdicts
from node.casework.ending.erasing import Cause, ErasureDraft, erase
from node.casework.incoming.receiving import Judged
from node.casework.item import Informant, Review
from node.casework.reports.draft import AssessmentDraft
from node.casework.working import record_assessment
from protocol.facts import Content, Sighting
from protocol.messages import Withdrawal
from protocol.vocabulary import Disposition, OutcomeWhat, Source, Verdict
from tests.builders.cases import (
    POSTBOX,
    US,
    book,
    event_id,
    happened,
    ids,
    item,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, outcome
from tests.node.casework.mistakes.taking_back import AWAY, GIVEN, ITEM, JUDGED, taken_back, told


class TestHandedOn:
    """An item that was handed on: who sees that it lost support can say what becomes of it."""

    def test_item_that_something_else_supports_stands_before_nobody(self) -> None:
        """Its other reporter still does; the answer is that it was taken back."""
        reporter = Sighting(event_id(9, "de-eco"), "de-eco", Source.PUBLIC, NOW_MS)
        state = msgspec.structs.replace(AWAY, sightings=(*AWAY.sightings, reporter))
        receiver = Receiver(state)
        found = receiver("gb-iwf", Withdrawal(ITEM, None, NOW_MS))
        assert found.disposition is Disposition.WITHDRAWN
        assert (receiver.state(ITEM).sightings, receiver.state(ITEM).reviews) == ((reporter,), ())

    def test_item_that_lost_its_last_support_is_settled_by_who_judges_it(self) -> None:
        """Nobody can act on it here: its holder does. Who does not support it erases it."""
        receiver = Receiver(JUDGED)
        receiver("gb-iwf", taken_back())
        assert receiver("gb-iwf", Withdrawal(ITEM, None, NOW_MS)).disposition is (
            Disposition.FOR_A_PERSON
        )
        draft = AssessmentDraft(verdict=Verdict.BASELINE)
        state = record_assessment(receiver.book, ITEM, draft, ids(), POSTBOX)
        assert state.reviews == ()
        assert [one.member for one in state.in_force] == [US]

    def test_last_verdict_taken_back_of_what_nobody_saw_stands_before_a_person(self) -> None:
        """Its sightings had gone before."""
        receiver = Receiver(msgspec.structs.replace(JUDGED, sightings=()))
        receiver("gb-iwf", taken_back())
        assert receiver.state(ITEM).reviews == (Review.WITHDRAWAL,)

    def test_item_that_nobody_saw_stands_before_nobody_while_another_judges_it(self) -> None:
        """It stays for that verdict."""
        other = verdict(member="de-eco", number=901)
        state = msgspec.structs.replace(JUDGED, sightings=(), assessments=(GIVEN, other))
        receiver = Receiver(state)
        receiver("gb-iwf", taken_back())
        assert receiver.state(ITEM).assessments == (other,)
        assert receiver.state(ITEM).reviews == ()

    def test_item_of_ours_is_settled_by_who_acts_and_not_by_who_judges(self) -> None:
        """The one who is responsible decides about it as ever."""
        receiver = Receiver(item(1, informants=(Informant("gb-iwf", ITEM),)))
        receiver("gb-iwf", Withdrawal(ITEM, None, NOW_MS))
        draft = AssessmentDraft(verdict=Verdict.BASELINE)
        state = record_assessment(receiver.book, ITEM, draft, ids(), POSTBOX)
        assert state.reviews == (Review.WITHDRAWAL,)


SAME = (Content(b"\x09" * 32, None, None, None, None, None),)


FIRST = item(1, content=SAME, informants=(Informant("gb-iwf", ITEM),), assessments=(GIVEN,))


CARRIED = item(
    3,
    content=SAME,
    informants=(Informant("de-eco", item(3).id),),
    assessments=(GIVEN,),
    carried=(GIVEN.event_id,),
)

"""Another item with the content of the first: the verdict was carried over."""


FROM_GB = msgspec.structs.replace(CARRIED, informants=(Informant("gb-iwf", CARRIED.id),))


class TestCarriedOver:
    """A verdict that is taken back goes from every item to which its content took it (rule 10)."""

    def test_it_goes_from_the_other_item_and_its_reporter_hears_so(self) -> None:
        """By an event of its own there; a person looks at an item that was known by it."""
        receiver = Receiver(FIRST, CARRIED)
        receiver("gb-iwf", taken_back())
        state = receiver.state(CARRIED.id)
        assert (state.assessments, state.reviews) == ((), (Review.WITHDRAWAL,))
        assert ("de-eco", CARRIED.id) in told(receiver)
        assert happened(receiver.book).count("verdict_withdrawn") == 2

    def test_it_stays_when_its_authors_report_is_taken_back(self) -> None:
        """Its author may have said it of another item too, and says itself that it is gone."""
        receiver = Receiver(FIRST, CARRIED)
        receiver("gb-iwf", Withdrawal(ITEM, None, NOW_MS))
        assert [receiver.state(one).assessments for one in (ITEM, CARRIED.id)] == [(GIVEN,)] * 2
        receiver("gb-iwf", taken_back())
        assert [receiver.state(one).assessments for one in (ITEM, CARRIED.id)] == [()] * 2

    def test_it_goes_once_and_is_not_carried_over_again(self) -> None:
        """Told a second time, by another way, it changes nothing."""
        receiver = Receiver(FIRST, CARRIED)
        receiver("gb-iwf", taken_back())
        receiver("gb-iwf", taken_back(), revision=1)
        bring_verdicts(receiver.book, POSTBOX, CARRIED.id)
        assert receiver.state(CARRIED.id).assessments == ()
        assert happened(receiver.book).count("verdict_withdrawn") == 2

    def test_other_verdicts_and_other_contents_keep_theirs(self) -> None:
        """Only what was taken back goes."""
        other = msgspec.structs.replace(
            item(4, content=(Content(b"\x08" * 32, None, None, None, None, None),)),
            assessments=(verdict(member="fr-pdc"),),
        )
        mine = msgspec.structs.replace(CARRIED, assessments=(GIVEN, verdict(member=US)))
        receiver = Receiver(FIRST, mine, other)
        receiver("gb-iwf", taken_back())
        assert receiver.state(mine.id).assessments == (verdict(member=US),)
        assert receiver.state(other.id) == other

    def test_our_own_goes_where_the_item_is_erased_by_mistake(self) -> None:
        """It was told to all that it holds no more: it does not stay here alone."""
        ours = verdict(member=US)
        made = book(
            msgspec.structs.replace(FIRST, assessments=(ours,)),
            msgspec.structs.replace(CARRIED, assessments=(ours,), carried=(ours.event_id,)),
        )
        erase(made, ITEM, ErasureDraft(Cause.ERROR), ids(), POSTBOX)
        assert made.loaded.items[CARRIED.id].assessments == ()

    def test_it_stays_where_it_was_given_when_an_item_that_it_came_to_is_erased(self) -> None:
        """Its report was wrong, and not what somebody said of the other one."""
        ours = verdict(member=US)
        given_there = item(3, content=SAME, assessments=(ours,))
        came_here = msgspec.structs.replace(FIRST, assessments=(ours,), carried=(ours.event_id,))
        made = book(given_there, came_here)
        erase(made, ITEM, ErasureDraft(Cause.ERROR), ids(), POSTBOX)
        assert made.loaded.items[given_there.id].assessments == (ours,)

    def test_it_stays_with_its_content_while_it_is_said_of_one_of_the_items(self) -> None:
        """Of three, one is taken back, one was told, and to one it was carried over."""
        told_too = item(4, content=SAME, assessments=(GIVEN,))
        receiver = Receiver(FIRST, told_too, CARRIED)
        receiver("gb-iwf", taken_back())
        assert receiver.state(ITEM).assessments == ()
        assert receiver.state(told_too.id).assessments == (GIVEN,)
        assert receiver.state(CARRIED.id).assessments == (GIVEN,)

    def test_withdrawn_report_leaves_a_verdict_that_was_given_on_another_item(self) -> None:
        """The author takes back what it said of this one; it never judged this one."""
        given_there = item(4, content=SAME, assessments=(GIVEN,))
        here = msgspec.structs.replace(FIRST, carried=(GIVEN.event_id,))
        receiver = Receiver(here, given_there)
        receiver("gb-iwf", Withdrawal(ITEM, None, NOW_MS))
        assert receiver.state(given_there.id).assessments == (GIVEN,)
        assert receiver.state(ITEM).assessments == (GIVEN,)

    def test_verdict_that_is_said_of_the_item_too_outlives_the_one_it_was_carried_from(
        self,
    ) -> None:
        """It came with the content first, and its author's word about this item later."""
        receiver = Receiver(FIRST, FROM_GB)
        said = outcome(
            CARRIED.id,
            OutcomeWhat.ASSESSED,
            assessment=GIVEN,
            author="gb-iwf",
            event_id=GIVEN.event_id,
        )
        assert receiver("gb-iwf", said).judged is Judged.DONE
        receiver("gb-iwf", taken_back(), revision=1)
        assert receiver.state(CARRIED.id).assessments == (GIVEN,)

    def test_other_words_under_the_id_of_a_carried_verdict_change_nothing(self) -> None:
        """Only the verdict itself can be said of the item."""
        receiver = Receiver(FIRST, FROM_GB)
        said = outcome(
            CARRIED.id,
            OutcomeWhat.ASSESSED,
            assessment=msgspec.structs.replace(GIVEN, verdict=Verdict.NOT_ILLEGAL),
            author="gb-iwf",
            event_id=GIVEN.event_id,
        )
        assert receiver("gb-iwf", said).judged is Judged.DONE
        assert receiver.state(CARRIED.id) == FROM_GB
