"""Every store that there is, opened anew for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.store.sqlite import Store
from tests.builders.empty import empty_store
from tests.builders.postgres import Cluster
from tests.contract.stores import KEY, STORES, Place, Sort


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Hold every store that is meant against each test of the contract."""
    if "place" in metafunc.fixturenames:
        meant = getattr(metafunc.module, "MEANT", STORES)
        meant = getattr(metafunc.cls, "MEANT", meant)
        metafunc.parametrize("place", meant, ids=map(str, meant), indirect=True)


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Give where a new store stands, and how it is opened."""
    sort: Sort = request.param
    if sort.on_server:
        cluster: Cluster = request.getfixturevalue("postgres")
        return Place(cluster.emptied(KEY), sort.opener, cluster)
    made = Place(tmp_path / "node.db", sort.opener)
    empty_store(made.path, KEY)
    return made


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    """Give a new store, open."""
    opened = place.open()
    yield opened
    await opened.close()
