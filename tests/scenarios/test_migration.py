"""The benchmark of a live move, small: what it prints is what `benchmarks/README.md` says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.postgres import Cluster

pytestmark = pytest.mark.long

LINE = re.compile(
    r"migration: items=3000 rows=\d+ seconds=\S+ pause_s=(\S+) heads=\d+ written_meanwhile=(\d+)"
    r" away_s=\S+ verified=yes lost=0 twice=0"
)


def test_store_moves_under_load_and_nothing_is_lost_or_twice(
    tmp_path: Path, repository: Path, postgres: Cluster
) -> None:
    """Writes are taken while it is copied, and the pause is bounded."""
    del postgres  # it is there: the benchmark starts one of its own
    words = ("--items", "3000", "--rate", "30", "--dir", str(tmp_path / "run"))
    done = subprocess.run(
        (sys.executable, "-m", "benchmarks.migration", *words),
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    line = LINE.fullmatch(done.stdout.strip().splitlines()[-1])
    assert line is not None, done.stdout
    assert float(line[1]) <= 10
    assert int(line[2]) > 0
