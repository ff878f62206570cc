"""G1, G9: what a node had told one side of a chain only when its machine burnt."""

from __future__ import annotations

import pytest

from node.casework.ending.erasing import Cause, ErasureDraft
from tests.simulation.recovering import burn, decide, finish
from tests.simulation.test_rebuilt_rings import moved
from tests.simulation.world import World

EOKM, IWF, PDC = "nl-eokm", "gb-iwf", "fr-pdc"
DAY_MS = 86_400_000


async def found(world: World) -> str:
    """An item of gb-iwf that nl-eokm has."""
    item = (await world[IWF].submit("https://nl7.example/1.jpg")).items[0].item_id
    await world.settle()
    return item


async def come_back(world: World, *, refusing: str | None = None) -> None:
    """The machine burns, perhaps while fr-pdc is away; all hand back what they have but one."""
    await burn(world, EOKM)
    if not world[PDC].up:
        await world[PDC].restart()
    world.now += DAY_MS
    await world.settle()
    for peer in (IWF, PDC):
        decide(world, peer, EOKM, allowed=peer != refusing)
    world.now += DAY_MS
    await world.settle()
    await finish(world, EOKM)
    world.now += DAY_MS
    await world.settle()


async def holders(world: World, item: str) -> list[str]:
    """Who has the item, of those that know it."""
    known = [node for node in world.nodes.values() if await node.desk.item(item) is not None]
    return [node.member for node in known if (await node.state(item)).custody == "here"]


async def test_g1_hand_over_that_waited_for_a_member_that_was_away_is_said_again(
    world: World,
) -> None:
    """That it had moved on its finder had heard, and hands back; the item itself nobody had."""
    item = await found(world)
    await world[PDC].crash()
    await moved(world, EOKM, item, "FR")
    await come_back(world)
    assert await holders(world, item) == [PDC]
    assert {(await node.state(item)).responsible for node in world.nodes.values()} == {PDC}
    assert all(node.verify().found == [] for node in world.nodes.values())


@pytest.mark.parametrize("refusing", [None, PDC])
async def test_g2_hand_over_that_had_come_there_is_none_twice(
    world: World, refusing: str | None
) -> None:
    """Also where its receiver hands nothing back: it knows the item by its id."""
    item = await found(world)
    await moved(world, EOKM, item, "FR")
    await come_back(world, refusing=refusing)
    assert await holders(world, item) == [PDC]
    assert len((await world[PDC].state(item)).sightings) == 1
    assert len(world.nodes) * [[]] == [node.verify().found for node in world.nodes.values()]


async def test_g9_what_had_come_back_by_then_stays_here(world: World) -> None:
    """That it had moved on is older than that it came back."""
    item = await found(world)
    await moved(world, EOKM, item, "FR")
    await moved(world, PDC, item, "NL")
    assert await holders(world, item) == [EOKM]
    await come_back(world)
    assert await holders(world, item) == [EOKM]


async def test_g2_what_went_on_since_it_had_come_back_is_not_here_too(world: World) -> None:
    """The member that heard of that hands nothing back; the one that has it does."""
    item = await found(world)
    await moved(world, EOKM, item, "FR")
    await moved(world, PDC, item, "NL")
    await moved(world, EOKM, item, "FR")
    assert await holders(world, item) == [PDC]
    await come_back(world, refusing=IWF)
    assert await holders(world, item) == [PDC]


async def test_g9_what_its_receiver_had_erased_goes_there_no_more(world: World) -> None:
    """It was nl-eokm's again by then."""
    item = await found(world)
    await moved(world, EOKM, item, "FR")
    await world[PDC].desk.erase(item, ErasureDraft(Cause.ERROR), actor="head")
    await world.settle()
    assert await holders(world, item) == [EOKM]
    await come_back(world)
    assert await holders(world, item) == [EOKM]
