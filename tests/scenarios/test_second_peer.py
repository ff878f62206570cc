"""A second implementation talks to a real node: the norm is complete enough to implement from.

`tests/second` was written from docs/protocol.md and docs/registry.md alone, with the standard
library and `cryptography`. The node is made, admitted and run by the real command line.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp

from examples.demo.members import ONE_PERSON
from examples.demo.members import Member as Node
from examples.demo.network import DNS_SERVER
from examples.demo.processes import HOTLINE, free_ports
from tests.scenarios.forked import ForkedVerbs
from tests.second.channel import Incoming, Outgoing
from tests.second.directory import Directory
from tests.second.files import check_bundle
from tests.second.listener import Listener
from tests.second.member import Member
from tests.second.pulling import Puller

FIRST, SECOND, THIRD = "nl-eokm", "gb-iwf", "fr-pdc"
HOST, HOME, AWAY = "there.example", "here.example", "away.example"
WAIT_S = 15.0
ITEM, DISPOSITION, OUTCOME = 16, 32, 33
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id(member: str, at_ms: int) -> str:
    """Mint an id (§3.3)."""
    number = at_ms << 80 | secrets.randbits(80)
    return f"{member}." + "".join(CROCKFORD[number >> 5 * n & 31] for n in reversed(range(26)))


def item_of(member: str, now_ms: int) -> list[Any]:
    """Say what was found (§6.4): a page in the Netherlands, by its address alone."""
    url = f"https://{HOST}/{secrets.token_hex(4)}"
    evidence = [["192.0.2.7", "second-countries", "1", "NL"]]
    return [
        new_id(member, now_ms),
        new_id(member, now_ms),
        now_ms,
        "csam",
        "page",
        [url, 1, url, None, None],
        [],
        None,
        "public",
        None,
        None,
        now_ms - 1,
        now_ms,
        False,
        member,
        [[member, now_ms]],
        ["country", "NL", "high", evidence],
        [],
        [],
        [],
    ]


class World:
    """A network of one real node and one second peer."""

    def __init__(self, folder: Path, http: aiohttp.ClientSession) -> None:
        self.folder, self.processes = folder, ForkedVerbs(folder)
        self.dns, self.umbrella, self.port, peer, api = free_ports(5)
        own = folder / FIRST
        self.node = Node(FIRST, "NL", "The first", own, peer, api, self.processes, http)

    async def make(self) -> tuple[Member, Member, bytes]:
        """Start all but the two of the second kind, which are admitted; give them, and the pin."""
        places = {HOST: "192.0.2.7", HOME: "192.0.2.130", AWAY: "192.0.2.195"}
        zone = {n: [{"type": "A", "ttl": 60, "data": at}] for n, at in places.items()}
        file = self.folder / "zone.json"
        file.write_text(json.dumps(zone), encoding="utf-8")
        words = (str(DNS_SERVER), "--zone", str(file), "--port", str(self.dns))
        await self.processes.start("names", sys.executable, *words)
        config = ("--config", str(self.folder / "umbrella" / "network.toml"))
        made = await self.processes.hotline(
            "network", "create", "--name", "two", "--dir", str(self.folder / "umbrella"),
            *ONE_PERSON, "--listen-port", str(self.umbrella),
        )  # fmt: skip
        second = Member(SECOND, made["network"], "GB", f"https://127.0.0.1:{self.port}")
        third = Member(THIRD, made["network"], "FR", None)
        await self.node.init(made["network"])
        requests = [self.node.folder / "admission.json"]
        for one in (second, third):
            requests.append(self.folder / f"{one.id}.json")
            requests[-1].write_bytes(one.admission())
        for path in requests:
            await self.processes.hotline("network", "admit", str(path), *config)
        await self.processes.start("umbrella", str(HOTLINE), "network", "serve", *config)
        return second, third, bytes.fromhex(made["root_sha256"])

    @property
    def mirror(self) -> str:
        """Where the registry is."""
        return f"http://127.0.0.1:{self.umbrella}"

    async def directory(self, pin: bytes) -> Directory:
        """Follow the registry."""
        async with asyncio.timeout(WAIT_S):
            while True:
                try:
                    return await asyncio.to_thread(Directory.fetch, self.mirror, pin)
                except OSError:
                    await asyncio.sleep(0.1)

    async def start(self, pin: bytes) -> None:
        """Let the node join and run."""
        self.node.configure(self.dns)
        await self.node.join(pin.hex(), self.mirror)
        await self.node.start()
        await self.node.make_token()


def heard(listener: Listener, lane: str, kind: int) -> list[Any]:
    """Wait until the node has said something of a kind; give the first body."""
    channel = listener.channels[lane]
    with listener.heard:
        assert listener.heard.wait_for(lambda: channel.said(kind), WAIT_S)
        return channel.said(kind)[0][2]


class Talk:
    """What the two say to each other."""

    def __init__(self, world: World, own: Member, directory: Directory) -> None:
        self.world, self.own, self.directory = world, own, directory

    def outgoing(self, lane: str) -> Outgoing:
        """Open an epoch."""
        sent = Outgoing(self.own, self.directory, FIRST, lane)
        sent.open()
        return sent

    def hand_over(self) -> tuple[str, Outgoing, bytes]:
        """Say an item and get its receipt, the same one twice; give its id and leaf."""
        now_ms = int(time.time() * 1000)
        sent = self.outgoing("reports")
        item = item_of(self.own.id, now_ms)
        leaf = sent.say(ITEM, item[0], item)
        receipted_s = sent.push()
        assert abs(receipted_s - now_ms / 1000) < WAIT_S
        return item[0], sent, leaf

    def take_over(self, channel: Incoming) -> str:
        """Answer the item that came, and tell that it is gone; give its id."""
        at, entry_id, item = channel.said(ITEM)[0]
        now_ms, epoch = int(time.time() * 1000), channel.held.epoch
        assert epoch is not None
        event, leaf = new_id(self.own.id, now_ms), channel.leaves[epoch][at]
        sent = self.outgoing("status")
        origin = ["reports", epoch, at, leaf, entry_id]
        answer = [*origin, "new", item[0], self.own.id, None, now_ms]
        sent.say(DISPOSITION, leaf.hex(), answer)
        sent.push()
        action = [event, self.own.id, "removed", "checked", now_ms]
        news = [item[0], event, self.own.id, "acted", None, action, None]
        sent.say(OUTCOME, event, [*news, self.own.id, now_ms, now_ms])
        sent.push()
        return str(item[0])


async def found_by_the_second(talk: Talk, listener: Listener) -> str:
    """An item and its receipt; its disposition and its outcome, and receipts for both."""
    item, sent, leaf = await asyncio.to_thread(talk.hand_over)
    answer = await asyncio.to_thread(heard, listener, "status", DISPOSITION)
    assert answer[:4] == ["reports", sent.epoch, len(sent.entries) - 1, leaf]
    assert answer[5:8] == ["new", item, FIRST]
    path = f"/api/v1/items/{item}/assessments"
    await talk.world.node.api.post(path, {"verdict": "baseline"}, "verdict")
    news = await asyncio.to_thread(heard, listener, "status", OUTCOME)
    assert (news[0], news[2], news[3], news[4][2]) == (item, FIRST, "assessed", "baseline")
    return item


async def reported(talk: Talk, host: str) -> None:
    """Hand a report in at the node."""
    report = {"source": "public", "reference": host, "items": [{"url": f"https://{host}/1"}]}
    await talk.world.node.api.post("/api/v1/reports", report, host)


async def ended(talk: Talk, item: str) -> None:
    """The node hears that an item was taken, and that it is gone."""
    api = talk.world.node.api
    view: dict[str, Any] = {"closed_by": None}
    async with asyncio.timeout(WAIT_S):
        while view["closed_by"] is None:  # another process: no event of ours
            await asyncio.sleep(0.1)
            view = await api.get(f"/api/v1/items/{item}")
    assert (view["disposition"], view["closed_by"]) == ("new", "removed")
    assert view["responsible"] == talk.own.id


async def handed_to_the_second(talk: Talk, listener: Listener) -> str:
    """The node calls."""
    await reported(talk, HOME)
    await asyncio.to_thread(heard, listener, "reports", ITEM)
    item = await asyncio.to_thread(talk.take_over, listener.channels["reports"])
    await ended(talk, item)
    return item


async def handed_to_the_third(talk: Talk) -> str:
    """The node is asked, and told the receipt by the next pull."""
    await reported(talk, AWAY)
    puller = Puller(talk.own, talk.directory, FIRST, "reports")
    async with asyncio.timeout(WAIT_S):
        while not puller.channel.said(ITEM):
            await asyncio.to_thread(puller.pull)
    await asyncio.to_thread(puller.pull, 0)
    item = await asyncio.to_thread(talk.take_over, puller.channel)
    await ended(talk, item)
    return item


async def proved(world: World, pin: bytes, item: str, lanes: set[tuple[str, str]]) -> None:
    """What was said of an item is receipted by both, as a bundle of the node's shows."""
    file = world.folder / f"{item}.json"
    await world.node.hotline("evidence", "export", item, "--output", str(file))
    shown = check_bundle(file.read_bytes(), pin)
    assert {(one.sender, one.lane) for one in shown} == lanes
    assert all(one.time_s is not None for one in shown)


async def test_g1_a_second_implementation_gives_and_takes_items_and_what_became_of_them(
    tmp_path: Path,
) -> None:
    """Items, receipts, dispositions and outcomes: pushed to it, fetched by it, and its own."""
    async with aiohttp.ClientSession() as http:
        world = World(tmp_path, http)
        try:
            second, third, pin = await world.make()
            directory = await world.directory(pin)
            await world.start(pin)
            with Listener(second, directory, FIRST, tmp_path) as listener:
                talk = Talk(world, second, directory)
                own = await found_by_the_second(talk, listener)
                given = await handed_to_the_second(talk, listener)
            fetched = await handed_to_the_third(Talk(world, third, directory))
            await asyncio.gather(
                proved(world, pin, own, {(SECOND, "reports"), (FIRST, "status")}),
                proved(world, pin, given, {(FIRST, "reports"), (SECOND, "status")}),
                proved(world, pin, fetched, {(FIRST, "reports"), (THIRD, "status")}),
            )
            assert (await world.node.hotline("status", expect=(0, 1)))["tasks"] == []
        finally:
            await world.processes.end()
