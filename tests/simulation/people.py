"""What people do at their nodes: hand in, judge, take back, act, move, add hashes, go home.

Sites move, too.

Who gets no answer because the node died over it looks, and asks again. Each step is a function of
(world, chance); it chooses among what there is, so that it means something in a shorter plan too.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from node.casework.errors import CaseworkError, UnknownVerdictError
from node.casework.item import Custody, ItemState
from node.casework.reports.draft import ActionDraft, AssessmentDraft, HashesDraft
from node.store.items.queries import ItemQuery
from protocol.vocabulary import Action, Verdict
from tests.simulation.mortal import CrashedError

if TYPE_CHECKING:
    from tests.simulation.fleet import Fleet, FleetNode

PLACES = 14
FILES = 6
MINUTE_MS = 60_000
ACTIONS = (
    Action.REMOVED,
    Action.UNAVAILABLE,
    Action.HOST_NOTIFIED,
    Action.INACCESSIBLE,
    Action.SEEN_ONLINE,
)
VERDICTS = (Verdict.BASELINE, Verdict.BASELINE, Verdict.NOT_ILLEGAL)

Step = Callable[["Fleet", random.Random], Awaitable[None]]


def _somebody(world: Fleet, chance: random.Random) -> FleetNode | None:
    up = [node for node in world.honest if node.up and not node.desk.closed()]
    return chance.choice(up) if up else None


async def insist(world: Fleet, act: Callable[[], Awaitable[None]]) -> None:
    """Do it, and if the node dies over it, once more when it is back."""
    try:
        await act()
    except CrashedError as crashed:
        await world.revive(crashed.member)
        await act()


async def submit(world: Fleet, chance: random.Random) -> None:
    """A report of one item; the same places and files come up again and again."""
    node = _somebody(world, chance)
    if node is None:
        return
    number = chance.randrange(PLACES)
    country = chance.choice([*(member[:2] for member in world.nodes), "br"])
    sha256 = f"{1 + number % FILES:064x}" if chance.random() < 0.6 else None
    urgent = chance.random() < 0.1
    reference = f"R-{chance.randrange(1_000_000)}"

    async def once() -> None:
        result = await node.submit(
            f"https://{country}{number}.example/{number}.jpg",
            reference=reference,
            sha256=sha256,
            child_at_risk=urgent,
        )
        if result.items:
            world.oracle.accepted(node, reference, result.items[0].item_id)

    await insist(world, once)
    if chance.random() < 0.15:
        await insist(world, once)


async def _pick(
    node: FleetNode, chance: random.Random, wanted: Callable[[ItemState], bool]
) -> ItemState | None:
    found = [s for s in await node.store.queries.items(ItemQuery()) if wanted(s)]
    return chance.choice(found) if found else None


async def record(world: Fleet, node: FleetNode, act: Callable[[], Awaitable[object]]) -> None:
    """Record something; what the rules of casework refuse, a person leaves alone."""

    async def once() -> None:
        try:
            await act()
        except CaseworkError as error:
            world.trace.append(f"refused {error.code}")

    await insist(world, once)


async def assess(world: Fleet, chance: random.Random) -> None:
    """A verdict, wherever the item is."""
    node = _somebody(world, chance)
    state = None if node is None else await _pick(node, chance, lambda _: True)
    if node is not None and state is not None:
        draft = AssessmentDraft(verdict=chance.choice(VERDICTS))
        await record(world, node, lambda: node.desk.assess(state.id, draft, actor="a"))


async def withdraw(world: Fleet, chance: random.Random) -> None:
    """A verdict of this member is taken back, wherever the item is; anybody may judge it anew."""
    node = _somebody(world, chance)
    if node is None:
        return
    us = node.member
    state = await _pick(node, chance, lambda s: any(a.member == us for a in s.assessments))
    if state is None:
        return
    given = chance.choice([one.event_id for one in state.assessments if one.member == us])

    async def once() -> None:
        with suppress(UnknownVerdictError):  # it was, before the node died over it
            await node.desk.correcting.withdraw(state.id, given, actor="a")
        world.oracle.withdrawn[us][given] = world.oracle.disks[us]

    await insist(world, once)


async def act(world: Fleet, chance: random.Random) -> None:
    """Something done by the responsible member."""
    node = _somebody(world, chance)
    state = None if node is None else await _pick(node, chance, _is_here)
    if node is not None and state is not None:
        draft = ActionDraft(action=chance.choice(ACTIONS))
        await record(world, node, lambda: node.desk.act(state.id, draft, actor="a"))


async def move(world: Fleet, chance: random.Random) -> None:
    """It is hosted elsewhere now."""
    node = _somebody(world, chance)
    state = None if node is None else await _pick(node, chance, _is_here)
    if node is not None and state is not None:
        country = chance.choice([member[:2].upper() for member in world.nodes])
        draft = ActionDraft(action=Action.MOVED, country=country)
        await record(world, node, lambda: node.desk.act(state.id, draft, actor="a"))


async def rehost(world: Fleet, chance: random.Random) -> None:
    """A site goes to another country; not every node's data says so."""
    countries = [*(member[:2] for member in world.nodes), "br"]
    host = f"{chance.choice(countries)}{chance.randrange(PLACES)}.example"
    to = chance.choice(countries).upper()
    for node in world.honest:
        if chance.random() < 0.7:
            node.places.moved[host] = to


async def hashes(world: Fleet, chance: random.Random) -> None:
    """Hashes that were computed later: of an item that had none, or more of a file that it has."""
    node = _somebody(world, chance)
    state = None if node is None else await _pick(node, chance, _lacks_hashes)
    if node is not None and state is not None:
        file = 1 + chance.randrange(FILES)
        if state.content:
            file = int.from_bytes(state.content[0].sha256 or b"", "big")
        md5 = f"{file:032x}" if state.content or chance.random() < 0.2 else None
        draft = HashesDraft(sha256=f"{file:064x}", md5=md5)
        await record(world, node, lambda: node.desk.add_hashes(state.id, draft, actor="a"))


def _lacks_hashes(state: ItemState) -> bool:
    return not state.content or state.content[0].md5 is None


def _is_here(state: ItemState) -> bool:
    return state.custody is Custody.HERE


async def wait(world: Fleet, chance: random.Random) -> None:
    """Minutes go by, or a night."""
    world.now += chance.choice([1, 5, 20, 600]) * MINUTE_MS


async def work(world: Fleet, chance: random.Random) -> None:
    """Everybody's node works for a while."""
    for _ in range(chance.randrange(1, 4)):
        await world.round()
        world.now += 1_000


STEPS: dict[str, tuple[Step, int]] = {
    "submit": (submit, 6),
    "assess": (assess, 2),
    "act": (act, 2),
    "move": (move, 1),
    "rehost": (rehost, 1),
    "hashes": (hashes, 2),
    "wait": (wait, 2),
    "work": (work, 5),
    "withdraw": (withdraw, 1),
}
"""Each kind of step, and how often it comes up beside the others."""
