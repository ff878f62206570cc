"""A person lets in what a member handed over that is expelled now, of whatever role it was."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from node.casework.item import Custody
from node.casework.passing_on.custody import HELD_TWICE
from node.casework.reports.draft import ActionDraft
from node.registry import changes
from node.store.items.decisions import let_go
from protocol.vocabulary import Action
from tests.simulation.test_membership import FR, GB, NL, PLACE, expel, govern, merge, run, tasks
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


async def passed_on_unheard(world: World) -> str:
    """An item that gb-iwf handed to nl-eokm, which hands it to fr-pdc; nobody judged that yet."""
    item = (await world[GB].submit(PLACE)).items[0].item_id
    await world.settle()
    await world[GB].crash()
    for _ in range(2):  # the second time a person insists
        await world[NL].desk.act(item, ActionDraft(action=Action.MOVED, country="FR"), actor="a")
        if (await world[NL].state(item)).custody is Custody.HANDED_ON:
            break
    await world[NL].delivery.deliver_due(world.now)
    return item


async def test_11_3_of_two_that_have_what_went_through_one_that_is_gone_a_person_hears(
    world: World,
) -> None:
    """Who handed it there never heard that it went on, takes it back and acts on it."""
    item = await passed_on_unheard(world)
    govern(world, expel)
    await world[NL].crash()
    await world[GB].restart()
    await run(world, GB, FR)
    await world[FR].store.writer.run(lambda c: let_go(c, NL, world.now))
    await run(world, GB, FR)
    states = [await world[member].state(item) for member in (GB, FR)]
    assert [state.custody for state in states] == [Custody.HERE] * 2
    assert (HELD_TWICE, f"{GB}/{item}") in await tasks(world, FR)


async def test_11_3_nobody_asks_who_else_has_what_is_handed_here_by_that_one_too(
    world: World,
) -> None:
    """It took the item back, and the successor of who is gone has let it in by then."""
    item = await passed_on_unheard(world)
    govern(world, merge)
    await world[NL].crash()
    await run(world, FR)
    await world[FR].store.writer.run(lambda c: let_go(c, NL, world.now))
    await run(world, FR)
    assert (HELD_TWICE, f"{GB}/{item}") in await tasks(world, FR)
    await world[GB].restart()
    await run(world, GB, FR)
    assert (await world[GB].state(item)).responsible == FR
    assert (HELD_TWICE, f"{GB}/{item}") not in await tasks(world, FR)
