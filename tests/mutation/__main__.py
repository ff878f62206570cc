"""`make mutate ONLY=protocol.merkle JOBS=n`: change the code a little, see whether a test fails.

Each function of `keys/`, `protocol/` and `node/matching/` is changed in every way that mutmut
knows, one at a time (a mutant), and the tests that reach it are run. A mutant that no test notices
is alive: a test is missing, or the change changes nothing, which `explained.toml` then says. Prints
each unexplained one as a diff, then a line for each module.

`ONLY` names modules or packages, with spaces between: `ONLY="node.matching keys.sealing"`.
`OWN=1` runs each module's own tests alone, in one process that forks (`own.py`).

Last line: `mutation: modules=N mutants=N killed=N explained=N unexplained=N score=N`; the score is
the part killed, in per cent, the explained counted as alive. Exits with 1 if a package scores less
than `reckoning.ENOUGH` of it.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.mutation.own import run_own
from tests.mutation.reckoning import ROOT, Module, explanations, reckon, too_low

MUTMUT = Path(sys.executable).parent / "mutmut"


def say(text: str) -> None:
    """Tell a person."""
    sys.stdout.write(text + "\n")


def run(only: Sequence[str], jobs: int) -> bool:
    """Make the mutants and run the tests against them; tell whether mutmut came to its end."""
    shutil.rmtree(ROOT / "mutants", ignore_errors=True)
    names = [f"{name}.*" for name in only]
    command = [str(MUTMUT), "run", "--max-children", str(jobs), *names]
    with (ROOT / "mutants.log").open("wb") as log:
        done = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, check=False)
    return done.returncode == 0


def verdict(modules: Sequence[Module]) -> int:
    """Print what lives and what every module scored; return the exit code."""
    for module in modules:
        for mutant in module.unexplained:
            say(f"{mutant.name}\n{mutant.diff}\n")
    for module in modules:
        say(
            f"{module.name:24} {module.mutants:5} mutants {module.killed:5} killed"
            f" {len(module.explained):4} explained {len(module.unexplained):4} unexplained"
            f" {module.score:6.1f} %"
        )
    mutants = sum(module.mutants for module in modules)
    killed = sum(module.killed for module in modules)
    low = too_low(modules)
    for name, score in low.items():
        say(f"{name} scores {score:.1f} %, which is not enough")
    score = 100 * killed / max(1, mutants)
    say(
        f"mutation: modules={len(modules)} mutants={mutants} killed={killed}"
        f" explained={sum(len(module.explained) for module in modules)}"
        f" unexplained={sum(len(module.unexplained) for module in modules)} score={score:.1f}"
    )
    return 1 if low else 0


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(prog="make mutate")
    parser.add_argument("--only", default="", help="modules, such as protocol.merkle")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--own", action="store_true", help="only each module's own tests")
    parser.add_argument("--left", action="store_true", help="with --own, only what lived last time")
    parser.add_argument("--again", action="store_true", help="only report on the last run")
    arguments = parser.parse_args()
    only = arguments.only.split()
    if arguments.left and not arguments.own:
        parser.error("--left goes with --own")
    ran = arguments.again or (
        run_own(only, left=arguments.left) if arguments.own else run(only, arguments.jobs)
    )
    if not ran:
        say((ROOT / "mutants.log").read_text(errors="replace").replace("\r", "\n")[-3000:])
        return 2
    return verdict(reckon(only, explanations()))


if __name__ == "__main__":
    sys.exit(main())
