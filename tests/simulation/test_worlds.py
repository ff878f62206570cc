"""Two hundred worlds from two hundred seeds: nothing lost, twice, forked unseen, accused or forged.

`make simulate WORLDS=n SEED=s` runs others, says which faults occurred, and makes a world that
fails smaller.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.__main__ import tell
from tests.simulation.many import STANDARD, Totals, run_all
from tests.simulation.minimising import minimise
from tests.simulation.plan import Plan, make_plan
from tests.simulation.running import Result, run_plan

JOBS = 2
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def totals() -> Totals:
    """Run the standard worlds; one that goes wrong is told of, with how to see it again."""
    counted = Totals()
    for seed, result in run_all(range(STANDARD), JOBS):
        counted.add(result)
        if result.wrongs:
            print("\n".join(tell(make_plan(seed), result)))  # noqa: T201 - pytest shows it
    return counted


def test_nothing_is_lost_twice_forked_unseen_accused_or_forged(totals: Totals) -> None:
    """After the faults stop, in every world: G1, G2, G3, G5, and one state on both sides."""
    assert not totals.wrongs
    assert "lost=0 twice=0" in totals.line()


def test_every_kind_of_fault_really_occurs(totals: Totals) -> None:
    """One that never fires proves nothing, and is a bug of the simulation."""
    assert totals.never == []


def test_some_items_die_with_their_only_disk(totals: Totals) -> None:
    """Else the worlds would never have lost a disk at the worst moment."""
    assert totals.gone > 0


SEEDS = (3, 12, 47)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_world_replays_exactly(seed: int) -> None:
    """The same seed gives the same events and the same state."""
    one, other = run_plan(make_plan(seed)), run_plan(make_plan(seed))
    assert (one.events, one.state) == (other.events, other.state)


def test_a_world_replays_in_another_process() -> None:
    """Whatever keys it makes, and however it orders its sets."""
    seed = SEEDS[0]
    result = run_plan(make_plan(seed))
    again = subprocess.run(
        [sys.executable, "-c", _REPLAY, str(seed)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stdout.split() == [result.events, result.state]


_REPLAY = """
import sys
from tests.simulation.plan import make_plan
from tests.simulation.running import run_plan
result = run_plan(make_plan(int(sys.argv[1])))
print(result.events, result.state)
"""


def test_a_failing_plan_is_made_as_small_as_what_it_takes() -> None:
    """Two steps that only together go wrong are what remains."""

    def run(plan: Plan) -> Result:
        numbers = {number for number, _ in plan.steps}
        result = run_plan(Plan(0, ("gb-iwf", "nl-eokm"), None, (), ()))
        result.wrongs = [("lost", "together")] if {4, 17} <= numbers else []
        return result

    plan = make_plan(3)
    assert [number for number, _ in minimise(plan, run(plan), run).steps] == [4, 17]
