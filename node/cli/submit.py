"""`hotline submit FILE`: hand a file of reports to the running node, with counts at the end.

The file is read by `node.interchange` and sent in batches to the local API; every answered line is
durable. Refused lines, whether the reader or the node refused them, go to a rejects file that can
be mended and submitted again. If the node goes away in the middle, submitting the same file again
repeats nothing: lines have an identity.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from node.api.service import LineAnswer
from node.casework.draft import ReportDraft
from node.cli.client import LocalApi
from node.cli.exits import Exit
from node.cli.output import CliError, Progress, Result, note
from node.config import load
from node.interchange.codes import SOURCES
from node.interchange.csv_reports import Options
from node.interchange.files import open_reports
from node.interchange.lines import Line, Rejection
from node.interchange.rejects import RejectsFile, free_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from node.interchange.csv_reports import Encoding
    from node.interchange.files import FileFormat, ReportFile

BATCH_LINES = 2000
BATCH_BYTES = 4 << 20
SHOWN_REJECTIONS = 20
_PATH = "/api/v1/reports"
_NDJSON = "application/x-ndjson"
_encode = msgspec.json.Encoder().encode
_answers = msgspec.json.Decoder(LineAnswer)


@dataclass(frozen=True, slots=True)
class Wish:
    """How a file is to be read; None is recognised or left to the file."""

    file: Path
    form: FileFormat | None = None
    encoding: Encoding = "utf-8"
    default_source: str | None = None
    rejects: Path | None = None


@dataclass(slots=True)
class Counts:
    """What became of the lines so far, and of their items by outcome."""

    lines: int = 0
    accepted: int = 0
    repeated: int = 0
    rejected: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)


def submit(path: Path, wish: Wish) -> Result:
    """Hand in a file.

    Args:
        path: the configuration.
        wish: the file and how to read it.

    Raises:
        InterchangeError: the file as a whole cannot be read.
        CliError: the node does not run or stopped; what was answered before is kept.
    """
    if wish.default_source is not None and wish.default_source not in SOURCES:
        known = ", ".join(SOURCES)
        raise CliError("usage", f"--source: write one of {known}", Exit.USAGE)
    config = load(path)
    options = Options(wish.encoding, wish.default_source)
    with open_reports(wish.file, wish.form, options) as file, LocalApi(config) as api:
        target = wish.rejects or free_path(wish.file, file.rejects_format)
        with RejectsFile(target, file.rejects_format) as rejects:
            session = _Session(api, rejects, file)
            session.run()
    return _result(session.counts, target)


class _Session:
    """One file on its way in."""

    def __init__(self, api: LocalApi, rejects: RejectsFile, file: ReportFile) -> None:
        self.counts = Counts()
        self._api = api
        self._rejects = rejects
        self._file = file
        self._progress = Progress(file.size, time.monotonic)

    def run(self) -> None:
        """Send all lines."""
        for batch in _batches(self._file.lines):
            drafts = [line for line in batch if isinstance(line.what, ReportDraft)]
            answers = iter(self._send(drafts))
            for line in batch:
                what = line.what
                self._count(line, what if isinstance(what, Rejection) else next(answers))
            self._progress.show(self._file.file.tell(), f"{self.counts.lines} lines")
        self._progress.end()

    def _send(self, lines: list[Line]) -> list[LineAnswer]:
        """Send drafts and give one answer for each.

        Raises:
            CliError: the node stopped in the middle, or answers something else.
        """
        if not lines:
            return []
        body = b"".join(_encode(line.what) + b"\n" for line in lines)
        raw = self._api.send("POST", _PATH, body, _NDJSON)
        try:
            answers = [_answers.decode(part) for part in raw.splitlines()]
        except msgspec.DecodeError:
            answers = []
        stopped = next((answer for answer in answers if answer.status == "stopped"), None)
        if stopped is not None or len(answers) != len(lines):
            code = stopped.code if stopped and stopped.code else "no_answer"
            mend = "the node stopped in the middle; submit the same file again, nothing is doubled"
            raise CliError(code, f"file: {mend}", Exit.UNREACHABLE)
        return answers

    def _count(self, line: Line, what: LineAnswer | Rejection) -> None:
        counts = self.counts
        counts.lines += 1
        if isinstance(what, LineAnswer) and what.status != "rejected":
            counts.accepted += what.status == "accepted"
            counts.repeated += what.status == "repeated"
            counts.outcomes.update(item.outcome for item in what.items)
            return
        rejection = what if isinstance(what, Rejection) else _rejection(what)
        counts.rejected += 1
        counts.codes[rejection.code] += 1
        self._rejects.write(line, rejection)
        if counts.rejected <= SHOWN_REJECTIONS:
            place = f"{rejection.field}: " if rejection.field else ""
            self._progress.clear()
            note(f"line {line.number}: {place}{rejection.code}: {rejection.reason}")


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line.raw)
        if len(batch) >= BATCH_LINES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _rejection(answer: LineAnswer) -> Rejection:
    return Rejection(answer.code or "rejected", answer.field, answer.detail or "refused")


def _result(counts: Counts, target: Path) -> Result:
    rejects = str(target) if counts.rejected else None
    data: dict[str, Any] = {
        "lines": counts.lines,
        "accepted": counts.accepted,
        "repeated": counts.repeated,
        "duplicates": counts.outcomes["duplicate"],
        "rejected": counts.rejected,
        "outcomes": dict(sorted(counts.outcomes.items())),
        "rejected_codes": dict(sorted(counts.codes.items())),
        "rejects_file": rejects,
    }
    text = (
        f"accepted {counts.accepted}, repeated {counts.repeated}, "
        f"duplicates {counts.outcomes['duplicate']}, rejected {counts.rejected}"
    )
    if rejects:
        text += f"\nrejected lines: {rejects}; mend them there and submit that file"
    return Result(data, text, Exit.PROBLEM if counts.rejected else Exit.OK)
