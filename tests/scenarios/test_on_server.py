"""Two real nodes whose stores are in PostgreSQL, under a burst, while one thing after another dies.

Whoever hands in asks again under the same key until he is answered, as every client must.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from benchmarks.pair import Pair, report, running_pair, wait_for
from examples.demo.processes import Running
from node.config.edit import change_file
from tests.builders.postgres import Cluster

pytestmark = pytest.mark.long

REQUESTS = 30
LINES = 200
ITEMS = REQUESTS * LINES
FEW = 5


async def hand_in(pair: Pair, run: str = "burst", requests: int = REQUESTS) -> None:
    """Hand everything of one run in, each request again and again until it is answered with 200."""
    url = f"{pair.sender.api.url}/api/v1/reports"
    for number in range(requests):
        first = number * LINES
        body = b"".join(report(n, run) for n in range(first, first + LINES))
        headers = {
            "Authorization": f"Bearer {pair.sender.token}",
            "Content-Type": "application/x-ndjson",
            "Idempotency-Key": f"{run}-{number}",
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


async def kill_who_works(pair: Pair, postgres: Cluster) -> None:
    """Of two processes of the sender: each once, while the other stands by."""
    del postgres
    for number in range(2):
        standing_by = await stand_by(pair, number)
        await pair.sender.kill()
        killed = time.monotonic()
        pair.sender.running = standing_by
        while not await answers(pair):
            assert standing_by.alive
            await asyncio.sleep(0.05)
        print(f"took over after {time.monotonic() - killed:.1f} s")  # noqa: T201 - read with -s


async def stand_by(pair: Pair, number: int) -> Running:
    """Start one more process of the sender, and wait until it stands by."""
    member = pair.sender
    change_file(member.config, "store", {"stand_by": True})
    command = (str(member.program), "run", "--config", str(member.config))
    made = await pair.processes.start(f"{member.id}-{number}", *command)
    while b"standing_by" not in made.log.read_bytes():
        assert made.alive
        await asyncio.sleep(0.05)
    return made


async def answers(pair: Pair) -> bool:
    """Whether the sender is ready."""
    try:
        async with pair.http.get(f"{pair.sender.api.url}/readyz") as answer:
            return answer.status == 200
    except aiohttp.ClientConnectionError:
        return False


@pytest.mark.parametrize("die", [kill_sender, kill_receiver, kill_server, kill_all, kill_who_works])
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


async def test_server_that_was_set_back_forks_nothing_once_it_was_said(
    tmp_path: Path, postgres: Cluster
) -> None:
    """As after `pg_restore`: the sender goes on from a copy that is older than what it sent."""
    place = postgres.new()
    async with running_pair(tmp_path, stores=(place.url, postgres.new().url)) as pair:
        before = await items(pair)
        await hand_in(pair, "before", FEW)
        await wait_for(pair.answered, 0.1)
        pair.unwatch()
        await pair.sender.stop()
        copy = postgres.new(template=place.url.partition("?")[0].rpartition("/")[2])
        await pair.sender.start()
        await hand_in(pair, "later", FEW)
        pair.watch()
        await wait_for(pair.answered, 0.1)
        pair.unwatch()
        await pair.sender.kill()
        change_file(pair.sender.config, "store", {"url": copy.url})
        await pair.sender.hotline("restored")
        await pair.sender.start()
        await hand_in(pair, "later", FEW)
        pair.watch()
        await wait_for(pair.answered, 0.1)
        after = await items(pair)
        assert [now - then for then, now in zip(before, after, strict=True)] == [
            2 * FEW * LINES
        ] * 2
        for member in (pair.sender, pair.receiver):
            assert (await member.hotline("verify"))["holds"]
        tasks = (await pair.sender.hotline("tasks", "list"))["tasks"]
        codes = {task["code"] for task in tasks}
        assert "outside_held" in codes
        assert not {code for code in codes if code.startswith("channel")}
