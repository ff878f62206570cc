"""Keys of every purpose are rotated under traffic, at real nodes in processes of their own.

`gb-iwf` rotates and looks at the registry every second; `nl-eokm` looks by itself every ten minutes
only, so it hears of each new key the hard way: it meets one that it does not know, says or is told
so, looks at the registry, and the same goes again.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from examples.demo.members import Member
from examples.demo.network import Network
from examples.demo.processes import Processes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

pytestmark = pytest.mark.long

GB, NL = "gb-iwf", "nl-eokm"
MEMBERS = {
    GB: {"name": "One", "jurisdictions": ["GB"]},
    NL: {"name": "Two", "jurisdictions": ["NL"]},
}
ZONE = {f"nl{n}.example": [{"type": "A", "ttl": 60, "data": "192.0.2.7"}] for n in range(9)}
WAIT_S = 60.0


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """Wait for something to be true, and give it."""
    async with asyncio.timeout(WAIT_S):
        while not (found := await look()):  # noqa: ASYNC110 - other processes, no event of ours
            await asyncio.sleep(0.1)
        return found


class Traffic:
    """Reports that gb-iwf hands to nl-eokm, and the answers that come back."""

    def __init__(self, network: Network) -> None:
        self.sender, self.receiver = network.members[GB], network.members[NL]
        self.items: list[str] = []

    async def hand_over(self) -> None:
        """Hand in one report and wait until its answer has come back from the other member."""
        number = len(self.items)
        item = {"url": f"https://nl{number}.example/{number}", "kind": "page"}
        report = {"source": "public", "reference": f"R-{number}", "items": [item]}
        made = await self.sender.api.post("/api/v1/reports", report, f"report-{number}")
        self.items.append(str(made["items"][0]["item_id"]))
        await until(self.answered)

    async def answered(self) -> bool:
        """Whether the newest item was answered as new."""
        view = await self.sender.api.get(f"/api/v1/items/{self.items[-1]}")
        return bool(view["disposition"] == "new" and view["disposition_by"] == NL)

    async def rotate(self, purpose: str) -> str:
        """Rotate a key of gb-iwf at once, and wait until its node uses it; give the key's id."""
        made = await self.sender.hotline("keys", "rotate", purpose, "--after-h", "0")
        key_id = str(made["key_id"])

        async def taken_up() -> bool:
            assert self.sender.running is not None
            return key_id in self.sender.running.log.read_text(encoding="utf-8")

        await until(taken_up)
        return key_id


async def counted(member: Member, name: str, code: str = "") -> int:
    """The sum of a metric of a running member, over its labels but for the code."""
    lines = (await member.api.text("/metrics")).splitlines()
    found = [line for line in lines if line.startswith(name + "{") and code in line]
    return int(sum(float(line.rsplit(" ", 1)[1]) for line in found))


@pytest.fixture
async def traffic(tmp_path: Path) -> AsyncIterator[Traffic]:
    """Give two members that have exchanged an item."""
    zone = tmp_path / "zone.json"
    zone.write_text(json.dumps(ZONE), encoding="utf-8")
    processes = Processes(tmp_path)
    async with aiohttp.ClientSession() as http:
        network = Network(tmp_path, http, processes)
        try:
            await network.make(MEMBERS, GB, zone)
            config = network.members[GB].config
            text = config.read_text(encoding="utf-8")
            config.write_text(text.replace("[registry]\n", "[registry]\nrefresh_s = 1\n"), "utf-8")
            await asyncio.gather(*(network.bring_up(one) for one in network.members.values()))
            made = Traffic(network)
            await made.hand_over()
            yield made
        finally:
            await processes.end()


async def grown(before: int, member: Member, name: str, code: str) -> None:
    """Wait until a metric is larger than it was: what it counts comes after the item's answer."""

    async def larger() -> bool:
        return await counted(member, name, code) > before

    await until(larger)


PUSHES = "hotline_pushes_total"
LOOKS = "hotline_registry_refreshes_total"


async def test_g7_every_key_is_rotated_under_traffic(traffic: Traffic) -> None:
    """Each time somebody is behind, says so, and hears of it; nothing is lost, doubled or stuck."""
    gb, nl = traffic.sender, traffic.receiver
    met = {
        "log": (gb, PUSHES, "registry_behind"),
        "receipt": (nl, LOOKS, ""),  # it looks by itself only every ten minutes
        "transport": (gb, PUSHES, "registry_behind"),
        "tls": (nl, LOOKS, ""),
    }
    for purpose, seen in met.items():
        before = await counted(*seen)  # any request may meet the new key, as soon as it is used
        await traffic.rotate(purpose)
        if purpose == "tls":  # connections that are open stay; a new one meets the certificate
            await gb.stop()
            await gb.start()
        await traffic.hand_over()
        await grown(before, *seen)
    await a_sealing_key_is_gone(traffic)
    for member in (gb, nl):
        await member.stop()
        assert (await member.hotline("verify"))["findings"] == []
    bundle = gb.folder / "bundle.json"
    made = await gb.hotline("evidence", "export", traffic.items[0], "--output", str(bundle))
    assert made["holds"]
    assert (await gb.hotline("evidence", "verify", str(bundle)))["holds"]
    status = await nl.hotline("status")
    assert status["figures"]["items"] == len(traffic.items)
    assert status["tasks"] == []


async def a_sealing_key_is_gone(traffic: Traffic) -> None:
    """What is sealed to it is answered `rekey`, and sealed anew once the next one is heard of.

    It waits for the member when that comes back, before a push of it tells of the newer registry.
    """
    gb, nl = traffic.sender, traffic.receiver
    status = await gb.hotline("keys", "status", expect=(0, 1))
    (used,) = (
        key["key_id"]
        for key in status["keys"]
        if (key["purpose"], key["standing"]) == ("sealing", "in use")
    )
    before = await counted(nl, PUSHES, "rekey")
    await gb.stop()
    (gb.folder / "keys" / f"sealing-{used}.key").unlink()
    await gb.hotline("publish", "--rotate")
    item = f"/api/v1/items/{traffic.items[-1]}"
    await nl.api.post(f"{item}/actions", {"action": "removed"}, "removed")
    await gb.start()
    await grown(before, nl, PUSHES, "rekey")

    async def heard() -> bool:
        return bool((await gb.api.get(item))["closed_by"] == "removed")

    await until(heard)
    await traffic.hand_over()
