"""Hand-overs that go round: who has an item that every member of a ring has handed on.

Each member joins what it is handed to the item that it had already. So hand-overs of one place can
lead round to where they began, and everybody in the ring says `handed_on`. Each member knows the
hand-overs that follow its own, by their ids, and finds the same one alone:

    the item is with the member to whom the latest hand-over of the ring went; where that member has
    erased it, with the one that handed it there.

Hand-overs are ordered by the time in their ids, and where that is equal by their members. Who was
handed an item, or knows of a hand-over of it, dates its own after that one (`after`): what a person
decides later counts, whatever the clocks say. Pure: what is told, and how custody is taken, is in
`custody.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from node.casework.item import ItemState, Step
from node.ids import LATEST_MS, time_of
from protocol.fields import MAX_HOPS

AHEAD_MS = 366 * 86_400_000
"""How far a hand-over of others may be ahead of our clock and still be dated after: clocks of
honest members are off by days, sometimes by a year."""


def with_step(steps: Sequence[Step], step: Step) -> tuple[Step, ...]:
    """Return the latest known hand-over of each member, now that `step` is known too."""
    if not steps:  # of nearly every item
        return (step,)
    before = next((one for one in steps if one.by == step.by), None)
    if before is not None and order(before) >= order(step):
        return tuple(steps)
    return (*without(steps, step.by), step)


def without(steps: Sequence[Step], member: str) -> tuple[Step, ...]:
    """Return what is known of the others' hand-overs."""
    return tuple([step for step in steps if step.by != member]) if steps else ()


def after(us: str, state: ItemState, now_ms: int) -> int:
    """Return the time of a hand-over decided now: later than every one that is known (UTC, ms).

    What others say is further ahead than `AHEAD_MS` counts as just that: else one member could say
    the last time that there is, and nobody could ever date anything after it.
    """
    theirs = max([state.handed_ms, *[time_of(one.event_id) for one in without(state.steps, us)]])
    ours = max([time_of(step.event_id) for step in state.steps if step.by == us], default=0)
    return max(now_ms, min(theirs, now_ms + AHEAD_MS) + 1, min(ours + 1, LATEST_MS))


def is_earlier(us: str, state: ItemState, revision: int) -> bool:
    """Whether what came with this `revision` was handed over before we handed it on.

    Older nodes count hops there, and tell nothing by it.
    """
    ours = [time_of(step.event_id) for step in state.steps if step.by == us]
    return bool(ours) and MAX_HOPS < revision < ours[0]


def way(member: str, steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the hand-overs that lead on from `member`; in a ring, each of it once."""
    by = {step.by: step for step in steps}
    found: list[Step] = []
    at = member
    while (step := by.get(at)) is not None and step.to != at and step not in found:
        found.append(step)
        at = step.to
    return tuple(found)


def ring(member: str, steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the hand-overs that lead from `member` back to it; empty: they lead elsewhere."""
    found = way(member, steps)
    return found if found and found[-1].to == member else ()


def holder(member: str, steps: Sequence[Step], erased_at: Collection[str]) -> str:
    """Return who has what `member` has or handed on, as far as these hand-overs tell."""
    found = way(member, steps)
    if not found:
        return member
    begun = [step.by for step in found]
    if found[-1].to not in begun:
        return found[-1].to
    last = max(found[begun.index(found[-1].to) :], key=order)
    return last.by if last.to in erased_at else last.to


def order(step: Step) -> tuple[str, str]:
    """Return the place of a hand-over among the others."""
    member, _, place = step.event_id.rpartition(".")
    return place, member
