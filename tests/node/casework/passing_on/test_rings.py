"""Hand-overs that go round: exactly one member has the item, whoever hears what first."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest

from node.casework.events import (
    Answered,
    ErasedThere,
    Event,
    EventKind,
    HandedOn,
    Responsible,
)
from node.casework.folding import evolve
from node.casework.incoming.handover import Handover
from node.casework.item import Custody, ItemState, Review, Step
from node.casework.passing_on.custody import HELD_TWICE, may_have_it_too
from node.casework.passing_on.rings import (
    AHEAD_MS,
    after,
    holder,
    is_earlier,
    ring,
    way,
    with_step,
    without,
)
from node.casework.passing_on.routing import item_message
from node.ids import LATEST_MS, Ids, time_of
from protocol.facts import Hop
from protocol.vocabulary import Action, Disposition, Lane
from tests.builders.cases import closed, country, item
from tests.builders.network import NOW_MS
from tests.node.casework.circle import (
    DAY_MS,
    MEMBERS,
    ORDERS,
    Circle,
    agreed,
    drawn,
    holders,
    registry,
)
from tests.simulation.holding import groups, judge_group

GB, NL, FR, DE, PL = MEMBERS


def step(by: str, to: str, place: int) -> Step:
    """Return the `place`th hand-over."""
    return Step(f"{by}.{place:026d}", by, to)


class TestRule:
    """Who has it, by the hand-overs that are known."""

    def test_way_ends_at_who_handed_nothing_on(self) -> None:
        """A chain."""
        steps = (step(NL, FR, 2), step(GB, NL, 1))
        assert holder(GB, steps, ()) == FR
        assert [one.to for one in way(GB, steps)] == [NL, FR]
        assert ring(GB, steps) == ()

    def test_way_ends_at_who_took_it(self) -> None:
        """Who took it back handed nothing on any more."""
        steps = (step(GB, NL, 1), step(NL, FR, 2), step(FR, FR, 3))
        assert holder(GB, steps, ()) == FR

    @pytest.mark.parametrize("last", range(3))
    def test_ring_is_with_whom_it_went_to_last(self, last: int) -> None:
        """Every member of it finds the same one."""
        round_ = ((GB, NL), (NL, FR), (FR, GB))
        steps = [step(by, to, 9 if n == last else n) for n, (by, to) in enumerate(round_)]
        assert {holder(member, steps, ()) for member in (GB, NL, FR)} == {round_[last][1]}

    def test_who_stands_before_a_ring_knows_it_too(self) -> None:
        """It is not part of it, and never takes it."""
        steps = (step(GB, NL, 8), step(NL, FR, 2), step(FR, NL, 3))
        assert holder(GB, steps, ()) == NL
        assert ring(GB, steps) == ()

    def test_who_erased_it_does_not_take_it(self) -> None:
        """The one that handed it there does."""
        steps = (step(GB, NL, 1), step(NL, FR, 2), step(FR, GB, 3))
        assert holder(GB, steps, (GB,)) == FR

    def test_one_time_is_ordered_by_the_members(self) -> None:
        """All of them find the same order."""
        steps = (step(GB, NL, 1), step(NL, GB, 1))
        assert {holder(GB, steps, ()), holder(NL, steps, ())} == {GB}

    def test_later_hand_over_of_a_member_counts(self) -> None:
        """Whatever comes first."""
        old, new = step(GB, NL, 1), step(GB, FR, 2)
        assert with_step((old,), new) == with_step((new,), old) == (new,)

    def test_hand_over_is_dated_after_those_that_are_known(self) -> None:
        """A clock that goes behind does not undo what a person decides."""
        ahead = Step(Ids(NL).mint(NOW_MS + DAY_MS), NL, GB)
        assert time_of(ahead.event_id) == NOW_MS + DAY_MS
        assert after(GB, item(steps=(ahead,)), NOW_MS) == NOW_MS + DAY_MS + 1
        assert after(GB, item(handed_ms=NOW_MS + 5), NOW_MS) == NOW_MS + 6
        assert after(GB, item(), NOW_MS) == NOW_MS

    @pytest.mark.parametrize(
        ("revision", "earlier"), [(NOW_MS - 1, True), (NOW_MS + 1, False), (1, False)]
    )
    def test_item_that_was_handed_over_earlier_shows_it(
        self, revision: int, *, earlier: bool
    ) -> None:
        """By its revision; an older node counts hops there, and is heard as it was."""
        ours = Step(Ids(NL).mint(NOW_MS), NL, GB)
        assert is_earlier(NL, item(steps=(ours,)), revision) is earlier
        assert not is_earlier(FR, item(steps=(ours,)), revision)

    @pytest.mark.parametrize(
        "told",
        [
            {"handed_ms": 2**53 - 1},
            {"steps": (Step(Ids(NL).mint(LATEST_MS), NL, GB),)},
        ],
        ids=["by its revision", "by its id"],
    )
    def test_10_5_hand_over_at_the_end_of_time_is_followed_by_others(
        self, told: dict[str, Any]
    ) -> None:
        """Whoever says so: what is decided later stays later, time after time."""
        state, times = item(**told), [NOW_MS]
        for _ in range(3):
            times.append(after(GB, state, NOW_MS))
            step = Step(Ids(GB).mint(times[-1]), GB, FR)
            state = msgspec.structs.replace(state, steps=with_step(without(state.steps, GB), step))
        assert times == sorted(set(times))
        assert times[-1] < NOW_MS + 2 * AHEAD_MS

    def test_own_hand_over_by_a_clock_that_was_wrong_is_followed_by_another(self) -> None:
        """However far that clock was ahead."""
        ours = Step(Ids(GB).mint(NOW_MS + 9 * AHEAD_MS), GB, NL)
        assert after(GB, item(steps=(ours,)), NOW_MS) == NOW_MS + 9 * AHEAD_MS + 1


@pytest.mark.parametrize(
    ("known", "news", "has_it"),
    [
        ([], step(NL, DE, 9), DE),
        ([step(NL, DE, 3)], step(DE, PL, 9), PL),
        ([step(NL, DE, 3)], step(DE, PL, 1), PL),
        ([], step(FR, GB, 9), NL),
        ([], step(FR, NL, 9), NL),
        ([step(NL, NL, 3)], step(FR, PL, 9), NL),
        ([], step(FR, PL, 1), NL),
        ([], step(FR, PL, 9), PL),
    ],
    ids=[
        "goes on",
        "goes on from there",
        "goes on from there, by a clock behind",
        "comes to us",
        "comes to who has it",
        "goes elsewhere, and is here",
        "went elsewhere before",
        "goes on from where an older node gave it",
    ],
)
def test_news_of_a_hand_over_name_the_holder(known: list[Step], news: Step, has_it: str) -> None:
    """As far as it lies on the way that the item took from here."""
    ours = step(GB, NL, 2)
    hops = (Hop(GB, NOW_MS), Hop(NL, NOW_MS))
    state = item(hops=hops, custody=Custody.HANDED_ON, responsible=NL, steps=(ours, *known))
    body = Responsible(news.event_id, news.to, None, news.by)
    told = Event(state.id, EventKind.RESPONSIBLE, NOW_MS, NOW_MS, news.by, body)
    assert evolve(state, told).responsible == has_it


def test_history_of_an_earlier_version_gives_the_state_that_it_gave() -> None:
    """Else no upgraded database would be verified: what it did not remember stays so."""
    state = item(hops=(Hop(GB, NOW_MS),), responsible=GB)
    for kind, body in (
        (
            EventKind.HANDED_ON,
            HandedOn(
                NL, orphan=False, hops=(*state.hops, Hop(NL, NOW_MS)), jurisdiction=country("NL")
            ),
        ),
        (EventKind.RESPONSIBLE, Responsible(step(NL, FR, 1).event_id, FR, None)),
        (EventKind.ERASED_THERE, ErasedThere(step(FR, FR, 2).event_id, FR)),
    ):
        state = evolve(state, Event(state.id, kind, NOW_MS, NOW_MS, NL, body))
    assert (state.responsible, state.steps, state.erased_at) == (FR, (), ())


def state_of(circle: Circle, member: str) -> ItemState:
    """Return what a member has of the place."""
    return circle[member].only


def crossed(members: tuple[str, ...], skews_ms: tuple[int, ...] = ()) -> Circle:
    """All of them found it, and each handed it to the next before anything arrived."""
    circle = Circle(members, skews_ms)
    for by, to in pairwise((*members, members[0])):
        circle[by].find()
        circle[by].locate(to)
    return circle


@pytest.mark.parametrize("seed", range(100))
def test_wherever_members_hand_it_one_has_it_and_all_say_so(seed: int) -> None:
    """Any hand-overs, in any order, by any clocks; members that never met about it count apart."""
    chance = drawn(seed)
    skews = [chance.choice([0, chance.randrange(-5 * DAY_MS, 5 * DAY_MS)]) for _ in MEMBERS]
    circle = Circle(MEMBERS[: chance.choice([2, 3, 4, 5])], skews)
    circle.wander(chance, chance.randrange(10, 60))
    circle.settle(chance)
    items = {(m.name, s.id): s for m in circle.members.values() for s in m.items()}
    for group in groups(items):
        assert not list(judge_group({place: items[place] for place in group}))
    assert all(not member.parked for member in circle.members.values())


@pytest.mark.parametrize("order", ORDERS)
def test_10_5_no_person_is_told_of_a_ring_that_two_have_it(order: int) -> None:
    """Who took it hears late from whom it was handed to that it had gone on from there."""
    circle = crossed(MEMBERS)
    circle.settle(drawn(order))
    agreed(circle)
    told = {code for member in circle.members.values() for code, _ in member.book.tasks}
    assert HELD_TWICE not in told


@pytest.mark.parametrize(
    ("word", "named", "may_have_it"),
    [
        (Disposition.FORWARDED, FR, False),
        (Disposition.FACTS_ADDED, FR, False),  # to what was passed on to it
        (Disposition.REVISION, GB, False),
        (Disposition.FORWARDED, DE, True),
        (Disposition.REVISION, NL, True),
        (Disposition.DUPLICATE, None, True),
    ],
)
def test_11_3_who_names_another_that_handed_it_here_has_it_not(
    word: Disposition, named: str | None, *, may_have_it: bool
) -> None:
    """It came back from nl-eokm by fr-pdc, and is with gb-iwf."""
    steps = (step(NL, FR, 2), step(FR, GB, 3), step(GB, GB, 4))
    here = msgspec.structs.replace(item(1), responsible=GB, steps=steps)
    assert may_have_it_too(here, Answered(NL, word, named)) is may_have_it


class TestNewsBeforeTheItem:
    """Lanes overtake each other."""

    def test_ring_is_taken_only_when_what_closes_it_is_here(self) -> None:
        """Until then it may be another thing, that its sender tells apart from ours."""
        circle = Circle((GB, NL, FR))
        circle[GB].find()
        circle[GB].locate(NL)
        circle.settle(drawn(0))
        circle[FR].find()
        circle[FR].locate(GB)
        circle.settle(drawn(0))
        circle[NL].move(FR)
        circle.send()
        while circle.channels[NL, GB, Lane.STATUS]:
            circle.deliver(NL, GB, Lane.STATUS)
        while circle.channels[GB, FR, Lane.STATUS]:
            circle.deliver(GB, FR, Lane.STATUS)
        away = state_of(circle, FR)
        assert (away.custody, away.responsible) == (Custody.HANDED_ON, FR)
        circle.settle(drawn(0))
        assert agreed(circle) == FR

    def test_item_that_comes_late_is_not_what_closes_a_ring(self) -> None:
        """The receiver had it since, by another hand-over, and handed it on."""
        circle = Circle((GB, NL))
        circle[GB].find()
        circle[NL].find()
        circle[GB].locate(NL)
        circle.settle(drawn(0))
        for by, to in ((NL, GB), (GB, NL)):
            circle[by].move(to)
            circle.settle(drawn(0))
        state = state_of(circle, NL)
        late = item_message(state_of(circle, GB), GB, country("NL"), state.handed_ms)
        circle[NL].move(GB)
        circle.settle(drawn(0))
        handover = Handover(circle[NL].book, registry(), circle[NL].postbox, circle[NL].ids)
        assert handover.item(GB, late) is Disposition.FORWARDED
        assert holders(circle) == [GB]


@pytest.mark.parametrize("order", ORDERS)
class TestRings:
    """Whatever order the messages arrive in."""

    @pytest.mark.parametrize("size", [2, 3, 4, 5])
    def test_hand_overs_that_all_cross_end_at_one_member(self, order: int, size: int) -> None:
        """Each tells the others by which hand-over its own went."""
        chance = drawn(order)
        skews = tuple(chance.randrange(-5 * DAY_MS, 5 * DAY_MS) for _ in range(size))
        circle = crossed(MEMBERS[:size], skews)
        circle.settle(chance)
        one = agreed(circle)
        assert state_of(circle, one).reviews == (Review.CAME_BACK,)

    @pytest.mark.parametrize("size", [2, 3, 4, 5])
    def test_ring_that_a_person_closes_ends_where_it_moved_to(self, order: int, size: int) -> None:
        """The finder gets back what it had handed to one that had handed it on."""
        chance = drawn(order)
        first, *others = members = MEMBERS[:size]
        circle = Circle(members)
        for by, to in pairwise(others):
            circle[by].find()
            circle[by].locate(to)
        if size == 2:
            circle[others[0]].find()
        circle.settle(chance)
        circle[first].find()
        circle[first].locate(others[0])
        circle.settle(chance)
        assert agreed(circle) == others[-1]
        circle[others[-1]].tick()
        circle[others[-1]].move(first)
        circle.settle(chance)
        assert agreed(circle) == first

    def test_who_hands_it_on_before_the_news_closes_a_ring_like_any_other(self, order: int) -> None:
        """The sighting of the first is on its way to the third while that one moves it."""
        chance = drawn(order)
        circle = Circle((GB, NL, FR))
        circle[GB].find()
        circle[GB].locate(NL)
        circle.settle(chance)
        circle[FR].find()
        circle[FR].locate(GB)
        circle[NL].move(FR)
        circle.settle(chance)
        agreed(circle)

    def test_ring_under_one_id_ends_where_a_person_sent_it(self, order: int) -> None:
        """It went from the finder by two others back to it."""
        chance = drawn(order)
        circle = Circle((GB, NL, FR))
        circle[GB].find()
        circle[GB].locate(NL)
        circle.settle(chance)
        for by, to in ((NL, FR), (FR, GB)):
            circle[by].move(to)
            circle.settle(chance)
        assert agreed(circle) == GB
        assert Review.CAME_BACK in state_of(circle, GB).reviews

    def test_person_sends_on_what_a_ring_left_there(self, order: int) -> None:
        """By a clock that goes behind, to any member of the ring, and once more."""
        chance = drawn(order)
        circle = crossed((GB, NL, FR), (0, -3 * DAY_MS, 4 * DAY_MS))
        circle.settle(chance)
        for _ in range(2):
            one = agreed(circle)
            to = chance.choice([name for name in circle.members if name != one])
            circle[one].move(to)
            circle.settle(chance)
            sent_on = state_of(circle, one).custody is Custody.HANDED_ON
            assert agreed(circle) == (to if sent_on else one)

    def test_reporters_beside_the_ring_hear_who_has_it(self, order: int) -> None:
        """They stand before it, and never take it."""
        chance = drawn(order)
        circle = crossed((GB, NL, FR))
        for name in (DE, PL):
            member = circle.members[name] = type(circle[GB])(name)
            member.find()
            member.locate(NL)
        circle.settle(chance)
        assert agreed(circle) in (GB, NL, FR)

    @pytest.mark.parametrize("away", [GB, NL, FR])
    def test_member_that_is_away_makes_it_late_not_another(self, order: int, away: str) -> None:
        """While it is away nobody else takes what is with it."""
        chance = drawn(order)
        circle = crossed((GB, NL, FR))
        circle.settle(chance, without=away)
        assert len(holders(circle)) <= 1
        circle.settle(chance)
        agreed(circle)

    @pytest.mark.parametrize("gone", [GB, NL, FR])
    @pytest.mark.parametrize("delivered", range(0, 24, 3))
    def test_member_that_erases_it_while_a_ring_is_told_leaves_one(
        self, order: int, gone: str, delivered: int
    ) -> None:
        """Where the one erases that would have it, who handed it there has it."""
        chance = drawn(order)
        circle = crossed((GB, NL, FR))
        circle.settle(chance, at_most=delivered)
        if gone in holders(circle):
            return  # a person ends it
        circle[gone].erase()
        circle.settle(chance)
        assert len(holders(circle)) == 1

    def test_closed_item_stays_closed_where_it_is_taken(self, order: int) -> None:
        """Only custody changes."""
        circle = crossed((GB, NL, FR))
        for member in circle.members.values():
            (state,) = member.items()
            member.book.loaded.items[state.id] = closed(state)
        circle.settle(drawn(order))
        one = agreed(circle)
        assert state_of(circle, one).closed_by is Action.REMOVED

    def test_nothing_of_a_ring_is_told_for_ever(self, order: int) -> None:
        """A few messages for each member and hand-over, however they come."""
        chance = drawn(order)
        circle = crossed(MEMBERS)
        circle.settle(chance, at_most=200)
        agreed(circle)
