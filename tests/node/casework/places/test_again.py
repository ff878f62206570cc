"""An item that is here is looked up once more: it stays, goes on, or a person looks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from node.casework.item import Again, Cause, Custody, Informant, ItemState, Look, Review
from node.casework.passing_on.routing import DEADLINE, HOP_CAP, MEDIUM_FLAG, Forwarding, flag
from node.casework.places.again import (
    FOR_PEOPLE,
    GIVE_UP_MS,
    accepted,
    place_due,
)
from node.casework.places.beside import AGAIN, ANALYST, BEFORE
from protocol.facts import ActionTaken, Evidence, Hop, Jurisdiction
from protocol.messages import Item
from protocol.vocabulary import Action, HostingState, Matter, OutcomeWhat
from tests.builders.cases import (
    HOUR_MS,
    POSTBOX,
    US,
    at,
    book,
    closed,
    handed_on,
    ids,
    item,
    network,
    said,
)
from tests.builders.network import NOW_MS
from tests.node.casework.places.looked_up import HIDDEN, HIGH, LOW, MEDIUM, found, told

if TYPE_CHECKING:
    from node.casework.casebook import Casebook

UNRESOLVED = found(None, LOW, state=HostingState.UNRESOLVED)


ABSENT = found(None, LOW, state=HostingState.NONE)


DISPUTED = found(None, LOW, state=HostingState.DISPUTED, named=("FR", "DE"))


PERHAPS_HERE = found(None, LOW, state=HostingState.DISPUTED, named=("FR", "NL"))


def taken_over(said: Jurisdiction | None = None, **changes: Any) -> ItemState:
    """Return an item that GB handed over just now, and that is to be located again."""
    state = item(jurisdiction=said or told(), due_ms=NOW_MS, again=Again(Cause.ACCEPTED, NOW_MS))
    return msgspec.structs.replace(state, **changes)


def looked_up(state: ItemState, there: Jurisdiction, retry_ms: int | None = None) -> Casebook:
    """Let a look find this, and return what came of it."""
    made = book(state)
    place_due(made, state.id, there, retry_ms, Forwarding(network(), ids(), POSTBOX))
    return made


def after(state: ItemState, there: Jurisdiction, retry_ms: int | None = None) -> ItemState:
    """Return the item after such a look."""
    return looked_up(state, there, retry_ms).loaded.items[state.id]


def sources(state: ItemState) -> list[str]:
    """Return whose lines of evidence stand with the item, in their order."""
    assert state.jurisdiction is not None
    return [line.source for line in state.jurisdiction.evidence]


class TestAgreement:
    """Both find it here."""

    def test_item_stays_and_both_accounts_stand_with_it(self) -> None:
        """Ours counts, since it is the newer; theirs is noted beside it."""
        state = after(taken_over(), found())
        assert (state.custody, state.responsible, state.due_ms) == (Custody.HERE, US, None)
        assert sources(state) == ["ours", BEFORE, "theirs"]
        assert state.looked == Look(NOW_MS, HostingState.COUNTRY, "NL")
        assert state.again is None

    def test_nobody_is_told(self) -> None:
        """Nothing has changed for them."""
        assert said(looked_up(taken_over(), found())) == []

    def test_surer_account_counts(self) -> None:
        """Ours is noted, and takes no confidence away."""
        state = after(taken_over(), found(sure=LOW))
        assert state.jurisdiction is not None
        assert state.jurisdiction.confidence is HIGH
        assert sources(state) == ["theirs", AGAIN, "ours"]

    def test_what_a_deadline_decided_elsewhere_is_no_guess_any_more(self) -> None:
        """Its flag goes."""
        guess = told(sure=LOW)
        line = Evidence("nobody decided in 1 ms", DEADLINE, "1", "NL")
        guess = msgspec.structs.replace(guess, evidence=(line, *guess.evidence))
        before = taken_over(guess)
        assert flag(before.jurisdiction) is not None
        assert flag(after(before, found()).jurisdiction) is None

    def test_another_country_that_is_ours_too_needs_no_hand_over(self) -> None:
        """An orphan of one country is one of the other's."""
        orphan = item(
            jurisdiction=told("BR"),
            due_ms=NOW_MS,
            again=Again(Cause.ACCEPTED, NOW_MS),
            hops=(Hop(US, NOW_MS), Hop("gb-iwf", NOW_MS)),
            responsible="gb-iwf",
        )
        made = book(orphan, us="gb-iwf")
        place_due(made, orphan.id, found("CL"), None, Forwarding(network(), ids("gb-iwf"), POSTBOX))
        state = made.loaded.items[orphan.id]
        assert (state.custody, state.orphan, state.country) == (Custody.HERE, True, "CL")

    def test_later_look_keeps_what_came_with_the_hand_over(self) -> None:
        """And replaces our own older one."""
        once = after(taken_over(), found())
        due = msgspec.structs.replace(once, due_ms=NOW_MS, again=Again(Cause.CHECK, NOW_MS))
        assert sources(after(due, found(source="newer"))) == ["newer", BEFORE, "theirs"]


