"""The trial on one machine is typed as docs/operating/trial.md has it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from examples.demo.processes import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PORTS = ("5353", "8441", "8442", "8450")


def blocks() -> list[str]:
    """Return what is fenced in that part of the page, with ports that are free here."""
    page = (ROOT / "docs/operating/trial.md").read_text()
    free = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
    part = re.sub("|".join(PORTS), lambda port: free[port[0]], page)
    return re.findall(r"^```\w+\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)


@pytest.fixture
def pasted(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Give a shell in a folder with the examples; what it leaves running ends with the test."""
    (tmp_path / "examples").mkdir()
    shutil.copy(ROOT / "examples/reports.csv", tmp_path / "examples")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with (
        (tmp_path / "shown").open("w") as shown,
        subprocess.Popen(
            ["/bin/sh"],
            cwd=tmp_path,
            env=os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=shown,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as shell,
    ):
        yield shell
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)


def test_every_line_does_what_it_says_when_pasted_at_once(
    pasted: subprocess.Popen[str], tmp_path: Path
) -> None:
    """Nobody has to know how long a program takes to listen."""
    made, settings, run = blocks()
    _, *lines = made.splitlines()  # the first makes the environment that this test has
    until = next(at for at, line in enumerate(lines) if "network create" in line)
    seen = "$(sed -n 's/^{} *//p' shown)"
    rest = "\n".join(lines[until + 1 :])
    rest = rest.replace("NETWORK", seen.format("network"))
    rest = rest.replace("FINGERPRINT", seen.format("fingerprint"))
    (tmp_path / "settings").write_text(settings.replace("/CLONE", str(ROOT)))
    put = "sed -i '/^\\[jurisdiction\\]/r settings' trial/gb-iwf/node.toml"
    typed = "\n".join((*lines[: until + 1], rest, put, run, ""))
    with suppress(subprocess.TimeoutExpired):  # what is missing then is told below
        pasted.communicate(typed, timeout=120)
    shown = (tmp_path / "shown").read_text()
    assert "gb-iwf is active in trial-" in shown
    assert "accepted 5, repeated 0, duplicates 0, rejected 1" in shown
