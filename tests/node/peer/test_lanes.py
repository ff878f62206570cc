"""Urgency and backlog over real TLS on loopback: `gb-iwf` pushes, `nl-eokm` listens; real nodes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from keys.registry import Registry
from node.peer.http.client import HttpTransport
from node.peer.http.listener import listen
from node.peer.http.server import make_peer_app
from node.peer.transport import Reply
from protocol.vocabulary import Lane
from tests.node.peer.kit import Nonces
from tests.simulation.world import World

IWF, EOKM = "gb-iwf", "nl-eokm"
PLACE = "https://nl1.example/album/{}.jpg"
FULL = 8


@dataclass
class Pair:
    """The two nodes, and the way between them; the first push waits for `go_on`."""

    world: World
    http: HttpTransport | None = None
    port: int = 0
    pushed: list[str] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def registry(self) -> Registry:
        """The registry, with the listener where it is."""
        registry = self.world.registry
        document = replace(registry.member(EOKM), endpoint=f"https://127.0.0.1:{self.port}")
        return replace(registry, members={**registry.members, EOKM: document})

    async def push(self, peer: str, path: str, head: bytes, sealed: bytes) -> Reply:
        """Push over HTTP, once it may."""
        assert self.http is not None
        self.pushed.append(path)
        self.begun.set()
        await self.go_on.wait()
        return await self.http.push(peer, path, head, sealed)

    async def ask(self, peer: str, lane: Lane, nonce: bytes) -> Reply:
        """Ask over HTTP."""
        assert self.http is not None
        return await self.http.ask(peer, lane, nonce)

    async def hand_in(self, first: int, count: int, *, child_at_risk: bool = False) -> list[str]:
        """Hand in items for `nl-eokm`."""
        found = []
        for number in range(first, first + count):
            url = PLACE.format(number)
            self.world.now += 1  # ids sort by time
            result = await self.world[IWF].submit(url, child_at_risk=child_at_risk)
            found.append(result.items[0].item_id)
        await self.world[IWF].desk.locate_due()
        return found

    async def arrived(self) -> list[str]:
        """The items of the reports lane at `nl-eokm`, in the order in which they came."""
        await self.world[EOKM].desk.judge_due()
        found = await self.world[EOKM].store.writer.run(
            lambda c: c.execute(
                "SELECT item FROM entries_in WHERE item IS NOT NULL ORDER BY seq"
            ).fetchall()
        )
        return [row[0] for row in found]


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    """Give the two nodes, connected."""
    world = World(tmp_path)
    await world.start()
    sender, receiver, made = world[IWF], world[EOKM], Pair(world)
    app = make_peer_app(
        us=EOKM,
        inbox=receiver.inbox,
        registry=made.registry,
        transport_key=receiver.keys.transport,
        clock=world.clock,
        on_contact=receiver.delivery.contact,
    )
    runner = await listen(app, "127.0.0.1", 0, receiver.keys.tls)
    made.port = runner.addresses[0][1]
    made.http = HttpTransport(
        us=IWF,
        registry=made.registry,
        transport_key=sender.keys.transport,
        clock=world.clock,
        nonce=Nonces(),
    )
    sender.delivery.transport, sender.delivery.max_entries = made, FULL
    yield made
    await made.http.close()
    await runner.cleanup()
    await world.close()


async def test_a_backlog_goes_in_bounded_pushes_without_pauses(pair: Pair) -> None:
    """After a long absence one call sends it all."""
    pair.go_on.set()
    items = await pair.hand_in(0, 40)
    await pair.world[IWF].delivery.deliver(EOKM, Lane.REPORTS, pair.world.now)
    assert [path.rsplit("/", 1)[1] for path in pair.pushed] == ["0", "8", "16", "24", "32", "40"]
    assert await pair.arrived() == items


async def test_a_child_at_risk_is_one_push_away(pair: Pair) -> None:
    """It came while the first of six was on the wire, and goes with the second."""
    items = await pair.hand_in(0, 40)
    working = asyncio.create_task(
        pair.world[IWF].delivery.deliver(EOKM, Lane.REPORTS, pair.world.now)
    )
    await asyncio.wait_for(pair.begun.wait(), 20)
    (urgent,) = await pair.hand_in(100, 1, child_at_risk=True)
    pair.go_on.set()
    await working
    arrived = await pair.arrived()
    assert sorted(arrived) == sorted([*items, urgent])
    assert arrived.index(urgent) < FULL
