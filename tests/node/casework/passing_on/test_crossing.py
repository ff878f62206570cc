"""Hand-overs that cross, with hashes that come late: both members find the same of them."""

from __future__ import annotations

import msgspec
import pytest

from node.casework.events import Event, EventKind, Facts, HandedOn, Withdrawn
from node.casework.folding import evolve
from node.casework.item import Custody, TakenOff
from protocol.facts import Hop
from protocol.fields import MAX_CONTENTS, MAX_SIGHTINGS
from protocol.vocabulary import Action, Disposition, Lane
from tests.builders.cases import US, closed, country, file, handed_on, item, verdict
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, item_from
from tests.node.casework.circle import DAY_MS, MEMBERS, ORDERS, Circle, agreed, drawn, holders

GB, NL, FR = MEMBERS[:3]


class TestHashesThatComeLate:
    """Both compare what was sent: else one joins what the other tells apart, and both have it."""

    @pytest.mark.parametrize("skews_ms", [(0, 0), (DAY_MS, 0), (0, DAY_MS)])
    @pytest.mark.parametrize("order", ORDERS)
    def test_hashes_that_come_after_a_hand_over_do_not_tell_it_apart_from_one_that_crosses_it(
        self, order: int, skews_ms: tuple[int, int]
    ) -> None:
        """The other had them not when it judged ours."""
        circle = Circle((GB, NL), skews_ms)
        circle[GB].find()
        circle[GB].locate(NL)
        circle[NL].find(file(1))
        circle[NL].locate(GB)
        circle[GB].learn(file(2))
        circle.settle(drawn(order))
        agreed(circle)

    @pytest.mark.parametrize("order", ORDERS)
    def test_hashes_that_come_after_the_answer_do_not_either(self, order: int) -> None:
        """Whoever joined it told us by which hand-over it went from there."""
        circle = Circle((GB, NL))
        circle[NL].find(file(1))
        circle[NL].locate(GB)
        circle[GB].find()
        circle[GB].tick()
        circle[GB].locate(NL)
        circle.send()
        circle.deliver(GB, NL, Lane.REPORTS)
        while circle.channels[NL, GB, Lane.STATUS]:
            circle.deliver(NL, GB, Lane.STATUS)
        circle[GB].learn(file(2))
        circle.settle(drawn(order))
        agreed(circle)

    @pytest.mark.parametrize("order", ORDERS)
    def test_hashes_that_another_computed_come_back_with_the_item(self, order: int) -> None:
        """Else nobody who works on it has them."""
        circle = Circle((GB, NL))
        circle[GB].find()
        circle[GB].locate(NL)
        circle.settle(drawn(order))
        circle[NL].learn(file(1))
        circle[NL].move(GB)
        circle.settle(drawn(order))
        assert agreed(circle) == GB
        assert circle[GB].only.content == (file(1),)

    def test_hashes_come_with_an_item_whose_return_was_told_before_it_came(self) -> None:
        """It is an echo by then; what it brings is not."""
        circle = Circle((GB, NL))
        circle[GB].find()
        circle[NL].find()
        circle[GB].locate(NL)
        circle.settle(drawn(0))
        for giver, taker in ((NL, GB), (GB, NL)):
            circle[giver].move(taker)
            circle.settle(drawn(0))
        circle[NL].learn(file(1))
        circle[NL].move(GB)
        circle.send()
        while circle.channels[NL, GB, Lane.STATUS]:
            circle.deliver(NL, GB, Lane.STATUS)
        assert (circle[GB].only.custody, circle[GB].only.content) == (Custody.HERE, ())
        circle.settle(drawn(0))
        assert circle[GB].only.content == (file(1),)

    @pytest.mark.parametrize("overtaken", [False, True])
    @pytest.mark.parametrize("with_own", [False, True])
    def test_10_5_report_and_danger_come_back_with_an_item(
        self, *, with_own: bool, overtaken: bool
    ) -> None:
        """Whichever comes first, the item or the news of it: nobody else says them here."""
        circle = Circle((GB, NL))
        circle[GB].find()
        if with_own:  # then both members had handed it over before
            circle[NL].find()
        circle[GB].locate(NL)
        circle.settle(drawn(0))
        for giver, taker in ((NL, GB), (GB, NL)) if with_own else ():
            circle[giver].move(taker)
            circle.settle(drawn(0))
        seen = circle[NL].report_danger()
        circle[NL].move(GB)
        circle.send()
        while overtaken and circle.channels[NL, GB, Lane.STATUS]:
            circle.deliver(NL, GB, Lane.STATUS)
        circle.settle(drawn(0))
        assert agreed(circle) == GB
        assert circle[GB].only.child_at_risk
        assert seen in circle[GB].only.sightings

    def test_10_5_own_report_that_was_taken_back_meanwhile_does_not_come_back(self) -> None:
        """The member that gives the item back has not heard of it yet."""
        circle = Circle((GB, NL))
        circle[GB].find()
        circle[GB].locate(NL)
        circle.settle(drawn(0))
        (own,) = circle[GB].only.sightings
        circle[NL].report_danger()
        circle[NL].move(GB)
        circle[GB].book.record(
            circle[GB].only.id, EventKind.WITHDRAWN, Withdrawn(GB, own.sighting_id),
            at_ms=NOW_MS, actor=GB,
        )  # fmt: skip
        circle.settle(drawn(0))
        assert [one.member for one in circle[GB].only.sightings] == [NL]

    @pytest.mark.parametrize("order", ORDERS)
    def test_every_file_of_a_report_that_joins_is_passed_on_to_who_has_the_item(
        self, order: int
    ) -> None:
        """Not the first alone: whoever handed on an item works on none of them."""
        circle = Circle((GB, NL, FR))
        circle[GB].find(file(2))
        circle[GB].locate(NL)
        circle.settle(drawn(order))
        circle[FR].find(file(2), file(1), file(3))
        circle[FR].locate(GB)
        circle.send()
        circle.deliver(FR, GB, Lane.REPORTS)
        passed = circle.channels[GB, NL, Lane.REPORTS]
        assert len({post.entry_id for post in passed}) == len(passed), "each is said for itself"
        circle.settle(drawn(order))
        assert agreed(circle) == NL
        assert circle[NL].only.content == (file(2), file(1), file(3))

    @pytest.mark.parametrize("order", ORDERS)
    def test_6_4_what_an_item_has_no_room_for_follows_it(self, order: int) -> None:
        """Else nobody looks at the fifth file, and the verdict on the others is taken for one."""
        circle = Circle((GB, NL))
        files = [file(number) for number in range(1, MAX_CONTENTS + 3)]
        circle[GB].find(*files)
        seen = [circle[GB].report_danger() for number in range(MAX_SIGHTINGS + 2)]
        circle[GB].locate(NL)
        circle.settle(drawn(order))
        assert agreed(circle) == NL
        there = circle[NL].only
        assert there.content == tuple(files)
        assert {*seen} <= {*there.sightings}

    @pytest.mark.parametrize("order", ORDERS)
    def test_6_4_what_followed_an_item_does_not_tell_it_apart_from_one_that_crosses_it(
        self, order: int
    ) -> None:
        """Both compare the files that the item itself bore."""
        circle = Circle((GB, NL))
        files = [file(number) for number in range(1, MAX_CONTENTS + 2)]
        circle[GB].find(*files)
        circle[NL].find(files[-1])
        circle[GB].locate(NL)
        circle[NL].locate(GB)
        circle.settle(drawn(order))
        assert sorted(holders(circle)) == [GB, NL]

    def test_hashes_that_were_sent_tell_two_apart(self) -> None:
        """They are two files at one place, one after the other: each stands for itself."""
        circle = Circle((GB, NL))
        circle[GB].find(file(2))
        circle[GB].locate(NL)
        circle[NL].find(file(1))
        circle[NL].locate(GB)
        circle.settle(drawn(0))
        assert sorted(holders(circle)) == [GB, NL]

    def test_handed_on_again_it_was_sent_with_all_that_was_known(self) -> None:
        """What came after an earlier hand-over went along with the later one."""
        jurisdiction = country("NL")
        state = item(hops=(Hop(GB, NOW_MS),), responsible=GB)
        away = HandedOn(
            NL, orphan=False, hops=(*state.hops, Hop(NL, NOW_MS)), jurisdiction=jurisdiction
        )
        facts = Facts((file(1),), None, after_hand_over=True)
        for kind, body, sent in (
            (EventKind.HANDED_ON, away, None),
            (EventKind.FACTS, facts, ()),
            (EventKind.HANDED_ON, away, None),
        ):
            state = evolve(state, Event(state.id, kind, NOW_MS, NOW_MS, GB, body))
            assert state.sent == sent

    def test_facts_of_an_earlier_version_change_what_they_changed(self) -> None:
        """Else no upgraded database would be verified."""
        away = handed_on(item(1))
        told = Event(away.id, EventKind.FACTS, NOW_MS, NOW_MS, GB, Facts((file(1),), None))
        assert evolve(away, told).sent is None


def test_item_that_nobody_has_any_more_is_known_by_all_its_files_though_one_was_taken_off() -> None:
    """Nothing is joined to it, so it does not matter by which files it was judged elsewhere."""
    ours = item(1, *map(file, range(1, 6)), finder=US, hops=(Hop(US, NOW_MS),), came_from=None)
    left = msgspec.structs.replace(
        closed(handed_on(ours), Action.REMOVED),
        assessments=(verdict(member=US),),
        taken_off=(TakenOff(5, file(6)),),
        erased_at=("fr-pdc",),
    )
    answer = Receiver(left)("gb-iwf", item_from("gb-iwf", 2, file(1)))
    assert answer.disposition is Disposition.NEW_KNOWN
