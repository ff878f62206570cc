"""Making, finding and bringing up to date a store in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import psycopg

from node.store.errors import (
    AlreadyOpenError,
    MoveUnfinishedError,
    NewerDatabaseError,
    OlderDatabaseError,
    RefusedByServerError,
    UnknownDatabaseError,
    UnsafeServerError,
)
from node.store.postgres.connection import PostgresConnection, Raw, connect
from node.store.postgres.faults import POOLER, translate
from node.store.postgres.migrating import bring_up_to_date, is_behind, make
from node.store.postgres.place import Postgres
from node.store.postgres.sealing import Seal
from node.store.postgres.tenant import BesideConnection, TenantConnection, take_lock
from node.store.schema_files import SCHEMA_FILES

OLDEST: Final = 140_000
PROOF: Final = b"hotline"
_MISSING: Final = (
    "store.url: no store in that database; see whether it is the right one. `hotline init --store`"
    " makes one, the server's own tools bring one back from its dump"
)
_NEVER_ENDED: Final = "SET application_name = 'hotline command'"
"""Who stands by ends the sessions of nodes alone (`standing_by`), which show that they live."""
_ELSEWHERE: Final = """
SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = to_regclass('tenure')
AND relnamespace IS DISTINCT FROM current_schema()::regnamespace
"""
_NO_RIGHT: Final = """
SELECT relname FROM pg_class
WHERE relnamespace = current_schema()::regnamespace
AND relowner = (SELECT relowner FROM pg_class WHERE oid = to_regclass('tenure'))
AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
    AND deptype = 'e')
AND NOT CASE relkind
    WHEN 'r' THEN has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
        AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')
    WHEN 'v' THEN has_table_privilege(oid, 'SELECT')
    WHEN 'S' THEN has_sequence_privilege(oid, 'USAGE')
    ELSE true END
