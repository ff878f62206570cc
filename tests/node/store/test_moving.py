"""A store that moves from its file to a server: all of it, once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from node.store import connection as files
from node.store import opening
from node.store.backup import backup, restore
from node.store.errors import (
    AlreadyOpenError,
    MoveBehindError,
    MovedDatabaseError,
    MoveDiffersError,
    MoveRefusedError,
    MoveUnfinishedError,
    StoreBusyError,
    StoreError,
)
from node.store.faults import driver_errors
from node.store.moving.move import Moved, move
from node.store.moving.source import Moving, Source, moving_of
from node.store.moving.tables import Table, tables_of
from node.store.moving.target import Target
from node.store.postgres.place import Postgres
from node.store.sqlite import Store
from node.store.writer import ThreadWriter
from protocol.vocabulary import Lane
from tests.builders.cases import FINGERPRINTS, US
from tests.builders.empty import empty_store
from tests.builders.network import NOW_MS
from tests.builders.postgres import Cluster
from tests.contract.incoming import Sender, arrive
from tests.contract.stores import KEY, message, post, record_items
from tests.contract.test_store_outbox import Tenure

NAME = "move-1"
VALUES: dict[str, Callable[[int], Any]] = {
    "TEXT": lambda n: f"text {n}",
    "INTEGER": lambda n: n,
    "BLOB": lambda n: b"blob %d" % n,
}
Rows = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give an empty store in a file."""
    path = tmp_path / "node.db"
    empty_store(path, KEY)
    return path


@pytest.fixture
def place(postgres: Cluster) -> Postgres:
    """Give an empty database."""
    return postgres.new()


async def live(path: Path) -> Store:
    """A node's store at work: history, outbox, logs in both directions, and a row in every table.

    What no test here writes in earnest is filled by the schema, so that a new table is filled too.
    """
    store = Store.open(path, KEY, US, FINGERPRINTS)
    await record_items(store, *range(1, 30))
    tenure = Tenure(store)
    await tenure.open()
    await post(store, *(message(n) for n in range(1, 20)))
    await tenure.cut()
    await post(store, message(20))
    sender = Sender()
    await arrive(store, sender, *range(1, 8))
    await arrive(store, sender, 8, 9)
    with closing(files.open_writer(path, KEY)) as writer:
        for table in tables_of(writer):
            count = writer.execute(f"SELECT count(*) FROM {table.name}").fetchone()
            if count == (0,) or table.name == "meta":
                fill(writer, table)
    return store


def fill(writer: files.FileConnection, table: Table) -> None:
    """Put a few rows into a table that nothing reads."""
    if table.name in {"ledger_leaves", "ledger_heads"}:
        return  # a log that is signed
    marks = ", ".join("?" * len(table.columns))
    for n in range(1, 4):
        row = [VALUES[sort](n) for _, sort in table.columns]
        writer.execute(f"INSERT INTO {table.name} VALUES ({marks})", row)


def moving(
    path: Path,
    place: Postgres,
    tell: Callable[[str, int], None] = lambda *_: None,
    target_of: type[Target] = Target,
    key: bytes = KEY,
) -> Moved:
    """Move a store, as `hotline store migrate` does, a few rows at a time."""
    source = Source(path, key, chunk=12)
    try:
        target = target_of(place, key, NAME)
        try:
            source.begin(NAME, place.url)
            return move(source, target, lambda: NOW_MS, tell)
        finally:
            target.close()
    finally:
        source.close()


def of_file(path: Path) -> Rows:
    """All rows of a file, by table."""
    with closing(files.open_reader(path, KEY)) as reader:
        return {
            table.name: sorted(reader.execute(f"SELECT {table.listed} FROM {table.name}"), key=repr)
            for table in tables_of(reader)
        }


def of_server(place: Postgres, like: Path) -> Rows:
    """All rows of a server, by the tables of a file."""
    with closing(files.open_reader(like, KEY)) as reader:
        tables = tables_of(reader)
    with closing(opening.open_reader(place, KEY)) as reader:
        return {
            table.name: sorted(reader.execute(f"SELECT {table.listed} FROM {table.name}"), key=repr)
            for table in tables
        }


