"""`make simulate WORLDS=n SEED=s`: run worlds, print what happened in them, and the verdict.

    python -m tests.simulation --worlds 200 --seed 0
    python -m tests.simulation --seed 7 --worlds 1 --steps 3,9,12 --rates lose_answer

The last line is the verdict. The exit code is 0 only if nothing was lost, twice, undetected,
accused or forged, and, in a run of 200 worlds or more, if every kind of fault really occurred.
Stopped by Ctrl-C, it tells of the worlds that are done.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from tests.simulation.many import KINDS, STANDARD, Totals, run_all
from tests.simulation.minimising import minimise
from tests.simulation.plan import Plan, make_plan
from tests.simulation.running import Result, run_plan

PROGRESS = 500
"""After so many worlds a line says how far it is, on standard error."""
TOLD = 5
"""Failing worlds that are made smaller and told of in full."""


def tell(plan: Plan, result: Result) -> list[str]:
    """What a person needs of a world that failed: what is wrong, and how to see it again."""
    steps = ",".join(str(number) for number, _ in plan.steps)
    rates = ",".join(name for name, _ in plan.rates)
    names = " ".join(f"{number}:{name}" for number, name in plan.steps)
    return [
        f"seed {plan.seed}: {'; '.join(f'{what}: {why}' for what, why in result.wrongs[:4])}",
        f"  {names}",
        (
            f"  python -m tests.simulation --worlds 1 --seed {plan.seed} --steps {steps}"
            f" --rates {rates or 'none'}"
        ),
        f"  events {result.events[:16]} state {result.state[:16]}",
    ]


def distribution(totals: Totals) -> list[str]:
    """What really occurred, the commonest first."""
    counted = sorted(((totals.happened[name], name) for name in KINDS), reverse=True)
    return [f"{count:8d}  {name}" for count, name in counted]


def chosen(arguments: argparse.Namespace) -> Plan:
    """The plan of one seed, or the part of it that was asked for."""
    plan = make_plan(arguments.seed)
    if arguments.steps is not None:
        wanted = {int(number) for number in arguments.steps.split(",")}
        plan = replace(plan, steps=tuple(step for step in plan.steps if step[0] in wanted))
    if arguments.rates is not None:
        names = set(arguments.rates.split(","))
        plan = replace(plan, rates=tuple(rate for rate in plan.rates if rate[0] in names))
    return plan


def main(words: list[str]) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--worlds", type=int, default=STANDARD)
    parser.add_argument("--seed", type=int, default=0, help="of the first world")
    parser.add_argument("--steps", help="only these steps of the one world")
    parser.add_argument("--rates", help="only these wire faults of the one world")
    parser.add_argument("--until-wrong", action="store_true", help="stop at the first that fails")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    arguments = parser.parse_args(words)
    totals, stopped = Totals(), False
    if arguments.steps is not None or arguments.rates is not None:
        plan = chosen(arguments)
        result = run_plan(plan)
        totals.add(result)
        print("\n".join([*result.trace, *tell(plan, result)]))
    else:
        stopped = _run(arguments, totals)
    if totals.worlds >= STANDARD and totals.never:
        print(f"never occurred: {', '.join(totals.never)}")
    print(totals.line(), flush=True)
    return 0 if totals.clean and not stopped else 1


def _run(arguments: argparse.Namespace, totals: Totals) -> bool:
    """Run the worlds and say what happened; whether it was stopped by a person before the end."""
    try:
        _each(arguments, totals)
    except KeyboardInterrupt:
        print(f"stopped after {totals.worlds} of {arguments.worlds} worlds", file=sys.stderr)
        return True
    finally:
        print("\n".join(distribution(totals)))
    return False


def _each(arguments: argparse.Namespace, totals: Totals) -> None:
    told = 0
    seeds = range(arguments.seed, arguments.seed + arguments.worlds)
    for seed, result in run_all(seeds, arguments.jobs):
        totals.add(result)
        if totals.worlds % PROGRESS == 0:
            print(f"{totals.worlds} of {arguments.worlds} worlds", file=sys.stderr, flush=True)
        if result.wrongs and arguments.until_wrong:
            what, why = result.wrongs[0]
            print(f"caught by seed {seed} in world {totals.worlds}: {what}: {why}")
            return
        if result.wrongs and told < TOLD:
            told += 1
            found = "; ".join(f"{what}: {why}" for what, why in result.wrongs)
            print(f"seed {seed}: {found} (shortened next)", file=sys.stderr, flush=True)
            plan = minimise(make_plan(seed), result)
            print("\n".join(tell(plan, run_plan(plan))), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
