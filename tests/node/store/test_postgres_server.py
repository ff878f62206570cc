"""A store on a server that stops, comes back, or is not what a store can trust."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import psycopg
import pytest

from node.casework.casebook import Casebook, Needs
from node.peer.errors import OverQuotaError
from node.peer.http.allowances import no_floor
from node.store import opening
from node.store.bulk import insert_rows, stream
from node.store.errors import (
    AlreadyOpenError,
    AwayError,
    NewerDatabaseError,
    RefusedByServerError,
    SetBackError,
    StoreError,
    StoreFullError,
    UnknownDatabaseError,
    UnsafeServerError,
    UnsureError,
)
from node.store.items.decisions import say_restored
from node.store.postgres import tenant
from node.store.postgres.connection import STREAMED, Raw
from node.store.postgres.place import Postgres
from node.store.postgres.standing_by import StandBy
from node.store.postgres.tenant import TenantConnection
from node.store.seam import Connection
from node.store.sqlite import Store
from tests.builders.cases import FINGERPRINTS, US
from tests.builders.network import NOW_MS
from tests.builders.postgres import Cluster
from tests.contract.incoming import Sender, take
from tests.contract.stores import KEY, record_items


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


async def items(store: Store) -> int:
    """How many items are kept."""
    return (await store.queries.figures())["items"]


class TestAway:
    """The server stops while the node runs."""

    async def test_nothing_is_taken_while_it_is_away_and_all_goes_on_by_itself(
        self, store: Store, postgres: Cluster
    ) -> None:
        """A clear error, for writers and readers; what was kept is there."""
        await record_items(store, 1)
        with postgres.stopped():
            with pytest.raises(AwayError):
                await record_items(store, 2)
            with pytest.raises(AwayError):
                await items(store)
            assert store.writer.room.missing() == ["store_away"]
        await record_again(store, 3)
        assert await items(store) == 2
        assert store.writer.room.missing() == []

    async def test_session_that_was_ended_takes_its_lock_again(
        self, store: Store, postgres: Cluster, place: Postgres
    ) -> None:
        """An administrator, or a restart of the server, ends every session."""
        await record_items(store, 1)
        postgres.do(END_SESSIONS)
        await record_again(store, 2)
        assert await items(store) == 2
        with pytest.raises(AlreadyOpenError):
            Store.open(place, KEY, US, FINGERPRINTS)

    async def test_node_whose_place_was_taken_meanwhile_keeps_nothing(
        self, store: Store, postgres: Cluster, place: Postgres
    ) -> None:
        """Two writers would fork the channels."""
        postgres.do(END_SESSIONS)
        other = Store.open(place, KEY, US, FINGERPRINTS)
        await other.close()
        with pytest.raises(AlreadyOpenError):
            await record_again(store, 1)
        assert await items(store) == 0


class TestSetBack:
    """The server comes back without transactions that it had confirmed: memory is ahead of it."""

    @pytest.fixture
    def place(self, postgres: Cluster) -> Postgres:
        """Give a store whose database may get another name."""
        made = postgres.new()
        opening.create_database(made, KEY)
        return made

    async def test_node_keeps_nothing_more_until_a_person_said_so(
        self, store: Store, postgres: Cluster, place: Postgres
    ) -> None:
        """It ends, and none begins: its peers and its own memory know more than the database."""
        await record_items(store, 1)
        behind = copied(postgres, place)
        await record_again(store, 2)
        put_in_place(postgres, behind, place)
        with pytest.raises(SetBackError):
            await record_again(store, 3)
        assert await items(store) == 1
        with pytest.raises(SetBackError):
            await record_again(store, 4)
        await store.close()
        with pytest.raises(SetBackError):
            Store.open(place, KEY, US, FINGERPRINTS)
        say_so(place)
        again = Store.open(place, KEY, US, FINGERPRINTS)
        await record_items(again, 3)
        assert await items(again) == 2
        await again.close()

    async def test_server_that_lacks_nothing_is_gone_on_with(
        self, store: Store, postgres: Cluster, place: Postgres
    ) -> None:
        """What every transaction waited for (`synchronous_standby_names`) has all of them."""
        await record_items(store, 1)
        put_in_place(postgres, copied(postgres, place), place)
        await record_again(store, 2)
        assert await items(store) == 2

    async def test_server_that_never_heard_of_this_process_was_set_back_too(
        self, postgres: Cluster, place: Postgres
    ) -> None:
        """Its fence is an earlier one: nobody took over."""
        behind = copied(postgres, place)
        store = Store.open(place, KEY, US, FINGERPRINTS)
        put_in_place(postgres, behind, place)
        with pytest.raises(SetBackError):
            await record_again(store, 1)
        await store.close()

    async def test_process_that_wakes_after_the_word_marks_nothing(
        self, store: Store, postgres: Cluster, place: Postgres
    ) -> None:
        """A person knows already: it is fenced, whether its fence is on the server or not."""
        await record_items(store, 1)
        behind = copied(postgres, place)
        await record_again(store, 2)
        put_in_place(postgres, behind, place)
        say_so(place)
        with pytest.raises(AlreadyOpenError):
            await record_again(store, 3)
        again = Store.open(place, KEY, US, FINGERPRINTS)
        await record_items(again, 3)
        await again.close()

    async def test_process_that_found_out_while_the_word_was_given_marks_nothing(
        self, store: Store, place: Postgres
    ) -> None:
        """It had looked at the fence before, and comes to mark after."""
        raw = psycopg.connect(place.url, autocommit=True)
        seen = raw.execute("SELECT fence FROM tenure").fetchone()
        assert seen is not None
        say_so(place)
        tenant.mark_set_back(raw, seen[0])
        raw.close()
        await store.close()
        await Store.open(place, KEY, US, FINGERPRINTS).close()

    async def test_answer_that_was_lost_with_the_server_is_not_taken_for_kept(
        self, store: Store, postgres: Cluster, place: Postgres
    ) -> None:
        """The commit was under way when the server failed, and the standby lacks more than it."""
        await record_items(store, 1)
        behind = copied(postgres, place)
        await record_again(store, 2)

        def job(connection: Connection) -> None:
            put_in_place(postgres, behind, place)
            connection.execute("INSERT INTO meta VALUES ('once', '1')")

        with pytest.raises(StoreError):
            await store.writer.run(job)
        with pytest.raises(SetBackError):
            await record_again(store, 3)
        assert await store.history.fact("once") is None


def name_of(place: Postgres) -> str:
    """The name of a database."""
    return place.url.partition("?")[0].rpartition("/")[2]


def copied(postgres: Cluster, place: Postgres) -> Postgres:
    """Copy a database as it is now; whoever uses it has to connect again."""
    postgres.do(END_SESSIONS)
    return postgres.new(template=name_of(place))


def put_in_place(postgres: Cluster, other: Postgres, place: Postgres) -> None:
    """Let a copy have the name of the database that it was made of, as a failover does."""
    postgres.do(END_SESSIONS)
    postgres.do(f"ALTER DATABASE {name_of(place)} RENAME TO {name_of(other)}_gone")
    postgres.do(f"ALTER DATABASE {name_of(other)} RENAME TO {name_of(place)}")


def say_so(place: Postgres) -> None:
    """What `hotline restored` does."""
    beside = opening.open_writer(place, KEY)
    beside.execute("BEGIN IMMEDIATE")
    say_restored(beside, NOW_MS)
    beside.execute("COMMIT")
    beside.close()


END_SESSIONS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname LIKE 'store%' AND pid <> pg_backend_pid()"
)


async def record_again(store: Store, number: int) -> None:
    """Record an item as soon as the store says that the server is back."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with suppress(AwayError):
            await record_items(store, number)
            return
    raise AssertionError("it never came back")


