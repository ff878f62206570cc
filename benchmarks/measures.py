"""How each figure is taken: P1, P2, P3, P6 and P12 of the node, and of the floor beside it."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clients import Pool, connect, post, rate
from benchmarks.floor_intake import running_floor
from benchmarks.machine import rss_mb
from benchmarks.pair import WAIT_S, Done, Pair, counted, report, submit_bulk, wait_for
from benchmarks.watch import ReceiptWatcher, Watch
from examples.demo.members import Member
from examples.demo.processes import HOTLINE, Processes, free_ports

CLIENTS = 16
REPORTS_PER_S = 20.0
REPORTS = "/api/v1/reports"
READY_S = 30.0
SLOWEST_PER_S = 200
"""Items a second below which nobody waits for the end of a catch-up."""
LOOK_S = 0.002


@dataclass(frozen=True)
class Bulk:
    """Items a second until receipted and judged, and until all dispositions were back.

    Processor time is each node's for all of it, to the last disposition.
    """

    received: float
    answered: float
    sender_cpu_s: float
    receiver_cpu_s: float


@dataclass(frozen=True)
class Latencies:
    """Milliseconds from a report's POST to its receipt, and to its disposition."""

    receipt: tuple[float, ...]
    answered: tuple[float, ...]


async def bulk(pair: Pair, items: int, run: str) -> Bulk:
    """P1: hand in distinct items in bulk until all are receipted and judged."""
    lines = [report(n, run) for n in range(items)]
    since, before = await Done.now(pair), pair.cpu_s()
    started = time.perf_counter()
    await submit_bulk(pair, lines)
    await wait_for(pair.received)
    received = time.perf_counter() - started
    await wait_for(pair.answered)
    answered = time.perf_counter() - started
    after = pair.cpu_s()
    await since.check(pair, items)
    return Bulk(items / received, items / answered, after[0] - before[0], after[1] - before[1])


async def paced(
    port: int, requests: Sequence[bytes], seed: int
) -> list[tuple[float, float, bytes]]:
    """Send requests at moments that do not depend on each other, 20 a second on average.

    Gaps are exponential: reports come from people and machines that do not know of each other.
    Nothing waits for an answer before it is sent. Returns (sent, answered, answer) of each.
    """
    gaps, pool = random.Random(seed), Pool(port)  # noqa: S311 - the same run again, no secret
    await pool.open(CLIENTS)

    async def one(request: bytes) -> tuple[float, float, bytes]:
        sent = time.perf_counter()
        answer = await pool.ask(request)
        return sent, time.perf_counter(), answer

    tasks, at = [], time.perf_counter()
    for request in requests:
        at += gaps.expovariate(REPORTS_PER_S)
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        tasks.append(asyncio.create_task(one(request)))
    found = await asyncio.gather(*tasks)
    pool.close()
    return found


def _requests(path: str, count: int, run: str, token: str = "") -> list[bytes]:
    return [post(path, report(n, run), token) for n in range(count)]


async def latency(pair: Pair, count: int, run: str, seed: int) -> Latencies:
    """P2: single reports at a steady pace, each until its receipt was seen."""
    receipts, sent = ReceiptWatcher(pair.sender, pair.receiver.id), {}
    requests = _requests(REPORTS, count, run, pair.sender.token)
    receipts.start()
    async with asyncio.TaskGroup() as group:
        feed = group.create_task(_answers(pair, count))
        for at, _, answer in await paced(pair.sender.api_port, requests, seed):
            sent[json.loads(answer)["items"][0]["item_id"]] = at
    await wait_for(pair.answered)
    receipts.stop()
    answered = feed.result()
    return Latencies(
        tuple((receipts.seen[item] - at) * 1000 for item, at in sent.items()),
        tuple((answered[item] - at) * 1000 for item, at in sent.items()),
    )


