"""What is erased after it was signed and before it arrived: its receiver is told what is missing.

The push that carried it is lost on the way, and its sender's people erase the item meanwhile. That
push is never sent again; the next epoch says a `Tombstone` in its place (docs/protocol.md §8.8.2).
Whoever owns the net kept a copy of the push, and may bring it all the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

from node.casework.ending.erasing import Cause
from tests.simulation.erasing import erase_at
from tests.simulation.looking import rows
from tests.simulation.mortal import CrashedError

if TYPE_CHECKING:
    from node.casework.item import ItemState
    from tests.simulation.fleet import Fleet, FleetNode
    from tests.simulation.oracle import Disk

Disks = dict[str, "Disk"]
SIGNED = (
    "SELECT m.peer, m.entry_id FROM messages_out m WHERE m.entry IS NULL"
    " AND EXISTS (SELECT 1 FROM log_out l WHERE l.message = m.seq)"
)
"""Messages that stood in a log of their sender's and were erased."""
MISSING = "entry_missing"


async def erased_undelivered(world: Fleet, chance: random.Random) -> bool:
    """An item goes into a push that is lost, and is erased where it was found."""
    up = [node for node in world.honest if node.up and not node.desk.closed()]
    if len(up) < 2:
        return False
    node, other = chance.sample(up, 2)
    try:
        state = await _lost_on_the_way(world, node, other.member[:2], chance)
    except CrashedError as crashed:
        await world.revive(crashed.member)
        return False
    finally:
        world.net.swallows = False
    if not await erase_at(world, node, state, chance.choice((Cause.WITHDRAWAL, Cause.ERROR))):
        return False
    return any(not _holds(world[peer], node, name) for peer, name in rows(node, SIGNED))


async def _lost_on_the_way(
    world: Fleet, node: FleetNode, country: str, chance: random.Random
) -> ItemState:
    """Hand in an item that is another's to take, and lose every push that is made of it."""
    number = chance.randrange(10)
    reference = f"R-{chance.randrange(1_000_000)}"
    result = await node.submit(
        f"https://{country}{number}.example/{number}.jpg", reference=reference
    )
    item = result.items[0].item_id
    world.oracle.accepted(node, reference, item)
    await node.desk.locate_due()
    world.net.swallows = True
    await node.delivery.deliver_due(node.clock())
    return await node.state(item)


def _holds(receiver: FleetNode, sender: FleetNode, name: bytes) -> bool:
    """Whether an entry of this id, or what is left of one, is in custody."""
    disk = receiver.fleet.oracle.disk_of(receiver)
    return (sender.member, name) in disk.custody


def judge_buried(world: Fleet, disks: Disks) -> Iterator[tuple[str, str]]:
    """G1, §8.8.2: what was signed, erased and never arrived is named to who was to have it.

    Unless a disk was lost on either side: an erasure that a restored node forgot is none.
    """
    for node in world.honest:
        for peer, name in rows(node, SIGNED):
            if not _judged(world, node.member, peer):
                continue
            receiver = disks[peer]
            if (node.member, name) in receiver.custody:
                continue
            if (node.member, name) not in receiver.told_of:
                yield "lost", f"{node.member} -> {peer}: erased before it arrived, in silence"
            elif not any(
                code == MISSING and subject.startswith(node.member)
                for code, subject in receiver.tasks
            ):
                yield "lost", f"{node.member} -> {peer}: what is missing stands before nobody"


def _judged(world: Fleet, sender: str, receiver: str) -> bool:
    """Whether both keep the rules, and neither lost a disk or met a thief."""
    oracle, pair = world.oracle, (sender, receiver)
    honest = {one.member for one in world.honest}
    lost = oracle.disks[sender] + oracle.disks[receiver]
    return receiver in honest and not lost and pair not in oracle.robbed | oracle.deceived


BURYING = {"erased_undelivered": erased_undelivered}
