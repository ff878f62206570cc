"""The members of the demo's network: made, admitted, joined and run by the real command line."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from examples.demo.processes import HOTLINE, DemoError, Processes, Running

if TYPE_CHECKING:
    from collections.abc import Mapping

WORLD_FILES = Path(__file__).resolve().parent.parent / "world"
DATABASES = ("alpha", "beta", "gamma")
READY_S = 30.0
ONE_PERSON = (
    "--root-holders", "1", "--root-threshold", "1",
    "--targets-holders", "1", "--targets-threshold", "1",
)  # fmt: skip
"""A trial is kept by one person; a real network by three of five (docs/runbooks)."""
SCOPES = ("reports:write", "items:read", "items:write", "changes:read")


class ApiProblemError(DemoError):
    """The local API refused; `status` and the problem's `code` say why."""

    def __init__(self, member: str, status: int, body: str) -> None:
        super().__init__(f"{member}: the API answered {status}: {body[:300]}")
        self.status = status
        self.body = body


class Api:
    """The local API of one node, for one token."""

    def __init__(self, member: str, url: str, token: str, http: aiohttp.ClientSession) -> None:
        self.member = member
        self.url = url
        self.token = token
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"}

    async def get(self, path: str, **parameters: str | int) -> Any:
        """Give the JSON at a path.

        Raises:
            ApiProblemError: the API refused.
        """
        async with self._http.get(
            self.url + path, params=parameters, headers=self._headers
        ) as answer:
            return await self._read(answer)

    async def post(self, path: str, body: Mapping[str, Any], key: str) -> Any:
        """Send JSON under an `Idempotency-Key`, and again if the answer does not come.

        Raises:
            ApiProblemError: the API refused.
        """
        headers = {**self._headers, "Idempotency-Key": key}
        async with self._http.post(self.url + path, json=body, headers=headers) as answer:
            return await self._read(answer)

    async def _read(self, answer: aiohttp.ClientResponse) -> Any:
        if answer.status >= 400:  # noqa: PLR2004 - HTTP's own boundary
            raise ApiProblemError(self.member, answer.status, await answer.text())
        return await answer.json()

    async def text(self, path: str) -> str:
        """Give the text at a path that needs no token."""
        async with self._http.get(self.url + path) as answer:
            return await answer.text()


