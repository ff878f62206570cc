"""A real node under a burst goes from its file to a server, and the move is killed on the way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from benchmarks.pair import Pair, running_pair, wait_for
from examples.demo.processes import Running
from tests.builders.postgres import Cluster
from tests.scenarios.test_on_server import ITEMS, hand_in, items

pytestmark = pytest.mark.long


async def moving(pair: Pair, url: str) -> Running:
    """Begin to move the sender's store."""
    member = pair.sender
    words = ("store", "migrate", "--to", url, "--json", "--config", str(member.config))
    return await pair.processes.start("migrate", str(member.program), *words)


async def over(process: Running) -> None:
    """Wait until a process has ended."""
    async with asyncio.timeout(300):
        while process.alive:  # noqa: ASYNC110 - a process of its own
            await asyncio.sleep(0.05)


async def test_r1_node_under_load_is_moved_though_the_move_is_killed(
    tmp_path: Path, postgres: Cluster
) -> None:
    """Everything that was handed in stands once on both sides, and both verify."""
    url = postgres.new().url
    async with running_pair(tmp_path) as pair:
        before = await items(pair)
        burst = asyncio.create_task(hand_in(pair))
        while (await items(pair))[0] < before[0] + ITEMS // 5:
            assert not burst.done()
        broken = await moving(pair, url)
        while postgres.rows(url, "events") < ITEMS // 10:
            assert broken.alive
            await asyncio.sleep(0.02)
        await broken.kill()
        assert pair.sender.running is not None
        assert pair.sender.running.alive
        pair.unwatch()
        await over(await moving(pair, url))
        await over(pair.sender.running)
        pair.processes.forget(pair.sender.running)
        await pair.sender.start()
        await burst
        pair.watch()
        await wait_for(pair.answered, 0.1)
        after = await items(pair)
        assert [now - then for then, now in zip(before, after, strict=True)] == [ITEMS, ITEMS]
        for member in (pair.sender, pair.receiver):
            assert (await member.hotline("verify"))["holds"]
    told = (tmp_path / "logs" / "migrate.log").read_text()
    assert '"pause_s"' in told
    print(told[-400:])  # noqa: T201 - read with -s
