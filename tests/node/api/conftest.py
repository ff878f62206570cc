"""One node's desk over a real encrypted store, with the local API in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request

from node.api.access import Scope, new_token
from node.api.app import make_local_app
from node.casework.desk import Desk
from node.casework.item import ItemState
from node.casework.places.lookups import Places
from node.casework.postbox import Postbox
from node.hashcheck.desk import HashCheckDesk
from node.ids import Ids
from node.matching.fingerprints import Fingerprints
from node.store.items.access import Access
from node.store.sqlite import Store
from node.telemetry.logs import configure
from protocol.facts import Evidence, Jurisdiction, Location
from protocol.vocabulary import Confidence, HostingState
from tests.builders.empty import empty_store
from tests.builders.network import NOW_MS, make_network

US = "gb-iwf"
Client = TestClient[Request, Application]


class Britain:
    """Places everything in GB, so that it stays with this node."""

    async def locate(self, state: ItemState, now_ms: int) -> tuple[Jurisdiction, int | None]:
        """Return GB with one piece of evidence."""
        del state, now_ms
        evidence = Evidence("203.0.113.7", "test", "1", "GB")
        return Jurisdiction(HostingState.COUNTRY, "GB", Confidence.HIGH, (evidence,)), None

    def known(self, location: Location | None, now_ms: int) -> Jurisdiction | None:
        """Have somebody asked first, always."""
        del location, now_ms
        return None


@dataclass
class LocalNode:
    """A node without peers: what the API needs, and a clock that the test sets."""

    path: Path
    now: int = NOW_MS
    places: Places = field(default_factory=Britain)
    tokens: dict[str, str] = field(default_factory=dict)

    def open(self) -> None:
        """Open the store and put the node together."""
        registry, keys, _ = make_network([US, "nl-eokm"])
        mine = keys[US]
        if not self.path.exists():
            empty_store(self.path, mine.database_key)
        fingerprints = Fingerprints(mine.fingerprint_secret)
        self.store = Store.inline(self.path, mine.database_key, US, fingerprints)
        self.access = Access(self.store.writer, self.store.readers)
        self.hashcheck = HashCheckDesk(self.store.hashchecks, lambda: self.now)
        self.desk = Desk(
            store=self.store.cases,
            queries=self.store.queries,
            registry=lambda: registry,
            places=self.places,
            fingerprints=fingerprints,
            postbox=Postbox(mine.node_secret),
            ids=Ids(US),
            clock=lambda: self.now,
            wake_delivery=lambda: None,
        )

    def app(self, **options: Any) -> Application:
        """Make the application."""
        return make_local_app(
            self.desk,
            self.access,
            self.hashcheck,
            member=US,
            now_ms=lambda: self.now,
            node_secret=bytes(32),
            **options,
        )

    async def token(self, *scopes: Scope, expires_ms: int | None = None) -> dict[str, str]:
        """Make a token and return the header that shows it."""
        text, record = new_token("tests", frozenset(scopes), self.now, expires_ms)
        await self.access.add_token(record)
        return {"Authorization": f"Bearer {text}"}


@pytest.fixture(autouse=True)
def log() -> StringIO:
    """Give what the node logs during a test."""
    stream = StringIO()
    configure("debug", "json", US, stream)
    return stream


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[LocalNode]:
    """Give an open node with an empty store."""
    node = LocalNode(tmp_path / "node.db")
    node.open()
    yield node
    await node.store.close()


@pytest.fixture
async def client(local: LocalNode, aiohttp_client: Callable[..., Awaitable[Client]]) -> Client:
    """Give a client of the node's API that may do everything."""
    headers = await local.token(Scope.ADMIN)
    return await aiohttp_client(local.app(), headers=headers)
