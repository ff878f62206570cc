"""Environments of their own for what is compared: made once under `.peers/`, from hashed files."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOME = HERE.parents[1] / ".peers"


def python_of(name: str) -> Path:
    """Return the interpreter in whose environment `requirements/<name>.txt` is installed.

    Raises:
        subprocess.CalledProcessError: pip could not install; it has said why.
    """
    wanted = HERE / "requirements" / f"{name}.txt"
    folder, digest = HOME / name, sha256(wanted.read_bytes()).hexdigest()
    python, mark = folder / "bin" / "python", folder / "installed"
    if not mark.exists() or mark.read_text() != digest:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             "--require-hashes", "-r", str(wanted)],
            check=True,
        )  # fmt: skip
        mark.write_text(digest)
    return python
