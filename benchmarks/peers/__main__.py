"""`make bench-peers`: the node's P1, P2 and P3 beside what hotlines would use instead, in turns.

python -m benchmarks.peers --rounds 3
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
from collections import defaultdict
from pathlib import Path

from benchmarks import measures
from benchmarks.__main__ import WORK, say
from benchmarks.clients import run
from benchmarks.figures import Figure, percentile, table
from benchmarks.pair import running_pair
from benchmarks.peers import taking
from benchmarks.peers.http import Bare, OpenTaxii
from benchmarks.peers.mail import Mail
from benchmarks.peers.peer import Peer
from benchmarks.peers.synapse import Synapse
from examples.demo.processes import Processes, free_ports

PEERS: tuple[type[Peer], ...] = (OpenTaxii, Mail, Synapse, Bare)
ITEMS, REPORTS, SINGLES = 20_000, 200, 4_000
UNITS = {"P1": "items/s", "P2.p50": "ms", "P2.p99": "ms", "P3": "items/s"}
Taken = dict[str, float]


async def of_node(folder: Path, number: int) -> Taken:
    """Take the node's figures between two fresh nodes."""
    async with running_pair(folder) as pair:
        found = await measures.bulk(pair, ITEMS, f"bulk{number}")
        waits = await measures.latency(pair, REPORTS, f"single{number}", number)
        singles = await measures.intake(pair, SINGLES, f"post{number}")
    return {
        "P1": found.received,
        "P2.p50": percentile(waits.receipt, 50),
        "P2.p99": percentile(waits.receipt, 99),
        "P3": singles,
    }


async def of_peer(kind: type[Peer], folder: Path, number: int) -> Taken:
    """Take a peer's figures on a fresh database.

    Raises:
        TimeoutError: records are missing in its database.
    """
    processes = Processes(folder)
    peer = kind(folder / "data", free_ports(1)[0])
    try:
        await peer.start(processes)
        await taking.singles(peer, measures.CLIENTS, "warm")
        found = await taking.bulk(peer, kind.items, f"bulk{number}")
        waits = await taking.latency(peer, REPORTS, f"single{number}", number)
        singles = await taking.singles(peer, kind.singles, f"post{number}")
    finally:
        await processes.end()
    return {
        "P1": found,
        "P2.p50": percentile(waits, 50),
        "P2.p99": percentile(waits, 99),
        "P3": singles,
    }


def figures(ours: list[Taken], theirs: dict[str, list[Taken]]) -> list[Figure]:
    """Return every figure of the node beside each peer's."""
    return [
        Figure(
            name, unit, tuple(one[name] for one in ours), who,
            tuple(one[name] for one in taken), unit.endswith("/s"),
        )
        for name, unit in UNITS.items()
        for who, taken in theirs.items()
    ]  # fmt: skip


async def work(rounds: int, folder: Path, chosen: tuple[type[Peer], ...]) -> list[Figure]:
    """Run all rounds, the node and its peers in turns."""
    ours: list[Taken] = []
    theirs: defaultdict[str, list[Taken]] = defaultdict(list)
    for number in range(rounds):
        place = folder / str(number)
        place.mkdir(parents=True)
        ours.append(await of_node(place / "node", number))
        say(f"round {number + 1} of {rounds}: node {_said(ours[-1])}")
        for kind in chosen:
            theirs[kind.name].append(await of_peer(kind, place / kind.name, number))
            say(f"  {kind.name} {_said(theirs[kind.name][-1])}")
        shutil.rmtree(place)
    return figures(ours, theirs)


def _said(taken: Taken) -> str:
    return ", ".join(f"{name} {value:.4g} {UNITS[name]}" for name, value in taken.items())


def main() -> None:
    """Measure, and print one line for each figure and peer."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    names = {one.name: one for one in PEERS}
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=names, default=list(names), metavar="PEER")
    given = parser.parse_args()
    folder = WORK / f"bench-peers-{os.getpid()}"
    try:
        found = run(work(given.rounds, folder, tuple(names[one] for one in given.only)))
    except asyncio.CancelledError:
        sys.exit("bench: stopped before the end; nothing is kept")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    say(table(found))
    for one in found:
        print(one.line)
    print(f"bench: done profile=peers rounds={given.rounds}")


if __name__ == "__main__":
    main()
