"""Two hundred worlds from two hundred seeds: nothing lost, twice, forked unseen, accused or forged.

`make simulate WORLDS=n SEED=s` runs others, says which faults occurred, and makes a world that
fails smaller.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.simulation.__main__ import tell
from tests.simulation.many import STANDARD, Totals, run_seed
from tests.simulation.minimising import minimise
from tests.simulation.plan import Plan, make_plan
from tests.simulation.running import Result, run_plan

EACH = 25
SLICES = STANDARD // EACH
"""The worlds are run in so many tests, so that every process of a test run has some of them."""
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Slice:
    """Some of the standard worlds, counted; what went wrong, with how to see it again."""

    totals: Totals
    told: list[str]

    def to_json(self) -> str:
        """For the other processes of this test run."""
        return json.dumps({"totals": vars(self.totals), "told": self.told})

    @classmethod
    def from_json(cls, raw: str) -> Slice:
        """What `to_json` wrote."""
        read = json.loads(raw)
        totals = Totals(**read["totals"])
        totals.happened, totals.wrongs = Counter(totals.happened), Counter(totals.wrongs)
        return cls(totals, read["told"])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder that is the same in every process of this test run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder /= "worlds"
    folder.mkdir(exist_ok=True)
    return folder


def run_slice(shared: Path, number: int, how: int = fcntl.LOCK_EX) -> Slice:
    """Run some of the standard worlds, once in a test run: the first who asks does.

    Raises:
        BlockingIOError: `how` says not to wait, and another process is running them.
    """
    done = shared / f"{number}.json"
    with (shared / f"{number}.lock").open("w") as lock:
        fcntl.flock(lock, how)
        if not done.exists():
            found = Slice(Totals(), [])
            for seed in range(number * EACH, (number + 1) * EACH):
                _, result = run_seed(seed)
                found.totals.add(result)
                if result.wrongs:
                    found.told.extend(tell(make_plan(seed), result))
            done.write_text(found.to_json(), encoding="utf-8")
    return Slice.from_json(done.read_text(encoding="utf-8"))


@pytest.mark.parametrize("number", range(SLICES))
def test_nothing_is_lost_twice_forked_unseen_accused_or_forged(shared: Path, number: int) -> None:
    """After the faults stop, in every world: G1, G2, G3, G5, and one state on both sides."""
    found = run_slice(shared, number)
    assert not found.totals.wrongs, "\n".join(found.told)
    assert "lost=0 twice=0" in found.totals.line()
    assert found.totals.worlds == EACH


@pytest.fixture(scope="module")
def totals(shared: Path) -> Totals:
    """All standard worlds together; those that nobody runs yet are run here, the last first."""
    counted = Totals()
    for number in reversed(range(SLICES)):
        with suppress(BlockingIOError):
            run_slice(shared, number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    for number in range(SLICES):
        counted.join(run_slice(shared, number).totals)
    assert counted.worlds == STANDARD
    return counted


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
