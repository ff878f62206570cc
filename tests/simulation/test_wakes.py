"""Who is woken by what was decided: nobody looks where nothing can have become due."""

from __future__ import annotations

import pytest

from node.casework.reports.draft import ActionDraft
from protocol.facts import Jurisdiction, Location
from protocol.vocabulary import Action, Confidence, HostingState
from tests.simulation.world import Where, World

HERE = "https://gb1.example/1.jpg"


class Cached(Where):
    """Places what is known without asking anybody."""

    def known(self, location: Location | None, now_ms: int) -> Jurisdiction | None:
        """Return GB for everything."""
        del location, now_ms
        return Jurisdiction(HostingState.COUNTRY, "GB", Confidence.HIGH, ())


@pytest.fixture
def woken(world: World) -> list[str]:
    """Note each time that gb-iwf's desk is told of work."""
    found: list[str] = []
    world["gb-iwf"].desk._wake_desk = lambda: found.append("desk")
    return found


async def test_item_that_must_be_located_wakes_the_desk(world: World, woken: list[str]) -> None:
    """At once, not at the next look of the clock."""
    await world["gb-iwf"].submit(HERE)
    assert woken == ["desk"]


async def test_item_whose_place_is_known_wakes_nobody(world: World, woken: list[str]) -> None:
    """It was placed in the transaction that took it in."""
    world["gb-iwf"].desk._places = Cached()
    await world["gb-iwf"].submit(HERE)
    assert woken == []


async def test_item_that_has_moved_wakes_the_desk(world: World, woken: list[str]) -> None:
    """It is to be located again."""
    world["gb-iwf"].desk._places = Cached()
    taken = await world["gb-iwf"].submit(HERE)
    item = taken.items[0].item_id
    await world["gb-iwf"].desk.act(item, ActionDraft(action=Action.MOVED), actor="analyst")
    assert woken == ["desk"]
