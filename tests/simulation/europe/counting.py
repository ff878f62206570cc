"""What the nodes of a year did, and what processor time it took: the figures behind the line.

Processor time is taken of the whole process, by what was being done. A push is counted with both
of its ends: cutting, signing and sealing, and at the receiver opening, keeping and receipting.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

INTAKE, DEEDS, JUDGING, DELIVERY = "intake", "deeds", "judging", "delivery"


@dataclass
class Counted:
    """Counts by name, and seconds of processor time by what was done."""

    of: Counter[str] = field(default_factory=Counter)
    cpu_s: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Take the processor time of what happens within; not to be nested."""
        began = time.process_time()
        try:
            yield
        finally:
            self.cpu_s[what] += time.process_time() - began  # type: ignore[assignment]

    def lines(self) -> Iterator[str]:
        """Say each count, and what one of each costs."""
        yield "counted: " + " ".join(f"{name}={count}" for name, count in sorted(self.of.items()))
        per = {INTAKE: "lines", DEEDS: "deeds", JUDGING: "judged", DELIVERY: "pushes"}
        for what, unit in per.items():
            count, cpu_s = self.of[unit], self.cpu_s[what]
            each = 1000 * cpu_s / count if count else 0.0
            yield f"cpu: {what} {cpu_s:.1f} s, {each:.2f} ms for each of {count} {unit}"