@dataclass
class Member:
    """One member: its directory, its listeners, its process; one that is not `reachable` pulls.

    `store` is the URL of its database on a server; None: a file in its directory. On a server a
    second process may stand by (`spare`): it works as soon as the one that works is gone.
    """

    id: str
    country: str
    name: str
    folder: Path
    peer_port: int
    api_port: int
    processes: Processes
    http: aiohttp.ClientSession
    running: Running | None = None
    spare: Running | None = None
    token: str = ""
    reachable: bool = True
    store: str | None = None
    metrics: list[str] = field(default_factory=list)
    program: Path = HOTLINE

    @property
    def config(self) -> Path:
        """Its configuration file."""
        return self.folder / "node.toml"

    @property
    def api(self) -> Api:
        """Its local API, for the token of the scripted analysts."""
        return Api(self.id, f"http://127.0.0.1:{self.api_port}", self.token, self.http)

    @property
    def endpoint(self) -> str:
        """Where peers reach it."""
        return f"https://127.0.0.1:{self.peer_port}"

    async def hotline(self, *words: str, expect: tuple[int, ...] = (0,)) -> dict[str, Any]:
        """Run a verb of this member's node.

        Raises:
            DemoError: it failed.
        """
        return await self.processes.hotline(
            *words, "--config", str(self.config), expect=expect, log=f"verbs.{self.id}",
            program=self.program,
        )  # fmt: skip

    async def init(self, network: str) -> None:
        """Make keys, database, configuration and admission request."""
        await self.processes.hotline(
            "init", "--dir", str(self.folder), "--member", self.id, "--name", self.name,
            "--network", network, "--jurisdiction", self.country,
            *(("--endpoint", self.endpoint) if self.reachable else ()),
            *(("--store", self.store) if self.store else ()),
            "--peer-host", "127.0.0.1", "--peer-port", str(self.peer_port),
            "--api-port", str(self.api_port), log=f"verbs.{self.id}",
            program=self.program,
        )  # fmt: skip

    def configure(self, dns_port: int, *more: str) -> None:
        """Say how countries are found: what a person would write into the configuration."""
        text = self.config.read_text(encoding="utf-8")
        lines = (
            "[jurisdiction]",
            f'resolvers = ["127.0.0.1:{dns_port}"]',
            "allow_documentation_ranges = true",
            "dns_timeout_ms = 5000",
            f'proxy_list = "{WORLD_FILES / "proxies.txt"}"',
            *more,
        )
        text = text.replace("[jurisdiction]\n", "\n".join(lines) + "\n")
        if self.program == HOTLINE:  # N-1 knows no such key; nobody waits here for half an hour
            text = text.replace("[peer]\n", "[peer]\nbulk_window_ms = 0\n")
        for name in DATABASES:
            path = WORLD_FILES / f"{name}.mmdb"
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            text += f'\n[[jurisdiction.databases]]\nname = "{name}"\npath = "{path}"\n'
            text += f'sha256 = "{digest}"\n'
        self.config.write_text(text, encoding="utf-8")

    async def join(self, fingerprint: str, mirror: str) -> None:
        """Pin the network and fetch its registry from a mirror."""
        await self.hotline("join", "--root", fingerprint, "--mirror", mirror)

    async def start(self) -> None:
        """Start the node and wait until it is ready.

        Raises:
            DemoError: it is not ready in time.
        """
        self.running = await self._run()
        await self._until_ready(self.running)

    async def stand_by(self) -> None:
        """Start a second process of a node whose store is on a server, and see it stand by.

        Raises:
            DemoError: it does not.
        """
        text = self.config.read_text(encoding="utf-8")
        if "\nstand_by = true\n" not in text:
            text = text.replace("\n[store]\n", "\n[store]\nstand_by = true\n")
            self.config.write_text(text, encoding="utf-8")
        assert self.running is not None
        told = self.running.log.stat().st_size
        self.spare = await self._run()
        until = time.monotonic() + READY_S
        while b"standing_by" not in self.spare.log.read_bytes()[told:]:
            if not self.spare.alive or time.monotonic() > until:
                raise DemoError(f"{self.id} does not stand by; see {self.spare.log}")
            await asyncio.sleep(0.1)

    async def kill_who_works(self) -> float:
        """Kill the process that works as kill -9 does; return the seconds until the other answers.

        Raises:
            DemoError: the one that stood by does not take over.
        """
        spare, self.spare = self.spare, None
        assert spare is not None
        await self.kill()
        began, self.running = time.monotonic(), spare
        await self._until_ready(spare)
        return time.monotonic() - began

    async def _run(self) -> Running:
        command = (str(self.program), "run", "--config", str(self.config))
        return await self.processes.start(self.id, *command)

    async def _until_ready(self, running: Running) -> None:
        until = time.monotonic() + READY_S
        while not await self._ready():
            if not running.alive or time.monotonic() > until:
                raise DemoError(f"{self.id} does not start; see {running.log}")
            await asyncio.sleep(0.1)

    async def _ready(self) -> bool:
        try:
            async with self.http.get(f"{self.api.url}/readyz") as answer:
                return answer.status == 200  # noqa: PLR2004 - HTTP's own word
        except aiohttp.ClientConnectionError:
            return False

    async def make_token(self) -> None:
        """Make the token with which the scripted analysts work."""
        scopes = [word for scope in SCOPES for word in ("--scope", scope)]
        made = await self.hotline("token", "create", "--name", "analysts", *scopes)
        self.token = made["token"]

    async def metric(self, name: str) -> float:
        """Return what /metrics shows now under a name with its labels; 0 if it shows none."""
        lines = (await self.api.text("/metrics")).splitlines()
        values = (line.rpartition(" ") for line in lines)
        return next((float(value) for found, _, value in values if found == name), 0.0)

    async def keep_metrics(self) -> None:
        """Keep what /metrics shows now: the counters of a process end with it."""
        self.metrics.append(await self.api.text("/metrics"))

    async def stop(self) -> None:
        """Stop the node in good order; who stands by goes first, else it would take over."""
        assert self.running is not None
        await self.keep_metrics()
        if self.spare is not None:
            await self.spare.stop()
            self.processes.forget(self.spare)
            self.spare = None
        await self.running.stop()
        self.processes.forget(self.running)
        self.running = None

    async def kill(self) -> None:
        """Kill the node as kill -9 does."""
        assert self.running is not None
        await self.keep_metrics()
        await self.running.kill()
        self.processes.forget(self.running)
        self.running = None

    def freeze(self) -> None:
        """Let the process stand still: connections stay open, nothing answers."""
        assert self.running is not None
        self.running.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self.running is not None
        self.running.send(signal.SIGCONT)
