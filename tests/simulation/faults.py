"""What goes wrong beside the wire: one function for each kind, in one table.

Each is a function of (world, chance) that makes it happen now and returns whether it did. What the
wire does to single calls stands in `net.RATES`; what a hostile member does, in `hostile.py`.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from tests.simulation.burning import burnt
from tests.simulation.burying import BURYING
from tests.simulation.colluding import BY_COLLUDERS, COLLUDING
from tests.simulation.disowning import BY_OWNERS, DISOWNING
from tests.simulation.erasing import erase
from tests.simulation.governing import GOVERNING
from tests.simulation.hostile import HOSTILE
from tests.simulation.ledgers import BY_LEDGERS, LEDGERS
from tests.simulation.merging import BY_MERGERS, MERGING
from tests.simulation.robbing import BY_ROBBERS, ROBBING
from tests.simulation.rounds import handed_round
from tests.simulation.splitting import BY_SPLITS, SPLITTING
from tests.simulation.thief import THIEF
from tests.simulation.turning import (
    BY_TURNS,
    TURNING,
    replace_now,
    replace_sealing,
)

if TYPE_CHECKING:
    from tests.simulation.fleet import Fleet

DAY_MS = 86_400_000
Fault = Callable[["Fleet", random.Random], Awaitable[bool]]


async def crash(world: Fleet, chance: random.Random) -> bool:
    """A node dies between two steps, and comes back."""
    node = world.anybody(chance)
    if node is not None:
        await node.bounce()
    return node is not None


async def crash_at_commit(world: Fleet, chance: random.Random) -> bool:
    """Some node will die at one of the next commits, before or after it is durable."""
    if world.crash_at is not None and world.crash_at[0] > world.commits:
        return False
    world.crash_at = (world.commits + chance.randrange(1, 25), chance.choice(["before", "after"]))
    return True


async def away(world: Fleet, chance: random.Random) -> bool:
    """A node is away for hours or weeks."""
    node = world.anybody(chance)
    if node is None or len(world.back_at) + 2 > len(world.nodes):
        return False
    await node.crash()
    world.back_at[node.member] = world.now + chance.choice([1, 8, 72, 500]) * 3_600_000
    return True


async def backup(world: Fleet, chance: random.Random) -> bool:
    """A backup is made."""
    node = world.anybody(chance)
    if node is not None:
        node.save()
    return node is not None


async def _roll_back(world: Fleet, chance: random.Random, *, said: bool, count: int = 1) -> bool:
    able = [node for node in world.honest if node.up and node.backup is not None]
    if len(able) < count:
        return False
    for node in chance.sample(able, count):
        await node.roll_back(said=said)
        await _old_push(world, node.member, chance)
    return True


async def _old_push(world: Fleet, member: str, chance: random.Random) -> None:
    """What was under way to or from a restored node arrives now."""
    seen = [m for m in world.net.sent if member in (m.sender, m.peer)]
    if seen and chance.random() < 0.6:
        message = chance.choice(seen)
        if world[message.peer].up:
            world.net.happened["old_push_after_restore"] += 1
            await world.net.arrive(message)


async def restored(world: Fleet, chance: random.Random) -> bool:
    """A disk is lost; a backup is brought back, and the operator says so."""
    return await _roll_back(world, chance, said=True)


async def rolled_back(world: Fleet, chance: random.Random) -> bool:
    """A disk goes back in time, and nobody knows."""
    return await _roll_back(world, chance, said=False)


async def restored_both(world: Fleet, chance: random.Random) -> bool:
    """Two nodes lose their disks at once."""
    return await _roll_back(world, chance, said=True, count=2)


async def total_loss(world: Fleet, chance: random.Random) -> bool:
    """A disk and all of its backups are lost."""
    node = world.anybody(chance)
    if node is not None:
        await node.lose_everything()
    return node is not None


async def clock_off(world: Fleet, chance: random.Random) -> bool:
    """A clock jumps by seconds, hours or days, either way."""
    node = world.anybody(chance)
    if node is not None:
        node.skew_ms = chance.choice([-1, 1]) * chance.choice([20_000, 3_600_000, 4 * DAY_MS])
    return node is not None


async def clock_right(world: Fleet, chance: random.Random) -> bool:
    """A clock that was off is set."""
    off = [node for node in world.honest if node.skew_ms]
    if off:
        chance.choice(off).skew_ms = 0
    return bool(off)


async def suspend(world: Fleet, chance: random.Random) -> bool:
    """A member is suspended."""
    node = world.anybody(chance)
    if node is not None:
        world.set_status(node.member, "suspended")
    return node is not None


async def suspend_mid_push(world: Fleet, chance: random.Random) -> bool:
    """A member will be suspended while its next push is under way."""
    node = world.anybody(chance)
    if node is not None:
        world.before_next_push = node.member
    return False  # counted by the net, when it happens


async def reinstate(world: Fleet, chance: random.Random) -> bool:
    """A suspended member is readmitted."""
    entries = world.umbrella.registry.network.members
    out = [member for member, entry in sorted(entries.items()) if entry.status == "suspended"]
    if out:
        world.set_status(chance.choice(out), "active")
    return bool(out)


async def registry_withheld(world: Fleet, chance: random.Random) -> bool:
    """A node sees no newer registry than it has."""
    node = world.anybody(chance)
    if node is not None:
        node.withheld = True
    return node is not None


async def rotate_sealing(world: Fleet, chance: random.Random) -> bool:
    """A new sealing key is published, the old one destroyed: who seals to it is told `rekey`."""
    node = world.anybody(chance)
    if node is None:
        return False
    replace_sealing(world, node)
    await node.bounce()
    return True


async def rotate_log(world: Fleet, chance: random.Random) -> bool:
    """A new log key is published and used at once: `registry_behind` for who is behind."""
    node = world.anybody(chance)
    if node is None:
        return False
    replace_now(world, node, "log")
    if chance.random() < 0.7:
        node.view = world.umbrella.registry
    await node.bounce()
    return True


FAULTS: dict[str, Fault] = {
    "crash": crash,
    "crash_at_commit": crash_at_commit,
    "away": away,
    "backup": backup,
    "restored": restored,
    "rolled_back": rolled_back,
    "restored_both": restored_both,
    "total_loss": total_loss,
    "burnt": burnt,
    "clock_off": clock_off,
    "clock_right": clock_right,
    "suspend": suspend,
    "suspend_mid_push": suspend_mid_push,
    "reinstate": reinstate,
    "registry_withheld": registry_withheld,
    "rotate_sealing": rotate_sealing,
    "rotate_log": rotate_log,
    "erase": erase,
    "handed_round": handed_round,
    **BURYING,
    **TURNING,
    **THIEF,
    **DISOWNING,
    **ROBBING,
    **SPLITTING,
    **LEDGERS,
    **COLLUDING,
    **HOSTILE,
    **GOVERNING,
    **MERGING,
}
"""Each kind of fault that a plan may hold."""

BY_THE_NET = (
    "arrived_late",
    "reordered",
    "clocks_refused",
    "suspended_mid_push",
    "old_push_after_restore",
    "pulled",
    "thief_refused",
    *BY_TURNS,
    *BY_ROBBERS,
    *BY_SPLITS,
    *BY_LEDGERS,
    *BY_COLLUDERS,
    *BY_OWNERS,
    *BY_MERGERS,
)
"""What the net counts beside its rates, since it follows from other faults."""
