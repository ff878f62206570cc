"""Terms that change under traffic, with one side behind, crashes, pulls and suspensions beside."""

from __future__ import annotations

import random

import pytest

from tests.simulation.governing import terms_change
from tests.simulation.net import RATES
from tests.simulation.people import STEPS
from tests.simulation.plan import MEMBERS, Plan
from tests.simulation.running import run_plan

BESIDE = ("registry_withheld", "crash", "away", "suspend_mid_push", "reinstate")
KINDS = ("terms_change",) * 3 + BESIDE
LENGTH = 60


def plan_of(seed: int) -> Plan:
    """A world in which terms change again and again; in every second one a member pulls."""
    chance = random.Random(f"terms {seed}")  # noqa: S311 - a simulation, not a secret
    members = MEMBERS[:3]
    rates = {name: chance.random() * most for name, most in RATES.items() if chance.random() < 0.3}
    usual = [name for name, (_, weight) in STEPS.items() for _ in range(weight)]
    names = (chance.choice(KINDS if chance.random() < 0.35 else usual) for _ in range(LENGTH))
    steps = tuple(enumerate(names))
    unreachable = members[1] if seed % 2 else None
    return Plan(seed, members, None, tuple(sorted(rates.items())), steps, unreachable)


@pytest.mark.parametrize("seed", range(6))
def test_11_4_nothing_is_lost_or_done_twice_while_terms_change(seed: int) -> None:
    """Fields go or stay away; what was said before and after, and who has what, is one story."""
    result = run_plan(plan_of(seed), {"terms_change": terms_change})
    assert result.wrongs == []
    assert result.happened["terms_change"]
