"""A node that is lost twice answers the same entry in each life, and both answers are its own."""

from __future__ import annotations

from tests.simulation.plan import Plan
from tests.simulation.running import run_plan

STEPS = (
    (7, "submit"), (14, "work"), (15, "submit"), (16, "crash_at_commit"), (20, "assess"),
    (21, "total_loss"), (30, "crash"), (31, "wait"), (32, "hashes"), (37, "assess"), (38, "away"),
    (53, "burnt"),
)  # fmt: skip
"""A disk is gone, its node hears everything again, and then the machine burns and recovers."""


def test_g9_both_answers_of_a_node_that_was_lost_twice_verify() -> None:
    """It judged the entry anew without the verdict known before: `new_known`, then `new`."""
    result = run_plan(Plan(4335, ("gb-iwf", "nl-eokm"), None, (), STEPS, None))
    assert result.happened["total_loss"] == result.happened["burnt"] == 1
    assert result.wrongs == []