class TestLostAnswer:
    """The server commits, and the answer never comes."""

    async def test_what_was_kept_is_not_done_again(self, place: Postgres) -> None:
        """The row of the tenure tells, as soon as the server is back."""
        writer = opening.open_locked(place, KEY)[0]
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO meta VALUES ('once', '1')")
        raw = cut_off(writer)
        raw.execute("COMMIT")
        raw.close()
        writer.execute("COMMIT")
        assert writer.execute("SELECT value FROM meta").fetchall() == [("1",)]
        writer.close()

    async def test_what_was_not_kept_is_said_to_be_lost(self, place: Postgres) -> None:
        """Whoever asked may ask again."""
        writer = opening.open_locked(place, KEY)[0]
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO meta VALUES ('once', '1')")
        cut_off(writer).close()
        with pytest.raises(AwayError):
            writer.execute("COMMIT")
        assert writer.execute("SELECT value FROM meta").fetchall() == []
        writer.close()

    async def test_nobody_knows_while_the_server_stays_away(self, store: Store) -> None:
        """It is said so to each of the group, and nothing is tried a second time."""
        waits, ran = threading.Event(), list[str]()

        def fail(connection: Connection) -> None:
            assert isinstance(connection, TenantConnection)
            connection.settle_s = 0.0
            for statement in DIE_AT_COMMIT:
                connection.execute(statement)

        jobs: list[Callable[[Connection], object]] = [
            lambda _: waits.wait(),
            lambda _: ran.append("first"),
            lambda _: ran.append("second"),
        ]
        begun = [asyncio.create_task(store.writer.run(job)) for job in jobs]
        begun.append(asyncio.create_task(store.writer.run(fail)))
        await asyncio.sleep(0)
        waits.set()
        done = await asyncio.gather(*begun, return_exceptions=True)
        assert [type(one) for one in done[1:]] == [UnsureError] * 3
        assert ran == ["first", "second"]


