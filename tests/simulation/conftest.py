"""The simulated world as a fixture."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.simulation.world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give three nodes (gb-iwf, nl-eokm, fr-pdc) that have just started."""
    made = World(tmp_path)
    await made.start()
    yield made
    await made.close()
