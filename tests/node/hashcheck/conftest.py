"""A hosting company that asks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from io import StringIO
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request

from node.store.sqlite import Store
from node.telemetry.logs import configure
from tests.builders.cases import FINGERPRINTS, US
from tests.builders.empty import empty_store
from tests.builders.hashcheck import Service

Client = TestClient[Request, Application]


@pytest.fixture(autouse=True)
def log() -> StringIO:
    """Give what the node logs during a test."""
    stream = StringIO()
    configure("debug", "json", US, stream)
    return stream


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """Give a service that knows nothing yet."""
    empty_store(tmp_path / "node.db", bytes(32))
    made = Service(Store.inline(tmp_path / "node.db", bytes(32), US, FINGERPRINTS))
    await made.follow()
    yield made
    await made.store.close()


@pytest.fixture
async def hoster(service: Service, aiohttp_client: Callable[..., Awaitable[Client]]) -> Client:
    """Give a hosting company with a key."""
    return await aiohttp_client(service.app(), headers=await service.key())
