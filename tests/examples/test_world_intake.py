"""The world's files as the node reads them: the good lines come in, the broken ones do not."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from examples.demo import world
from node.casework.casebook import Casebook, Loaded
from node.casework.errors import DraftRejectedError
from node.casework.postbox import Postbox
from node.casework.reports.intake import take_report
from node.casework.reports.prepare import prepare_report
from node.ids import Ids
from node.interchange import csv_reports, ndjson_reports
from node.interchange.lines import Rejection
from node.matching.fingerprints import Fingerprints

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from node.casework.reports.draft import ReportDraft

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


def test_each_line_comes_in_as_the_ledger_says(folder: Path) -> None:
    """Every member by itself: new, known by its own verdict, duplicate, revision, or repeated."""
    ledger: dict[str, Any] = json.loads((folder / "ledger.json").read_text(encoding="utf-8"))
    meanings = {"first": "new", "again": "duplicate", "revised": "revision", "repeated": "repeated"}
    for member in ledger["network"]["members"]:
        ours = sorted(
            (line for line in ledger["lines"] if line["member"] == member),
            key=lambda line: (line["half"], line["file"], line["line"]),
        )
        expected = [
            "known"
            if ledger["items"][one["item"]]["scenario"] == "known_from_own_verdict"
            else meanings[one["outcome"]]
            for line in ours
            for one in line.get("items", [])
        ]
        files = dict.fromkeys(folder / line["file"] for line in ours)
        assert outcomes(member, files) == expected


def outcomes(member: str, files: Iterable[Path]) -> list[str]:
    """Take the files in at a member that hears of nobody else; returns what became of each item."""
    fingerprints = Fingerprints(bytes(32))
    book = Casebook(member, NOW, fingerprints, Loaded())
    ids, postbox = Ids(member), Postbox(bytes(32))
    found = []
    for draft, identity in drafts(files):
        with suppress(DraftRejectedError):
            report = prepare_report(draft, fingerprints, NOW, identity)
            book.now += 1
            found += [item.outcome for item in take_report(book, report, ids, postbox).items]
    return found


def drafts(files: Iterable[Path]) -> Iterator[tuple[ReportDraft, str]]:
    """Yield the drafts that the readers accept, with the identity of their lines."""
    for path in files:
        reader = csv_reports if path.suffix == ".csv" else ndjson_reports
        with path.open("rb") as file:
            for line in reader.read(file, hashlib.sha256(path.read_bytes()).hexdigest()):
                if not isinstance(line.what, Rejection):
                    yield line.what, line.origin.identity


@pytest.mark.parametrize(("name", "refused"), [("reports.csv", {7}), ("reports.ndjson", set())])
def test_the_newcomers_files_are_read(repository: Path, name: str, refused: set[int]) -> None:
    """One line of the CSV is defanged on purpose; all else is accepted."""
    assert refused_lines(repository / "examples" / name) == refused
