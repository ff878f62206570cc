"""An id that was used before, with something else behind it: no effect, and its sender hears so.

The receiver cannot tell a mistake from malice, so both entries are kept for people; but what was
handed over in the second one is nobody's work unless its sender knows that it was not taken.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.item import Custody
from node.casework.passing_on.post import Post
from node.store.items.cases import post
from protocol import entry as entries
from protocol.vocabulary import Kind, Lane
from tests.simulation.world import Node, World

IWF, EOKM = "gb-iwf", "nl-eokm"
FIRST, SECOND = "https://nl1.example/1.jpg", "https://nl2.example/2.jpg"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Give two members, of whom one has handed an item to the other."""
    made = World(tmp_path, [IWF, EOKM])
    await made.start()
    await made[IWF].submit(FIRST)
    await made.settle()
    yield made
    await made.close()


async def item_said(node: Node, item: str) -> entries.Entry:
    """The entry by which a member hands an item over."""
    raw = await node.store.readers.run(
        lambda c: c.execute(
            "SELECT entry FROM messages_out WHERE item = ? AND kind = ?", (item, int(Kind.ITEM))
        ).fetchone()[0]
    )
    return entries.decode(raw)


async def items(node: Node) -> list[str]:
    """The items that a member has."""
    found = await node.store.readers.run(lambda c: c.execute("SELECT id FROM items").fetchall())
    return sorted(item for (item,) in found)


async def hand_over_under_a_used_id(world: World) -> str:
    """Hand a second item over under the id of the first; return the second."""
    sender = world[IWF]
    (first,) = await items(sender)
    used = (await item_said(sender, first)).id
    second = (await sender.submit(SECOND)).items[0].item_id
    await sender.desk.locate_due()
    said = await item_said(sender, second)
    raw = entries.encode(said._replace(id=used))
    await sender.store.writer.run(
        lambda c: c.execute(
            "UPDATE messages_out SET entry = ?, entry_id = ? WHERE item = ?", (raw, used, second)
        )
    )
    await world.settle()
    return second


async def kept_of(node: Node, place: bytes) -> int:
    """How many entries in custody hold these bytes."""
    found = await node.store.readers.run(
        lambda c: c.execute("SELECT entry FROM entries_in WHERE entry IS NOT NULL").fetchall()
    )
    return sum(place in raw for (raw,) in found)


async def tasks(node: Node) -> list[str]:
    """What stands before a person there."""
    return [code for code, _, _ in await node.store.queries.tasks()]


async def test_g1_what_was_handed_over_under_a_used_id_comes_back_to_its_sender(
    world: World,
) -> None:
    """Else the one thinks that the other has it, and nobody works on it."""
    second = await hand_over_under_a_used_id(world)
    state = await world[IWF].state(second)
    assert (state.custody, state.answer) == (Custody.HERE, "conflict")
    assert "refused_by_peer" in state.reviews
    assert await items(world[EOKM]) == [item for item in await items(world[IWF]) if item != second]
    assert await tasks(world[EOKM]) == ["entry_conflict"]
    assert world[EOKM].verify().found == []


async def say_again_otherwise(world: World, item: str, place: bytes) -> None:
    """Say the entry of an item once more, with another salt and another place (as long)."""
    sender = world[IWF]
    said = await item_said(sender, item)
    body = said.body.replace(b"//nl1.example/1", place)
    raw = entries.encode(said._replace(salt=bytes(16), body=body))
    again = Post(EOKM, Lane.REPORTS, 1, Kind.ITEM, None, said.id, raw)
    await sender.store.writer.run(lambda c: post(c, [again], world.now))
    await world.settle()


async def test_8_8_what_was_erased_does_not_come_back_under_another_salt(world: World) -> None:
    """Its leaf is another, its id is not: nothing of it is kept."""
    (item,) = await items(world[IWF])
    await world[EOKM].desk.erase(item, ErasureDraft(Cause.WITHDRAWAL), actor="head")
    await world.settle()
    await say_again_otherwise(world, item, b"//nl1.example/1")
    assert await kept_of(world[EOKM], b"nl1.example") == 0
    assert await items(world[EOKM]) == []
    assert world[EOKM].verify().found == []


async def test_a_conflict_about_an_item_that_is_here_takes_it_from_nobody(world: World) -> None:
    """The first entry stands; the sender's people hear of the second without its name."""
    (item,) = await items(world[IWF])
    await say_again_otherwise(world, item, b"//nl1.example/9")
    assert await kept_of(world[EOKM], b"//nl1.example/9") == 1
    state = await world[IWF].state(item)
    assert (state.custody, state.answer) == (Custody.HANDED_ON, "new")
    assert (await world[EOKM].state(item)).custody is Custody.HERE
    assert await tasks(world[IWF]) == ["entry_refused"]
    assert world[EOKM].verify().found == []