DIE_AT_COMMIT = (
    "CREATE TEMP TABLE last_words (a bigint)",
    "CREATE FUNCTION pg_temp.die() RETURNS trigger LANGUAGE plpgsql AS"  # noqa: ISC004
    " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'",
    "CREATE CONSTRAINT TRIGGER d AFTER INSERT ON last_words DEFERRABLE INITIALLY DEFERRED"  # noqa: ISC004
    " FOR EACH ROW EXECUTE FUNCTION pg_temp.die()",
    "INSERT INTO last_words SELECT 1",
)
"""Of a transaction whose session ends while it commits."""


def cut_off(writer: Connection) -> Raw:
    """Take the connection away from a writer, as a network does that fails under a COMMIT."""
    assert isinstance(writer, TenantConnection)
    raw = writer._raw
    writer._raw = psycopg.connect(raw.info.dsn)
    writer._raw.close()
    return raw


class TestGroup:
    """Many jobs in one transaction."""

    async def test_failing_job_takes_nothing_of_the_others_with_it(self, store: Store) -> None:
        """Each has a savepoint of its own."""

        def fail(book: Casebook) -> None:
            book.tasks.append(("broken", "\x00"))  # no text of a database

        jobs = [record_items(store, number) for number in range(1, 9)]
        done = await asyncio.gather(
            *jobs[:4],
            store.cases.transact(Needs(), NOW_MS, fail),
            *jobs[4:],
            return_exceptions=True,
        )
        assert [one for one in done if one is not None] == [done[4]]
        assert isinstance(done[4], StoreError)
        assert await items(store) == 8


async def test_of_rows_that_replace_each_other_the_last_stays(store: Store) -> None:
    """PostgreSQL would refuse to write one row twice in one statement."""
    lines = [(b"line", "first"), (b"other", "alone"), (b"line", "last")]
    into = "INSERT OR REPLACE INTO intake_lines"
    await store.writer.run(lambda c: insert_rows(c, into, lines))
    found = await store.readers.run(
        lambda c: c.execute("SELECT line, item FROM intake_lines ORDER BY line").fetchall()
    )
    assert found == [(b"line", "last"), (b"other", "alone")]


