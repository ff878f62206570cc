"""Where an item is hosted is looked up again: taken over, before a notice, when it may be back."""

from __future__ import annotations

import pytest

from node.casework.errors import ItemMovedError, PlaceDoubtedError
from node.casework.item import Cause, Custody, ItemState, Look, Review
from node.casework.reports.draft import ActionDraft, AssessmentDraft
from protocol.facts import Evidence, Jurisdiction, Location
from protocol.vocabulary import Action, Confidence, Disposition, HostingState, Verdict
from tests.simulation.world import Where, World

GB, NL, FR = "gb-iwf", "nl-eokm", "fr-pdc"
PLACE = "https://nl1.example/album/1.jpg"
HOST = "nl1.example"
DAY_MS = 86_400_000


async def handed_in(world: World, member: str = GB, url: str = PLACE) -> str:
    """Hand an item in at `member`, let the world come to rest, return its id."""
    result = await world[member].submit(url)
    await world.settle()
    return result.items[0].item_id


async def act(world: World, member: str, item: str, action: Action) -> None:
    """Record an action, and let everybody hear of it."""
    await world[member].desk.act(item, ActionDraft(action=action), actor="a")
    await world.settle()


def chain(state: ItemState) -> list[str]:
    """Return through whom it went."""
    return [hop.member for hop in state.hops]


class Remembers(Where):
    """Has the answer for every host already."""

    def known(self, location: Location | None, now_ms: int) -> Jurisdiction | None:
        """Return the Netherlands."""
        del location, now_ms
        evidence = Evidence("203.0.113.7", "world", "1", "NL")
        return Jurisdiction(HostingState.COUNTRY, "NL", Confidence.HIGH, (evidence,))


class TestTakenOver:
    """A member that is handed an item looks itself."""

    async def test_what_both_find_there_stays(self, world: World) -> None:
        """And nobody hears of it."""
        item = await handed_in(world)
        state = await world[NL].state(item)
        assert (state.custody, state.looked and state.looked.country) == (Custody.HERE, "NL")
        assert chain(await world[GB].state(item)) == [GB, NL]

    async def test_what_is_elsewhere_goes_on_and_its_finder_hears_so(self, world: World) -> None:
        """With the whole chain; the finder knows who acts."""
        world[NL].places.moved[HOST] = world[FR].places.moved[HOST] = "FR"
        item = await handed_in(world)
        assert chain(await world[FR].state(item)) == [GB, NL, FR]
        assert (await world[FR].state(item)).custody is Custody.HERE
        assert [(await world[m].state(item)).responsible for m in (GB, NL, FR)] == [FR, FR, FR]
        assert (await world[FR].state(item)).reviews == ()

    async def test_its_finder_hears_what_becomes_of_it_there(self, world: World) -> None:
        """Outcomes go back along the chain."""
        world[NL].places.moved[HOST] = world[FR].places.moved[HOST] = "FR"
        item = await handed_in(world)
        await act(world, FR, item, Action.REMOVED)
        assert (await world[GB].state(item)).closed_by is Action.REMOVED

    async def test_two_that_do_not_agree_leave_it_to_a_person(self, world: World) -> None:
        """The finder says NL, the Netherlands say GB: it stays with one of them."""
        world[NL].places.moved[HOST] = "GB"
        item = await handed_in(world)
        state = await world[NL].state(item)
        assert (state.custody, state.reviews) == (Custody.HERE, (Review.CAME_BACK,))
        assert (await world[GB].state(item)).responsible == NL
        assert chain(state) == [GB, NL]

    async def test_three_that_do_not_agree_leave_it_to_a_person(self, world: World) -> None:
        """GB says NL, NL says FR, FR says NL again."""
        world[NL].places.moved[HOST] = "FR"
        item = await handed_in(world)
        state = await world[FR].state(item)
        assert (state.custody, state.reviews) == (Custody.HERE, (Review.CAME_BACK,))
        assert [(await world[m].state(item)).responsible for m in (GB, NL)] == [FR, FR]

    async def test_item_that_joined_an_older_one_is_returned_once(self, world: World) -> None:
        """It was found here, too. Who gave it here takes it back, looks, and asks a person."""
        first = await handed_in(world, NL)
        second = await handed_in(world, GB)
        assert (await world[GB].state(second)).answer is Disposition.DUPLICATE
        world[NL].places.moved[HOST] = "GB"
        world.now += 2 * DAY_MS
        await act(world, NL, first, Action.SEEN_ONLINE)
        assert (await world[NL].state(first)).responsible == GB
        held = await world[GB].state(second)
        assert (held.custody, held.reviews) == (Custody.HERE, (Review.CAME_BACK,))
        world.now += 2 * DAY_MS
        await act(world, GB, second, Action.SEEN_ONLINE)  # whose data still says NL
        held = await world[GB].state(second)
        assert (held.custody, held.reviews) == (Custody.HERE, (Review.CAME_BACK,))

    async def test_nobody_waits_for_the_name_server(self, world: World) -> None:
        """While nobody can tell, it is worked on where the sender placed it."""
        world[NL].places.silent.add(HOST)
        item = await handed_in(world)
        state = await world[NL].state(item)
        assert (state.custody, state.country) == (Custody.HERE, "NL")
        assert state.again is not None
        assert state.again.cause is Cause.ACCEPTED
        await world[NL].desk.assess(item, AssessmentDraft(verdict=Verdict.BASELINE), actor="a")
        await act(world, NL, item, Action.LEA_NOTIFIED)
        heard = await world[GB].state(item)
        assert [a.action for a in heard.actions] == [Action.LEA_NOTIFIED]

    async def test_what_nobody_can_tell_stays_for_good(self, world: World) -> None:
        """It is asked for a day, and goes nowhere."""
        world[NL].places.silent.add(HOST)
        item = await handed_in(world)
        for _ in range(40):
            world.now += 3_600_000
            await world.settle()
        state = await world[NL].state(item)
        assert (state.custody, state.country, state.reviews) == (Custody.HERE, "NL", ())
        assert (state.due_ms, state.again, state.looked) == (None, None, None)
        looks = [c for c in (await world[NL].desk.changes(0, 500, 0)).changes if c.item == item]
        assert len([c for c in looks if c.what == "located_again"]) < 20

    async def test_what_is_known_without_asking_is_part_of_taking_it_over(
        self, world: World
    ) -> None:
        """No second event for each item where both say the same."""
        world[NL].places = Remembers()
        await world[NL].crash()
        await world[NL].restart()
        item = await handed_in(world)
        state = await world[NL].state(item)
        assert state.looked == Look(state.hops[-1].received_ms, HostingState.COUNTRY, "NL")
        changes = (await world[NL].desk.changes(0, 500, 0)).changes
        assert "located_again" not in {one.what for one in changes}

    async def test_answer_that_comes_late_still_counts(self, world: World) -> None:
        """The look is due until it is done, also after kill -9."""
        world[NL].places.silent.add(HOST)
        item = await handed_in(world)
        await world[NL].crash()
        world[NL].places.silent.clear()
        world[NL].places.moved[HOST] = world[FR].places.moved[HOST] = "FR"
        await world[NL].restart()
        world.now += 3_600_000
        await world.settle()
        assert (await world[FR].state(item)).custody is Custody.HERE

    async def test_what_a_person_moved_here_no_machine_moves_away(self, world: World) -> None:
        """The analyst in GB knows better than databases, or not: another analyst says which."""
        item = await handed_in(world, GB, "https://gb1.example/x.jpg")
        draft = ActionDraft(action=Action.MOVED, country="FR")
        await world[GB].desk.act(item, draft, actor="a")
        world[FR].places.moved["gb1.example"] = "NL"
        await world.settle()
        state = await world[FR].state(item)
        assert (state.custody, state.country) == (Custody.HERE, "FR")
        assert state.reviews == (Review.LOCATION_UNCERTAIN,)


