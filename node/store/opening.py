"""Opening a store where it stands: an encrypted file, or a database of a PostgreSQL server.

Who opens a store hands over a place and knows no more. The driver of PostgreSQL is imported where a
server is meant: it is an extra, and costs a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from node.store import connection as files
from node.store.backup import keep_older
from node.store.errors import NoDriverError
from node.store.postgres.place import Postgres
from node.store.seam import Connection
from node.store.upgrade.upgrading import Step, Upgrade

if TYPE_CHECKING:
    from types import ModuleType

Place: TypeAlias = Path | Postgres


class Lock(Protocol):
    """Keeps every other node off a store."""

    def release(self) -> None:
        """Let the next one in."""
        ...


class _OwnLock:
    """The lock of a connection that holds it itself."""

    def release(self) -> None:
        """Nothing: closing the connection let go of it."""


def create_database(place: Place, key: bytes) -> None:
    """Make an empty store; refuses to overwrite one.

    Raises:
        StoreError: see `connection.create_database` and `postgres.opening.create`.
    """
    if isinstance(place, Path):
        files.create_database(place, key)
    else:
        _server().create(place, key)


def open_locked(
    place: Place, key: bytes, upgrade: Upgrade | None = None
) -> tuple[Connection, Lock]:
    """Open the writing connection of a node, brought up to date; no second node beside it.

    Raises:
        BrokenOffError: `upgrade` was, before it was done.
        StoreError: see `connection.open_writer` and `postgres.opening.open_tenant`.
    """
    upgrade = upgrade or Upgrade()
    if isinstance(place, Postgres):
        upgrade.reach(Step("schema"))
        tenant: Connection = _server().open_tenant(place, key)
        return tenant, _OwnLock()
    lock = files.ProcessLock(place)
    try:
        keep_older(place, key, upgrade)
        upgrade.reach(Step("schema"))
        return files.open_writer(place, key), lock
    except BaseException:
        lock.release()
        raise


def wait_for_turn(place: Place, key: bytes, give_up: Callable[[], bool]) -> bool:
    """Wait until no node works on a store of a server; False: it was given up before.

    Another one may be quicker: `open_locked` says so, and one waits again.

    Raises:
        StoreError: see `postgres.standing_by.wait`.
    """
    assert isinstance(place, Postgres)
    _server()
    from node.store.postgres import standing_by  # noqa: PLC0415 - an extra

    return standing_by.wait(place, key, give_up)


def open_writer(place: Place, key: bytes) -> Connection:
    """Open a connection that writes beside a node, or while none runs.

    Raises:
        OlderDatabaseError: it is not brought up to date: a node of an older version may run on it.
        StoreError: see `connection.open_beside` and `postgres.opening.open_writer`.
    """
    if isinstance(place, Path):
        return files.open_beside(place, key)
    opened: Connection = _server().open_writer(place, key)
    return opened


def open_alone(place: Place, key: bytes) -> Connection:
    """Open a connection that writes, brought up to date, for who keeps nodes out (`keep_out`).

    Raises:
        StoreError: see `connection.open_writer` and `postgres.opening.open_alone`.
    """
    if isinstance(place, Path):
        keep_older(place, key)
        return files.open_writer(place, key)
    opened: Connection = _server().open_alone(place, key)
    return opened


def open_reader(place: Place, key: bytes) -> Connection:
    """Open a connection that cannot write.

    Raises:
        StoreError: see `connection.open_reader` and `postgres.opening.open_reader`.
    """
    if isinstance(place, Path):
        return files.open_reader(place, key)
    opened: Connection = _server().open_reader(place, key)
    return opened


def is_older(place: Place, key: bytes) -> bool:
    """Whether a store is to be brought up to date by a node that starts.

    Raises:
        StoreError: see `connection.is_older` and `postgres.opening.is_older`.
    """
    if isinstance(place, Path):
        return files.is_older(place, key)
    older: bool = _server().is_older(place, key)
    return older


def keep_out(place: Place) -> Lock:
    """Keep every node off the store, for as long as this process lives.

    Raises:
        AlreadyOpenError: a node runs on it.
        StoreError: see `postgres.opening.ServerLock`.
    """
    if isinstance(place, Path):
        return files.ProcessLock(place)
    lock: Lock = _server().ServerLock(place)
    return lock


def _server() -> ModuleType:
    """The module that opens stores on servers.

    Raises:
        NoDriverError: the driver is not installed.
    """
    try:
        from node.store.postgres import opening  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise NoDriverError(NoDriverError.__doc__) from error
    return opening
