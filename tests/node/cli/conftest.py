"""A node made by `hotline init`, its local API served here, and verbs typed against it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp.plugin import AiohttpServer

from keys.keyring import MemberKeys
from keys.unlock import Unlock
from node.api.app import make_local_app
from node.casework.desk import Desk
from node.casework.item import ItemState
from node.casework.postbox import Postbox
from node.cli.main import run
from node.config import Config, load
from node.config.edit import change_file
from node.hashcheck.desk import HashCheckDesk
from node.ids import Ids
from node.matching.fingerprints import Fingerprints
from node.setup.member import NewMember, make_member
from node.store.sqlite import Store
from protocol.facts import Evidence, Jurisdiction, Location
from protocol.vocabulary import Confidence, HostingState
from tests.builders.folders import Kept
from tests.builders.network import NOW_MS, make_network
from tests.builders.umbrella import World, make_world

US = "gb-iwf"
BEGUN_MS = time.time_ns() // 1_000_000
"""When this test run began: the verbs go by the real clock."""
Answer = tuple[int, dict[str, Any]]


class Britain:
    """Places everything in GB, so that it stays with this node."""

    async def locate(self, state: ItemState, now_ms: int) -> tuple[Jurisdiction, int | None]:
        """Return GB with one piece of evidence."""
        del state, now_ms
        evidence = Evidence("203.0.113.7", "test", "1", "GB")
        return Jurisdiction(HostingState.COUNTRY, "GB", Confidence.HIGH, (evidence,)), None

    def known(self, location: Location | None, now_ms: int) -> Jurisdiction | None:
        """Know nothing without asking."""
        del location, now_ms
        return None


@dataclass
class Typing:
    """What a person at the terminal has: a configuration, and verbs to type."""

    config: Config
    capsys: pytest.CaptureFixture[str]

    async def __call__(self, *words: object) -> Answer:
        """Type a verb with --json; give exit code and the object on stdout."""
        self.capsys.readouterr()
        typed = [*map(str, words), "--json", "-c", str(self.config.source)]
        code = await asyncio.to_thread(run, typed)
        return code, json.loads(self.capsys.readouterr().out)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Give what `hotline init` made in `node`."""
    folder = tmp_path_factory.mktemp("made")
    wish = NewMember(
        directory=folder / "node",
        member=US,
        name="Hotline of the north",
        network="demo-0123456789abcdef",
        jurisdictions=("GB",),
        api_port=9,
    )
    make_member(wish, NOW_MS)
    return Kept.of(folder)


@pytest.fixture
def member(made: Kept, tmp_path: Path) -> Config:
    """Give the configuration of a new member that has joined nothing and does not run."""
    made.put(tmp_path)
    return load(tmp_path / "node" / "node.toml")


@pytest.fixture
def typed(member: Config, capsys: pytest.CaptureFixture[str]) -> Typing:
    """Give a terminal for a node that does not run."""
    return Typing(member, capsys)


@pytest.fixture
async def running(
    member: Config, aiohttp_server: AiohttpServer, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Typing]:
    """Give a terminal for a node whose local API answers."""
    mine = MemberKeys.load(member.member.keys_dir, Unlock.from_config(member.member.unlock))
    registry, _, _ = make_network([US, "nl-eokm"])
    fingerprints = Fingerprints(mine.fingerprint_secret)
    store = Store.open(member.store.path, mine.database_key, US, fingerprints)
    desk = Desk(
        store=store.cases,
        queries=store.queries,
        registry=lambda: registry,
        places=Britain(),
        fingerprints=fingerprints,
        postbox=Postbox(mine.node_secret),
        ids=Ids(US),
        clock=lambda: NOW_MS,
        wake_delivery=lambda: None,
    )
    hashcheck = HashCheckDesk(store.hashchecks, lambda: NOW_MS)
    app = make_local_app(
        desk,
        store.access,
        hashcheck,
        member=US,
        now_ms=lambda: NOW_MS,
        node_secret=mine.node_secret,
    )
    server = await aiohttp_server(app)
    change_file(member.source, "api", {"listen_port": server.port})
    yield Typing(load(member.source), capsys)
    await store.close()


@pytest.fixture
async def world(tmp_path: Path, aiohttp_server: AiohttpServer) -> World:
    """Give an umbrella that serves and a member that is admitted but has not joined."""
    world = await make_world(tmp_path, aiohttp_server, BEGUN_MS)
    world.admit()
    return world


@pytest.fixture
def member_of(capsys: pytest.CaptureFixture[str]) -> Callable[[World], Typing]:
    """Give `member_of(world)`: a terminal for its member as it stands now."""
    return lambda world: Typing(load(world.config.source), capsys)


@pytest.fixture
async def joined(world: World, capsys: pytest.CaptureFixture[str]) -> Typing:
    """Give a terminal for a member that has joined and does not run."""
    await world.join()
    return Typing(load(world.config.source), capsys)
