"""The whole demo, small: it holds, and leaves nothing running, however it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from tests.builders.postgres import find_postgres

pytestmark = pytest.mark.long

LINE = re.compile(
    r"demo: reports=\d+ items=\d+ forwarded=\d+ duplicates=\d+ known=\d+ returned_outcomes=\d+ "
    r"lost=0 twice=0 verified=ok"
)


def start(folder: Path, repository: Path, *words: str) -> subprocess.Popen[str]:
    """Start a demo of few reports."""
    command = (sys.executable, "-m", "examples.demo", "--reports", "300", "--dir", str(folder))
    return subprocess.Popen(
        (*command, *words),
        cwd=repository,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def left_behind(folder: Path) -> list[str]:
    """Return the command lines of processes that work in a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in command and int(entry.parent.name) != os.getpid():
            found.append(command.decode(errors="replace"))
    return found


def test_the_demo_ends_with_its_line(tmp_path: Path, repository: Path) -> None:
    """Nothing lost, nothing twice, everything verified; no process stays."""
    folder = tmp_path / "run"
    process = start(folder, repository)
    told, _ = process.communicate(timeout=240)
    assert process.returncode == 0, told
    assert LINE.fullmatch(told.strip().splitlines()[-1])
    assert not left_behind(folder)


def test_r1_the_demo_holds_while_who_works_of_two_processes_on_a_server_is_killed(
    tmp_path: Path, repository: Path, part_missing: Callable[[str, str], NoReturn]
) -> None:
    """Kill -9 of one of two processes under load, twice: the independent checker finds nothing."""
    if find_postgres() is None:
        part_missing("PostgreSQL", "run tests/parts, or on Debian: apt-get install postgresql")
    folder = tmp_path / "run"
    process = start(folder, repository, "--store", "postgresql")
    told, _ = process.communicate(timeout=400)
    assert process.returncode == 0, told
    assert LINE.fullmatch(told.strip().splitlines()[-1])
    assert told.count("the process that worked was killed with -9") == 2
    assert not left_behind(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_stopped_leaves_nothing_behind(
    tmp_path: Path, repository: Path, number: signal.Signals
) -> None:
    """Ctrl-C in the middle of it, when several nodes run."""
    folder = tmp_path / "run"
    process = start(folder, repository)
    assert process.stdout is not None
    while "joined and run" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(number)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "logs:" in told
    assert not left_behind(folder)


def test_a_demo_that_is_kept_can_be_talked_to_and_ended(tmp_path: Path, repository: Path) -> None:
    """What it prints is true: the nodes answer, a second demo does not start there, they end."""
    folder = tmp_path / "run"
    process = start(folder, repository, "--keep")
    told, _ = process.communicate(timeout=240)
    try:
        assert process.returncode == 0, told
        curl = re.search(r"curl -s (http://127\.0\.0\.1:\d+/metrics)", told)
        assert curl is not None
        assert len(left_behind(folder)) == 6
        second = start(folder, repository)
        again, _ = second.communicate(timeout=60)
        assert second.returncode == 1
        assert "still runs" in again
    finally:
        subprocess.run(["sh", str(folder / "stop.sh")], check=False, timeout=60)
    assert not left_behind(folder)
