"""One connection to PostgreSQL that speaks as the store does (`node.store.seam.Connection`).

The server prepares every statement once, and answers in binary. A statement outside `BEGIN` is kept
at once, as in SQLite. Sealed columns are sealed on their way out and opened on their way in: the
server says of which table and column each value of a row is, unless it is computed (see `Shape`).
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from operator import itemgetter
from socket import SHUT_RDWR, socket
from typing import Any, Final

import psycopg
from psycopg import pq
from psycopg.types.numeric import Int8BinaryDumper

from node.store.errors import AwayError, StoreError
from node.store.postgres import arrays, dialect
from node.store.postgres.catalog import Catalog
from node.store.postgres.dialect import Bulk, Statement
from node.store.postgres.faults import refused, translate
from node.store.postgres.place import Postgres
from node.store.postgres.sealing import Seal
from node.store.postgres.upkeep import NEGLECTED
from node.store.seam import BulkConnection

Raw = psycopg.Connection[tuple[Any, ...]]
Shape = tuple[tuple[int, bool], ...]
"""Places in a row of what is sealed, or may be.

The server says of which table and column a value is: True, its column is sealed. Of one that is
computed (`UNION`, `coalesce`, `CASE`) it does not: False, it is opened if it is sealed, and only
the node can have sealed it.
"""
_BYTEA: Final = 17
NAME: Final = "hotline"
"""By which the server knows the sessions of a node."""
_OPTIONS: Final[Mapping[str, Any]] = {
    "application_name": NAME,
    "client_encoding": "UTF8",
    "connect_timeout": 5,
    # A server whose machine vanished is noticed within half a minute, not within hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    # Of several servers in the URL the one that takes writes: a session with a standby would go on
    # when the other is back, and tell what was long ago.
    "target_session_attrs": "primary",
}
_SESSION: Final = (
    "SET synchronous_commit = on; SET default_transaction_isolation = 'read committed';"
    " SET client_min_messages = warning;"
    " SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;"
    " SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('statement_timeout',"
    " 'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout',"
    " 'transaction_timeout')"
)
"""What the store needs, whatever an administrator set for all.

What was answered survives, and the server tells of a wait for its standby that was cut short; who
waited for another writer sees what that one wrote; the server notices a node that vanished, and
lets go its lock. No time ends a session, whose lock would go with it, nor a statement: it would end
the wait for a standby, too, and call that a COMMIT.
"""
STREAMED: Final = 1000
"""Rows that are fetched at once where an answer may be larger than memory."""
PAUSE_S: Final = 0.25
"""How long nothing is tried after the server did not answer."""
READS_WAIT_S: Final = 10.0
"""How long a query waits for a table that somebody changes: as long as for a file.