async def test_values_that_are_computed_come_open_too(store: Store) -> None:
    """The server does not say of what they were computed."""
    rows = [("a", "public", None, b"body of a")]
    await store.writer.run(lambda c: insert_rows(c, "INSERT INTO reports", rows))
    for sql in (
        "SELECT state FROM reports WHERE id = ? UNION ALL SELECT state FROM reports WHERE false",
        "SELECT coalesce(state, chain) FROM reports r LEFT JOIN events ON item = r.id WHERE id = ?",
        "SELECT CASE WHEN id = ? THEN state END FROM reports",
    ):
        found = await store.readers.run(partial(ask, sql))
        assert found == [(b"body of a",)]


def ask(sql: str, connection: Connection) -> list[object]:
    """Ask about one report."""
    return connection.execute(sql, ("a",)).fetchall()


class TestLargeAnswers:
    """What is larger than memory comes piece by piece."""

    ROWS = 2 * STREAMED + 1

    async def kept(self, store: Store, place: Postgres) -> Connection:
        """Keep rows with sealed bodies; give a reader that fixed its moment before others came."""
        rows = [(f"r{n:06}", "public", None, b"body %d" % n) for n in range(self.ROWS)]
        await store.writer.run(lambda c: insert_rows(c, "INSERT INTO reports", rows))
        reader = opening.open_reader(place, KEY)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM reports").fetchone() == (self.ROWS,)
        late = [("z", "public", None, b"late")]
        await store.writer.run(lambda c: insert_rows(c, "INSERT INTO reports", late))
        return reader

    async def test_every_row_of_one_moment_comes_once_and_open(
        self, store: Store, place: Postgres
    ) -> None:
        """In order, while other questions are asked between."""
        reader = await self.kept(store, place)
        found = []
        for number, row in enumerate(stream(reader, QUESTION, ("public",))):
            if number % STREAMED == 0:
                assert reader.execute("SELECT 1").fetchone() == (1,)
            found.append(row)
        assert found == [(f"r{n:06}", b"body %d" % n) for n in range(self.ROWS)]
        reader.execute("COMMIT")
        reader.close()

    async def test_answer_that_nobody_read_to_its_end_is_in_nobodys_way(
        self, store: Store, place: Postgres
    ) -> None:
        """Neither while the connection is used, nor when it is closed."""
        reader = await self.kept(store, place)
        left, abandoned = (stream(reader, QUESTION, ("public",)) for _ in range(2))
        assert next(left) == next(abandoned)
        del abandoned
        assert next(left) == ("r000001", b"body 1")
        reader.close()
        with pytest.raises(AwayError):
            list(left)

    async def test_without_a_moment_the_answer_comes_at_once(
        self, store: Store, place: Postgres
    ) -> None:
        """A server keeps no place outside a transaction."""
        (await self.kept(store, place)).close()
        reader = opening.open_reader(place, KEY)
        assert len(list(stream(reader, QUESTION, ("public",)))) == self.ROWS + 1
        reader.close()


QUESTION = "SELECT id, state FROM reports WHERE source = ? ORDER BY id"


class TestReadOnly:
    """A server that was told to keep what it has: its disk is nearly full."""

    async def test_nothing_is_taken_until_writing_is_allowed_again(
        self, store: Store, postgres: Cluster, place: Postgres
    ) -> None:
        """As on a full disk; it goes on by itself, though a session never hears of it."""
        await record_items(store, 1)
        with writing_forbidden(postgres):
            postgres.do(END_SESSIONS)
            with pytest.raises(StoreFullError, match=r"store\.url"):
                await record_items(store, 2)
            assert await items(store) == 1
        await record_items(store, 3)
        assert await items(store) == 2
        with pytest.raises(AlreadyOpenError):
            Store.open(place, KEY, US, FINGERPRINTS)


