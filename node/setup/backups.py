"""`hotline backup` and `restore`: one file and its key, whole or not at all.

A backup has a random key of its own, wrapped like the database's and kept beside it. A restored
database is marked as restored before it gets its final name: a node must never start on one that
does not know it. Nothing that stands is overwritten.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keys.keyring import load_backup_key, load_database_key, make_backup_key
from keys.unlock import Unlock
from node.setup.errors import AlreadySetUpError, ServerStoreError
from node.setup.opening import open_database_key
from node.store import backup as copies

if TYPE_CHECKING:
    from node.config import Config

_LAST: Final = "last-backup"
"""In `data_dir`: when the last backup was made here, UTC in milliseconds. The database itself is
the running node's to write, and a copy of it need not know of the copy."""
_JOURNALS = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class MadeBackup:
    """A backup that was made and checked."""

    path: Path
    key: Path
    size_bytes: int


def make_backup(config: Config, destination: Path) -> MadeBackup:
    """Copy the database as it is now, beside a running node, under a new key.

    Args:
        config: of the node.
        destination: file to make; its key becomes `DESTINATION.key`.

    Raises:
        AlreadySetUpError: the file or its key stands already.
        ServerStoreError: the store is on a server.
        KeysError: the database key cannot be read, or the new key not be written.
        StoreError: the database cannot be read, or the copy not be written.
    """
    _refuse_server(config)
    key_path = destination.with_name(destination.name + ".key")
    _refuse_standing(destination)
    if key_path.exists():
        mend = (
            "move it away: it is of a backup that was broken off, or of one that was carried away"
        )
        raise AlreadySetUpError(f"{key_path}: stands already and is never overwritten; {mend}")
    unlock = Unlock.from_config(config.member.unlock)
    source_key = open_database_key(config)
    key = make_backup_key(key_path, unlock)
    try:
        size = copies.backup(config.store.path, source_key, destination, key)
    except BaseException:
        key_path.unlink(missing_ok=True)
        raise
    return MadeBackup(destination, key_path, size)


def note_backup(config: Config, now_ms: int) -> None:
    """Remember that a backup was made, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    target = config.member.data_dir / _LAST
    partial = target.with_name(f"{_LAST}.partial")
    partial.write_text(f"{now_ms}\n", "ascii")
    partial.replace(target)


def last_backup_ms(config: Config) -> int | None:
    """When the last backup was made here; None: never, or nobody knows."""
    try:
        return int((config.member.data_dir / _LAST).read_text("ascii"))
    except (OSError, ValueError):
        return None


def bring_back(config: Config, source: Path, key_path: Path | None, now_ms: int) -> Path:
    """Put a backup in the database's place; the node must not run and no database may stand.

    Args:
        config: of the node.
        source: the backup.
        key_path: its key file; None: `SOURCE.key`.
        now_ms: UTC; remembered in the database.

    Raises:
        AlreadySetUpError: a database, or the journal of one, stands there.
        ServerStoreError: the store is on a server.
        KeysError: a key cannot be read.
        StoreError: the backup cannot be read, is damaged, or belongs to a newer version.
    """
    _refuse_server(config)
    target = config.store.path
    _refuse_standing(*(target.with_name(target.name + ending) for ending in _JOURNALS))
    unlock = Unlock.from_config(config.member.unlock)
    source_key = load_backup_key(key_path or source.with_name(source.name + ".key"), unlock)
    target_key = load_database_key(config.member.keys_dir, unlock)
    waiting = target.with_name(target.name + ".restoring")
    _remove(waiting)
    try:
        copies.restore(source, source_key, waiting, target_key, now_ms)
        waiting.rename(target)
    finally:
        _remove(waiting)
    return target


def _refuse_server(config: Config) -> None:
    if config.store.url is not None:
        mend = "the server's own tools copy this store and bring it back; docs/operating/backups.md"
        raise ServerStoreError(f"[store] url: {mend}")


def _refuse_standing(*paths: Path) -> None:
    for path in paths:
        if path.exists():
            mend = "stands already and is never overwritten; move it away"
            raise AlreadySetUpError(f"{path}: {mend}")


def _remove(path: Path) -> None:
    for ending in _JOURNALS:
        path.with_name(path.name + ending).unlink(missing_ok=True)