class TestBeforeANotice:
    """Nobody writes to the hoster that had it last week."""

    async def old(self, world: World) -> str:
        """Return an item in the Netherlands that was located two days ago."""
        item = await handed_in(world)
        world.now += 2 * DAY_MS
        return item

    async def notify(self, world: World, member: str, item: str) -> list[Action]:
        """Record a notice, and return what was recorded by that member."""
        await act(world, member, item, Action.HOST_NOTIFIED)
        state = await world[member].state(item)
        return [a.action for a in state.actions if a.member == member]

    async def test_what_moved_goes_on_and_no_notice_is_recorded(self, world: World) -> None:
        """The caller hears who has it now; that member gives notice."""
        item = await self.old(world)
        world[NL].places.moved[HOST] = world[FR].places.moved[HOST] = "FR"
        with pytest.raises(ItemMovedError, match=FR):
            await self.notify(world, NL, item)
        await world.settle()
        assert (await world[NL].state(item)).actions == ()
        assert await self.notify(world, FR, item) == [Action.HOST_NOTIFIED]
        assert [a.action for a in (await world[GB].state(item)).actions] == [Action.HOST_NOTIFIED]

    async def test_what_is_still_there_is_recorded(self, world: World) -> None:
        """And the look is fresh again."""
        item = await self.old(world)
        now = world.now
        assert await self.notify(world, NL, item) == [Action.HOST_NOTIFIED]
        state = await world[NL].state(item)
        assert state.looked == Look(now, HostingState.COUNTRY, "NL")

    async def test_fresh_look_is_enough(self, world: World) -> None:
        """Within the day nobody is asked."""
        item = await handed_in(world)
        world[NL].places.moved[HOST] = "FR"
        assert await self.notify(world, NL, item) == [Action.HOST_NOTIFIED]

    async def test_name_server_that_is_silent_holds_up_no_notice(self, world: World) -> None:
        """Content must not stay up because a look-up fails."""
        item = await self.old(world)
        world[NL].places.silent.add(HOST)
        assert await self.notify(world, NL, item) == [Action.HOST_NOTIFIED]

    async def test_doubt_is_shown_once_and_then_the_person_decides(self, world: World) -> None:
        """It would go back to GB: not by itself. The same notice again is the person's word."""
        item = await self.old(world)
        world[NL].places.moved[HOST] = "GB"
        with pytest.raises(PlaceDoubtedError):
            await self.notify(world, NL, item)
        state = await world[NL].state(item)
        assert (state.actions, state.reviews) == ((), (Review.CAME_BACK,))
        assert await self.notify(world, NL, item) == [Action.HOST_NOTIFIED]
        assert (await world[NL].state(item)).reviews == ()

    async def test_who_records_a_notice_on_what_stands_before_people_is_one(
        self, world: World
    ) -> None:
        """The doubt is there to be seen; the notice answers it."""
        item = await self.old(world)
        world[NL].places.moved[HOST] = "GB"
        await act(world, NL, item, Action.SEEN_ONLINE)
        assert (await world[NL].state(item)).reviews == (Review.CAME_BACK,)
        world.now += 2 * DAY_MS
        world[NL].places.moved[HOST] = "DE"
        assert await self.notify(world, NL, item) == [Action.SEEN_ONLINE, Action.HOST_NOTIFIED]

    async def test_notice_that_was_sent_while_the_look_was_fresh_is_recorded(
        self, world: World
    ) -> None:
        """Recorded late, it was right when it was sent."""
        item = await handed_in(world)
        sent = (await world[NL].desk.item(item)).looked  # type: ignore[union-attr]
        assert sent is not None
        world.now += 9 * DAY_MS
        world[NL].places.moved[HOST] = "FR"
        draft = ActionDraft(action=Action.HOST_NOTIFIED, at=sent.at)
        await world[NL].desk.act(item, draft, actor="a")
        assert [a.action for a in (await world[NL].state(item)).actions] == [Action.HOST_NOTIFIED]

    async def test_referral_is_recorded_first_and_looked_after(self, world: World) -> None:
        """Nothing delays the police; the item then goes where it is hosted."""
        item = await self.old(world)
        world[NL].places.moved[HOST] = world[FR].places.moved[HOST] = "FR"
        await act(world, NL, item, Action.LEA_NOTIFIED)
        at_nl = await world[NL].state(item)
        assert [a.action for a in at_nl.actions] == [Action.LEA_NOTIFIED]
        assert at_nl.responsible == FR

    async def test_operator_can_switch_it_off(self, world: World) -> None:
        """`locate_again_hours = 0`."""
        world[NL].fresh_ms = 0
        await world[NL].crash()
        await world[NL].restart()
        item = await self.old(world)
        world[NL].places.moved[HOST] = "FR"
        assert await self.notify(world, NL, item) == [Action.HOST_NOTIFIED]


