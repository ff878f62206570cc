"""R10, small: two real nodes under mixed load and faults; `make soak` does the same for long."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from tests.builders.postgres import find_postgres

pytestmark = pytest.mark.long

LINE = re.compile(
    r"soak: minutes=\S+ items=(\d+) lost=0 twice=0 rss_growth_mb=\S+ files_growth=(-?\d+) "
    r"wal_mb=\S+ stall_max_ms=\d+"
    r"(?: dead_rows=\d+ dead_rows_growth=-?\d+ server_wal_mb=\d+ sessions=(\d+)"
    r" sessions_growth=0 old_transactions=0)?"
)
FILES = 10
"""More open files than these would go on growing."""


@pytest.mark.parametrize(
    ("case", "store"), [("mixed", "file"), ("stopped", "file"), ("mixed", "postgresql")]
)
def test_r10_under_load_and_faults_nothing_is_lost_and_nothing_piles_up(
    tmp_path: Path,
    repository: Path,
    part_missing: Callable[[str, str], NoReturn],
    case: str,
    store: str,
) -> None:
    """Kill -9 of both nodes, a receiver that stands still, an umbrella that is away."""
    if store == "postgresql" and find_postgres() is None:
        part_missing("PostgreSQL", "run tests/parts, or on Debian: apt-get install postgresql")
    words = ["--case", case, "--minutes", "1", "--rate", "50", "--dir", str(tmp_path / "run")]
    words += ["--store", store]
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
    assert (line[3] is not None) is (store == "postgresql")
