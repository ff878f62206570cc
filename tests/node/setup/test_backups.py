"""Backup and restore: whole, keyed, marked, over nothing."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from keys.errors import KeysError
from keys.keyring import load_database_key
from keys.unlock import Unlock
from node.config import Config
from node.setup.backups import bring_back, make_backup
from node.setup.errors import AlreadySetUpError
from node.setup.member import NewMember, make_member
from node.store.connection import open_reader, open_writer
from node.store.errors import StoreError
from node.store.history import History
from node.store.writer import InlineReaders, InlineWriter

NOW = 1_790_000_000_000


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Give a new member."""
    wish = NewMember(
        directory=tmp_path / "node",
        member="gb-iwf",
        name="Hotline of the north",
        network="demo-0123456789abcdef",
        jurisdictions=("GB",),
    )
    return make_member(wish, NOW).config


def database_key(config: Config) -> bytes:
    """Give the key of the member's database."""
    return load_database_key(config.member.keys_dir, Unlock.from_config(config.member.unlock))


async def fact(config: Config, name: str) -> str | None:
    """Read a fact that the database keeps about itself."""
    key = database_key(config)
    writer = InlineWriter(open_writer(config.store.path, key))
    readers = InlineReaders(open_reader(config.store.path, key))
    found = await History(writer, readers).fact(name)
    readers.close()
    await writer.close()
    return found


def lose_database(config: Config) -> None:
    """Remove the database with its journals."""
    for path in config.store.path.parent.glob("node.db*"):
        path.unlink()


def names(directory: Path) -> set[str]:
    """Name all that stands in a directory."""
    return {path.name for path in directory.iterdir()}


async def test_restored_database_knows_that_it_was_restored(config: Config, tmp_path: Path) -> None:
    """Its channels are opened as restored: it may have sent what it no longer knows of."""
    assert await fact(config, "restored_ms") is None
    made = make_backup(config, tmp_path / "last-night")
    lose_database(config)
    assert bring_back(config, made.path, None, NOW + 5) == config.store.path
    assert await fact(config, "restored_ms") == str(NOW + 5)
    assert {name for name in names(config.store.path.parent) if "restoring" in name} == set()


def test_backup_has_its_own_key_in_a_file_of_its_own(config: Config, tmp_path: Path) -> None:
    """Both private; neither opens with the other key."""
    made = make_backup(config, tmp_path / "copy")
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    with pytest.raises(StoreError):
        open_reader(made.path, database_key(config))


def test_nothing_is_overwritten(config: Config, tmp_path: Path) -> None:
    """Neither a backup, nor a key, nor a database."""
    made = make_backup(config, tmp_path / "copy")
    before = made.path.read_bytes()
    with pytest.raises(AlreadySetUpError):
        make_backup(config, tmp_path / "copy")
    with pytest.raises(AlreadySetUpError):
        bring_back(config, made.path, None, NOW)
    assert made.path.read_bytes() == before


def test_journal_of_a_lost_database_is_not_taken_for_ours(config: Config, tmp_path: Path) -> None:
    """SQLite would replay it over the restored file."""
    made = make_backup(config, tmp_path / "copy")
    lose_database(config)
    config.store.path.with_name("node.db-wal").write_bytes(b"old")
    with pytest.raises(AlreadySetUpError, match="wal"):
        bring_back(config, made.path, None, NOW)


@pytest.mark.parametrize("damage", ["cut", "flipped", "garbage"])
def test_damaged_backup_is_refused_and_leaves_nothing(
    config: Config, tmp_path: Path, damage: str
) -> None:
    """Better no database than half of one."""
    made = make_backup(config, tmp_path / "copy")
    raw = bytearray(made.path.read_bytes())
    if damage == "cut":
        raw = raw[: len(raw) // 2]
    elif damage == "flipped":
        raw[len(raw) // 2] ^= 1
    else:
        raw = bytearray(b"x" * len(raw))
    made.path.write_bytes(raw)
    lose_database(config)
    with pytest.raises(StoreError):
        bring_back(config, made.path, None, NOW)
    assert not list(config.store.path.parent.glob("node.db*"))


def test_lost_or_wrong_key_is_a_key_problem(config: Config, tmp_path: Path) -> None:
    """A backup without its key is noise."""
    made = make_backup(config, tmp_path / "copy")
    lose_database(config)
    made.key.rename(tmp_path / "elsewhere.key")
    with pytest.raises(KeysError):
        bring_back(config, made.path, None, NOW)
    with pytest.raises(KeysError):
        bring_back(config, made.path, config.member.keys_dir / "database.key", NOW)
    bring_back(config, made.path, tmp_path / "elsewhere.key", NOW)


def test_failed_backup_leaves_no_key(config: Config, tmp_path: Path) -> None:
    """No database, no backup, no key of one."""
    lose_database(config)
    with pytest.raises(StoreError):
        make_backup(config, tmp_path / "copy")
    assert not list(tmp_path.glob("copy*"))
