"""Making a database file where the system does not let it be made: named, and to be tried again."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from node.store.connection import create_database
from node.store.errors import StoreError, StoreFullError

KEY = bytes(range(32))


def test_a_database_that_finds_no_room_says_that_the_disk_is_full(tmp_path: Path) -> None:
    """`hotline init` showed it as a mistake of this program."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(StoreFullError):
            create_database(tmp_path / "node.db", KEY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_beside_the_database_that_cannot_be_opened_is_told_apart(tmp_path: Path) -> None:
    """Space, an owner, or a limit: the message says where to look."""
    (tmp_path / "node.db-journal").mkdir()
    with pytest.raises(StoreError, match="check owner, space"):
        create_database(tmp_path / "node.db", KEY)
