"""Verdicts shared between members that exchange no item: over a bad wire, in any order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.casework.draft import AssessmentDraft
from node.casework.erasing import Cause, ErasureDraft
from protocol.vocabulary import Verdict
from tests.simulation.world import Faults, World

GB, NL, FR = "gb-iwf", "nl-eokm", "fr-pdc"
FILE = "ab" * 32


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give three nodes that tell each other their verdicts, over a wire that loses and repeats."""
    faults = Faults(lose_request=0.3, lose_answer=0.3, repeat=0.2)
    made = World(tmp_path, seed=3, faults=faults)
    await made.start()
    yield made
    assert all(made[member].verify().holds for member in (GB, NL, FR))
    await made.close()


async def found(world: World, member: str, number: int = 1) -> str:
    """Let a member find the file in its own country."""
    url = f"https://{member[:2]}1.example/{number}.jpg"
    made = await world[member].submit(url, sha256=FILE)
    await world.settle()
    return made.items[0].item_id


async def assess(world: World, member: str, item: str, verdict: Verdict) -> None:
    """Let a person of a member judge, and everybody hear of it."""
    draft = AssessmentDraft(verdict=verdict)
    await world[member].desk.assess(item, draft, actor="a")
    await world.settle()


async def judges(world: World, member: str, item: str) -> list[tuple[str, str]]:
    """Return whose verdicts stand on an item."""
    state = await world[member].state(item)
    return [(one.member, str(one.verdict)) for one in state.assessments]


async def test_verdict_on_a_file_is_known_to_who_never_had_the_item(world: World) -> None:
    """At the item that waits, and at the next one."""
    waiting, item = await found(world, FR), await found(world, GB)
    await assess(world, GB, item, Verdict.BASELINE)
    assert await judges(world, FR, waiting) == [(GB, "baseline")]
    assert await judges(world, FR, await found(world, FR, 2)) == [(GB, "baseline")]
    (state,) = [await world[FR].state(waiting)]
    assert state.came_from is None
    assert [informant.member for informant in state.informants] == []


async def test_erased_by_mistake_is_undone_everywhere(world: World) -> None:
    """As in a world without the verdict."""
    items = {member: await found(world, member) for member in (GB, NL, FR)}
    await assess(world, GB, items[GB], Verdict.BASELINE)
    await world[GB].desk.erase(items[GB], ErasureDraft(Cause.ERROR), actor="a")
    await world.settle()
    for member in (NL, FR):
        state = await world[member].state(items[member])
        assert (state.known, state.reviews, state.listed) == (False, (), ())


async def test_correction_on_another_item_reaches_all_and_can_be_taken_back(
    world: World,
) -> None:
    """Who has the file sees it with the word that it corrects; then that counts alone again."""
    items = {member: await found(world, member) for member in (GB, FR)}
    other = await found(world, GB, 2)
    await assess(world, GB, items[GB], Verdict.BASELINE)
    await assess(world, GB, other, Verdict.NOT_ILLEGAL)
    state = await world[FR].state(items[FR])
    assert [str(one.verdict) for one in state.in_force] == ["not_illegal"]
    assert "withdrawal" in state.reviews
    (given,) = (await world[GB].state(other)).in_force
    await world[GB].desk.correcting.withdraw(other, given.event_id, actor="a")
    await world.settle()
    for item in (items[FR], await found(world, FR, 2)):
        assert await judges(world, FR, item) == [(GB, "baseline")]


@pytest.mark.parametrize("first", [GB, NL])
async def test_contradiction_is_before_a_person_whoever_spoke_first(
    world: World, first: str
) -> None:
    """At all who have the file; and only people end it."""
    given = {GB: Verdict.BASELINE, NL: Verdict.NOT_ILLEGAL}
    items = {member: await found(world, member) for member in (GB, NL, FR)}
    for member in sorted(given, key=lambda one: one != first):
        await assess(world, member, items[member], given[member])
    third = await world[FR].state(items[FR])
    assert "verdicts_differ" in third.reviews
    assert await judges(world, FR, items[FR]) == [(GB, "baseline")]


async def test_one_that_dies_on_the_way_tells_and_hears_it_all(world: World) -> None:
    """Whatever was durable goes on from there."""
    items = {member: await found(world, member) for member in (GB, FR)}
    world.crash_at = (world.commits + 2, FR)
    draft = AssessmentDraft(verdict=Verdict.BASELINE)
    await world[GB].desk.assess(items[GB], draft, actor="a")
    await world[GB].crash()
    await world[GB].restart()
    await world.settle()
    assert await judges(world, FR, items[FR]) == [(GB, "baseline")]