async def _answers(pair: Pair, count: int) -> dict[str, float]:
    """Listen to the sender's change feed as a hotline's own system does."""
    watch = Watch.open(pair.sender)
    cursor = watch.last_event()
    watch.close()
    seen: dict[str, float] = {}
    while len(seen) < count:
        page = await pair.sender.api.get("/api/v1/changes", after=cursor, wait=10, limit=1000)
        now, cursor = time.perf_counter(), page["cursor"]
        for change in page["changes"]:
            if change["what"] == "answered":
                seen.setdefault(change["item"], now)
    return seen


async def floor_latency(folder: Path, count: int, seed: int) -> tuple[float, ...]:
    """P2 of the floor, at the same moments, in milliseconds."""
    with running_floor(folder) as port:
        requests = _requests("/relay", count, "floor")
        await paced(port, requests[:CLIENTS], seed)
        found = await paced(port, requests, seed)
    return tuple((answered - sent) * 1000 for sent, answered, _ in found)


async def intake(pair: Pair, count: int, run: str) -> float:
    """P3: single reports by 16 clients at once; answers a second."""
    since = await Done.now(pair)
    requests = _requests(REPORTS, count, run, pair.sender.token)
    found = await rate(pair.sender.api_port, requests, CLIENTS)
    await wait_for(pair.answered)
    await since.check(pair, count)
    return found


async def catch_up(pair: Pair, items: int, run: str) -> float:
    """P6: hand in while the receiver is away; seconds from its return until it has it all."""
    receipted = 'hotline_entries_receipted_total{lane="reports"'
    before = await counted(pair.sender, receipted)
    await pair.receiver.stop()
    await submit_bulk(pair, [report(n, run) for n in range(items)])
    await wait_for(pair.located)
    await restart(pair.receiver)
    started = time.perf_counter()
    await wait_for(pair.received, within_s=WAIT_S + items / SLOWEST_PER_S)
    took = time.perf_counter() - started
    assert await counted(pair.sender, receipted) - before >= items, "not every item was receipted"
    return took


async def floor_intake(folder: Path, count: int) -> float:
    """P3 of the floor."""
    with running_floor(folder) as port:
        return await rate(port, _requests("/keep", count, "floor"), CLIENTS)


def wall(*command: str) -> float:
    """Return the seconds that a command takes."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def help_wall() -> float:
    """P12: `hotline --help`, seconds."""
    return wall(str(HOTLINE), "--help")


def python_wall() -> float:
    """The same interpreter doing nothing, seconds."""
    return wall(sys.executable, "-c", "pass")


async def start(pair: Pair) -> float:
    """P12: stop the receiving node, start it again; seconds until `/readyz` says so."""
    await pair.receiver.stop()
    started = time.perf_counter()
    await restart(pair.receiver)
    return time.perf_counter() - started


async def restart(member: Member, within_s: float = READY_S) -> None:
    """Start a node that was stopped, and wait until it is ready."""
    command = (str(HOTLINE), "run", "--config", str(member.config))
    member.running = await member.processes.start(member.id, *command)
    await _ready(member.api_port, within_s)


async def floor_start(folder: Path) -> tuple[float, float]:
    """P12 and P11 of the floor, on the database that its P3 left, or a new one: seconds, MB."""
    if not (folder / "sender.db").exists():
        with running_floor(folder):
            pass
    processes, (port,) = Processes(folder), free_ports(1)
    command = (sys.executable, "-m", "benchmarks.floor_start", str(folder), str(port))
    started = time.perf_counter()
    running = await processes.start("floor", *command)
    try:
        await _ready(port)
        return time.perf_counter() - started, rss_mb(running.pid)
    finally:
        await processes.end()


async def _ready(port: int, within_s: float = READY_S) -> None:
    async with asyncio.timeout(within_s):
        while not await _is_ready(port):  # noqa: ASYNC110 - another process tells no event
            await asyncio.sleep(LOOK_S)


async def _is_ready(port: int) -> bool:
    try:
        one = await connect(port)
    except OSError:
        return False
    try:
        await one.ask(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    except (AssertionError, OSError):
        return False
    finally:
        one.close()
    return True
