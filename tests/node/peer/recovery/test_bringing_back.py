"""§8.13.10 over real TLS: a member that only pulls brings back what nl-eokm had said to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest

from node.peer.errors import PeerRefusedError
from node.peer.http import wire
from node.peer.http.client import HttpTransport
from node.peer.http.listener import listen
from node.peer.http.server import make_peer_app
from protocol import answers, recovery
from protocol.checkpoint import read_checkpoint
from protocol.recovery import Page, Recover, Scope, Standing, StandingCode
from protocol.vocabulary import Lane
from tests.node.peer.kit import Nonces
from tests.simulation.recovering import burn, decide, finish
from tests.simulation.world import World

EOKM, IWF = "nl-eokm", "gb-iwf"
WAITING = Standing(1, StandingCode.WAITING)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give nl-eokm, which is burnt, and gb-iwf, which nobody can call and which holds two items."""
    made = World(tmp_path, (IWF, EOKM), unreachable=IWF)
    await made.start()
    for number in range(2):
        await made[EOKM].submit(f"https://gb{number}.example/1.jpg")
        await made.settle()
    await burn(made, EOKM)
    yield made
    await made.close()


@pytest.fixture
async def bring(world: World) -> AsyncIterator[HttpTransport]:
    """Give the way of gb-iwf to the listener of nl-eokm, in a registry that knows its port."""
    node = world[EOKM]
    app = make_peer_app(
        us=EOKM,
        inbox=node.inbox,
        brought=node.coming_back,
        registry=node.registry,
        transport_key=node.keys.transport,
        clock=world.clock,
        on_contact=lambda _member: None,
    )
    runner = await listen(app, "127.0.0.1", 0, node.keys.tls)
    document = world.registry.member(EOKM)
    document = replace(document, endpoint=f"https://127.0.0.1:{runner.addresses[0][1]}")
    world.registry = replace(world.registry, members={**world.registry.members, EOKM: document})
    client = HttpTransport(
        us=IWF,
        registry=lambda: world.registry,
        transport_key=world[IWF].keys.transport,
        clock=world.clock,
        nonce=Nonces(),
    )
    world[IWF].bringing_back.transport = client
    yield client
    await client.close()
    await runner.cleanup()


async def standing(world: World) -> str:
    """How the asking of nl-eokm for its reports stands."""
    progress = {one.lane: one for one in await world[EOKM].store.recovered.progress()}
    return progress[Lane.REPORTS].standing


async def test_g9_a_peer_that_only_pulls_brings_all_back_over_tls(
    world: World, bring: HttpTransport
) -> None:
    """Signed requests, pinned keys, sealed pages; and the channels go on afterwards."""
    del bring
    bringing = world[IWF].bringing_back
    assert await bringing.bring_due() == 0
    assert await standing(world) == "waiting"
    decide(world, IWF, EOKM)
    world.now += 61_000
    assert await bringing.bring_due() > 0
    assert await standing(world) == "end"
    await finish(world, EOKM)
    assert world[EOKM].verify().found == []
    assert world[EOKM].verify().counts["items"] == 2


async def test_8_13_first_visit_is_told_what_is_asked_for(
    world: World, bring: HttpTransport
) -> None:
    """Everything, from the start."""
    del world
    assert await bring.bring(EOKM, Lane.REPORTS, WAITING) == Recover(1, Scope.EVERYTHING, None, 0)


class Circling:
    """The way to a member that asks for the same again and again, and never for what it had."""

    def __init__(self, world: World) -> None:
        self.bytes = 0
        self._world = world
        self._next = cycle([(None, 0), (b"", 1)])
        self._epoch = b""

    async def bring(self, _peer: str, _lane: Lane, brought: Page | Standing) -> Recover | Standing:
        """Answer with one place, then with another one before it."""
        self._world.now += 1000
        if isinstance(brought, Page):
            self.bytes += len(brought.sealed)
            self._epoch = read_checkpoint(brought.head.note).origin.epoch
        if self.bytes > 1 << 20:
            pytest.fail("it is brought pages without end")
        epoch, size = next(self._next)
        return Recover(1, Scope.ERASURES, None if epoch is None else self._epoch, size)


async def test_g11_who_asks_in_circles_keeps_no_other_waiting(
    world: World, bring: HttpTransport
) -> None:
    """Nobody has to allow erasures: so a round ends, and the bytes of a day do."""
    del bring
    bringing = world[IWF].bringing_back
    bringing.transport = way = Circling(world)
    for _ in range(3):
        assert await bringing.bring_due() > 0
    members = world.registry
    policy = {**members.network.policy, "peer_bytes_per_day": 1000}
    world.registry = replace(members, network=replace(members.network, policy=policy))
    await bringing.bring_due()
    before = way.bytes
    for _ in range(3):
        world.now += 601_000
        await bringing.bring_due()
    assert way.bytes == before


@pytest.mark.parametrize(
    ("media_type", "body", "code"),
    [
        (wire.STANDING_TYPE, b"\x90", "malformed"),
        (wire.STANDING_TYPE, b"\x92\x01\xa7waiting" + bytes(60), "too_large"),
        (wire.PAGE_TYPE, bytes(40), "malformed"),
    ],
)
async def test_g11_what_is_neither_a_page_nor_a_standing_is_refused(
    world: World, bring: HttpTransport, media_type: str, body: bytes, code: str
) -> None:
    """And nothing is kept of it."""
    path = recovery.bring_path(IWF, Lane.REPORTS)
    with pytest.raises(PeerRefusedError, match=code):
        await _raw(bring, path, body, media_type)
    assert await world[EOKM].store.recovered.progress() == []


async def _raw(bring: HttpTransport, path: str, body: bytes, media_type: str) -> None:
    reply = await bring._call(EOKM, "POST", path, (body,), media_type)
    raise PeerRefusedError(answers.from_bytes(reply.body).code)
