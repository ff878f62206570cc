"""The database of a server that a store moves into.

It is a store without a row in `tenure` until all is there: no node of any version opens it. What
the move needs to go on after it was broken off stands in `moving_in`, which is gone at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import sql

from node.store.errors import MoveRefusedError, WrongKeyError
from node.store.moving.tables import Table
from node.store.postgres.connection import PostgresConnection, Raw, connect
from node.store.postgres.faults import translate
from node.store.postgres.migrating import bring_up_to_date, make
from node.store.postgres.opening import PROOF, check_server, is_there
from node.store.postgres.place import Postgres
from node.store.postgres.sealing import Seal
from node.store.postgres.tenant import take_lock

_ANYTHING: Final = """
SELECT FROM pg_class WHERE relnamespace = current_schema()::regnamespace
UNION ALL
SELECT FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass
        AND objid = pg_proc.oid AND deptype = 'e')
UNION ALL
SELECT FROM pg_type WHERE typnamespace = current_schema()::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_type'::regclass
        AND objid IN (pg_type.oid, pg_type.typelem) AND deptype = 'e')
LIMIT 1
"""
"""Functions and types of extensions (pgcrypto) are in nobody's way."""
_IDENTITIES: Final = """
SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = current_schema()::regnamespace AND a.attidentity <> ''
"""
_SERVERS_OWN: Final = {"tenure", "schema_files", "moving_in"}
_TABLES: Final = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
_ANOTHER: Final = "--to: the store of another member, or of other keys, is there; name an empty one"


