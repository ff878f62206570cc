"""Opening the encrypted file: key, pragmas, schema. Nothing else here touches the driver.

sqlite-utils opens whatever `pysqlite3` is, and knows only its errors: SQLCipher's driver takes that
name before sqlite-utils is first imported (else `alter=True` and wrong-key errors fall through).

The key is 32 random bytes handed to SQLCipher raw (`x'..'`): no password derivation at each open.
Pages are authenticated by HMAC-SHA-256 (processors compute it, unlike SHA-512, in hardware).
`synchronous=FULL` with WAL: a commit that was answered survives kill -9 and power loss.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

import sqlcipher3
import sqlcipher3.dbapi2

from node.store.errors import (
    AlreadyOpenError,
    DamagedDatabaseError,
    MovedDatabaseError,
    NewerDatabaseError,
    OlderDatabaseError,
    StoreError,
    UnknownDatabaseError,
    WrongKeyError,
)
from node.store.faults import driver_errors, in_our_words, translate
from node.store.schema_files import SCHEMA_FILES
from node.store.seam import BulkConnection, Connection
from node.store.upgrade.completing import complete, lacking

__all__ = ["Connection"]  # what a file and a server have in common; FileConnection has more

sys.modules.setdefault("pysqlite3", sqlcipher3)
sys.modules.setdefault("pysqlite3.dbapi2", sqlcipher3.dbapi2)

# The driver asks each value that is neither text nor number how it wants to be kept: two look-ups
# by name that fail, ten times what binding it costs. These say "as it is" at once.
sqlcipher3.register_adapter(bytes, bytes)
sqlcipher3.register_adapter(type(None), {}.get)

if TYPE_CHECKING:
    import sqlite3

    from sqlite_utils import Database

    FileConnection: TypeAlias = sqlite3.Connection
else:
    FileConnection = sqlcipher3.Connection

PAGE_BYTES = 8192
"""Encrypting and authenticating costs by the page: half as many take a sixth off a commit."""
EARLIER_PAGE_BYTES = 4096
"""Of databases made before the first release; a file keeps the size it was made with."""
_CLOSED = """
SELECT target, EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'moving_unfinished')
FROM moving WHERE done_ms IS NOT NULL
"""
CACHE_KIB = 32768
STATEMENTS = 512
"""Prepared ones kept at hand; pushes of all sizes, judged one by one, need more than 128."""
WAL_PAGES = 8000
MAX_PID_DIGITS = 10


def roll_back(connection: Connection) -> None:
    """Take back what is not committed."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def leave_nothing_open(connection: Connection) -> None:
    """End what a query that failed left open: every later one would stand in that transaction."""
    with suppress(StoreError, *driver_errors()):  # it is broken: who asks next hears of it
        roll_back(connection)


def address(path: Path) -> str:
    """Name a file to SQLite, whatever signs are in its path.

    Whole: one that begins with `//` would begin with a host, and `:memory:` be no file.
    """
    return f"file://{quote(os.fsencode(path.absolute()))}"


def _connect(
    path: Path, key: bytes, *, read_only: bool, page_bytes: int = PAGE_BYTES
) -> FileConnection:
    connection: FileConnection
    at = f"{address(path)}?mode={'ro' if read_only else 'rwc'}"
    try:
        connection = sqlcipher3.connect(
            at,
            uri=True,
            check_same_thread=False,
            isolation_level=None,
            cached_statements=STATEMENTS,
        )
    except sqlcipher3.Error as error:
        raise in_our_words(error) from error
    connection.execute("PRAGMA cipher_log_level = NONE")
    connection.execute("PRAGMA cipher_default_hmac_algorithm = HMAC_SHA256")
    connection.execute(f"PRAGMA cipher_default_page_size = {page_bytes}")
    connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    return connection


def _tune(connection: FileConnection) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
    connection.execute("PRAGMA busy_timeout = 10000")
    connection.execute("PRAGMA temp_store = MEMORY")


