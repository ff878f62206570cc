"""Two members on loopback, real processes made by the real command line, for the benchmarks.

`gb-iwf` hands in, `nl-eokm` is responsible: 1,000 hosts in NL whose names are cached before
anything is measured, country data loaded, full protocol, encrypted SQLite, `synchronous=FULL`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks.floor import HOSTS, url_of
from benchmarks.machine import cpu_s
from benchmarks.watch import Watch
from examples.demo.members import ONE_PERSON, Member
from examples.demo.processes import HOTLINE, Processes, Running, free_ports

MEMBERS = (("gb-iwf", "GB", "Internet Watch"), ("nl-eokm", "NL", "Meldpunt"))
WAIT_S = 300.0
LOOK_S = 0.005


@dataclass
class Pair:
    """The two members and what runs beside them."""

    sender: Member
    receiver: Member
    processes: Processes
    http: aiohttp.ClientSession
    umbrella: Running
    serve: tuple[str, ...]
    _watches: list[Watch] = field(default_factory=list)

    def watch(self) -> None:
        """Open both databases beside the nodes."""
        self._watches = [Watch.open(self.sender), Watch.open(self.receiver)]

    def unwatch(self) -> None:
        """Close both databases."""
        for one in self._watches:
            one.close()

    async def stop_umbrella(self) -> None:
        """Take the umbrella's server away, as kill -9 does."""
        await self.umbrella.kill()
        self.processes.forget(self.umbrella)

    async def start_umbrella(self) -> None:
        """Let it publish again."""
        self.umbrella = await self.processes.start("umbrella", *self.serve)

    def received(self) -> bool:
        """Whether everything handed in is located, receipted and judged."""
        sender, receiver = self._watches
        return sender.travelled(self.receiver.id, "reports") and receiver.judged()

    def located(self) -> bool:
        """Whether the sender has placed everything handed in."""
        return self._watches[0].located()

    def answered(self) -> bool:
        """Whether, besides, every disposition has come back and was taken note of."""
        sender, receiver = self._watches
        came_back = receiver.travelled(self.sender.id, "status") and sender.judged()
        return self.received() and came_back and self.received()

    def cpu_s(self) -> tuple[float, float]:
        """Return the processor time that sender and receiver have used, in seconds."""
        assert self.sender.running is not None
        assert self.receiver.running is not None
        return cpu_s(self.sender.running.pid), cpu_s(self.receiver.running.pid)

    def entry_bytes(self) -> float:
        """Return the mean size of the entries that say reports."""
        return self._watches[0].entry_bytes()


def zone() -> dict[str, list[dict[str, object]]]:
    """Return 1,000 hosts with documentation addresses in NL."""
    return {
        f"nl{n}.example": [{"type": "A", "ttl": 86400, "data": f"203.0.113.{n % 62 + 1}"}]
        for n in range(HOSTS)
    }


@asynccontextmanager
async def running_pair(
    folder: Path, *, reachable: bool = True, stores: Sequence[str | None] = (None, None)
) -> AsyncIterator[Pair]:
    """Make the network, start everything, warm the names; stop everything at the end.

    A receiver that is not `reachable` publishes no endpoint: it pulls. `stores` are the URLs of the
    databases of sender and receiver on a server; None: a file.
    """
    processes = Processes(folder)
    dns, umbrella, *ports = free_ports(6)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as http:
        members = [
            Member(name, country, title, folder / name, peer, api, processes, http)
            for (name, country, title), peer, api in zip(MEMBERS, ports[:2], ports[2:], strict=True)
        ]
        members[1].reachable = reachable
        members[0].store, members[1].store = stores
        try:
            serve = (str(HOTLINE), "network", "serve", "--config", str(network_file(folder)))
            served = await _make(folder, members, processes, dns, umbrella, serve)
            pair = Pair(members[0], members[1], processes, http, served, serve)
            pair.watch()
            await warm(pair)
            yield pair
            pair.unwatch()
        finally:
            await processes.end()


def network_file(folder: Path) -> Path:
    """Return where the configuration of the umbrella is."""
    return folder / "network" / "network.toml"