class TestFull:
    """A server whose disk has no room: the error that PostgreSQL itself raises then."""

    async def test_nothing_is_taken_until_there_is_room_again(
        self, store: Store, place: Postgres
    ) -> None:
        """All of a batch or nothing; what was kept stands, and it goes on by itself."""
        await record_items(store, 1)
        with full(place):
            with pytest.raises(StoreFullError):
                await record_items(store, 2)
            assert await items(store) == 1
        await record_items(store, 3)
        assert await items(store) == 2

    async def test_a_push_is_put_off_until_there_is_room_again(
        self, store: Store, place: Postgres
    ) -> None:
        """No receipt for what is not kept, and no fault: its sender comes back."""
        floor, sender = no_floor(), Sender()
        said = sender.push(1)
        with full(place):
            with pytest.raises(OverQuotaError), floor.keeping(NOW_MS):
                await take(store, said)
            assert store.writer.room.is_full
        floor.need(NOW_MS + 1000)
        with floor.keeping(NOW_MS + 1000):
            assert isinstance(await take(store, said), bytes)
        await store.show_life()
        assert not store.writer.room.is_full


@contextmanager
def full(place: Postgres) -> Iterator[None]:
    """Let the server refuse every new row as it does without room (SQLSTATE 53100)."""
    tables = ("events", "entries_in")
    with psycopg.connect(place.url, autocommit=True) as owner:
        owner.execute(
            "CREATE OR REPLACE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$"
            " BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$"
        )
        for table in tables:
            owner.execute(
                f"CREATE TRIGGER no_room BEFORE INSERT ON {table} EXECUTE FUNCTION no_room()"
            )
        try:
            yield
        finally:
            for table in tables:
                owner.execute(f"DROP TRIGGER no_room ON {table}")


@contextmanager
def writing_forbidden(postgres: Cluster) -> Iterator[None]:
    """Forbid every session that begins to write."""
    postgres.do("ALTER ROLE hotline SET default_transaction_read_only = on")
    try:
        yield
    finally:
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as administrator:
            administrator.execute("SET default_transaction_read_only = off")
            administrator.execute("ALTER ROLE hotline RESET default_transaction_read_only")


class TestRefusals:
    """Each is named, and leaves the server as it was."""

    def test_database_without_a_store_is_not_made_one_by_opening(self, postgres: Cluster) -> None:
        """A typing error in the URL would begin an empty node."""
        with pytest.raises(UnknownDatabaseError):
            opening.open_locked(postgres.new(), KEY)

    def test_store_of_a_newer_version_is_refused(self, postgres: Cluster) -> None:
        """What it does not know it might destroy."""
        place = postgres.new()
        opening.create_database(place, KEY)
        with psycopg.connect(place.url) as server:
            server.execute("INSERT INTO schema_files VALUES (99, '')")
        with pytest.raises(NewerDatabaseError):
            opening.open_locked(place, KEY)

    def test_server_that_is_not_there_is_named(self, postgres: Cluster) -> None:
        """The node does not start."""
        place = Postgres(postgres.url("store").replace("?host=/", "?host=/nowhere/"))
        with pytest.raises(AwayError):
            opening.open_locked(place, KEY)

    def test_database_that_is_not_there_is_named(self, postgres: Cluster) -> None:
        """Not as a server that is away."""
        with pytest.raises(RefusedByServerError, match="does not exist"):
            opening.open_locked(Postgres(postgres.url("never_made")), KEY)

    @pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
    def test_server_that_flushes_nothing_is_refused(self, postgres: Cluster, setting: str) -> None:
        """What it confirms would not survive its machine."""
        place = postgres.emptied(KEY)
        postgres.do(f"ALTER SYSTEM SET {setting} = off")
        postgres.do("SELECT pg_reload_conf()")
        try:
            with pytest.raises(UnsafeServerError, match=setting):
                until_unsafe(place)
        finally:
            postgres.do(f"ALTER SYSTEM RESET {setting}")
            postgres.do("SELECT pg_reload_conf()")


def until_unsafe(place: Postgres) -> None:
    """Open the store until the server has read its configuration."""
    for _ in range(200):
        opening.open_writer(place, KEY).close()


async def comes_to_wait(task: asyncio.Task[object], postgres: Cluster) -> bool:
    """Whether a task waits for what another session holds; False: it is done without."""
    waits = "datname LIKE 'store%' AND wait_event_type = 'Lock'"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as administrator:
        while not task.done():
            if administrator.execute(f"SELECT 1 FROM pg_stat_activity WHERE {waits}").fetchone():
                return True
            await asyncio.sleep(0.01)
    return False


