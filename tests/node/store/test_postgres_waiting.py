"""A server that keeps nothing before its standby has it, and a standby that is gone."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from node.store import opening, sqlite
from node.store.sqlite import Store
from tests.builders.cases import FINGERPRINTS, US
from tests.builders.postgres import Cluster, running_cluster
from tests.contract.stores import KEY, record_items

WAITS = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
GO_ON = "ALTER SYSTEM RESET synchronous_standby_names"
"""What an administrator says who goes on without a standby."""


@pytest.fixture(scope="module")
def server(postgres: Cluster) -> Iterator[Cluster]:
    """Give a server of its own: what is set for it holds up whoever uses it."""
    with running_cluster(postgres.programs) as made:
        yield made


@pytest.fixture
def administrator(server: Cluster) -> Iterator[psycopg.Connection[tuple[int]]]:
    """Give a session that waits for no standby."""
    options = "-c synchronous_commit=local"
    with psycopg.connect(server.url("postgres"), autocommit=True, options=options) as made:
        yield made
        made.execute(GO_ON)
        made.execute("SELECT pg_reload_conf()")


@pytest.fixture
async def store(
    server: Cluster, administrator: psycopg.Connection[tuple[int]]
) -> AsyncIterator[Store]:
    """Give a store, open, whose server waits for a standby that is not there."""
    place = server.new()
    opening.create_database(place, KEY)
    opened = Store.open(place, KEY, US, FINGERPRINTS)
    administrator.execute("ALTER SYSTEM SET synchronous_standby_names = 'gone'")
    administrator.execute("SELECT pg_reload_conf()")
    told = "SELECT 1 FROM pg_settings WHERE name = 'synchronous_standby_names' AND setting = 'gone'"
    while administrator.execute(told).fetchone() is None:  # noqa: ASYNC110 - a server's
        await asyncio.sleep(0.01)
    yield opened
    administrator.execute(GO_ON)
    administrator.execute("SELECT pg_reload_conf()")
    await opened.close()


async def waiting(administrator: psycopg.Connection[tuple[int]], task: asyncio.Task[None]) -> int:
    """Return the session that waits for the standby; 0: the task has its answer."""
    while not task.done():
        found = administrator.execute(WAITS).fetchone()
        if found is not None:
            return found[0]
        await asyncio.sleep(0.01)
    return 0


async def cancel(
    administrator: psycopg.Connection[tuple[int]], task: asyncio.Task[None], session: int
) -> None:
    """Break off the wait of a session; give once it, or another, waits again."""
    administrator.execute("SELECT pg_cancel_backend(%s)", [session])
    while administrator.execute(WAITS).fetchone() is None:
        assert not task.done()
        await asyncio.sleep(0.01)


async def go_on(administrator: psycopg.Connection[tuple[int]]) -> None:
    """Let the server wait for nobody."""
    administrator.execute(GO_ON)
    administrator.execute("SELECT pg_reload_conf()")


async def test_commit_whose_wait_for_the_standby_was_cancelled_is_not_said_to_be_kept(
    store: Store, administrator: psycopg.Connection[tuple[int]]
) -> None:
    """A failover would lose it; so it is waited for again, however often that is cancelled."""
    task = asyncio.create_task(record_items(store, 1))
    for _ in range(3):
        session = await waiting(administrator, task)
        assert session
        await cancel(administrator, task, session)
    await go_on(administrator)
    await task
    assert (await store.queries.figures())["items"] == 1


async def test_server_that_refuses_to_wait_again_is_not_asked_without_a_pause(
    store: Store,
    administrator: psycopg.Connection[tuple[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that was set read-only meanwhile would hear it thousands of times a second."""
    pauses, sleep = threading.Event(), time.sleep

    def pause(seconds: float) -> None:
        pauses.set()
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", pause)
    task = asyncio.create_task(record_items(store, 1))
    assert await waiting(administrator, task)
    administrator.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    administrator.execute("SELECT pg_reload_conf()")
    until = time.monotonic() + 20
    while not pauses.is_set() and time.monotonic() < until:
        administrator.execute(f"SELECT pg_cancel_backend(pid) FROM ({WAITS}) AS those")
        await asyncio.sleep(0.01)
    administrator.execute("SET default_transaction_read_only = off")
    administrator.execute("ALTER SYSTEM RESET default_transaction_read_only")
    await go_on(administrator)
    await task
    assert pauses.is_set()
    assert (await store.queries.figures())["items"] == 1


async def test_session_that_was_ended_in_its_wait_is_waited_for_by_the_next(
    store: Store, administrator: psycopg.Connection[tuple[int]]
) -> None:
    """It kept its transaction here, and only here; that wait is cancelled in vain, too."""
    task = asyncio.create_task(record_items(store, 1))
    first = await waiting(administrator, task)
    administrator.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    for _ in range(3):
        second = await waiting(administrator, task)
        assert second not in {0, first}
        await cancel(administrator, task, second)
    await go_on(administrator)
    await task
    assert (await store.queries.figures())["items"] == 1


async def test_server_that_neither_keeps_nor_refuses_is_called_away(
    store: Store,
    administrator: psycopg.Connection[tuple[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a node that keeps nothing would look ready for as long as nobody asks for more."""
    monkeypatch.setattr(sqlite, "HANGS_S", 0.05)
    life = asyncio.create_task(store.show_life())
    assert await waiting(administrator, life)
    async with asyncio.timeout(20):
        while not store.writer.room.missing():
            assert not life.done()
            await asyncio.sleep(0.01)
    assert store.writer.room.missing() == ["store_away"]
    await go_on(administrator)
    await life
    assert store.writer.room.missing() == []