async def _make(
    folder: Path,
    members: list[Member],
    processes: Processes,
    dns: int,
    umbrella: int,
    serve: tuple[str, ...],
) -> Running:
    zone_file = folder / "zone.json"
    zone_file.write_text(json.dumps(zone()))
    server = Path(__file__).parent.parent / "examples" / "demo" / "dns_server.py"
    await processes.start(
        "dns", sys.executable, str(server), "--zone", str(zone_file), "--port", str(dns)
    )
    made = await processes.hotline(
        "network", "create", "--name", "bench", "--dir", str(network_file(folder).parent),
        *ONE_PERSON, "--listen-port", str(umbrella),
    )  # fmt: skip
    config = ("--config", str(network_file(folder)))
    for member in members:
        await member.init(made["network"])
        member.configure(dns)
        await processes.hotline(
            "network", "admit", str(member.folder / "admission.json"), *config, "--fallback"
        )
    served = await processes.start("umbrella", *serve)
    await _wait_for(members[0].http, f"http://127.0.0.1:{umbrella}/healthz")
    for member in members:
        await member.join(made["root_sha256"], f"http://127.0.0.1:{umbrella}")
    for member in members:
        await member.start()
        await member.make_token()
    return served


async def _wait_for(http: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                async with http.get(url):
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.1)


async def warm(pair: Pair) -> None:
    """Hand in one report for each host and wait until all of them have arrived."""
    since = await Done.now(pair)
    await submit_bulk(pair, [report(n, "warm") for n in range(HOSTS)])
    await wait_for(pair.answered)
    await since.check(pair, HOSTS)


def report(number: int, run: str) -> bytes:
    """Return one report as an NDJSON line: one item, about 640 bytes once it travels."""
    return (
        f'{{"items":[{{"url":"{url_of(number, run)}",'
        f'"hashes":{{"sha256":"{run_hash(run, number)}"}}}}],'
        f'"source":"public","reference":"{run}-{number:08d}"}}\n'
    ).encode()


def run_hash(run: str, number: int) -> str:
    """Return a synthetic hash, another one for each run and number."""
    return (run.encode().hex() + f"{number:016x}").rjust(64, "0")[-64:]


async def submit_bulk(pair: Pair, lines: list[bytes], size: int = 10_000) -> None:
    """Hand lines in by the local API's bulk form, `size` lines a request."""
    headers = {
        "Authorization": f"Bearer {pair.sender.token}",
        "Content-Type": "application/x-ndjson",
    }
    for start in range(0, len(lines), size):
        body = b"".join(lines[start : start + size])
        url = f"{pair.sender.api.url}/api/v1/reports"
        async with pair.http.post(url, data=body, headers=headers) as response:
            text = await response.text()
            assert response.status == 200, text[:300]  # noqa: PLR2004 - HTTP's own word
            assert '"rejected"' not in text, text[:300]


async def counted(member: Member, name: str) -> int:
    """Return the sum of one metric over its labels."""
    text = await member.api.text("/metrics")
    found = [line for line in text.splitlines() if line.startswith(name)]
    return int(sum(float(line.rsplit(" ", 1)[1]) for line in found))


@dataclass(frozen=True)
class Done:
    """How far the pair has come since it started: counters of both processes."""

    receipted: int
    judged: int

    @classmethod
    async def now(cls, pair: Pair) -> Done:
        """Read the counters: entries receipted to the sender, entries judged by the receiver."""
        receipted = await counted(pair.sender, 'hotline_entries_receipted_total{lane="reports"')
        judged = await counted(pair.receiver, "hotline_dispositions_total{")
        return cls(receipted, judged)

    async def check(self, pair: Pair, items: int) -> None:
        """See that `items` more were receipted and judged since this was read.

        Raises:
            AssertionError: it was less: what was measured is not what it is called.
        """
        now = await Done.now(pair)
        assert now.receipted - self.receipted >= items, "not every item was receipted"
        assert now.judged - self.judged >= items, "not every item was judged"


async def wait_for(
    done: Callable[[], bool], pause_s: float = LOOK_S, within_s: float = WAIT_S
) -> None:
    """Wait until `done` says so."""
    async with asyncio.timeout(within_s):
        while not done():  # noqa: ASYNC110 - another process's file has no event to wait for
            await asyncio.sleep(pause_s)
