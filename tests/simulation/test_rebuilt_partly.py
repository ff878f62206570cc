"""G1, G9: a rebuilt node of which one peer kept the entries back, and has items by them.

By whom an item went on then stands in what it had told its reporter alone. What the member that has
the item said meanwhile is said once, and comes before that is known.
"""

from __future__ import annotations

import pytest

from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.item import Custody, Review
from node.casework.passing_on.custody import HELD_TWICE
from node.casework.reports.draft import (
    ActionDraft,
    AssessmentDraft,
    HashesDraft,
    MessageDraft,
)
from node.casework.telling import REPORTED_IN_VAIN
from protocol.vocabulary import Action, Verdict
from tests.simulation.recovering import lose, rebuild, recover
from tests.simulation.test_destroyed import tasks
from tests.simulation.test_rebuilt_late import HELD, handed_over, recover_before_it_comes
from tests.simulation.test_rebuilt_restored import said_again
from tests.simulation.test_rebuilt_rings import holders, moved
from tests.simulation.world import World

EOKM, IWF, PDC = "nl-eokm", "gb-iwf", "fr-pdc"
DAY_MS = 86_400_000
PLACE = "https://nl{0}.example/{0}.jpg"
FILE = f"{5:064x}"
BASELINE = AssessmentDraft(verdict=Verdict.BASELINE)


async def went_on(world: World) -> str:
    """An item that gb-iwf found, nl-eokm was handed, and fr-pdc has."""
    item = await handed_over(world)
    await moved(world, EOKM, item, "FR")
    assert (await world[PDC].state(item)).custody is Custody.HERE
    return item


async def rebuilt(world: World) -> None:
    """Only gb-iwf hands back what nl-eokm had said to it; fr-pdc says its own again."""
    await rebuild(world, EOKM, IWF)
    for member in (IWF, EOKM, PDC):
        assert world[member].verify().found == [], member


@pytest.mark.parametrize("word", [Action.REMOVED, Action.NOT_ILLEGAL, Action.HOST_NOTIFIED])
async def test_g1_what_was_done_meanwhile_is_heard_along_the_chain(
    world: World, word: Action
) -> None:
    """Nobody is asked for ever about what is done."""
    item = await went_on(world)
    await lose(world, EOKM)
    await world[PDC].desk.act(item, ActionDraft(action=word), actor="a")
    await rebuilt(world)
    for member in (IWF, EOKM):
        state = await world[member].state(item)
        assert [one.action for one in state.actions if one.member == PDC] == [word], member
        assert state.closed_by == (None if word is Action.HOST_NOTIFIED else word), member
        assert state.responsible == PDC, member


async def test_g1_verdict_that_was_given_meanwhile_is_known_along_the_chain(world: World) -> None:
    """Nobody views it again."""
    item = await went_on(world)
    await lose(world, EOKM)
    await world[PDC].desk.assess(item, BASELINE, actor="a")
    await rebuilt(world)
    for member in (IWF, EOKM):
        (given,) = (await world[member].state(item)).assessments
        assert (given.member, given.verdict) == (PDC, Verdict.BASELINE), member


async def test_g1_message_that_was_written_meanwhile_is_read(world: World) -> None:
    """Its author was answered that it had come."""
    item = await went_on(world)
    await lose(world, EOKM)
    draft = MessageDraft(EOKM, "The whole album?", preview=False)
    await world[PDC].desk.write(item, draft, actor="a")
    await rebuilt(world)
    (message,) = (await world[EOKM].state(item)).messages
    assert (message.author, message.text) == (PDC, "The whole album?")


