"""One member whose store is on a PostgreSQL server: one process works there, another stands by.

The one that works is killed with -9 in the middle of things, and nobody tells the other to go on.
`python -m examples.demo --store postgresql` asks for it; the server is found on the machine, or
unpacked by `tests/parts.sh`, and lives for as long as the demo.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from examples.demo.processes import DemoError

if TYPE_CHECKING:
    from examples.demo.analysts import Analyst
    from examples.demo.members import Member
    from examples.demo.progress import Progress

MEMBER = "nl-eokm"
"""Most of the world is hosted where this one is responsible."""
LOOK_S = 0.02
SETTINGS = {"autovacuum": "on"}
"""Of the server, beside what its tests set; it flushes as in operation."""


T = TypeVar("T")


@dataclass(frozen=True)
class OnServer:
    """Where one member's store is: its URL, and the folder of the server's own files."""

    member: str
    url: str
    files: Path


@contextmanager
def server() -> Iterator[OnServer]:
    """Run a server with an empty database for as long as the block lasts.

    Raises:
        DemoError: there is no PostgreSQL, or no driver for it.
    """
    try:
        from tests.builders.postgres import (  # noqa: PLC0415 - a demo without a server needs none
            find_postgres,
            running_cluster,
        )
    except ImportError:
        raise DemoError("no driver for PostgreSQL; make venv") from None
    programs = find_postgres()
    if programs is None:
        raise DemoError("no PostgreSQL; make parts, or on Debian: apt-get install postgresql")
    with running_cluster(programs, SETTINGS) as cluster:
        yield OnServer(MEMBER, cluster.new().url, cluster.folder)


Load = Callable[[], Awaitable[str | None]]
"""Says in words what is under way at the member; None: nothing yet, or no longer."""


def at_work(analyst: Analyst) -> Load:
    """Tell of the steps that an analyst does from now on."""
    before = sum(analyst.done.values())

    async def load() -> str | None:
        done = sum(analyst.done.values()) - before
        return f"its analyst worked ({done} steps so far)" if done else None

    return load


def on_their_way(member: Member, others: Iterable[Member]) -> Load:
    """Tell of reports that stand at others without a receipt of the member."""
    name = f'hotline_outbox_entries{{lane="reports",peer="{member.id}"}}'
    senders = [other for other in others if other is not member]

    async def load() -> str | None:
        count = sum([await sender.metric(name) for sender in senders])
        return f"{count:.0f} reports were on their way to it" if count else None

    return load


async def killed_during(
    member: Member, work: Coroutine[Any, Any, T], load: Load, tell: Progress
) -> T:
    """Do `work`; in the middle of it the process that works is killed, and the other takes over.

    Args:
        member: whose store is on a server.
        work: what puts a load on the member.
        load: when it tells of something, the time has come.
        tell: where the story is told.

    Raises:
        DemoError: nothing was under way while `work` was done, or nobody takes over.
    """
    try:
        await member.stand_by()
    except BaseException:
        work.close()
        raise
    task = asyncio.create_task(work)
    try:
        told = await _first(load, task)
        seconds = await member.kill_who_works()
    except BaseException:
        task.cancel()
        raise
    tell.step(f"{member.id}: the process that worked was killed with -9 while {told};")
    tell.more(f"the one that stood by answered after {seconds:.1f} s")
    return await task


async def _first(load: Load, work: asyncio.Task[Any]) -> str:
    while not work.done():
        if (told := await load()) is not None:
            return told
        await asyncio.sleep(LOOK_S)
    raise DemoError("nothing was under way any more when somebody was to be killed")
