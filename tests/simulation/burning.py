"""A machine burns, and its people bring it back from its peers (§8.13), while faults go on.

The people at each peer allow what is asked. At the member they end the asking when every channel is
back, or when it has taken too long: then they go on without the rest.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from keys.recovering import Recovering
from keys.sealing import SealingKey
from node.store.recovery import handing_back, recovered
from tests.simulation.mortal import CrashedError
from tests.simulation.turning import publish

if TYPE_CHECKING:
    from protocol.vocabulary import Lane
    from tests.simulation.fleet import Fleet, FleetNode

PATIENCE = 40
"""So often people look before they end a recovery that is not whole."""
LOOK_MS = 5_000


class Ended(NamedTuple):
    """How many disks the peer and the member had lost, and which entries of it the peer held.

    What the network brings to an empty peer only afterwards, the member cannot have had from it.
    """

    disks: tuple[int, int]
    held: frozenset[bytes]


@dataclass
class Comeback:
    """What people know of one recovery: how often they looked, and from whom all came back.

    `ended`: what stood when a peer had said all of a lane; `whole`: of a peer, all its lanes.
    """

    looked: int = 0
    ended: dict[tuple[str, Lane], Ended] = field(default_factory=dict)
    whole: dict[str, Ended] = field(default_factory=dict)


async def burnt(world: Fleet, chance: random.Random) -> bool:
    """A disk and all backups of it burn; the member recovers from its peers."""
    up = [node for node in world.honest if node.up]
    if not up:
        return False
    node = chance.choice(up)
    await node.burn(SealingKey.generate())
    return True


def recovering(node: FleetNode) -> bool:
    """Whether a node runs that asks its peers for what it had said."""
    return node.up and node.desk.closed()


async def attend(world: Fleet) -> int:
    """People look at every recovery; returns how many are under way."""
    busy = [node for node in world.honest if recovering(node)]
    for node in busy:
        try:
            for peer in world.nodes.values():
                if peer is not node and peer.up:
                    await _allow(peer, node.member)
            await _look(world, node)
        except CrashedError as crashed:
            await world.revive(crashed.member)
    return len(busy)


async def _allow(peer: FleetNode, member: str) -> None:
    now = peer.clock()
    await peer.store.writer.run(
        lambda c: handing_back.decide(c, member, now, allowed=True, again=True)
    )


async def _look(world: Fleet, node: FleetNode) -> None:
    if await node.store.recovered.phase() != recovered.ASKING:
        return
    node.comeback.looked += 1
    progress = await node.store.recovered.progress()
    left = [one for one in progress if one.standing != "end"]
    ended = node.comeback.ended
    for one in progress:
        if one.standing == "end" and (one.peer, one.lane) not in ended:
            ended[one.peer, one.lane] = _ended(world, one.peer, node.member)
    unfinished = {one.peer for one in left}
    if (left or not progress) and node.comeback.looked < PATIENCE:
        return
    node.comeback.whole = {
        peer: _by_all([was for (member, _), was in ended.items() if member == peer])
        for peer in sorted({one.peer for one in progress} - unfinished)
    }
    await node.store.writer.run(recovered.end)
    node.recovering = None
    publish(world, node)


def _by_all(lanes: list[Ended]) -> Ended:
    """What stood when the first of the lanes was at its end, the disks when the last was."""
    return Ended(lanes[-1].disks, frozenset.intersection(*(was.held for was in lanes)))


def _ended(world: Fleet, peer: str, member: str) -> Ended:
    disks = world.oracle.disks
    custody = world.oracle.disk_of(world.nodes[peer]).custody
    held = frozenset(identity for sender, identity in custody if sender == member)
    return Ended((disks[peer], disks[member]), held)


def begun(node: FleetNode, key: SealingKey) -> Recovering:
    """What the member's document says from here on."""
    return Recovering(key.public.key_id, node.clock())
