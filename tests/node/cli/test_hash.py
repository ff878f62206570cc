"""`hotline hash`: hashes for people who hold files."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import msgspec

from node.casework.reports.draft import HashesDraft
from node.cli.exits import Exit
from node.cli.main import run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_hashes_are_printed_for_each_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The JSON is what a report has as `hashes`."""
    path = tmp_path / "held"
    path.write_bytes(b"content")
    assert run(["hash", "--json", str(path)]) == Exit.OK
    (entry,) = json.loads(capsys.readouterr().out)["files"]
    assert entry["file"] == str(path)
    hashes = msgspec.convert(entry["hashes"], HashesDraft)
    assert (hashes.sha256, hashes.length) == (hashlib.sha256(b"content").hexdigest(), 7)


def test_what_is_printed_can_be_pasted_into_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The name of the file, and below it the object."""
    path = tmp_path / "held"
    path.write_bytes(b"content")
    run(["hash", str(path)])
    name, hashes = capsys.readouterr().out.splitlines()
    assert name == str(path)
    assert msgspec.json.decode(hashes, type=HashesDraft).length == 7


def test_unreadable_file_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One wrong name among many; the exit code tells."""
    path = tmp_path / "held"
    path.write_bytes(b"content")
    assert run(["hash", str(tmp_path / "none"), str(path)]) == Exit.INPUT
    out, err = capsys.readouterr()
    assert out.startswith(str(path))
    assert "cannot be read" in err


def test_web_page_is_warned_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """HTML is never content."""
    path = tmp_path / "page"
    path.write_bytes(b"<!DOCTYPE html><p>")
    assert run(["hash", str(path)]) == Exit.OK
    assert "web page" in capsys.readouterr().err
