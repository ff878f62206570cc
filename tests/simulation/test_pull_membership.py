"""The life of a membership of one that cannot be called: nobody pushes to it, it fetches.

Worlds of `test_merging.py` have such a member in every second one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from node.casework.item import Custody
from node.casework.reports.draft import ActionDraft
from protocol.vocabulary import Action
from tests.simulation.test_membership import (
    FR,
    GB,
    NL,
    expel,
    govern,
    knows,
    merge,
    reported,
    run,
    status,
)
from tests.simulation.test_retention import DAY_MS, retention, walk
from tests.simulation.world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give three members of whom `nl-eokm` cannot be called."""
    made = World(tmp_path, unreachable=NL)
    await made.start()
    yield made
    await made.close()


async def test_11_3_what_waited_for_a_suspended_one_is_fetched_once_it_is_back(
    world: World,
) -> None:
    """It asks meanwhile, and gets nothing."""
    govern(world, partial(status, is_now="suspended"))
    item_id = (await world[GB].submit("https://gb1.example/1.jpg")).items[0].item_id
    await run(world, GB, NL)
    moved = ActionDraft(action=Action.MOVED, country="NL")
    govern(world, partial(status, is_now="active"))
    await world[GB].desk.act(item_id, moved, actor="analyst")
    await world[GB].desk.locate_due()
    govern(world, partial(status, is_now="suspended"))
    await run(world, GB, NL)
    assert not await knows(world, NL, item_id)
    govern(world, partial(status, is_now="active"))
    await world.settle()
    assert (await world[NL].state(item_id)).custody is Custody.HERE
    assert world[GB].verify().found == world[NL].verify().found == []


@pytest.mark.parametrize("fetched", [False, True])
async def test_11_3_what_was_for_a_merged_one_goes_to_its_successor(
    world: World,
    fetched: bool,  # noqa: FBT001 - a case of the test
) -> None:
    """Whether it had fetched the item or not; afterwards it gets nothing more."""
    item_id = await reported(world)
    await (world.settle() if fetched else world[GB].work())
    govern(world, merge)
    await run(world, NL, GB, FR, NL)
    assert await knows(world, NL, item_id) is fetched
    assert (await world[FR].state(item_id)).custody is Custody.HERE
    assert (await world[GB].state(item_id)).responsible == FR
    assert world[GB].verify().found == world[FR].verify().found == []


async def test_11_3_what_an_expelled_one_held_is_taken_back(world: World) -> None:
    """As of any other: here its finder is the fallback member."""
    item_id = await reported(world)
    await world.settle()
    govern(world, expel)
    await run(world, GB, FR, NL)
    state = await world[GB].state(item_id)
    assert (state.custody, state.responsible) == (Custody.HERE, GB)


async def test_what_retention_erases_there_is_told_by_its_own_push(world: World) -> None:
    """And what others erase it fetches."""
    item_id = await reported(world)
    await world.settle()
    await world[NL].desk.act(item_id, ActionDraft(action=Action.REMOVED), actor="a")
    await world.settle()
    world.now += 30 * DAY_MS
    assert await walk(retention(world, world[NL])) == 1
    await world.settle()
    assert (await world[GB].state(item_id)).erased_at == (NL,)
    assert [world[member].verify().found for member in (GB, NL)] == [[], []]