class TestMove:
    """From the file to the server."""

    async def test_every_row_of_every_table_is_there(self, path: Path, place: Postgres) -> None:
        """Compared here once more, by other means."""
        await (await live(path)).close()
        before = of_file(path)
        moved = moving(path, place)
        assert {name: len(rows) for name, rows in before.items()} == moved.rows
        assert of_server(place, path) == before
        empty = {name for name, rows in before.items() if not rows}
        assert empty == {"ledger_leaves", "ledger_heads"}
        assert moved.heads == 2
        assert moved.pause_s is not None

    async def test_store_goes_on_where_it_was(self, path: Path, place: Postgres) -> None:
        """Numbers follow on those that came: of items, messages, entries, tasks."""
        await (await live(path)).close()
        before = of_file(path)
        moving(path, place)
        store = Store.open(place, KEY, US, FINGERPRINTS)
        await record_items(store, 100)
        await post(store, message(100))
        await arrive(store, Sender(lane=Lane.STATUS), 1)
        await store.close()
        after = of_server(place, path)
        for table in ("events", "messages_out", "entries_in"):
            assert len(after[table]) > len(before[table])

    async def test_file_takes_nothing_any_more(self, path: Path, place: Postgres) -> None:
        """Neither from a node, nor from one that still runs, nor from any other program."""
        store = await live(path)
        moving(path, place)
        before = of_file(path)
        with pytest.raises(MovedDatabaseError):
            await record_items(store, 50)
        with pytest.raises(MovedDatabaseError):
            await store.show_life()
        await store.close()
        with pytest.raises(MovedDatabaseError, match=r"postgresql://"):
            Store.open(path, KEY, US, FINGERPRINTS)
        with closing(files.open_writer(path, KEY, moved_too=True)) as other:
            for sql in (
                "INSERT INTO meta VALUES ('a', 'b')",
                "UPDATE meta SET value = 'a'",
                "DELETE FROM channels_out",
            ):
                with pytest.raises(driver_errors()):
                    other.execute(sql)
        assert of_file(path) == before

    async def test_what_is_written_meanwhile_is_there_too(
        self, path: Path, place: Postgres
    ) -> None:
        """New rows, changed rows, other keys, rows that are gone: after every step of the copy."""
        store = await live(path)
        writes = meanwhile(path)
        moving(path, place, lambda *_: next(writes))
        await store.close()
        assert of_server(place, path) == of_file(path)
        assert len(of_file(path)["tombstones"]) > 3

    async def test_what_is_written_while_changes_are_copied_is_not_forgotten(
        self, path: Path, place: Postgres
    ) -> None:
        """Between the moment that a round copies and the moment when its notes are thrown away."""
        await (await live(path)).close()
        writes, armed = meanwhile(path), list[bool]()

        class Disturbed(Target):
            def put(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
                if armed:
                    armed.clear()
                    next(writes)
                super().put(table, rows)

        def arm(what: str, _: int) -> None:
            if what.startswith("copying"):
                armed.append(True)

        moving(path, place, arm, Disturbed)
        assert of_server(place, path) == of_file(path)


def meanwhile(path: Path) -> Iterator[None]:
    """Change a little more of the store with each step."""
    with closing(files.open_writer(path, KEY)) as writer:
        writer.execute("DELETE FROM forks WHERE number = 1")
        for n in range(1000, 3000):
            writer.execute("UPDATE items SET changed_seq = ? WHERE rowid % 5 = ? % 5", (n, n))
            writer.execute("INSERT INTO meta VALUES (?, 'x')", (f"m{n}",))
            writer.execute("INSERT OR REPLACE INTO meta VALUES ('m1000', ?)", (str(n),))
            writer.execute("DELETE FROM meta WHERE name = ?", (f"m{n - 2}",))
            writer.execute("UPDATE tokens SET token_sha256 = ? WHERE name = 'text 1'", (b"%d" % n,))
            row = (n % 2, f"p{n}", b"%d" % n, b"l", "i", n)
            writer.execute("INSERT INTO tombstones VALUES (?, ?, ?, ?, ?, ?)", row)
            yield


class BrokenOffError(Exception):
    """The process that moves is killed."""


class TestBrokenOff:
    """The process that moves dies; the same command goes on."""

    async def test_at_any_step_it_goes_on_and_so_does_the_node(
        self, path: Path, place: Postgres
    ) -> None:
        """Each attempt comes one step further than the one before; the node writes at each."""
        store = await live(path)
        writes = meanwhile(path)

        def dying(after: int) -> Callable[[str, int], None]:
            left = iter(range(after))

            def tell(what: str, count: int) -> None:
                next(writes)
                if next(left, None) is None:
                    raise BrokenOffError

            return tell

        attempts = 0
        while True:
            try:
                moving(path, place, dying(attempts))
            except BrokenOffError:
                attempts += 1
                with pytest.raises(MoveUnfinishedError):
                    opening.open_locked(place, KEY)
                await record_items(store, 100 + attempts)
            else:
                break
        await store.close()
        assert attempts > 10
        assert of_server(place, path) == of_file(path)

    async def test_what_took_the_place_of_what_was_copied_and_is_gone_is_no_obstacle(
        self, path: Path, place: Postgres
    ) -> None:
        """A report was erased after it was copied, and its source handed the same number in again.

        Where that happens between two parts of one table, the same command goes on.
        """
        await (await live(path)).close()
        with closing(files.open_writer(path, KEY)) as writer:

            def breaking(what: str, _: int) -> None:
                if what == "copying reports":
                    writer.execute("DELETE FROM reports WHERE reference = 'text 1'")
                    writer.execute("INSERT INTO reports VALUES ('z', 'text 1', 'text 1', x'00')")

            with pytest.raises(StoreError):
                moving(path, place, breaking)
        moving(path, place)
        assert of_server(place, path) == of_file(path)

    async def test_between_the_end_of_the_file_and_the_start_of_the_server(
        self, path: Path, place: Postgres
    ) -> None:
        """No node opens either; the same command again lets one open the server."""
        await (await live(path)).close()
        with pytest.raises(BrokenOffError):
            moving(path, place, target_of=DiesAtTheEnd)
        with pytest.raises(MovedDatabaseError):
            opening.open_locked(path, KEY)
        with pytest.raises(MoveUnfinishedError):
            opening.open_locked(place, KEY)
        moved = moving(path, place)
        assert moved.pause_s is None
        assert of_server(place, path) == of_file(path)
        opening.open_locked(place, KEY)[0].close()

    @pytest.mark.parametrize(
        "lost",
        [
            "DROP SCHEMA public CASCADE; CREATE SCHEMA public",
            "DELETE FROM log_out WHERE idx BETWEEN 3 AND 9; DELETE FROM events WHERE seq > 10",
            "UPDATE items SET changed_seq = 0; INSERT INTO meta VALUES ('later', 'x')",
        ],
        ids=["made anew", "behind", "set back"],
    )
    async def test_what_the_server_lost_before_its_start_is_copied_again(
        self, path: Path, place: Postgres, lost: str
    ) -> None:
        """The database was made anew, a standby that was behind promoted, a snapshot put back."""
        await (await live(path)).close()
        with pytest.raises(BrokenOffError):
            moving(path, place, target_of=DiesAtTheEnd)
        with psycopg.connect(place.url) as server:
            server.execute(lost)
        moved = moving(path, place)
        before = of_file(path)
        assert of_server(place, path) == before
        assert moved.rows == {name: len(rows) for name, rows in before.items()}
        opening.open_locked(place, KEY)[0].close()

    async def test_log_that_is_not_what_was_signed_does_not_start(
        self, path: Path, place: Postgres
    ) -> None:
        """Nor what the same command finds the file's own end to be, once it was damaged."""
        await (await live(path)).close()
        with pytest.raises(BrokenOffError):
            moving(path, place, target_of=DiesAtTheEnd)
        with closing(writer_of(path)) as writer:
            writer.execute("DROP TRIGGER moving_log_out_no_update")
            writer.execute("UPDATE log_out SET leaf = zeroblob(32) WHERE idx = 3")
        with pytest.raises(MoveDiffersError, match="signed"):
            moving(path, place)
        with pytest.raises(MoveUnfinishedError):
            opening.open_locked(place, KEY)

    async def test_file_that_was_closed_is_opened_again_where_no_server_was(
        self, path: Path, place: Postgres, postgres: Cluster
    ) -> None:
        """That server is lost: the node goes on with its file, and may move elsewhere."""
        await (await live(path)).close()
        with pytest.raises(BrokenOffError):
            moving(path, place, target_of=DiesAtTheEnd)
        with closing(Source(path, KEY)) as source:
            assert source.abandon()
        store = Store.open(path, KEY, US, FINGERPRINTS)
        await record_items(store, 70)
        await store.close()
        other = postgres.new()
        moving(path, other)
        assert of_server(other, path) == of_file(path)

    async def test_server_is_not_opened_once_the_file_was_opened_again(
        self, path: Path, place: Postgres
    ) -> None:
        """Somebody abandons the move while another process goes on with it: one of them wins."""
        await (await live(path)).close()
        with pytest.raises(BrokenOffError):
            moving(path, place, target_of=DiesAtTheEnd)

        def abandoning(what: str, _: int) -> None:
            if what == "computing heads of logs":
                with closing(Source(path, KEY)) as other:
                    assert other.abandon()

        with pytest.raises(MoveRefusedError, match="abandoned"):
            moving(path, place, abandoning)
        with pytest.raises(MoveUnfinishedError):
            opening.open_locked(place, KEY)
        await Store.open(path, KEY, US, FINGERPRINTS).close()

    @pytest.mark.parametrize("on_server", [True, False], ids=["opened", "silent"])
    async def test_file_stays_closed_where_its_server_may_have_been_opened(
        self, path: Path, place: Postgres, *, on_server: bool
    ) -> None:
        """Killed in that moment, or the server was gone in it: two stores of one node would fork.

        The same command goes on.
        """
        await (await live(path)).close()
        with pytest.raises((BrokenOffError, StoreError)):
            moving(path, place, target_of=DiesAfterTheEnd if on_server else IsLostAtTheEnd)
        with closing(Source(path, KEY)) as source, pytest.raises(MoveRefusedError, match="good"):
            source.abandon()
        moving(path, place)
        assert of_server(place, path) == of_file(path)
        opening.open_locked(place, KEY)[0].close()

    async def test_move_that_was_abandoned_takes_nothing_from_the_next_one(
        self, path: Path, place: Postgres, postgres: Cluster
    ) -> None:
        """Its process runs on beside it: what it forgot, the next one would never copy."""
        await (await live(path)).close()
        other = postgres.new()
        with closing(Source(path, KEY)) as source, closing(writer_of(path)) as writer:

            def beginning_anew(what: str, _: int) -> None:
                if what == "computing heads of logs":
                    source.abandon()
                    source.begin("move-2", other.url)
                    writer.execute("UPDATE items SET changed_seq = 9999")

            with pytest.raises(MoveRefusedError, match="abandoned"):
                moving(path, place, beginning_anew)
            assert source.moving() == Moving("move-2", other.url, None)
            (items,) = [table for table in source.tables if table.name == "items"]
            assert source.rows.noted(items)

    async def test_once_more_when_all_is_done_changes_nothing(
        self, path: Path, place: Postgres
    ) -> None:
        """Somebody who did not see the end types it again."""
        await (await live(path)).close()
        moving(path, place)
        store = Store.open(place, KEY, US, FINGERPRINTS)
        await record_items(store, 60)
        await store.close()
        before = of_server(place, path)
        moving(path, place)
        assert of_server(place, path) == before


class DiesAtTheEnd(Target):
    """The process dies after the file is at its end."""

    def finish(self) -> None:
        """Die instead."""
        raise BrokenOffError


class DiesAfterTheEnd(Target):
    """The process dies after the server was opened."""

    def finish(self) -> None:
        """Die then."""
        super().finish()
        raise BrokenOffError


class IsLostAtTheEnd(Target):
    """The server ends the session before it is opened."""

    def finish(self) -> None:
        """Find it gone."""
        with suppress(psycopg.Error):
            self.connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        super().finish()


def put_a_fact(target: Target, path: Path) -> None:
    """Copy one row of a file."""
    with closing(files.open_reader(path, KEY)) as reader:
        (meta,) = [table for table in tables_of(reader) if table.name == "meta"]
    with target.transaction():
        target.put(meta, [("a_fact", "1")])


class TestRefused:
    """What cannot be moved, or not there, is left as it was."""

    def test_table_that_only_the_file_has_is_named(self, path: Path, place: Postgres) -> None:
        """Nothing that a later version adds to one schema can be forgotten."""
        with closing(files.open_writer(path, KEY)) as writer:
            writer.execute("CREATE TABLE later (id INTEGER PRIMARY KEY) STRICT")
        with pytest.raises(MoveRefusedError, match="later"):
            moving(path, place)

    def test_column_that_only_the_file_has_is_named(self, path: Path, place: Postgres) -> None:
        """Nor a column."""
        Target(place, KEY, NAME).close()
        with psycopg.connect(place.url) as server:
            server.execute("ALTER TABLE forks DROP COLUMN found_ms")
        with pytest.raises(MoveRefusedError, match="forks"):
            moving(path, place)

    def test_table_that_both_sides_have_is_moved_unasked(self, path: Path, place: Postgres) -> None:
        """It is found in the schema."""
        Target(place, KEY, NAME).close()
        with psycopg.connect(place.url) as server:
            server.execute('CREATE TABLE later (id bigint PRIMARY KEY, said text COLLATE "C")')
        with closing(files.open_writer(path, KEY)) as writer:
            writer.execute("CREATE TABLE later (id INTEGER PRIMARY KEY, said TEXT) STRICT")
            writer.execute("INSERT INTO later VALUES (1, 'kept'), (2, NULL)")
        assert moving(path, place).rows["later"] == 2
        assert of_server(place, path)["later"] == [(1, "kept"), (2, None)]

    def test_database_that_holds_something_else_is_left_alone(
        self, path: Path, place: Postgres
    ) -> None:
        """Somebody typed the wrong name."""
        with psycopg.connect(place.url) as server:
            server.execute("CREATE TABLE accounts (id bigint)")
        with pytest.raises(MoveRefusedError, match="empty"):
            moving(path, place)
        assert moving_of(writer_of(path)) is None

    @pytest.mark.parametrize("key", [KEY, bytes(range(1, 33))])
    def test_store_that_stands_there_is_left_alone(
        self, path: Path, place: Postgres, key: bytes
    ) -> None:
        """Of this member, or of another: theirs is under another key."""
        opening.create_database(place, key)
        with pytest.raises(MoveRefusedError):
            moving(path, place)
        opening.open_locked(place, key)[0].close()
        opening.open_locked(path, KEY)[1].release()

    @pytest.mark.parametrize("half", [(bytes(range(1, 33)), NAME), (KEY, "another move")])
    def test_half_a_move_of_another_is_left_alone(
        self, path: Path, place: Postgres, half: tuple[bytes, str]
    ) -> None:
        """Of another member, or of this one's store as a backup had it."""
        other = Target(place, *half)
        put_a_fact(other, path)
        other.close()
        with pytest.raises(MoveRefusedError):
            moving(path, place)

    def test_move_of_which_only_the_server_knows_and_nothing_came_is_taken_up(
        self, path: Path, place: Postgres
    ) -> None:
        """The disk was full when the file was to note it, or the process was killed before."""
        Target(place, KEY, "another move").close()
        assert moving(path, place).pause_s is not None

    def test_move_that_is_under_way_is_not_taken_up(self, path: Path, place: Postgres) -> None:
        """Though nothing has come yet."""
        with closing(Target(place, KEY, "another move")), pytest.raises(AlreadyOpenError):
            moving(path, place)

    def test_second_move_into_the_same_database_waits_outside(
        self, path: Path, place: Postgres
    ) -> None:
        """At the same time."""
        with closing(Target(place, KEY, NAME)), pytest.raises(AlreadyOpenError):
            moving(path, place)

    def test_move_that_began_to_another_place_goes_on_there_or_is_abandoned(
        self, path: Path, place: Postgres, postgres: Cluster
    ) -> None:
        """What was noted belongs to one copy."""
        source = Source(path, KEY)
        source.begin(NAME, postgres.url("elsewhere"))
        with pytest.raises(MoveRefusedError, match="--abandon"):
            source.begin(NAME, place.url)
        assert source.abandon()
        source.begin(NAME, place.url)
        source.close()

    async def test_abandoned_move_leaves_no_trace(self, path: Path, place: Postgres) -> None:
        """The node goes on with its file, which has what it had."""
        store = await live(path)
        made = "SELECT name FROM sqlite_master ORDER BY name"
        before = writer_of(path).execute(made).fetchall()
        source = Source(path, KEY)
        source.begin(NAME, place.url)
        assert writer_of(path).execute(made).fetchall() != before
        assert source.abandon()
        assert not source.abandon()
        source.close()
        assert writer_of(path).execute(made).fetchall() == before
        await record_items(store, 70)
        await store.close()

    async def test_store_that_has_moved_cannot_be_taken_back(
        self, path: Path, place: Postgres
    ) -> None:
        """Two stores of one member would fork its channels."""
        await (await live(path)).close()
        moving(path, place)
        source = Source(path, KEY)
        with pytest.raises(MoveRefusedError, match="for good"):
            source.abandon()
        source.close()


def writer_of(path: Path) -> files.FileConnection:
    """Open the file once more."""
    return files.open_writer(path, KEY, moved_too=True)


class TestCompared:
    """What came is not believed, it is looked at."""

    @pytest.mark.parametrize(
        "change",
        [
            "DELETE FROM events WHERE seq = 3",
            "INSERT INTO meta VALUES ('more', '1')",
            "UPDATE log_out SET leaf = sha256('x') WHERE idx = 3",
        ],
    )
    async def test_row_that_is_lost_or_changed_on_the_way_is_found(
        self, path: Path, place: Postgres, change: str
    ) -> None:
        """And the file goes on as it was."""
        await (await live(path)).close()

        def spoil(what: str, _: int) -> None:
            if what.startswith("catching"):
                with psycopg.connect(place.url) as server:
                    server.execute(change)

        with pytest.raises(MoveDiffersError):
            moving(path, place, spoil)
        opening.open_locked(path, KEY)[1].release()

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE log_out SET leaf = zeroblob(32) WHERE idx = 3",
            "UPDATE entries_in SET leaf = zeroblob(32) WHERE idx = 3",
            "UPDATE channels_in SET size = size + 1",
        ],
    )
    async def test_log_that_is_not_what_was_signed_does_not_move(
        self, path: Path, place: Postgres, change: str
    ) -> None:
        """Its head is computed from the leaves that came, not copied."""
        await (await live(path)).close()
        with closing(writer_of(path)) as writer:
            writer.execute(change)
        with pytest.raises(MoveDiffersError, match="signed"):
            moving(path, place)
        opening.open_locked(path, KEY)[1].release()


