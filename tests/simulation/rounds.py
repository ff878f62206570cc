"""Members that hand one thing round to each other, each before it hears of the others."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from node.casework.reports.draft import ActionDraft
from protocol.vocabulary import Action
from tests.simulation.people import insist, record

if TYPE_CHECKING:
    from tests.simulation.fleet import Fleet, FleetNode

FILES = 3
"""Files that are handed round in one world, apart from those that people find otherwise."""


async def handed_round(world: Fleet, chance: random.Random) -> bool:
    """Some find one file without a place; each person says that it is the next member's."""
    up = [node for node in world.honest if node.up and not node.desk.closed()]
    if len(up) < 2:
        return False
    members = chance.sample(up, chance.randrange(2, len(up) + 1))
    sha256 = f"{1000 + chance.randrange(FILES):064x}"
    items = [await found(world, node, None, sha256, chance) for node in members]
    for at, (node, item) in enumerate(zip(members, items, strict=True)):
        after = members[(at + 1) % len(members)]
        if item is not None:
            await placed(world, node)
            await moved(world, node, item, after.member[:2].upper())
        if chance.random() < 0.3:
            await world.round()
    return True


async def placed(world: Fleet, node: FleetNode) -> None:
    """What has no place is here at once; until it was looked for nobody can move it."""

    async def once() -> None:
        await node.desk.locate_due()

    await insist(world, once)


async def moved(world: Fleet, node: FleetNode, item: str, country: str) -> None:
    """A person there says that it is hosted in another country."""
    draft = ActionDraft(action=Action.MOVED, country=country)
    await record(world, node, lambda: node.desk.act(item, draft, actor="a"))


async def found(
    world: Fleet, node: FleetNode, url: str | None, sha256: str | None, chance: random.Random
) -> str | None:
    """Somebody hands it in there; the id that it has there, if the node took it."""
    reference = f"R-{chance.randrange(1_000_000)}"
    taken: list[str] = []

    async def once() -> None:
        result = await node.submit(url, reference=reference, sha256=sha256)
        if result.items:
            taken.append(result.items[0].item_id)
            world.oracle.accepted(node, reference, taken[-1])

    await insist(world, once)
    return taken[-1] if taken else None
