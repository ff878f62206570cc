"""R7: somebody changes a table of the store, or has it written anew, while the node runs."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from threading import Timer

import psycopg
import pytest

from node.store.errors import StoreBusyError
from node.store.postgres import connection as connections
from node.store.postgres.place import Postgres
from node.store.sqlite import Store
from tests.builders.cases import FINGERPRINTS, US
from tests.builders.postgres import Cluster
from tests.contract.stores import KEY

WHILE_S = 20.0
"""How long a table is held, if nobody lets go before: who waits for it ends then all the same."""


@pytest.fixture
def place(postgres: Cluster) -> Postgres:
    """Give where an empty store stands."""
    return postgres.emptied(KEY)


@pytest.fixture
async def store(place: Postgres) -> AsyncIterator[Store]:
    """Give it, open as a running node has it."""
    opened = Store.open(place, KEY, US, FINGERPRINTS)
    yield opened
    await opened.close()


@contextmanager
def held(place: Postgres, table: str) -> Iterator[None]:
    """Hold a table as `ALTER TABLE` and `VACUUM FULL` do."""
    with psycopg.connect(place.url) as administrator:
        administrator.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        letting_go = Timer(WHILE_S, administrator.rollback)
        letting_go.start()
        try:
            yield
        finally:
            letting_go.cancel()
            administrator.rollback()


async def test_table_that_is_held_holds_up_the_event_loop_once(
    store: Store, place: Postgres
) -> None:
    """Every request looks a token up there: peers, timers and `/healthz` stood still with it."""
    with held(place, "tokens"):
        with pytest.raises(StoreBusyError):
            await store.access.find_token(b"none")
        began = time.monotonic()
        for _ in range(100):
            with pytest.raises(StoreBusyError):
                await store.access.find_token(b"none")
        assert time.monotonic() - began < 1
    assert await found_soon(store) is None


async def test_query_waits_for_a_table_as_long_as_for_a_file(
    place: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All threads that read would wait for it, and every request with them, without a word."""
    monkeypatch.setattr(connections, "READS_WAIT_S", 0.1)
    opened = Store.open(place, KEY, US, FINGERPRINTS)
    with held(place, "tokens"), pytest.raises(StoreBusyError):
        await opened.access.list_tokens()
    await opened.close()


async def found_soon(store: Store) -> object:
    """Look a token up as soon as its table is free."""
    until = time.monotonic() + WHILE_S
    while time.monotonic() < until:
        with suppress(StoreBusyError):
            return await store.access.find_token(b"none")
    raise AssertionError("it never came back")
