"""What must hold of items where a member on their way has merged into another.

What a member that is gone said last may never arrive: two may have an item then. Where all of it
arrived in time, and was judged, the others know as much as if it were still there: exactly one of
them has each open item, and all name that one. Whatever arrived of it, those who are left, and
handed an item from one to the other, know the same verdicts; and what it found itself and handed
over is seen by somebody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from node.casework.incoming.receiving import HANDED_OVER
from node.casework.item import Custody, ItemState
from tests.simulation.both_sides import compare, next_hop
from tests.simulation.erasing import names_of
from tests.simulation.holding import Place, groups, judge_group, story_of
from tests.simulation.looking import rows

if TYPE_CHECKING:
    from tests.simulation.fleet import Fleet
    from tests.simulation.oracle import Disk

Wrong = tuple[str, str]
Disks = dict[str, "Disk"]
ITEM = 16
_SAID_OF = "SELECT peer, entry_id FROM messages_out WHERE item = ?"
_HANDED = "SELECT entry_id FROM messages_out WHERE item = ? AND peer = ? AND kind = ?"


def judge_inherited(world: Fleet, disks: Disks) -> list[Wrong]:
    """G1, G2: after a merger, too, one member has what is open, and verdicts arrive at all."""
    gone = world.expelled
    if not gone or any(world.oracle.disks.values()) or world.oracle.robbed:
        return []
    items = {
        (member, state.id): state
        for member in world.nodes.keys() - {world.hostile}
        for state in disks[member].items.values()
    }
    wrongs: list[Wrong] = []
    for places in groups(items):
        group = {place: items[place] for place in places}
        story = {one for (member, _), s in group.items() for one in (member, *story_of(s))}
        erased = any(names_of(state) & world.oracle.gone_by_word for state in group.values())
        if story.isdisjoint(gone) or world.hostile in story or erased:
            continue
        wrongs += _handed_over(world, disks, group)
        left = {place: state for place, state in group.items() if place[0] not in gone}
        if _all_arrived(world, disks, group, story & gone):
            world.net.happened["merged_judged"] += 1
            wrongs += _judge_holder(left)
        wrongs += _judge_words(left, disks)
    return wrongs


def _handed_over(world: Fleet, disks: Disks, group: dict[Place, ItemState]) -> Iterator[Wrong]:
    """What a member found itself, and handed over before it was gone, somebody sees."""
    for (member, item), state in group.items():
        receiver = next_hop(state, member)
        if member not in world.expelled or state.custody is not Custody.HANDED_ON:
            continue
        if receiver is None or receiver in world.outside or state.closed_ms is not None:
            continue
        held = {(member, identity) for identity in _handovers(world, member, receiver, item)}
        if not held & disks[receiver].custody.keys():
            continue  # it never left: its own people see that it waits
        asks = (HANDED_OVER, member) in disks[receiver].tasks
        world.net.happened["merged_own_taken"] += 1
        if not asks and not disks[receiver].knows(item):
            yield "lost", f"{member} -> {receiver}: {item} was taken, and nobody sees it"


def _handovers(world: Fleet, member: str, receiver: str, item: str) -> list[bytes]:
    return [identity for (identity,) in rows(world[member], _HANDED, item, receiver, ITEM)]


def _all_arrived(world: Fleet, disks: Disks, group: dict[Place, ItemState], gone: set[str]) -> bool:
    """Whether all that these members said of an item was judged by those who are left."""
    for member in gone:
        for name in {name for state in group.values() for name in names_of(state)}:
            for peer, identity in rows(world[member], _SAID_OF, name):
                if peer in world.outside:
                    return False
                held = (member, identity) in disks[peer].custody
                if not held or (member, identity) in disks[peer].unjudged:
                    return False
    return True


def _judge_holder(group: dict[Place, ItemState]) -> Iterator[Wrong]:
    for part in _as_left(group):
        if any(state.closed_ms is None and state.sightings for state in part.values()):
            yield from judge_group(part)


def _as_left(group: dict[Place, ItemState]) -> list[dict[Place, ItemState]]:
    """What is one item still: where several had found it, only who is gone knew that it is one.

    Each takes back its own, and who answers for the country by then has it: two, if that changed.
    """
    parts = [{place: group[place] for place in part} for part in groups(group)]
    here = [(m, s) for (m, _), s in group.items() if s.custody is not Custody.HANDED_ON]
    back = {s.hops[-2].member if len(s.hops) > 1 and s.hops[-1].member == m else m for m, s in here}
    return parts if len(back) == 1 else [group]


def _judge_words(group: dict[Place, ItemState], disks: Disks) -> Iterator[Wrong]:
    members = {member for member, _ in group}
    for (sender, _), state in group.items():
        receiver = next_hop(state, sender)
        if state.custody is Custody.HANDED_ON and receiver in members - {sender}:
            yield from compare(sender, receiver, state, disks, set())
