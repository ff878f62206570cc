"""`make soak`: two real nodes for many minutes under mixed load, while things die around them.

    python -m benchmarks.soak [--case mixed|stopped] [--minutes 10] [--rate 100] [--dir DIR]
                              [--store file|postgresql]

`mixed` (R10): bulk and single reports, repeated ones, an analyst at the receiver. In the first
third each node is killed with -9 in turn; after that the receiver is stopped for some seconds, and
the umbrella is away, in turn, and both processes live to the end: what grows is seen in them.

`stopped`: the receiver is stopped (SIGSTOP) for all of the time while the sender takes in as fast
as `--rate` asks; then it goes on, and everything must arrive.

With `--store postgresql` both stores are in databases of one server, which is looked at as well.

In the end both members show all their items, and what was handed in and done is counted in them.
The last line is

    soak: minutes=N items=N lost=0 twice=0 rss_growth_mb=N files_growth=N wal_mb=N stall_max_ms=N

with the larger figure of the two nodes (`files` with sockets; `wal_mb` at its largest; a stall is
the longest time a node took to answer `/healthz` while nobody was stopped or killed). Of a server

    dead_rows=N dead_rows_growth=N server_wal_mb=N sessions=N sessions_growth=N old_transactions=N

follow: rows that no vacuum has taken away yet, its journal, sessions of the nodes, and how many of
them had a transaction open for more than 30 s, at their largest, and growth. The exit code
is 0 only if nothing was lost or twice, and both verify.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from benchmarks.pair import Pair, running_pair
from benchmarks.server import Watched, benchmark_server
from benchmarks.soak_load import Load, Outcome, compare
from benchmarks.vitals import Course, Pulse, longest_ms
from examples.demo.__main__ import stop_on_signals
from examples.demo.members import Member
from tests.builders.postgres import Cluster

CASES = ("mixed", "stopped")
CLIENTS = 4
LOOK_S = 1.0
BETWEEN_S = 8.0
"""How long nothing happens between two faults."""
STOPPED_S = 6.0
AWAY_S = 10.0
SETTLES_S = 3600.0


def say(text: str) -> None:
    """Tell a person what happens."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


@dataclass
class Soak:
    """One run."""

    pair: Pair
    load: Load
    server: Watched | None = None
    courses: dict[str, Course] = field(default_factory=dict)
    loaded: dict[str, Course] = field(default_factory=dict)
    calm: list[tuple[float, float]] = field(default_factory=list)
    faults: int = 0

    @property
    def members(self) -> tuple[Member, Member]:
        """Both members."""
        return self.pair.sender, self.pair.receiver

    async def watch(self) -> None:
        """Note the vitals of both, again and again."""
        while True:
            for member in self.members:
                self.courses.setdefault(member.id, Course()).note(member)
            if self.server is not None:
                self.server.note()
            await asyncio.sleep(LOOK_S)

    @contextmanager
    def calmly(self) -> Iterator[None]:
        """Nobody is stopped, killed or started in this block."""
        began = time.monotonic()
        yield
        self.calm.append((began, time.monotonic()))

    async def mixed(self, until: float) -> None:
        """One fault after another; no node is killed after the first third."""
        kills_until = time.monotonic() + (until - time.monotonic()) / 3
        killing = True
        while time.monotonic() < until:
            with self.calmly():
                await asyncio.sleep(min(BETWEEN_S, max(0.0, until - time.monotonic())))
            killing = killing and time.monotonic() < kills_until
            await self._fault(killing=killing)

    async def _fault(self, *, killing: bool) -> None:
        turn, self.faults = self.faults % 2, self.faults + 1
        if killing:
            victim = self.members[turn]
            await victim.kill()
            await victim.start()
        elif turn:
            await self._stopped(STOPPED_S)
        else:
            await self.pair.stop_umbrella()
            with self.calmly():
                await asyncio.sleep(AWAY_S)
            await self.pair.start_umbrella()

    async def _stopped(self, seconds: float) -> None:
        self.pair.receiver.freeze()
        try:
            await asyncio.sleep(seconds)
        finally:
            self.pair.receiver.thaw()

    async def stopped(self, until: float) -> None:
        """Stop the receiver for the whole time."""
        self.faults += 1
        self.pair.receiver.freeze()
        try:
            with self.calmly():
                await asyncio.sleep(until - time.monotonic())
        finally:
            self.pair.receiver.thaw()

    async def settle(self) -> float:
        """Wait until everything has travelled and was answered; return the seconds."""
        began = time.monotonic()
        self.pair.watch()
        async with asyncio.timeout(SETTLES_S):
            while not self.pair.answered():  # noqa: ASYNC110 - another process's file
                await asyncio.sleep(LOOK_S)
        self.pair.unwatch()
        return time.monotonic() - began