class Target:
    """The database that a store moves into; no second move and no node beside it."""

    def __init__(self, place: Postgres, key: bytes, name: str) -> None:
        """Make an empty store that nobody opens yet, or find the one that this move made.

        Raises:
            MoveRefusedError: something else is there.
            AlreadyOpenError: another process moves into it at this moment.
            StoreError: as `postgres.opening.create`.
        """
        seal, raw = Seal(key), connect(place)
        try:
            check_server(place, raw)
            self.is_done = _prepare(raw, seal, name)
            take_lock(raw)
            self._connection = PostgresConnection(place, seal, raw, read_only=False)
        except psycopg.Error as error:
            raw.close()
            raise translate(error) from error
        except BaseException:
            raw.close()
            raise
        self._raw = raw

    def close(self) -> None:
        """Let go; what is not committed is taken back."""
        self._connection.close()

    @property
    def connection(self) -> PostgresConnection:
        """The connection, for those who read."""
        return self._connection

    def check_tables(self, tables: Sequence[Table]) -> None:
        """See that each table of the file has its like here, and no other is here.

        Raises:
            MoveRefusedError: the schemas of the two databases are not those of one version.
        """
        catalog = self._connection.catalog.tables
        here = {name for (name,) in self._raw.execute(_TABLES)} - _SERVERS_OWN
        wrong = here ^ {table.name for table in tables}
        for table in tables:
            there = catalog.get(table.name)
            if there is None or {one.name for one in there.columns} != set(table.names):
                wrong.add(table.name)
        if wrong:
            mend = "bring this program up to date, then begin again"
            raise MoveRefusedError(
                f"--to: not the same on both sides: {', '.join(sorted(wrong))}; {mend}"
            )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all that is done within, or nothing.

        Raises:
            StoreError: nothing was kept.
        """
        try:
            with self._raw.transaction():
                yield
        except psycopg.Error as error:
            raise translate(error) from error

    def last(self, table: Table) -> tuple[Any, ...] | None:
        """Return the last key that is there; None: no row is."""
        text = f"SELECT {table.by_key} FROM {table.name} ORDER BY {table.last_first} LIMIT 1"  # noqa: S608 - own names
        row = self._connection.execute(text).fetchone()
        return None if row is None else tuple(row)

    def put(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows, in place of those with the same key."""
        how = "REPLACE" if len(table.key) < len(table.columns) else "IGNORE"
        self._connection.insert_rows(
            f"INSERT OR {how} INTO {table.name} ({table.listed})", rows, ""
        )

    def delete(self, table: Table, keys: Sequence[tuple[Any, ...]]) -> None:
        """Delete rows by their keys."""
        where = " AND ".join(f"{name} = ?" for name in table.key)
        self._connection.executemany(f"DELETE FROM {table.name} WHERE {where}", keys)  # noqa: S608 - own names

    def rows(self, table: Table) -> Iterator[tuple[Any, ...]]:
        """All rows of a table, in order of keys; within a transaction."""
        text = f"SELECT {table.listed} FROM {table.name} ORDER BY {table.by_key}"  # noqa: S608 - own names
        return self._connection.stream(text, ())

    def has(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> bool:
        """Whether each of these rows stands here as it is, and opens under the key."""
        same = " AND ".join(f"{name} = ?" for name in table.key)
        text = f"SELECT {table.listed} FROM {table.name} WHERE {same}"  # noqa: S608 - own names
        return all(
            self._connection.execute(text, [row[at] for at in table.key_places]).fetchone()
            == tuple(row)
            for row in rows
        )

    def count(self, table: Table) -> int:
        """How many rows a table has."""
        row = self._connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()  # noqa: S608 - own name
        return int(row[0])

    def analyse(self) -> None:
        """Let the server look at what came, so that it plans well from the first query on."""
        self._connection.execute("ANALYZE")

    def may_be_open(self) -> bool:
        """Whether a node may open the store, or the server does not say."""
        try:
            opened = self._raw.execute("SELECT 1 FROM tenure").fetchone() is not None
        except psycopg.Error:
            return True
        return opened or self._connection.in_transaction

    def finish(self) -> None:
        """Let a node open the store; numbers go on after those that came."""
        with self.transaction():
            for table, column in self._raw.execute(_IDENTITIES).fetchall():
                self._raw.execute(
                    sql.SQL(
                        "SELECT setval(pg_get_serial_sequence({}, {}), max({})) FROM {}"
                    ).format(table, column, sql.Identifier(column), sql.Identifier(table))
                )
            self._raw.execute(
                "INSERT INTO tenure (fence, commits, proof) SELECT 0, 0, proof FROM moving_in"
            )
            self._raw.execute("DROP TABLE moving_in")
        self.is_done = True


def has_begun(place: Postgres, name: str) -> bool:
    """Whether a move of this name is under way into a database, whatever URL leads there.

    Raises:
        StoreError: it cannot be asked.
    """
    raw = connect(place)
    try:
        if raw.execute("SELECT to_regclass('moving_in')::text").fetchone() == (None,):
            return False
        return raw.execute("SELECT name FROM moving_in").fetchone() == (name,)
    except psycopg.Error as error:
        raise translate(error) from error
    finally:
        raw.close()


def check_opened(place: Postgres) -> None:
    """See that the store stands in a database still that this file moved into.

    Filled from the file again it would be set back, and nobody would know.

    Raises:
        MoveRefusedError: it does not.
        StoreError: it cannot be asked.
    """
    raw = connect(place)
    try:
        if is_there(raw) and raw.execute("SELECT 1 FROM tenure").fetchone() is not None:
            return
    except psycopg.Error as error:
        raise translate(error) from error
    finally:
        raw.close()
    mend = "bring a dump of it back; if there is none, hotline backup and restore of the old file"
    raise MoveRefusedError(f"--to: a node worked there, and its store is gone; {mend}")


def _prepare(raw: Raw, seal: Seal, name: str) -> bool:
    """Make what the move needs; True: it was done already, and a store stands here.

    Raises:
        MoveRefusedError: something else is there.
    """
    if raw.execute(_ANYTHING).fetchone() is None:
        with raw.transaction():
            make(raw)
            raw.execute("CREATE TABLE moving_in (name text NOT NULL, proof sealed NOT NULL)")
            raw.execute("INSERT INTO moving_in VALUES (%s, %b)", [name, seal.close(PROOF)])
        return False
    if not is_there(raw):
        raise MoveRefusedError("--to: something is in that database already; name an empty one")
    done = raw.execute("SELECT proof FROM tenure").fetchone()
    if done is not None:
        _prove(seal, done[0])
        return True
    begun = None
    if raw.execute("SELECT to_regclass('moving_in')::text").fetchone() != (None,):
        begun = raw.execute("SELECT proof, name FROM moving_in").fetchone()
    if begun is None:
        raise MoveRefusedError("--to: half a store is in that database; name an empty one")
    _prove(seal, begun[0])
    if begun[1] != name:
        _take_up(raw, name)
    bring_up_to_date(raw)
    return False


def _take_up(raw: Raw, name: str) -> None:
    """Give this move what another one made and copied nothing into.

    So ended one that could not be noted in its file any more (a full disk), or that was killed
    before it was: only the server knows of it.

    Raises:
        MoveRefusedError: something was copied.
        AlreadyOpenError: the other one is under way.
    """
    take_lock(raw)
    for (table,) in raw.execute(_TABLES).fetchall():
        any_row = sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table))
        if table not in _SERVERS_OWN and raw.execute(any_row).fetchone() is not None:
            mend = "name an empty one"
            raise MoveRefusedError(f"--to: another move into that database was broken off; {mend}")
    raw.execute("UPDATE moving_in SET name = %s", [name])


def _prove(seal: Seal, proof: bytes) -> None:
    try:
        seal.open(proof)
    except WrongKeyError as error:
        raise MoveRefusedError(_ANOTHER) from error
