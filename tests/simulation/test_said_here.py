"""What a person was asked to look for, and came: nobody need look any more."""

from __future__ import annotations

from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.reports.draft import ActionDraft
from protocol.vocabulary import Action
from tests.simulation.test_destroyed import tasks
from tests.simulation.test_rebuilt_rings import moved
from tests.simulation.world import World

EOKM, IWF, PDC = "nl-eokm", "gb-iwf", "fr-pdc"


async def said_to_be_back(world: World) -> str:
    """An item that fr-pdc hands back to gb-iwf, which hears so from nl-eokm first."""
    item = (await world[IWF].submit("https://nl7.example/1.jpg")).items[0].item_id
    await world.settle()
    await moved(world, EOKM, item, "FR")
    await world[IWF].crash()
    for _ in range(2):
        if (await world[PDC].state(item)).responsible == PDC:
            draft = ActionDraft(action=Action.MOVED, country="GB")
            await world[PDC].desk.act(item, draft, actor="a")
            await world.settle()
    await world[IWF].restart()
    world.now += 86_400_000
    for _ in range(9):
        for member in (EOKM, IWF):
            await world[member].work()
    assert ("said_to_be_here", item) in await tasks(world[IWF])
    return item


async def test_10_10_3_nobody_looks_for_what_has_come(world: World) -> None:
    """The hand-over was on its way."""
    item = await said_to_be_back(world)
    await world.settle()
    assert (await world[IWF].state(item)).responsible == IWF
    assert "said_to_be_here" not in {code for code, _ in await tasks(world[IWF])}


async def test_10_10_3_nobody_looks_for_what_is_erased(world: World) -> None:
    """A person took it back meanwhile."""
    item = await said_to_be_back(world)
    await world[IWF].desk.erase(item, ErasureDraft(Cause.ERROR), actor="head")
    assert "said_to_be_here" not in {code for code, _ in await tasks(world[IWF])}