class TestUndecided:
    """This node was not sure itself, and nobody said since: as by a check once it is open again."""

    UNSURE = taken_over(
        found("FR", LOW), looked=Look(NOW_MS, HostingState.COUNTRY, "FR"), came_from=None
    )

    def test_it_waits_for_a_person_and_has_a_deadline_as_at_first(self) -> None:
        """It would stand here for good, placed elsewhere."""
        state = after(self.UNSURE, found("FR", LOW), NOW_MS + HOUR_MS)
        assert state.reviews == (Review.LOCATION_UNCERTAIN,)
        assert (state.custody, state.due_ms) == (Custody.HERE, NOW_MS + HOUR_MS)

    @pytest.mark.parametrize("source", [ANALYST, DEADLINE])
    def test_what_was_said_since_stands(self, source: str) -> None:
        """By a person, or for want of one."""
        place = found("FR", LOW, source=source)
        said_so = msgspec.structs.replace(self.UNSURE, jurisdiction=place)
        state = after(said_so, found("FR", LOW), NOW_MS + HOUR_MS)
        assert (state.reviews, state.due_ms) == ((), None)

    @pytest.mark.parametrize("action", [Action.HOST_NOTIFIED, Action.HOST_CLAIMED])
    def test_who_wrote_to_its_hoster_or_heard_of_it_has_decided(self, action: Action) -> None:
        """No check, and no deadline after it, takes it from there."""
        notice = ActionTaken(item().id, US, action, None, NOW_MS)
        kept = msgspec.structs.replace(self.UNSURE, actions=(notice,))
        assert after(kept, found("FR", LOW), NOW_MS + HOUR_MS).reviews == ()

    def test_so_does_what_another_said(self) -> None:
        """As long as no look here found anything."""
        theirs = msgspec.structs.replace(self.UNSURE, looked=None)
        assert after(theirs, found("FR", LOW), NOW_MS + HOUR_MS).reviews == ()


class TestMoved:
    """We are certain that it is hosted elsewhere."""

    def test_item_goes_on_with_its_chain(self) -> None:
        """To the member of that country, and the sender hears so, with the evidence."""
        made = looked_up(taken_over(informants=(Informant("gb-iwf", item().id),)), found("FR"))
        state = made.loaded.items[item().id]
        assert (state.custody, state.responsible) == (Custody.HANDED_ON, "fr-pdc")
        assert [hop.member for hop in state.hops] == ["gb-iwf", US, "fr-pdc"]
        assert (state.due_ms, state.again) == (None, None)
        news = [m for to, m in said(made) if to == "gb-iwf"]
        assert [(m.what, m.moved.evidence) for m in news] == [  # type: ignore[union-attr]
            (OutcomeWhat.MOVED, found("FR").evidence)
        ]
        (handed,) = [m for to, m in said(made) if isinstance(m, Item) and to == "fr-pdc"]
        assert handed.jurisdiction == found("FR")

    def test_medium_confidence_goes_with_a_flag(self) -> None:
        """As at intake, where the sender was no surer."""
        state = after(taken_over(told(sure=MEDIUM)), found("FR", MEDIUM))
        assert state.custody is Custody.HANDED_ON
        assert flag(state.jurisdiction) == MEDIUM_FLAG

    def test_what_a_person_was_to_decide_of_its_place_is_settled(self) -> None:
        """It is elsewhere now."""
        doubted = taken_over(reviews=(Review.LOCATION_UNCERTAIN,))
        state = after(doubted, found("FR"))
        assert (state.custody, state.reviews) == (Custody.HANDED_ON, ())

    def test_own_older_look_gives_way_to_the_newest(self) -> None:
        """However sure it was: sites move."""
        looked = Look(NOW_MS - 1, HostingState.COUNTRY, "NL")
        state = after(taken_over(looked=looked), found("FR", MEDIUM))
        assert state.custody is Custody.HANDED_ON

    def test_what_cannot_be_sent_stays_in_front_of_a_person(self) -> None:
        """Nothing is lost by being too large for the network."""
        made, registry = book(taken_over()), network()
        limits = replace(registry.network.limits, entry_bytes=10)
        registry = replace(registry, network=replace(registry.network, limits=limits))
        place_due(made, item().id, found("FR"), None, Forwarding(registry, ids(), POSTBOX))
        state = made.loaded.items[item().id]
        assert (state.custody, state.reviews) == (Custody.HERE, (Review.CANNOT_BE_SENT,))


