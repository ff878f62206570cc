"""An umbrella that serves its registry over HTTP, and one member that has not joined yet.

Everything is made as the command line makes it: files on disk, keys, configurations.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web

from examples.demo.processes import free_ports
from keys.unlock import Unlock
from node.config import Config, load
from node.config.edit import change_file
from node.registry import admit
from node.registry.create import NetworkPlan, load_online, load_people
from node.registry.directory import RepositoryDirectory
from node.registry.serve import RegistryServer, make_app
from node.setup.joining import join
from node.setup.member import REQUEST_NAME, NewMember, make_member
from node.setup.network import CONFIG_NAME, make_network
from tests.builders.folders import Kept

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
    peer_port, api_port = free_ports(2)
    if store is None:
        _made(now_ms).put(tmp_path)
    else:
        _make(tmp_path, now_ms, store)
    source = tmp_path / "gb" / "node.toml"
    change_file(source, "peer", {"listen_port": peer_port})
    change_file(source, "api", {"listen_port": api_port})
    directory = RepositoryDirectory(tmp_path / "net")
    unlock = Unlock.from_config(load(tmp_path / "net" / CONFIG_NAME).member.unlock)
    online = load_online(directory, unlock)
    umbrella, clock = RegistryServer(directory, online), [now_ms]
    server = await serve(make_app(umbrella, lambda: clock[0]))
    first = directory.open()
    return World(
        network_id=first.registry.network_id,
        directory=directory,
        keepers=admit.Keepers(load_people(directory, unlock), online),
        fingerprint=first.first_root_sha256.hex(),
        mirror=f"http://127.0.0.1:{server.port}",
        config=load(source),
        request=(tmp_path / "gb" / REQUEST_NAME).read_bytes(),
        server=umbrella,
        clock=clock,
    )


def _make(folder: Path, now_ms: int, store: str | None = None) -> None:
    network = make_network(folder / "net", NetworkPlan("demo"), now_ms)
    wish = NewMember(
        directory=folder / "gb",
        member="gb-iwf",
        name="Hotline of the north",
        network=network.created.network_id,
        jurisdictions=("GB",),
        store=store,
        peer_host="127.0.0.1",
    )
    make_member(wish, now_ms)


@cache
def _made(now_ms: int) -> Kept:
    """Network and member, made once in a process."""
    with tempfile.TemporaryDirectory() as folder:
        _make(Path(folder), now_ms)
        return Kept.of(Path(folder))
