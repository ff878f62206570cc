"""Data files that go while they are opened, as when an update puts a new one in their place."""

from __future__ import annotations

from pathlib import Path, PosixPath
from typing import Any

import pytest

from node.jurisdiction.datafiles import check_unchanged, read_text, snapshot
from node.jurisdiction.errors import DataFileError


class Vanishing(PosixPath):
    """A file that is removed as soon as somebody has opened it."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Open it, and remove it."""
        opened = super().open(*args, **kwargs)
        self.unlink()
        return opened


def test_a_file_that_went_after_it_was_hashed_is_an_error_that_names_it(tmp_path: Path) -> None:
    """Callers go on with their old data after a `DataFileError`, and after nothing else."""
    path = tmp_path / "list.txt"
    path.write_text("entry", encoding="utf-8")
    before = snapshot(path, "proxies", None)
    path.unlink()
    with pytest.raises(DataFileError, match="'proxies': cannot be read"):
        check_unchanged(path, "proxies", before)


def test_a_file_that_goes_before_it_is_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    """The same, one step earlier."""
    path = Vanishing(tmp_path / "list.txt")
    Path(path).write_text("entry", encoding="utf-8")
    with pytest.raises(DataFileError, match="'proxies': cannot be read"):
        read_text(path, "proxies", "proxies")
