"""The schema of the store in PostgreSQL says what that of the embedded store says."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from node.store.connection import create_database
from node.store.connection import open_reader as open_file
from node.store.errors import AlreadyOpenError, UnreleasedDatabaseError
from node.store.opening import open_alone, open_locked, open_reader
from node.store.postgres.opening import create
from node.store.postgres.place import Postgres
from node.store.schema_files import SCHEMA_FILES
from tests.builders.postgres import Cluster

KEY = bytes(range(32))
OWN = {"tenure", "schema_files"}
TYPES = {"TEXT": "text", "INTEGER": "bigint", "BLOB": "bytea", "sealed": "bytea"}
COLUMNS = """
SELECT table_name, column_name, coalesce(domain_name, data_type), is_nullable = 'NO'
FROM information_schema.columns WHERE table_schema = current_schema()
    AND table_name IN (SELECT tablename FROM pg_tables)
"""

WAITING = """
SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'schema_files'::regclass
"""

Columns = set[tuple[str, str, str, bool]]


@pytest.fixture
def place(postgres: Cluster) -> Postgres:
    """Give where an empty store stands."""
    return postgres.emptied(KEY)


@pytest.fixture
def own(postgres: Cluster) -> Postgres:
    """Give a database of its own, with a store in it."""
    made = postgres.new()
    create(made, KEY)
    return made


def of_file(path: Path) -> tuple[Columns, set[str]]:
    """Return of each column table, name, type, whether NULL is refused; and indexes and views."""
    create_database(path, KEY)
    with closing(open_file(path, KEY)) as reader:
        found = reader.execute(
            'SELECT t.name, c.name, c.type, c."notnull" OR c.pk > 0 FROM pragma_table_list() t'
            " JOIN pragma_table_info(t.name) c WHERE t.type = 'table'"
            " AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE '\\_%' ESCAPE '\\'"
        ).fetchall()
        names = reader.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('index', 'view') AND sql IS NOT NULL"
            " AND name NOT LIKE 'idx\\_%' ESCAPE '\\'"
        ).fetchall()
    columns = {(row[0], row[1], TYPES[row[2]], bool(row[3])) for row in found}
    return columns, {name for (name,) in names}


def test_every_table_column_index_and_view_is_there(place: Postgres, tmp_path: Path) -> None:
    """What is added to one file is added to the other: node/store/schema."""
    columns, indexes = of_file(tmp_path / "node.db")
    with psycopg.connect(place.url) as server:
        here = {(*row[:2], TYPES.get(row[2], row[2]), row[3]) for row in server.execute(COLUMNS)}
        names = {row[0] for row in server.execute("SELECT relname FROM pg_class").fetchall()}
    assert {row for row in here if row[0] not in OWN} == columns
    assert indexes <= names


def test_text_is_compared_by_bytes(place: Postgres) -> None:
    """As in the embedded store, whatever language the server speaks."""
    with psycopg.connect(place.url) as server:
        others = server.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND data_type = 'text'"
            " AND collation_name IS DISTINCT FROM 'C'"
        ).fetchall()
    assert others == []


def test_unsealed_value_is_refused_by_the_database(place: Postgres) -> None:
    """A statement that forgets to seal fails, instead of telling the server."""
    with psycopg.connect(place.url) as server, pytest.raises(psycopg.errors.CheckViolation):
        server.execute("INSERT INTO reports VALUES ('a', 'b', NULL, 'https://nl1.example/1')")


class TestUnreleased:
    """A database of a commit between two releases, whose schema file has grown since."""

    def test_r11_missing_tables_and_indexes_are_made_and_nothing_is_lost(
        self, own: Postgres
    ) -> None:
        """As soon as it is opened for writing."""
        with psycopg.connect(own.url) as server:
            server.execute("INSERT INTO meta VALUES ('kept', 'as it was')")
            server.execute("DROP INDEX entries_in_unknown")
            server.execute("DROP TABLE forks")
            server.execute("UPDATE schema_files SET sha256 = '\\x00'")
        open_alone(own, KEY).close()
        reader = open_reader(own, KEY)
        assert reader.execute("SELECT count(*) FROM forks").fetchone() == (0,)
        assert reader.execute("SELECT to_regclass('entries_in_unknown') IS NULL").fetchone() == (
            False,
        )
        assert reader.execute("SELECT value FROM meta").fetchall() == [("as it was",)]
        reader.close()

    def test_r11_other_columns_are_refused_by_name(self, own: Postgres) -> None:
        """Nothing could mend it; the database stays as it was."""
        with psycopg.connect(own.url) as server:
            server.execute("ALTER TABLE tasks ADD COLUMN colour text")
            server.execute("UPDATE schema_files SET sha256 = '\\x00'")
        with pytest.raises(UnreleasedDatabaseError):
            open_alone(own, KEY)


def test_r11_two_processes_that_upgrade_at_once_do_it_once(own: Postgres) -> None:
    """Both stood by when the one that worked ended; neither fails for what the other made."""
    last = len(SCHEMA_FILES)
    with psycopg.connect(own.url, autocommit=True) as server, psycopg.connect(own.url) as looking:
        server.execute("DROP INDEX entries_in_turns")
        server.execute("DELETE FROM schema_files WHERE number = %s", [last])
        with ThreadPoolExecutor(2) as threads:
            with server.transaction():
                server.execute("LOCK TABLE schema_files IN SHARE MODE")  # readers may
                opening = [threads.submit(open_alone, own, KEY) for _ in range(2)]
                while looking.execute(WAITING).fetchone() != (2,):
                    assert not any(one.done() for one in opening)
            for one in opening:
                one.result().close()


def test_r11_newer_process_that_comes_too_late_leaves_the_schema_to_who_works(
    own: Postgres,
) -> None:
    """An older process may have been quicker: it does not keep what it does not know."""
    last = len(SCHEMA_FILES)
    works = open_locked(own, KEY)[0]
    with psycopg.connect(own.url, autocommit=True) as server:
        server.execute("DROP INDEX entries_in_turns")
        server.execute("DELETE FROM schema_files WHERE number = %s", [last])
        with pytest.raises(AlreadyOpenError):
            open_locked(own, KEY)
        assert server.execute("SELECT max(number) FROM schema_files").fetchone() == (last - 1,)
        works.close()
        open_locked(own, KEY)[0].close()
        assert server.execute("SELECT max(number) FROM schema_files").fetchone() == (last,)


def test_every_statement_of_the_file_ends_its_line() -> None:
    """It is cut there when a database is completed."""
    folder = Path(__file__).resolve().parents[3] / "node/store/schema/postgres"
    for name in SCHEMA_FILES:
        for line in (folder / name).read_text().splitlines():
            code = line.partition("-- ")[0].rstrip()
            assert not re.search(r";.", code), line
