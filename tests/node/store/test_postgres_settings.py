"""A server that was set up for others: what the store needs of it holds all the same."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psycopg
import pytest

from node.store import opening
from node.store.errors import AwayError, UnsafeServerError
from node.store.postgres.connection import READS_WAIT_S
from node.store.postgres.place import Postgres
from node.store.postgres.standing_by import StandBy
from node.store.seam import Connection
from node.store.sqlite import Store
from node.store.writer import Job
from tests.builders.cases import FINGERPRINTS, US
from tests.builders.pooler import pooled
from tests.builders.postgres import Cluster
from tests.contract.stores import KEY

TIMES = (
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
)


@pytest.fixture
def place(postgres: Cluster) -> Postgres:
    """Give an empty store in a database of its own, which the test may set as it likes."""
    made = postgres.new()
    opening.create_database(made, KEY)
    return made


def set_for_all(postgres: Cluster, place: Postgres, **settings: str) -> None:
    """Set what every session begins with, as an administrator does."""
    name = place.url.partition("?")[0].rpartition("/")[2]
    for setting, value in settings.items():
        postgres.do(f"ALTER DATABASE {name} SET {setting} = '{value}'")


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
async def test_node_that_waited_for_a_command_decides_on_what_that_one_wrote(
    place: Postgres, postgres: Cluster, level: str
) -> None:
    """Under a stricter level its transaction would see the moment before it began to wait."""
    set_for_all(postgres, place, default_transaction_isolation=level)
    store = Store.open(place, KEY, US, FINGERPRINTS)
    beside = opening.open_writer(place, KEY)
    beside.execute("BEGIN IMMEDIATE")
    beside.execute("INSERT INTO meta VALUES ('beside', '1')")

    def job(connection: Connection) -> object:
        return connection.execute("SELECT value FROM meta WHERE name = 'beside'").fetchone()

    deciding = asyncio.create_task(store.writer.run(job))
    waits = (
        "SELECT 1 FROM pg_stat_activity WHERE datname LIKE 'store%' AND wait_event_type = 'Lock'"
    )
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as administrator:
        while administrator.execute(waits).fetchone() is None:
            assert not deciding.done()
            await asyncio.sleep(0.01)
    beside.execute("COMMIT")
    assert await deciding == ("1",)
    beside.close()
    await store.close()


async def test_no_time_ends_a_statement_or_a_session_of_the_store(
    place: Postgres, postgres: Cluster
) -> None:
    """With a session its lock would go; with a statement the wait for a standby of a COMMIT.

    Who only reads commits nothing, and waits for a table as long as the store says.
    """
    set_for_all(postgres, place, **dict.fromkeys(TIMES, "1h"))
    asked = "SELECT " + ", ".join(f"current_setting('{name}')" for name in TIMES)
    writer, lock = opening.open_locked(place, KEY)
    beside, reader = opening.open_writer(place, KEY), opening.open_reader(place, KEY)
    waits = {writer: "0", beside: "0", reader: f"{READS_WAIT_S:g}s"}
    for connection, wait in waits.items():
        assert connection.execute(asked).fetchone() == ("0", wait, "0", "0")
        connection.close()
    lock.release()


async def test_what_is_sealed_is_opened_in_tables_that_were_made_anew_while_the_server_was_away(
    place: Postgres,
) -> None:
    """A dump was brought back on a newer server: its tables have other numbers there."""
    store = Store.open(place, KEY, US, FINGERPRINTS)

    def keep(connection: Connection) -> None:
        connection.execute(
            "INSERT INTO reports VALUES ('at-stopline.1', 'public', NULL, ?)", [b"a"]
        )

    await store.writer.run(keep)
    with psycopg.connect(place.url, autocommit=True) as administrator:
        administrator.execute("ALTER TABLE reports RENAME TO before")
        administrator.execute("CREATE TABLE reports AS TABLE before")
        administrator.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    def told(connection: Connection) -> object:
        return connection.execute("SELECT state FROM reports").fetchone()

    assert await store.readers.run(told) == (b"a",)
    assert await until_back(store, told) == (b"a",)
    await store.close()


async def until_back(store: Store, job: Job[object]) -> object:
    """Do something in the writer as soon as the server is back."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            return await store.writer.run(job)
        except AwayError:
            continue
    raise AssertionError("it never came back")


class TestPooler:
    """Something before the server gives one of its sessions to several connections."""

    def test_session_that_is_not_its_own_is_refused_by_name(
        self, place: Postgres, tmp_path: Path
    ) -> None:
        """Its lock would be everybody's: a second process would begin."""
        with pooled(place, tmp_path) as behind:
            for _ in range(2):
                with pytest.raises(UnsafeServerError, match="pool_mode"):
                    opening.open_locked(behind, KEY)
            with pytest.raises(UnsafeServerError, match="pool_mode"):
                opening.create_database(behind, KEY)

    def test_who_stands_by_is_told_of_it_as_soon_as_it_shows(
        self, place: Postgres, tmp_path: Path
    ) -> None:
        """It would wait for ever, as if the server were away."""
        with pooled(place, tmp_path) as behind:
            first = StandBy(behind, KEY, time.monotonic)
            with pytest.raises(UnsafeServerError, match="pool_mode"):
                StandBy(behind, KEY, time.monotonic)
            first.close()

    def test_who_reads_is_told_of_it_as_soon_as_it_shows(
        self, place: Postgres, tmp_path: Path
    ) -> None:
        """Two that read find each other's statements in it."""
        with pooled(place, tmp_path) as behind:
            first = opening.open_reader(behind, KEY)
            with pytest.raises(UnsafeServerError, match="pool_mode"):
                opening.open_reader(behind, KEY)
            first.close()
