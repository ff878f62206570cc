"""P5: pictures that look alike among very many, beside `threatexchange` on the same hashes.

Random hashes, half of the queries planted within 0 to 31 bits of one of them (each distance as
often), the other half near nothing. Each side runs in a process of its own, one after the other,
reads the same files, and tells what it took: rate of single queries on one thread (processor time),
the part of the planted ones that it found, the time of one addition, and how much memory it grew by
from before its index was made (programs loaded, and its input in memory, before).

Of the node both ways are taken: with numba compiled, and NumPy alone.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.environments import python_of

HERE = Path(__file__).resolve().parent
ROWS = 1_000_000
"""Of the figures whose name does not say how many."""
QUERIES = 1_000
UNITS = {
    "P5": "queries/s",
    "P5.numpy": "queries/s",
    "P5.recall": "part",
    "P5.add": "ms",
    "P5.memory": "MB",
    "P5.build": "s",
}
BYTES = 32
BITS = 256
RADIUS = 31
OURS = HERE / "near_ours.py"
THEIRS = HERE / "peers" / "servers" / "threatexchange_pdq.py"


def make_input(rows: int, seed: int, folder: Path) -> None:
    """Write `hashes`, and `queries` of which each second one is planted; 32 bytes each."""
    chance = random.Random(seed)  # noqa: S311 - the same run again, no secret
    hashes = b"".join(chance.randbytes(BYTES) for _ in range(rows))
    (folder / "hashes").write_bytes(hashes)
    queries = []
    for number in range(QUERIES):
        query = chance.randbytes(BYTES)
        if number % 2:
            place = BYTES * chance.randrange(rows)
            bits = chance.sample(range(BITS), number // 2 % (RADIUS + 1))
            mask = sum(1 << bit for bit in bits)
            near = int.from_bytes(hashes[place : place + BYTES], "big") ^ mask
            query = near.to_bytes(BYTES, "big")
        queries.append(query)
    (folder / "queries").write_bytes(b"".join(queries))


def measure(rows: int, seed: int, folder: Path) -> dict[str, tuple[float, float]]:
    """Return each figure of the node beside that of `threatexchange`.

    Raises:
        subprocess.CalledProcessError: a side, or the installation of theirs, did not work.
    """
    peer = python_of("threatexchange")
    make_input(rows, seed, folder)
    ours = _run(sys.executable, OURS, folder, "compiled")
    theirs = _run(str(peer), THEIRS, folder)
    numpy = _run(sys.executable, OURS, folder, "numpy")
    return {
        "P5": (ours["rate"], theirs["rate"]),
        "P5.numpy": (numpy["rate"], theirs["rate"]),
        "P5.recall": (min(ours["recall"], numpy["recall"]), theirs["recall"]),
        "P5.add": (ours["add_ms"], theirs["add_ms"]),
        "P5.memory": (max(ours["memory_mb"], numpy["memory_mb"]), theirs["memory_mb"]),
        "P5.build": (ours["build_s"], theirs["build_s"]),
    }


def _run(python: str, program: Path, folder: Path, *arguments: str) -> dict[str, float]:
    command: Sequence[str] = (python, str(program), str(folder), *arguments)
    root = str(HERE.parent)
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=root, env={"PYTHONPATH": root}
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found