class TestToAndFro:
    """Hotlines whose data differs do not send an item round."""

    def test_it_does_not_go_back_by_itself(self) -> None:
        """GB said NL, we say GB: a person looks, with both accounts."""
        made = looked_up(taken_over(), found("GB"))
        state = made.loaded.items[item().id]
        assert (state.custody, state.reviews) == (Custody.HERE, (Review.CAME_BACK,))
        assert said(made) == []

    def test_who_has_it_thirdly_does_not_give_it_to_the_second_again(self) -> None:
        """However the ring is closed."""
        chain = (Hop("gb-iwf", NOW_MS), Hop("fr-pdc", NOW_MS), Hop(US, NOW_MS))
        assert after(taken_over(hops=chain), found("FR")).reviews == (Review.CAME_BACK,)

    def test_hops_are_capped(self) -> None:
        """People look where it goes on and on."""
        chain = (*[Hop(f"xx-{n}", NOW_MS) for n in range(HOP_CAP)], Hop(US, NOW_MS))
        assert after(taken_over(hops=chain), found("FR")).reviews == (Review.HOP_CAP,)

    def test_what_was_returned_to_us_is_not_given_back_by_itself(self) -> None:
        """We had placed it there, they gave it back, and we find the same again."""
        chain = (Hop(US, NOW_MS), Hop("fr-pdc", NOW_MS), Hop(US, NOW_MS))
        back = taken_over(told("FR"), hops=chain, came_from=None)
        state = after(back, found("FR"))
        assert (state.custody, state.reviews) == (Custody.HERE, (Review.CAME_BACK,))

    def test_what_another_member_answers_for_since_stays(self) -> None:
        """A change of the registry moves nothing that is worked on here."""
        state = after(taken_over(told("FR")), found("FR"))
        assert (state.custody, state.reviews) == (Custody.HERE, ())

    def test_same_finding_asks_a_person_once(self) -> None:
        """Who has looked is not asked at every check."""
        once = after(taken_over(), found("GB"))
        again = msgspec.structs.replace(
            once, reviews=(), due_ms=NOW_MS, again=Again(Cause.CHECK, NOW_MS)
        )
        assert after(again, found("GB")).reviews == ()

    @pytest.mark.parametrize("review", sorted(FOR_PEOPLE))
    def test_what_stands_before_a_person_is_not_moved(self, review: Review) -> None:
        """The finding is noted for that person."""
        state = after(taken_over(reviews=(review,)), found("FR"))
        assert (state.custody, state.reviews) == (Custody.HERE, (review,))
        assert sources(state) == ["theirs", AGAIN, "ours"]
        assert state.looked == Look(NOW_MS, HostingState.COUNTRY, "FR")


