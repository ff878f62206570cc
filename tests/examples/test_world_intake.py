"""The world's files as the node reads them: the good lines come in, the broken ones do not."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from examples.demo import world
from node.casework.errors import DraftRejectedError
from node.casework.prepare import prepare_report
from node.interchange import csv_reports, ndjson_reports
from node.interchange.lines import Rejection
from node.matching.fingerprints import Fingerprints

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_767_600_000_000


def refused_lines(path: Path) -> set[int]:
    """Return the numbers of the lines that reader or preparation refuse."""
    fingerprints = Fingerprints(bytes(32))
    reader = csv_reports if path.suffix == ".csv" else ndjson_reports
    refused = set()
    with path.open("rb") as file:
        for line in reader.read(file, hashlib.sha256(path.read_bytes()).hexdigest()):
            if isinstance(line.what, Rejection):
                refused.add(line.number)
                continue
            try:
                prepare_report(line.what, fingerprints, NOW, line.origin.identity)
            except DraftRejectedError:
                refused.add(line.number)
    return refused


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a whole world of 600 reports."""
    made = tmp_path_factory.mktemp("world")
    world.write_world(made, seed=11, total=600, now_ms=NOW)
    return made


def test_exactly_the_broken_lines_are_refused(folder: Path) -> None:
    """File by file, line by line."""
    ledger: dict[str, Any] = json.loads((folder / "ledger.json").read_text(encoding="utf-8"))
    for made in ledger["files"]:
        broken = {
            line["line"]
            for line in ledger["lines"]
            if line["file"] == made["path"] and "rejected" in line
        }
        assert refused_lines(folder / made["path"]) == broken, made["path"]


@pytest.mark.parametrize(("name", "refused"), [("reports.csv", {7}), ("reports.ndjson", set())])
def test_the_newcomers_files_are_read(repository: Path, name: str, refused: set[int]) -> None:
    """One line of the CSV is defanged on purpose; all else is accepted."""
    assert refused_lines(repository / "examples" / name) == refused
