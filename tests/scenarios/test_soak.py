"""R10, small: two real nodes under mixed load and faults; `make soak` does the same for long."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

LINE = re.compile(
    r"soak: minutes=\S+ items=(\d+) lost=0 twice=0 rss_growth_mb=\S+ files_growth=(-?\d+) "
    r"wal_mb=\S+ stall_max_ms=\d+"
)
FILES = 10
"""More open files than these would go on growing."""


@pytest.mark.parametrize("case", ["mixed", "stopped"])
def test_r10_under_load_and_faults_nothing_is_lost_and_nothing_piles_up(
    tmp_path: Path, repository: Path, case: str
) -> None:
    """Kill -9 of both nodes, a receiver that stands still, an umbrella that is away."""
    words = ("--case", case, "--minutes", "1", "--rate", "50", "--dir", str(tmp_path / "run"))
    done = subprocess.run(
        (sys.executable, "-m", "benchmarks.soak", *words),
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    line = LINE.fullmatch(done.stdout.strip().splitlines()[-1])
    assert line is not None, done.stdout
    assert int(line[1]) > 0
    assert int(line[2]) < FILES
