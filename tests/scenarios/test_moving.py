"""A real node under a burst goes from its file to a server, and the move is killed on the way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
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


class Reader:
    """Follows the change feed of the sender by long polls, through whatever happens to the node."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self.seen: list[int] = []

    async def follow(self) -> None:
        """Read on, for ever."""
        while True:
            await self.page(wait_s=20)

    async def page(self, wait_s: int) -> bool:
        """Read what there is after the last that was seen; whether there was anything."""
        member, asked = self._pair.sender, {"limit": 100, "wait": wait_s}
        asked["after"] = self.seen[-1] if self.seen else 0
        try:
            async with self._pair.http.get(
                f"{member.api.url}/api/v1/changes",
                params=asked,
                headers={"Authorization": f"Bearer {member.token}"},
            ) as answer:
                assert answer.status in {200, 503}, await answer.text()
                found = (await answer.json())["changes"] if answer.status == 200 else []
        except aiohttp.ClientError:
            await asyncio.sleep(0.2)
            return False
        self.seen += [change["cursor"] for change in found]
        return bool(found)


async def over(process: Running) -> None:
    """Wait until a process has ended."""
    async with asyncio.timeout(300):
        while process.alive:  # noqa: ASYNC110 - a process of its own
            await asyncio.sleep(0.05)


async def test_r1_node_under_load_is_moved_though_the_move_is_killed(
    tmp_path: Path, postgres: Cluster
) -> None:
    """Everything stands once on both sides, both verify, and who reads the feed misses nothing."""
    url = postgres.new().url
    async with running_pair(tmp_path) as pair:
        before, reader = await items(pair), Reader(pair)
        following = asyncio.create_task(reader.follow())
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
        following.cancel()
        while await reader.page(wait_s=0):
            pass
        assert reader.seen == list(range(1, postgres.rows(url, "events") + 1))
    told = (tmp_path / "logs" / "migrate.log").read_text()
    assert '"pause_s"' in told
    print(told[-400:])  # noqa: T201 - read with -s
