"""Every item has exactly one responsible member: judged from all disks together.

An item is one item under every name that anybody gave it: what one member handed on is followed to
the next, and to the next, until somebody has it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from node.casework.item import Custody, ItemState
from node.casework.passing_on.custody import HOLDER_UNHEARD
from tests.simulation.erasing import names_of

if TYPE_CHECKING:
    from tests.simulation.fleet import Fleet
    from tests.simulation.oracle import Disk

Place = tuple[str, str]
"""A member, and an item of its own."""


def judge_holders(world: Fleet, disks: dict[str, Disk]) -> list[tuple[str, str]]:
    """G1, G2: nobody has it, two have it, or somebody names another than who has it."""
    if any(world.oracle.disks[node.member] for node in world.honest) or world.oracle.robbed:
        return []
    items = {
        (member, state.id): state
        for member in world.nodes.keys() - {world.hostile}
        for state in disks[member].items.values()
    }
    wrongs: list[tuple[str, str]] = []
    for group in groups(items):
        ended = any(names_of(items[place]) & world.oracle.gone_by_word for place in group)
        story = {one for place in group for one in (place[0], *story_of(items[place]))}
        if world.hostile in story:
            continue
        if ended:
            asks = any((HOLDER_UNHEARD, item) in disks[member].tasks for member, item in group)
            if not asks:
                wrongs += _nobody_has({place: items[place] for place in group}, world.expelled)
            continue
        if not story.isdisjoint(world.expelled):
            wrongs += _nobody_has({place: items[place] for place in group}, world.expelled)
            continue
        wrongs += judge_group({place: items[place] for place in group})
    return wrongs


def groups(items: dict[Place, ItemState]) -> list[list[Place]]:
    """The items that are one, as far as their names tell."""
    named: dict[str, list[Place]] = defaultdict(list)
    for place, state in items.items():
        for name in names_of(state):
            named[name].append(place)
    left, groups = dict.fromkeys(items), []
    while left:
        first, _ = left.popitem()
        group, new = [first], [first]
        while new:
            for name in names_of(items[new.pop()]):
                more = [place for place in named[name] if place in left]
                for place in more:
                    del left[place]
                group += more
                new += more
        groups.append(sorted(group))
    return groups


def judge_group(group: dict[Place, ItemState]) -> Iterator[tuple[str, str]]:
    """Say what is wrong where these are one item."""
    held = {member for (member, _), s in group.items() if s.custody is not Custody.HANDED_ON}
    name = min(item for _, item in group)
    if not held:
        yield "lost", f"{name}: {', '.join(sorted({m for m, _ in group}))} all handed it on"
    elif len(held) > 1:
        yield "twice", f"{name}: {', '.join(sorted(held))} all have it"
    else:
        for (member, item), state in group.items():
            if state.responsible not in held:
                yield "lost", f"{member} says {state.responsible}, {min(held)} has it: {item}"


def _nobody_has(
    group: dict[Place, ItemState], expelled: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Say it of an item that is open, where one that is expelled was on its way, or one erased it.

    What that one said last may have come to nobody: two may have it then, and name each other not.
    Of what was taken back nothing is left to support it, somewhere on its way. Where one on its way
    erased it, a person may be asking.
    """
    standing = [state for (member, _), state in group.items() if member not in expelled]
    if any(not state.sightings for state in standing):
        return
    held = any(state.custody is not Custody.HANDED_ON for state in standing)
    if not held and any(state.closed_ms is None for state in standing):
        yield "lost", f"{min(item for _, item in group)}: nobody has it, and it is open"


def story_of(state: ItemState) -> set[str]:
    """Return the members that had an item, or told of it."""
    return {*(hop.member for hop in state.hops), *(i.member for i in state.informants)}
