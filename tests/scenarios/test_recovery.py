"""A machine burns: two nodes as real processes; keys and registry are all that is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.floor import HOSTS
from benchmarks.pair import Pair, running_pair
from examples.demo.members import ApiProblemError, Member

pytestmark = pytest.mark.long

WAIT_S = 180.0


async def channels(member: Member) -> dict[tuple[str, str], dict[str, Any]]:
    """How the recovery of a member stands."""
    shown = await member.hotline("recover", "status", expect=(0, 1))
    return {(one["peer"], one["lane"]): one for one in shown["channels"]}


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    """Look again each second; another process has no event to wait for."""
    async with asyncio.timeout(WAIT_S):
        while not await done():  # noqa: ASYNC110 - see above
            await asyncio.sleep(1)


async def until_standing(member: Member, word: str) -> None:
    """Wait until every channel stands so."""

    async def done() -> bool:
        return {one["standing"] for one in (await channels(member)).values()} == {word}

    await until(done)


async def burn(pair: Pair) -> None:
    """Kill the sender and take everything from its disk but keys and configuration."""
    pair.unwatch()
    await pair.sender.kill()
    for path in pair.sender.folder.glob("node.db*"):
        path.unlink()
    (pair.sender.folder / "admin.token").unlink()


async def test_g9_burnt_node_comes_back_from_keys_registry_and_its_peer(tmp_path: Path) -> None:
    """A thousand items that it had handed on, found again under their ids; both sides verify."""
    async with running_pair(tmp_path) as pair:
        sender, receiver = pair.sender, pair.receiver
        before = await sender.api.get("/api/v1/items", limit=500)
        await burn(pair)
        await sender.hotline("recover", "begin")
        await sender.start()
        await until_standing(sender, "waiting")
        assert (await receiver.hotline("recover", "status", expect=(1,)))["handed_back"]
        await receiver.hotline("recover", "allow", sender.id)
        await until_standing(sender, "end")
        came = await channels(sender)
        assert came[receiver.id, "reports"]["entries"] >= HOSTS
        await until(lambda: answered(sender, receiver))
        await sender.make_token()
        with pytest.raises(ApiProblemError) as refused:
            await sender.api.post("/api/v1/reports", draft(1), "k1")
        assert refused.value.status == 503
        assert "recovering" in refused.value.body
        await sender.hotline("recover", "finish")
        await until(lambda: whole(sender))
        after = await sender.api.get("/api/v1/items", limit=500)
        assert [shown(one) for one in after["items"]] == [shown(one) for one in before["items"]]
        pair.watch()
        had = (await receiver.hotline("status"))["figures"]["items"]
        taken = await sender.api.post("/api/v1/reports", draft(2), "k2")
        assert taken["items"]
        await until(lambda: handed_over(sender, receiver, had + 1))
        for member in (sender, receiver):
            await member.hotline("verify")


def draft(number: int) -> dict[str, Any]:
    """A report that is not among those of the warming."""
    return {
        "source": "public",
        "reference": f"after-{number}",
        "items": [{"url": f"https://nl{number}.example/after/{number}.jpg"}],
    }


def shown(item: dict[str, Any]) -> dict[str, Any]:
    """What of an item has to be as it was."""
    return {key: item.get(key) for key in ("id", "custody", "responsible", "country", "finder")}


async def answered(sender: Member, receiver: Member) -> bool:
    """Whether every answer of the receiver has been said again; a crowd has one for all."""
    taken: int = (await channels(sender))[receiver.id, "status"]["taken"]
    figures = (await receiver.hotline("status"))["figures"]
    return taken > 0 and figures["messages_waiting"] == 0


async def handed_over(sender: Member, receiver: Member, items: int) -> bool:
    """Whether the receiver has so many items, and nothing waits at either end."""
    figures = [(await member.hotline("status"))["figures"] for member in (sender, receiver)]
    return figures[1]["items"] == items and not any(one["messages_waiting"] for one in figures)


async def whole(member: Member) -> bool:
    """Whether the node works as ever."""
    shown = await member.hotline("recover", "status", expect=(0, 1))
    return shown["phase"] is None
