"""How each peer's figures are taken: as the node's P1, P2 and P3 are."""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
import uuid
from collections import deque
from collections.abc import Sequence

from benchmarks.floor import url_of
from benchmarks.measures import CLIENTS, REPORTS_PER_S
from benchmarks.peers.peer import Peer, Record

ARRIVE_S = 120.0
LOOK_S = 0.005
_SPACE = uuid.UUID("6f0c8a52-0000-4000-8000-000000000000")


def record(number: int, run: str) -> Record:
    """Return a synthetic record of about 600 bytes: what a report of one item says."""
    name = f"{run}-{number:08d}"
    return {
        "uuid": str(uuid.uuid5(_SPACE, name)),
        "reference": name,
        "found": "2026-11-01T12:00:00.000Z",
        "url": url_of(number, run),
        "sha256": hashlib.sha256(name.encode()).hexdigest(),
        "source": "public",
        "country": "NL",
        "confidence": "high",
        "note": f"synthetic {name} ".ljust(160, "."),
    }


async def bulk(peer: Peer, count: int, run: str) -> float:
    """P1: records a second until all of them are kept."""
    records = [record(number, run) for number in range(count)]
    parts = [records[start : start + peer.batch] for start in range(0, count, peer.batch)]
    return await _rate(peer, [peer.message(part) for part in parts], count, peer.lanes)


async def singles(peer: Peer, count: int, run: str) -> float:
    """P3: reports that come singly from sixteen clients, each its next when the last is kept."""
    messages = [peer.message([record(number, run)]) for number in range(count)]
    return await _rate(peer, messages, count, CLIENTS)


async def _rate(peer: Peer, messages: Sequence[bytes], count: int, lanes: int) -> float:
    waiting, before = deque(messages), peer.kept()
    opened = [await peer.lane() for _ in range(lanes)]

    async def work(number: int) -> None:
        while waiting:
            await opened[number].send(waiting.popleft())

    started = time.perf_counter()
    await asyncio.gather(*(work(number) for number in range(lanes)))
    await arrived(peer, before + count)
    seconds = time.perf_counter() - started
    for one in opened:
        one.close()
    return count / seconds


async def arrived(peer: Peer, count: int) -> None:
    """Wait until so many records are in the receiver's database.

    Raises:
        TimeoutError: they never are: the peer has lost some.
    """
    async with asyncio.timeout(ARRIVE_S):
        while peer.kept() < count:  # noqa: ASYNC110 - another process's file tells no event
            await asyncio.sleep(LOOK_S)


async def latency(peer: Peer, count: int, run: str, seed: int) -> tuple[float, ...]:
    """P2: milliseconds until a single report is kept, at the moments of the node's P2."""
    gaps = random.Random(seed)  # noqa: S311 - the same moments again, no secret
    messages = [peer.message([record(number, run)]) for number in range(count)]
    idle = [await peer.lane() for _ in range(CLIENTS)]

    async def one(message: bytes) -> float:
        started = time.perf_counter()
        lane = idle.pop() if idle else await peer.lane()
        await lane.send(message)
        idle.append(lane)
        return (time.perf_counter() - started) * 1000

    tasks, at = [], time.perf_counter()
    for message in messages:
        at += gaps.expovariate(REPORTS_PER_S)
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        tasks.append(asyncio.create_task(one(message)))
    found = await asyncio.gather(*tasks)
    for lane in idle:
        lane.close()
    return tuple(found)
