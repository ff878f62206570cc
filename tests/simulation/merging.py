"""Members that merge while traffic to and from them is under way: what they held, what went on.

The merged member's node stops for good, works on without knowing, or is told as any other; its
successor answers for it. What really was under way is counted from the disks, at that moment.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from node.casework.incoming.receiving import HANDED_OVER
from node.casework.item import Custody, ItemState
from node.casework.passing_on.rings import ring
from node.casework.reports.draft import ActionDraft, AssessmentDraft
from node.registry import changes
from node.store.items.decisions import let_go
from node.store.items.queries import ItemQuery
from protocol.vocabulary import Action, Verdict
from tests.simulation.erasing import names_of
from tests.simulation.governing import LEAST, end
from tests.simulation.holding import Place, groups
from tests.simulation.looking import rows
from tests.simulation.oracle import CHANNEL_KINDS
from tests.simulation.people import PLACES, record
from tests.simulation.rounds import found, moved, placed

if TYPE_CHECKING:
    from tests.simulation.fleet import Fleet, FleetNode
    from tests.simulation.oracle import Disk

FILES = 3
"""Files that come up in these scenes of one world, apart from those that people find otherwise."""
RINGS = 50
"""Files that go round, each seldom twice in one world."""
VERDICTS = (Verdict.BASELINE, Verdict.BASELINE, Verdict.NOT_ILLEGAL)
Disks = Mapping[str, "Disk"]


async def merged_midway(world: Fleet, chance: random.Random) -> bool:
    """Two things happen around a member; before they are over it has merged into another."""
    up = [node for node in _active(world) if node.up and not node.desk.closed()]
    if len(world.honest) <= LEAST or len(up) <= LEAST:
        return False
    gone = _who_goes(world, up, chance)
    others = chance.sample([node for node in up if node is not gone], 2)
    for scene in sorted(chance.sample(SCENES, 2), key=lambda one: one is _round):
        await scene(world, gone, others, chance)
    heirs = [node for node in _active(world) if node is not gone]
    if not heirs:
        return False
    heir = chance.choice(heirs)
    for name in _under_way(world, gone.member):
        world.net.happened[name] += 1
    world.net.happened["merged_puller"] += gone.member == world.unreachable
    world.net.happened["puller_takes_over"] += heir.member == world.unreachable
    end(world, gone.member, heir.member, partial(changes.merge, choice_rules={}))
    await _afterwards(world, gone, chance)
    return True


def _active(world: Fleet) -> list[FleetNode]:
    network = world.umbrella.registry.network
    return [node for node in world.honest if network.is_active(node.member)]


def _who_goes(world: Fleet, up: list[FleetNode], chance: random.Random) -> FleetNode:
    """Whoever cannot be called goes in every second world that has such a member."""
    pulls = [node for node in up if node.member == world.unreachable]
    return chance.choice(pulls if pulls and chance.random() < 0.5 else up)


async def _afterwards(world: Fleet, gone: FleetNode, chance: random.Random) -> None:
    """Its machine is switched off, or its people go on, who have not heard of it."""
    if not gone.up:
        return
    if chance.random() < 0.4:
        await gone.crash()
        world.off.add(gone.member)
        world.net.happened["merged_switched_off"] += 1
    elif chance.random() < 0.5:
        gone.withheld = True
        held = await _held(gone)
        if held:
            await _assessed(world, gone, chance.choice(held), chance)
            await _moved_to(world, gone, chance.choice(held), chance.choice(world.honest))


async def _received(
    world: Fleet, gone: FleetNode, others: list[FleetNode], chance: random.Random
) -> None:
    """It is handed an item, holds it, and judges it."""
    item = await _handed_to(world, gone, others[0], chance)
    if item is not None and chance.random() < 0.7:
        await _assessed(world, gone, item, chance)
    await _some_rounds(world, chance)


async def _passed_on(
    world: Fleet, gone: FleetNode, others: list[FleetNode], chance: random.Random
) -> None:
    """It is handed an item and hands it on; whoever has it by then judges it, or it goes round."""
    item = await _handed_to(world, gone, others[0], chance)
    if item is None:
        return
    await _moved_to(world, gone, item, others[1])
    await _some_rounds(world, chance)
    if chance.random() < 0.5:
        await _moved_to(world, others[1], item, chance.choice([others[0], gone]))
    if chance.random() < 0.7:
        await _assessed(world, chance.choice([gone, *others]), item, chance)
    await _some_rounds(world, chance)


async def _own(
    world: Fleet, gone: FleetNode, others: list[FleetNode], chance: random.Random
) -> None:
    """It hands over an item that it found; whoever has it judges it."""
    item = await _handed_to(world, others[0], gone, chance)
    if item is not None and chance.random() < 0.7:
        await _assessed(world, chance.choice([gone, others[0]]), item, chance)
    await _some_rounds(world, chance)


async def _round(
    world: Fleet, gone: FleetNode, others: list[FleetNode], chance: random.Random
) -> None:
    """Each finds one file without a place and says that it is the next one's; one judges it."""
    members = [gone, *others][: chance.choice([2, 3, 3])]
    sha256 = f"{3000 + chance.randrange(RINGS):064x}"
    items = [await found(world, node, None, sha256, chance) for node in members]
    judging = chance.randrange(len(members))
    for at, (node, item) in enumerate(zip(members, items, strict=True)):
        if item is None:
            continue
        await placed(world, node)
        if at == judging:
            await _assessed(world, node, item, chance)
        await moved(world, node, item, members[(at + 1) % len(members)].member[:2].upper())
        if chance.random() < 0.3:
            await world.round()


