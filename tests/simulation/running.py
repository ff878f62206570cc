"""Running one plan to its end: the faults, then the healing, then the judgement."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType

from node.casework.mistakes.mass import TASK
from node.store.items.decisions import let_go
from protocol.vocabulary import Lane
from tests.builders.memory import disks
from tests.simulation.disowning import end_thefts, people_disavow, settle_thefts
from tests.simulation.erasing import people_follow
from tests.simulation.faults import FAULTS, Fault
from tests.simulation.fleet import DAY_MS, Fleet, FleetNode
from tests.simulation.governing import widen_terms
from tests.simulation.invariants import judge
from tests.simulation.ledgers import heal_ledgers
from tests.simulation.looking import looked_into
from tests.simulation.merging import let_in
from tests.simulation.people import STEPS
from tests.simulation.plan import Plan
from tests.simulation.remembering import makes_real_ones, signatures_remembered
from tests.simulation.splitting import mend_split
from tests.simulation.turning import mend_keys

NO_MORE: Mapping[str, Fault] = MappingProxyType({})
PERSONS = 6
"""How often people look at what stands before them while a world heals."""


@dataclass
class Result:
    """What became of one world."""

    wrongs: list[tuple[str, str]]
    gone: int
    steps: int
    happened: Counter[str]
    events: str
    state: str
    trace: list[str] = field(default_factory=list)


@contextmanager
def garbage_left() -> Iterator[None]:
    """Look for garbage afterwards: a world is over before there is much, and looks at nothing."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def run_plan(plan: Plan, more: Mapping[str, Fault] = NO_MORE) -> Result:
    """Run a world from beginning to end, in a folder that is gone afterwards.

    `more`: kinds of faults that its steps name and standard worlds do not have.
    """
    prefix = "simulated-"
    ideal = not makes_real_ones(plan.seed)
    with (
        tempfile.TemporaryDirectory(prefix=prefix, dir=disks()) as folder,
        signatures_remembered(ideal=ideal),
        garbage_left(),
    ):
        return asyncio.run(_run(plan, Path(folder), {**FAULTS, **more}))


async def _run(plan: Plan, folder: Path, faults: Mapping[str, Fault]) -> Result:
    world = Fleet(folder, plan.members, plan.seed, plan.hostile, plan.unreachable)
    world.net.chance = world.chance_for("net")
    await world.start()
    try:
        world.net.rates = dict(plan.rates)
        for number, name in plan.steps:
            await _step(world, number, name, faults)
        await heal(world)
        wrongs, gone = judge(world)
    except Exception as error:
        wrongs, gone = [("broken", f"{type(error).__name__}: {error}")], 0
        world.trace.append(repr(error))
        if plan.seed == LOUD:
            raise
    events, state = digests(world)
    await world.close()
    return Result(
        wrongs, gone, len(plan.steps), world.net.happened, events, state, list(world.trace)
    )


LOUD: int | None = None
"""A seed whose world raises what goes wrong in it, for people who look for the reason."""


async def _step(world: Fleet, number: int, name: str, faults: Mapping[str, Fault]) -> None:
    world.chance = world.chance_for(f"chance {number}")
    world.net.chance = world.chance_for(f"net {number}")
    chance = world.chance_for(f"step {number}")
    world.trace.append(f"{number} {name} at {world.now} commits {world.commits}")
    if name in faults:
        world.net.happened[name] += await faults[name](world, chance)
    else:
        await STEPS[name][0](world, chance)
    if chance.random() < 0.5:
        await world.round()
        world.now += 1_000


async def heal(world: Fleet) -> None:
    """Faults stop: everybody is back, at the right time, in good standing, with all it may see."""
    world.net.rates, world.net.rogue = {}, None
    world.oracle.thief_is_gone()
    settle_thefts(world)
    mend_split(world)
    if world.second is not None:
        world.second.parted = False
    widen_terms(world)
    world.crash_at, world.before_next_push, world.back_at = None, None, {}
    for node in world.nodes.values():
        node.skew_ms, node.withheld, node.wants_registry = 0, False, True
        node.drawer.around = node.drawer.due = ""
        world.set_status(node.member, "active")
        if not node.up and node.member not in world.off:
            await node.come_back()
    await end_thefts(world)
    mend_keys(world)
    await world.net.deliver_late(everything=True)
    await _settled(world)
    world.now += 2 * DAY_MS
    mend_keys(world)
    await _settled(world)
    await heal_ledgers(world)


async def _settled(world: Fleet) -> None:
    """All arrives, and people do what stands before them, until nothing does."""
    await world.settle()
    for _ in range(PERSONS):
        if not await _people_look(world):
            break
        await world.settle()


async def _people_look(world: Fleet) -> bool:
    """What people do who see what stands before them; whether they did anything.

    Operators say which disks were old ones, and let go on what may go on; what was withdrawn, or
    came back with a backup, is erased.
    """
    acted = await people_follow(world)
    for node in world.honest:
        acted |= await people_disavow(world, node, world.oracle.disk_of(node).stopped_out)
        stopped = _stopped(world, node)
        if "unknown_history" in stopped.values() and world.oracle.disks[node.member]:
            await node.say_restored()
        for peer, lane in stopped:
            await node.resume(peer, Lane(lane))
            acted = True
        acted |= await _let_go(world, node)
        acted |= await let_in(world, node)
    return acted


async def _let_go(world: Fleet, node: FleetNode) -> bool:
    """Whoever took back so much in a day meant it: here nobody's thief does."""
    mass = [peer for code, peer in world.oracle.disk_of(node).tasks if code == TASK]
    for peer in sorted(mass):
        await node.store.writer.run(partial(let_go, peer=peer, now_ms=world.now))
    return bool(mass)


def _stopped(world: Fleet, node: FleetNode) -> dict[tuple[str, str], str]:
    """The channels to honest members that wait for an operator who knows what happened here."""
    disk = world.oracle.disk_of(node)
    excused = bool(world.oracle.disks[node.member])
    return {
        place: code
        for place, code in disk.stopped_out.items()
        if place[0] != world.hostile and (excused or code == "stopped")
    }


def digests(world: Fleet) -> tuple[str, str]:
    """What happened, and how everything stands at the end: equal whenever the seed runs again."""
    events, state = hashlib.sha256(), hashlib.sha256()
    for line in world.trace:
        events.update(line.encode() + b"\n")
    for member, node in sorted(world.nodes.items()):
        with looked_into(node) as connection:
            for digest, sql in ((events, _EVENTS), (state, _STATE), (state, _TASKS)):
                for row in connection.execute(sql):
                    digest.update(repr((member, *row)).encode())
    return events.hexdigest(), state.hexdigest()


_EVENTS = "SELECT seq, item, kind, at_ms, learnt_ms, actor, body FROM events ORDER BY seq"
_STATE = "SELECT id, custody, responsible, urgency, state FROM items ORDER BY id"
_TASKS = "SELECT code, subject, opened_ms, closed_ms FROM tasks ORDER BY id"