async def test_g1_item_that_was_erased_meanwhile_is_with_one_alone_before_a_person(
    world: World,
) -> None:
    """It is not handed over once more to who said that it has it no more."""
    item = await went_on(world)
    await lose(world, EOKM)
    await world[PDC].desk.erase(item, ErasureDraft(Cause.ERROR), actor="head")
    await rebuilt(world)
    state = await world[EOKM].state(item)
    assert (state.custody, state.responsible) == (Custody.HERE, EOKM)
    assert Review.CAME_BACK in state.reviews
    assert (await world[IWF].state(item)).responsible == EOKM
    assert (await world[PDC].store.queries.figures())["items"] == 0


async def test_g1_what_one_says_of_whom_no_word_tells_waits_for_nothing_afterwards(
    world: World,
) -> None:
    """Its reporter had not heard yet that the item went on."""
    item = await handed_over(world)
    await world[IWF].crash()
    await moved(world, EOKM, item, "FR")
    await lose(world, EOKM)
    await world[PDC].desk.act(item, ActionDraft(action=Action.HOST_NOTIFIED), actor="a")
    await world[IWF].restart()
    await rebuilt(world)
    assert await world[EOKM].store.queries.oldest_parked() == (0, None)
    assert all(one.member != PDC for one in (await world[EOKM].state(item)).actions)


async def test_g2_item_that_it_had_moved_and_of_which_nobody_says_so_stands_before_a_person(
    world: World,
) -> None:
    """Two work on it until that person moves it there: who has it knows its id."""
    item = await went_on(world)
    await lose(world, EOKM)
    await rebuild(world, EOKM)
    await said_again(world)
    assert await holders(world, item) == {EOKM, PDC}
    assert (HELD_TWICE, f"{PDC}/{item}") in await tasks(world[EOKM])
    await moved(world, EOKM, item, "FR")
    assert await holders(world, item) == {PDC}


async def test_g2_item_that_it_had_moved_by_its_own_word_is_doubted_by_nobody(
    world: World,
) -> None:
    """Who has it answers before that word has its effect."""
    item = await went_on(world)
    await lose(world, EOKM)
    await world[PDC].desk.act(item, ActionDraft(action=Action.HOST_NOTIFIED), actor="a")
    await rebuilt(world)
    assert await holders(world, item) == {PDC}
    assert HELD_TWICE not in {code for code, _ in await tasks(world[EOKM])}


class TestClosedThere:
    """It is not handed over again: whether the other has it still, nobody has said."""

    async def rebuilt_of_closed(self, world: World, *, late: bool) -> str:
        """An item that was closed at fr-pdc before nl-eokm was lost."""
        item = await went_on(world)
        await world[PDC].desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
        await world.settle()
        if late:
            await recover_before_it_comes(world)
        else:
            await lose(world, EOKM)
            await rebuilt(world)
        assert (await world[EOKM].state(item)).closed_by is Action.REMOVED
        return item

    async def fr_pdc_lost(self, world: World) -> None:
        """What nl-eokm had said to it is back nowhere."""
        world.now += 8 * DAY_MS
        await recover(world, PDC, IWF, EOKM)
        assert (await world[PDC].store.queries.figures())["items"] == 0

    @pytest.mark.parametrize("urgent", [False, True])
    @pytest.mark.parametrize("late", [False, True])
    async def test_g1_report_of_what_the_other_lost_too_stands_before_a_person(
        self, world: World, *, late: bool, urgent: bool
    ) -> None:
        """It waits there for an item that never comes."""
        item = await self.rebuilt_of_closed(world, late=late)
        await self.fr_pdc_lost(world)
        await world[IWF].submit(HELD, reference="again", child_at_risk=urgent)
        await world.settle()
        assert (REPORTED_IN_VAIN, item) in await tasks(world[EOKM])

    async def test_g1_report_to_the_rebuilt_node_itself_is_a_new_item_of_who_answers(
        self, world: World
    ) -> None:
        """The other need not know the place."""
        old = await self.rebuilt_of_closed(world, late=False)
        await self.fr_pdc_lost(world)
        world[EOKM].places.moved["nl1.example"] = "FR"
        new = (await world[EOKM].submit(HELD, reference="again")).items[0].item_id
        await world.settle()
        assert new != old
        assert (await world[PDC].state(new)).custody is Custody.HERE

    @pytest.mark.parametrize("by", [IWF, EOKM])
    async def test_g1_what_the_other_has_it_looks_at_itself(self, world: World, by: str) -> None:
        """Its answer says so, and the task ends: it was not said to be lost."""
        item = await self.rebuilt_of_closed(world, late=False)
        world[EOKM].places.moved["nl1.example"] = "FR"
        await world[by].submit(HELD, reference="again")
        await world.settle()
        there = await world[PDC].state(item)
        assert Review.PERHAPS_BACK in there.reviews
        assert len(there.sightings) == 2
        assert (REPORTED_IN_VAIN, item) not in await tasks(world[EOKM])

    async def test_g1_report_that_nobody_has_looked_at_stands_before_a_person(
        self, world: World
    ) -> None:
        """It stood before a person there; whether it does still nobody has said."""
        item = await went_on(world)
        await world[PDC].desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
        await world.settle()
        world.now += DAY_MS
        await world[IWF].submit(HELD, reference="again")
        await world.settle()
        await lose(world, EOKM)
        await rebuilt(world)
        assert (REPORTED_IN_VAIN, item) in await tasks(world[EOKM])


