"""The demo's network: umbrella, members and name server, each a process of its own on loopback."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import aiohttp

from examples.demo.members import ONE_PERSON, Member
from examples.demo.processes import HOTLINE, DemoError, Processes, Running, free_ports

if TYPE_CHECKING:
    from collections.abc import Mapping

DNS_SERVER = Path(__file__).with_name("dns_server.py")


class Network:
    """Everything that runs. `members` by id, in the order of the ledger."""

    def __init__(self, folder: Path, http: aiohttp.ClientSession, processes: Processes) -> None:
        self.folder = folder
        self.http = http
        self.processes = processes
        self.members: dict[str, Member] = {}
        self.fingerprint = ""
        self.name = ""
        self._config = str(folder / "umbrella" / "network.toml")
        self._umbrella: Running | None = None
        self._umbrella_port = 0
        self._dns_port = 0
        self._program = HOTLINE

    @property
    def present(self) -> list[Member]:
        """The members whose nodes run."""
        return [member for member in self.members.values() if member.running is not None]

    async def make(
        self,
        entries: Mapping[str, Any],
        fallback: str,
        zone: Path,
        programs: Mapping[str, Path] = MappingProxyType({}),
        stores: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Make and admit members; start umbrella and name server.

        Args:
            entries: name and jurisdictions of each member, by id.
            fallback: who takes what nobody covers.
            zone: what the name server answers from.
            programs: the command lines of members, and of the `umbrella`, that run another version.
            stores: URLs of the databases of members that have theirs on a server.

        Raises:
            DemoError: something of it failed.
        """
        self._program = programs.get("umbrella", HOTLINE)
        self._dns_port, self._umbrella_port, *ports = free_ports(2 + 2 * len(entries))
        await self._start_names(zone)
        made = await self.processes.hotline(
            "network", "create", "--name", "demo", "--dir", str(self.folder / "umbrella"),
            *ONE_PERSON,
            "--listen-port", str(self._umbrella_port), program=self._program,
        )  # fmt: skip
        self.fingerprint, self.name = made["root_sha256"], made["network"]
        for name, entry in entries.items():
            self.members[name] = Member(
                name, entry["jurisdictions"][0], entry["name"], self.folder / name,
                ports.pop(), ports.pop(), self.processes, self.http,
                store=stores.get(name), program=programs.get(name, HOTLINE),
            )  # fmt: skip
        await asyncio.gather(*(member.init(self.name) for member in self.members.values()))
        for member in self.members.values():
            await self._admit(member, is_fallback=member.id == fallback)
        await self.start_umbrella()

    async def _start_names(self, zone: Path) -> None:
        words = (str(DNS_SERVER), "--zone", str(zone), "--port", str(self._dns_port))
        await self.processes.start("names", sys.executable, *words)

    async def _admit(self, member: Member, *, is_fallback: bool) -> None:
        request = str(member.folder / "admission.json")
        terms = ("--fallback",) if is_fallback else ()
        words = ("network", "admit", request, *terms, "--config", self._config)
        await self.processes.hotline(*words, program=self._program)

    async def start_umbrella(self) -> None:
        """Let the umbrella publish the registry."""
        command = (str(self._program), "network", "serve", "--config", self._config)
        self._umbrella = await self.processes.start("umbrella", *command)
        await _until_answers(self.http, f"{self._mirror}/registry/v1/metadata/timestamp.json")

    @property
    def _mirror(self) -> str:
        return f"http://127.0.0.1:{self._umbrella_port}"

    async def stop_umbrella(self) -> None:
        """Let the umbrella go."""
        assert self._umbrella is not None
        await self._umbrella.stop()
        self.processes.forget(self._umbrella)
        self._umbrella = None

    async def bring_up(self, member: Member, mirror: str | None = None) -> None:
        """Let a member join through a mirror (the umbrella's, if none is named), and start it."""
        now = ("absent_looks = 0",) if member.program == HOTLINE else ()  # N-1 knows no such key
        member.configure(self._dns_port, *now)
        await member.join(self.fingerprint, mirror or self._mirror)
        await member.start()
        await member.make_token()


async def _until_answers(http: aiohttp.ClientSession, url: str) -> None:
    for _ in range(200):
        try:
            async with http.get(url) as answer:
                if answer.ok:
                    return
        except aiohttp.ClientConnectionError:
            pass
        await asyncio.sleep(0.1)
    raise DemoError("the umbrella does not answer")