SCENES: tuple[
    Callable[[Fleet, FleetNode, list[FleetNode], random.Random], Awaitable[None]], ...
] = (_received, _passed_on, _passed_on, _own, _round, _round)


async def _handed_to(
    world: Fleet, to: FleetNode, finder: FleetNode, chance: random.Random
) -> str | None:
    """Somebody finds an item that is hosted in the country of `to`; its id, if it was taken."""
    country, number = to.member[:2], PLACES + chance.randrange(PLACES)
    sha256 = f"{2000 + chance.randrange(FILES):064x}" if chance.random() < 0.6 else None
    url = f"https://{country}{number}.example/{number}.jpg"
    item = await found(world, finder, url, sha256, chance)
    await _some_rounds(world, chance)
    return item


async def _some_rounds(world: Fleet, chance: random.Random) -> None:
    for _ in range(chance.randrange(4)):
        await world.round()
        world.now += 1_000


async def _held(node: FleetNode) -> list[str]:
    states = await node.store.queries.items(ItemQuery())
    return [state.id for state in states if state.custody is Custody.HERE]


async def _known(node: FleetNode, item: str) -> str | None:
    """The id of an item at this node, if it is up and has it."""
    if not node.up or node.desk.closed():
        return None
    states = await node.store.queries.items(ItemQuery())
    return next((state.id for state in states if item in names_of(state)), None)


async def _assessed(world: Fleet, node: FleetNode, item: str, chance: random.Random) -> None:
    draft = AssessmentDraft(verdict=chance.choice(VERDICTS))
    known = await _known(node, item)
    if known is not None:
        await record(world, node, lambda: node.desk.assess(known, draft, actor="a"))


async def _moved_to(world: Fleet, node: FleetNode, item: str, to: FleetNode) -> None:
    draft = ActionDraft(action=Action.MOVED, country=to.member[:2].upper())
    known = await _known(node, item)
    if known is not None:
        await record(world, node, lambda: node.desk.act(known, draft, actor="a"))


async def let_in(world: Fleet, node: FleetNode) -> bool:
    """In every second world people let in what one handed over that is gone; whether they did."""
    tasks = world.oracle.disk_of(node).tasks
    gone = sorted(peer for code, peer in tasks if code == HANDED_OVER and peer in world.expelled)
    if not gone or world.chance_for("let in").random() < 0.5:
        return False
    for peer in gone:
        await node.store.writer.run(partial(let_go, peer=peer, now_ms=world.now))
    world.net.happened["let_in"] += len(gone)
    return True


def _under_way(world: Fleet, gone: str) -> list[str]:
    """What is under way to and from a member now: names of `BY_MERGERS`."""
    disks = {member: world.oracle.disk_of(node) for member, node in world.nodes.items()}
    others = [node.member for node in world.honest if node.member != gone]
    handed = [s for s in disks[gone].items.values() if s.informants and s.closed_ms is None]
    unjudged = "SELECT 1 FROM entries_in WHERE peer = ? AND judged IN (0, 2)"
    said = {
        "merged_holding": any(s.custody is Custody.HERE for s in handed),
        "merged_passed_on": any(s.custody is Custody.HANDED_ON for s in handed),
        "merged_unheard": any(_on_the_wire(disks, other, gone) for other in others),
        "merged_unsaid": any(_on_the_wire(disks, gone, other) for other in others),
        "merged_unjudged": any(rows(world[other], unjudged, gone) for other in others),
        "merged_mid_verdict": _mid_verdict(disks, gone),
        "merged_mid_ring": _mid_ring(disks, gone),
    }
    return [name for name, really in said.items() if really]


def _on_the_wire(disks: Disks, sender: str, receiver: str) -> bool:
    held = disks[receiver].custody
    return any(
        kind not in CHANNEL_KINDS and (sender, identity) not in held
        for (peer, identity), kind in disks[sender].posted.items()
        if peer == receiver
    )


def _mid_verdict(disks: Disks, gone: str) -> bool:
    """Whether some who have an item with `gone` lack a verdict that others there have."""
    items = {(m, s.id): s for m, disk in disks.items() for s in disk.items.values()}
    return any(_differ(gone, {p: items[p] for p in group}) for group in groups(items))


def _mid_ring(disks: Disks, gone: str) -> bool:
    """Whether that is so of a file without a place that went round, or that nobody has now."""
    by_file: dict[bytes | None, dict[Place, ItemState]] = defaultdict(dict)
    for member, disk in disks.items():
        for state in disk.items.values():
            if (state.location is None or state.location.canonical is None) and state.content:
                by_file[state.content[0].sha256][member, state.id] = state
    return any(_differ(gone, group) and _goes_round(group) for group in by_file.values())


def _differ(gone: str, group: dict[Place, ItemState]) -> bool:
    words = [{given.event_id for given in state.assessments} for state in group.values()]
    return gone in {member for member, _ in group} and any(one != words[0] for one in words)


def _goes_round(group: dict[Place, ItemState]) -> bool:
    """Whether nobody has it now, each having handed it on, or its hand-overs are known to."""
    away = all(state.custody is Custody.HANDED_ON for state in group.values())
    return (away and len(group) > 1) or any(ring(m, s.steps) for (m, _), s in group.items())


MERGING = {"merged_midway": merged_midway}
BY_MERGERS = (
    "merged_holding",
    "merged_passed_on",
    "merged_unheard",
    "merged_unsaid",
    "merged_unjudged",
    "merged_mid_verdict",
    "merged_mid_ring",
    "merged_switched_off",
    "merged_puller",
    "puller_takes_over",
    "merged_judged",
    "merged_own_taken",
    "let_in",
)
