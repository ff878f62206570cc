"""A disk that was set back without `hotline restore`: the snapshot of a virtual machine."""

from __future__ import annotations

import shutil
from pathlib import Path

from node.casework.item import Custody
from node.store.connection import open_writer
from node.store.items.decisions import say_restored
from node.store.recovery.outside import OUTSIDE_HELD
from node.store.writer import InlineWriter
from tests.simulation.world import Node, World

IWF, EOKM = "gb-iwf", "nl-eokm"
PLACE = "https://nl1.example/album/{}.jpg"
STOPPED = ("channel_unknown_history", f"{EOKM}/reports")


async def hand_in(world: World, number: int) -> str:
    """Hand in an item that is hosted in the Netherlands, and let everybody work."""
    result = await world[IWF].submit(PLACE.format(number))
    await world.settle()
    return result.items[0].item_id


async def set_back(node: Node, snapshot: Path) -> None:
    """Put the file of the snapshot in the database's place; nobody says a word."""
    await node.crash()
    shutil.copy(snapshot, node.path)
    await node.restart()


async def say(node: Node) -> int:
    """A person says "restored" while the node stands still; it starts again."""
    await node.crash()
    connection = open_writer(node.path, node.keys.database_key)
    going = InlineWriter(connection).run_now(lambda c: say_restored(c, node.world.now))
    connection.close()
    await node.restart(restored=True)
    return going


async def tasks(node: Node) -> set[tuple[str, str]]:
    """What stands before a person: code and subject."""
    return {(code, subject) for code, subject, _ in await node.store.queries.tasks()}


async def test_8_5_a_database_set_back_stops_until_a_person_says_so_and_then_loses_nothing(
    world: World, tmp_path: Path
) -> None:
    """The larger history under its own key is an alarm; the word for it is given once."""
    node, snapshot = world[IWF], tmp_path / "snapshot"
    first = await hand_in(world, 1)
    await node.crash()
    shutil.copy(node.path, snapshot)
    await node.restart()
    second = await hand_in(world, 2)
    await set_back(node, snapshot)
    third = await hand_in(world, 3)
    assert STOPPED in await tasks(node)
    assert await say(node) == 1
    await world.settle()
    forgotten = ("answer_to_nothing", EOKM)  # it answered the second
    assert await tasks(node) == {(OUTSIDE_HELD, "restored"), forgotten}
    for item in (first, second, third):
        assert (await world[EOKM].state(item)).custody is Custody.HERE
    assert node.verify().found == []
    await set_back(node, snapshot)
    await hand_in(world, 4)
    assert STOPPED in await tasks(node)
