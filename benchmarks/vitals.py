"""What a node holds while it runs: memory, open files, sockets, journal; and how long it stalls.

Read from `/proc` beside the node. Stalls are seen from outside by a process of its own (`pulse`):
it asks for `/healthz`, which needs nothing but a turn of the event loop, every `PULSE_S`, and notes
how long the answer took, and how late it woke up itself: on a machine that others use too, a node
that was not let on a processor looks the same as one that did not come round.
"""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.machine import rss_mb
from examples.demo.members import Member

PULSE_S = 0.02
ANSWER_S = 5.0
HELD_BACK_MS = 10.0
"""A pulse that itself woke up later than this tells of the machine, not of the node."""


class Vital(NamedTuple):
    """One node at one moment; `at_s` on the monotonic clock."""

    at_s: float
    pid: int
    rss_mb: float
    files: int
    sockets: int
    wal_mb: float


class Beat(NamedTuple):
    """One answer to a pulse: when it was asked for, how long it took, how late the pulse was."""

    at_s: float
    took_ms: float
    late_ms: float


def look(member: Member) -> Vital | None:
    """Read the vitals of a member's node; None: it does not run."""
    running = member.running
    if running is None or not running.alive:
        return None
    try:
        files, sockets = _open(running.pid)
        wal = member.folder / "node.db-wal"
        wal_mb = wal.stat().st_size / 1e6 if wal.exists() else 0.0
        return Vital(time.monotonic(), running.pid, rss_mb(running.pid), files, sockets, wal_mb)
    except (OSError, ValueError):
        return None


def _open(pid: int) -> tuple[int, int]:
    """Count the files and the sockets among the descriptors of a process."""
    files = sockets = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            is_socket = str(entry.readlink()).startswith("socket:")
            files, sockets = files + (not is_socket), sockets + is_socket
    return files, sockets


@dataclass
class Course:
    """The vitals of one node over a whole run."""

    seen: list[Vital] = field(default_factory=list)

    def note(self, member: Member) -> None:
        """Look once."""
        if (vital := look(member)) is not None:
            self.seen.append(vital)

    def growth(self, name: str) -> float:
        """Return by how much a figure of the last process grew over the second half of its life."""
        return growth([getattr(one, name) for one in self.last_life()])

    def last_life(self) -> list[Vital]:
        """Return what was seen of the process that ran last."""
        return [one for one in self.seen if one.pid == self.seen[-1].pid]

    def most(self, name: str) -> float:
        """Return the largest value of a figure."""
        return max((float(getattr(one, name)) for one in self.seen), default=0.0)


def growth(values: Sequence[float]) -> float:
    """Return the median of the last tenth less that of the tenth after the middle.

    The first half is the time in which caches fill.
    """
    tenth = max(1, len(values) // 10)
    middle = len(values) // 2
    if not values:
        return 0.0
    return float(median(values[-tenth:]) - median(values[middle : middle + tenth]))


def longest_ms(beats: Sequence[Beat], calm: Sequence[tuple[float, float]]) -> float:
    """Return the longest answer that began and ended in one of the `calm` spans of time.

    What was asked by a pulse that was held back itself is left out.
    """
    return max(
        (
            beat.took_ms
            for beat in beats
            if beat.late_ms < HELD_BACK_MS
            and any(a <= beat.at_s and beat.at_s + beat.took_ms / 1000 <= b for a, b in calm)
        ),
        default=0.0,
    )


class Pulse:
    """The process that asks one node."""

    def __init__(self, port: int, out: Path) -> None:
        self._out = out
        self._process = subprocess.Popen(
            (sys.executable, "-m", "benchmarks.vitals", str(port), str(out)), close_fds=True
        )

    def end(self) -> list[Beat]:
        """Stop asking; return what was answered."""
        self._process.terminate()
        self._process.wait()
        lines = self._out.read_text(encoding="ascii").splitlines()
        told = [line.split() for line in lines if line.count(" ") == 2]  # noqa: PLR2004 - whole ones
        return [Beat(*map(float, words)) for words in told]


def _ask(port: int, out: Path) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    with out.open("w", encoding="ascii", buffering=1) as file:
        while True:
            due = time.monotonic() + PULSE_S
            time.sleep(PULSE_S)
            began = time.monotonic()
            try:
                connection.request("GET", "/healthz")
                connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                connection.close()
                continue
            took = time.monotonic() - began
            file.write(f"{began:.6f} {took * 1000:.3f} {(began - due) * 1000:.3f}\n")


if __name__ == "__main__":
    _ask(int(sys.argv[1]), Path(sys.argv[2]))
