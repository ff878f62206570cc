"""Restored disks and clocks: what a person said is not undone by a clock that was wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.fleet import DAY_MS, Fleet

FIRST, SECOND = "https://nl1.example/1.jpg", "https://nl2.example/2.jpg"


@pytest.mark.parametrize("ahead_ms", [0, 20_000, 20 * DAY_MS])
async def test_restored_sender_goes_on_whatever_its_clock_said_before(
    ahead_ms: int, tmp_path: Path
) -> None:
    """The backup holds an epoch that was opened under a clock ahead of the one at the restore."""
    world = Fleet(tmp_path, ("gb-iwf", "nl-eokm"), 1, None)
    await world.start()
    for node in world.honest:
        node.skew_ms = ahead_ms
    await world["gb-iwf"].submit(FIRST)
    await world.settle()
    world["gb-iwf"].save()
    await world["gb-iwf"].submit(SECOND)
    await world.settle()
    for node in world.honest:
        node.skew_ms = 0
    await world["gb-iwf"].roll_back(said=True)
    await world["nl-eokm"].bounce()
    await world.settle()
    assert await world["gb-iwf"].store.queries.tasks() == []
    await world.close()