class TestBeside:
    """A command that writes while the node runs: `hotline tasks close`."""

    async def test_both_write_one_after_the_other(self, store: Store, place: Postgres) -> None:
        """And neither is displaced."""
        await record_items(store, 1)
        beside = opening.open_writer(place, KEY)
        beside.execute("BEGIN IMMEDIATE")
        beside.execute("INSERT INTO meta VALUES ('beside', '1')")
        waiting = asyncio.create_task(record_items(store, 2))
        beside.execute("COMMIT")
        await waiting
        assert await items(store) == 2
        assert await store.history.fact("beside") == "1"
        beside.close()

    async def test_node_waits_until_a_command_has_written(
        self, store: Store, place: Postgres, postgres: Cluster
    ) -> None:
        """Both hold the row of the tenure while they write: nobody decides on half of it."""
        beside = opening.open_writer(place, KEY)
        beside.execute("BEGIN IMMEDIATE")
        node = asyncio.create_task(record_items(store, 1))
        assert await comes_to_wait(node, postgres)
        beside.execute("COMMIT")
        await node
        beside.close()

    async def test_command_waits_until_the_node_has_written(
        self, store: Store, place: Postgres, postgres: Cluster
    ) -> None:
        """The same the other way round."""
        beside = opening.open_writer(place, KEY)
        begun, go_on = threading.Event(), threading.Event()

        def job(_: Connection) -> None:
            begun.set()
            go_on.wait()

        node = asyncio.create_task(store.writer.run(job))
        await asyncio.to_thread(begun.wait)
        command = asyncio.create_task(asyncio.to_thread(beside.execute, "BEGIN IMMEDIATE"))
        waited = await comes_to_wait(command, postgres)
        go_on.set()
        await asyncio.gather(node, command)
        assert waited
        beside.execute("COMMIT")
        beside.close()

    async def test_node_is_kept_out_while_a_command_needs_it_stopped(self, place: Postgres) -> None:
        """And the command, while the node runs."""
        lock = opening.keep_out(place)
        with pytest.raises(AlreadyOpenError):
            Store.open(place, KEY, US, FINGERPRINTS)
        lock.release()
        store = Store.open(place, KEY, US, FINGERPRINTS)
        with pytest.raises(AlreadyOpenError):
            opening.keep_out(place)
        await store.close()


