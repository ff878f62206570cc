"""Exactly one member is responsible for an item, wherever it is hosted."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from keys.registry import Registry
from node.casework.casebook import Casebook
from node.casework.item import Custody, Informant, ItemState, Review
from node.casework.passing_on.routing import (
    HOP_CAP,
    LOCATING_MS,
    LOCATING_URGENT_MS,
    LOOK_AGAIN_MS,
    Forwarding,
    choose,
    item_message,
    item_told,
    place,
    route,
)
from node.ids import Ids
from protocol import messages
from protocol.facts import Access, ActionTaken, Hop, Jurisdiction, Sighting
from protocol.fields import MAX_ACTIONS, MAX_ASSESSMENTS, MAX_CONTENTS, MAX_SIGHTINGS
from protocol.vocabulary import (
    Action,
    Confidence,
    HostingState,
    ItemKind,
    Lane,
    Matter,
    OutcomeWhat,
    Source,
)
from tests.builders.cases import (
    HOUR_MS,
    POSTBOX,
    US,
    book,
    country,
    event_id,
    file,
    happened,
    ids,
    item,
    network,
    said,
    suspended,
    verdict,
)
from tests.builders.network import NOW_MS

FOUND_HERE = item(1, finder=US, hops=(Hop(US, NOW_MS),), custody=Custody.LOCATING, responsible=None)


def elsewhere(state: HostingState) -> Jurisdiction:
    """A finding that names no country."""
    low = state in (HostingState.DISPUTED, HostingState.UNRESOLVED)
    return Jurisdiction(state, None, Confidence.LOW if low else Confidence.HIGH)


def routed(
    state: ItemState,
    found: Jurisdiction,
    registry: Registry | None = None,
    retry_ms: int | None = None,
) -> Casebook:
    """Route an item and return what that brought about."""
    made = book(state)
    route(made, state.id, found, retry_ms, Forwarding(registry or network(), ids(), POSTBOX))
    return made


RECORDED = (
    "id", "report_id", "finder", "matter", "kind", "location", "content", "access", "source",
    "found_via", "campaign", "found_ms", "received_ms", "child_at_risk", "came_from", "hops",
    "sightings", "assessments", "actions",
)  # fmt: skip
"""What the next member records of an item as it was told."""


def test_nothing_of_an_item_is_lost_between_two_members() -> None:
    """Each field has a value of its own, and the next member reads that very value."""
    action = ActionTaken(event_id(800), US, Action.HOST_NOTIFIED, None, NOW_MS + 4)
    state = item(
        7,
        file(7),
        finder=US,
        matter=Matter.ADULT,
        kind=ItemKind.VIDEO,
        access=Access(referrer="https://front.example/", user_name="guest"),
        source=Source.POLICE,
        found_via="patrol",
        campaign="autumn",
        found_ms=NOW_MS + 1,
        received_ms=NOW_MS + 2,
        child_at_risk=True,
        hops=(Hop(US, NOW_MS + 3),),
        assessments=(verdict(),),
        actions=(action,),
    )
    read = item_told(item_message(state, US, country("FR"), NOW_MS), state.came_from)
    told = {name: getattr(read, name) for name in RECORDED}
    assert told == {name: getattr(state, name) for name in RECORDED}
    usual = item(1)
    assert [n for n in RECORDED if told[n] == getattr(usual, n)] == ["location", "came_from"]


class TestChoice:
    """The rule."""

    def test_item_hosted_at_home_stays(self) -> None:
        """Nothing of it leaves."""
        assert choose(network(), US, FOUND_HERE, country("NL")).member == US

    def test_item_hosted_abroad_goes_to_the_member_of_that_country(self) -> None:
        """Explicitly, never by chance."""
        assert choose(network(), US, FOUND_HERE, country("FR")).member == "fr-pdc"

    def test_orphan_goes_to_the_fallback_member_and_is_marked(self) -> None:
        """Nobody answers for that country."""
        choice = choose(network(), US, FOUND_HERE, country("BR"))
        assert (choice.member, choice.orphan) == ("gb-iwf", True)

    def test_orphan_found_by_the_fallback_member_stays_there(self) -> None:
        """Marked all the same."""
        state = item(1, hops=(Hop("gb-iwf", NOW_MS),))
        choice = choose(network(), "gb-iwf", state, country("BR"))
        assert (choice.member, choice.orphan) == ("gb-iwf", True)

    def test_item_for_a_suspended_member_is_an_orphan(self) -> None:
        """Nothing is sent to it."""
        choice = choose(suspended("fr-pdc"), US, FOUND_HERE, country("FR"))
        assert (choice.member, choice.orphan) == ("gb-iwf", True)

    def test_orphan_stays_where_the_fallback_member_is_suspended_too(self) -> None:
        """Content never stays up because a member is away."""
        choice = choose(suspended("gb-iwf"), US, FOUND_HERE, country("BR"))
        assert (choice.member, choice.orphan) == (US, True)

    def test_orphan_stays_where_there_is_no_fallback_member(self) -> None:
        """Somebody must be responsible."""
        registry = network()
        nobody = replace(registry, network=replace(registry.network, fallback_members=()))
        assert choose(nobody, US, FOUND_HERE, country("BR")).member == US

    @pytest.mark.parametrize("state", [HostingState.NONE, HostingState.HIDDEN])
    def test_item_without_a_country_stays_with_its_finder(self, state: HostingState) -> None:
        """`none` and `hidden` have exactly one responsible member, too."""
        choice = choose(network(), US, FOUND_HERE, elsewhere(state))
        assert (choice.member, choice.review) == (US, None)

    @pytest.mark.parametrize("state", [HostingState.DISPUTED, HostingState.UNRESOLVED])
    def test_item_in_a_disputed_place_stays_and_a_person_looks(self, state: HostingState) -> None:
        """No vote decides against another."""
        choice = choose(network(), US, FOUND_HERE, elsewhere(state))
        assert (choice.member, choice.review) == (US, Review.LOCATION_UNCERTAIN)

    @pytest.mark.parametrize("code", ["NL", "FR", "BR"])
    def test_finding_of_low_confidence_goes_to_a_person_first(self, code: str) -> None:
        """Whatever country it names."""
        choice = choose(network(), US, FOUND_HERE, country(code, Confidence.LOW))
        assert (choice.member, choice.review) == (US, Review.LOCATION_UNCERTAIN)

    def test_finding_of_medium_confidence_is_acted_on(self) -> None:
        """Waiting costs more."""
        choice = choose(network(), US, FOUND_HERE, country("FR", Confidence.MEDIUM))
        assert (choice.member, choice.review) == ("fr-pdc", None)

    def test_item_that_would_go_back_where_it_came_from_goes_to_a_person(self) -> None:
        """A to B and back to A is a quarrel of maps (rule 7)."""
        choice = choose(network(), US, item(1), country("GB"))
        assert (choice.member, choice.review) == (US, Review.CAME_BACK)

    def test_item_that_was_handed_on_too_often_goes_to_a_person(self) -> None:
        """It stays, and somebody looks."""
        hops = (*(Hop(f"aa-m{n}x", NOW_MS) for n in range(HOP_CAP)), Hop(US, NOW_MS))
        choice = choose(network(), US, item(1, hops=hops), country("FR"))
        assert (choice.member, choice.review) == (US, Review.HOP_CAP)

    def test_item_may_be_handed_on_up_to_the_cap(self) -> None:
        """The cap counts hand-overs."""
        hops = (*(Hop(f"aa-m{n}x", NOW_MS) for n in range(HOP_CAP - 1)), Hop(US, NOW_MS))
        assert choose(network(), US, item(1, hops=hops), country("FR")).member == "fr-pdc"


class TestRouting:
    """What is recorded and said."""

    def test_item_at_home_is_placed_and_kept_in_one_event(self) -> None:
        """And nobody is told."""
        made = routed(FOUND_HERE, country("NL"))
        state = made.loaded.items[FOUND_HERE.id]
        assert happened(made) == ["kept"]
        assert (state.custody, state.responsible, state.country) == (Custody.HERE, US, "NL")
        assert made.posts == []

    def test_item_abroad_is_handed_on_with_its_chain(self) -> None:
        """The receiver adds itself."""
        made = routed(FOUND_HERE, country("FR"))
        (to, message) = said(made)[0]
        assert isinstance(message, messages.Item)
        assert (to, [hop.member for hop in message.custody]) == ("fr-pdc", [US])
        assert message.jurisdiction == country("FR")
        assert made.loaded.items[FOUND_HERE.id].custody is Custody.HANDED_ON

    def test_what_is_handed_on_is_all_that_is_known_and_may_travel(self) -> None:
        """Access data too: disguised sites show an innocent page otherwise."""
        rich = msgspec.structs.replace(
            FOUND_HERE,
            content=(file(1), file(2)),
            access=Access(password="x"),
            assessments=(verdict(),),
            child_at_risk=True,
            campaign="c-1",
        )
        message = said(routed(rich, country("FR")))[0][1]
        assert isinstance(message, messages.Item)
        assert message.content == rich.content
        assert message.access == rich.access
        assert message.assessments == rich.assessments
        assert (message.child_at_risk, message.campaign) == (True, "c-1")

    def test_child_at_risk_goes_first(self) -> None:
        """On the lane of reports."""
        urgent = msgspec.structs.replace(FOUND_HERE, child_at_risk=True)
        (post,) = routed(urgent, country("FR")).posts
        assert (post.urgency, post.lane) == (0, Lane.REPORTS)

    def test_item_that_knows_more_than_a_message_holds_is_sent_all_the_same(self) -> None:
        """Newest verdicts, oldest sightings, and what does not fit behind it (§6.4)."""
        seen = tuple(
            Sighting(event_id(n), US, Source.PUBLIC, NOW_MS) for n in range(MAX_SIGHTINGS + 9)
        )
        full = msgspec.structs.replace(
            FOUND_HERE,
            content=tuple(file(n) for n in range(MAX_CONTENTS + 3)),
            assessments=tuple(verdict(number=n) for n in range(MAX_ASSESSMENTS + 3)),
            sightings=seen,
        )
        message, *behind = [one for _, one in said(routed(full, country("FR")))]
        assert isinstance(message, messages.Item)
        assert message.sightings == seen[:MAX_SIGHTINGS]
        assert message.assessments[-1] == full.assessments[-1]
        followed = [one for one in behind if isinstance(one, messages.Sighted)]
        assert [one.content for one in followed if one.content] == [*full.content[MAX_CONTENTS:]]
        assert [one.sighting for one in followed if one.sighting] == [*seen[MAX_SIGHTINGS:]]
        assert len(behind) == len(followed)  # a verdict that was corrected is in force nowhere

    def test_6_4_other_ways_to_see_it_follow(self) -> None:
        """Which is the right one finds out who looks."""
        ways = msgspec.structs.replace(
            FOUND_HERE, access=Access(password="x"), also_access=((US, Access(password="y")),)
        )
        told = [message for _, message in said(routed(ways, country("FR")))]
        passed = [m.access for m in told if isinstance(m, messages.Item | messages.Sighted)]
        assert passed == [Access(password="x"), Access(password="y")]

    def test_6_4_verdicts_and_actions_that_are_left_over_follow(self) -> None:
        """Whoever drowns them in words of its own does not keep them from who has the item."""
        judged = tuple(verdict(member=one, at_ms=NOW_MS - 1) for one in ("pl-dyz", "de-eco"))
        drowning = tuple(verdict(member="nl-eokm", number=n) for n in range(MAX_ASSESSMENTS))
        referred = ActionTaken(event_id(800), US, Action.LEA_NOTIFIED, None, NOW_MS)
        noise = tuple(
            ActionTaken(event_id(n, "nl-eokm"), "nl-eokm", Action.INACCESSIBLE, None, NOW_MS)
            for n in range(MAX_ACTIONS)
        )
        full = msgspec.structs.replace(
            FOUND_HERE, assessments=(*judged, *drowning), actions=(referred, *noise)
        )
        _, *behind = [one for _, one in said(routed(full, country("FR")))]
        outcomes = [one for one in behind if isinstance(one, messages.Outcome)]
        assert [one.payload for one in outcomes] == [*judged, referred]

    def test_item_that_cannot_be_said_stays_in_front_of_a_person(self) -> None:
        """It does not hold up its neighbours in the batch."""
        unsayable = msgspec.structs.replace(FOUND_HERE, campaign="NOT A CODE")
        made = routed(unsayable, country("FR"))
        state = made.loaded.items[FOUND_HERE.id]
        assert (state.custody, state.review) == (Custody.HERE, Review.CANNOT_BE_SENT)
        assert made.posts == []

    def test_item_larger_than_the_network_permits_stays_in_front_of_a_person(self) -> None:
        """Its push would stop the channel for everything behind it."""
        registry = network()
        limits = replace(registry.network.limits, entry_bytes=100)
        narrow = replace(registry, network=replace(registry.network, limits=limits))
        made = routed(FOUND_HERE, country("FR"), narrow)
        assert made.loaded.items[FOUND_HERE.id].review is Review.CANNOT_BE_SENT
        assert happened(made) == ["kept", "raised"]

    def test_unresolved_place_is_asked_for_again_and_is_not_nowhere(self) -> None:
        """A name server that failed says nothing about the place."""
        made = routed(FOUND_HERE, elsewhere(HostingState.UNRESOLVED), retry_ms=NOW_MS + 5)
        state = made.loaded.items[FOUND_HERE.id]
        assert (state.custody, state.due_ms) == (Custody.LOCATING, NOW_MS + 5)
        assert state.responsible is None

    @pytest.mark.parametrize(
        ("urgent", "bound_ms"), [(False, LOCATING_MS), (True, LOCATING_URGENT_MS)]
    )
    def test_what_nobody_can_place_stays_before_a_person_in_the_end(
        self, *, urgent: bool, bound_ms: int
    ) -> None:
        """With its finder, who is responsible; minutes count where a child may be at risk."""
        late = msgspec.structs.replace(
            FOUND_HERE, child_at_risk=urgent, hops=(Hop(US, NOW_MS - bound_ms),)
        )
        made = routed(late, elsewhere(HostingState.UNRESOLVED), retry_ms=NOW_MS + 5)
        state = made.loaded.items[late.id]
        assert (state.custody, state.responsible) == (Custody.HERE, US)
        assert (state.reviews, state.looked) == ((Review.LOCATION_UNCERTAIN,), None)
        assert state.due_ms == NOW_MS + bound_ms
        soon = msgspec.structs.replace(late, hops=(Hop(US, NOW_MS - bound_ms + 1),))
        made = routed(soon, elsewhere(HostingState.UNRESOLVED), retry_ms=NOW_MS + 5)
        state = made.loaded.items[late.id]
        assert (state.custody, state.due_ms) == (Custody.LOCATING, NOW_MS + 1)

    @pytest.mark.parametrize("came_ms", [NOW_MS + 1, 0])
    def test_a_clock_that_was_put_back_keeps_no_item_from_people(self, came_ms: int) -> None:
        """A time in the future says nothing of how long it has waited."""
        odd = msgspec.structs.replace(FOUND_HERE, hops=(Hop(US, came_ms),))
        made = routed(odd, elsewhere(HostingState.UNRESOLVED), retry_ms=NOW_MS + 5)
        assert made.loaded.items[odd.id].custody is Custody.HERE

    def test_a_report_of_long_ago_is_located_as_long_as_others(self) -> None:
        """By the time at which it came here, which its id holds."""
        new = Ids(US).mint(NOW_MS - 1)
        late = msgspec.structs.replace(FOUND_HERE, id=new, hops=(Hop(US, 0),))
        made = routed(late, elsewhere(HostingState.UNRESOLVED), retry_ms=NOW_MS + 5)
        assert made.loaded.items[new].custody is Custody.LOCATING

    def test_reporters_hear_that_it_moved_and_to_whom(self) -> None:
        """Each under the id it knows; the new holder has the item itself."""
        moved = item(
            1,
            custody=Custody.LOCATING,
            informants=(
                Informant("gb-iwf", event_id(1, "gb-iwf")),
                Informant("fr-pdc", event_id(2, "fr-pdc")),
            ),
        )
        outcomes = [
            (to, message.item_id, message.moved)
            for to, message in said(routed(moved, country("FR")))
            if isinstance(message, messages.Outcome) and message.what is OutcomeWhat.MOVED
        ]
        assert [(to, known) for to, known, _ in outcomes] == [
            ("gb-iwf", event_id(1, "gb-iwf")),
            ("fr-pdc", event_id(2, "fr-pdc")),
        ]
        assert all(
            to_whom is not None and to_whom.to_member == "fr-pdc" for *_, to_whom in outcomes
        )

    def test_same_item_handed_on_twice_has_two_ids_as_entries(self) -> None:
        """The second hand-over is another thing said."""
        first = routed(FOUND_HERE, country("FR")).posts[0]
        longer = msgspec.structs.replace(FOUND_HERE, hops=(*FOUND_HERE.hops, *item(1).hops))
        second = routed(longer, country("FR")).posts[0]
        assert first.entry_id != second.entry_id

    def test_item_whose_chain_begins_elsewhere_stays_before_a_person(self) -> None:
        """It came before such a one was refused; nobody would take it (§6.4)."""
        strange = msgspec.structs.replace(FOUND_HERE, finder="gb-iwf")
        made = routed(strange, country("FR"))
        assert made.posts == []
        assert made.loaded.items[strange.id].review is Review.CANNOT_BE_SENT

    def test_same_decision_makes_the_same_bytes(self) -> None:
        """After a crash before the commit, nothing else is said."""
        once, again = (routed(FOUND_HERE, country("FR")).posts for _ in range(2))
        assert once == again


class TestLocatedAgain:
    """An item that is here and waits for its place, when it is looked for once more."""

    WAITS = msgspec.structs.replace(
        FOUND_HERE,
        custody=Custody.HERE,
        responsible=US,
        due_ms=NOW_MS,
        jurisdiction=elsewhere(HostingState.HIDDEN),
    )

    UNPLACED = msgspec.structs.replace(
        WAITS,
        jurisdiction=elsewhere(HostingState.UNRESOLVED),
        reviews=(Review.LOCATION_UNCERTAIN,),
        hops=(Hop(US, NOW_MS - HOUR_MS),),
    )

    def placed(
        self, state: ItemState, found: Jurisdiction, retry_ms: int | None = None
    ) -> Casebook:
        """Place it."""
        made = book(state)
        place(made, state.id, found, retry_ms, Forwarding(network(), ids(), POSTBOX))
        return made

    def test_what_nobody_could_place_goes_on_once_something_answers(self) -> None:
        """And nobody need look any more."""
        made = self.placed(self.UNPLACED, country("FR"))
        assert happened(made) == ["settled", "handed_on"]

    @pytest.mark.parametrize("came_ms", [NOW_MS - HOUR_MS, NOW_MS - 9 * LOOK_AGAIN_MS])
    def test_it_is_looked_for_less_and_less_often_and_a_person_is_asked_once(
        self, came_ms: int
    ) -> None:
        """For as long again as it has waited, a day at most; also once a person acted on it."""
        hops, due_ms = (Hop(US, came_ms),), NOW_MS + 1
        seen = msgspec.structs.replace(self.UNPLACED, reviews=(), hops=hops, due_ms=due_ms)
        made = self.placed(seen, elsewhere(HostingState.UNRESOLVED), NOW_MS + 5)
        state = made.loaded.items[seen.id]
        assert happened(made) == ["located"]
        assert (state.custody, state.reviews) == (Custody.HERE, ())
        assert state.due_ms == NOW_MS + min(NOW_MS - came_ms, LOOK_AGAIN_MS)

    def test_what_somebody_acted_on_before_it_was_placed_is_before_a_person_at_the_end(
        self,
    ) -> None:
        """Who told police in the first minute did not look where it is."""
        hops = (Hop(US, NOW_MS - HOUR_MS + 3),)
        acted = msgspec.structs.replace(self.UNPLACED, reviews=(), hops=hops)
        made = self.placed(acted, elsewhere(HostingState.UNRESOLVED), NOW_MS + 5)
        assert made.loaded.items[acted.id].due_ms == NOW_MS + 3
        made.now += 3
        forwarding = Forwarding(network(), ids(), POSTBOX)
        place(made, acted.id, elsewhere(HostingState.UNRESOLVED), NOW_MS + 9, forwarding)
        assert made.loaded.items[acted.id].reviews == (Review.LOCATION_UNCERTAIN,)

    @pytest.mark.parametrize(("urgent", "came_ago_ms"), [(False, HOUR_MS), (True, HOUR_MS // 2)])
    def test_so_it_is_where_the_look_was_due_before_the_end_and_nothing_answered_until_after(
        self, *, urgent: bool, came_ago_ms: int
    ) -> None:
        """Name servers that fail take their time; and the end is earlier for a child at risk."""
        hops = (Hop(US, NOW_MS - came_ago_ms),)
        acted = msgspec.structs.replace(
            self.UNPLACED, reviews=(), hops=hops, due_ms=NOW_MS - 1, child_at_risk=urgent
        )
        made = self.placed(acted, elsewhere(HostingState.UNRESOLVED), NOW_MS + 5)
        assert made.loaded.items[acted.id].reviews == (Review.LOCATION_UNCERTAIN,)

    def test_nobody_is_asked_at_each_look_about_what_is_said_to_come_from_the_future(self) -> None:
        """Its finder's clock made its id."""
        odd = msgspec.structs.replace(self.UNPLACED, reviews=(), hops=(Hop(US, NOW_MS + HOUR_MS),))
        made = self.placed(odd, elsewhere(HostingState.UNRESOLVED), NOW_MS + 5)
        assert happened(made) == ["located"]

    def test_a_look_that_fails_takes_no_place_away(self) -> None:
        """What was hidden is so until something else is known; it is soon looked for again."""
        made = self.placed(self.WAITS, elsewhere(HostingState.UNRESOLVED), NOW_MS + 5)
        state = made.loaded.items[self.WAITS.id]
        assert (state.jurisdiction, state.due_ms) == (self.WAITS.jurisdiction, NOW_MS + 5)

    def test_it_goes_where_it_was_found_to_be(self) -> None:
        """What was hidden is no longer."""
        made = self.placed(self.WAITS, country("FR"))
        assert happened(made) == ["handed_on"]

    def test_what_nothing_supports_any_more_is_not_handed_on(self) -> None:
        """Its reporter took it back while it waited: it is not looked for again."""
        state = msgspec.structs.replace(self.WAITS, sightings=())
        made = self.placed(state, country("FR"))
        assert happened(made) == ["kept"]
        assert made.loaded.items[state.id].due_ms is None
        assert made.posts == []

    def test_what_is_handed_on_already_is_left_alone(self) -> None:
        """Somebody was quicker."""
        state = msgspec.structs.replace(self.WAITS, custody=Custody.HANDED_ON)
        assert happened(self.placed(state, country("FR"))) == []

    def test_what_is_not_due_is_left_alone(self) -> None:
        """A person has decided since the look began."""
        state = msgspec.structs.replace(self.WAITS, due_ms=None)
        assert happened(self.placed(state, country("FR"))) == []
