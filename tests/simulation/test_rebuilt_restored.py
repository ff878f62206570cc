"""G9: a backup is restored that was made in the middle of a recovery, or before an item came."""

from __future__ import annotations

from pathlib import Path

from node.casework.passing_on.custody import HELD_TWICE
from node.casework.reports.draft import ActionDraft
from node.store.items.tasks import close_task
from protocol.vocabulary import Action
from tests.simulation.recovering import burn, decide, finish
from tests.simulation.test_destroyed import tasks
from tests.simulation.test_rebuilt_rings import holders, moved
from tests.simulation.test_replaying import restore, save
from tests.simulation.world import World

EOKM, IWF, PDC = "nl-eokm", "gb-iwf", "fr-pdc"
MINUTE_MS = 61_000


async def came_back_and_saved(world: World, place: Path) -> str:
    """An item of gb-iwf; its holder has back what it had told there, and makes a backup."""
    item = (await world[IWF].submit("https://nl1.example/1.jpg")).items[0].item_id
    await world.settle()
    node = await burn(world, EOKM)
    await world.settle()
    for peer in (IWF, PDC):
        assert decide(world, peer, EOKM) == "decided"
    world.now += MINUTE_MS
    await world.settle()
    assert {one.standing for one in await node.store.recovered.progress()} == {"end"}
    save(node, place)
    return item


async def test_channel_on_which_more_was_said_after_it_goes_on(
    world: World, tmp_path: Path
) -> None:
    """The peer kept nothing back: it has what was said since the node was whole."""
    item = await came_back_and_saved(world, tmp_path / "backup")
    await finish(world, EOKM)
    await world[EOKM].desk.act(item, ActionDraft(action=Action.LEA_NOTIFIED), actor="a")
    await world.settle()
    await restore(world[EOKM], tmp_path / "backup")
    await world.settle()
    await finish(world, EOKM)
    await world[EOKM].desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
    await world.settle()
    assert [one.stopped for one in await world[EOKM].store.queries.channels() if one.stopped] == []
    assert (await world[IWF].state(item)).closed_by is Action.REMOVED
    for member in (IWF, EOKM, PDC):
        assert world[member].verify().found == [], member


async def test_recovery_goes_on_from_there(world: World, tmp_path: Path) -> None:
    """Peers are asked once more where it ends, and nothing comes twice."""
    item = await came_back_and_saved(world, tmp_path / "backup")
    await restore(world[EOKM], tmp_path / "backup")
    world.now += MINUTE_MS
    await world.settle()
    standing = {one.standing for one in await world[EOKM].store.recovered.progress()}
    assert standing == {"end"}
    await finish(world, EOKM)
    assert (await world[EOKM].state(item)).responsible == EOKM
    for member in (IWF, EOKM, PDC):
        assert world[member].verify().found == [], member


async def said_again(world: World) -> None:
    """Its peers ask what nl-eokm holds, as they do when they start."""
    for peer in (IWF, PDC):
        await world[peer].crash()
        await world[peer].restart()
        await world.settle()


async def test_g2_item_that_came_and_went_on_after_the_backup_stands_before_a_person(
    world: World, tmp_path: Path
) -> None:
    """It comes once more, and who has it since speaks of it: by its answer, or by what it does."""
    save(world[EOKM], tmp_path / "backup")
    item = (await world[IWF].submit("https://nl1.example/1.jpg")).items[0].item_id
    await world.settle()
    await moved(world, EOKM, item, "FR")
    await restore(world[EOKM], tmp_path / "backup")
    await said_again(world)
    assert await holders(world, item) == {EOKM, PDC}
    held = (HELD_TWICE, f"{PDC}/{item}")
    assert held in await tasks(world[EOKM])
    await world[EOKM].store.writer.run(lambda c: close_task(c, *held, world.now))
    assert held not in await tasks(world[EOKM])
    await world[PDC].desk.act(item, ActionDraft(action=Action.HOST_NOTIFIED), actor="a")
    await world.settle()
    assert held in await tasks(world[EOKM])


async def test_g2_item_that_went_back_after_the_backup_stands_before_a_person(
    world: World, tmp_path: Path
) -> None:
    """Its finder says that it has it again, by a word that the restored member cannot follow."""
    save(world[EOKM], tmp_path / "backup")
    item = (await world[IWF].submit("https://nl1.example/1.jpg")).items[0].item_id
    await world.settle()
    await moved(world, EOKM, item, "GB")
    assert await holders(world, item) == {IWF}
    await restore(world[EOKM], tmp_path / "backup")
    await said_again(world)
    assert await holders(world, item) == {EOKM, IWF}
    assert (HELD_TWICE, f"{IWF}/{item}") in await tasks(world[EOKM])
