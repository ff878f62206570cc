"""G9: a backup that was made in the middle of a recovery, and is restored."""

from __future__ import annotations

from pathlib import Path

from node.casework.reports.draft import ActionDraft
from protocol.vocabulary import Action
from tests.simulation.recovering import burn, decide, finish
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
