"""The database that holds very many items already: as a node would have it, and it goes on."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from benchmarks.preset import TABLES, another, fill
from node.store.connection import open_reader
from tests.simulation.world import Node, World

ITEMS, MANY = 4, 60


async def exchanged(folder: Path) -> World:
    """Two nodes that have exchanged some items, and are stopped."""
    world = World(folder, ("gb-iwf", "nl-eokm"))
    await world.start()
    for number in range(ITEMS):
        await world["gb-iwf"].submit(f"https://nl{number}.example/1.jpg", reference=f"R-{number}")
    await world.settle()
    await world.close()
    return world


def counts(node: Node) -> dict[str, int]:
    """How many rows each table has that grows with items, with what stands in front of it."""
    with closing(open_reader(node.path, node.keys.database_key)) as connection:
        deltas = ("item_keys_delta", "entry_ids_in_delta")
        found = {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in (*TABLES, *deltas)
        }
        for name in deltas:
            found[name.removesuffix("_delta")] += found.pop(name)
        return found


async def test_every_table_grows_as_if_the_items_had_come(tmp_path: Path) -> None:
    """At the sender and at the receiver; each index stands over as many rows."""
    world = await exchanged(tmp_path)
    for node in world.nodes.values():
        before = counts(node)
        assert fill(node.path, node.keys.database_key, MANY) == MANY
        grown = {name: count * MANY // ITEMS for name, count in before.items()}
        assert counts(node) == grown


async def test_nodes_go_on_exchanging_upon_it(tmp_path: Path) -> None:
    """They start, find their channels as they left them, and push nothing of it again."""
    world = await exchanged(tmp_path)
    for node in world.nodes.values():
        fill(node.path, node.keys.database_key, MANY)
    await world.start()
    sent = len(world.sent["gb-iwf", "nl-eokm"])
    result = await world["gb-iwf"].submit("https://nl9.example/1.jpg", reference="R-9")
    await world.settle()
    state = await world["nl-eokm"].state(result.items[0].item_id)
    assert state.responsible == "nl-eokm"
    assert len(world.sent["gb-iwf", "nl-eokm"]) == sent + 1
    assert all(not figures.stopped for figures in await world["gb-iwf"].store.queries.channels())
    await world.close()


def test_another_key_has_the_form_of_the_first() -> None:
    """As long, of the same member and time; another for each copy, the same for the same copy."""
    item = "gb-iwf.01K6ZZZZZZABCDEFGHJKMNPQRS"
    copies = {another(item, copy) for copy in range(100)}
    assert len(copies) == 100
    assert all(isinstance(one, str) and one[:17] == item[:17] for one in copies)
    assert {len(str(one)) for one in copies} == {len(item)}
    assert another(b"k" * 16, 1) == another(b"k" * 16, 1) != another(b"k" * 16, 2)
    assert another(None, 1) is None
