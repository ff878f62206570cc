"""A line to the server that breaks, and breaks again while the node comes back over it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from node.casework.errors import ItemOpenError
from node.store import opening
from node.store.errors import AwayError
from node.store.postgres import connection
from node.store.seam import Connection
from node.store.sqlite import Store
from node.store.thread_readers import ThreadReaders
from tests.builders.breaking_line import Line, breaking
from tests.builders.cases import FINGERPRINTS, US
from tests.builders.postgres import Cluster
from tests.contract.stores import KEY, record_items

FENCE = "SELECT fence"
"""What a node asks first when it comes back."""


@pytest.fixture
def line(postgres: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """Give a line to a server with an empty store; who calls waits no longer than libpq must."""
    monkeypatch.setattr(connection, "_OPTIONS", {**connection._OPTIONS, "connect_timeout": 2})
    with breaking(postgres.emptied(KEY), tmp_path) as made:
        yield made


@pytest.fixture
async def store(line: Line) -> AsyncIterator[Store]:
    """Give the store, open over the line."""
    opened = Store.open(line.place, KEY, US, FINGERPRINTS)
    yield opened
    await opened.close()


ASKED = "SELECT 2"


def ask(reader: Connection) -> object:
    """Look something up."""
    return reader.execute(ASKED).fetchone()


def mark(writer: Connection) -> None:
    """A job that shows how often it was kept."""
    sql = "INSERT INTO meta VALUES ('marks', 'x') ON CONFLICT (name) DO UPDATE SET value = ?"
    before = writer.execute("SELECT value FROM meta WHERE name = 'marks'").fetchone()
    writer.execute(sql, ("x" if before is None else before[0] + "x",))


@pytest.mark.parametrize("again", [[], [FENCE], [FENCE, FENCE], ["FOR UPDATE"]])
@pytest.mark.parametrize("others", [0, 3])
async def test_what_was_kept_without_an_answer_is_done_once_however_often_the_line_breaks(
    store: Store, line: Line, again: list[str], others: int
) -> None:
    """Whether it was kept is asked until somebody answers; a group is not tried again before."""
    await store.writer.run(lambda writer: writer.execute("SELECT 1").fetchone())
    line.breaks_at = ["COMMIT", *again]
    beside = [store.writer.run(lambda _: None) for _ in range(others)]
    await asyncio.gather(store.writer.run(mark), *beside)
    assert line.breaks_at == []
    assert await store.history.fact("marks") == "x"


async def test_line_that_breaks_while_the_node_comes_back_is_named_as_a_server_that_is_away(
    store: Store, line: Line
) -> None:
    """Whoever waits for the store hears what it can, and comes again."""
    line.breaks_at = ["tenure SET commits", FENCE]
    with pytest.raises(AwayError):
        await record_items(store, 1)
    await record_soon(store, 1)


async def test_line_that_breaks_while_a_failed_job_is_taken_back_stops_nobody_else(
    store: Store, line: Line
) -> None:
    """A refusal is an everyday thing; the one thread that writes outlives it."""

    def refuse(_: Connection) -> None:
        raise ItemOpenError

    line.breaks_at = ["ROLLBACK"]
    with pytest.raises(ItemOpenError):
        await asyncio.wait_for(store.writer.run(refuse), 20)
    await record_soon(store, 1)
    assert (await store.queries.figures())["items"] == 1


async def record_soon(store: Store, number: int) -> None:
    """Record an item as soon as the line holds; a store that answers nobody fails."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with suppress(AwayError):
            return await asyncio.wait_for(record_items(store, number), 20)
    raise AssertionError("it never came back")


def test_server_that_keeps_its_callers_waiting_holds_up_the_event_loop_once(line: Line) -> None:
    """A machine that vanished answers no call: a thread calls it until it is back."""
    readers = ThreadReaders(lambda: opening.open_reader(line.place, KEY), count=1)
    line.is_silent, line.breaks_at = True, [ASKED]
    with pytest.raises(AwayError):
        readers.look_up(ask)
    assert line.breaks_at == []
    began = time.monotonic()
    for _ in range(100):
        with pytest.raises(AwayError):
            readers.look_up(ask)
    assert time.monotonic() - began < 1
    line.is_silent = False
    assert look_up_soon(readers) == (2,)
    readers.close()


def test_server_that_hangs_with_its_lines_open_holds_up_the_event_loop_once(
    line: Line, postgres: Cluster
) -> None:
    """Its machine is frozen, or its disk: the kernel there says that all came, and nothing ends."""
    readers = ThreadReaders(lambda: opening.open_reader(line.place, KEY), count=1)
    (session,) = readers.look_up(lambda c: c.execute("SELECT pg_backend_pid()").fetchone())
    assert postgres.server is not None
    with ThreadPoolExecutor(1) as loop, frozen(postgres.server.pid, session):
        for _ in range(2):
            with pytest.raises(AwayError):
                loop.submit(readers.look_up, ask).result(10)
    assert look_up_soon(readers) == (2,)
    readers.close()


@contextmanager
def frozen(*processes: int) -> Iterator[None]:
    """Let processes of the server do nothing for a while."""
    for one in processes:
        os.kill(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in processes:
            os.kill(one, signal.SIGCONT)


async def test_process_whose_readers_are_cut_off_alone_shows_that_it_lives(
    store: Store, line: Line
) -> None:
    """Who stands by would end the session of one that works."""
    await store.show_life()
    line.is_silent, line.breaks_at = True, [ASKED]
    for _ in range(2):
        with pytest.raises(AwayError):
            store.readers.look_up(ask)
    await store.show_life()
    line.is_silent = False


def look_up_soon(readers: ThreadReaders) -> object:
    """Look something up as soon as the server is back."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with suppress(AwayError):
            return readers.look_up(ask)
    raise AssertionError("it never came back")
