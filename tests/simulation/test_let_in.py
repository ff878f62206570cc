"""A person lets in what a member handed over that is expelled now, of whatever role it was."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from node.casework.item import Custody
from node.registry import changes
from node.store.items.decisions import let_go
from tests.simulation.test_membership import GB, NL, PLACE, govern, run, tasks
from tests.simulation.test_narrowed_roles import with_police

if TYPE_CHECKING:
    from tests.simulation.world import World


async def test_11_3_item_of_police_that_are_gone_is_taken_when_a_person_lets_it_in(
    world: World,
) -> None:
    """They share no country with anybody any more; refused, it would be nobody's."""
    govern(world, with_police)
    await world.settle()
    item = (await world[GB].submit(PLACE)).items[0].item_id
    await world[GB].work()
    assert (await world[NL].store.queries.figures())["entries_waiting"] > 0
    govern(world, partial(changes.expel, member=GB, choice_rules={}))
    await run(world, NL)
    assert ("handed_over_in_quarantine", GB) in await tasks(world, NL)
    assert await world[NL].desk.item(item) is None
    assert await world[NL].store.writer.run(lambda c: let_go(c, GB, world.now)) > 0
    await run(world, NL)
    assert (await world[NL].state(item)).custody is Custody.HERE
    assert world[NL].verify().found == []
