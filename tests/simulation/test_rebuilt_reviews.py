"""G1, G9: what stood before a person of a lost node stands before one once it is rebuilt."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from node.casework.item import Custody, Review
from node.casework.reports.draft import ActionDraft
from protocol.vocabulary import Action
from tests.simulation.recovering import lose, rebuild, recover
from tests.simulation.world import World

EOKM, IWF, PDC = "nl-eokm", "gb-iwf", "fr-pdc"
PLACE = "https://nl7.example/1.jpg"
REMOVED = ActionDraft(action=Action.REMOVED)


async def closed(world: World) -> str:
    """An item of gb-iwf that nl-eokm closed as gone."""
    item = (await world[IWF].submit(PLACE)).items[0].item_id
    await world.settle()
    await world[EOKM].desk.act(item, REMOVED, actor="a")
    await world.settle()
    return item


async def test_g1_report_of_what_was_closed_waits_for_a_look_again(world: World) -> None:
    """It is said again before it is known that the item was closed."""
    item = await closed(world)
    await world[IWF].submit(PLACE, reference="again")
    await world.settle()
    assert Review.PERHAPS_BACK in (await world[EOKM].state(item)).reviews
    await recover(world, EOKM, IWF, PDC)
    state = await world[EOKM].state(item)
    assert (state.custody, state.closed_by) == (Custody.HERE, Action.REMOVED)
    assert Review.PERHAPS_BACK in state.reviews


@pytest.mark.parametrize("by", [IWF, PDC])
async def test_g1_report_of_what_was_seen_before_that_and_told_after_waits_for_a_look_again(
    world: World, by: str
) -> None:
    """Without a file nobody knows whether it is what was removed."""
    item = (await world[IWF].submit(PLACE)).items[0].item_id
    await world.settle()
    found = f"{datetime.fromtimestamp(world.now / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
    world.now += 60_000
    await world[EOKM].desk.act(item, REMOVED, actor="a")
    await world.settle()
    await world[by].submit(PLACE, reference="again", found=found)
    await world.settle()
    assert Review.PERHAPS_BACK in (await world[EOKM].state(item)).reviews
    await recover(world, EOKM, IWF, PDC)
    state = await world[EOKM].state(item)
    assert (state.custody, state.closed_by) == (Custody.HERE, Action.REMOVED)
    assert Review.PERHAPS_BACK in state.reviews


async def test_g1_report_that_came_while_the_node_was_lost_waits_for_a_look(world: World) -> None:
    """By a member that had not heard of the place."""
    await closed(world)
    await lose(world, EOKM)
    theirs = (await world[PDC].submit(PLACE)).items[0].item_id
    await rebuild(world, EOKM, IWF, PDC)
    view = await world[EOKM].desk.item(theirs)
    assert view is not None
    state = await world[EOKM].state(view.id)
    assert state.closed_ms is None or Review.PERHAPS_BACK in state.reviews


@pytest.mark.parametrize("reported", [True, False])
async def test_g2_what_was_looked_at_and_closed_anew_is_over(
    world: World, *, reported: bool
) -> None:
    """Nobody looks a second time."""
    item = await closed(world)
    if reported:
        await world[IWF].submit(PLACE, reference="again")
        await world.settle()
        await world[EOKM].desk.act(item, REMOVED, actor="a")
        await world.settle()
    await recover(world, EOKM, IWF, PDC)
    assert (await world[EOKM].state(item)).reviews == ()
