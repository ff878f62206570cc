"""Fixtures that several modules of this folder use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.casework.desk import Desk
from node.casework.postbox import Postbox
from node.ids import Ids
from node.store.sqlite import Store
from tests.builders.cases import FINGERPRINTS, US, network
from tests.builders.empty import empty_store
from tests.builders.network import NOW_MS
from tests.node.casework.contents.offices import KEY, Office
from tests.node.cli.conftest import Britain


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Give an office in a network of three hotlines."""
    empty_store(tmp_path / "node.db", KEY)
    store = Store.inline(tmp_path / "node.db", KEY, US, FINGERPRINTS)
    made = Office(store, None, network())  # type: ignore[arg-type]
    made.desk = Desk(
        store=store.cases,
        queries=store.queries,
        registry=lambda: made.registry,
        places=Britain(),
        fingerprints=FINGERPRINTS,
        postbox=Postbox(bytes(32)),
        ids=Ids(US),
        clock=lambda: NOW_MS,
        wake_delivery=lambda: None,
    )
    yield made
    await store.close()