ORDER BY relname LIMIT 1
"""
C = TypeVar("C", bound=PostgresConnection)


def create(place: Postgres, key: bytes) -> None:
    """Make an empty store in a database that holds none; all of it or nothing.

    Raises:
        AlreadyOpenError: a store is already there; it is never overwritten.
        AwayError, RefusedByServerError, UnsafeServerError
    """
    raw = connect(place)
    try:
        check_server(place, raw)
        with raw.transaction():
            _make(raw, key)
    except psycopg.Error as error:
        raise translate(error) from error
    finally:
        raw.close()


def _make(raw: Raw, key: bytes) -> None:
    if is_there(raw):
        raise AlreadyOpenError("store.url: a store is already there; it is never overwritten")
    make(raw)
    proof = Seal(key).close(PROOF)
    raw.execute("INSERT INTO tenure (fence, commits, proof) VALUES (0, 0, %b)", [proof])


def open_tenant(place: Postgres, key: bytes) -> TenantConnection:
    """Open the writing connection of a node, and keep every other node out.

    The lock comes before the schema: an older program that works may not know a newer one.

    Raises:
        UnknownDatabaseError, WrongKeyError, NewerDatabaseError, AlreadyOpenError, AwayError,
        RefusedByServerError, UnsafeServerError
    """
    make_of = lambda seal, raw: TenantConnection(place, seal, raw)  # noqa: E731
    return _open(place, key, make_of, upgrades=True, locks=True)


def open_writer(place: Postgres, key: bytes) -> BesideConnection:
    """Open a connection that writes beside the node, or while none runs.

    Raises:
        OlderDatabaseError: it is not brought up to date, and an older program may work on it.
        UnknownDatabaseError, WrongKeyError, NewerDatabaseError, AwayError, RefusedByServerError,
        UnsafeServerError
    """
    return _open(place, key, lambda seal, raw: BesideConnection(place, seal, raw))


def open_alone(place: Postgres, key: bytes) -> BesideConnection:
    """Open a connection that writes, brought up to date, for who holds the lock (`ServerLock`).

    Raises:
        UnknownDatabaseError, WrongKeyError, NewerDatabaseError, AwayError, RefusedByServerError,
        UnsafeServerError
    """
    return _open(place, key, lambda seal, raw: BesideConnection(place, seal, raw), upgrades=True)


def open_reader(place: Postgres, key: bytes) -> PostgresConnection:
    """Open a connection that cannot write.

    Raises:
        UnknownDatabaseError, WrongKeyError, NewerDatabaseError, AwayError, RefusedByServerError
    """
    return _open(
        place,
        key,
        lambda seal, raw: PostgresConnection(place, seal, raw, read_only=True),
        writes=False,
    )


def is_older(place: Postgres, key: bytes) -> bool:
    """Whether opening the database for a node would bring its schema up to date.

    Raises:
        UnknownDatabaseError, WrongKeyError, NewerDatabaseError, AwayError, RefusedByServerError
    """
    seal, raw = Seal(key), connect(place)
    try:
        check_store(raw, seal)
        return is_behind(raw)
    except psycopg.Error as error:
        raise translate(error) from error
    finally:
        raw.close()


class ServerLock:
    """Keeps every node off a store, for as long as this process lives."""

    def __init__(self, place: Postgres) -> None:
        """Take the lock.

        Raises:
            AlreadyOpenError: a node runs on it.
            UnknownDatabaseError, AwayError, RefusedByServerError
        """
        self._raw = connect(place)
        there = is_there(self._raw)
        if not there:
            self._raw.close()
            raise UnknownDatabaseError(_MISSING)
        self._raw.execute(_NEVER_ENDED)
        take_lock(self._raw)

    def release(self) -> None:
        """Let the next one in."""
        self._raw.close()


def _open(
    place: Postgres,
    key: bytes,
    make_of: Callable[[Seal, Raw], C],
    *,
    writes: bool = True,
    upgrades: bool = False,
    locks: bool = False,
) -> C:
    """Find the store, prove the key; bring the schema up to date, or refuse to write an older one.

    Who `locks` commits nothing while it does so, which may take minutes: it is not to be ended.
    """
    seal, raw = Seal(key), connect(place)
    try:
        if writes:
            check_server(place, raw)
        check_store(raw, seal)
        if writes:
            if locks:
                raw.execute(_NEVER_ENDED)
                take_lock(raw)
            (bring_up_to_date if upgrades else _refuse_older)(raw)
            check_rights(raw)
        made = make_of(seal, raw)
        if locks:
            raw.execute("RESET application_name")  # its fence is new: it has shown that it lives
    except psycopg.Error as error:
        raw.close()
        raise translate(error) from error
    except BaseException:
        raw.close()
        raise
    return made


def _refuse_older(raw: Raw) -> None:
    if is_behind(raw):
        raise OlderDatabaseError(OlderDatabaseError.__doc__)


def check_store(raw: Raw, seal: Seal) -> None:
    """See that a store under this key is there.

    Raises:
        UnknownDatabaseError, MoveUnfinishedError, WrongKeyError, NewerDatabaseError
        UnsafeServerError: it stands in another schema than the first of the search path: it would
            be found, but not which of its columns are sealed.
    """
    if not is_there(raw):
        raise UnknownDatabaseError(_MISSING)
    elsewhere = raw.execute(_ELSEWHERE).fetchone()
    if elsewhere is not None:
        mend = f"put schema {elsewhere[0]} first (ALTER ROLE ... SET search_path), it has the store"
        raise UnsafeServerError(f"store.url: the search path has another schema first; {mend}")
    row = raw.execute("SELECT proof, (SELECT max(number) FROM schema_files) FROM tenure").fetchone()
    if row is None:
        raise MoveUnfinishedError(MoveUnfinishedError.__doc__)
    seal.open(row[0])
    if row[1] > len(SCHEMA_FILES):
        raise NewerDatabaseError(NewerDatabaseError.__doc__)


def check_server(place: Postgres, raw: Raw) -> None:
    """See that what the server confirms survives it, and that its session is this process's own.

    Raises:
        AwayError, RefusedByServerError, UnsafeServerError
    """
    if raw.info.server_version < OLDEST:
        raise UnsafeServerError("store.url: the server is older than PostgreSQL 14; upgrade it")
    mends = {
        ("fsync", "on"): "set fsync to on, else the node does not start",
        ("full_page_writes", "on"): "set full_page_writes to on, else the node does not start",
        ("server_encoding", "UTF8"): "name a database that was made with ENCODING 'UTF8'",
    }
    for (name, value), mend in mends.items():
        row = raw.execute("SELECT current_setting(%s)", [name], prepare=False).fetchone()
        if row is None or row[0] != value:
            raise UnsafeServerError(f"store.url: the server's {name} is not {value}; {mend}")
    if _is_shared(place, raw):
        raise UnsafeServerError(POOLER)


def _is_shared(place: Postgres, raw: Raw) -> bool:
    """Whether two connections may get one session of the server, one transaction after the other.

    What is set in it and the lock that it holds would then be anybody's.
    """
    with connect(place) as other:
        first, second, third = (_session(one) for one in (raw, other, raw))
    return second == first or third != first


def _session(raw: Raw) -> int:
    row = raw.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
    assert row is not None
    return int(row[0])


def check_rights(raw: Raw) -> None:
    """See that this user may read and write every table; else one kind of work alone would fail.

    Those of others and of extensions beside them in the schema are not looked at.

    Raises:
        RefusedByServerError: there is one that it may not.
    """
    row = raw.execute(_NO_RIGHT).fetchone()
    if row is not None:
        mend = "let it own the schema, as after `hotline init`, then start again"
        raise RefusedByServerError(f"store.url: its user may not read and write {row[0]}; {mend}")


def is_there(raw: Raw) -> bool:
    """Whether a store, or half of one, is in the database."""
    row = raw.execute("SELECT to_regclass('tenure') IS NOT NULL").fetchone()
    return row is not None and bool(row[0])
