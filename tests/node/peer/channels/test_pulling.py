"""A member that can only pull is worth no less: what a sender may cost it is bounded (G11)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from node.peer.http.allowances import DiskFloor
from node.peer.transport import PullTransport, Reply
from protocol.vocabulary import Lane
from tests.simulation.world import World

IWF, EOKM = "gb-iwf", "nl-eokm"
REPORTS = Lane.REPORTS


@dataclass
class Repeating:
    """The way to a sender that offers what it offered first, whatever it is told.

    `garbled`: so that it does not open. `padding`: bytes of anything behind it.
    """

    inner: PullTransport
    garbled: bool = False
    padding: int = 0
    offered: list[Reply] = field(default_factory=list)
    pulls: int = 0

    async def pull(self, peer: str, path: str, body: bytes, wait_s: int) -> Reply:
        """Give the first offer of a push, again and again."""
        if not self.offered:
            reply = await self.inner.pull(peer, path, body, wait_s)
            if len(reply.body) < 1000:
                return reply
            last = reply.body[-1] ^ self.garbled
            body = reply.body[:-1] + bytes((last,)) + bytes(self.padding)
            self.offered.append(Reply(reply.status, body))
        self.pulls += 1
        assert self.pulls < 20, "pulled without a pause"
        return self.offered[0]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give members of whom `nl-eokm` cannot be called, with three items on their way to it."""
    made = World(tmp_path, unreachable=EOKM)
    await made.start()
    for number in range(3):
        await made[IWF].submit(f"https://nl1.example/{number}.jpg")
    await made[IWF].desk.locate_due()
    yield made
    await made.close()


def allow(world: World, **policy: int) -> None:
    """Let the network say what one member may cost another."""
    network = replace(world.registry.network, policy=policy)
    world.registry = replace(world.registry, network=network)


async def pull(world: World) -> int:
    """Let `nl-eokm` pull until there is nothing or it pauses; return how much it took."""
    world.now += 60_000
    return await world[EOKM].pulling.pull(IWF, REPORTS)


async def test_g11_a_push_that_is_offered_again_and_again_is_not_pulled_without_a_pause(
    world: World,
) -> None:
    """It brings nothing, however often; its sender kept us at it for ever."""
    pulling = world[EOKM].pulling
    pulling.transport = Repeating(pulling.transport)
    assert await pull(world) > 0
    assert await pull(world) == 0


@pytest.mark.parametrize(
    "policy",
    [{"peer_entries_per_day": 0}, {"peer_bytes_per_day": 0}, {"peer_epochs_per_hour": 0}],
    ids=lambda policy: next(iter(policy)),
)
async def test_g11_what_is_pulled_counts_as_what_is_pushed(
    world: World, policy: dict[str, int]
) -> None:
    """Over a bound nothing is taken, and nothing is lost: it is offered again."""
    allow(world, **policy)
    assert await pull(world) == 0
    assert (await world[EOKM].store.inbox.told(IWF, REPORTS))[0].position.size == 0
    allow(world)
    assert await pull(world) > 0


async def test_g11_a_full_disk_of_a_puller_keeps_its_rest_for_its_own_intake(world: World) -> None:
    """Nothing of others is asked for until there is room."""
    free = [0]
    world[EOKM].pulling.floor = DiskFloor(1, lambda: free[-1])
    assert await pull(world) == 0
    free.append(1)
    assert await pull(world) > 0


async def test_g11_garbage_is_pulled_so_often_and_no_more(world: World) -> None:
    """What was opened for nothing is counted; then its sender is left alone."""
    allow(world, peer_wasted_per_hour=1)
    pulling = world[EOKM].pulling
    pulling.transport = sender = Repeating(pulling.transport, garbled=True)
    for _ in range(4):
        await pull(world)
    assert sender.pulls == 1


async def test_g11_what_is_pulled_for_nothing_counts_whatever_it_is(world: World) -> None:
    """What was read beyond the bound is made up for before anything more is asked."""
    allow(world, peer_bytes_per_day=100_000)
    pulling = world[EOKM].pulling
    pulling.transport = sender = Repeating(pulling.transport, padding=1_000_000)
    for _ in range(8):
        await pull(world)
    assert sender.pulls == 1


async def test_g11_what_is_held_is_offered_so_often_and_no_more(world: World) -> None:
    """Each time is one for nothing, after which the pause grows; then its sender is left alone."""
    allow(world, peer_wasted_per_hour=2)
    pulling = world[EOKM].pulling
    pulling.transport = sender = Repeating(pulling.transport)
    for _ in range(8):
        await pull(world)
    assert sender.pulls == 3
    assert (IWF, REPORTS) not in pulling.due(world.now)