Who writes waits on: for its standby, too, and one that hangs is called away (`Store.show_life`).
"""
_READ_ONLY: Final = "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"
_SNAPSHOT: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ"
_SIZE: Final = (
    "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class"
    " WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')"
)
_OPEN: Final = (pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR)


def connect(place: Postgres) -> Raw:
    """Open a connection, every statement of which is kept at once.

    Raises:
        AwayError, RefusedByServerError
    """
    secret = {} if place.password is None else {"password": place.password}
    try:
        raw: Raw = psycopg.connect(
            place.url, autocommit=True, prepare_threshold=0, **{**_OPTIONS, **secret}
        )
        raw.adapters.register_dumper(int, Int8BinaryDumper)
        raw.adapters.register_dumper(bool, Int8BinaryDumper)
        arrays.register(raw.adapters)
        raw.execute(_SESSION, prepare=False)
    except psycopg.Error as error:
        raise refused(error) from error
    return raw


class Rows:
    """What a statement gave, all of it."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: Iterator[tuple[Any, ...]], rowcount: int) -> None:
        self._rows = rows
        self.rowcount = rowcount

    def fetchone(self) -> Any:
        """Return the next row, None after the last."""
        return next(self._rows, None)

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        return list(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return self._rows


class PostgresConnection(BulkConnection):
    """A connection of the store; see `node.store.seam.Connection`.

    One that reads only comes back by itself after the server was away, with its next statement.
    """

    def __init__(self, place: Postgres, seal: Seal, raw: Raw, *, read_only: bool) -> None:
        self._place = place
        self._seal = seal
        self._read_only = read_only
        self._statements: dict[str, Statement] = {}
        self._lists: dict[str, str] = {}
        self._bulks: dict[tuple[str, object], Bulk] = {}
        self._shapes: dict[str, Shape] = {}
        self._streams = itertools.count(1)
        self._not_before = 0.0
        self._reads_wait_s = READS_WAIT_S
        self._raw = raw
        self.catalog = Catalog.read(raw)
        if read_only:
            self._only_read(raw)

    def _come_back(self) -> None:
        """Connect again; soon after an attempt that failed, nothing is tried.

        Raises:
            AwayError, RefusedByServerError
        """
        if time.monotonic() < self._not_before:
            raise AwayError(AwayError.__doc__)
        self._not_before = time.monotonic() + PAUSE_S
        raw = connect(self._place)
        try:
            self._take_up(raw)
            catalog = Catalog.read(raw)
        except BaseException as error:  # a line that has just broken soon breaks again
            raw.close()
            if isinstance(error, psycopg.Error):
                raise translate(error) from error
            raise
        self._raw, self.catalog, self._shapes = raw, catalog, {}
        self._not_before = 0.0

    def _take_up(self, raw: Raw) -> None:
        """Make a new session what the one before it was.

        Raises:
            StoreError, psycopg.Error
        """
        if self._read_only:
            self._only_read(raw)

    def _only_read(self, raw: Raw) -> None:
        wait_ms = int(self._reads_wait_s * 1000)
        raw.execute(f"{_READ_ONLY}; SET lock_timeout = {wait_ms}", prepare=False)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._raw.pgconn.transaction_status in _OPEN

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = (), /) -> Rows:
        """Run one statement.

        Raises:
            StoreError: it was refused, or the server is away.
        """
        special = self._special(sql)
        if special is not None:
            return special()
        statement = self._statement(sql)
        return self._run(statement.text, self._bind(statement, parameters))

    def _special(self, sql: str) -> Callable[[], Rows] | None:
        """How the words for transactions are said here."""
        if sql == "BEGIN":
            return lambda: self._run(_SNAPSHOT, None)
        return self._roll_back if sql == "ROLLBACK" else None

    def _roll_back(self) -> Rows:
        """Take back what is not committed; the server does it itself with a session that ends."""
        try:
            return self._run_once("ROLLBACK", None, planned=True)
        except StoreError:
            self._raw.close()
            return Rows(iter(()), -1)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Rows:
        """Run one statement for each of `parameters`, all of them sent before the first answer.

        Raises:
            StoreError: it was refused, or the server is away.
        """
        statement = self._statement(sql)
        bound = [self._bind(statement, one) for one in parameters]
        if not bound:
            return Rows(iter(()), 0)
        try:
            with self._raw.cursor() as cursor:
                cursor.executemany(statement.text, bound)
                return Rows(iter(()), cursor.rowcount)
        except psycopg.Error as error:
            raise translate(error) from error

    def select_in(self, sql: str, values: Iterable[Any], before: Sequence[Any]) -> Iterator[Any]:
        """See `bulk.select_in`."""
        wanted = list(values)
        if not wanted:
            return iter(())
        text = self._lists.get(sql)
        if text is None:
            text = self._lists[sql] = dialect.select_in(sql, self.catalog.tables)
        return iter(self._run(text, [*before, arrays.array_of(wanted)], planned=False))

    def stream(self, sql: str, parameters: Sequence[Any]) -> Iterator[Any]:
        """See `bulk.stream`; outside a transaction a server keeps no place, and tells all at once.

        Raises:
            StoreError: it was refused, or the server is away.
        """
        if not self.in_transaction:
            yield from self.execute(sql, parameters)
            return
        statement = self._statement(sql)
        try:
            with self._raw.cursor(f"stream_{next(self._streams)}") as cursor:
                cursor.itersize = STREAMED
                cursor.execute(statement.text, self._bind(statement, parameters), binary=True)
                shape = self._shape(statement.text, cursor.pgresult)
                for row in cursor:
                    yield self._open(row, shape) if shape else row
        except psycopg.Error as error:
            raise translate(error) from error

    def insert_rows(self, into: str, rows: Sequence[Sequence[Any]], after: str) -> None:
        """See `bulk.insert_rows`."""
        if rows:
            make = self._bulks.get((into, after))
            if make is None:
                make = dialect.insert_rows(into, after, self.catalog.tables)
                self._bulks[into, after] = make
            last = {itemgetter(*make.key)(row): row for row in rows} if make.key else None
            self._run_bulk(make, rows if last is None else list(last.values()))

    def update_rows(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """See `bulk.update_rows`."""
        if rows:
            width = len(rows[0])
            make = self._bulks.get((sql, width))
            if make is None:
                make = dialect.update_rows(sql, width, self.catalog.tables)
                self._bulks[sql, width] = make
            self._run_bulk(make, rows)

    def stored_bytes(self) -> int:
        """How much room the store takes on its server, in bytes."""
        return int(self.execute(_SIZE).fetchone()[0])

    def fence_off(self, now_ms: int) -> None:
        """Beyond every fence there ever was: each start adds one, and far less often."""
        self.execute("UPDATE tenure SET fence = greatest(fence, ?) + 1", (now_ms,))

    def files_applied(self) -> int:
        """How many files of the schema the database has."""
        return int(self.execute("SELECT count(*) FROM schema_files").fetchone()[0])

    def wait_at_most(self, wait_s: float) -> None:
        """Let a query wait no longer for a table that somebody else holds."""
        self._reads_wait_s = wait_s
        self._only_read(self._raw)

    def break_off(self) -> None:
        """Shut the line: nothing else ends the wait for a server that hangs with it open."""
        self._not_before = time.monotonic() + PAUSE_S
        with suppress(OSError, psycopg.Error), socket(fileno=os.dup(self._raw.fileno())) as line:
            line.shutdown(SHUT_RDWR)

    def damaged(self) -> bool:
        """Never known here: the server names damage when it reads it (`data_checksums`)."""
        return False

    def neglected(self) -> list[str]:
        """What the server does not do of its own upkeep."""
        return [row[0] for row in self.execute(NEGLECTED)]

    def close(self) -> None:
        """Let go; what is not committed is taken back."""
        self._raw.close()

    def _statement(self, sql: str) -> Statement:
        found = self._statements.get(sql)
        if found is None:
            found = self._statements[sql] = dialect.translate(sql, self.catalog.tables)
        return found

    def _bind(self, statement: Statement, given: Sequence[Any] | Mapping[str, Any]) -> list[Any]:
        assert not isinstance(given, Mapping)
        bound = [given[at] for at in statement.order]
        for at in statement.sealed:
            if bound[at] is not None:
                bound[at] = self._seal.close(bound[at])
        return bound

    def _run_bulk(self, make: Bulk, rows: Sequence[Sequence[Any]]) -> None:
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for at in make.sealed:
            columns[at] = [
                None if value is None else self._seal.close(value) for value in columns[at]
            ]
        given = zip(make.types, columns, strict=True)
        bound = [arrays.OF_TYPE[sort](values) for sort, values in given]
        self._run(make.text, bound, planned=make.text.startswith("INSERT"))

    def _run(self, text: str, bound: Sequence[Any] | None, *, planned: bool = True) -> Rows:
        """Run a statement; a lonely query is asked again when the connection turns out dead.

        `planned` once and for all. Not so what looks up or changes many rows: the plan that was
        good when the tables were small reads them whole once they are large, until the server
        takes statistics and plans anew.
        """
        lonely = self._read_only and not self.in_transaction
        try:
            return self._run_once(text, bound, planned=planned)
        except AwayError:
            if not (lonely and self._raw.closed):
                raise
        self._come_back()
        return self._run_once(text, bound, planned=planned)

    def _run_once(self, text: str, bound: Sequence[Any] | None, *, planned: bool) -> Rows:
        try:
            cursor = self._raw.execute(text, bound, prepare=planned, binary=True)
        except psycopg.Error as error:
            raise translate(error) from error
        if cursor.description is None:
            return Rows(iter(()), cursor.rowcount)
        return Rows(self._opened(text, cursor), cursor.rowcount)

    def _opened(self, text: str, cursor: psycopg.Cursor[tuple[Any, ...]]) -> Iterator[Any]:
        """The rows, with what is sealed in them open."""
        shape = self._shape(text, cursor.pgresult)
        rows = cursor.fetchall()
        if not shape:
            return iter(rows)
        return iter([self._open(row, shape) for row in rows])

    def _open(self, row: tuple[Any, ...], shape: Shape) -> tuple[Any, ...]:
        values = list(row)
        for at, is_column in shape:
            if values[at] is not None:
                opened = self._seal.open if is_column else self._seal.open_if_sealed
                values[at] = opened(values[at])
        return tuple(values)

    def _shape(self, text: str, result: pq.abc.PGresult | None) -> Shape:
        """Which columns of an answer are sealed, or may be; see `Shape`."""
        shape = self._shapes.get(text)
        if shape is None:
            assert result is not None
            found = []
            for at in range(result.nfields):
                table, column = result.ftable(at), result.ftablecol(at)
                if (table, column) in self.catalog.sealed:
                    found.append((at, True))
                elif not table and result.ftype(at) == _BYTEA:
                    found.append((at, False))
            shape = self._shapes[text] = tuple(found)
        return shape
