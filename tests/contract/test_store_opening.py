"""Contract of a store, opening: the right key, one process, this version or an older one."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from node.store import connection as connections
from node.store import opening
from node.store.beside import reading, writing
from node.store.connection import open_reader, open_writer
from node.store.errors import (
    AlreadyOpenError,
    DamagedDatabaseError,
    NewerDatabaseError,
    StoreError,
    UnknownDatabaseError,
    UnreleasedDatabaseError,
    WrongKeyError,
)
from node.store.schema_files import SCHEMA_FILES
from node.store.seam import BulkConnection, Connection
from tests.contract.stores import FILES, KEY, Place, record_items

HOLDING = """
import sys
from pathlib import Path
from node.store.connection import ProcessLock
lock = ProcessLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


class TestUpgrade:
    """There is no way back from a newer schema but a copy of the older one."""

    MEANT = FILES

    async def test_older_database_is_copied_before_it_is_brought_up_to_date(
        self, place: Place
    ) -> None:
        """Whole, and under the same key."""
        store = place.open()
        await record_items(store, 1)
        await store.close()
        connection = open_writer(place.path, KEY)
        connection.execute("PRAGMA user_version = 1")
        connection.close()
        await place.open().close()
        copy = place.path.with_name(f"{place.path.name}.before-{len(SCHEMA_FILES)}")
        kept = open_reader(copy, KEY)
        assert kept.execute("SELECT count(*) FROM items").fetchone() == (1,)
        assert kept.execute("PRAGMA user_version").fetchone() == (1,)
        kept.close()

    async def test_database_of_this_version_is_not_copied(self, place: Place) -> None:
        """Starting costs no room."""
        await place.open().close()
        assert not list(place.path.parent.glob("*.before-*"))


class TestUnreleased:
    """A database of a commit between two releases, whose schema file has grown since."""

    MEANT = FILES

    async def test_r11_missing_tables_and_indexes_are_made_and_nothing_is_lost(
        self, place: Place
    ) -> None:
        """What is there stays; a copy from before stands beside it."""
        store = place.open()
        await record_items(store, 1)
        await store.close()
        connection = open_writer(place.path, KEY)
        connection.execute("DROP INDEX entries_in_unknown")
        connection.execute("DROP TABLE forks")
        connection.close()
        await place.open().close()
        reader = open_reader(place.path, KEY)
        names = {row[0] for row in reader.execute("SELECT name FROM sqlite_master")}
        assert {"entries_in_unknown", "forks"} <= names
        assert reader.execute("SELECT count(*) FROM items").fetchone() == (1,)
        reader.close()
        assert list(place.path.parent.glob("*.before-*"))

    async def test_r11_other_columns_are_refused_by_name(self, place: Place) -> None:
        """Nothing could mend it; the file stays as it was."""
        await place.open().close()
        connection = open_writer(place.path, KEY)
        connection.execute("ALTER TABLE tasks ADD COLUMN colour TEXT")
        connection.close()
        with pytest.raises(UnreleasedDatabaseError):
            place.open()

    async def test_r11_pages_of_another_size_are_read(self, place: Place) -> None:
        """Databases that were made before pages became larger."""
        sqlcipher = connections._connect
        path = place.path.with_name("earlier.db")
        made = sqlcipher(path, KEY, read_only=False, page_bytes=connections.EARLIER_PAGE_BYTES)
        made.execute("CREATE TABLE t (a)")
        made.execute("PRAGMA user_version = 1")
        made.close()
        reader = open_reader(path, KEY)
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (0,)
        reader.close()


def _note(connection: Connection, name: str) -> None:
    connection.execute("INSERT INTO meta (name, value) VALUES (?, '1')", (name,))


@contextmanager
def brought_up_to_date(place: Place) -> Iterator[None]:
    """A newer version has applied one file more."""
    connection = opening.open_writer(place.where, KEY)
    if isinstance(connection, BulkConnection):
        made = "INSERT INTO schema_files VALUES (99, '')"
        undone = "DELETE FROM schema_files WHERE number = 99"
    else:
        into = "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
        made = f"{into} VALUES ('node.store', '099_coming.sql', '')"
        undone = "DELETE FROM _sqlite_migrations WHERE name = '099_coming.sql'"
    connection.execute(made)
    try:
        yield
    finally:
        connection.execute(undone)
        connection.close()


class TestVerbThatHadBegun:
    """A newer version starts while a verb of an older one writes beside it."""

    def test_it_writes_no_more_and_what_it_wrote_stays(self, place: Place) -> None:
        """It does not know what the newer schema asks of a row."""
        with writing(place.where, KEY) as store:
            store.write(_note, "before")
            with brought_up_to_date(place), pytest.raises(NewerDatabaseError):
                store.write(_note, "after")
            noted = store.read(lambda c: c.execute("SELECT name FROM meta").fetchall())
        assert [tuple(row) for row in noted] == [("before",)]


