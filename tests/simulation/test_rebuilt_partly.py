"""G1, G9: a rebuilt node of which one peer kept the entries back, and has items by them.

By whom an item went on then stands in what it had told its reporter alone. What the member that has
the item said meanwhile is said once, and comes before that is known.
"""

from __future__ import annotations

import pytest

from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.item import Custody, Review
from node.casework.reports.draft import ActionDraft, AssessmentDraft, MessageDraft
from protocol.vocabulary import Action, Verdict
from tests.simulation.recovering import burn, decide, finish
from tests.simulation.test_rebuilt_late import handed_over
from tests.simulation.test_rebuilt_rings import moved
from tests.simulation.world import World

EOKM, IWF, PDC = "nl-eokm", "gb-iwf", "fr-pdc"
BASELINE = AssessmentDraft(verdict=Verdict.BASELINE)


async def went_on(world: World) -> str:
    """An item that gb-iwf found, nl-eokm was handed, and fr-pdc has."""
    item = await handed_over(world)
    await moved(world, EOKM, item, "FR")
    assert (await world[PDC].state(item)).custody is Custody.HERE
    return item


async def lost(world: World) -> None:
    """The machine of nl-eokm burns; it hears nothing for now."""
    await burn(world, EOKM)
    await world[EOKM].crash()


async def rebuilt(world: World) -> None:
    """Only gb-iwf hands back what nl-eokm had said to it; fr-pdc says its own again."""
    await world[EOKM].restart(restored=True)
    await world.settle()
    assert decide(world, IWF, EOKM) == "decided"
    world.now += 61_000
    await world.settle()
    await finish(world, EOKM)
    for member in (IWF, EOKM, PDC):
        assert world[member].verify().found == [], member


@pytest.mark.parametrize("word", [Action.REMOVED, Action.NOT_ILLEGAL, Action.HOST_NOTIFIED])
async def test_g1_what_was_done_meanwhile_is_heard_along_the_chain(
    world: World, word: Action
) -> None:
    """Nobody is asked for ever about what is done."""
    item = await went_on(world)
    await lost(world)
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
    await lost(world)
    await world[PDC].desk.assess(item, BASELINE, actor="a")
    await rebuilt(world)
    for member in (IWF, EOKM):
        (given,) = (await world[member].state(item)).assessments
        assert (given.member, given.verdict) == (PDC, Verdict.BASELINE), member


async def test_g1_message_that_was_written_meanwhile_is_read(world: World) -> None:
    """Its author was answered that it had come."""
    item = await went_on(world)
    await lost(world)
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
    await lost(world)
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
    await lost(world)
    await world[PDC].desk.act(item, ActionDraft(action=Action.HOST_NOTIFIED), actor="a")
    await world[IWF].restart()
    await rebuilt(world)
    assert await world[EOKM].store.queries.oldest_parked() == (0, None)
    assert all(one.member != PDC for one in (await world[EOKM].state(item)).actions)
