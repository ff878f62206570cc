"""A live move of a store from its file to PostgreSQL, timed: `hotline store migrate` under load.

    python -m benchmarks.migration [--items 20000] [--rate 50] [--dir DIR]

The database of the sender is filled until `--items` items stand in it (`benchmarks.preset`). While
it is moved, lines are handed in, `--rate` a second, and asked for again until they are answered, as
every client does; the node ends at the end of the move and is started again, as systemd does, on
the server. Then everything that was handed in must stand once at both members. The last line is

    migration: items=N rows=N seconds=N pause_s=N heads=N written_meanwhile=N away_s=N verified=yes
        lost=N twice=N

in one line: `rows` and `heads` as the move itself compared and computed them, `seconds` from its
first word to its last, `pause_s` in which no writer was let in, `away_s` from the end of the move
until the node answered again, start included. `verified` is `yes` when the move says that both
sides are the same, row by row, and the rows of every table, counted anew afterwards, are no fewer
than it moved. The exit code is 0 only then, and if nothing is lost or twice.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from benchmarks import measures, preset
from benchmarks.floor import HOSTS
from benchmarks.pair import Pair, running_pair, wait_for
from benchmarks.server import benchmark_server
from benchmarks.soak import say
from benchmarks.soak_load import Load
from benchmarks.watch import database_of
from examples.demo.__main__ import stop_on_signals
from examples.demo.members import Member
from tests.builders.postgres import Cluster

AFTERWARDS_S = 3.0
"""How long is handed in on the server after the move."""


@dataclass
class Move:
    """What a move said, and how long it took."""

    told: dict[str, Any]
    seconds: float
    away_s: float = 0.0

    @property
    def rows(self) -> int:
        """How many rows of all tables it moved."""
        return sum(self.told["rows"].values())


async def migrate(member: Member, url: str) -> Move:
    """Move the store of a node that runs, however long it takes; then start it on the server."""
    assert member.running is not None
    began = time.monotonic()
    moving = await asyncio.create_subprocess_exec(
        *(str(member.program), "store", "migrate", "--to", url),
        *("--config", str(member.config), "--json"),
        stdout=asyncio.subprocess.PIPE,
    )
    raw, _ = await moving.communicate()
    assert moving.returncode == 0, f"hotline store migrate: exit {moving.returncode}"
    done = time.monotonic()
    move = Move(json.loads(raw), done - began)
    while member.running.alive:  # noqa: ASYNC110 - it finds out by itself, within two seconds
        await asyncio.sleep(0.02)
    member.processes.forget(member.running)
    await member.start()
    move.away_s = time.monotonic() - done
    return move


def still_there(cluster: Cluster, url: str, move: Move) -> bool:
    """Whether every table on the server has no fewer rows than were moved into it.

    Left out are those whose rows come and go while a node works.
    """
    grow = ("events", "items", "reports", "log_out", "messages_out", "entries_in")
    return all(cluster.rows(url, table) >= move.told["rows"][table] for table in grow)


async def counts(pair: Pair) -> list[int]:
    """How many items either side has."""
    status = [await one.hotline("status") for one in (pair.sender, pair.receiver)]
    return [one["figures"]["items"] for one in status]


async def run(folder: Path, cluster: Cluster, items: int, rate: int) -> bool:
    """Fill, move under load, and tell of it; whether it is as it must be."""
    stop_on_signals()
    async with running_pair(folder) as pair:
        pair.unwatch()
        await pair.sender.stop()
        filled = await asyncio.to_thread(preset.fill, *database_of(pair.sender), items, say)
        await measures.restart(pair.sender)
        before, url = await counts(pair), cluster.new().url
        load = Load(pair, rate)
        handing_in = asyncio.create_task(load.bulk())
        move = await migrate(pair.sender, url)
        meanwhile = load.tally.items
        say(f"moved {filled} items in {move.seconds:.1f} s; {meanwhile} handed in meanwhile")
        await asyncio.sleep(AFTERWARDS_S)
        load.stop()
        await handing_in
        pair.watch()
        await wait_for(pair.answered, 0.1)
        arrived = [now - then for then, now in zip(before, await counts(pair), strict=True)]
        verified = still_there(cluster, url, move)
    lost = sum(max(0, load.tally.items - one) for one in arrived)
    twice = sum(max(0, one - load.tally.items) for one in arrived)
    print(
        f"migration: items={filled} rows={move.rows} seconds={move.seconds:.1f}"
        f" pause_s={move.told['pause_s']:.2f} heads={move.told['heads']}"
        f" written_meanwhile={meanwhile} away_s={move.away_s:.1f}"
        f" verified={'yes' if verified else 'NO'} lost={lost} twice={twice}",
        flush=True,
    )
    return verified and not lost and not twice


def main() -> int:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="migration", description="A live move to PostgreSQL")
    parser.add_argument("--items", type=int, default=20_000, help=f"at least {HOSTS}")
    parser.add_argument("--rate", type=int, default=50, help="lines a second meanwhile")
    parser.add_argument("--dir", type=Path, help="made anew; a temporary one if left out")
    options = parser.parse_args()
    folder: Path = options.dir or Path(mkdtemp(prefix="hotline-migration-"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    with benchmark_server() as cluster:
        good = asyncio.run(run(folder.absolute(), cluster, options.items, options.rate))
    if good and options.dir is None:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
