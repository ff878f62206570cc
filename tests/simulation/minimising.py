"""Making a failing plan smaller while it still fails in the same way.

First whole kinds of wire faults are left out, then halves, quarters and single steps. What remains
is what one has to read.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.simulation.running import Result, run_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.simulation.plan import Plan

RUNS = 150
"""Worlds that are run at most to make one smaller."""


def minimise(plan: Plan, failed: Result, run: Callable[[Plan], Result] = run_plan) -> Plan:
    """Return the smallest plan found that goes wrong as `failed` did."""
    wanted = failed.wrongs[0][0]
    runs = 0

    def still_fails(candidate: Plan) -> bool:
        nonlocal runs
        runs += 1
        return any(what == wanted for what, _ in run(candidate).wrongs)

    shrinking = True
    while shrinking:
        shrinking = False
        for candidate in _smaller(plan):
            if runs >= RUNS:
                return plan
            if still_fails(candidate):
                plan, shrinking = candidate, True
                break
    return plan


def _smaller(plan: Plan) -> Iterator[Plan]:
    """Plans with something left out, much first."""
    for place in range(len(plan.rates)):
        yield replace(plan, rates=plan.rates[:place] + plan.rates[place + 1 :])
    size = (len(plan.steps) + 1) // 2
    while size:
        for start in range(0, len(plan.steps), size):
            yield replace(plan, steps=plan.steps[:start] + plan.steps[start + size :])
        size //= 2
