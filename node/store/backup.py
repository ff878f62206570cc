"""Backups of a running node, and bringing one back.

A backup is one step on a connection of its own: a consistent copy of one moment, whatever is being
written meanwhile (a copy in chunks starts anew with every write, and never ends under load). It is
encrypted under a key of its own. A restored database says so (`restored_ms`): what it sent after
the backup is unknown to it, so channels are opened with that said, and nothing is sent to the
outside world twice by itself (`outside.py`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from node.casework.showing.feed import restore_tag
from node.store.connection import (
    FileConnection,
    address,
    is_older,
    open_reader,
    open_writer,
)
from node.store.errors import AlreadyOpenError, DamagedDatabaseError
from node.store.faults import driver_errors, translate
from node.store.moving.source import forget
from node.store.recovery.outside import hold_outside
from node.store.schema_files import SCHEMA_FILES
from node.store.seam import Connection
from node.store.upgrade.upgrading import BrokenOffError, Step, Upgrade

NO_TIME_MS = (1 << 63) - 1
"""Later than everything."""
LOOK_EVERY = 200_000
"""Instructions of SQLite's machine between two looks at how far it is: hundredths of a second."""


def backup(
    source: Path,
    source_key: bytes,
    destination: Path,
    destination_key: bytes,
    *,
    restored_ms: int | None = None,
    upgrade: Upgrade | None = None,
) -> int:
    """Copy the database as it is now to a new file (mode 0600); return its size in bytes.

    The node may run and write. Half a backup never has the final name. `restored_ms` marks the
    copy as restored, before it has that name. `upgrade` is told how far it is.

    Raises:
        BrokenOffError: `upgrade` was.
        AlreadyOpenError: `destination` exists.
        StoreError: the source can't be read, or the destination can't be written.
    """
    if destination.exists():
        raise AlreadyOpenError("destination: a file is already there; it is never overwritten")
    partial = destination.with_name(f".{destination.name}.hotline")  # nobody else's
    partial.unlink(missing_ok=True)
    try:
        _write(source, source_key, partial, destination_key, restored_ms, upgrade or Upgrade())
    except BaseException:
        partial.unlink(missing_ok=True)  # the disk that it filled may be the node's
        raise
    _sync(partial)
    partial.rename(destination)
    _sync(destination.parent)
    return destination.stat().st_size


def _write(
    source: Path,
    source_key: bytes,
    partial: Path,
    destination_key: bytes,
    restored_ms: int | None,
    upgrade: Upgrade,
) -> None:
    connection = open_reader(source, source_key)
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        whole = source.stat().st_size
        _heed(connection, upgrade, lambda: Step("copy", partial.stat().st_size, whole))
        _copy(connection, partial, destination_key, restored_ms)
        check(partial, destination_key, upgrade)
    except driver_errors() as error:
        upgrade.reach(upgrade.step)  # so that is why
        raise translate(error) from error
    finally:
        connection.close()


def _heed(connection: FileConnection, upgrade: Upgrade, at: Callable[[], Step]) -> None:
    """Let a long statement say how far it is, and end when it is broken off."""

    def look() -> bool:
        try:
            upgrade.reach(at())
        except BrokenOffError:
            return True
        return False

    connection.set_progress_handler(look, LOOK_EVERY)


def _copy(connection: Connection, partial: Path, key: bytes, restored_ms: int | None) -> None:
    """`sqlcipher_export` within one read transaction: one moment, re-encrypted under `key`."""
    connection.execute("PRAGMA query_only = OFF")
    connection.execute("ATTACH DATABASE ? AS copy KEY ?", (address(partial), f"x'{key.hex()}'"))
    connection.execute("PRAGMA copy.auto_vacuum = INCREMENTAL")  # what is erased gives room back
    version = connection.execute("PRAGMA main.user_version").fetchone()[0]
    connection.execute("BEGIN")
    connection.execute("SELECT sqlcipher_export('copy')")
    connection.execute(f"PRAGMA copy.user_version = {int(version)}")
    if restored_ms is not None:
        mark_restored(connection, restored_ms, "copy.")
    connection.execute("COMMIT")
    connection.execute("DETACH DATABASE copy")


