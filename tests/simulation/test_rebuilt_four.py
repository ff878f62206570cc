"""G2, G9: whether an item had come back to a lost node, where four have to do with it.

By whom it went on stands in what its first reporter alone was told and hands back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.casework.reports.draft import AssessmentDraft
from protocol.vocabulary import Verdict
from tests.simulation.recovering import lose, rebuild, recover
from tests.simulation.test_destroyed import tasks
from tests.simulation.test_rebuilt_rings import holders, moved
from tests.simulation.world import World

DE, EOKM, IWF, PDC = "de-eco", "nl-eokm", "gb-iwf", "fr-pdc"
PLACE = "https://nl7.example/1.jpg"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Four members; nl-eokm is the one that is lost."""
    made = World(tmp_path, (DE, EOKM, IWF, PDC))
    await made.start()
    yield made
    await made.close()


async def submitted(world: World, by: str) -> str:
    """The id of the place as this member reports it."""
    item = (await world[by].submit(PLACE)).items[0].item_id
    await world.settle()
    return item


@pytest.mark.parametrize("told_before", [False, True])
async def test_g2_report_that_came_after_it_had_gone_on_does_not_bring_it_back(
    world: World, *, told_before: bool
) -> None:
    """Another member reports the place; who has the item may have reported it first."""
    items = [await submitted(world, IWF)]
    items += [await submitted(world, PDC)] if told_before else []
    await moved(world, EOKM, items[0], "FR")
    items.append(await submitted(world, DE))
    assert await holders(world, *items) == {PDC}
    await recover(world, EOKM, IWF, DE)
    assert await holders(world, *items) == {PDC}


async def test_g2_report_that_comes_while_the_node_is_lost_does_not_bring_it_back(
    world: World,
) -> None:
    """It was for who has it."""
    first = await submitted(world, IWF)
    await moved(world, EOKM, first, "FR")
    await lose(world, EOKM)
    second = await submitted(world, DE)
    await rebuild(world, EOKM, IWF)
    assert await holders(world, first, second) == {PDC}


async def test_g1_item_that_came_back_by_a_third_while_the_node_was_lost_is_here(
    world: World,
) -> None:
    """And whoever knows of it is told so."""
    item = await submitted(world, IWF)
    await moved(world, EOKM, item, "FR")
    await lose(world, EOKM)
    await moved(world, PDC, item, "DE")
    await moved(world, DE, item, "NL")
    await rebuild(world, EOKM, IWF)
    assert await holders(world, item) == {EOKM}
    for member in (DE, EOKM, IWF, PDC):
        assert (await world[member].state(item)).responsible == EOKM, member


async def test_g5_who_tells_of_it_while_the_node_is_lost_hears_nothing_twice_in_other_words(
    world: World,
) -> None:
    """It is told of the verdict before the node knows again where the item is."""
    item = await submitted(world, IWF)
    draft = AssessmentDraft(verdict=Verdict.BASELINE)
    await world[IWF].desk.assess(item, draft, actor="a")
    await world.settle()
    await moved(world, EOKM, item, "FR")
    await lose(world, EOKM)
    theirs = await submitted(world, DE)
    await rebuild(world, EOKM, IWF)
    assert [one.member for one in (await world[DE].state(theirs)).assessments] == [IWF]
    for member in (DE, EOKM, IWF, PDC):
        assert "entry_conflict" not in {code for code, _ in await tasks(world[member])}, member
