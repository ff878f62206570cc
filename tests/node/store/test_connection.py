"""Making a database file where the system does not let it be made: named, and to be tried again."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from node.store.backup import backup
from node.store.connection import create_database, open_reader
from node.store.errors import StoreError, StoreFullError

KEY = bytes(range(32))


@contextmanager
def limited(what: int, most: int) -> Iterator[None]:
    """Let this process have no more of something than so much."""
    before = resource.getrlimit(what)
    resource.setrlimit(what, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(what, before)


def test_a_database_that_finds_no_room_says_that_the_disk_is_full(tmp_path: Path) -> None:
    """`hotline init` showed it as a mistake of this program."""
    with limited(resource.RLIMIT_FSIZE, 50_000), pytest.raises(StoreFullError):
        create_database(tmp_path / "node.db", KEY)


def test_a_file_beside_the_database_that_cannot_be_opened_is_told_apart(tmp_path: Path) -> None:
    """Space, an owner, or a limit: the message says where to look."""
    (tmp_path / "node.db-journal").mkdir()
    with pytest.raises(StoreError, match="check owner, space"):
        create_database(tmp_path / "node.db", KEY)


def test_a_database_that_cannot_be_opened_is_no_mistake_of_this_program(tmp_path: Path) -> None:
    """It may be another user's, made by a verb that root typed: doctor wanted it reported."""
    create_database(tmp_path / "node.db", KEY)
    with limited(resource.RLIMIT_NOFILE, 3), pytest.raises(StoreError, match="check owner"):
        open_reader(tmp_path / "node.db", KEY)


@pytest.mark.parametrize(
    "name", ["no 1#a", "what?mode=memory", "a%41", "it's \N{BLACK STAR}", os.fsdecode(b"k\xf6ln")]
)
def test_a_database_stands_where_it_is_said_to(tmp_path: Path, name: str) -> None:
    """Not in a file whose name ends at a `#` or `?`: two nodes would have one, and backups none."""
    folder = tmp_path / name
    create_database(folder / "node.db", KEY)
    assert (folder / "node.db").stat().st_size > 0
    assert list(tmp_path.iterdir()) == [folder]
    open_reader(folder / "node.db", KEY).close()
    backup(folder / "node.db", KEY, folder / "copy", KEY)
    open_reader(folder / "copy", KEY).close()


@pytest.mark.parametrize("name", ["node.db", ":memory:", "//"])
def test_a_database_stands_in_the_folder_where_a_verb_is_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """And where a folder was put together with one stroke too many."""
    monkeypatch.chdir(tmp_path)
    path = Path(f"/{tmp_path}/node.db" if name == "//" else name)
    create_database(path, KEY)
    open_reader(path, KEY).close()
    assert path.stat().st_size > 0