class TestRefusals:
    """Each is named, and leaves the file as it was."""

    MEANT = FILES

    def test_missing_database_is_not_made_by_opening(self, tmp_path: Path) -> None:
        """A typing error in the path would begin an empty node."""
        with pytest.raises(UnknownDatabaseError):
            open_writer(tmp_path / "none.db", KEY)
        assert list(tmp_path.iterdir()) == []

    def test_something_else_is_no_database(self, place: Place) -> None:
        """Nor is it overwritten."""
        place.path.write_bytes(b"something else entirely" * 300)
        with pytest.raises(WrongKeyError):
            place.open()
        assert place.path.read_bytes().startswith(b"something else")

    def test_database_of_a_newer_version_is_refused(self, place: Place) -> None:
        """What it does not know it might destroy."""
        connection = open_writer(place.path, KEY)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        with pytest.raises(NewerDatabaseError, match=r"^store\.path\. Made by .+; .+\.$"):
            place.open()

    def test_second_process_is_refused_while_the_first_lives(self, place: Place) -> None:
        """And let in as soon as it is dead, however it died."""
        with subprocess.Popen(
            [sys.executable, "-c", HOLDING, str(place.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        ) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == b"held\n"
            with pytest.raises(AlreadyOpenError, match=rf"process {other.pid} runs"):
                place.open()
            other.kill()
            other.wait()
        asyncio.run(place.open().close())

    def test_emptied_file_is_no_new_database(self, place: Place) -> None:
        """A node that began anew on it would take every line that comes again for a new one."""
        place.path.write_bytes(b"")
        with pytest.raises(DamagedDatabaseError, match="empty"):
            place.open()
        assert place.path.read_bytes() == b""

    async def test_damaged_page_is_named_as_damage(self, place: Place) -> None:
        """It is not taken for an empty answer."""
        store = place.open()
        for number in range(1, 200):
            await record_items(store, number)
        await store.close()
        raw = bytearray(place.path.read_bytes())
        for at in range(8192, len(raw), 4096):
            raw[at : at + 64] = bytes(64)
        place.path.write_bytes(raw)
        with pytest.raises(DamagedDatabaseError):
            place.open()

    async def test_damage_that_a_reader_meets_is_named_as_damage(self, place: Place) -> None:
        """The file opens; what is broken stands further behind."""
        store = place.open()
        for number in range(1, 200):
            await record_items(store, number)
        await store.close()
        half = place.path.stat().st_size // 2

        def read() -> None:
            with reading(place.path, KEY) as store, place.path.open("r+b") as file:
                file.seek(-half, os.SEEK_END)
                file.write(bytes(half))
                file.flush()
                store.read(lambda c: c.execute("SELECT * FROM events").fetchall())

        with pytest.raises(DamagedDatabaseError):
            read()


class TestFile:
    """What lies on the disk."""

    MEANT = FILES

    def test_only_its_owner_may_read_it(self, place: Place) -> None:
        """Encrypted or not."""
        place.path.unlink()
        place.create()
        assert stat.S_IMODE(place.path.stat().st_mode) == 0o600

    async def test_nothing_in_it_can_be_read_without_the_key(self, place: Place) -> None:
        """Neither in the file nor in its log."""
        store = place.open()
        await record_items(store, 1)
        raw = b"".join(path.read_bytes() for path in place.path.parent.glob("node.db*"))
        assert b"nl1.example" not in raw
        assert b"SQLite format" not in raw
        assert b"CREATE TABLE" not in raw
        await store.close()

    async def test_every_commit_is_flushed(self, place: Place) -> None:
        """`synchronous` is FULL, the journal is a write-ahead log."""
        store = place.open()

        async def pragma(name: str) -> object:
            return await store.writer.run(lambda c: c.execute(f"PRAGMA {name}").fetchone()[0])

        assert await pragma("synchronous") == 2
        assert await pragma("journal_mode") == "wal"
        assert await pragma("foreign_keys") == 1
        await store.close()


class TestEveryStore:
    """What is refused wherever the store stands."""

    def test_another_key_opens_nothing(self, place: Place) -> None:
        """Not even for reading."""
        with pytest.raises(WrongKeyError):
            place.open(bytes(32))
        with pytest.raises(WrongKeyError):
            opening.open_reader(place.where, bytes(32))

    async def test_second_opening_is_refused_while_the_first_runs(self, place: Place) -> None:
        """Two writers would fork the channels."""
        store = place.open()
        with pytest.raises(AlreadyOpenError):
            place.open()
        await store.close()
        await place.open().close()

    async def test_refused_opening_lets_the_next_one_in(self, place: Place) -> None:
        """No lock is left behind."""
        with pytest.raises(WrongKeyError):
            place.open(bytes(32))
        await place.open().close()

    async def test_store_is_never_made_over_another(self, place: Place) -> None:
        """It could be the only copy."""
        store = place.open()
        await record_items(store, 1)
        await store.close()
        with pytest.raises(AlreadyOpenError):
            place.create()
        store = place.open()
        assert (await store.queries.figures())["items"] == 1
        await store.close()

    async def test_reader_cannot_write(self, place: Place) -> None:
        """Also where a query tries to."""
        store = place.open()
        with pytest.raises(StoreError):
            await store.readers.run(lambda c: c.execute("DELETE FROM items"))
        await store.close()
