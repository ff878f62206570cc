"""Members that merge again and again under traffic, with pulls, crashes and suspensions beside."""

from __future__ import annotations

import random

import pytest

from tests.simulation.net import RATES
from tests.simulation.people import STEPS
from tests.simulation.plan import MEMBERS, Plan
from tests.simulation.running import run_plan

BESIDE = (
    *("registry_withheld", "crash", "away", "suspend", "suspend_mid_push", "reinstate"),
    *("reinstate", "countries_change", "handed_round", "crash_at_commit"),
)
KINDS = ("merged_midway",) * 4 + BESIDE
LENGTH = 40


def plan_of(seed: int) -> Plan:
    """A world in which members merge; in every second one a member cannot be called."""
    chance = random.Random(f"merging {seed}")  # noqa: S311 - a simulation, not a secret
    members = MEMBERS[: chance.choice([3, 4, 5])]
    rates = {name: chance.random() * most for name, most in RATES.items() if chance.random() < 0.3}
    usual = [name for name, (_, weight) in STEPS.items() for _ in range(weight)]
    names = (chance.choice(KINDS if chance.random() < 0.35 else usual) for _ in range(LENGTH))
    steps = tuple(enumerate(names))
    unreachable = chance.choice(members) if seed % 2 else None
    return Plan(seed, members, None, tuple(sorted(rates.items())), steps, unreachable)


@pytest.mark.parametrize("seed", [0, 1, 3, 44, 87, 101])
def test_11_3_nothing_is_lost_or_done_twice_while_members_merge(seed: int) -> None:
    """What they held, had handed on or judged, and what was on its way, is one story."""
    result = run_plan(plan_of(seed))
    assert result.wrongs == []
    assert result.happened["merged_midway"]
    assert result.happened["merged_judged"]
