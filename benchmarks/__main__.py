"""`make bench`: every figure beside its reference, in the same run; see README.md.

python -m benchmarks --profile quick
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
from collections import defaultdict
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import floor, locating, measures, near, stored
from benchmarks.clients import run
from benchmarks.figures import Figure, median, percentile, table
from benchmarks.hashcheck import HashChecked
from benchmarks.known import KnownHashes
from benchmarks.machine import durability, machine
from benchmarks.pair import Pair, running_pair
from benchmarks.profiles import LOOKALIKES, ON_SERVER, PARTS, PROFILES, SIZES, UNITS, WITH, Profile
from benchmarks.watch import database_of
from tests.builders.postgres import find_postgres, running_cluster

ROOT = Path(__file__).resolve().parent
RESULTS = ROOT / "results"
WORK = ROOT.parent / ".run"
STARTS = 3
LOCATED = 50_000
"""URLs of P10 in one round: about a second."""
SERVER = {
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "autovacuum": "on",
    "max_connections": "40",
}
"""Of the server of P8, beside what its tests set; it flushes as in operation."""


class Bench:
    """One run: what was measured so far."""

    def __init__(self, profile: Profile, parts: frozenset[str], folder: Path) -> None:
        self._profile = profile
        self._parts = parts
        self._folder = folder
        self._values: defaultdict[str, list[float]] = defaultdict(list)
        self._references: defaultdict[str, list[float]] = defaultdict(list)
        self.entry_bytes: dict[str, float] = {}
        self.durability: dict[str, object] = {}
        self._known: KnownHashes | None = None
        self._checked: HashChecked | None = None

    @property
    def figures(self) -> list[Figure]:
        """Everything measured so far."""
        return [
            Figure(name, unit, tuple(self._values[name]), against,
                   tuple(self._references[name]), unit.endswith("/s"))
            for name, (unit, against) in UNITS.items()
            if self._values[name] and self._references[name]
        ]  # fmt: skip

    def _take(self, name: str, value: float, reference: float) -> None:
        self._values[name].append(value)
        self._references[name].append(reference)
        unit, against = UNITS[name]
        say(f"  {name}: {value:.4g} {unit}, {against} {reference:.4g} {unit}")

    async def round(self, number: int) -> None:
        """Take every figure once, on a fresh pair of nodes; floor and node in turns."""
        say(f"round {number + 1} of {self._profile.rounds}")
        folder = self._folder / str(number)
        folder.mkdir(parents=True)
        if "P10" in self._parts:
            for name, rates in locating.measure(LOCATED, number, folder).items():
                self._take(name, *rates)
        if "P4" in self._parts:
            self._look_ups(number)
        if LOOKALIKES in self._parts:
            self._lookalikes(folder, number)
        if "hashcheck" in self._parts:
            await self._hashcheck(number)
        if self._parts & set(PARTS) - {"P4", "P10", "hashcheck"}:
            await self._nodes(folder, number)
        if self._parts & {"P7", "P11"}:
            (folder / "stored").mkdir()
            await self._stored(folder / "stored", number)
        if "P6" in self._parts:
            (folder / "pull").mkdir()
            await self._pull(folder / "pull", number)
        if ON_SERVER in self._parts:
            await self._on_server(folder, number)
        shutil.rmtree(folder)

    def _look_ups(self, number: int) -> None:
        """P4: both are filled in the first round, and asked in each."""
        if self._known is None:
            say(f"  P4: filling with {self._profile.hashes} hashes")
            self._known = KnownHashes(self._folder / "known", self._profile.hashes)
            self._take("P4.import", *self._known.filled)
            say(f"  P4: memory read in {self._known.read_s:.1f} s of a processor")
        for name, rates in self._known.measure(number).items():
            self._take(name, *rates)
        if number == self._profile.rounds - 1:
            self._known.close()

    async def _hashcheck(self, number: int) -> None:
        """The service is filled in the first round, and asked in each."""
        if self._checked is None:
            self._checked = HashChecked(self._folder / "hashcheck", number)
            await self._checked.fill()
        for name, rates in (await self._checked.measure()).items():
            self._take(name, *rates)
        if number == self._profile.rounds - 1:
            await self._checked.close()

    def _lookalikes(self, folder: Path, number: int) -> None:
        for rows in sorted({near.ROWS, self._profile.hashes}):
            of = "" if rows == near.ROWS else f"@1e{len(str(rows)) - 1}"
            for name, values in near.measure(rows, number, folder).items():
                self._take(name + of, *values)

    async def _nodes(self, folder: Path, number: int) -> None:
        """Everything that one pair of nodes shows."""
        async with running_pair(folder) as pair:
            if "P1" in self._parts:
                await self._bulk(pair, folder, number)
            if "P2" in self._parts:
                await self._latency(pair, folder, number)
            if "P3" in self._parts:
                await self._intake(pair, folder, number)
            if "P6" in self._parts:
                await self._catch_up("P6", pair, folder, number)
            self.entry_bytes["node"] = pair.entry_bytes()
            database, key = database_of(pair.sender)
            assert isinstance(database, Path)
            self.durability = durability(database, key)
            if "P12" in self._parts:
                await self._start(pair, folder)

    async def _stored(self, folder: Path, number: int) -> None:
        """P7 and P11: fresh nodes, empty; then the same ones with very much in their databases."""
        _, floor_mb = await measures.floor_start(folder / "floor")
        async with running_pair(folder) as pair:
            self._take("P11.idle", stored.memory_mb(pair), floor_mb)
            empty = await measures.bulk(pair, self._profile.items, f"empty{number}")
            await stored.fill(pair, self._profile.stored, say)
            full = await measures.bulk(pair, self._profile.items, f"full{number}")
            self._take("P11.stored", stored.memory_mb(pair), floor_mb)
        if "P7" in self._parts:
            each = 1e6 / self._profile.items
            self._take("P7", full.received, empty.received)
            self._take("P7.cpu.sender", full.sender_cpu_s * each, empty.sender_cpu_s * each)
            self._take("P7.cpu.receiver", full.receiver_cpu_s * each, empty.receiver_cpu_s * each)

    async def _pull(self, folder: Path, number: int) -> None:
        """P6 once more, between fresh nodes of which the receiver cannot be called."""
        async with running_pair(folder, reachable=False) as pair:
            await self._catch_up("P6.pull", pair, folder, number)

    async def _on_server(self, folder: Path, number: int) -> None:
        """P8: P1 between fresh nodes with files, then between fresh nodes on a server."""
        programs, items = find_postgres(), self._profile.items
        assert programs is not None
        found = []
        with running_cluster(programs, SERVER) as server:
            for stores in ((None, None), (server.new().url, server.new().url)):
                place = folder / ("files" if stores[0] is None else "server")
                place.mkdir()
                async with running_pair(place, stores=stores) as pair:
                    found.append(await measures.bulk(pair, items, f"bulk{number}"))
                    if stores[0] is None:
                        database, key = database_of(pair.sender)
                        assert isinstance(database, Path)
                        self.durability = durability(database, key)
                    else:
                        self.entry_bytes["node"] = pair.entry_bytes()
        files, on_server = found
        each = 1e6 / items
        self._take("P8", on_server.received, files.received)
        self._take("P8.answered", on_server.answered, files.answered)
        self._take("P8.cpu.sender", on_server.sender_cpu_s * each, files.sender_cpu_s * each)
        self._take("P8.cpu.receiver", on_server.receiver_cpu_s * each, files.receiver_cpu_s * each)

    async def _bulk(self, pair: Pair, folder: Path, number: int) -> None:
        items = self._profile.items
        reference = await floor.measure(items, folder / "floor-bulk")
        self.entry_bytes["floor"] = reference.entry_bytes
        found = await measures.bulk(pair, items, f"bulk{number}")
        self._take("P1", found.received, reference.rate)
        self._take("P1.answered", found.answered, reference.rate)
        each = 1e6 / items
        self._take("P1.cpu.sender", found.sender_cpu_s * each, reference.sender_cpu_s * each)
        self._take("P1.cpu.receiver", found.receiver_cpu_s * each, reference.receiver_cpu_s * each)

    async def _latency(self, pair: Pair, folder: Path, number: int) -> None:
        count = self._profile.reports
        reference = await measures.floor_latency(folder / "floor-latency", count, number)
        found = await measures.latency(pair, count, f"single{number}", number)
        for percent in (50, 99):
            base = percentile(reference, percent)
            self._take(f"P2.p{percent}", percentile(found.receipt, percent), base)
            self._take(f"P2.answered.p{percent}", percentile(found.answered, percent), base)

    async def _intake(self, pair: Pair, folder: Path, number: int) -> None:
        count = self._profile.posts
        reference = await measures.floor_intake(folder / "floor-intake", count)
        self._take("P3", await measures.intake(pair, count, f"post{number}"), reference)

    async def _catch_up(self, name: str, pair: Pair, folder: Path, number: int) -> None:
        count = self._profile.waiting
        reference = await floor.measure(count, folder / "floor-catch-up")
        found = await measures.catch_up(pair, count, f"away{number}")
        self._take(name, found, count / reference.rate)

    async def _start(self, pair: Pair, folder: Path) -> None:
        helps = [(measures.python_wall(), measures.help_wall()) for _ in range(self._profile.helps)]
        self._take("P12.help", median([ours for _, ours in helps]), median([r for r, _ in helps]))
        starts = []
        for _ in range(STARTS):
            reference, _ = await measures.floor_start(folder / "floor-intake")
            starts.append((reference, await measures.start(pair)))
        self._take(
            "P12.start", median([ours for _, ours in starts]), median([r for r, _ in starts])
        )


def say(text: str) -> None:
    """Show progress; the figures themselves go to standard output."""
    print(text, file=sys.stderr, flush=True)


async def work(bench: Bench, rounds: int) -> None:
    """Run all rounds; told to stop, stop what was started first."""
    task = asyncio.current_task()
    assert task is not None
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    for number in range(rounds):
        await bench.round(number)


def keep(name: str, profile: Profile, bench: Bench, before: dict[str, object]) -> Path:
    """Write what was measured, and on what."""
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    path = RESULTS / f"{now:%Y-%m-%dT%H%M%S}.json"
    kept = {
        "at": now.isoformat(timespec="seconds"),
        "profile": {"name": name, **asdict(profile)},
        "machine": before,
        "load_after": list(os.getloadavg()),
        "durability": bench.durability,
        "entry_bytes": bench.entry_bytes,
        "figures": [one.to_json() for one in bench.figures],
    }
    path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    return path


def positive(text: str) -> int:
    """A size: nothing can be measured with none."""
    if (size := int(text)) < 1:
        raise ValueError
    return size


def as_installed(folder: Path) -> None:
    """Let processes find our modules compiled, as those of an installed program are.

    A machine for development may forbid it, and each start would compile all of the source anew.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)


