"""Two real nodes whose stores are in PostgreSQL, under a burst, while one thing after another dies.

Whoever hands in asks again under the same key until he is answered, as every client must.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from benchmarks.pair import Pair, report, running_pair, wait_for
from tests.builders.postgres import Cluster

pytestmark = pytest.mark.long

REQUESTS = 30
LINES = 200
ITEMS = REQUESTS * LINES


async def hand_in(pair: Pair) -> None:
    """Hand everything in, each request again and again until it is answered with 200."""
    url = f"{pair.sender.api.url}/api/v1/reports"
    for number in range(REQUESTS):
        first = number * LINES
        body = b"".join(report(n, "burst") for n in range(first, first + LINES))
        headers = {
            "Authorization": f"Bearer {pair.sender.token}",
            "Content-Type": "application/x-ndjson",
            "Idempotency-Key": f"burst-{number}",
        }
        status = 0
        while status != 200:
            try:
                async with pair.http.post(url, data=body, headers=headers) as answer:
                    status = answer.status
                    assert status in {200, 409, 503}, await answer.text()
            except aiohttp.ClientError:
                await asyncio.sleep(0.2)


async def items(pair: Pair) -> tuple[int, int]:
    """How many items either side has."""
    status = [await member.hotline("status") for member in (pair.sender, pair.receiver)]
    return status[0]["figures"]["items"], status[1]["figures"]["items"]


async def kill_sender(pair: Pair, postgres: Cluster) -> None:
    """Kill -9, and a start."""
    del postgres
    await pair.sender.kill()
    await pair.sender.start()


async def kill_receiver(pair: Pair, postgres: Cluster) -> None:
    """Kill -9, and a start."""
    del postgres
    await pair.receiver.kill()
    await pair.receiver.start()


async def kill_server(pair: Pair, postgres: Cluster) -> None:
    """The server of both ends without a word, and comes back."""
    del pair
    with postgres.stopped(signal.SIGQUIT):
        await asyncio.sleep(1)


async def kill_all(pair: Pair, postgres: Cluster) -> None:
    """The machine of all three."""
    with postgres.stopped(signal.SIGQUIT):
        await pair.sender.kill()
        await pair.receiver.kill()
    await pair.sender.start()
    await pair.receiver.start()


@pytest.mark.parametrize("die", [kill_sender, kill_receiver, kill_server, kill_all])
async def test_r1_whatever_dies_under_load_nothing_is_lost_or_done_twice(
    tmp_path: Path, postgres: Cluster, die: Callable[[Pair, Cluster], Awaitable[None]]
) -> None:
    """Everything that was handed in stands once on both sides, and both verify."""
    stores = (postgres.new().url, postgres.new().url)
    async with running_pair(tmp_path, stores=stores) as pair:
        before = await items(pair)
        burst = asyncio.create_task(hand_in(pair))
        while (await items(pair))[0] < before[0] + ITEMS // 5:
            assert not burst.done()
        await die(pair, postgres)
        await burst
        pair.unwatch()
        pair.watch()
        await wait_for(pair.answered, 0.1)
        after = await items(pair)
        assert [now - then for then, now in zip(before, after, strict=True)] == [ITEMS, ITEMS]
        for member in (pair.sender, pair.receiver):
            verified = await member.hotline("verify")
            assert verified["holds"]
