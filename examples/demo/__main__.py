"""Runs the demo: four hotlines, one umbrella, one verdict.

    python -m examples.demo [--seed 1] [--reports 2500] [--store postgresql] [--keep] [--dir DIR]

Everything happens on loopback, in real processes, with synthetic data. It ends with a table and the
line of an independent checker; the exit code is 0 only if nothing was lost, nothing happened twice,
both sides agree, everything verifies, and nothing showed that must not. No process stays behind,
unless `--keep` asks for it.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp

from examples.demo import keeping
from examples.demo.canaries import search
from examples.demo.course import Course
from examples.demo.exports import export_all
from examples.demo.processes import DemoError, Processes
from examples.demo.progress import Progress
from examples.demo.provoking import provoke
from examples.demo.story import TooFewReportsError
from examples.demo.summary import show_summary
from examples.demo.two_processes import MEMBER, OnServer, server

ROOT = Path(__file__).resolve().parent.parent.parent
FILE, POSTGRESQL = "file", "postgresql"
FAILED = 1
INTERRUPTED = 130


async def play(course: Course, seed: int, reports: int) -> bool:
    """Play the whole course; tells whether nothing showed that must not."""
    tell = course.tell
    await course.prepare(seed, reports)
    tell.phase("network made, nodes started")
    await course.first_half(frozen="nl-eokm", killed="gb-iwf")
    tell.phase("first half: reports, kill -9, delivery")
    await course.work_between()
    tell.phase("analysts at work")
    await course.arrive(mirror="gb-iwf")
    await course.second_half()
    tell.phase("second half: one more member, reports, delivery")
    await course.work_with_one_down(down="nl-eokm", acting="de-eco", first="gb-iwf")
    tell.phase("analysts at work, one node down")
    await provoke(course)
    await export_all(course)
    clean = await search(course)
    tell.phase("exports, verification, search")
    return clean


async def run(folder: Path, options: argparse.Namespace) -> bool:
    """Run the demo in `folder`; tells whether nothing showed that must not.

    With `--store postgresql` beside a server that one member has for its store.

    Raises:
        DemoError: it could not go on.
        CancelledError: somebody stopped it.
    """
    stop_on_signals()
    if options.store == FILE:
        return await run_with(folder, options, None)
    with server() as on_server:
        return await run_with(folder, options, on_server)


async def run_with(folder: Path, options: argparse.Namespace, on_server: OnServer | None) -> bool:
    """Run the demo, with the store of one member on a server or in files all."""
    processes = Processes(folder)
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http:
            course = Course(folder, http, processes, Progress(), on_server)
            try:
                clean = await play(course, options.seed, options.reports)
            except aiohttp.ClientError as error:
                ended = " and ".join(processes.fallen()) or "none"
                what = f"a node does not answer ({type(error).__name__}); ended by itself: {ended}"
                raise DemoError(what) from None
            finally:
                await course.close()
            show_summary(course)
            if options.keep:
                await keeping.keep(course)
    finally:
        await processes.end()
    return clean


def stop_on_signals() -> None:
    """Let SIGINT, SIGTERM and SIGHUP end the demo in good order."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


def judge(folder: Path) -> int:
    """Let the checker speak: its own process, its own eyes; its line is the last."""
    sys.stdout.flush()
    command = (sys.executable, "-m", "examples.demo.checker", str(folder))
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def main() -> int:
    """Read the options, run the demo, give the exit code."""
    parser = argparse.ArgumentParser(prog="demo", description="Four hotlines, one verdict")
    parser.add_argument("--seed", type=int, default=1, help="of the synthetic world")
    parser.add_argument("--reports", type=int, default=2500, help="about how many, from 300 on")
    parser.add_argument("--keep", action="store_true", help="leave the nodes running")
    parser.add_argument("--dir", type=Path, default=ROOT / ".run" / "demo", help="made anew")
    parser.add_argument(
        "--store", choices=(FILE, POSTGRESQL), default=FILE, help=f"of {MEMBER}, with two processes"
    )
    options = parser.parse_args()
    if options.keep and options.store != FILE:
        parser.error("--keep: the server of --store postgresql ends with the demo; leave one out")
    folder: Path = options.dir.absolute()
    if keeping.still_running(folder):
        print(f"a demo still runs there; end it with: sh {folder}/stop.sh", file=sys.stderr)
        return FAILED
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    return finish(folder, options)


def finish(folder: Path, options: argparse.Namespace) -> int:
    """Run it and say where to look if it failed."""
    try:
        clean = asyncio.run(run(folder, options))
    except (DemoError, TooFewReportsError) as error:
        print(f"the demo failed: {error}\nlogs: {folder}/logs", file=sys.stderr)
        return FAILED
    except asyncio.CancelledError:
        print(f"stopped; logs: {folder}/logs", file=sys.stderr)
        return INTERRUPTED
    except Exception:
        print(f"the demo failed by a mistake of its own; logs: {folder}/logs", file=sys.stderr)
        raise
    if not clean:
        print(f"something showed that must not; logs: {folder}/logs", file=sys.stderr)
    return judge(folder) or (0 if clean else FAILED)


if __name__ == "__main__":
    sys.exit(main())
