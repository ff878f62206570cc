"""The file that a store moves out of, from where the move begins to its end.

While the node goes on writing, the file notes what changes (`rows`). When all is copied, triggers
on each table refuse every change: from then on nobody forks what went elsewhere, neither the
process that still runs nor an older version of this program. `Source.abandon` opens the file again,
as long as nobody can have worked elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from node.store import connection as files
from node.store.connection import FileConnection
from node.store.errors import (
    AlreadyOpenError,
    MoveBehindError,
    MovedDatabaseError,
    MoveRefusedError,
    StoreFullError,
)
from node.store.faults import MOVED, driver_errors, is_busy, translate
from node.store.moving.rows import CHUNK, Rows
from node.store.moving.tables import OWN, tables_of
from node.store.seam import Connection

LOCK_S: Final = 60.0
LOOK_S: Final = 0.001
"""How long, and how often, the lock of the file is tried."""
FULL: Final = """
store.path: its disk is full or read-only; the file is as it was. Free space, and run `hotline store
migrate` again, into an empty database if it asks for one.
"""
"""What whoever moves a store is told: a move does not go on by itself, as a node does."""
_UNFINISHED: Final = f"{OWN}_unfinished"
"""There from the end of the file until its server is opened to nodes.

A file that an earlier version closed lacks it: nobody knows whether a node works there.
"""
_OPENED: Final = f"{OWN}_opened"
"""There once its server was opened: what that loses later, this file has as it was long before."""


@dataclass(frozen=True)
class Moving:
    """A move that began: its name, where to, and when the file was closed (milliseconds UTC).

    `unfinished`: it was, and the server was never opened to a node; `opened`: it surely was.
    """

    name: str
    to: str
    done_ms: int | None
    unfinished: bool = False
    opened: bool = False


class Source:
    """The file that a store moves out of, on a connection of its own beside the node's."""

    def __init__(self, path: Path, key: bytes, chunk: int = CHUNK) -> None:
        """Open it; a file that was moved already, too. `chunk`: rows that are read at once.

        Raises:
            StoreError: as `connection.open_beside`, but for `MovedDatabaseError`.
        """
        self._connection = _connected(path, key)
        self._path = path
        self._began: Moving | None = None
        self.rows = Rows(self._connection, chunk)
        self.tables = tables_of(self._connection)

    def close(self) -> None:
        """Let go; what is not committed is taken back."""
        self._connection.close()

    def fact(self, name: str) -> str | None:
        """Return a fact about the database."""
        row = self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def moving(self) -> Moving | None:
        """Return the move that began here."""
        return moving_of(self._connection)

    def begin(self, name: str, to: str, *, is_known: bool = False) -> Moving:
        """Note from now on what changes; a move that began to the same place goes on.

        `is_known`: this move has begun there, whatever URL leads to it now.

        Raises:
            MoveRefusedError: one began to another place, this one was abandoned meanwhile, or a
                table has no key.
        """
        keyless = [table.name for table in self.tables if not table.key]
        if keyless:
            raise MoveRefusedError(f"store.path: no key in {', '.join(keyless)}; upgrade first")
        self.lock()
        began = self.moving()
        if began is not None and began.to != to:
            if not is_known:
                self.let_go()
                raise MoveRefusedError(_elsewhere(began))
            self._connection.execute(f"UPDATE {OWN} SET target = ?", (to,))  # noqa: S608 - own name
        if began is None:
            began = Moving(name, to, None)
            self._do(f"CREATE TABLE {OWN} (name TEXT, target TEXT, done_ms INTEGER) STRICT")
            self._connection.execute(f"INSERT INTO {OWN} VALUES (?, ?, NULL)", (name, to))  # noqa: S608 - own name
        if began.done_ms is None:
            for table in self.tables:
                self.rows.watch(table)
        self.keep()
        self._began = replace(began, to=to)
        return began

    def abandon(self) -> bool:
        """Note nothing any more, and forget the move; False: none is under way.

        A file that is closed already is opened again, unless a node may work on its server.

        Raises:
            MoveRefusedError: the store has moved.
        """
        self.lock()
        began = self.moving()
        if began is not None and began.done_ms is not None and not began.unfinished:
            self.let_go()
            raise MoveRefusedError(f"store.path: this store has moved to {began.to} for good")
        forget(self._connection)
        self.keep()
        self._began = None
        return began is not None

    def freeze(self, now_ms: int) -> None:
        """Refuse every change from the commit on; within `lock`."""
        for table in self.tables:
            self.rows.unwatch(table)
            for what in ("INSERT", "UPDATE", "DELETE"):
                self._do(
                    f"CREATE TRIGGER {OWN}_{table.name}_no_{what.lower()} BEFORE {what}"
                    f" ON {table.name} BEGIN SELECT RAISE(ABORT, '{MOVED}'); END"
                )
        self._connection.execute(f"UPDATE {OWN} SET done_ms = ?", (now_ms,))  # noqa: S608 - own name
        self._do(f"CREATE TABLE {_UNFINISHED} (closed_ms INTEGER) STRICT")

    def settle(self) -> None:
        """Let nobody open the file again: a node may work on its server from now on.

        Raises:
            MoveRefusedError: somebody did before.
        """
        self.lock()
        self._do(f"DROP TABLE IF EXISTS {_UNFINISHED}")
        self.keep()

    def end(self) -> None:
        """Note that the server was opened, so that nothing is copied there from here again."""
        self.lock()
        self._do(f"CREATE TABLE IF NOT EXISTS {_OPENED} (opened_ms INTEGER) STRICT")
        self.keep()

    def unsettle(self) -> None:
        """Let the file be opened again: no node can work on its server."""
        self.lock()
        self._do(f"CREATE TABLE IF NOT EXISTS {_UNFINISHED} (closed_ms INTEGER) STRICT")
        self.keep()

    def lock(self) -> None:
        """Keep every writer waiting, until `keep` or `let_go`.

        A node under load lets go of its lock for moments only, which SQLite's own waiting, longer
        after each attempt, would miss.

        Raises:
            MoveBehindError: it never came free.
            MoveRefusedError: this move was abandoned meanwhile.
        """
        self._wait_for_lock()
        self._check_goes_on()

    def _wait_for_lock(self) -> None:
        until = time.monotonic() + LOCK_S
        self._do("PRAGMA busy_timeout = 0")
        try:
            while True:
                try:
                    self._do("BEGIN IMMEDIATE")
                except driver_errors() as error:
                    if not is_busy(error):
                        raise
                    if time.monotonic() > until:
                        raise MoveBehindError(MoveBehindError.__doc__) from error
                    time.sleep(LOOK_S)
                else:
                    return
        finally:
            self._do("PRAGMA busy_timeout = 10000")

    @contextmanager
    def kept_to_itself(self) -> Iterator[bool]:
        """Keep every node off the file for a while; False: one runs on it."""
        lock = None
        with suppress(AlreadyOpenError, OSError):
            lock = files.ProcessLock(self._path)
        try:
            yield lock is not None
        finally:
            if lock is not None:
                lock.release()

    def look(self) -> None:
        """Fix the moment: what is written from now on is not seen, until `let_go`.

        Raises:
            MoveRefusedError: this move was abandoned meanwhile.
        """
        self._do("BEGIN")
        self._check_goes_on()  # its question is what fixes it

    def _check_goes_on(self) -> None:
        """See that the move that began here goes on, and no other, which would miss our notes.

        Raises:
            MoveRefusedError: it was abandoned, or another process goes on with it elsewhere.
        """
        ours = self._began
        if ours is None:
            return
        now = self.moving()
        if now is None or (now.name, now.to) != (ours.name, ours.to):
            self.let_go()
            raise MoveRefusedError("--to: this move was abandoned meanwhile; begin again")

    def keep(self) -> None:
        """Commit."""
        self._do("COMMIT")

    def let_go(self) -> None:
        """Take back what is not committed."""
        if self._connection.in_transaction:
            self._do("ROLLBACK")

    def _do(self, sql: str) -> None:
        self._connection.execute(sql)


