"""The previous version as a program of its own: built from git, installed apart, offline."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
COMMIT_FILE = Path(__file__).with_name("previous_version.txt")


def commit() -> str:
    """The full hash of the commit that is N-1."""
    lines = COMMIT_FILE.read_text(encoding="utf-8").splitlines()
    (found,) = [line for line in lines if not line.startswith("#")]
    return found


def is_at_hand() -> bool:
    """Whether git is here and knows that commit."""
    command = ("git", "-C", str(ROOT), "cat-file", "-e", f"{commit()}^{{commit}}")
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def install(folder: Path) -> Path:
    """Build the wheel of that commit, install it into `folder`, and give its command line."""
    source, target, wheels = folder / "source", folder / "installed", folder / "wheels"
    source.mkdir(parents=True)
    archive = folder / "source.tar"
    _run("git", "-C", str(ROOT), "archive", "--output", str(archive), commit())
    _run("tar", "-xf", str(archive), "-C", str(source))
    python = (sys.executable, "-m")
    _run(*python, "build", "--wheel", "--no-isolation", "--outdir", str(wheels), str(source))
    (wheel,) = wheels.glob("*.whl")
    _run(*python, "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile",
         "--disable-pip-version-check", "--target", str(target), str(wheel))  # fmt: skip
    program = folder / "hotline-previous"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{target}" exec "{target}/bin/hotline" "$@"\n')
    program.chmod(0o755)
    return program


def code_of(program: Path) -> Path:
    """Where the code lies that a command line runs, as Python itself finds it."""
    where = "import node; print(node.__file__)"
    target = program.parent / "installed"
    environment = {**os.environ, "PYTHONPATH": str(target)}
    found = subprocess.run(
        (sys.executable, "-c", where), capture_output=True, check=True, env=environment, text=True,
        cwd=program.parent,
    )  # fmt: skip
    return Path(found.stdout.strip())


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
