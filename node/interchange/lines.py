"""Lines of a file: numbered, bounded, with an identity that survives mending.

A line that carries no reference of its source is known by `<SHA-256 of the file>:<line number>`:
the same file again changes nothing. A line of a rejects file keeps the identity it had in the first
file, because the note above it says where it came from (`rejects`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from node.casework.reports.draft import ReportDraft

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

CHUNK_BYTES = 1 << 18
NOTE = b"#"

_NOTE = re.compile(rb'^\s*"?# line ([0-9]{1,18}) of ([0-9a-f]{64})\b')


class Origin(NamedTuple):
    """Where a line was first met: SHA-256 of that file (hex) and line number, from 1."""

    file_sha256: str
    number: int

    @property
    def identity(self) -> str:
        """What the line is known by where its source gave no reference."""
        return f"{self.file_sha256}:{self.number}"


class Rejection(NamedTuple):
    """Why a line was refused. `reason` names the mend and never repeats a value."""

    code: str
    field: str | None
    reason: str


class Line(NamedTuple):
    """One line: its number in this file, what came of it, its bytes as they stood.

    `raw` is empty where the line was too long to be kept.
    """

    number: int
    what: ReportDraft | Rejection
    raw: bytes
    origin: Origin


class RawLine(NamedTuple):
    """A line before it is understood; `raw` is None where it exceeds the bound."""

    number: int
    raw: bytes | None
    origin: Origin


def byte_lines(file: BinaryIO, max_bytes: int) -> Iterator[tuple[int, bytes | None]]:
    r"""Yield (number from 1, bytes without `\n`) of each line; None for one over `max_bytes`.

    Only `\n` ends a line: Unicode's other line separators are text.
    """
    number, rest, too_long = 1, b"", False
    while chunk := file.read(CHUNK_BYTES):
        parts = (rest + chunk).split(b"\n") if not too_long else chunk.split(b"\n")
        rest = parts.pop()
        for part in parts:
            yield number, None if too_long or len(part) > max_bytes else part
            number, too_long = number + 1, False
        if len(rest) > max_bytes:
            rest, too_long = b"", True
        elif too_long:
            rest = b""
    if rest or too_long:
        yield number, None if too_long else rest


def numbered(file: BinaryIO, file_sha256: str, max_bytes: int) -> Iterator[RawLine]:
    """Yield the lines that hold data: notes and blank lines are passed over, but counted."""
    noted: Origin | None = None
    for number, raw in byte_lines(file, max_bytes):
        if raw is None:
            yield RawLine(number, None, noted or Origin(file_sha256, number))
        elif is_note(raw):
            noted = noted_origin(raw)
            continue
        elif is_blank(raw):
            continue
        else:
            yield RawLine(number, raw, noted or Origin(file_sha256, number))
        noted = None


def is_note(raw: bytes) -> bool:
    """Whether a line is a note for people: it begins with `#` (a spreadsheet may quote it)."""
    return raw.startswith((b"#", b'"#')) or raw.lstrip().startswith((b"#", b'"#'))


def is_blank(raw: bytes) -> bool:
    """Whether a line says nothing; spreadsheets write empty rows as separators alone."""
    return not raw.strip(b" \t\r;")


def noted_origin(raw: bytes) -> Origin | None:
    """Return the origin that a note of a rejects file names for the line below it."""
    match = _NOTE.match(raw)
    if match is None:
        return None
    return Origin(match[2].decode("ascii"), int(match[1]))
