"""Sightings of items that are here: known by their id, or told later."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from keys.transfers import TRANSFER_FIELDS, Transfers, TransferTerms
from node.casework.item import Custody, Informant, ItemState, Review, TakenOff
from protocol.facts import Access, Sighting
from protocol.messages import Sighted, Withdrawal
from protocol.vocabulary import (
    Action,
    Disposition,
    Source,
)
from tests.builders.cases import (
    HOUR_MS,
    US,
    closed,
    file,
    handed_on,
    happened,
    item,
    network,
    said,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, item_from
from tests.node.casework.incoming.handing_over import SEEN, told


class TestUntoldSightings:
    """The terms of the pair keep them from us; the item says what its finder's own would."""

    def receiver(self, *known: ItemState) -> Receiver:
        """Return who is told of gb-iwf's items without their sightings."""
        fields = tuple(one for one in TRANSFER_FIELDS if one != "sightings")
        terms = Transfers(pairs={("gb-iwf", US): TransferTerms("law", fields)})
        plain = network()
        document = replace(plain.network, transfers=terms)
        return Receiver(*known, registry=replace(plain, network=document))

    OWN = Sighting(item(1).id, "gb-iwf", Source.PUBLIC, NOW_MS)

    def test_item_is_reported_by_its_finder(self) -> None:
        """Else nothing here would take it for one that somebody found."""
        receiver = self.receiver()
        receiver("gb-iwf", item_from(sightings=()))
        assert receiver.state(item(1).id).sightings == (self.OWN,)

    def test_second_report_joins(self) -> None:
        """Though nothing of it is left but its place."""
        here = item(2, finder="fr-pdc")
        receiver = self.receiver(here)
        found = receiver("gb-iwf", item_from(sightings=()))
        assert found.disposition is Disposition.DUPLICATE
        assert self.OWN in receiver.state(here.id).sightings

    def test_finder_takes_its_report_back(self) -> None:
        """As a whole, or by name along the chain."""
        for named in (None, item(1).id):
            receiver = self.receiver()
            receiver("gb-iwf", item_from(sightings=()))
            receiver("gb-iwf", Withdrawal(item(1).id, named, NOW_MS))
            state = receiver.state(item(1).id)
            assert (state.sightings, state.review) == ((), Review.WITHDRAWAL)

    def test_report_of_another_that_is_taken_back_was_never_known(self) -> None:
        """Who tells of it is in the right."""
        receiver = self.receiver()
        receiver("gb-iwf", item_from(sightings=()))
        found = receiver("gb-iwf", Withdrawal(item(1).id, SEEN.sighting_id, NOW_MS))
        assert found.disposition is Disposition.WITHDRAWN
        assert receiver.state(item(1).id).sightings == (self.OWN,)

    def test_stranger_takes_nothing_back(self) -> None:
        """It never told us of the item."""
        receiver = self.receiver(item(1))
        found = receiver("gb-iwf", Withdrawal(item(1).id, SEEN.sighting_id, NOW_MS))
        assert found.disposition is Disposition.NOT_PERMITTED

    def test_sightings_that_may_be_told_are_as_they_were_told(self) -> None:
        """None is made up for a member whose terms keep nothing back."""
        receiver = Receiver()
        receiver("gb-iwf", item_from(sightings=()))
        assert receiver.state(item(1).id).sightings == ()

    def test_item_that_nobody_reports_stands_before_a_person(self) -> None:
        """Its sender may know of narrower terms than we: nothing here would go on with it."""
        receiver = Receiver()
        receiver("gb-iwf", item_from(sightings=()))
        assert receiver.state(item(1).id).reviews == (Review.WITHDRAWAL,)