async def run(
    folder: Path, case: str, minutes: float, rate: int, server: Cluster | None = None
) -> bool:
    """Run one soak and tell of it; whether it is as it must be."""
    stop_on_signals()
    stores = [] if server is None else [server.new().url, server.new().url]
    async with running_pair(folder, stores=stores or (None, None)) as pair:
        pair.unwatch()
        watched = None if server is None else Watched(server, stores)
        soak = Soak(pair, Load(pair, rate), watched)
        pulses = [Pulse(member.api_port, folder / f"pulse.{member.id}") for member in soak.members]
        watching = asyncio.create_task(soak.watch())
        try:
            await _under_load(soak, case, minutes)
        finally:
            watching.cancel()
            beats = [pulse.end() for pulse in pulses]
        outcome = await compare(pair, soak.load.tally, say)
        holds = [await _verifies(member) for member in soak.members]
        say(f"verify: {'both hold' if all(holds) else 'NOT both hold'}")
    stall = max(longest_ms(one, soak.calm) for one in beats)
    _tell(soak, minutes, outcome, stall)
    return all(holds) and outcome == Outcome(0, 0)


async def _verifies(member: Member) -> bool:
    """Whether `hotline verify` holds, however long it takes."""
    verifying = await asyncio.create_subprocess_exec(
        *(str(member.program), "verify", "--config", str(member.config)),
        stdout=asyncio.subprocess.DEVNULL,
    )
    return await verifying.wait() == 0


async def _under_load(soak: Soak, case: str, minutes: float) -> None:
    load, until = soak.load, time.monotonic() + minutes * 60
    work: list[Coroutine[Any, Any, None]] = [load.bulk()]
    if case == "mixed":
        work += [load.singles(client) for client in range(CLIENTS)] + [load.analyst()]
    course = soak.mixed(until) if case == "mixed" else soak.stopped(until)
    async with asyncio.TaskGroup() as group:
        for one in work:
            group.create_task(one)
        await course
        load.stop()
    soak.loaded = {name: Course(list(one.seen)) for name, one in soak.courses.items()}
    items = load.tally.items
    say(f"{items} items handed in through {soak.faults} faults; put off {load.tally.put_off} times")
    _tell_vitals(soak)
    seconds = await soak.settle()
    say(f"everything arrived, and every answer came back, {seconds:.0f} s later")


def _tell_vitals(soak: Soak) -> None:
    for member, course in soak.loaded.items():
        first, last = course.last_life()[0], course.last_life()[-1]
        say(
            f"{member}: rss {first.rss_mb:.0f} -> {last.rss_mb:.0f} MB (most"
            f" {course.most('rss_mb'):.0f}), files {last.files} (most {course.most('files'):.0f}),"
            f" sockets {last.sockets} (most {course.most('sockets'):.0f}),"
            f" wal {last.wal_mb:.1f} MB (most {course.most('wal_mb'):.1f});"
            f" in the second half rss {course.growth('rss_mb'):+.1f} MB;"
            f" lived {last.at_s - first.at_s:.0f} s"
        )


def _tell(soak: Soak, minutes: float, outcome: Outcome, stall_ms: float) -> None:
    courses = soak.courses.values()
    under_load = soak.loaded.values()
    rss = max(course.growth("rss_mb") for course in under_load)
    files = max(course.growth("files") + course.growth("sockets") for course in under_load)
    wal = max(course.most("wal_mb") for course in courses)
    print(
        f"soak: minutes={minutes:g} items={soak.load.tally.items} lost={outcome.lost}"
        f" twice={outcome.twice} rss_growth_mb={rss:.1f} files_growth={files:.0f}"
        f" wal_mb={wal:.1f} stall_max_ms={stall_ms:.0f}"
        + ("" if soak.server is None else f" {soak.server.told()}"),
        flush=True,
    )


def main() -> int:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="soak", description="Two nodes for many minutes")
    parser.add_argument("--case", choices=CASES, default="mixed")
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--rate", type=int, default=100, help="lines a second in bulk")
    parser.add_argument("--dir", type=Path, help="made anew; a temporary one if left out")
    parser.add_argument("--store", choices=("file", "postgresql"), default="file")
    options = parser.parse_args()
    folder: Path = options.dir or Path(mkdtemp(prefix="hotline-soak-"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    on_server = options.store == "postgresql"
    with benchmark_server() if on_server else nullcontext() as server:
        course = run(folder.absolute(), options.case, options.minutes, options.rate, server)
        good = asyncio.run(course)
    if good and options.dir is None:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
