"""`hotline submit FILE`: hand a file of reports to the running node, with counts at the end.

The file is read by `node.interchange` and sent in batches to the local API; every answered line is
durable. Refused lines, whether the reader or the node refused them, go to a rejects file that can
be mended and submitted again. If the node goes away in the middle it is waited for, up to
`PATIENCE_S`; after that, submitting the same file again doubles nothing: lines have an identity.
(What was in before an answer got lost counts as repeated.)
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from node.api.service import LineAnswer
from node.casework.reports.draft import ReportDraft
from node.cli.client import PASSING, LocalApi
from node.cli.exits import Exit
from node.cli.output import CliError, Progress, Result, note
from node.config import load
from node.interchange.codes import SOURCES
from node.interchange.csv_reports import Options
from node.interchange.files import open_reports
from node.interchange.lines import Line, Rejection
from node.interchange.rejects import RejectsFile, free_path, kept_once

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from node.interchange.csv_reports import Encoding
    from node.interchange.files import FileFormat, ReportFile

BATCH_LINES = 2000
BATCH_BYTES = 4 << 20
PATIENCE_S = 30.0
PAUSE_S = 0.5
SHOWN_REJECTIONS = 20
_PATH = "/api/v1/reports"
_NDJSON = "application/x-ndjson"
_BUSY = "intake_busy"
"""It is there, and takes what others hand in."""
_COLUMNS = {
    "items[0].url": "URL",
    "items[0].access.referrer": "REFERER",
    "workuser": "WORKUSER-EMAIL",
    "reference": "REFERENCE",
    "source": "SOURCE",
    "items[0].kind": "TYPE",
}
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
            most_bytes = min(BATCH_BYTES, config.api.max_body_bytes)
            session = _Session(api, rejects, file, most_bytes)
            session.run()
    if session.counts.rejected and wish.rejects is None:
        target = kept_once(target)
    return _result(session.counts, target)


class _Session:
    """One file on its way in."""

    def __init__(
        self, api: LocalApi, rejects: RejectsFile, file: ReportFile, most_bytes: int
    ) -> None:
        self.counts = Counts()
        self._most_bytes = most_bytes
        self._api = api
        self._rejects = rejects
        self._file = file
        self._progress = Progress(file.size, time.monotonic)

    def run(self) -> None:
        """Send all lines."""
        try:
            for batch in _batches(self._file.lines, self._most_bytes):
                self._take(batch)
        except (KeyboardInterrupt, CliError):
            self._progress.clear()
            if self.counts.lines:
                note(f"{_said(self.counts)} so far; submit the same file again for the rest")
            raise
        self._progress.end()

    def _take(self, batch: list[_Encoded]) -> None:
        answers = iter(self._answered([one.body for one in batch if one.body]))
        for line, body in batch:
            what = next(answers) if body else line.what
            assert not isinstance(what, ReportDraft)
            self._count(line, what)
        self._progress.show(self._file.file.tell(), f"{self.counts.lines} lines")

    def _answered(self, bodies: list[bytes]) -> list[LineAnswer]:
        """Send drafts until each has its answer; wait for a node that is away for a moment.

        And as long as it takes for one that is there and takes what others hand in.

        Raises:
            CliError: the node does not run, stays away, or refuses.
        """
        answers: list[LineAnswer] = []
        started = self.counts.lines > 0
        give_up_s = time.monotonic() + PATIENCE_S
        told = ""
        while len(answers) < len(bodies):
            try:
                answers += self._send(bodies[len(answers) :])
                continue
            except CliError as error:
                busy = error.code == _BUSY
                if busy:
                    give_up_s = time.monotonic() + PATIENCE_S
                elif not (started and error.code in PASSING) or time.monotonic() > give_up_s:
                    raise
            why = "others hand in; waiting" if busy else "the node does not answer; waiting for it"
            if why != told:
                self._progress.clear()
                note(told := why)
            self._api.reset()
            time.sleep(PAUSE_S)
        return answers

    def _send(self, bodies: list[bytes]) -> list[LineAnswer]:
        """Send drafts and give the answers, fewer than drafts if the node stopped in the middle.

        Raises:
            CliError: the node is not there, stopped before the first line, or answers nonsense.
        """
        raw = self._api.send("POST", _PATH, b"".join(bodies), _NDJSON)
        mend = "file: the node stopped; submit the same file again, nothing is doubled"
        try:
            answers = [_answers.decode(part) for part in raw.splitlines()]
        except msgspec.DecodeError:
            raise CliError("no_answer", mend, Exit.UNREACHABLE) from None
        done = [answer for answer in answers if answer.status != "stopped"]
        stopped = answers[-1] if len(done) < len(answers) else None
        if not done or len(done) > len(bodies) or (stopped is None and len(done) < len(bodies)):
            code = stopped.code if stopped is not None and stopped.code else "no_answer"
            raise CliError(code, mend, Exit.UNREACHABLE)
        return done

    def _count(self, line: Line, what: LineAnswer | Rejection) -> None:
        counts = self.counts
        counts.lines += 1
        if isinstance(what, LineAnswer) and what.status != "rejected":
            counts.accepted += what.status == "accepted"
            counts.repeated += what.status == "repeated"
            counts.outcomes.update(item.outcome for item in what.items)
            return
        rejection = what if isinstance(what, Rejection) else _rejection(what, self._file.form)
        counts.rejected += 1
        counts.codes[rejection.code] += 1
        self._rejects.write(line, rejection)
        if counts.rejected <= SHOWN_REJECTIONS:
            place = f"{rejection.field}: " if rejection.field else ""
            self._progress.clear()
            note(f"line {line.number}: {place}{rejection.code}: {rejection.reason}")


class _Encoded(NamedTuple):
    """A line, and what is sent of it: nothing where the reader refused it."""

    line: Line
    body: bytes


def _batches(lines: Iterator[Line], most_bytes: int) -> Iterator[list[_Encoded]]:
    batch: list[_Encoded] = []
    size = 0
    for line in lines:
        body = _encode(line.what) + b"\n" if isinstance(line.what, ReportDraft) else b""
        if batch and (len(batch) >= BATCH_LINES or size + len(body) > most_bytes):
            yield batch
            batch, size = [], 0
        batch.append(_Encoded(line, body))
        size += len(body)
    if batch:
        yield batch


def _rejection(answer: LineAnswer, form: FileFormat) -> Rejection:
    """Say why the node refused a line, in the words of the file: columns for a CSV."""
    field = answer.field
    if form == "csv" and field is not None:
        field = _COLUMNS.get(field, field)
    return Rejection(answer.code or "rejected", field, answer.detail or "refused")


def _said(counts: Counts) -> str:
    return (
        f"accepted {counts.accepted}, repeated {counts.repeated}, "
        f"duplicates {counts.outcomes['duplicate']}, rejected {counts.rejected}"
    )


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
    text = _said(counts) if counts.lines else "the file holds no reports; nothing was handed in"
    if rejects:
        text += f"\nrejected lines: {rejects}; mend them there and submit that file"
    return Result(data, text, Exit.PROBLEM if counts.rejected else Exit.OK)