class TestAlarms:
    """Somebody may be abused now: of what is closed nobody else would look."""

    EARLY = msgspec.structs.replace(SEEN, found_ms=NOW_MS - HOUR_MS)

    @pytest.mark.parametrize(
        ("by", "review"),
        [
            (Action.REMOVED, Review.PERHAPS_BACK),
            (Action.NOT_ILLEGAL, Review.NOT_ILLEGAL_DOUBTED),
        ],
    )
    def test_alarm_with_a_later_sighting_is_looked_at(self, by: Action, review: Review) -> None:
        """Found before it was closed, which is a sighting only."""
        told = Informant("gb-iwf", item(1).id)
        receiver = Receiver(closed(item(1, file(1), informants=(told,)), by, NOW_MS))
        receiver("gb-iwf", Sighted(item(1).id, self.EARLY, file(1), None, child_at_risk=True))
        assert receiver.state(item(1).id).reviews == (review,)

    def test_alarm_with_an_item_that_is_handed_over_is_looked_at(self) -> None:
        """It is joined, as found before it was gone here."""
        here = closed(item(2, file(1), finder="fr-pdc"), when_ms=NOW_MS)
        receiver = Receiver(here)
        handed = item_from("gb-iwf", 1, file(1), found_ms=NOW_MS - HOUR_MS, child_at_risk=True)
        assert receiver("gb-iwf", handed).disposition is Disposition.LATE_DUPLICATE
        assert receiver.state(here.id).reviews == (Review.PERHAPS_BACK,)

    def test_alarm_that_comes_again_is_looked_at_once(self) -> None:
        """A person has looked."""
        told = Informant("gb-iwf", item(1).id)
        looked = item(1, file(1), informants=(told,), child_at_risk=True)
        receiver = Receiver(closed(looked, when_ms=NOW_MS))
        receiver("gb-iwf", Sighted(item(1).id, self.EARLY, file(1), None, child_at_risk=True))
        assert receiver.state(item(1).id).reviews == ()


class TestKnownById:
    """The id itself is here."""

    def test_own_item_echoed_back_has_no_effect(self) -> None:
        """It is recognised by its id."""
        ours = item(1, finder=US)
        receiver = Receiver(ours)
        echo = msgspec.structs.replace(item_from(US), item_id=ours.id)
        assert receiver("fr-pdc", echo).disposition is Disposition.ECHO
        assert happened(receiver.book) == []

    def test_echo_that_says_that_a_child_is_at_risk_is_heard(self) -> None:
        """Whoever says it: it would have counted as a report of the place, too."""
        ours = item(1, finder=US)
        receiver = Receiver(ours)
        echo = msgspec.structs.replace(item_from(US), item_id=ours.id, child_at_risk=True)
        assert receiver("fr-pdc", echo).disposition is Disposition.ECHO
        state = receiver.state(ours.id)
        assert state.child_at_risk
        assert [i.member for i in state.informants] == ["fr-pdc"]

    def test_item_given_back_by_its_holder_is_ours_again_before_a_person(self) -> None:
        """A to B and, by a person's word, back to A: people on both sides look (rule 7)."""
        ours = handed_on(item(1, finder=US))
        receiver = Receiver(ours)
        back = msgspec.structs.replace(item_from(US), item_id=ours.id)
        assert receiver("fr-pdc", back).disposition is Disposition.DUPLICATE
        state = receiver.state(ours.id)
        assert (state.custody, state.responsible) == (Custody.HERE, US)
        assert state.review is Review.CAME_BACK
        assert [i.member for i in state.informants] == ["fr-pdc"]

    def test_same_item_by_another_way_is_a_revision(self) -> None:
        """Nothing doubles; its sender will hear, too."""
        receiver = Receiver(item(1, informants=(Informant("gb-iwf", item(1).id),)))
        found = receiver("fr-pdc", item_from("gb-iwf", 1, file(1)))
        assert found.disposition is Disposition.REVISION
        state = receiver.state(item(1).id)
        assert [i.member for i in state.informants] == ["gb-iwf", "fr-pdc"]
        assert len(state.sightings) == 1
        assert state.content == (file(1),)


