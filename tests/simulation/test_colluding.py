"""A member that keeps two ledgers, each cosigned by witnesses that lie for it: it is found out."""

from __future__ import annotations

import pytest

from tests.simulation.plan import MEMBERS, VILLAIN, Plan
from tests.simulation.running import run_plan

STORY = (
    *("takes_part", "work", "two_ledgers", "ledger_hour", "submit", "work", "ledger_hour"),
    *("witness_lies", "takes_part", "work", "ledger_hour", "witness_lies", "submit", "ledger_hour"),
)


@pytest.mark.parametrize("seed", [4, 6, 8])
@pytest.mark.parametrize("more", [(), ("total_loss", "suspend", "reinstate", "restored")])
def test_g5_whoever_cosigns_two_ledgers_they_are_found_and_nobody_honest_is_accused(
    seed: int, more: tuple[str, ...]
) -> None:
    """By members that were shown different ones, also where they can compare late alone."""
    steps = (*STORY, "backup", *more, "work", "ledger_hour")
    members = (*MEMBERS, VILLAIN)
    result = run_plan(Plan(seed, members, VILLAIN, (), tuple(enumerate(steps))))
    assert result.wrongs == []
    assert result.happened["shown_another"] > 0
    assert result.happened["witness_lied"] > 0
    assert more or result.happened["second_judged"] > 0
