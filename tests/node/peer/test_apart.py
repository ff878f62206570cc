"""G11: what nobody expects of one member counts as its failure, and the others have their turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from node.peer.ledgers.ledger_exchange import LedgerExchange
from node.peer.ledgers.witnessing import candidates
from node.peer.transport import Reply
from tests.simulation.looking import rows
from tests.simulation.world import Node, Wire, World

SOL, ECO, IWF, EOKM, PDC = "at-sol", "de-eco", "gb-iwf", "nl-eokm", "fr-pdc"


@dataclass
class Failing(Wire):
    """A way to others on which our own program fails at what some of them send."""

    at: set[str]

    async def push(self, peer: str, path: str, head: bytes, sealed: bytes) -> Reply:
        """Fail at one."""
        self._meet(peer)
        return await super().push(peer, path, head, sealed)

    async def add_checkpoint(self, peer: str, body: bytes) -> bytes | int:
        """Fail at one."""
        self._meet(peer)
        return await super().add_checkpoint(peer, body)

    async def exchange(self, peer: str, about: LedgerExchange, body: bytes) -> bytes:
        """Fail at one."""
        self._meet(peer)
        return await super().exchange(peer, about, body)

    def _meet(self, peer: str) -> None:
        if peer in self.at:
            raise LookupError


@pytest.fixture
def failing_at() -> set[str]:
    """Give the members at which gb-iwf fails; none yet."""
    return set()


@pytest.fixture
async def world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing_at: set[str]
) -> AsyncIterator[World]:
    """Give five members, of which gb-iwf has channels with the first by name and the last."""
    world = World(tmp_path, [SOL, ECO, IWF, EOKM, PDC])

    def wire(node: Node) -> Wire:
        if node.member == IWF:
            return Failing(world, IWF, failing_at)
        return Wire(world, node.member)

    monkeypatch.setattr(Node, "wire", wire)
    await world.start()
    await world[SOL].submit("https://gb1.example/1.jpg")
    await world[IWF].submit("https://nl1.example/1.jpg")
    await world.settle()
    yield world
    await world.close()


async def test_g11_a_ledger_is_compared_with_the_others(world: World, failing_at: set[str]) -> None:
    """And the one is asked again after a pause."""
    failing_at.add(SOL)
    for member in (IWF, EOKM, PDC):
        await world[member].keep_ledger()
    assert await world[IWF].crosscheck.check_due(world.now) == 1
    found = await world[IWF].store.crosschecks.checks()
    assert found[EOKM].good_ms == world.now
    assert found[SOL].problem == "call_failed"
    assert found[SOL].next_ms > world.now


async def test_g11_a_ledger_is_witnessed_by_the_others(world: World, failing_at: set[str]) -> None:
    """Where the one is asked before them."""
    failing_at.add(first := candidates(world.registry, IWF)[0])
    await world[IWF].keep_ledger()
    head = await world[IWF].store.cosignatures.newest()
    assert head is not None
    assert len(head.given) >= 2
    assert (await world[IWF].store.cosignatures.asks())[first].problem == "call_failed"


@dataclass
class Slow(Wire):
    """A way to others on which one answers each call just in time, and would for ever."""

    at: str

    async def add_checkpoint(self, peer: str, body: bytes) -> bytes | int:
        """Take time at one."""
        await self._meet(peer)
        return await super().add_checkpoint(peer, body)

    async def exchange(self, peer: str, about: LedgerExchange, body: bytes) -> bytes:
        """Take time at one."""
        await self._meet(peer)
        return await super().exchange(peer, about, body)

    async def _meet(self, peer: str) -> None:
        if peer == self.at:
            await asyncio.sleep(20)


async def test_g11_who_answers_slowly_keeps_the_ledgers_of_others_waiting_for_a_while_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has failed then, as comparer and as witness, and is asked again after a pause."""
    first = candidates(world.registry, IWF)[0]
    assert first in {EOKM, PDC, SOL, ECO}
    await world[IWF].submit(f"https://{first[:2]}9.example/1.jpg")
    await world.settle()
    for member in (SOL, ECO, EOKM, PDC):
        await world[member].keep_ledger()
    node, wire = world[IWF], Slow(world, IWF, first)
    for one in (node.crosscheck, node.witnessing, node.lineages):
        monkeypatch.setattr(one, "_transport", wire)
    monkeypatch.setattr("node.peer.apart.AT_MOST_S", 0.2)
    async with asyncio.timeout(10):
        await node.keep_ledger()
        assert await node.crosscheck.check_due(world.now) > 0
    checks = await node.store.crosschecks.checks()
    assert checks[first].problem == "peer_timeout"
    assert checks[first].next_ms > world.now
    assert (await node.store.cosignatures.asks())[first].problem == "peer_timeout"


async def test_g11_what_waits_for_one_is_tried_again_after_a_pause(
    world: World, failing_at: set[str]
) -> None:
    """Its row says why, as after any failure."""
    failing_at.add(SOL)
    await world[IWF].submit("https://at1.example/1.jpg")
    await world[IWF].work()
    sql = "SELECT problem, next_attempt_ms FROM channels_out WHERE peer = ? AND problem IS NOT NULL"
    [(problem, next_ms)] = rows(world[IWF], sql, SOL)
    assert problem == "call_failed"
    assert next_ms > world.now
