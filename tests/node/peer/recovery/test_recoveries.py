"""A recovery over real TLS: what nl-eokm had said to gb-iwf comes back page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from node.coming_back import build_coming_back
from node.matching.fingerprints import Fingerprints
from node.peer.errors import PeerRefusedError
from node.peer.http import wire
from node.peer.http.client import HttpTransport
from node.peer.http.listener import listen
from node.peer.http.server import make_peer_app
from protocol import recovery
from protocol.recovery import Recover, Scope, Standing, StandingCode
from protocol.vocabulary import Lane
from tests.node.peer.kit import Nonces
from tests.simulation.recovering import burn, decide, finish
from tests.simulation.world import World

EOKM, IWF = "nl-eokm", "gb-iwf"
FIRST = Recover(1, Scope.EVERYTHING, None, 0)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give two nodes: what they say in memory is asked back over TLS."""
    made = World(tmp_path, (IWF, EOKM))
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def ask(world: World) -> AsyncIterator[HttpTransport]:
    """Give the way of nl-eokm to the listener of gb-iwf, in a registry that knows its port."""
    peer = world[IWF]
    app = make_peer_app(
        us=IWF,
        inbox=peer.inbox,
        recoveries=peer.handing_back,
        registry=peer.registry,
        transport_key=peer.keys.transport,
        clock=world.clock,
        on_contact=lambda _member: None,
    )
    runner = await listen(app, "127.0.0.1", 0, peer.keys.tls)
    port = runner.addresses[0][1]
    document = replace(world.registry.member(IWF), endpoint=f"https://127.0.0.1:{port}")
    members = {**world.registry.members, IWF: document}
    world.registry = replace(world.registry, members=members)
    client = HttpTransport(
        us=EOKM,
        registry=lambda: world.registry,
        transport_key=world[EOKM].keys.transport,
        clock=world.clock,
        nonce=Nonces(),
    )
    yield client
    await client.close()
    await _cleanup(runner)


async def _cleanup(runner: web.AppRunner) -> None:
    await runner.cleanup()


async def over(world: World, transport: HttpTransport) -> None:
    """Let nl-eokm ask over this transport."""
    node = world[EOKM]
    node.coming_back = build_coming_back(
        us=EOKM,
        store=node.store,
        desk=node.desk,
        fingerprints=Fingerprints(node.keys.fingerprint_secret),
        transport=transport,
        registry=node.registry,
        sealing_key=lambda key_id: next(
            (key for key in node.keys.sealing if key.public.key_id == key_id), None
        ),
        node_secret=node.keys.node_secret,
        clock=world.clock,
        jitter=lambda _n: 0,
        on_registry_behind=lambda: None,
        on_whole=node.delivery.load,
    )
    await node.coming_back.look()


async def test_g9_a_burnt_node_comes_back_over_tls(world: World, ask: HttpTransport) -> None:
    """Signed requests, pinned keys, pages sealed for this purpose; then it goes on as before."""
    items = []
    for number in range(3):
        taken = await world[EOKM].submit(f"https://gb{number}.example/1.jpg")
        items.append(taken.items[0].item_id)
        await world.settle()
    await burn(world, EOKM)
    await over(world, ask)
    await world.settle()
    assert decide(world, IWF, EOKM) == "decided"
    world.now += 61_000
    await world.settle()
    progress = {one.lane: one for one in await world[EOKM].store.recovered.progress()}
    assert progress[Lane.REPORTS].standing == "end"
    await finish(world, EOKM)
    for item in items:
        assert (await world[EOKM].state(item)).responsible == IWF
    assert world[EOKM].verify().found == []


async def test_what_is_not_a_request_is_answered_and_changes_nothing(
    world: World, ask: HttpTransport
) -> None:
    """Malformed and too large, each by its code."""
    path = recovery.recover_path(EOKM, Lane.REPORTS)
    for body, code in ((b"\xc0", "malformed"), (b"\xc0" * 65, "too_large")):
        with pytest.raises(PeerRefusedError) as refused:
            await ask.recover(IWF, path, body)
        assert refused.value.reason == code
    assert await world[IWF].store.queries.tasks() == []


async def test_nobody_asks_for_what_another_had_said(world: World, ask: HttpTransport) -> None:
    """The path names the caller; another's is refused before anything is read."""
    path = recovery.recover_path("fr-pdc", Lane.REPORTS)
    with pytest.raises(PeerRefusedError) as refused:
        await ask.recover(IWF, path, recovery.to_bytes(FIRST))
    assert refused.value.reason == "foreign_channel"


async def test_g11_what_is_handed_back_counts_against_the_bytes_of_the_day(
    world: World, ask: HttpTransport
) -> None:
    """Over them the peer is busy: what is left comes another day."""
    await world[EOKM].submit("https://gb1.example/1.jpg")
    await world.settle()
    await burn(world, EOKM)
    body, path = recovery.to_bytes(FIRST), recovery.recover_path(EOKM, Lane.REPORTS)
    assert await ask.recover(IWF, path, body) == Standing(1, StandingCode.WAITING)
    decide(world, IWF, EOKM)
    policy = {"peer_bytes_per_day": 40_000}
    network = replace(world.registry.network, policy=policy)
    world.registry = replace(world.registry, network=network)
    page = await ask.recover(IWF, path, body)
    assert isinstance(page, recovery.Page)
    left = 40_000 // len(page.to_bytes())  # the last one is longer than what is left
    assert left > 1
    for _ in range(left):
        assert isinstance(await ask.recover(IWF, path, body), recovery.Page)
    with pytest.raises(PeerRefusedError) as refused:
        await ask.recover(IWF, path, body)
    assert refused.value.reason == "busy"


async def test_g1_a_page_longer_than_the_bytes_of_a_day_comes(
    world: World, ask: HttpTransport
) -> None:
    """It is made up for afterwards; else who lost its node would never have it back."""
    await world[EOKM].submit("https://gb1.example/1.jpg")
    await world.settle()
    await burn(world, EOKM)
    body, path = recovery.to_bytes(FIRST), recovery.recover_path(EOKM, Lane.REPORTS)
    assert await ask.recover(IWF, path, body) == Standing(1, StandingCode.WAITING)
    decide(world, IWF, EOKM)
    network = replace(world.registry.network, policy={"peer_bytes_per_day": 1000})
    world.registry = replace(world.registry, network=network)
    assert isinstance(await ask.recover(IWF, path, body), recovery.Page)
    with pytest.raises(PeerRefusedError) as refused:
        await ask.recover(IWF, path, body)
    assert refused.value.reason == "busy"


async def test_a_page_is_a_fruitful_answer() -> None:
    """A member that comes back is not slowed down as one that asks for nothing."""
    assert wire.is_fruitful(wire.Wire(200, wire.PAGE_TYPE, b""))
    assert wire.is_fruitful(wire.Wire(200, wire.RECOVER_TYPE, b"")), "as one that brings a page"
    assert not wire.is_fruitful(wire.Wire(200, wire.STANDING_TYPE, b""))
