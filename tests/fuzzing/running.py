"""Running cases: what a parser may not do with any bytes."""

from __future__ import annotations

import base64
import random
import resource
import signal
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from tests.fuzzing.mutating import case
from tests.fuzzing.target import Target

HANG_S = 2.0
SHOWN = 5


class HungError(BaseException):
    """A case took too long: no parser may catch this."""


@dataclass
class Outcome:
    """What became of the cases of one target."""

    target: str
    cases: int = 0
    accepted: int = 0
    seconds: float = 0.0
    crashes: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)


def run(target: Target, cases: int, seed: int) -> Outcome:
    """Feed `cases` broken inputs, which `seed` determines, to one target."""
    chance = random.Random(zlib.crc32(target.name.encode()) ^ seed)  # noqa: S311 - replays
    outcome, started = Outcome(target.name), time.monotonic()
    for _ in range(cases):
        one(target, case(chance, target.seeds), outcome)
    outcome.seconds = time.monotonic() - started
    return outcome


def one(target: Target, raw: bytes, outcome: Outcome, hang_s: float = HANG_S) -> None:
    """Feed one input, and interrupt what takes longer than `hang_s`."""
    outcome.cases += 1
    try:
        with _alarm(hang_s):
            target.read(raw)
    except target.ends_in:
        return
    except HungError:
        outcome.hangs.append(base64.b64encode(raw).decode())
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        outcome.crashes.append(f"{type(error).__name__} {base64.b64encode(raw).decode()}")
    else:
        outcome.accepted += 1


@contextmanager
def _alarm(after_s: float) -> Iterator[None]:
    """Interrupt what takes longer."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise HungError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, after_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def peak_mb() -> int:
    """Return the largest resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
