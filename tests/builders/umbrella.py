"""An umbrella that serves its registry over HTTP, and one member that has not joined yet.

Everything is made as the command line makes it: files on disk, keys, configurations.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

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

    network_id: str
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
        admit.admit(self.directory, self.request, admit.Terms(), self.keepers, self.clock[0])

    async def join(self, **changes: str) -> str:
        """Join as the member, from a thread as the command line does; give the network's id."""
        fingerprint = changes.get("fingerprint", self.fingerprint)
        mirror = changes.get("mirror", self.mirror)
        config = load(self.config.source)
        return (await asyncio.to_thread(join, config, fingerprint, [mirror], self.clock[0])).network


async def make_world(
    tmp_path: Path,
    serve: Callable[[web.Application], Awaitable[Any]],
    now_ms: int = NOW,
    store: str | None = None,
) -> World:
    """Make a network and a member gb-iwf that asks to enter it; `serve` starts an application.

    The member's listeners have ports that are free at this moment. `store`: URL of its database.
    """
    ports = free_ports(2)
    network = make_network(tmp_path / "net", NetworkPlan("demo"), now_ms)
    directory = RepositoryDirectory(tmp_path / "net")
    unlock = Unlock.from_config(network.config.member.unlock)
    online = load_online(directory, unlock)
    umbrella, clock = RegistryServer(directory, online), [now_ms]
    server = await serve(make_app(umbrella, lambda: clock[0]))
    member = make_member(
        NewMember(
            directory=tmp_path / "gb",
            member="gb-iwf",
            name="Hotline of the north",
            network=network.created.network_id,
            jurisdictions=("GB",),
            store=store,
            peer_host="127.0.0.1",
            peer_port=ports[0],
            api_port=ports[1],
        ),
        now_ms,
    )
    return World(
        network_id=network.created.network_id,
        directory=directory,
        keepers=admit.Keepers(load_people(directory, unlock), online),
        fingerprint=network.created.root_sha256,
        mirror=f"http://127.0.0.1:{server.port}",
        config=member.config,
        request=member.request.read_bytes(),
        server=umbrella,
        clock=clock,
    )


def free_ports(count: int) -> list[int]:
    """Give ports of loopback that nobody listens on."""
    opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in opened]
    for server in opened:
        server.close()
    return ports
