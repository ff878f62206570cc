"""The allow-list: a file by path, read again when it was replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.hashcheck.allowed import AllowList
from node.jurisdiction.errors import DataFileError

BUILT = "built 2026-11-01T00:00:00Z\n"
ONE, TWO = "c0" * 32, "C1" * 32


def test_it_holds_what_the_file_says(tmp_path: Path) -> None:
    """Comments and blank lines are nothing; a replaced file is taken up."""
    path = tmp_path / "allowed.txt"
    path.write_text(f"# made by hand\n{BUILT}\n{ONE}  # blank\n")
    allowed = AllowList(path)
    assert allowed.digests == {bytes.fromhex(ONE)}
    assert not allowed.look()
    path.write_text(f"{BUILT}{ONE}\n{TWO}\n")
    assert allowed.look()
    assert allowed.digests == {bytes.fromhex(ONE), bytes.fromhex(TWO)}


def test_a_file_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    """What was in force stays; the line is named, never repeated."""
    path = tmp_path / "allowed.txt"
    path.write_text(f"{BUILT}{ONE}\n")
    allowed = AllowList(path)
    path.write_text(f"{BUILT}{ONE}\nabc {TWO}\n")
    with pytest.raises(DataFileError, match="allow-list, line 3: write one SHA-256") as refused:
        allowed.look()
    assert TWO not in str(refused.value)
    assert allowed.digests == {bytes.fromhex(ONE)}
    path.unlink()
    with pytest.raises(DataFileError, match="cannot be read"):
        allowed.look()


@pytest.mark.parametrize("text", ["", ONE, BUILT + "c0"])
def test_what_is_no_list_is_refused(tmp_path: Path, text: str) -> None:
    """A file with another purpose would allow nothing, silently."""
    path = tmp_path / "allowed.txt"
    path.write_text(text)
    with pytest.raises(DataFileError):
        AllowList(path)


def test_without_a_file_nothing_is_allowed() -> None:
    """As configured unless somebody says otherwise."""
    assert not AllowList(None).digests
    assert not AllowList(None).look()
