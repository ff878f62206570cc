"""What the writer's thread promises beyond the contract of the store."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from node.store.connection import Connection, create_database, open_reader, open_writer
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
