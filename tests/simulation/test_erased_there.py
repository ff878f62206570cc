"""G5: in a recovery, one true erasure of a peer explains its own places and no others (§8.13.6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.reports.draft import ActionDraft
from node.peer.recovery.handing_back import HeldPage
from protocol.entry import decode
from protocol.recovery import Element
from protocol.vocabulary import Action, Kind, Lane
from tests.simulation.recovering import burn, decide, finish
from tests.simulation.test_destroyed import tasks
from tests.simulation.world import Node, World

OWN = "https://gb{}.example/1.jpg"
EOKM, IWF = "nl-eokm", "gb-iwf"
UNSAID = ("erased_without_word", f"{IWF}/reports")


class Swearing:
    """A store that says of all that still has a body that it was erased with what really was."""

    def __init__(self, store: Any) -> None:
        self.permission, self.given, self._page = store.permission, store.given, store.page

    async def page(self, *place: Any) -> Any:
        """The page, all of its items and sightings erased at the one true time."""
        held = await self._page(*place)
        if not isinstance(held, HeldPage) or place[1] is not Lane.REPORTS:
            return held
        (true_ms,) = {one.erased_ms for one in held.elements if one.entry_id is not None}
        return held._replace(elements=[_gone(one, true_ms) for one in held.elements])


def _gone(one: Element, at_ms: int) -> Element:
    if one.entry is None or decode(one.entry).kind not in (Kind.ITEM, Kind.SIGHTED):
        return one
    return Element(one.leaf, None, decode(one.entry).id, at_ms)


async def erased_by(node: Node, item: str) -> None:
    """A person there ends an item, and erases it."""
    await node.desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
    await node.world.settle()
    await node.desk.erase(item, ErasureDraft(Cause.RETENTION), actor="head")
    await node.world.settle()


async def handed_on(world: World, *numbers: int) -> list[str]:
    """Items that nl-eokm found and gb-iwf has: those that came together were answered together."""
    made = [(await world[EOKM].submit(OWN.format(n))).items[0].item_id for n in numbers]
    await world.settle()
    return made


async def burnt(world: World, *, swearing: bool) -> Node:
    """nl-eokm after it lost all and gb-iwf gave back what it chose to."""
    await burn(world, EOKM)
    await world.settle()
    decide(world, IWF, EOKM)
    if swearing:
        honest = world[IWF].handing_back
        world[IWF].handing_back = replace(honest, store=Swearing(honest.store))
    world.now += 61_000
    await world.settle()
    await finish(world, EOKM)
    return world[EOKM]


@pytest.mark.parametrize("together", [False, True], ids=["alone", "in a crowd"])
async def test_g5_a_true_erasure_does_not_explain_a_false_one_of_its_time(
    world: World,
    *,
    together: bool,
) -> None:
    """The entries of another item are no part of it, whether they were answered alone or not."""
    if together:
        erased, kept = await handed_on(world, 1, 2)
    else:
        (erased,), (kept,) = await handed_on(world, 1), await handed_on(world, 2)
    await erased_by(world[IWF], erased)
    node = await burnt(world, swearing=True)
    assert await node.desk.item(kept) is None
    assert UNSAID in await tasks(node)
    findings = node.verify()
    assert findings.found == []
    assert findings.unsaid == {f"{IWF}/reports": 1}


async def test_g5_a_sighting_of_another_item_is_not_explained_either(world: World) -> None:
    """What came later of it was answered by the name of the item that it is of."""
    erased, _ = await handed_on(world, 1, 2)
    await world[EOKM].submit(OWN.format(2))
    await world.settle()
    await erased_by(world[IWF], erased)
    node = await burnt(world, swearing=True)
    assert node.verify().unsaid == {f"{IWF}/reports": 2}


async def test_g9_all_that_was_about_an_erased_item_is_explained(world: World) -> None:
    """The item, in a crowd or alone, and each sighting of it, before and after the erasure."""
    (alone,) = await handed_on(world, 1)
    in_a_crowd, _ = await handed_on(world, 2, 3)
    for number in (1, 2):
        await world[EOKM].submit(OWN.format(number))
    await world.settle()
    for item in (alone, in_a_crowd):
        await erased_by(world[IWF], item)
    await world[EOKM].submit(OWN.format(1))  # it comes too late, and is buried
    await world.settle()
    node = await burnt(world, swearing=False)
    assert node.verify().found == []
    assert node.verify().unsaid == {}
    assert not {code for code, _ in await tasks(node)} & {UNSAID[0]}


async def test_g5_what_was_handed_over_after_a_restore_cannot_be_assigned(world: World) -> None:
    """Its id has the restore's time in it, which is lost: a true erasure is asked about, too.

    Where it was answered alone the answer names the item, and nobody is asked.
    """
    world.now += 5_000
    await world[EOKM].crash()
    await world[EOKM].restart(restored=True)
    await world.settle()
    (alone,) = await handed_on(world, 1)
    in_a_crowd, _ = await handed_on(world, 2, 3)
    for item in (alone, in_a_crowd):
        await erased_by(world[IWF], item)
    node = await burnt(world, swearing=False)
    assert UNSAID in await tasks(node)
    assert node.verify().unsaid == {f"{IWF}/reports": 1}
