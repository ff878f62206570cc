"""A mass withdrawal waits for a person (rule 10), among three nodes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.mistakes.mass import POLICY
from node.casework.reports.draft import AssessmentDraft
from node.store.items.decisions import let_go
from protocol.vocabulary import Verdict
from tests.simulation.world import Node, World

GB, NL, FR = "gb-iwf", "nl-eokm", "fr-pdc"
BOUND, FILES = 3, 6


def mass(node: Node) -> bool:
    """Whether gb-iwf stands before a person of this node, and nothing else does."""
    rows = node.store.readers.look_up(
        lambda c: c.execute("SELECT code, subject FROM tasks WHERE closed_ms IS NULL").fetchall()
    )
    assert [tuple(row) for row in rows] in ([], [("mass_withdrawal", GB)])
    return bool(rows)


async def judged(world: World) -> tuple[list[str], list[str]]:
    """Have FILES files known at fr-pdc by gb-iwf's word; return their items, here and there."""
    network = world.registry.network
    world.registry = replace(world.registry, network=replace(network, policy={POLICY: BOUND}))
    items, own = [], []
    for number in range(FILES):
        file = f"{1 + number:064x}"
        here = await world[FR].submit(f"https://fr1.example/{number}.jpg", sha256=file)
        there = await world[GB].submit(f"https://gb1.example/{number}.jpg", sha256=file)
        await world.settle()
        draft = AssessmentDraft(verdict=Verdict.BASELINE)
        await world[GB].desk.assess(there.items[0].item_id, draft, actor="a")
        items.append(here.items[0].item_id)
        own.append(there.items[0].item_id)
    await world.settle()
    return items, own


async def known(world: World, items: list[str]) -> list[bool]:
    """Return which items of fr-pdc are known."""
    return [(await world[FR].state(one)).known for one in items]


@pytest.fixture
async def robbed(world: World) -> list[str]:
    """Give fr-pdc's items after whoever has gb-iwf's keys took back all that it had judged."""
    items, own = await judged(world)
    assert await known(world, items) == [True] * FILES
    for one in own:
        await world[GB].desk.erase(one, ErasureDraft(Cause.ERROR), actor="thief")
        await world.settle()
    return items


async def test_rule_10_a_mass_withdrawal_waits_for_a_person(
    world: World, robbed: list[str]
) -> None:
    """The rest stands as it did, through a crash and a day later; then a person lets it go on."""
    stands = [False] * BOUND + [True] * (FILES - BOUND)
    assert sorted(await known(world, robbed)) == stands
    assert mass(world[FR])
    await world[FR].crash()
    await world[FR].restart()
    world.now += 2 * 86_400_000
    await world.settle()
    assert sorted(await known(world, robbed)) == stands
    assert world[FR].verify().found == []
    await world[FR].store.writer.run(lambda c: let_go(c, GB, world.now))
    await world.settle()
    assert await known(world, robbed) == [False] * FILES
    assert not mass(world[FR])
    assert all(node.verify().found == [] for node in world.nodes.values())


async def test_rule_10_what_the_member_says_of_other_things_goes_on_meanwhile(
    world: World, robbed: list[str]
) -> None:
    """A new verdict is heard, and a new item taken."""
    assert mass(world[FR])
    made = await world[GB].submit("https://fr1.example/new.jpg", sha256="ab" * 32)
    await world.settle()
    item = made.items[0].item_id
    await world[GB].desk.assess(item, AssessmentDraft(verdict=Verdict.BASELINE), actor="a")
    await world.settle()
    assert (await world[FR].state(item)).known
    assert any(await known(world, robbed)), "what waits still stands"
