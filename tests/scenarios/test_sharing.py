"""Verdicts that are shared between three real nodes: what one judged spares another the viewing.

`gb-iwf` judges a file that nobody else has to do with; `fr-pdc` has the same file from reporters of
its own, at other places. They never hand each other an item.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from examples.demo.network import Network
from examples.demo.processes import Processes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from examples.demo.members import Member

pytestmark = pytest.mark.long

GB, NL, FR = "gb-iwf", "nl-eokm", "fr-pdc"
MEMBERS = {
    GB: {"name": "One", "jurisdictions": ["GB"]},
    NL: {"name": "Two", "jurisdictions": ["NL"]},
    FR: {"name": "Three", "jurisdictions": ["FR"]},
}
ADDRESS = {GB: "192.0.2.130", NL: "192.0.2.7", FR: "192.0.2.200"}
FILE = "a1" * 32
WAIT_S = 60.0


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """Wait for something to be true, and give it."""
    async with asyncio.timeout(WAIT_S):
        while not (found := await look()):  # noqa: ASYNC110 - other processes, no event of ours
            await asyncio.sleep(0.1)
        return found


async def report(member: Member, number: int) -> tuple[str, str]:
    """Hand in a report of the file at a place in the member's own country: item and answer."""
    url = f"https://{member.id[:2]}{number}.example/{number}.jpg"
    item = {"url": url, "kind": "image", "hashes": {"sha256": FILE}}
    body = {"source": "public", "reference": f"R-{member.id}-{number}", "items": [item]}
    made = await member.api.post("/api/v1/reports", body, f"{member.id}-{number}")
    (taken,) = made["items"]
    return str(taken["item_id"]), str(taken["outcome"])


async def shown(member: Member, item: str) -> dict[str, Any]:
    """Return an item as a member has it."""
    found: dict[str, Any] = await member.api.get(f"/api/v1/items/{item}")
    return found


async def assess(member: Member, item: str, verdict: str) -> None:
    """Let a person of a member judge an item."""
    path = f"/api/v1/items/{item}/assessments"
    await member.api.post(path, {"verdict": verdict}, f"{member.id}-{item}-{verdict}")


async def becomes(member: Member, item: str, *judges: str) -> None:
    """Wait until an item is known by the verdicts of exactly these members."""

    async def look() -> bool:
        view = await shown(member, item)
        return [one["member"] for one in view["assessments"]] == list(judges)

    await until(look)


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    """Give three members that have heard of each other."""
    zone = tmp_path / "zone.json"
    hosts = {
        f"{name[:2]}{number}.example": [{"type": "A", "ttl": 60, "data": ADDRESS[name]}]
        for name in MEMBERS
        for number in range(9)
    }
    zone.write_text(json.dumps(hosts), encoding="utf-8")
    processes = Processes(tmp_path)
    async with aiohttp.ClientSession() as http:
        made = Network(tmp_path, http, processes)
        try:
            await made.make(MEMBERS, GB, zone)
            for member in made.members.values():
                text = member.config.read_text(encoding="utf-8")
                text = text.replace("[registry]\n", "[registry]\nrefresh_s = 1\n")
                member.config.write_text(text, "utf-8")
            await asyncio.gather(*(made.bring_up(one) for one in made.members.values()))
            yield made
        finally:
            await processes.end()


async def test_what_one_judged_spares_another_the_viewing_until_it_is_taken_back(
    network: Network,
) -> None:
    """By the file alone: at the item that waits and at the next one; and all of it is undone."""
    gb, nl, fr = (network.members[name] for name in (GB, NL, FR))
    waiting, outcome = await report(fr, 1)
    assert (outcome, (await shown(fr, waiting))["known"]) == ("new", False)
    judged, _ = await report(gb, 1)
    await assess(gb, judged, "baseline")
    await becomes(fr, waiting, GB)
    later, outcome = await report(fr, 2)
    assert outcome == "known"
    assert [one["member"] for one in (await shown(fr, later))["assessments"]] == [GB]
    (view,) = (await shown(fr, later))["listed"]
    assert (view["list"], view["category"]) == (f"member/{GB}", "baseline")
    await until(lambda: is_here(fr, later))

    other, _ = await report(nl, 1)
    await becomes(nl, other, GB)
    await assess(nl, other, "not_illegal")
    for item in (waiting, later):
        await until(lambda item=item: differs(fr, item))  # type: ignore[misc]

    await gb.hotline("erase", judged, "--cause", "error", "--yes")
    for item in (waiting, later):
        await becomes(fr, item)
        view = await shown(fr, item)
        assert (view["known"], view["new_to_police"]) == (False, True)
        assert "verdicts_differ" not in view["reviews"]
    new, outcome = await report(fr, 3)
    assert (outcome, (await shown(fr, new))["assessments"]) == ("new", [])
    for member in (gb, nl, fr):
        await member.stop()
        assert (await member.hotline("verify"))["findings"] == []
        status = await member.hotline("status")
        assert status["tasks"] == []


async def is_here(member: Member, item: str) -> bool:
    """Whether a member is responsible for an item: known or not, its referral is its own."""
    return bool((await shown(member, item))["custody"] == "here")


async def differs(member: Member, item: str) -> bool:
    """Whether an item stands before a person since members contradict each other."""
    return "verdicts_differ" in (await shown(member, item))["reviews"]
