"""One that reports an item speaks in another member's name (docs/protocol.md §6.4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from node.casework.casebook import Needs
from node.casework.item import ItemState
from node.casework.reports.draft import ActionDraft
from node.store.connection import open_writer
from protocol.messages import Outcome
from protocol.vocabulary import Action, Kind, OutcomeWhat, Verdict
from tests.simulation.test_sharing import FR, GB, NL, assess, found, judges
from tests.simulation.world import World

PLACE = "https://nl1.example/1.jpg"
"""Where `found` finds it in the Netherlands."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give three nodes whose stores are sound at the end."""
    made = World(tmp_path, seed=3)
    await made.start()
    yield made
    assert all(made[member].verify().holds for member in (GB, NL))
    await made.close()


async def say_taken_back(world: World, item: str, event_id: str) -> None:
    """Let the reporter tell that GB took its verdict back."""
    at = world.now
    lie = Outcome(item, event_id, GB, OutcomeWhat.WITHDRAWN, None, None, None, None, at, at)
    await say(world, lie)


async def say(world: World, lie: Outcome) -> None:
    """Let the reporter tell it."""
    desk = world[FR].desk.correcting
    await desk._transact(
        Needs(),
        lambda book: book.say(desk._postbox(), NL, Kind.OUTCOME, lie, subject=str(lie.what)),
    )
    await world[FR].delivery.load()


async def reported(world: World) -> str:
    """Let the reporter report the same place, and return the id that it knows."""
    made = await world[FR].submit(PLACE)
    await world.settle()
    return made.items[0].item_id


async def given(world: World, item: str) -> str:
    """Return the id of the one verdict on an item of GB."""
    state: ItemState = await world[GB].state(item)
    (one,) = state.assessments
    return one.event_id


async def test_verdict_of_a_list_is_not_taken_back_in_its_authors_name(world: World) -> None:
    """It stays, before a person; what its author takes back goes."""
    here, theirs = await found(world, NL), await found(world, GB)
    await assess(world, GB, theirs, Verdict.BASELINE)
    event_id = await given(world, theirs)
    await say_taken_back(world, await reported(world), event_id)
    await world.settle()
    assert await judges(world, NL, here) == [(GB, "baseline")]
    assert "withdrawal" in (await world[NL].state(here)).reviews
    await world[GB].desk.correcting.withdraw(theirs, event_id, actor="a")
    await world.settle()
    assert await judges(world, NL, here) == []


async def test_verdict_killed_before_it_came_stands_by_its_authors_list(world: World) -> None:
    """The lie is first, the author's word counts."""
    here, lied_of = await found(world, NL), await reported(world)
    theirs = await found(world, GB)
    await world[NL].crash()
    await assess(world, GB, theirs, Verdict.BASELINE)
    await world[NL].restart()
    await say_taken_back(world, lied_of, await given(world, theirs))
    for _ in range(5):
        for member in (FR, NL):
            await world[member].work()
        world.now += 1000
    killed = (await world[NL].state(here)).heard
    await world.settle()
    assert await given(world, theirs) in killed
    assert await judges(world, NL, here) == [(GB, "baseline")]


async def test_what_stands_in_its_authors_list_is_not_taken_back_in_its_name(world: World) -> None:
    """Also where that list is not followed, and the verdict stands by hearsay."""
    here, lied_of, theirs = await found(world, NL), await reported(world), await found(world, GB)
    await assess(world, GB, theirs, Verdict.NOT_ILLEGAL)
    (one,) = (await world[GB].state(theirs)).assessments
    at, what = world.now, OutcomeWhat.ASSESSED
    await say(world, Outcome(lied_of, one.event_id, GB, what, one, None, None, None, at, at))
    await world.settle()
    assert (await world[NL].state(here)).hearsay == (one.event_id,)
    await say_taken_back(world, lied_of, one.event_id)
    await world.settle()
    assert await judges(world, NL, here) == [(GB, "not_illegal")]


async def test_r11_who_told_of_an_action_is_not_in_rows_of_earlier_versions(world: World) -> None:
    """The history knows it; a row that lacks anything else is found."""
    made = await world[GB].submit(PLACE)
    await world.settle()
    item = made.items[0].item_id
    await world[NL].desk.act(item, ActionDraft(action=Action.MOVED, country="FR"), actor="a")
    await world.settle()
    await world[FR].desk.act(item, ActionDraft(action=Action.REMOVED), actor="a")
    await world.settle()
    state = await world[GB].state(item)
    assert set(state.hearsay) == {one.event_id for one in state.actions if one.member == FR}
    await world[GB].crash()
    for kept, holds in ((state.actions, True), (state.actions[1:], False)):
        older = msgspec.structs.replace(state, hearsay=(), actions=kept)
        connection = open_writer(world[GB].path, world[GB].keys.database_key)
        row = (msgspec.msgpack.encode(older), item)
        connection.execute("UPDATE items SET state = ? WHERE id = ?", row)
        connection.close()
        assert world[GB].verify().holds is holds
    connection = open_writer(world[GB].path, world[GB].keys.database_key)
    row = (msgspec.msgpack.encode(state), item)
    connection.execute("UPDATE items SET state = ? WHERE id = ?", row)
    connection.close()
