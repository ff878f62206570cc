"""G9: an item that was handed anew to a member that had erased it, before a disk was lost."""

from __future__ import annotations

from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.item import Custody
from tests.simulation.recovering import recover
from tests.simulation.test_handed_anew import handed_anew
from tests.simulation.test_membership import GB, NL
from tests.simulation.world import World


async def test_g9_who_was_handed_it_anew_has_it_and_nobody_takes_it_from_there(
    world: World,
) -> None:
    """Its word that it erased it comes back after our hand-over, of which it has the body."""
    item = await handed_anew(world)
    await recover(world, GB, NL)
    state = await world[GB].state(item)
    assert (state.custody, state.erased_at, state.reviews) == (Custody.HANDED_ON, (), ())
    assert (await world[NL].state(item)).custody is Custody.HERE
    assert [world[member].verify().found for member in (GB, NL)] == [[], []]


async def test_g9_who_erases_it_after_the_loss_gives_it_back(world: World) -> None:
    """What it says from then on is of what it has."""
    item = await handed_anew(world)
    await recover(world, GB, NL)
    await world[NL].desk.erase(item, ErasureDraft(Cause.ERROR), actor="a")
    await world.settle()
    state = await world[GB].state(item)
    assert (state.custody, state.erased_at) == (Custody.HERE, (NL,))
    assert [world[member].verify().found for member in (GB, NL)] == [[], []]
