"""What the analysts of the synthetic world do, and what must therefore stand everywhere in the end.

About two fifths of the items are worked on. What is closed between the halves is never reported
again in the second half, except by the scenarios that are about exactly that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from examples.demo.cast import AWAY, BY_COUNTRY
from examples.demo.spellings import chance

if TYPE_CHECKING:
    from random import Random

    from examples.demo.cast import Item

LABELS = ("self_generated", "ai_generated", "commercial", "series")
Steps = list[dict[str, dict[str, Any]]]


class Work(NamedTuple):
    """What one member does about one item, in order; `half` 1 is between the two halves."""

    half: int
    member: str
    item: Item
    steps: Steps


def plan(random: Random, items: list[Item], percent: int = 40) -> list[Work]:
    """Return all work, that between the halves first."""
    work: list[Work] = []
    for item in items:
        work.extend(_on(random, item, percent))
    return sorted(work, key=lambda one: one.half)


def _on(random: Random, item: Item, percent: int) -> list[Work]:
    if item.moves:
        moved: Steps = [_act("moved")]
        rest = _baseline(random, item)
        return [Work(1, BY_COUNTRY["NL"], item, moved), Work(2, item.holder, item, rest)]
    if item.closes:
        return _closing(random, item)
    if item.hashes_added_by is not None:
        added: Steps = [{"hashes": dict(item.content or {})}]
        return [
            Work(1, item.hashes_added_by, item, added),
            Work(2, item.holder, item, _baseline(random, item)),
        ]
    if item.assessed_first_half:
        return [Work(1, item.holder, item, [_assess(random, "baseline"), _act("host_notified")])]
    can_be_worked = item.matter == "csam" and item.scenario != "servfail"
    if not can_be_worked or not (item.known_as or chance(random, percent)):
        return []
    return [Work(_half(item), item.holder, item, _steps(random, item))]


def _half(item: Item) -> int:
    """Between the halves if nothing of it comes in later and nobody concerned is away."""
    later = any(hand_in.report.half != 1 for hand_in in item.hand_ins)
    return 2 if later or item.stays_open or item.holder == AWAY else 1


def _closing(random: Random, item: Item) -> list[Work]:
    if item.closes == "not_illegal":
        return [Work(1, item.holder, item, [_assess(random, "not_illegal"), _act("not_illegal")])]
    steps = _baseline(random, item, ends="removed")
    work = [Work(1, item.holder, item, steps)]
    if item.scenario == "perhaps_back":
        again = [_act("seen_online", "checked"), _act("host_notified"), _act("removed", "checked")]
        work.append(Work(2, item.holder, item, again))
    return work


def _steps(random: Random, item: Item) -> Steps:
    if item.known_as is not None or item.verdict_by is not None:
        return _baseline(random, item)
    verdict = random.choices(
        ("baseline", "not_illegal", "national", "unassessable"), (75, 12, 6, 7)
    )[0]
    if verdict == "not_illegal":
        return [_assess(random, verdict), _act("not_illegal")]
    if verdict == "national":
        return [_assess(random, verdict, law="synthetic-act.1"), _act("host_notified")]
    if verdict == "unassessable":
        return [_assess(random, verdict, reason="password"), _act("inaccessible", "password")]
    return _baseline(random, item)


def _baseline(random: Random, item: Item, ends: str = "") -> Steps:
    """Assess where nobody has; tell police and hoster; often it is removed, sometimes gone."""
    carried = item.known_as is not None or item.verdict_by is not None
    steps = [] if carried else [_assess(random, "baseline")]
    steps += [_act("lea_notified"), _act("host_notified")]
    end = ends or random.choices(("removed", "unavailable", ""), (60, 10, 30))[0]
    return [*steps, _act(end, "checked")] if end else steps


def _assess(random: Random, verdict: str, **more: str) -> dict[str, dict[str, Any]]:
    labels = [random.choice(LABELS)] if verdict == "baseline" and chance(random, 30) else []
    body: dict[str, Any] = {"verdict": verdict, "analyst": f"analyst-{random.randrange(1, 9)}"}
    return {"assess": body | more | ({"labels": labels} if labels else {})}


def _act(action: str, reason: str = "") -> dict[str, dict[str, Any]]:
    return {"act": {"action": action} | ({"reason": reason} if reason else {})}


def verdict_of(item: Item, work: list[Work]) -> str | None:
    """Return the verdict that must be in force at the holder in the end."""
    for one in work:
        for step in one.steps:
            if one.item is item and "assess" in step:
                return str(step["assess"]["verdict"])
    return "baseline" if item.known_as is not None or item.verdict_by is not None else None


def actions_of(item: Item, work: list[Work]) -> list[str]:
    """Return the actions that must stand at the item in the end, in order."""
    steps = [step for one in work if one.item is item for step in one.steps]
    return [str(step["act"]["action"]) for step in steps if "act" in step]
