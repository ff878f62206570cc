"""What the writer's thread promises beyond the contract of the store."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

from node.store.connection import Connection, create_database, open_reader, open_writer
from node.store.thread_readers import ThreadReaders
from node.store.writer import ThreadWriter

KEY = bytes(range(32))


class FailedError(Exception):
    """A job that fails."""


async def test_job_beside_one_that_fails_runs_again_and_is_kept_once(tmp_path: Path) -> None:
    """What it wrote the first time was taken back with the rest; the caller hears the last run."""
    runs = []

    def job(connection: Connection) -> int:
        runs.append(connection.execute("SELECT count(*) FROM tasks").fetchone()[0])
        connection.execute("INSERT INTO tasks (code, subject, opened_ms) VALUES ('c', 's', 1)")
        return len(runs)

    def failing(connection: Connection) -> None:
        connection.execute("INSERT INTO tasks (code, subject, opened_ms) VALUES ('f', 's', 1)")
        raise FailedError

    path = tmp_path / "node.db"
    create_database(path, KEY)
    writer = ThreadWriter(open_writer(path, KEY)).start()
    forgotten: list[str] = []
    for name in ("first", "second"):
        writer.on_rollback(lambda name=name: forgotten.append(name))  # type: ignore[misc]
    gate = threading.Event()
    blocker = asyncio.create_task(writer.run(lambda _: gate.wait(10)))
    together = asyncio.gather(writer.run(job), writer.run(failing), return_exceptions=True)
    await asyncio.sleep(0)
    gate.set()
    result, error = await together
    await blocker
    await writer.close()
    reader = open_reader(path, KEY)
    kept = reader.execute("SELECT code FROM tasks").fetchall()
    reader.close()
    assert (result, runs, kept) == (2, [0, 0], [("c",)])
    assert isinstance(error, FailedError)
    assert forgotten == ["first", "second"] * 2


@pytest.mark.parametrize("failing", [0, 1, 2])
async def test_failing_job_costs_its_neighbours_nothing(tmp_path: Path, failing: int) -> None:
    """Wherever it stands in the group."""

    def job(number: int) -> Callable[[Connection], int]:
        def run(connection: Connection) -> int:
            connection.execute(
                "INSERT INTO tasks (code, subject, opened_ms) VALUES ('c', 's', ?)", (number,)
            )
            if number == failing:
                raise FailedError
            return number

        return run

    path = tmp_path / "node.db"
    create_database(path, KEY)
    writer = ThreadWriter(open_writer(path, KEY)).start()
    gate = threading.Event()
    blocker = asyncio.create_task(writer.run(lambda _: gate.wait(10)))
    jobs = [writer.run(job(number)) for number in range(3)]
    together = asyncio.gather(*jobs, return_exceptions=True)
    await asyncio.sleep(0)
    gate.set()
    results = await together
    await blocker
    await writer.close()
    reader = open_reader(path, KEY)
    kept = [row[0] for row in reader.execute("SELECT opened_ms FROM tasks ORDER BY opened_ms")]
    reader.close()
    assert kept == [number for number in range(3) if number != failing]
    assert [isinstance(one, FailedError) for one in results] == [n == failing for n in range(3)]


async def test_job_that_ends_an_iterator_too_early_is_an_error_of_its_caller(
    tmp_path: Path,
) -> None:
    """No future takes a `StopIteration`: who waits, and who waits with it, would for ever."""
    create_database(tmp_path / "node.db", KEY)
    writer = ThreadWriter(open_writer(tmp_path / "node.db", KEY)).start()
    jobs = [writer.run(lambda _: next(iter(()))), writer.run(lambda _: 1)]
    async with asyncio.timeout(10):
        failed, kept = await asyncio.gather(*jobs, return_exceptions=True)
    await writer.close()
    assert isinstance(failed, RuntimeError)
    assert kept == 1


class Busy:
    """A writer whose thread is at its first job until `done`, while others are handed in."""

    def __init__(self, folder: Path, hold_s: float = 0.0) -> None:
        path = folder / "node.db"
        create_database(path, KEY)
        self.writer = ThreadWriter(open_writer(path, KEY), hold_s=hold_s).start()
        self.began, self.order = threading.Event(), list[str]()
        self._gate = threading.Event()
        self._handed_in: list[asyncio.Task[int]] = []

    async def __aenter__(self) -> Self:
        self.hand_in("first", self._wait)
        await asyncio.to_thread(self.began.wait, 10)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.writer.close()

    def _wait(self) -> None:
        self.began.set()
        self._gate.wait(10)

    def hand_in(
        self, name: str, do: Callable[[], None] = lambda: None, *, ahead: bool = False
    ) -> None:
        """Hand in a job that notes its name and tells how many commits there were before it."""

        def job(_: Connection) -> int:
            self.order.append(name)
            do()
            return self.writer.counters.commits

        run = self.writer.run(job, ahead=ahead)
        self._handed_in.append(asyncio.get_running_loop().create_task(run, name=name))

    async def commits(self) -> dict[str, int]:
        """Let the first job end; return in which commit each job was kept."""
        await asyncio.sleep(0)
        self._gate.set()
        done = await asyncio.gather(*self._handed_in)
        return {task.get_name(): n for task, n in zip(self._handed_in, done, strict=True)}


async def test_short_job_joins_the_commit_that_is_under_way(tmp_path: Path) -> None:
    """It overtakes what was handed in before it, and costs no flush of its own."""
    async with Busy(tmp_path) as busy:
        busy.hand_in("batch")
        busy.hand_in("cut", ahead=True)
        assert await busy.commits() == {"first": 0, "cut": 0, "batch": 1}
        assert busy.order == ["first", "cut", "batch"]


async def test_short_job_is_answered_without_waiting_for_a_batch(tmp_path: Path) -> None:
    """What comes in during a batch is kept with it, what waits next by itself."""
    async with Busy(tmp_path, hold_s=60) as busy:
        busy.writer.group_max = 2
        for name in ("cut", "take"):
            busy.hand_in(name, ahead=True)
        busy.hand_in("batch")
        assert await busy.commits() == {"first": 0, "cut": 0, "take": 1, "batch": 2}


async def test_short_jobs_starve_no_batch(tmp_path: Path) -> None:
    """However many of them wait: the two take turns."""
    async with Busy(tmp_path) as busy:
        busy.writer.group_max = 1
        for name in ("cut", "take", "receipt"):
            busy.hand_in(name, ahead=True)
        busy.hand_in("batch")
        await busy.commits()
        assert busy.order == ["first", "cut", "batch", "take", "receipt"]


@pytest.mark.parametrize(("hold_s", "commit"), [(0.0, 1), (60.0, 0)])
async def test_batches_share_a_commit_only_for_a_while(
    tmp_path: Path, hold_s: float, commit: int
) -> None:
    """Nobody waits for a flush behind long jobs of others; short ones are kept together."""
    async with Busy(tmp_path, hold_s) as busy:
        busy.hand_in("batch")
        assert await busy.commits() == {"first": 0, "batch": commit}


async def test_what_was_handed_in_is_done_before_the_writer_ends(tmp_path: Path) -> None:
    """Of both lines, in whatever commits."""
    async with Busy(tmp_path) as busy:
        for number in range(3):
            busy.hand_in(f"batch{number}")
            busy.hand_in(f"cut{number}", ahead=True)
        await asyncio.sleep(0)
        closing = asyncio.create_task(busy.writer.close())
        await asyncio.sleep(0)
        assert len(await busy.commits()) == 7
        await closing


async def test_g11_reads_wait_for_no_name_that_peers_have_looked_up(tmp_path: Path) -> None:
    """Names whose servers do not answer hold every thread that asyncio shares out; reads go on."""
    path = tmp_path / "node.db"
    create_database(path, KEY)
    readers = ThreadReaders(lambda: open_reader(path, KEY))
    loop, answered = asyncio.get_running_loop(), threading.Event()
    names = [loop.run_in_executor(None, answered.wait, 20) for _ in range(64)]
    try:
        async with asyncio.timeout(10):
            read = await readers.run(lambda c: c.execute("SELECT count(*) FROM tasks").fetchone())
        assert read[0] == 0
    finally:
        answered.set()
        await asyncio.gather(*names)
        readers.close()