class TestPause:
    """While nobody writes."""

    async def test_who_waits_longer_than_for_a_moment_is_asked_to_come_again(
        self, path: Path
    ) -> None:
        """All of them after one wait; nothing of them is kept."""
        store = await live(path)
        before = of_file(path)["items"]
        writer = store.writer
        assert isinstance(writer, ThreadWriter)
        writer.connection.execute("PRAGMA busy_timeout = 300")
        source = Source(path, KEY)
        source.lock()
        began = time.monotonic()
        told = await asyncio.gather(
            *(record_items(store, n) for n in range(90, 110)), return_exceptions=True
        )
        took = time.monotonic() - began
        source.let_go()
        source.close()
        assert [type(one) for one in told] == [StoreBusyError] * 20
        assert took < 3
        assert of_file(path)["items"] == before
        await record_items(store, 90)
        await store.close()

    async def test_pause_is_broken_off_at_its_bound(
        self, path: Path, place: Postgres, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Behind the part at hand, not behind all of them; the file goes on as it was."""
        store = await live(path)
        asked: list[str] = []

        class Counting(Target):
            def count(self, table: Table) -> int:
                asked.append(table.name)
                return super().count(table)

        monkeypatch.setattr("node.store.moving.move.PAUSE_S", 0.0)
        with pytest.raises(MoveBehindError):
            moving(path, place, target_of=Counting)
        assert len(asked) <= 1
        await record_items(store, 90)
        await store.close()

    async def test_pause_has_no_bound_while_no_node_runs(
        self, path: Path, place: Postgres, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody waits: so moves a store whose rows take longer to count; none begins meanwhile."""
        await (await live(path)).close()
        begun: list[type[StoreError]] = []

        class Slow(Target):
            def count(self, table: Table) -> int:
                if not begun:
                    with pytest.raises(AlreadyOpenError) as refused:
                        opening.open_locked(path, KEY)
                    begun.append(refused.type)
                return super().count(table)

        monkeypatch.setattr("node.store.moving.move.PAUSE_S", 0.0)
        moving(path, place, target_of=Slow)
        assert begun
        assert of_server(place, path) == of_file(path)


async def test_restored_backup_knows_nothing_of_a_move(
    path: Path, place: Postgres, tmp_path: Path
) -> None:
    """One that was made while the store moved."""
    await (await live(path)).close()
    source = Source(path, KEY)
    source.begin(NAME, place.url)
    source.close()
    backup(path, KEY, tmp_path / "backup", KEY)
    restore(tmp_path / "backup", KEY, tmp_path / "again.db", KEY, NOW_MS)
    assert moving_of(writer_of(tmp_path / "again.db")) is None
    moving(path, place)
    backup(path, KEY, tmp_path / "late", KEY)
    with pytest.raises(MovedDatabaseError):
        restore(tmp_path / "late", KEY, tmp_path / "fork.db", KEY, NOW_MS)