class TestKeptBackByAll:
    """An item of its own that nobody hands back: who has it speaks of it, and it comes no more."""

    async def rebuilt_without_it(self, world: World) -> str:
        """An item that gb-iwf found, and nl-eokm has; only fr-pdc hands back what it was told."""
        item = await handed_over(world)
        await recover(world, IWF, PDC)
        assert (await world[IWF].store.queries.figures())["items"] == 0
        return item

    async def test_g1_its_reporter_hears_what_became_of_it_from_a_person(
        self, world: World
    ) -> None:
        """What stood in the database is lost; the hotline's own records name him."""
        item = await self.rebuilt_without_it(world)
        await world[EOKM].desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
        await world.settle()
        open_there = await tasks(world[IWF])
        assert {("inherited_outcome", item), ("answer_to_nothing", EOKM)} <= open_there
        assert await world[IWF].store.queries.oldest_parked() == (0, None)
        assert world[IWF].verify().found == []

    async def test_g1_what_is_said_of_it_waits_for_it_where_it_is_on_its_way(
        self, world: World
    ) -> None:
        """It has moved back, and whoever has it says so first."""
        item = await self.rebuilt_without_it(world)
        await moved(world, EOKM, item, "GB")
        state = await world[IWF].state(item)
        assert (state.custody, state.responsible) == (Custody.HERE, IWF)
        assert ("inherited_outcome", item) not in await tasks(world[IWF])
        assert await world[IWF].store.queries.oldest_parked() == (0, None)
        assert world[IWF].verify().found == []


async def test_g2_verdict_taken_back_goes_from_items_that_lost_its_file_with_the_disk(
    world: World,
) -> None:
    """A hash that somebody here had named of one of them came back from nobody."""
    ours = (await world[IWF].submit(PLACE.format(1), sha256=FILE)).items[0].item_id
    theirs = (await world[PDC].submit(PLACE.format(2))).items[0].item_id
    await world.settle()
    await world[EOKM].desk.add_hashes(theirs, HashesDraft(sha256=FILE), actor="a")
    await world[EOKM].desk.assess(ours, BASELINE, actor="a")
    await world.settle()
    await lose(world, EOKM)
    await rebuild(world, EOKM, IWF, PDC)
    (given,) = (await world[EOKM].state(theirs)).assessments
    assert (await world[EOKM].state(theirs)).content == ()
    await world[EOKM].desk.correcting.withdraw(ours, given.event_id, actor="a")
    await world.settle()
    for member, item in ((EOKM, ours), (EOKM, theirs), (IWF, ours), (PDC, theirs)):
        assert (await world[member].state(item)).assessments == ()
