"""An open item that who has it erased is somebody's again, or a person asks (§10.10)."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest

from node.casework.item import Custody, ItemState, Review
from node.casework.passing_on.custody import HOLDER_UNHEARD
from protocol.facts import Moved
from protocol.vocabulary import Kind, OutcomeWhat
from tests.node.casework.arriving import outcome
from tests.node.casework.circle import MEMBERS, ORDERS, Circle, drawn, holders
from tests.simulation.holding import groups

GB, NL, FR, DE, PL = MEMBERS


def chain(*members: str) -> Circle:
    """The first one found it, and each handed it to the next."""
    circle = Circle(MEMBERS)
    circle[members[0]].find()
    circle[members[0]].locate(members[1])
    circle.settle(drawn(0))
    for by, to in pairwise(members[1:]):
        circle[by].move(to)
        circle.settle(drawn(0))
    return circle


def says(circle: Circle, member: str, to: str, what: OutcomeWhat, **changes: object) -> None:
    """A member says what became of the item, whatever its node knows."""
    sender, state = circle[member], circle[to].only
    event_id = sender.ids.mint(sender.book.now)
    known = {"author": member, "event_id": event_id, "at_ms": sender.book.now}
    news = outcome(state.id, what, **known, **changes)
    sender.book.say(sender.postbox, to, Kind.OUTCOME, news, subject=event_id, item=state.id)


def has_it(circle: Circle) -> str:
    """Return the one member that has it, as all say that know of it."""
    (one,) = holders(circle)
    said = {s.responsible for member in circle.members.values() for s in member.items()}
    assert said == {one}
    assert all(not member.parked for member in circle.members.values())
    return one


def only(circle: Circle, member: str) -> ItemState:
    """Return what a member has of the place."""
    return circle[member].only


@pytest.mark.parametrize("order", ORDERS)
class TestErased:
    """Whatever order the messages arrive in."""

    def test_10_10_who_handed_it_there_has_it_again_before_a_person(self, order: int) -> None:
        """Nobody else has it."""
        circle = chain(GB, NL)
        circle[NL].erase()
        circle.settle(drawn(order))
        assert has_it(circle) == GB
        assert only(circle, GB).reviews == (Review.CAME_BACK,)

    def test_10_10_chain_hears_with_whom_it_is_again(self, order: int) -> None:
        """The finder, too, names who has it."""
        circle = chain(GB, NL, FR)
        circle[FR].erase()
        circle.settle(drawn(order))
        assert has_it(circle) == NL
        assert only(circle, NL).reviews == (Review.CAME_BACK,)

    def test_10_10_what_had_gone_on_from_there_stays_where_it_is_and_a_person_asks(
        self, order: int
    ) -> None:
        """What becomes of it came through that one; taken back, two would have it."""
        circle = chain(GB, NL, FR)
        circle[NL].erase()
        circle.settle(drawn(order))
        assert has_it(circle) == FR
        assert circle[GB].book.tasks == [(HOLDER_UNHEARD, only(circle, GB).id)]

    def test_10_10_all_that_have_it_erase_it_and_a_person_of_its_finder_asks(
        self, order: int
    ) -> None:
        """Nobody tells its finder that the last one erased it, too."""
        circle = chain(GB, NL, FR)
        circle[NL].erase()
        circle[FR].erase()
        circle.settle(drawn(order))
        assert holders(circle) == [GB] or circle[GB].book.tasks

    def test_10_10_of_two_that_handed_it_there_the_later_has_it(self, order: int) -> None:
        """It went on from there, and back."""
        circle = chain(GB, NL, FR, NL)
        circle[NL].erase()
        circle.settle(drawn(order))
        assert has_it(circle) == FR
        assert Review.CAME_BACK in only(circle, FR).reviews

    def test_10_10_whoever_reported_the_place_has_what_it_reported(self, order: int) -> None:
        """Two found it, and each handed its own there."""
        circle = chain(GB, NL)
        circle[FR].find()
        circle[FR].locate(NL)
        circle.settle(drawn(0))
        circle[NL].erase()
        circle.settle(drawn(order))
        for member in (GB, FR):
            assert only(circle, member).responsible in holders(circle)


class TestNothing:
    """What is over brings nobody anything."""

    def test_closed_item_stays_where_it_was(self) -> None:
        """Retention erases what is over."""
        circle = chain(GB, NL)
        state = only(circle, GB)
        over = msgspec.structs.replace(state, closed_ms=1)
        circle[GB].book.loaded.items[state.id] = over
        circle[NL].erase()
        circle.settle(drawn(0))
        assert only(circle, GB).custody is Custody.HANDED_ON

    def test_withdrawn_item_comes_back_to_nobody(self) -> None:
        """Its finder took it back, and each confirms."""
        circle = chain(GB, NL, FR)
        for member in (GB, FR):
            circle[member].erase()
            circle.settle(drawn(0))
        assert only(circle, NL).custody is Custody.HANDED_ON
        assert Review.WITHDRAWAL in only(circle, NL).reviews

    def test_erasure_of_who_has_it_not_changes_nothing(self) -> None:
        """It had handed it to us."""
        circle = chain(GB, NL)
        circle[GB].erase()
        circle.settle(drawn(0))
        assert only(circle, NL).custody is Custody.HERE


class TestNamed:
    """Who has it says who has it since."""

    @pytest.mark.parametrize("what", [OutcomeWhat.MOVED, OutcomeWhat.RESPONSIBLE_CHANGED])
    def test_10_10_that_one_has_it_who_is_no_member_here_is_noted_and_a_person_asks(
        self, what: OutcomeWhat
    ) -> None:
        """It may be a new one, of which the registry here does not say yet: two would have it."""
        circle = chain(GB, NL, FR)
        moved = Moved("zz-nobody", "FR", ()) if what is OutcomeWhat.MOVED else None
        says(circle, FR, NL, what, moved=moved, responsible="zz-nobody")
        circle.send()
        circle.settle(drawn(0))
        state = only(circle, NL)
        assert (state.custody, state.responsible) == (Custody.HANDED_ON, "zz-nobody")
        assert circle[NL].book.tasks == [(HOLDER_UNHEARD, state.id)]

    def test_10_10_nobody_asks_for_what_is_with_a_member_after_all(self) -> None:
        """Whoever has it says so."""
        circle = chain(GB, NL, FR)
        for named in ("zz-nobody", DE):
            says(circle, FR, NL, OutcomeWhat.RESPONSIBLE_CHANGED, responsible=named)
            circle.send()
            circle.settle(drawn(0))
        state = only(circle, NL)
        assert (state.custody, state.responsible) == (Custody.HANDED_ON, DE)
        assert circle[NL].book.tasks == []
        assert (HOLDER_UNHEARD, state.id) in circle[NL].book.over

    def test_10_10_who_it_is_moved_back_to_takes_it(self) -> None:
        """Though nothing ever comes."""
        circle = chain(GB, NL)
        circle[NL].tick()
        circle[NL].tick()
        says(circle, NL, GB, OutcomeWhat.MOVED, moved=Moved(GB, "GB", ()), responsible=GB)
        circle.settle(drawn(0))
        state = only(circle, GB)
        assert (state.custody, state.reviews) == (Custody.HERE, (Review.CAME_BACK,))

    def test_10_10_who_has_nothing_of_what_is_said_to_be_there_hears_so(self) -> None:
        """It may be on its way: a person sees whether it comes."""
        circle = chain(GB, NL, FR)
        circle[FR].tick()
        circle[FR].tick()
        says(circle, FR, NL, OutcomeWhat.MOVED, moved=Moved(GB, "GB", ()), responsible=GB)
        circle.settle(drawn(0))
        assert only(circle, GB).custody is Custody.HANDED_ON
        assert circle[GB].book.tasks == [("said_to_be_here", only(circle, GB).id)]

    def test_10_10_who_moved_it_to_another_and_erased_it_hides_nothing(self) -> None:
        """A person asks who is said to have it."""
        circle = chain(GB, NL)
        says(circle, NL, GB, OutcomeWhat.MOVED, moved=Moved(FR, "FR", ()), responsible=FR)
        says(circle, NL, GB, OutcomeWhat.ERASED)
        del circle[NL].book.loaded.items[only(circle, NL).id]
        circle.settle(drawn(0))
        assert circle[GB].book.tasks == [(HOLDER_UNHEARD, only(circle, GB).id)]


@pytest.mark.parametrize("seed", range(60))
def test_wherever_members_hand_and_erase_it_somebody_has_it_or_a_person_asks(seed: int) -> None:
    """Any hand-overs and erasures, in any order."""
    chance = drawn(seed)
    circle = Circle(MEMBERS[: chance.choice([2, 3, 4, 5])])
    circle.wander(chance, chance.randrange(10, 60))
    for _ in range(chance.randrange(1, 3)):
        having = [member for member in circle.members.values() if len(member.items()) == 1]
        if having:
            chance.choice(having).erase()
        circle.settle(chance, at_most=chance.randrange(12))
    circle.settle(chance)
    items = {(m.name, s.id): s for m in circle.members.values() for s in m.items()}
    for group in groups(items):
        states = [items[place] for place in group]
        withdrawn = any(not state.sightings for state in states)
        held = any(s.custody is not Custody.HANDED_ON for s in states)
        asked = {subject for m in circle.members.values() for _, subject in m.book.tasks}
        assert withdrawn or held or asked & {s.id for s in states}