class TestRestart:
    """The process before has ended, and the server has not noticed yet."""

    async def test_node_waits_until_the_server_lets_go(
        self, place: Postgres, postgres: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is no reason not to start."""
        monkeypatch.setattr(tenant, "PATIENCE_S", 60.0)
        lock = opening.keep_out(place)
        waiting = asyncio.create_task(asyncio.to_thread(opening.open_locked, place, KEY))
        assert await asks_in_vain(waiting, postgres)
        lock.release()
        (await waiting)[0].close()

    def test_who_finds_it_held_by_one_that_lives_is_told_so_in_time(self, place: Postgres) -> None:
        """After the second that is said, and no earlier."""
        lock = opening.keep_out(place)
        began = time.monotonic()
        with pytest.raises(AlreadyOpenError):
            opening.open_locked(place, KEY)
        assert time.monotonic() - began >= tenant.PATIENCE_S
        lock.release()


async def asks_in_vain(task: asyncio.Task[object], postgres: Cluster) -> bool:
    """Whether a task asked for the lock of the tenure and goes on without it; False: it is done."""
    asks = "datname LIKE 'store%' AND state = 'idle' AND query LIKE '%pg_try_advisory_lock%'"
    mine = "NOT EXISTS (SELECT 1 FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory')"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as administrator:
        while not task.done():
            asked = f"SELECT 1 FROM pg_stat_activity a WHERE {asks} AND {mine}"
            if administrator.execute(asked).fetchone():
                return True
            await asyncio.sleep(0.01)
    return False


async def test_every_commit_waits_for_its_flush(store: Store) -> None:
    """Whatever the server's administrator set for others."""
    said = await store.writer.run(lambda c: c.execute("SHOW synchronous_commit").fetchone())
    assert said == ("on",)


async def test_user_that_may_not_use_one_table_is_refused_at_the_start(
    place: Postgres, postgres: Cluster
) -> None:
    """Else all would go on but what needs that table, and nobody would look for a right."""
    with psycopg.connect(place.url, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS clerk")
        owner.execute("CREATE ROLE clerk LOGIN")
        owner.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO clerk")
        owner.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO clerk")
        clerk = Postgres(place.url.replace("//hotline@", "//clerk@"))
        await Store.open(clerk, KEY, US, FINGERPRINTS).close()
        for table, right in (("tasks", "INSERT"), ("entries_in", "UPDATE"), ("meta", "DELETE")):
            owner.execute(f"REVOKE {right} ON {table} FROM clerk".encode())
            with pytest.raises(RefusedByServerError, match=table):
                Store.open(clerk, KEY, US, FINGERPRINTS)
            with pytest.raises(RefusedByServerError, match=table):
                StandBy(clerk, KEY, time.monotonic)
            owner.execute(f"GRANT {right} ON {table} TO clerk".encode())
        owner.execute("DROP OWNED BY clerk; DROP ROLE clerk")


async def test_tables_of_others_beside_the_store_keep_nobody_out(
    place: Postgres, postgres: Cluster
) -> None:
    """An extension of the administrator, a colleague's program: the node has no right on them."""
    with psycopg.connect(place.url, autocommit=True) as owner:
        owner.execute("CREATE ROLE clerk LOGIN; CREATE ROLE neighbour")
        owner.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO clerk")
        owner.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO clerk")
        owner.execute("GRANT ALL ON SCHEMA public TO neighbour; SET ROLE neighbour")
        owner.execute("CREATE TABLE spatial_ref_sys (id bigserial)")
        owner.execute("CREATE VIEW statements AS SELECT id FROM spatial_ref_sys; RESET ROLE")
        clerk = Postgres(place.url.replace("//hotline@", "//clerk@"))
        await Store.open(clerk, KEY, US, FINGERPRINTS).close()
        StandBy(clerk, KEY, time.monotonic).close()
        owner.execute("DROP OWNED BY clerk, neighbour; DROP ROLE clerk, neighbour")


async def test_transaction_that_a_server_gave_up_is_not_said_to_be_kept(place: Postgres) -> None:
    """It answers COMMIT with ROLLBACK then, and calls that no error."""
    writer = opening.open_locked(place, KEY)[0]
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO meta VALUES ('once', '1')")
    with pytest.raises(StoreError):
        writer.execute("INSERT INTO meta VALUES ('once', '1')")
    with pytest.raises(StoreError):
        writer.execute("COMMIT")
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("COMMIT")
    writer.close()


async def test_store_behind_another_schema_of_the_search_path_is_not_opened(
    postgres: Cluster,
) -> None:
    """A schema of the user's own name is made later: what is to be sealed would be found no more.

    Another node's store in a schema of its own is not disturbed by any of it.
    """
    place = postgres.new()
    opening.create_database(place, KEY)
    with psycopg.connect(place.url, autocommit=True) as owner:
        owner.execute("CREATE SCHEMA other")
    other = Postgres(f"{place.url}&options=-csearch_path%3Dother")
    opening.create_database(other, bytes(32))
    beside = Store.open(other, bytes(32), US, FINGERPRINTS)
    store = Store.open(place, KEY, US, FINGERPRINTS)
    await record_items(store, 1)
    assert (await items(store), await items(beside)) == (1, 0)
    await store.close()
    await beside.close()
    with psycopg.connect(place.url, autocommit=True) as owner:
        owner.execute("CREATE SCHEMA hotline")
    for way in (
        lambda: Store.open(place, KEY, US, FINGERPRINTS),
        lambda: StandBy(place, KEY, time.monotonic),
        lambda: opening.open_reader(place, KEY),
    ):
        with pytest.raises(UnsafeServerError, match="public"):
            way()
    with pytest.raises(AlreadyOpenError):
        opening.create_database(place, KEY)
