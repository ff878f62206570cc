"""A place that was closed elsewhere is reported again, and who closed it looks at it no more.

It erased the item, which the default periods do years before who handed it on, or it is no active
member: the report is a new item, or stands before a person. It never waits where nobody looks.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from keys.transfers import TRANSFER_FIELDS, TransferTerms
from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.item import Custody, Review
from node.casework.reports.draft import ActionDraft
from node.casework.telling import CHILD_AT_RISK_SINCE, REPORTED_IN_VAIN
from node.registry import changes
from node.store.items.tasks import close_task
from protocol.vocabulary import Action, Disposition
from tests.simulation.test_membership import FR, GB, NL, expel, govern, merge, run, status, tasks
from tests.simulation.test_retention import DAY_MS, closed_item, retention, walk
from tests.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from keys.network import NetworkDocument

PLACE = "https://nl1.example/album/1.jpg"
VAIN = REPORTED_IN_VAIN
gone = pytest.mark.parametrize(
    "change", [expel, merge, partial(status, is_now="suspended")], ids=["expel", "merge", "suspend"]
)


async def again(world: World, *, urgent: bool = False) -> tuple[str, str]:
    """The place is reported at gb-iwf once more; the id there, and what it was taken for."""
    result = await world[GB].submit(PLACE, reference="again", child_at_risk=urgent)
    return result.items[0].item_id, result.items[0].outcome


async def closed_in_the_third(world: World) -> str:
    """An item of gb-iwf that went by nl-eokm to fr-pdc, which has closed it."""
    item = (await world[GB].submit(PLACE)).items[0].item_id
    await world.settle()
    moved = ActionDraft(action=Action.MOVED, country="FR")
    await world[NL].desk.act(item, moved, actor="a")
    await world.settle()
    await world[FR].desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
    await world.settle()
    return item


class TestErasedThere:
    """Its time was over there, and is not here: what was reported of it last is later here."""

    async def test_report_is_a_new_item_where_the_old_one_was_erased(self, world: World) -> None:
        """As if it had been reported there at once."""
        old = await closed_item(world)
        world.now += 30 * DAY_MS
        assert await walk(retention(world, world[NL])) == 1
        await world.settle()
        new, outcome = await again(world)
        await world.settle()
        assert (outcome, new == old) == ("new", False)
        assert (await world[NL].state(new)).custody is Custody.HERE
        assert (await world[GB].state(new)).answer is Disposition.NEW_AGAIN
        assert len((await world[GB].state(old)).sightings) == 1
        assert [world[member].verify().found for member in (GB, NL)] == [[], []]

    async def test_later_reports_join_the_new_one(self, world: World) -> None:
        """One case for one place."""
        await closed_item(world)
        world.now += 30 * DAY_MS
        await walk(retention(world, world[NL]))
        await world.settle()
        new, _ = await again(world)
        await world.settle()
        third = await world[GB].submit(PLACE, reference="third")
        assert [(one.item_id, one.outcome) for one in third.items] == [(new, "duplicate")]

    async def test_file_without_a_place_is_a_new_item_too(self, world: World) -> None:
        """It is found by its hashes."""
        file = "1" * 64
        old = (await world[GB].submit(None, sha256=file)).items[0].item_id
        moved = ActionDraft(action=Action.MOVED, country="NL")
        await world.settle()
        await world[GB].desk.act(old, moved, actor="a")
        await world.settle()
        await world[NL].desk.act(old, ActionDraft(action=Action.REMOVED), actor="a")
        await world.settle()
        world.now += 30 * DAY_MS
        assert await walk(retention(world, world[NL])) == 1
        await world.settle()
        second = await world[GB].submit(None, sha256=file, reference="again")
        assert second.items[0].item_id != old
        assert (await world[GB].state(second.items[0].item_id)).custody is not Custody.HANDED_ON

    async def test_report_that_was_under_way_then_stands_before_a_person(
        self, world: World
    ) -> None:
        """Who erased it does not know the place any more; who reported it does."""
        old = await closed_item(world)
        world.now += 30 * DAY_MS
        await again(world)
        assert await walk(retention(world, world[NL])) == 1
        await world.settle()
        assert (VAIN, old) in await tasks(world, GB)

    async def test_report_that_nobody_looked_at_before_stands_before_a_person(
        self, world: World
    ) -> None:
        """It had come there, and a person erased it there."""
        old = await closed_item(world)
        await again(world)
        await world.settle()
        assert Review.PERHAPS_BACK in (await world[NL].state(old)).reviews
        await world[NL].desk.erase(old, ErasureDraft(Cause.ERROR), actor="a")
        await world.settle()
        assert (VAIN, old) in await tasks(world, GB)

    async def test_what_was_closed_anew_since_is_over(self, world: World) -> None:
        """Somebody there had looked."""
        old = await closed_item(world)
        await again(world)
        await world.settle()
        await world[NL].desk.act(old, ActionDraft(action=Action.REMOVED), actor="a")
        await world.settle()
        world.now += 30 * DAY_MS
        assert await walk(retention(world, world[NL])) == 1
        await world.settle()
        assert (VAIN, old) not in await tasks(world, GB)

    async def test_report_that_comes_by_who_handed_it_on_stands_before_a_person(
        self, world: World
    ) -> None:
        """At the member in between, which knows with whom it was."""
        old = await closed_in_the_third(world)
        world.now += 30 * DAY_MS
        assert await walk(retention(world, world[FR])) == 1
        await world.settle()
        await again(world)
        await world.settle()
        assert (VAIN, old) in await tasks(world, NL)

    async def test_what_is_handed_over_there_is_a_new_item(self, world: World) -> None:
        """By a member that had not heard of the place before."""
        old = await closed_item(world)
        world.now += 30 * DAY_MS
        await walk(retention(world, world[NL]))
        await world.settle()
        world[FR].places.moved["nl1.example"] = "GB"
        found = (await world[FR].submit(PLACE, reference="F-1")).items[0].item_id
        await world.settle()
        assert len((await world[GB].state(old)).sightings) == 1
        assert (await world[GB].state(found)).id == found


class TestNoActiveMember:
    """Nothing leaves for it, and a closed item is not taken back from it."""

    @gone
    @pytest.mark.parametrize("urgent", [False, True])
    async def test_report_is_a_new_item_of_who_answers_now(
        self, world: World, change: Callable[[NetworkDocument], NetworkDocument], *, urgent: bool
    ) -> None:
        """Also that a child is at risk; nothing waits for who is gone."""
        old = await closed_item(world)
        govern(world, change)
        await run(world, *world.nodes)
        new, outcome = await again(world, urgent=urgent)
        await run(world, *world.nodes)
        assert (outcome, new == old) == ("new", False)
        state = await world[GB].state(new)
        assert state.responsible in (GB, FR)
        assert state.child_at_risk is urgent
        channels = await world[GB].store.queries.channels()
        assert [one.peer for one in channels if one.waiting] == []

    @gone
    async def test_report_that_nobody_looked_at_before_stands_before_a_person(
        self, world: World, change: Callable[[NetworkDocument], NetworkDocument]
    ) -> None:
        """It had come there: where it is closed it is not taken back."""
        old = await closed_item(world)
        await again(world)
        await world.settle()
        govern(world, change)
        await run(world, *world.nodes)
        assert (VAIN, old) in await tasks(world, GB)

    @gone
    async def test_who_was_told_is_not_told_again_by_each_start(
        self, world: World, change: Callable[[NetworkDocument], NetworkDocument]
    ) -> None:
        """Until more is heard of the item; what was closed at a member that is gone stays there."""
        old = await closed_item(world)
        await again(world)
        await world.settle()
        govern(world, change)
        await run(world, *world.nodes)
        close = partial(close_task, code=VAIN, subject=old, now_ms=world.now)
        await world[GB].store.writer.run(close)
        await world[GB].crash()
        await world[GB].restart()
        world.now += DAY_MS
        await run(world, *world.nodes)
        assert (VAIN, old) not in await tasks(world, GB)
        await world[GB].submit(PLACE, reference="R-1", child_at_risk=True)
        await run(world, *world.nodes)
        assert (VAIN, old) in await tasks(world, GB)

    @pytest.mark.parametrize("restarted", [False, True])
    async def test_task_closes_once_who_has_it_is_back(
        self, world: World, *, restarted: bool
    ) -> None:
        """Its people have the report before them, also where nobody was here to see it return."""
        old = await closed_item(world)
        await again(world)
        await world.settle()
        govern(world, partial(status, is_now="suspended"))
        await run(world, *world.nodes)
        assert (VAIN, old) in await tasks(world, GB)
        if restarted:
            await world[GB].crash()
        govern(world, partial(status, is_now="active"))
        if restarted:
            await world[GB].restart()
        await run(world, *world.nodes)
        assert (VAIN, old) not in await tasks(world, GB)
        assert Review.PERHAPS_BACK in (await world[NL].state(old)).reviews

    async def test_what_was_found_not_illegal_is_over(self, world: World) -> None:
        """It is only counted there, however often it is reported."""
        old = (await world[GB].submit(PLACE)).items[0].item_id
        await world.settle()
        await world[NL].desk.act(old, ActionDraft(action=Action.NOT_ILLEGAL), actor="a")
        await world.settle()
        await again(world)
        await world.settle()
        govern(world, expel)
        await run(world, *world.nodes)
        assert await tasks(world, GB) == []

    async def test_report_that_comes_by_who_handed_it_on_stands_before_a_person(
        self, world: World
    ) -> None:
        """Who reported it has handed it to one that is a member still."""
        old = await closed_in_the_third(world)
        govern(world, partial(changes.expel, member=FR, choice_rules={}))
        await run(world, *world.nodes)
        assert (VAIN, old) not in await tasks(world, NL)
        await again(world)
        await run(world, *world.nodes)
        assert (VAIN, old) in await tasks(world, NL)

    async def test_line_that_is_handed_in_anew_because_a_child_is_at_risk_is_seen(
        self, world: World
    ) -> None:
        """It is the item that it was, by its reference."""
        old = (await world[GB].submit(PLACE, reference="R-1")).items[0].item_id
        await world.settle()
        await world[NL].desk.act(old, ActionDraft(action=Action.REMOVED), actor="a")
        await world.settle()
        govern(world, expel)
        await run(world, *world.nodes)
        same = await world[GB].submit(PLACE, reference="R-1", child_at_risk=True)
        assert [(one.item_id, one.outcome) for one in same.items] == [(old, "revision")]
        assert (VAIN, old) in await tasks(world, GB)


async def test_closed_item_that_is_handed_back_stands_before_a_person(world: World) -> None:
    """Who hands it back has it open; that it was seen online was not to be told any more."""
    theirs = (await world[NL].submit(PLACE, reference="N-1")).items[0].item_id
    await world.settle()
    ours = await closed_item(world)
    fields = tuple(one for one in TRANSFER_FIELDS if one != "actions")
    terms = TransferTerms("contract", fields)
    govern(world, partial(changes.set_terms, terms=terms, pair=(NL, GB)))
    await world[NL].desk.act(theirs, ActionDraft(action=Action.SEEN_ONLINE), actor="a")
    moved = ActionDraft(action=Action.MOVED, country="GB")
    await world[NL].desk.act(theirs, moved, actor="a")
    await world.settle()
    state = await world[GB].state(ours)
    assert (state.custody, state.closed_ms is None) == (Custody.HERE, False)
    assert state.reviews == (Review.PERHAPS_BACK,)


class TestOver:
    """Nobody need look any more: the task closes by itself."""

    async def vain(self, world: World) -> str:
        """A closed item that was reported in vain at gb-iwf; its id."""
        old = await closed_item(world)
        world.now += 30 * DAY_MS
        await again(world)
        assert await walk(retention(world, world[NL])) == 1
        await world.settle()
        assert (VAIN, old) in await tasks(world, GB)
        return old

    async def test_where_the_place_is_reported_anew(self, world: World) -> None:
        """It is a new item, which somebody looks at."""
        old = await self.vain(world)
        result = await world[GB].submit(PLACE, reference="anew")
        assert result.items[0].item_id != old
        assert (VAIN, old) not in await tasks(world, GB)

    async def test_where_the_item_is_erased(self, world: World) -> None:
        """There is no place to look at."""
        old = await self.vain(world)
        await world[GB].desk.erase(old, ErasureDraft(Cause.ERROR), actor="a")
        assert (VAIN, old) not in await tasks(world, GB)

    async def test_its_time_is_not_over_before_a_person_has_looked(self, world: World) -> None:
        """The place would be known to nobody, and the report with it."""
        old = await self.vain(world)
        world.now += 400 * DAY_MS
        assert await walk(retention(world, world[GB])) == 0
        assert (VAIN, old) in await tasks(world, GB)
        await world[GB].store.writer.run(lambda c: close_task(c, VAIN, old, world.now))
        assert await walk(retention(world, world[GB])) == 1

    async def test_not_where_a_child_is_at_risk_and_the_new_report_says_nothing_of_it(
        self, world: World
    ) -> None:
        """Only the old item says so."""
        old = (await world[GB].submit(PLACE, reference="R-1")).items[0].item_id
        await world.settle()
        await world[NL].desk.act(old, ActionDraft(action=Action.REMOVED), actor="a")
        await world.settle()
        govern(world, expel)
        await run(world, *world.nodes)
        await world[GB].submit(PLACE, reference="R-1", child_at_risk=True)
        await again(world)
        assert (VAIN, old) in await tasks(world, GB)
        await world[GB].submit(PLACE.replace("1.jpg", "2.jpg"), reference="other")
        assert (VAIN, old) in await tasks(world, GB)


class TestChildAtRisk:
    """Said of a closed item, and nothing else: no sighting tells that it was reported again."""

    @pytest.mark.parametrize("word", [Action.REMOVED, Action.NOT_ILLEGAL])
    async def test_who_has_it_looks(self, world: World, word: Action) -> None:
        """And who says so is told that it is closed."""
        old = await self.closed(world, word)
        await world.settle()
        await self.urge(world, old)
        await world.settle()
        expected = Review.PERHAPS_BACK if word is Action.REMOVED else Review.NOT_ILLEGAL_DOUBTED
        assert (await world[NL].state(old)).reviews == (expected,)
        assert (CHILD_AT_RISK_SINCE, old) in await tasks(world, GB)

    @gone
    @pytest.mark.parametrize("receipted", [False, True])
    async def test_who_passes_it_on_looks_where_the_other_goes_before_it_judges_it(
        self, world: World, change: Callable[[NetworkDocument], NetworkDocument], *, receipted: bool
    ) -> None:
        """It waits in the outbox, or lies there receipted."""
        old = await self.closed(world, Action.REMOVED)
        await world.settle()
        if not receipted:
            await world[NL].crash()
        await self.urge(world, old)
        await world[GB].work()
        govern(world, change)
        await run(world, GB, FR)
        assert (CHILD_AT_RISK_SINCE, old) in await tasks(world, GB)

    async def test_what_was_urgent_before_it_was_closed_is_over(self, world: World) -> None:
        """Who closed it knew."""
        old = (await world[GB].submit(PLACE, reference="R-1", child_at_risk=True)).items[0].item_id
        await world.settle()
        await world[NL].desk.act(old, ActionDraft(action=Action.REMOVED), actor="a")
        await world.settle()
        await world[GB].submit(PLACE, reference="R-1", child_at_risk=True)
        await world.settle()
        assert (CHILD_AT_RISK_SINCE, old) not in await tasks(world, GB)
        assert (await world[NL].state(old)).reviews == ()

    async def closed(self, world: World, word: Action) -> str:
        """An item of gb-iwf that nl-eokm has closed, with a word for it."""
        item = (await world[GB].submit(PLACE, reference="R-1")).items[0].item_id
        await world.settle()
        await world[NL].desk.act(item, ActionDraft(action=word), actor="a")
        return item

    async def urge(self, world: World, item: str) -> None:
        """Its line is handed in anew, because a child is at risk."""
        same = await world[GB].submit(PLACE, reference="R-1", child_at_risk=True)
        assert [(one.item_id, one.outcome) for one in same.items] == [(item, "revision")]
