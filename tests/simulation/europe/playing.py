"""A year from its beginning to its verdict's files: one process, or several that share it."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from tests.simulation.europe import mix
from tests.simulation.europe.exchange import Exchange, shares
from tests.simulation.europe.network import year_network
from tests.simulation.europe.replay import LEDGER, Progress, Replay, Result
from tests.simulation.europe.year import Year

DATABASES = "databases.json"


def play(year: Year, folder: Path, seed: int, say: Progress, processes: int = 1) -> Result:
    """Play `year` in `folder`, its members shared out among so many processes.

    What becomes of every item does not depend on how many there are.

    Raises:
        RuntimeError: a process did not come to its end.
    """
    members = tuple(year.members)
    _, keys, _ = year_network(members, members[year.fallback])  # before any process is forked
    process_of = shares(_loads(year), processes)
    if processes == 1:
        results = [Replay(year, folder, seed, say, process_of, Exchange(0, {})).run()]
    else:
        results = _play_apart(year, folder, seed, say, process_of)
    with (folder / LEDGER).open("wb") as whole:
        for number in range(processes):
            part = folder / f"{number}.{LEDGER}"
            with part.open("rb") as lines:
                shutil.copyfileobj(lines, whole)
            part.unlink()
    found = {member: [f"{member}.db", keys[member].database_key.hex()] for member in members}
    (folder / DATABASES).write_text(json.dumps(found), encoding="utf-8")
    return _together(results)


def _loads(year: Year) -> list[float]:
    """How much each member has to do beside the others: it reports, and it hosts."""
    loads = mix.reporting_weights(year.members)
    for country, weight in mix.hosting_weights(year.members).items():
        loads[year.responsible.get(country, year.fallback)] += weight
    return loads


def _play_apart(
    year: Year, folder: Path, seed: int, say: Progress, process_of: Sequence[int]
) -> list[Result]:
    """Play it in one process for each number in `process_of`, forked from this one."""
    fork = multiprocessing.get_context("fork")
    numbers = sorted(set(process_of))
    pipes: dict[int, dict[int, Connection]] = {number: {} for number in numbers}
    for one in numbers:
        for other in range(one + 1, len(numbers)):
            pipes[one][other], pipes[other][one] = fork.Pipe()

    def part(number: int, result: Connection) -> None:
        tell = say if number == 0 else (lambda _: None)
        exchange = Exchange(number, pipes[number])
        result.send(Replay(year, folder, seed, tell, process_of, exchange).run())

    ends, running = [], []
    for number in numbers:
        end, result = fork.Pipe(duplex=False)
        running.append(fork.Process(target=part, args=(number, result)))
        running[-1].start()
        result.close()
        ends.append(end)
    for ours in pipes.values():
        for pipe in ours.values():
            pipe.close()
    try:
        return [end.recv() for end in ends]
    except EOFError:
        raise RuntimeError("europe: a process did not come to its end") from None
    finally:
        for process in running:
            process.join()


def _together(results: Sequence[Result]) -> Result:
    """What all processes did: the longest time, everything else added up."""
    whole = Result(results[0].members, results[0].items)
    for one in results:
        whole.seconds = max(whole.seconds, one.seconds)
        whole.cpu_seconds += one.cpu_seconds
        whole.peak_rss_mb += one.peak_rss_mb
        whole.undone += one.undone
        whole.counted.of += one.counted.of
        whole.counted.cpu_s += one.counted.cpu_s
    return whole
