"""`make fuzz CASES=n SEED=s ONLY=target`: break every parser's inputs, print what was found.

Last line: `fuzz: targets=N cases=N crashes=N hangs=N grown_mb=N seconds=N`. Exits with 1 if
anything was found. `grown_mb` is what memory grew by after the first tenth of the cases.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.fuzzing.running import SHOWN, peak_mb, run
from tests.fuzzing.targets import targets


def say(text: str) -> None:
    """Tell a person."""
    sys.stdout.write(text + "\n")


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--cases", type=int, default=1_000_000, help="of all targets together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    chosen = [t for t in targets() if t.name.startswith(arguments.only)]
    each = max(1, arguments.cases // len(chosen))
    started = time.monotonic()
    for target in chosen:
        run(target, each // 10, arguments.seed + 1)
    before, total = peak_mb(), each // 10 * len(chosen)
    crashes = hangs = 0
    for target in chosen:
        found = run(target, each - each // 10, arguments.seed)
        total += found.cases
        crashes += len(found.crashes)
        hangs += len(found.hangs)
        say(
            f"{target.name:24} {found.cases:8} cases {found.accepted:8} accepted"
            f" {len(found.crashes):4} crashes {len(found.hangs):4} hangs {found.seconds:7.1f} s"
        )
        for told in (*found.crashes[:SHOWN], *found.hangs[:SHOWN]):
            say(f"  {told}")
    say(
        f"fuzz: targets={len(chosen)} cases={total} crashes={crashes} hangs={hangs}"
        f" grown_mb={peak_mb() - before} seconds={time.monotonic() - started:.0f}"
    )
    return 1 if crashes or hangs else 0


if __name__ == "__main__":
    sys.exit(main())
