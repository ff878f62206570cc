"""Every store that there is, opened anew for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.store.sqlite import Store
from tests.contract.stores import STORES, Place


@pytest.fixture(params=list(STORES.values()), ids=list(STORES))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Give where a new store stands, and how it is opened."""
    made = Place(tmp_path / "node.db", request.param)
    made.create()
    return made


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    """Give a new store, open."""
    opened = place.open()
    yield opened
    await opened.close()
