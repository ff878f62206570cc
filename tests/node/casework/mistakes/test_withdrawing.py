"""What members take back: their sightings and verdicts, along the ways on which they were told."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from node.casework.events import Erasure
from node.casework.item import Custody, Informant, ItemState, Review
from node.casework.mistakes.withdrawing import hear_withdrawal
from node.casework.passing_on.permits import Permits
from node.registry import changes
from protocol.facts import ActionTaken, Hop, Sighting
from protocol.messages import DispositionNote, Message, Outcome, Sighted, Withdrawal
from protocol.vocabulary import Action, Disposition, OutcomeWhat, Source, Verdict
from tests.builders.cases import (
    POSTBOX,
    US,
    book,
    event_id,
    handed_on,
    happened,
    item,
    network,
    said,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, item_from, outcome
from tests.node.casework.mistakes.taking_back import (
    ALIAS,
    AWAY,
    GIVEN,
    ITEM,
    JUDGED,
    taken_back,
    told,
)


class TestWithdrawals:
    """A member takes its sighting back; people decide what becomes of the item."""

    SEEN = Sighting(event_id(9, "gb-iwf"), "gb-iwf", Source.PUBLIC, NOW_MS)

    def known(self, state: ItemState = AWAY) -> Receiver:
        """An item with two sightings of gb-iwf."""
        more = (*state.sightings, self.SEEN)
        return Receiver(msgspec.structs.replace(state, sightings=more))

    def test_withdrawal_waits_for_a_person(self) -> None:
        """A stolen key must not be able to stop all notices."""
        receiver = self.known()
        found = receiver("gb-iwf", Withdrawal(ITEM, None, NOW_MS))
        assert found.disposition is Disposition.FOR_A_PERSON
        state = receiver.state(ITEM)
        assert state.review is Review.WITHDRAWAL
        assert (state.sightings, state.closed_ms) == ((), None)

    def test_one_sighting_is_taken_back_alone(self) -> None:
        """The other still supports the item."""
        receiver = self.known()
        receiver("gb-iwf", Withdrawal(ITEM, self.SEEN.sighting_id, NOW_MS))
        assert receiver.state(ITEM).sightings == AWAY.sightings

    def test_withdrawal_goes_along_the_chain_by_sighting(self) -> None:
        """There the sender is not its author."""
        receiver = self.known()
        receiver("gb-iwf", Withdrawal(ITEM, None, NOW_MS))
        passed = [(to, m.sighting_id) for to, m in said(receiver.book) if isinstance(m, Withdrawal)]
        assert passed == [("fr-pdc", ITEM), ("fr-pdc", self.SEEN.sighting_id)]

    def test_sightings_of_others_are_not_taken_back_along_the_chain(self) -> None:
        """The next member would believe us."""
        reporter = Sighting(event_id(9, "de-eco"), "de-eco", Source.PUBLIC, NOW_MS)
        state = msgspec.structs.replace(AWAY, sightings=(*AWAY.sightings, reporter))
        receiver = Receiver(state)
        receiver("gb-iwf", Withdrawal(ITEM, None, NOW_MS))
        passed = [m.sighting_id for _, m in said(receiver.book) if isinstance(m, Withdrawal)]
        assert passed == [ITEM]

    def test_withdrawal_that_was_passed_on_takes_its_authors_sighting(self) -> None:
        """Though the sender is another member."""
        here = item(
            1,
            informants=(Informant("fr-pdc", ITEM),),
            hops=(Hop("gb-iwf", 1), Hop("fr-pdc", 2), Hop(US, 3)),
        )
        receiver = self.known(here)
        receiver("fr-pdc", Withdrawal(ITEM, self.SEEN.sighting_id, NOW_MS))
        assert receiver.state(ITEM).sightings == here.sightings

    @pytest.mark.parametrize("sighting", [None, event_id(77, "gb-iwf")])
    def test_member_that_reported_nothing_withdraws_nothing(self, sighting: str | None) -> None:
        """Neither the holder further on, nor with an unknown id."""
        receiver = self.known()
        peer = "fr-pdc" if sighting is None else "gb-iwf"
        found = receiver(peer, Withdrawal(ITEM, sighting, NOW_MS))
        assert found.disposition is Disposition.NOT_PERMITTED
        assert happened(receiver.book) == []

    def test_nobody_withdraws_what_we_saw_ourselves(self) -> None:
        """Ours is ours."""
        ours = Sighting(event_id(9, US), US, Source.PUBLIC, NOW_MS)
        state = msgspec.structs.replace(AWAY, sightings=(*AWAY.sightings, ours))
        receiver = Receiver(state)
        found = receiver("gb-iwf", Withdrawal(ITEM, ours.sighting_id, NOW_MS))
        assert found.disposition is Disposition.NOT_PERMITTED

    def test_withdrawal_is_answered(self) -> None:
        """Its sender hears that people look."""
        receiver = self.known(item(1, informants=(Informant("gb-iwf", ITEM),)))
        receiver("gb-iwf", Withdrawal(ITEM, None, NOW_MS))
        ((to, note),) = said(receiver.book)
        assert isinstance(note, DispositionNote)
        assert (to, note.disposition) == ("gb-iwf", Disposition.FOR_A_PERSON)

    def test_withdrawal_of_what_is_erased_here_is_done_already(self) -> None:
        """It is not parked for ever."""
        receiver = Receiver(AWAY)
        receiver.book.erase(AWAY, Erasure(event_id(9), "withdrawal", ()))
        given = receiver("gb-iwf", Withdrawal(ITEM, None, NOW_MS))
        assert given.disposition is Disposition.WITHDRAWN


class TestAnothersSighting:
    """Who takes back, by its id, what another saw."""

    PLACED = item(
        1, told_hops=1, informants=(Informant("gb-iwf", ITEM), Informant("fr-pdc", ALIAS))
    )
    """Both told of it; gb-iwf saw it."""
    THIRD = Sighting(event_id(9, "de-eco"), "de-eco", Source.PUBLIC, NOW_MS)

    def taken_back(
        self, state: ItemState, peer: str, sighting: str = ITEM
    ) -> tuple[Disposition | None, list[Sighting], tuple[Review, ...]]:
        """Let `peer` take a sighting back: the answer, what is left, and why a person looks."""
        receiver = Receiver(state)
        found = receiver(peer, Withdrawal(ITEM, sighting, NOW_MS))
        after = receiver.state(ITEM)
        return found.disposition, list(after.sightings), after.reviews

    def relayed(self, *by: str) -> ItemState:
        """What a third member saw, told of by these."""
        seen = (*self.PLACED.sightings, self.THIRD)
        told = tuple((self.THIRD.sighting_id, one) for one in by)
        return msgspec.structs.replace(self.PLACED, sightings=seen, relayed=told)

    def test_reporter_takes_back_nothing_that_another_reporter_saw(self) -> None:
        """Though it knows the id."""
        (left,) = self.PLACED.sightings
        found = self.taken_back(self.PLACED, "fr-pdc")
        assert found == (Disposition.NOT_PERMITTED, [left], ())

    def test_r11_of_what_an_earlier_version_recorded_a_person_tells(self) -> None:
        """It did not keep who told of what another saw."""
        state = msgspec.structs.replace(self.PLACED, told_hops=None)
        found = self.taken_back(state, "fr-pdc")
        assert found == (Disposition.FOR_A_PERSON, list(state.sightings), (Review.WITHDRAWAL,))

    def test_who_alone_told_of_it_passes_on_that_it_never_was(self) -> None:
        """As along any chain."""
        found = self.taken_back(self.relayed("fr-pdc"), "fr-pdc", self.THIRD.sighting_id)
        assert found[1] == list(self.PLACED.sightings)

    def test_reporter_takes_back_nothing_that_another_told_of(self) -> None:
        """Whoever saw it."""
        state = self.relayed("gb-iwf")
        found = self.taken_back(state, "fr-pdc", self.THIRD.sighting_id)
        assert found == (Disposition.NOT_PERMITTED, list(state.sightings), ())

    def test_what_others_told_of_too_stands_and_a_person_looks(self) -> None:
        """One of them says that it never was."""
        state = self.relayed("gb-iwf", "fr-pdc")
        found = self.taken_back(state, "fr-pdc", self.THIRD.sighting_id)
        assert found == (Disposition.FOR_A_PERSON, list(state.sightings), (Review.WITHDRAWAL,))

    def test_so_it_is_where_the_item_went_on(self) -> None:
        """Whoever has it now still does."""
        state = handed_on(self.relayed("gb-iwf", "fr-pdc"), to="de-eco")
        found = self.taken_back(state, "fr-pdc", self.THIRD.sighting_id)
        assert found == (Disposition.FOR_A_PERSON, list(state.sightings), (Review.WITHDRAWAL,))

    def test_r11_of_what_was_told_before_it_was_kept_a_person_tells(self) -> None:
        """Also once another sighting has been told of by one who is known."""
        told = ((event_id(8, "de-eco"), "fr-pdc"),)
        state = msgspec.structs.replace(self.PLACED, told_hops=None, relayed=told)
        assert self.taken_back(state, "fr-pdc")[0] is Disposition.FOR_A_PERSON

    def test_successor_takes_back_what_its_predecessor_saw(self) -> None:
        """It speaks for it."""
        (seen,) = self.PLACED.sightings
        merged = changes.merge(network().network, "gb-iwf", "fr-pdc", {})
        registry = replace(network(), network=merged)
        known = book(self.PLACED)
        postbox = POSTBOX.under(Permits(US, registry))
        hear_withdrawal(known, postbox, "fr-pdc", Withdrawal(ITEM, seen.sighting_id, NOW_MS))
        assert known.loaded.items[ITEM].sightings == ()

    def test_who_told_of_what_another_saw_is_kept(self) -> None:
        """In an item that is new here, in one that joins, and in a later sighting."""
        theirs = item_from("gb-iwf", 1)
        message = msgspec.structs.replace(theirs, sightings=(*theirs.sightings, self.THIRD))
        receiver = Receiver()
        receiver("gb-iwf", message)
        assert receiver.state(ITEM).relayed == ((self.THIRD.sighting_id, "gb-iwf"),)
        joining = item_from("fr-pdc", 7, sightings=(self.THIRD,))
        receiver("fr-pdc", joining)
        assert receiver.state(ITEM).relayed[1:] == ((self.THIRD.sighting_id, "fr-pdc"),)
        later = msgspec.structs.replace(self.THIRD, sighting_id=event_id(10, "de-eco"))
        receiver("gb-iwf", Sighted(ITEM, later, None, None, child_at_risk=False))
        assert receiver.state(ITEM).relayed[2:] == ((later.sighting_id, "gb-iwf"),)

    def test_sighting_under_anothers_id_takes_no_place(self) -> None:
        """Who saw it tells of it afterwards, and it counts."""
        claimed = Sighting(event_id(1, "gb-iwf"), "fr-pdc", Source.PUBLIC, NOW_MS)
        receiver = Receiver()
        own = item_from("fr-pdc", 7)
        receiver("fr-pdc", msgspec.structs.replace(own, sightings=(*own.sightings, claimed)))
        later = Sighted(own.item_id, claimed, None, None, child_at_risk=False)
        assert receiver("fr-pdc", later).disposition is Disposition.NOT_PERMITTED
        receiver("gb-iwf", item_from("gb-iwf", 1))
        seen = receiver.state(own.item_id).sightings
        assert [one.member for one in seen] == ["fr-pdc", "gb-iwf"]


class TestVerdicts:
    """A verdict goes from wherever it was told."""

    @pytest.mark.parametrize("report_first", [False, True])
    def test_verdict_goes_along_the_chain_by_its_authors_word(self, *, report_first: bool) -> None:
        """Whichever comes first, that or the withdrawal of the report, which says nothing of it."""
        receiver = Receiver(JUDGED)
        both: list[Message] = [taken_back(), Withdrawal(ITEM, None, NOW_MS)]
        for message in reversed(both) if report_first else both:
            receiver("gb-iwf", message)
        assert receiver.state(ITEM).assessments == ()
        assert told(receiver) == [("fr-pdc", ITEM)]

    def test_every_reporter_hears_that_a_verdict_was_taken_back(self) -> None:
        """Each heard the verdict."""
        reporter = Informant("de-eco", event_id(3, "de-eco"))
        state = msgspec.structs.replace(JUDGED, informants=(*JUDGED.informants, reporter))
        receiver = Receiver(state)
        receiver("fr-pdc", taken_back(verdict(member="fr-pdc")))
        assert told(receiver) == [("gb-iwf", ALIAS), ("de-eco", reporter.item_id)]

    def test_verdict_taken_back_is_gone_and_told_on_once(self) -> None:
        """It comes by every way by which the verdict came."""
        receiver = Receiver(JUDGED)
        receiver("gb-iwf", taken_back(item_id=ALIAS))
        receiver("gb-iwf", taken_back(item_id=ALIAS), revision=1)
        assert receiver.state(ITEM).assessments == ()
        assert (told(receiver), happened(receiver.book)) == (
            [("fr-pdc", ITEM)],
            ["verdict_withdrawn"],
        )

    def test_verdict_that_comes_after_it_was_taken_back_stays_away(self) -> None:
        """By a slower way."""
        receiver = Receiver(AWAY)
        receiver("gb-iwf", taken_back())
        late = outcome(
            ITEM,
            OutcomeWhat.ASSESSED,
            assessment=GIVEN,
            author="gb-iwf",
            event_id=GIVEN.event_id,
        )
        receiver("gb-iwf", late)
        assert receiver.state(ITEM).assessments == ()

    def test_other_verdicts_stay(self) -> None:
        """Also another one of the same author."""
        others = (verdict(member="fr-pdc"), verdict(Verdict.NATIONAL, "gb-iwf", 9))
        receiver = Receiver(msgspec.structs.replace(JUDGED, assessments=(GIVEN, *others)))
        receiver("gb-iwf", taken_back())
        assert receiver.state(ITEM).assessments == others

    @pytest.mark.parametrize("held", [True, False])
    def test_person_looks_at_an_item_of_ours_that_lost_a_verdict(self, *, held: bool) -> None:
        """What is left may not support it; where nothing was lost there is nothing to see."""
        ours = item(1, informants=(Informant("gb-iwf", ITEM),), assessments=(GIVEN,) * held)
        receiver = Receiver(ours)
        receiver("gb-iwf", taken_back())
        assert receiver.state(ITEM).review is (Review.WITHDRAWAL if held else None)
        assert receiver.state(ITEM).custody is Custody.HERE

    @pytest.mark.parametrize(
        ("peer", "news"),
        [
            ("gb-iwf", taken_back(verdict(member=US))),
            ("gb-iwf", msgspec.structs.replace(taken_back(), author="fr-pdc")),
            (
                "gb-iwf",
                outcome(
                    ITEM,
                    OutcomeWhat.WITHDRAWN,
                    author="fr-pdc",
                    event_id=event_id(71, "fr-pdc"),
                ),
            ),
        ],
        ids=["our own", "another author than the id says", "an action"],
    )
    def test_nobody_takes_back_what_is_not_a_verdict_of_who_is_named(
        self, peer: str, news: Outcome
    ) -> None:
        """Else one word would wipe the case."""
        done = ActionTaken(event_id(71, "fr-pdc"), "fr-pdc", Action.REMOVED, None, NOW_MS)
        ours = verdict(member=US)
        receiver = Receiver(
            msgspec.structs.replace(JUDGED, assessments=(GIVEN, ours), actions=(done,))
        )
        assert receiver(peer, news).disposition is Disposition.NOT_PERMITTED
        assert happened(receiver.book) == []

    def test_member_outside_of_the_story_takes_no_verdict_back(self) -> None:
        """Whoever learnt the ids cannot wipe the case."""
        receiver = Receiver(item(1, assessments=(GIVEN,)))
        assert receiver("fr-pdc", taken_back()).disposition is Disposition.NOT_PERMITTED
        assert happened(receiver.book) == []
