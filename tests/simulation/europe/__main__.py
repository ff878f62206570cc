"""`make simulate-europe`: a synthetic year of the whole network; see README.md.

python -m tests.simulation.europe --items 5000 --members 8 --seed 7
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from node.app import calm_collector
from tests.simulation.europe import checker, mix
from tests.simulation.europe.playing import play
from tests.simulation.europe.replay import START_MS, Result
from tests.simulation.europe.year import Year

PROCESSES = 2
"""P9 is asked of two cores."""


def say(text: str) -> None:
    """Show progress; the verdict goes to standard output."""
    print(text, file=sys.stderr, flush=True)


def _each_ms(result: Result) -> float:
    return 1000 * result.cpu_seconds / result.items


def _figures(result: Result, days: int) -> dict[str, object]:
    cpu_s = {name: round(spent, 2) for name, spent in sorted(result.counted.cpu_s.items())}
    return {
        "members": result.members,
        "items": result.items,
        "days": days,
        "cpu_s": cpu_s | {"all": round(result.cpu_seconds, 2)},
        "counted": dict(sorted(result.counted.of.items())),
        "peak_rss_mb": result.peak_rss_mb,
    }


def main() -> int:
    """Play a year, check it, print one line; 0 if nothing was lost and nothing stands twice."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.europe", description=__doc__)
    parser.add_argument("--items", type=int, default=mix.ITEMS)
    parser.add_argument("--members", type=int, default=mix.MEMBERS)
    parser.add_argument("--days", type=int, default=0, help="0: as many as the items take")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=PROCESSES, help="that share the members")
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it there")
    parser.add_argument("--append", type=Path, help="add the figures to this file (plot.py)")
    given = parser.parse_args()
    days = given.days or max(7, round(mix.DAYS * given.items / mix.ITEMS))
    folder = given.keep or Path(tempfile.mkdtemp(prefix="europe-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        year = Year(given.items, given.members, days, given.seed, START_MS)
        calm_collector()  # as a running node does
        result = play(year, folder, given.seed, say, given.processes)
        for line in result.counted.lines():
            say(line)
        say(f"cpu: {result.cpu_seconds:.0f} s in all, {_each_ms(result):.1f} ms an item")
        verdict = checker.check(folder)
        for finding in verdict.findings:
            say(f"{finding.kind}: {finding.text}")
    finally:
        if given.keep is None:
            shutil.rmtree(folder)
    if given.append is not None:
        with given.append.open("a", encoding="utf-8") as figures:
            figures.write(json.dumps(_figures(result, days)) + "\n")
    print(
        f"europe: members={result.members} items={result.items} lost={verdict.lost}"
        f" twice={verdict.twice} seconds={result.seconds:.0f}"
        f" items_per_second={result.items / result.seconds:.0f} peak_rss_mb={result.peak_rss_mb}"
    )
    return int(bool(verdict.lost or verdict.twice or result.undone))


if __name__ == "__main__":
    sys.exit(main())