def create_database(path: Path, key: bytes) -> None:
    """Make the empty database (mode 0600); refuses to overwrite.

    Raises:
        AlreadyOpenError: a file is already there.
        StoreFullError: there is no room for it; what was made of it stays there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError as error:
        raise AlreadyOpenError(
            "store.path: a file is already there; it is never overwritten"
        ) from error
    connection = _connect(path, key, read_only=False)
    with _closed_on_failure(connection):
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        _tune(connection)
        _migrate(connection)
    connection.close()


def open_writer(path: Path, key: bytes, *, moved_too: bool = False) -> FileConnection:
    """Open the one writing connection, bringing the schema up to date: for who runs on it alone.

    `moved_too`: also a file whose store has moved to a server.

    Raises:
        UnknownDatabaseError, WrongKeyError, NewerDatabaseError, MovedDatabaseError,
        StoreFullError, DamagedDatabaseError
    """
    connection = _open(path, key, read_only=False)
    with _closed_on_failure(connection):
        if not moved_too:
            refuse_moved(connection)
        _write_ahead(connection)
        if _version(connection) < len(SCHEMA_FILES):
            _migrate(connection)
        complete(connection, _all_statements())
    return connection


def open_beside(path: Path, key: bytes) -> FileConnection:
    """Open a connection that writes beside a node, which may be of an older version.

    The schema stays as it is: that node would go on under one that it does not know.

    Raises:
        OlderDatabaseError: the schema is to be brought up to date first.
        StoreError: as `open_writer`.
    """
    connection = _open(path, key, read_only=False)
    with _closed_on_failure(connection):
        refuse_moved(connection)
        if _is_behind(connection):
            raise OlderDatabaseError(OlderDatabaseError.__doc__)
        _write_ahead(connection)
    return connection


def _write_ahead(connection: FileConnection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    _tune(connection)


def _is_behind(connection: FileConnection) -> bool:
    behind = _version(connection) < len(SCHEMA_FILES)
    return behind or bool(lacking(connection, _all_statements()))


def refuse_newer(connection: Connection) -> None:
    """Write no more, in this transaction, once a newer version has brought the schema up to date.

    Raises:
        NewerDatabaseError
    """
    if isinstance(connection, BulkConnection):
        here = connection.files_applied()
    else:
        sql = "SELECT count(*) FROM _sqlite_migrations WHERE migration_set = 'node.store'"
        here = int(connection.execute(sql).fetchone()[0])
    if here > len(SCHEMA_FILES):
        raise NewerDatabaseError(NewerDatabaseError.__doc__)


def is_older(path: Path, key: bytes) -> bool:
    """Whether opening the database for writing would bring its schema up to date.

    Raises:
        UnknownDatabaseError, WrongKeyError, NewerDatabaseError, DamagedDatabaseError
    """
    connection = _open(path, key, read_only=False)
    with _closed_on_failure(connection):
        refuse_moved(connection)
        older = _is_behind(connection)
    connection.close()
    return older


def open_reader(path: Path, key: bytes) -> FileConnection:
    """Open a connection that cannot write; other processes may hold the database at the same time.

    Raises:
        UnknownDatabaseError, WrongKeyError, NewerDatabaseError, DamagedDatabaseError
    """
    connection = _open(path, key, read_only=False)
    with _closed_on_failure(connection):
        _tune(connection)
        connection.execute("PRAGMA query_only = ON")
    return connection


@contextmanager
def _closed_on_failure(connection: FileConnection) -> Iterator[None]:
    """Close a connection that could not be made ready, and say why in our words."""
    try:
        yield
    except driver_errors() as error:
        connection.close()
        raise translate(error) from error
    except BaseException:
        connection.close()
        raise


def refuse_moved(connection: Connection) -> None:
    """Say where a store went that has moved to a server.

    Raises:
        MovedDatabaseError
    """
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'moving'").fetchone() is None:
        return
    row = connection.execute(_CLOSED).fetchone()
    if row is not None and row[1]:
        mend = "run `hotline store migrate` again, or with --abandon"
        raise MovedDatabaseError(f"store.path: closed, and the move to {row[0]} not done; {mend}")
    if row is not None:
        raise MovedDatabaseError(f"store.path: this store has moved; set [store] url to {row[0]}")


def _version(connection: FileConnection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _open(path: Path, key: bytes, *, read_only: bool) -> FileConnection:
    if not path.is_file():
        raise UnknownDatabaseError(UnknownDatabaseError.__doc__)
    try:
        connection, version = _try(path, key, read_only=read_only, page_bytes=PAGE_BYTES)
    except WrongKeyError:
        connection, version = _try(path, key, read_only=read_only, page_bytes=EARLIER_PAGE_BYTES)
    if version == 0:  # SQLite takes an empty file for a new database
        connection.close()
        raise DamagedDatabaseError(
            "store.path: the file is empty; stop the node and `hotline restore` the last backup"
        )
    if version > len(SCHEMA_FILES):
        connection.close()
        raise NewerDatabaseError(NewerDatabaseError.__doc__)
    return connection


def _try(path: Path, key: bytes, *, read_only: bool, page_bytes: int) -> tuple[FileConnection, int]:
    connection = _connect(path, key, read_only=read_only, page_bytes=page_bytes)
    with _closed_on_failure(connection):
        return connection, _version(connection)


def _migrate(connection: FileConnection) -> None:
    """Apply every schema file that this database has not seen, each whole or not at all."""
    from sqlite_utils import Database, Migrations  # noqa: PLC0415 - a start that finds all applied need not load it

    migrations = Migrations("node.store")
    for name in SCHEMA_FILES:
        migrations(name=name)(_apply(name))
    migrations.apply(Database(connection, execute_plugins=False))
    connection.execute(f"PRAGMA user_version = {len(SCHEMA_FILES)}")


def _apply(name: str) -> Callable[[Database], None]:
    def apply(database: Database) -> None:
        for statement in _statements(name):
            database.execute(statement)

    return apply


@cache
def _all_statements() -> tuple[str, ...]:
    return tuple(statement for name in SCHEMA_FILES for statement in _statements(name))


def _statements(name: str) -> Iterator[str]:
    """Split a schema file: `executescript` would commit the migration's transaction half way."""
    script = (resources.files("node.store") / "schema" / name).read_text(encoding="utf-8")
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlcipher3.complete_statement(pending):
            yield pending
            pending = ""


def _held_by(holder: str) -> str | None:
    if not (holder.isascii() and holder.isdecimal()):
        return AlreadyOpenError.__doc__
    return f"store.path: process {holder} runs on this database; stop it first"


class ProcessLock:
    """Keeps a second node off the same database, for as long as this process lives (`flock`)."""

    def __init__(self, path: Path) -> None:
        """Take the lock beside the database.

        Raises:
            AlreadyOpenError: another process holds it.
        """
        self._file: Any = path.with_name(path.name + ".lock").open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.seek(0)
            holder = self._file.read(MAX_PID_DIGITS)
            self._file.close()
            raise AlreadyOpenError(_held_by(holder)) from error
        with suppress(OSError):  # on a full disk nobody reads who holds it
            os.truncate(self._file.fileno(), 0)
            os.write(self._file.fileno(), b"%d" % os.getpid())

    def release(self) -> None:
        """Let the next process in."""
        self._file.close()
