"""One umbrella that serves its registry, and one member that has not joined yet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_aiohttp.plugin import AiohttpServer

from keys.unlock import Unlock
from node.config import Config, load
from node.registry import admit
from node.registry.create import NetworkPlan, load_online, load_people
from node.registry.directory import RepositoryDirectory
from node.registry.serve import RegistryServer, make_app
from node.setup.joining import join
from node.setup.member import NewMember, make_member
from node.setup.network import make_network

NOW = 1_790_000_000_000


@dataclass
class World:
    """One umbrella that serves, one member that has not joined yet."""

    directory: RepositoryDirectory
    keepers: admit.Keepers
    fingerprint: str
    mirror: str
    config: Config
    request: bytes
    server: RegistryServer
    clock: list[int]

    def later(self, now_ms: int) -> None:
        """Let time pass at the umbrella, which signs again."""
        self.clock[0] = now_ms
        self.server.resign_due(now_ms)

    def admit(self) -> None:
        """Admit the member."""
        admit.admit(self.directory, self.request, admit.Terms(), self.keepers, NOW)

    async def join(self, **changes: str) -> str:
        """Join as the member, from a thread as the command line does; give the network's id."""
        fingerprint = changes.get("fingerprint", self.fingerprint)
        mirror = changes.get("mirror", self.mirror)
        config = load(self.config.source)
        return (await asyncio.to_thread(join, config, fingerprint, [mirror], NOW)).network


@pytest.fixture
def make_world(tmp_path: Path, aiohttp_server: AiohttpServer) -> Callable[[], Awaitable[World]]:
    """Give what makes the world of these tests."""

    async def make() -> World:
        network = make_network(tmp_path / "net", NetworkPlan("demo"), NOW)
        directory = RepositoryDirectory(tmp_path / "net")
        unlock = Unlock.from_config(network.config.member.unlock)
        online = load_online(directory, unlock)
        umbrella, clock = RegistryServer(directory, online), [NOW]
        server = await aiohttp_server(make_app(umbrella, lambda: clock[0]))
        member = make_member(
            NewMember(
                directory=tmp_path / "gb",
                member="gb-iwf",
                name="Hotline of the north",
                network=network.created.network_id,
                jurisdictions=("GB",),
            ),
            NOW,
        )
        return World(
            directory=directory,
            keepers=admit.Keepers(load_people(directory, unlock), online),
            fingerprint=network.created.root_sha256,
            mirror=f"http://127.0.0.1:{server.port}",
            config=member.config,
            request=member.request.read_bytes(),
            server=umbrella,
            clock=clock,
        )

    return make