class TestSighted:
    """A later sighting, or later facts, of an item that was handed over."""

    def known(self, state: ItemState | None = None) -> Receiver:
        """An item that came from gb-iwf."""
        informed = msgspec.structs.replace(
            state or item(1, file(1)), informants=(Informant("gb-iwf", item(1).id),)
        )
        return Receiver(informed)

    def test_sighting_is_added(self) -> None:
        """With its own id and time."""
        receiver = self.known()
        body = Sighted(item(1).id, SEEN, None, None, child_at_risk=False)
        assert receiver("gb-iwf", body).disposition is Disposition.JOINED
        assert SEEN in receiver.state(item(1).id).sightings

    def test_sighting_of_the_same_content_is_a_duplicate(self) -> None:
        """By the same table as any report."""
        receiver = self.known()
        body = Sighted(item(1).id, SEEN, file(1), None, child_at_risk=False)
        assert receiver("gb-iwf", body).disposition is Disposition.DUPLICATE

    def test_sighting_after_the_end_goes_to_a_person(self) -> None:
        """The forwarder leaves it to us, who closed it."""
        receiver = self.known(closed(item(1, file(1))))
        late = msgspec.structs.replace(SEEN, found_ms=NOW_MS + 2 * HOUR_MS)
        body = Sighted(item(1).id, late, file(1), None, child_at_risk=False)
        assert receiver("gb-iwf", body).disposition is Disposition.PERHAPS_BACK
        assert receiver.state(item(1).id).review is Review.PERHAPS_BACK

    def test_sighting_before_the_end_only_came_late(self) -> None:
        """Nobody looks."""
        receiver = self.known(closed(item(1, file(1)), when_ms=NOW_MS))
        early = msgspec.structs.replace(SEEN, found_ms=NOW_MS - 1)
        body = Sighted(item(1).id, early, file(1), None, child_at_risk=False)
        assert receiver("gb-iwf", body).disposition is Disposition.LATE_DUPLICATE
        assert receiver.state(item(1).id).review is None

    @pytest.mark.parametrize(("judge", "looked_at"), [("gb-iwf", False), (US, True)])
    def test_file_that_another_member_adds_to_a_judged_item_waits_for_a_look(
        self, judge: str, *, looked_at: bool
    ) -> None:
        """Unless that member gave the verdict: else any file could be made known as illegal."""
        receiver = self.known(item(1, assessments=(verdict(member=judge),)))
        receiver("gb-iwf", Sighted(item(1).id, None, file(1), None, child_at_risk=False))
        waits = Review.SUGGESTED_VERDICT in receiver.state(item(1).id).reviews
        assert waits is looked_at

    def test_facts_alone_are_added(self) -> None:
        """No sighting is made up."""
        receiver = self.known(item(1))
        body = Sighted(item(1).id, None, file(1), Access(password="x"), child_at_risk=False)
        assert receiver("gb-iwf", body).disposition is Disposition.FACTS_ADDED
        state = receiver.state(item(1).id)
        assert (state.content, len(state.sightings)) == ((file(1),), 1)

    @pytest.mark.parametrize(
        "body",
        [
            Sighted(item(1).id, SEEN, None, None, child_at_risk=False),
            Sighted(item(1).id, None, file(7), None, child_at_risk=False),
            Sighted(item(1).id, None, None, None, child_at_risk=True),
        ],
        ids=["sighting", "facts", "alarm"],
    )
    def test_what_comes_after_a_hand_over_goes_on_along_the_chain_once(self, body: Sighted) -> None:
        """What goes round must end."""
        receiver = self.known(handed_on(item(1)))
        receiver("gb-iwf", body)
        receiver("gb-iwf", body, revision=2)
        passed = [m for to, m in told(receiver) if to == "fr-pdc"]
        assert passed == [body]

    def test_alarm_makes_the_item_urgent(self) -> None:
        """Also when it comes alone."""
        receiver = self.known()
        receiver("gb-iwf", Sighted(item(1).id, None, None, None, child_at_risk=True))
        assert receiver.state(item(1).id).urgency == 0

    def test_sighting_by_a_member_that_never_reported_the_item_is_not_permitted(self) -> None:
        """Whoever learnt its id may not write to it."""
        receiver = self.known()
        body = Sighted(item(1).id, SEEN, None, None, child_at_risk=True)
        assert receiver("fr-pdc", body).disposition is Disposition.NOT_PERMITTED
        assert happened(receiver.book) == []

    def test_sighting_of_an_item_that_has_not_come_yet_waits_for_it(self) -> None:
        """An urgent one overtakes on its own lane."""
        receiver = Receiver()
        found = receiver("gb-iwf", Sighted(item(1).id, SEEN, None, None, child_at_risk=True))
        assert (found.disposition, found.waits_for) == (Disposition.PARKED, item(1).id)
        assert said(receiver.book) == []


@pytest.mark.parametrize("away", [False, True])
def test_file_that_a_person_took_off_is_told_again_to_no_effect(*, away: bool) -> None:
    """Nothing is left of what was said; it holds up nothing that is said after it."""
    ours = item(
        1, file(1), taken_off=(TakenOff(1, file(2)),), informants=(Informant("gb-iwf", item(1).id),)
    )
    receiver = Receiver(handed_on(ours) if away else ours)
    told_again = Sighted(ours.id, None, file(2), None, child_at_risk=False)
    assert receiver("gb-iwf", told_again).disposition is Disposition.FACTS_ADDED
    assert receiver.state(ours.id).content == (file(1),)
    assert said(receiver.book)[:-1] == []