class TestDoubt:
    """What we find speaks against its place, but not surely enough to move it."""

    @pytest.mark.parametrize("there", [found("FR", MEDIUM), found("FR", LOW), DISPUTED])
    def test_less_sure_than_the_sender_it_stays_and_a_person_looks(
        self, there: Jurisdiction
    ) -> None:
        """Where the sender placed it; both accounts stand there."""
        state = after(taken_over(), there)
        assert (state.custody, state.country) == (Custody.HERE, "NL")
        assert state.reviews == (Review.LOCATION_UNCERTAIN,)
        assert sources(state)[:2] == ["theirs", AGAIN]
        assert state.due_ms is None

    def test_no_deadline_moves_it(self) -> None:
        """Nobody's silence is a reason to think that the surer one erred."""
        state = after(taken_over(), found("FR", LOW), NOW_MS + HOUR_MS)
        assert (state.due_ms, state.again) == (None, None)

    def test_no_machine_goes_against_a_persons_word(self) -> None:
        """An analyst said where it is; another one decides whether he erred."""
        word = found(source=ANALYST)
        state = after(taken_over(word), found("FR"))
        assert (state.custody, state.reviews) == (Custody.HERE, (Review.LOCATION_UNCERTAIN,))

    def test_same_doubt_is_raised_once(self) -> None:
        """A person has looked; another finding is another doubt."""
        once = after(taken_over(), found("FR", LOW))
        again = msgspec.structs.replace(
            once, reviews=(), due_ms=NOW_MS, again=Again(Cause.CHECK, NOW_MS)
        )
        assert after(again, found("FR", LOW)).reviews == ()
        assert after(again, found("DE", LOW)).reviews == (Review.LOCATION_UNCERTAIN,)

    def test_ballots_that_name_its_place_among_others_speak_against_nothing(self) -> None:
        """We are merely no surer than the sender."""
        state = after(taken_over(), PERHAPS_HERE)
        assert (state.country, state.reviews) == ("NL", ())
        assert sources(state) == ["theirs", AGAIN, "candidate", "candidate", "ours", "ours"]

    def test_agreement_at_last_settles_it(self) -> None:
        """The person need not look any more."""
        once = after(taken_over(), found("FR", LOW))
        again = msgspec.structs.replace(once, due_ms=NOW_MS, again=Again(Cause.CHECK, NOW_MS))
        assert after(again, found()).reviews == ()


class TestNobodyCanTell:
    """No name server answers, the name is gone, or a proxy stands before it."""

    @pytest.mark.parametrize("there", [UNRESOLVED, ABSENT, HIDDEN])
    def test_it_stays_where_the_sender_placed_it(self, there: Jurisdiction) -> None:
        """In front of nobody, and sent nowhere."""
        made = looked_up(taken_over(), there)
        state = made.loaded.items[item().id]
        assert (state.custody, state.country, state.reviews) == (Custody.HERE, "NL", ())
        assert state.jurisdiction is not None
        assert state.jurisdiction.confidence is HIGH
        assert (state.due_ms, said(made)) == (None, [])

    @pytest.mark.parametrize("there", [UNRESOLVED, HIDDEN])
    def test_it_is_asked_again_less_and_less_often(self, there: Jurisdiction) -> None:
        """For as long again as it has waited, or later if the resolver says so."""
        state = taken_over(again=Again(Cause.ACCEPTED, NOW_MS - HOUR_MS))
        assert after(state, there, NOW_MS + 30_000).due_ms == NOW_MS + HOUR_MS
        assert after(state, there, NOW_MS + 2 * HOUR_MS).due_ms == NOW_MS + 2 * HOUR_MS
        assert after(state, there, NOW_MS + 30_000).again == state.again

    def test_while_it_is_asked_nothing_of_it_changes(self) -> None:
        """It is worked on as it stands."""
        before = taken_over()
        state = after(before, UNRESOLVED, NOW_MS + 30_000)
        assert (state.jurisdiction, state.looked) == (before.jurisdiction, None)

    def test_it_is_not_asked_for_ever(self) -> None:
        """The next notice or check asks again."""
        state = taken_over(again=Again(Cause.ACCEPTED, NOW_MS - GIVE_UP_MS))
        given_up = after(state, UNRESOLVED, NOW_MS + 30_000)
        assert (given_up.due_ms, given_up.looked, given_up.custody) == (None, None, Custody.HERE)

    def test_clock_that_was_put_back_gives_up_all_the_same(self) -> None:
        """A time in the future says nothing of how long it has waited."""
        state = taken_over(again=Again(Cause.ACCEPTED, NOW_MS + 1))
        assert after(state, UNRESOLVED, NOW_MS + 30_000).due_ms is None

    def test_name_that_does_not_exist_was_looked_up(self) -> None:
        """The answer is an answer: the next notice does not wait for it."""
        assert after(taken_over(), ABSENT).looked == Look(NOW_MS, HostingState.NONE, None)

    def test_what_the_sender_could_not_place_is_routed_as_a_new_item(self) -> None:
        """There is nothing to hold our finding against."""
        nowhere = told(None, state=HostingState.HIDDEN)
        assert after(taken_over(nowhere), found("FR")).responsible == "fr-pdc"
        assert after(taken_over(nowhere), found()).country == "NL"