def main() -> None:
    """Measure, print one line for each figure, and keep the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--profile", choices=PROFILES, default="quick")
    parser.add_argument("--only", nargs="+", choices=(*PARTS, LOOKALIKES, ON_SERVER), metavar="P")
    for name in SIZES:
        parser.add_argument(f"--{name}", type=positive, help="another size than the profile's")
    given = parser.parse_args()
    parts = given.only or (*PARTS, *WITH[given.profile])
    if ON_SERVER in parts and find_postgres() is None:
        sys.exit("bench: P8 needs PostgreSQL; make parts")
    size = {name: getattr(given, name) for name in SIZES if getattr(given, name) is not None}
    profile, before = replace(PROFILES[given.profile], **size), machine()
    folder = WORK / f"bench-{os.getpid()}"
    bench = Bench(profile, frozenset(parts), folder)
    as_installed(WORK / "bytecode")
    try:
        run(work(bench, profile.rounds))
    except asyncio.CancelledError:
        sys.exit("bench: stopped before the end; nothing is kept")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    results = keep(given.profile, profile, bench, before)
    say(table(bench.figures))
    for one in bench.figures:
        print(one.line)
    sizes = " ".join(f"{who}={size:.0f}" for who, size in sorted(bench.entry_bytes.items()))
    if bench.durability:
        print(f"bench: entry_bytes {sizes} flush_ms={bench.durability['flush_ms']:.2f}")
    print(f"bench: done profile={given.profile} results={results.relative_to(ROOT.parent)}")


if __name__ == "__main__":
    main()