class TestAtACheck:
    """What is looked at is located."""

    async def test_what_was_seen_online_elsewhere_goes_there(self, world: World) -> None:
        """The check itself is recorded by who made it."""
        item = await handed_in(world)
        world.now += 2 * DAY_MS
        world[NL].places.moved[HOST] = world[FR].places.moved[HOST] = "FR"
        await act(world, NL, item, Action.SEEN_ONLINE)
        assert (await world[FR].state(item)).custody is Custody.HERE
        assert (await world[FR].state(item)).last_seen_online_ms is not None

    async def test_what_may_be_back_is_located_and_moves_when_it_is_open_again(
        self, world: World
    ) -> None:
        """Closed, it moves nowhere; the person sees where it was found."""
        item = await handed_in(world)
        await act(world, NL, item, Action.REMOVED)
        for member in (NL, FR):
            world[member].places.moved[HOST] = "FR"
        world.now += 10 * DAY_MS
        await handed_in(world, NL)
        state = await world[NL].state(item)
        assert (state.custody, state.reviews) == (Custody.HERE, (Review.PERHAPS_BACK,))
        assert state.looked is not None
        assert (state.country, state.looked.country) == ("NL", "FR")
        await act(world, NL, item, Action.SEEN_ONLINE)
        assert (await world[FR].state(item)).custody is Custody.HERE
        assert (await world[GB].state(item)).responsible == FR

    async def test_report_of_a_peer_has_it_located_too(self, world: World) -> None:
        """Whoever says that it may be back."""
        item = await handed_in(world)
        await act(world, NL, item, Action.REMOVED)
        world[NL].places.moved[HOST] = "FR"
        world.now += 10 * DAY_MS
        await handed_in(world, FR)
        state = await world[NL].state(item)
        assert state.looked is not None
        assert state.looked.country == "FR"