class TestEnded:
    """It was closed, or withdrawn, while the look was under way."""

    @pytest.mark.parametrize(
        "state", [closed(taken_over()), taken_over(sightings=())], ids=["closed", "withdrawn"]
    )
    def test_it_moves_nowhere(self, state: ItemState) -> None:
        """What was found is noted."""
        made = looked_up(state, found("FR"))
        now = made.loaded.items[state.id]
        assert (now.custody, now.country, now.reviews) == (Custody.HERE, "NL", state.reviews)
        assert now.looked == Look(NOW_MS, HostingState.COUNTRY, "FR")
        assert (now.due_ms, said(made)) == (None, [])

    def test_what_went_on_meanwhile_is_left_alone(self) -> None:
        """A person was quicker than the name server."""
        state = handed_on(item(jurisdiction=told()))
        assert looked_up(state, found("GB")).events == []


class TestAccepted:
    """An item that another member hands over."""

    def test_it_is_due_at_once_and_here(self) -> None:
        """So that nobody waits for a name server to work on it."""
        state = accepted(item(jurisdiction=told()), US, NOW_MS, None)
        assert (state.custody, state.due_ms) == (Custody.HERE, NOW_MS)
        assert state.again == Again(Cause.ACCEPTED, NOW_MS)

    def test_what_is_known_already_and_agrees_needs_no_look(self) -> None:
        """That was the look; one event less for each item."""
        state = accepted(item(jurisdiction=told()), US, NOW_MS, found())
        assert (state.due_ms, state.again) == (None, None)
        assert state.looked == Look(NOW_MS, HostingState.COUNTRY, "NL")
        assert sources(state) == ["ours", BEFORE, "theirs"]

    def test_known_account_that_is_less_sure_is_noted(self) -> None:
        """It confirms the country; it takes no confidence away."""
        state = accepted(item(jurisdiction=told()), US, NOW_MS, found(sure=MEDIUM))
        assert sources(state) == ["theirs", AGAIN, "ours"]

    @pytest.mark.parametrize("there", [found("FR"), UNRESOLVED, HIDDEN, DISPUTED])
    def test_what_is_known_and_differs_is_looked_up(self, there: Jurisdiction) -> None:
        """Then it is decided by the one rule for all looks."""
        assert accepted(item(jurisdiction=told()), US, NOW_MS, there).due_ms == NOW_MS

    def test_two_that_cannot_tell_do_not_agree(self) -> None:
        """It is asked for."""
        unplaced = item(jurisdiction=UNRESOLVED)
        assert accepted(unplaced, US, NOW_MS, UNRESOLVED).due_ms == NOW_MS

    def test_what_is_nowhere_by_both_accounts_needs_no_look(self) -> None:
        """An onion service does not come to a country."""
        nowhere = told(None, state=HostingState.NONE)
        state = accepted(item(jurisdiction=nowhere), US, NOW_MS, nowhere)
        assert (state.due_ms, state.jurisdiction) == (None, nowhere)

    @pytest.mark.parametrize(
        "changes",
        [{"custody": Custody.COUNTED, "matter": Matter.SPAM}, {"location": at(None)}],
        ids=["counted", "no location"],
    )
    def test_what_has_no_place_to_look_for_is_not_looked_up(self, changes: dict[str, Any]) -> None:
        """It is counted, or known by its hashes alone."""
        assert accepted(item(jurisdiction=told(), **changes), US, NOW_MS, None).due_ms is None
