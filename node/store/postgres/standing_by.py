"""Standing by: a process of the node that waits until the one that works is gone, and takes over.

Nobody leads, and no clock is compared. Whoever holds the lock of the tenure works; it goes with the
session of a process that dies. One that hangs keeps its session, so the number of its commits,
which it raises every few seconds even when there is nothing to do, is watched: if it stands still
for `LEASE_S` by the clock of the one that waits, while the server answers, the server is told to
end that session. That is a matter of speed and not of safety: whatever the old process does when it
wakes up, the fence on the row of the tenure keeps nothing of it (`tenant.py`).

After the server was away, or could only be read, who worked has `RETURN_S` to come back: it alone
knows whether the server lacks what it had confirmed last.

A server that still is another's standby is nobody's to work on: no session begins with it, and it
is away until it is promoted (`connection.connect`). Then the same number tells whether it was
behind: one lower than was seen here says that transactions which were confirmed are lost, and who
worked then may have died with the old server. Then nobody takes over. What was seen before a person
said `hotline restored` counts no more: so the database tells which restores it knows, and one that
was not seen there yet is that word. One that is gone is none: a server that was set back to before
it lacks it, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psycopg

from node.store.errors import (
    AwayError,
    RefusedByServerError,
    SetBackError,
    StoreError,
    UnsafeServerError,
)
from node.store.postgres.connection import NAME, Raw, connect
from node.store.postgres.faults import translate
from node.store.postgres.opening import check_rights, check_store
from node.store.postgres.place import Postgres
from node.store.postgres.sealing import Seal
from node.store.postgres.tenant import mark_set_back

LOOK_S: Final = 0.25
"""How often the lock is looked at."""
SLOW_S: Final = 1.0
"""How long the server may take to answer, else it hangs itself."""
LEASE_S: Final = 15.0
"""How long the one that works may show nothing."""
RETURN_S: Final = 6.0
"""How long nobody takes over once a server that was away is back: who works writes every 2 s."""
_HOLDER: Final = """
SELECT t.fence, t.commits, l.pid,
    coalesce((SELECT value FROM meta WHERE name = 'restores'), '')
FROM tenure t LEFT JOIN pg_locks l
ON l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid = 0
AND l.objid = 'tenure'::regclass::oid
AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_END: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND application_name = %s
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who works: its fence, its commits so far, and its session on the server (None: nobody).

    `restores`: which the database knows, with commas between (`node.store.backup`).
    """

    fence: int
    commits: int
    session: int | None
    restores: str = ""


class StandBy:
    """One process that waits for its turn."""

    def __init__(self, place: Postgres, key: bytes, now_s: Callable[[], float]) -> None:
        """Look whether a store of this key is there; a server that is away is waited for.

        Args:
            place: where the store is.
            key: of the store.
            now_s: a clock that only goes forward.

        Raises:
            StoreError: as `opening.open_reader`, but for `AwayError`.
        """
        self._place = place
        self._key = key
        self._now_s = now_s
        self._raw: Raw | None = None
        self._seen: Holder | None = None
        self._since_s = now_s()
        self._back_s: float | None = None
        self._was_away = False
        try:
            self._raw = self._begin()
        except AwayError:
            self._was_away = True
        self._commits = 0
        self._restores = {""}  # it may be set back to before all of them

    def _begin(self) -> Raw:
        raw = connect(self._place)
        try:
            check_store(raw, Seal(self._key))
            check_rights(raw)
        except psycopg.errors.InsufficientPrivilege as error:
            raw.close()
            raise translate(error) from error  # nothing was seen yet that would be forgotten
        except psycopg.Error as error:
            raw.close()
            raise _named(error) from error
        except BaseException:
            raw.close()
            raise
        return raw

    def _connected(self) -> Raw:
        if self._raw is None:
            self._raw = self._begin()
        elif self._raw.closed:
            self._raw = connect(self._place)
        return self._raw

    def close(self) -> None:
        """Wait no more."""
        if self._raw is not None:
            self._raw.close()

    def is_free(self) -> bool:
        """Whether nobody works; one that has shown nothing for too long is ended.

        While the server is away or hangs nobody is said to be free, and no time passes.

        Raises:
            SetBackError: nobody works, on a server that lacks what was seen on it; it is marked.
            StoreError: of a server that was away from the first, as when one begins to wait; or of
                a pooler.
        """
        asked_s = self._now_s()
        try:
            holder, raw = self._look(), self._connected()
        except (AwayError, RefusedByServerError):
            self._seen, self._was_away = None, True
            return False
        if self._was_away:
            self._back_s, self._was_away = self._now_s(), False
        if self._now_s() - asked_s > SLOW_S:
            self._seen = None
        self._heed_restores(holder)
        if holder.session is None:
            if self._back_s is not None and self._now_s() - self._back_s <= RETURN_S:
                return False
            self._check(raw, holder)
            return True
        self._commits = max(self._commits, holder.commits)
        if holder != self._seen:
            self._seen, self._since_s = holder, self._now_s()
        elif self._now_s() - self._since_s > LEASE_S:
            self._end(raw, holder.session)
            self._seen = None
        return False

    def _look(self) -> Holder:
        raw = self._connected()
        try:
            row = raw.execute(_HOLDER).fetchone()
        except psycopg.Error as error:
            raw.close()
            raise _named(error) from error
        if row is None:  # a dump is being restored
            raise AwayError(AwayError.__doc__)
        return Holder(*row)

    def _heed_restores(self, holder: Holder) -> None:
        """Forget the commits that were seen before a person said that the server was set back."""
        known = holder.restores.split(",")
        if known[-1] not in self._restores:
            self._commits = 0
        self._restores.update(known)

    def _check(self, raw: Raw, holder: Holder) -> None:
        """See that the server still has all commits that were seen on it.

        Raises:
            SetBackError: it does not.
        """
        if holder.commits < self._commits:
            mark_set_back(raw, holder.fence)
            raise SetBackError(SetBackError.__doc__)
        self._commits = holder.commits

    def _end(self, raw: Raw, session: int) -> None:
        """End the session of a node; a command that keeps nodes away is left alone."""
        try:
            raw.execute(_END, [session, NAME])
        except psycopg.Error:
            raw.close()


def _named(error: psycopg.Error) -> StoreError:
    """A server that cannot be asked is away, or in the middle of a dump, but for a pooler."""
    found = translate(error)
    return found if isinstance(found, UnsafeServerError) else AwayError(AwayError.__doc__)


def wait(place: Postgres, key: bytes, give_up: Callable[[], bool]) -> bool:
    """Wait until nobody works; False: it was given up before.

    Raises:
        SetBackError: as `StandBy.is_free`.
        StoreError: as `opening.open_reader`, but for `AwayError`: the server is waited for, too.
    """
    standing = StandBy(place, key, time.monotonic)
    try:
        while not give_up():
            if standing.is_free():
                return True
            time.sleep(LOOK_S)
    finally:
        standing.close()
    return False
