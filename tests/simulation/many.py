"""Many worlds: running them, in several processes if asked for, and counting what happened."""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.simulation.faults import BY_THE_NET, FAULTS
from tests.simulation.net import RATES
from tests.simulation.plan import make_plan
from tests.simulation.running import Result, run_plan

STANDARD = 200
COUNTERS = ("undetected_forks", "accused_honest", "accepted_forgeries")
UNCOUNTED = frozenset({"suspend_mid_push", "old_keys_back"})
"""They set something up; what follows from it is counted under another name."""
KINDS = sorted({*FAULTS, *RATES, *BY_THE_NET} - UNCOUNTED)


@dataclass
class Totals:
    """All worlds of a run together."""

    worlds: int = 0
    steps: int = 0
    gone: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    wrongs: Counter[str] = field(default_factory=Counter)

    def add(self, result: Result) -> None:
        """Count one world."""
        self.worlds += 1
        self.steps += result.steps
        self.gone += result.gone
        self.happened += result.happened
        self.wrongs.update(what for what, _ in result.wrongs)

    def join(self, other: Totals) -> None:
        """Count the worlds of another run as well."""
        self.worlds += other.worlds
        self.steps += other.steps
        self.gone += other.gone
        self.happened += other.happened
        self.wrongs += other.wrongs

    @property
    def never(self) -> list[str]:
        """Kinds of faults that never occurred."""
        return [name for name in KINDS if not self.happened[name]]

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong, and in a run that is long enough, everything occurred."""
        return not self.wrongs and not (self.worlds >= STANDARD and self.never)

    def line(self) -> str:
        """The last line."""
        known = ("lost", "twice", *COUNTERS)
        counted = Counter({name: self.wrongs[name] for name in known})
        counted["lost"] += sum(n for name, n in self.wrongs.items() if name not in known)
        return (
            f"simulate: worlds={self.worlds} steps={self.steps}"
            f" faults={sum(self.happened[name] for name in KINDS)}"
            f" lost={counted['lost']} twice={counted['twice']} gone_with_disk={self.gone} "
            + " ".join(f"{name}={counted[name]}" for name in COUNTERS)
        )


def run_seed(seed: int) -> tuple[int, Result]:
    """Run the world of one seed."""
    return seed, run_plan(make_plan(seed))


def run_all(seeds: Iterable[int], jobs: int) -> Iterator[tuple[int, Result]]:
    """Run many worlds, in `jobs` processes."""
    if jobs == 1:
        yield from map(run_seed, seeds)
        return
    # Ctrl-C reaches every process of the terminal; only this one answers it.
    ignore = (signal.SIGINT, signal.SIG_IGN)
    with multiprocessing.get_context("spawn").Pool(jobs, signal.signal, ignore) as pool:
        yield from pool.imap(run_seed, seeds, chunksize=4)
