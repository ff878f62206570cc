"""Both sides of a hand-over say the same of the item."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import TYPE_CHECKING

from node.casework.item import FINAL_ACTIONS, Custody, ItemState
from protocol.vocabulary import Action, Lane
from tests.simulation.erasing import names_of
from tests.simulation.holding import story_of
from tests.simulation.oracle import Disk

if TYPE_CHECKING:
    from tests.simulation.fleet import Fleet

Wrong = tuple[str, str]
Disks = dict[str, Disk]


def judge_both_sides(world: Fleet, disks: Disks) -> list[Wrong]:
    """Both sides of a hand-over say the same of the item, unless one of them lost its disk."""
    if any(world.oracle.disks[node.member] for node in world.honest):
        return []
    wrongs: list[Wrong] = []
    for sender, receiver in permutations((node.member for node in world.honest), 2):
        if (sender, receiver) in world.oracle.robbed:
            continue
        for state in disks[sender].items.values():
            story = story_of(state)
            if any({*pair} <= story | {sender} for pair in world.oracle.robbed):
                continue  # what it would tell, or one before it in the chain, waits for a person
            if not story.isdisjoint(world.outside) or names_of(state) & world.oracle.gone_by_word:
                continue
            if state.custody is not Custody.HANDED_ON or next_hop(state, sender) != receiver:
                continue
            if _stands_stopped(world, disks, [state, *_twins(state, sender, disks[receiver])]):
                continue
            wrongs += compare(sender, receiver, state, disks, world.oracle.robbed)
    return wrongs


def _stands_stopped(world: Fleet, disks: Disks, states: list[ItemState]) -> bool:
    """Whether the hostile member handed it round to one whose people keep that channel stopped.

    Not before they let it go on does the hand-over come, and do those of a ring hear of each other
    (§10.5.2): till then each goes by what it knows.
    """
    return any(
        step.by == world.hostile
        and step.to in disks
        and (step.by, Lane.REPORTS.value) in disks[step.to].stopped_in
        for state in states
        for step in state.steps
    )


def _twins(state: ItemState, sender: str, disk: Disk) -> list[ItemState]:
    """What who was handed an item by `sender` has of it."""
    told = (sender, state.id)
    return [s for s in disk.items.values() if state.id == s.id or state.id in s.aliases
            or told in {(i.member, i.item_id) for i in s.informants}]  # fmt: skip


def next_hop(state: ItemState, us: str) -> str | None:
    """To whom this member handed an item last, by the chain; else who is said to have it."""
    ours = [n for n, hop in enumerate(state.hops) if hop.member == us]
    if ours and ours[-1] + 1 < len(state.hops):
        return state.hops[ours[-1] + 1].member
    return state.responsible


def compare(
    sender: str, receiver: str, state: ItemState, disks: Disks, robbed: set[tuple[str, str]]
) -> Iterator[Wrong]:
    """Say what differs between who handed an item on and who was handed it."""
    twins = _twins(state, sender, disks[receiver])
    if len(twins) != 1:
        yield "lost", f"{sender} -> {receiver}: {state.id} is known {len(twins)} times"
        return
    twin = twins[0]
    if state.responsible != twin.responsible:
        yield (
            "lost",
            (f"{sender} says {state.responsible}, {receiver} says {twin.responsible}: {state.id}"),
        )
    waits = {a for a, of in robbed if of in (sender, receiver)}  # a thief stands in that channel
    if _unheard(state, twin, receiver, waits) or _unheard(twin, state, sender, waits):
        yield "lost", f"{sender}, {receiver}: verdicts on {state.id} differ"
    missing = _undone(state, twin, receiver) - _before_it_was_joined(state, twin, sender)
    if missing or _undone(twin, state, sender):
        yield "lost", f"{sender}, {receiver}: actions on {state.id} differ"


def _unheard(state: ItemState, twin: ItemState, other: str, waits: set[str]) -> set[str]:
    """Verdicts in force on `state` that `other` lacks on its twin.

    What its author corrected may have been taken back on one side alone, where it came as a word on
    the file (§6.6.4). Its own are left out: nobody is told what he did himself, and one that he
    gave on another item of the same content may have been carried over on one side alone, where the
    hashes are known; and those of authors whose own words on the file wait for a person (`waits`).
    What is not said of an item before somebody looked at all its files is left out, too (§6.4).
    """
    heard = {a.event_id for a in twin.assessments}
    out = {other, *waits}
    told = () if state.unseen else state.in_force
    return {a.event_id for a in told if a.member not in out} - heard - state.by_one_file


def _undone(state: ItemState, twin: ItemState, other: str) -> set[str]:
    """Actions on `state` that `other` lacks on its twin; its own left out, as above."""
    heard = {a.event_id for a in twin.actions}
    return {a.event_id for a in state.actions if a.member != other} - heard


def _before_it_was_joined(state: ItemState, twin: ItemState, sender: str) -> set[str]:
    """What had ended or reopened the item before it was joined to another: that ends there."""
    if state.id == twin.id:
        return set()
    members = [hop.member for hop in state.hops]
    last = len(members) - members[::-1].index(sender) if sender in members else 0
    earlier = {sender, *members[:last]}  # to whom it came back: all who had it in between
    ends = FINAL_ACTIONS | {Action.SEEN_ONLINE}
    return {a.event_id for a in state.actions if a.member in earlier and a.action in ends}
