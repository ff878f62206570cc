"""The connections that write: the node's own, and those of a command beside it.

One row, `tenure`, says who may write and how many transactions he has committed. Each transaction
locks it first, so that writers come one after the other, as in SQLite; the node's adds one to its
`commits`, in the same message as its BEGIN. A process that finds another fence there was displaced
and keeps nothing. An advisory lock on the tenure, held by the session, keeps a second node out for
as long as the first lives, however it dies.

The server may go away while it commits, and nobody knows whether it did. The row tells, as soon as
the server is back: with the number that this transaction made, it is kept; with the one before, it
is not. So nothing is done a second time.

The same number tells of a server that was set back under a running node: a standby was promoted
that lacked the last transactions. What the process has in memory, and what it has told others, is
then ahead of what is kept; it keeps nothing more, leaves a mark for those that start after it, and
ends. A person says `hotline restored`, which takes the mark away, and moves the fence beyond every
process that began before: one that wakes up later must not leave it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

import psycopg

from node.store.errors import (
    AlreadyOpenError,
    AwayError,
    SetBackError,
    StoreError,
    StoreFullError,
    UnsureError,
)
from node.store.history import SET_BACK
from node.store.postgres.connection import PAUSE_S, PostgresConnection, Raw, Rows, connect
from node.store.postgres.faults import translate
from node.store.postgres.place import Postgres
from node.store.postgres.sealing import Seal

SETTLE_S: Final = 20.0
"""How long the writer waits for the server to come back, to learn whether a commit was kept."""
PATIENCE_S: Final = 1.0
"""How long who opens a store waits for the server to let go the session of one that has ended."""
_LOOK_S: Final = 0.02
_IN_USE: Final = "store.url: another process runs on this database; stop it first"
_LOCK = "SELECT pg_try_advisory_lock('tenure'::regclass::oid::bigint)"
_UNLOCK = "SELECT pg_advisory_unlock('tenure'::regclass::oid::bigint)"
_FENCE = "SELECT fence FROM tenure"
_MARK = (
    "INSERT INTO meta (name, value) SELECT %s, '1' FROM tenure WHERE fence <= %s FOR UPDATE"
    " ON CONFLICT (name) DO NOTHING"
)
_WAIT = "SELECT 1 FROM tenure FOR UPDATE"
"""A transaction of its own, after whose end the standbys have what was committed before it, too."""
_WAITS_IN = "SyncRepWaitForLSN"
"""The function of the server that warns: its words are in the language of the server."""
_MAY_ONLY_READ = "SELECT current_setting('default_transaction_read_only') = 'on'"
_IS_MARKED = "SELECT 1 FROM meta WHERE name = %s"
_NOBODY = Rows(iter(()), -1)


def take_lock(raw: Raw) -> None:
    """Hold the lock of the running node, for as long as this connection lives.

    A process that ended, however it did, has its session on the server for some milliseconds more,
    longer on a busy machine: so the lock is asked for again and again, for `PATIENCE_S` at most.
    Blocks: a thread's, or a program's that does not run yet.

    Raises:
        AlreadyOpenError: another session holds it; this one is closed.
    """
    until = time.monotonic() + PATIENCE_S
    while not _try_lock(raw):
        if time.monotonic() >= until:
            raw.close()
            raise AlreadyOpenError(_IN_USE)
        time.sleep(_LOOK_S)


def mark_set_back(raw: Raw, fence: int) -> None:
    """Say in the database, as far as it can be written, that it lacks what was confirmed.

    Unless it has a later fence than `fence`, that of who finds out: then a person knows.
    """
    with suppress(psycopg.Error):
        raw.execute(_MARK, [SET_BACK, fence])


def _try_lock(raw: Raw) -> bool:
    row = raw.execute(_LOCK).fetchone()
    return row is not None and bool(row[0])


def _may_only_read(raw: Raw) -> bool:
    row = raw.execute(_MAY_ONLY_READ, prepare=False).fetchone()
    return row is not None and bool(row[0])


class BesideConnection(PostgresConnection):
    """Writes beside the node, one short transaction after the other: `hotline tasks close`."""

    def __init__(self, place: Postgres, seal: Seal, raw: Raw) -> None:
        super().__init__(place, seal, raw, read_only=False)
        self._is_cut_short = False
        raw.add_notice_handler(self._heed)

    def _heed(self, said: psycopg.errors.Diagnostic) -> None:
        """The server warns of a wait for its standbys that an administrator broke off."""
        if said.source_function == _WAITS_IN:
            self._is_cut_short = True

    def _special(self, sql: str) -> Callable[[], Rows] | None:
        if sql == "BEGIN IMMEDIATE":
            return self._begin
        if sql == "COMMIT":
            return self._commit
        return super()._special(sql)

    def _begin(self) -> Rows:
        self._say(f"BEGIN; {_WAIT}")
        return _NOBODY

    def _commit(self) -> Rows:
        self._is_cut_short = False
        try:
            done = self._raw.execute("COMMIT").statusmessage
        except psycopg.Error as error:
            if self._raw.closed:
                raise UnsureError(UnsureError.__doc__) from error
            raise translate(error) from error
        if done != "COMMIT":  # a statement had failed: the server takes all back, and calls it done
            raise StoreError("store: a statement of the transaction had failed; nothing was kept")
        while self._is_cut_short:
            self._wait_again()
        return _NOBODY

    def _wait_again(self) -> None:
        """Wait for the standbys once more: what is said to be kept survives a failover to them.

        Raises:
            UnsureError: the session was ended instead.
        """
        self._is_cut_short = False
        try:
            self._raw.execute(_WAIT)
        except psycopg.Error as error:
            if self._raw.closed:
                raise UnsureError(UnsureError.__doc__) from error
            self._is_cut_short = True
            time.sleep(PAUSE_S)  # a server that was set read-only meanwhile refuses at once

    def _say(self, text: str) -> psycopg.Cursor[tuple[object, ...]]:
        try:
            return self._raw.execute(text, prepare=False)
        except psycopg.Error as error:
            raise translate(error) from error


class TenantConnection(BesideConnection):
    """The writing connection of a running node; comes back after the server was away.

    Its session has the lock of the tenure (`take_lock`) already. `settle_s`: see `SETTLE_S`.
    """

    def __init__(self, place: Postgres, seal: Seal, raw: Raw) -> None:
        super().__init__(place, seal, raw)
        self.settle_s = SETTLE_S
        if raw.execute(_IS_MARKED, [SET_BACK]).fetchone():
            raise SetBackError(SetBackError.__doc__)
        row = raw.execute("UPDATE tenure SET fence = fence + 1 RETURNING fence, commits").fetchone()
        assert row is not None
        self._fence, self._commits = int(row[0]), int(row[1])
        self._kept = self._commits

    def _begin(self) -> Rows:
        """Begin a transaction; a connection that turns out dead held nothing, and is renewed.

        So is one that may only read where a new one may write.
        """
        try:
            self._count()
        except AwayError:
            if not self._raw.closed:
                raise
            self._come_back()
            self._count()
        except StoreFullError:
            self._roll_back()
            if not self._may_write_anew():
                raise
            with suppress(psycopg.Error):
                self._raw.execute(_UNLOCK)  # the server takes a moment to end a session
            self._raw.close()
            self._come_back()
            self._count()
        return _NOBODY

    def _may_write_anew(self) -> bool:
        """Whether a session that begins now may write, and this one not.

        What is set for a database or a user a session learns when it begins, and never after. This
        one, and its lock, are kept until then.
        """
        try:
            if not _may_only_read(self._raw):
                return False
            with connect(self._place) as other:
                return not _may_only_read(other)
        except (psycopg.Error, StoreError):
            return False

    def _count(self) -> None:
        sql = f"UPDATE tenure SET commits = commits + 1 WHERE fence = {self._fence}"  # noqa: S608
        cursor = self._say(f"BEGIN; {sql} RETURNING commits")
        cursor.nextset()
        row = cursor.fetchone()
        if row is None:
            self._raw.close()
            raise AlreadyOpenError(_IN_USE)
        self._commits = int(str(row[0]))
        if self._commits <= self._kept:
            self._was_set_back(self._raw)

    def _was_set_back(self, raw: Raw) -> NoReturn:
        """Leave the mark on a server that lacks what it had confirmed.

        Raises:
            SetBackError: always.
        """
        with suppress(psycopg.Error):
            raw.execute("ROLLBACK")
        mark_set_back(raw, self._fence)
        raw.close()
        raise SetBackError(SetBackError.__doc__)

    def _commit(self) -> Rows:
        try:
            super()._commit()
        except UnsureError:
            if not self._was_kept():
                raise AwayError(AwayError.__doc__) from None
        self._kept = self._commits
        return _NOBODY

    def _take_up(self, raw: Raw) -> None:
        """Take the lock again; it may still be held by what is left of our dead session.

        Raises:
            AlreadyOpenError: another process has taken over.
            SetBackError: the server has not even heard that this process began.
            AwayError, psycopg.Error
        """
        raw.add_notice_handler(self._heed)
        row = raw.execute(_FENCE).fetchone()
        if row is None or row[0] > self._fence:
            raise AlreadyOpenError(_IN_USE)
        if row[0] < self._fence:
            self._was_set_back(raw)
        if not _try_lock(raw):  # whoever comes back asks again by himself
            raise AwayError(AwayError.__doc__)

    def _was_kept(self) -> bool:
        """Whether the transaction whose COMMIT was not answered was kept.

        Raises:
            UnsureError: the server did not come back in time to tell; or another process has taken
                over, whose number is another one.
        """
        until = time.monotonic() + self.settle_s
        while time.monotonic() < until:
            try:
                if self._raw.closed:
                    self._come_back()
                sql = f"SELECT commits FROM tenure WHERE fence = {self._fence} FOR UPDATE"  # noqa: S608
                self._is_cut_short = False
                row = self._say(sql).fetchone()
                if self._is_cut_short:
                    continue
            except AlreadyOpenError:
                break
            except SetBackError:
                return False
            except StoreError:
                time.sleep(PAUSE_S)
                continue
            if row is None:
                break
            return bool(row[0] == self._commits)
        raise UnsureError(UnsureError.__doc__)