@contextmanager
def open_source(path: Path, key: bytes) -> Iterator[Source]:
    """Give the file that a store moves out of; what its driver raises is said in our words.

    Raises:
        StoreError: the file cannot be opened, read or written.
    """
    try:
        source = _opened(path, key)
        try:
            yield source  # what the server said meanwhile is in our words already
        finally:
            source.close()
    except driver_errors() as error:
        named = translate(error)
        raise (StoreFullError(FULL) if isinstance(named, StoreFullError) else named) from error


def _connected(path: Path, key: bytes) -> FileConnection:
    try:
        return files.open_beside(path, key)
    except MovedDatabaseError:  # nobody works on it any more, of whatever version
        return files.open_writer(path, key, moved_too=True)


def _opened(path: Path, key: bytes) -> Source:
    try:
        return Source(path, key)
    except StoreFullError as error:
        raise StoreFullError(FULL) from error


def moving_of(connection: Connection) -> Moving | None:
    """Return the move that began in a database."""
    made = "SELECT count(*) FROM sqlite_master WHERE name = ?"
    if connection.execute(made, (OWN,)).fetchone() == (0,):
        return None
    unfinished, opened = (
        connection.execute(made, (name,)).fetchone() == (1,) for name in (_UNFINISHED, _OPENED)
    )
    row = connection.execute(f"SELECT name, target, done_ms FROM {OWN}").fetchone()  # noqa: S608 - own name
    return Moving(row[0], row[1], row[2], unfinished, opened)


def _elsewhere(began: Moving) -> str:
    """Why a move does not go on in another database."""
    if began.done_ms is not None and not began.unfinished:
        return f"--to: this store has moved to {began.to} for good; set [store] url to it"
    mend = "go on with that, or hotline store migrate --abandon"
    return f"--to: a move of this store to {began.to} has begun; {mend}"


def forget(connection: FileConnection) -> None:
    """Take away all that a move added to a file; in the caller's transaction."""
    made = "SELECT type, name FROM sqlite_master WHERE type = ? AND name LIKE 'moving%'"
    for sort in ("trigger", "table"):
        for _, name in connection.execute(made, (sort,)).fetchall():
            connection.execute(f"DROP {sort.upper()} {name}")
