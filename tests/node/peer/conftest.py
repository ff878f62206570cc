"""A network, a listener of `nl-eokm` and the client of `gb-iwf`, on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web

from node.keeping import TransportInUse
from node.peer.http.allowances import DiskFloor
from node.peer.http.bodies import Patience
from node.peer.http.client import HttpTransport
from node.peer.http.door import Connections
from node.peer.http.listener import listen
from node.peer.http.quotas import Quota
from node.peer.http.server import make_peer_app
from node.peer.ledgers.ledger_endpoint import LedgerEndpoint
from tests.node.peer.kit import (
    EOKM,
    Answering,
    Calls,
    Clock,
    Impostor,
    Listening,
    MemoryInbox,
    Network,
    Pretend,
    Serve,
    transport,
)


@pytest.fixture
def network() -> Network:
    """Give a registry of three members."""
    return Network()


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands."""
    return Clock()


@pytest.fixture
async def serve(network: Network, clock: Clock) -> AsyncIterator[Serve]:
    """Give `serve(quota=, patience=, extra_routes=, ...)`, which starts a listener of `nl-eokm`."""
    runners: list[web.AppRunner] = []

    async def start(
        quota: Quota | None = None,
        patience: Patience | None = None,
        extra_routes: tuple[web.AbstractRouteDef, ...] = (),
        connections: Connections | None = None,
        floor: DiskFloor | None = None,
        ledgers: LedgerEndpoint | None = None,
    ) -> Listening:
        keys = network.keys[EOKM]
        made = Listening(network, clock, MemoryInbox(), Calls(0))
        made.signer = TransportInUse(keys.transport)
        app = make_peer_app(
            us=EOKM,
            inbox=made.inbox,
            registry=network,
            transport_key=made.signer,
            clock=clock,
            on_contact=made.contacts.append,
            on_registry_behind=lambda: made.behind.append(True),
            on_refused=made.refused.put_nowait,
            quota=replace(quota or Quota(), hold_s=0.001),
            patience=patience,
            floor=floor,
            ledgers=ledgers,
            extra_routes=extra_routes,
        )
        runner = await listen(app, "127.0.0.1", 0, keys.tls, connections)
        runners.append(runner)
        made.runner = runner
        made.calls.port = runner.addresses[0][1]
        network.move(EOKM, made.calls.port)
        return made

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def listening(serve: Serve) -> Listening:
    """Give a running listener of `nl-eokm`."""
    return await serve()


@pytest.fixture
async def client(network: Network, clock: Clock) -> AsyncIterator[HttpTransport]:
    """Give the way of `gb-iwf` to others."""
    made = transport(network, clock)
    yield made
    await made.close()


@pytest.fixture
async def pretend(network: Network) -> AsyncIterator[Pretend]:
    """Give `pretend(answering, keys=)`, which starts an impostor at the address of `nl-eokm`."""
    impostors: list[Impostor] = []

    async def start(answering: Answering, member: str = EOKM) -> Impostor:
        impostor = Impostor(network, network.keys[member], answering)
        impostors.append(impostor)
        await impostor.start()
        return impostor

    yield start
    for impostor in impostors:
        await impostor.stop()