def mark_restored(
    connection: Connection,
    restored_ms: int,
    database: str = "",
    remembers_until_ms: int | None = None,
) -> None:
    """Mark a database as one that may be older than what its node last said and did.

    As a restore does with its copy; also for a disk that somebody else set back, such as the
    snapshot of a virtual machine. Its node accepts once, for each channel, what the receiver holds
    beyond it (docs/protocol.md §8.5.4); what leaves the network waits for a person. As a witness it
    cosigns nothing until its keys of before are ended (§8.12.9).

    Args:
        connection: in a transaction.
        restored_ms: now, UTC.
        database: empty, or the name of an attached one and a full stop.
        remembers_until_ms: until when its memory as a witness is whole, UTC; None: until the last
            time that it gave, as of a backup that nothing was written to since.
    """
    tag = restore_tag(restored_ms)
    # What its node wrote after the moment it was set back to is another history already.
    known_ms = remembers_until_ms or NO_TIME_MS
    said = (
        (
            "INSERT INTO {0}meta (name, value) VALUES ('restored_ms', '{1}')"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        ),
        (
            "INSERT INTO {0}meta (name, value) SELECT 'restores', (SELECT"
            " coalesce(max(value) || ',', '') FROM {0}meta WHERE name = 'restores')"
            " || ({2} + coalesce((SELECT min(seq) - 1 FROM {0}events WHERE learnt_ms > {3}),"
            " (SELECT max(seq) FROM {0}events), 0)) WHERE true"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        ),
        # How many epochs each channel had, so that those opened later are told by no clock.
        "DELETE FROM {0}meta WHERE name LIKE 'epochs %'",
        (
            "INSERT INTO {0}meta (name, value) SELECT 'epochs ' || peer || '/' || lane,"
            " CAST(count(*) AS TEXT) FROM {0}epochs_out GROUP BY peer, lane"
        ),
    )
    for statement in (*said, _ASK_AGAIN):
        connection.execute(statement.format(database, int(restored_ms), tag, int(known_ms)))
    _forget_as_witness(connection, database, restored_ms, remembers_until_ms)
    hold_outside(connection, database, restored_ms)


_ASK_AGAIN = (
    "UPDATE {0}recoveries SET standing = 'asked', attempts = 0, next_ms = 0"
    " WHERE EXISTS (SELECT 1 FROM {0}meta WHERE name = 'recovering')"
)
"""What a lost node had back to its end it may have said more on, after the moment of the copy."""


def _forget_as_witness(
    connection: Connection, database: str, restored_ms: int, remembers_until_ms: int | None
) -> None:
    """Keep what time its memory as a witness lacks."""
    last = f"SELECT coalesce(max(time_s), 0) * 1000 FROM {database}witnessed"  # noqa: S608 - own
    until_ms = connection.execute(last).fetchone()[0]
    if remembers_until_ms is not None:
        until_ms = min(until_ms, remembers_until_ms)
    connection.execute(
        f"INSERT INTO {database}meta (name, value) VALUES ('witness_forgot', ?)"  # noqa: S608
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (f"{int(until_ms)},{int(restored_ms)}",),
    )


def check(path: Path, key: bytes, upgrade: Upgrade | None = None) -> None:
    """Check a database file from end to end.

    Raises:
        BrokenOffError: `upgrade` was.
        DamagedDatabaseError: SQLite finds a fault.
    """
    upgrade = upgrade or Upgrade()
    connection = open_reader(path, key)
    _heed(connection, upgrade, lambda: Step("check"))
    try:
        if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise DamagedDatabaseError(DamagedDatabaseError.__doc__)
    except driver_errors() as error:
        upgrade.reach(upgrade.step)
        raise translate(error) from error
    finally:
        connection.close()


def restore(
    source: Path, source_key: bytes, destination: Path, destination_key: bytes, now_ms: int
) -> None:
    """Bring a backup back under `destination_key`, marked as restored; refuses to overwrite.

    Raises:
        AlreadyOpenError: `destination` exists.
        StoreError: the backup can't be read.
    """
    check(source, source_key)
    backup(source, source_key, destination, destination_key, restored_ms=now_ms)
    connection = open_writer(destination, destination_key)
    try:
        connection.execute("BEGIN IMMEDIATE")
        forget(connection)  # a move to a server that was under way is not the copy's
        connection.execute("COMMIT")
    finally:
        connection.close()


def keep_older(path: Path, key: bytes, upgrade: Upgrade | None = None) -> Path | None:
    """Copy a database that is about to be brought up to date, beside it and under its own key.

    There is no way back from a newer schema but this copy. None: nothing is to be brought up to
    date, or the copy stands there from an earlier attempt.

    Raises:
        BrokenOffError: `upgrade` was; the next attempt begins the copy anew.
        StoreError: it can't be read, or there is no room for the copy; nothing was changed.
    """
    kept = path.with_name(f"{path.name}.before-{len(SCHEMA_FILES)}")
    if not is_older(path, key) or kept.exists():
        return None
    backup(path, key, kept, key, upgrade=upgrade)
    return kept


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
