"""Prove that the simulation can fail: each planted bug is caught within 200 worlds.

A bug is a file in `planted/`: what in the source is replaced by what. It is put into a copy of the
source, never into the source itself, and the worlds run there in a process of their own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLANTED = sorted((Path(__file__).parent / "planted").glob("*.toml"))
COPIED = ("keys", "protocol", "node", "tests/builders", "tests/simulation", "tests/protocol")
KINDS = {
    "durability order",
    "idempotency",
    "fork",
    "honest node accused",
    "lane order",
    "catch-up",
    "cryptographic check",
    "erasure",
    "revocation",
    "rotation",
    "backdating",
    "registry split",
    "split ledger",
    "withheld receipt",
    "silent ledger",
    "disavowal",
    "custody",
    "sharing",
    "recovery",
    "withdrawal",
    "governance",
}
CAUGHT = re.compile(r"^caught by seed \d+ in world (\d+): .+$", re.MULTILINE)


def bug(path: Path) -> dict[str, str]:
    """Read a planted bug."""
    return dict(tomllib.loads(path.read_text(encoding="utf-8")))


def with_bug(source: str, planted: dict[str, str]) -> str:
    """Put the bug into a source text; each place must be there exactly once."""
    for old, new in (("old", "new"), ("also_old", "also_new"), ("then_old", "then_new")):
        if old in planted:
            assert source.count(planted[old]) == 1, f"{old}: has changed; plant it where it is now"
            source = source.replace(planted[old], planted[new])
    return source


@pytest.mark.parametrize("path", PLANTED, ids=lambda path: path.stem)
def test_planted_bug_can_still_be_planted(path: Path) -> None:
    """The source has moved on since, or the bug is one that nobody could make any more."""
    planted = bug(path)
    source = (ROOT / planted["file"]).read_text(encoding="utf-8")
    compile(with_bug(source, planted), planted["file"], "exec")


def test_every_kind_of_bug_is_planted() -> None:
    """At least one of each, and at least ten."""
    assert {bug(path)["kind"] for path in PLANTED} >= KINDS
    assert len(PLANTED) >= 10


@pytest.mark.long
@pytest.mark.parametrize("path", PLANTED, ids=lambda path: path.stem)
def test_planted_bug_is_caught_within_200_worlds(path: Path, tmp_path: Path) -> None:
    """Else a clean run would say little. From seed 0, or from the one that the bug names."""
    for folder in COPIED:
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    planted = bug(path)
    target = tmp_path / planted["file"]
    target.write_text(with_bug(target.read_text(encoding="utf-8"), planted), encoding="utf-8")
    worlds = ["--worlds", "200", "--seed", planted.get("seed", "0")]
    run = subprocess.run(
        [sys.executable, "-m", "tests.simulation", *worlds, "--until-wrong"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    caught = CAUGHT.search(run.stdout)
    assert caught is not None, run.stdout + run.stderr
    print(caught[0])  # noqa: T201 - pytest shows it with -rP
