"""Lists as tables: plain CSV of our own, and the CSV that readers of ICSE exports know.

Semicolons; a header, whose names say what the columns are, in any order. The plain one has `sha256`
`sha1` `md5` `length` `pdq` `pdq_quality` `category` `date` `id` `retracted`, as many of them as one
has, and no other: a column that nobody knows may hold what must not be kept. That of ICSE has many
columns, of which MD5, SHA1, Image ID and Baseline are read; its categories are `baseline` and
`not_baseline`.

What a spreadsheet would run as a formula is written with an apostrophe before it, and read without;
behind a comma too, where some end a column.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from node.interchange.errors import WrongFileError
from node.interchange.lines import byte_lines
from node.interchange.lists.fields import (
    Fields,
    ListLine,
    RefusedError,
    entry,
    read,
    retraction,
    shown,
    yes,
)
from node.matching.lists import Entry, Retraction

if TYPE_CHECKING:
    from typing import BinaryIO

MAX_LINE_BYTES: Final = 1 << 14
MAX_COLUMNS: Final = 64
BASELINE: Final = "baseline"
NOT_BASELINE: Final = "not_baseline"
ICSE_CATEGORIES: Final = frozenset({BASELINE, NOT_BASELINE})
"""For others that table has no word: `files.takes` is asked before it is written."""
PLAIN: Final = Fields(
    "sha256", "sha1", "md5", "length", "pdq", "pdq_quality", "category", "date", "id"
)
RETRACTED: Final = "retracted"
_ICSE: Final = Fields(md5="MD5", sha1="SHA1", external_id="Image ID", category="Baseline")
ICSE_COLUMNS: Final = (
    "MD5", "SHA1", "PhotoDNA", "Image ID", "Is distributed", "Victim identified",
    "Offender identified", "Series name", "Number of submissions", "File Available", "Media Type",
    "Baseline",
)  # fmt: skip
_Make = Callable[[dict[str, str]], Entry | Retraction]
_MARK: Final = b"\xef\xbb\xbf"
_RUN: Final = r"\-=+@\uff0d\uff1d\uff0b\uff20"
"""How formulas begin, in full width too."""
_IS_RUN: Final = re.compile(rf"(?!-[0-9]+\Z)[{_RUN}']")
_IS_KEPT: Final = re.compile(rf"'(?=[{_RUN}'])")
_RUN_BEHIND: Final = re.compile(rf"(,[ \"]*)(?=[{_RUN}'])")
_KEPT_BEHIND: Final = re.compile(rf"(,[ \"]*)'(?=[{_RUN}'])")
"""Behind a comma, where some spreadsheets end a column."""


def read_plain(file: BinaryIO) -> Iterator[ListLine]:
    """Yield the lines of a plain table, open at its start.

    Raises:
        WrongFileError: its header is not that of such a table.
    """
    known = {str(name): place for place, name in zip(PLAIN._fields, PLAIN, strict=True)}
    for number, cells, header in _rows(file):
        if cells is None:
            strange = set(header) - known.keys() - {RETRACTED}
            if strange or not known.keys() & set(header):
                names = ", ".join((*known, RETRACTED))
                mend = f"the columns may be {names}, in any order, with semicolons between them"
                raise WrongFileError(f"header: {mend}")
            continue
        yield _line(number, header, cells, _plain_entry)


def read_icse(file: BinaryIO) -> Iterator[ListLine]:
    """Yield the lines of a table as ICSE exports it, open at its start.

    Raises:
        WrongFileError: its header is not that of such a table.
    """
    for number, cells, header in _rows(file):
        if cells is None:
            if "Baseline" not in header or not {"MD5", "SHA1"} & set(header):
                raise WrongFileError("header: must have Baseline, and MD5 or SHA1, with semicolons")
            continue
        yield _line(number, header, cells, _icse_entry)


def _plain_entry(row: dict[str, str]) -> Entry | Retraction:
    said = {place: row.get(str(name)) for place, name in zip(PLAIN._fields, PLAIN, strict=True)}
    make = retraction if yes(row.get(RETRACTED), RETRACTED) else entry
    return make(Fields(**said), PLAIN)


def _icse_entry(row: dict[str, str]) -> Entry:
    is_baseline = yes(row["Baseline"], "Baseline")
    category = BASELINE if is_baseline else NOT_BASELINE
    said = Fields(
        md5=row.get("MD5"),
        sha1=row.get("SHA1"),
        external_id=row.get("Image ID"),
        category=category,
    )
    return entry(said, _ICSE)


def _line(
    number: int, header: tuple[str, ...], cells: list[str] | RefusedError, make: _Make
) -> ListLine:
    def made() -> Entry | Retraction:
        if isinstance(cells, RefusedError):
            raise cells
        if len(cells) != len(header):
            reason = f"has {len(cells)} columns instead of {len(header)}"
            raise RefusedError("columns", None, reason)
        return make(dict(zip(header, map(_as_it_was, cells), strict=True)))

    return read(number, made)


def _rows(
    file: BinaryIO,
) -> Iterator[tuple[int, list[str] | RefusedError | None, tuple[str, ...]]]:
    """Yield number, cells and header of each line; first the header alone."""
    header: tuple[str, ...] | None = None
    for number, raw in byte_lines(file, MAX_LINE_BYTES):
        if raw is not None and number == 1:
            raw = raw.removeprefix(_MARK)  # noqa: PLW2901 - the mark belongs to the file
        if raw is not None and not raw.strip(b" \t\r;"):
            continue
        cells = _cells(raw)
        if header is None:
            if isinstance(cells, RefusedError) or len(cells) > MAX_COLUMNS:
                raise WrongFileError("header: the first line must name the columns, in UTF-8")
            header = tuple(cell.strip() for cell in cells)
            if len(set(header)) < len(header):
                raise WrongFileError("header: names a column twice")
            yield number, None, header
            continue
        yield number, cells, header
    if header is None:
        raise WrongFileError("header: the file is empty")


def _cells(raw: bytes | None) -> list[str] | RefusedError:
    if raw is None:
        return RefusedError("line_too_long", None, f"is longer than {MAX_LINE_BYTES} bytes")
    try:
        text = raw.removesuffix(b"\r").decode()
        if '"' not in text:
            return text.split(";")
        return next(csv.reader([text], delimiter=";", strict=True))
    except UnicodeDecodeError:
        return RefusedError("encoding", None, "is not UTF-8; save the file as UTF-8")
    except (csv.Error, StopIteration):
        return RefusedError("quotes", None, "has a double quote that is not closed")


def write_plain(
    entries: Iterator[Entry], retractions: Iterator[tuple[int, str, int]]
) -> Iterator[bytes]:
    """Write entries, and then what was taken back."""
    yield ";".join((*map(str, PLAIN), RETRACTED)).encode() + b"\n"
    for one in entries:
        content = one.content
        hashes = (
            "" if one is None else one.hex() for one in (content.sha256, content.sha1, content.md5)
        )
        pdq = "" if content.pdq is None else content.pdq.hex()
        said = (content.length, pdq, content.pdq_quality, one.category, shown(one.dated_ms))
        yield _written((*hashes, *said, one.external_id, ""))
    for _, name, at_ms in retractions:
        yield _written(("", "", "", "", "", "", "", shown(at_ms), name, "true"))


def write_icse(entries: Iterator[Entry]) -> Iterator[bytes]:
    """Write entries that have MD5 or SHA-1; the other columns are left empty."""
    yield ";".join(ICSE_COLUMNS).encode() + b"\n"
    for one in entries:
        md5, sha1 = one.content.md5, one.content.sha1
        if md5 is None and sha1 is None:
            continue
        said = dict.fromkeys(ICSE_COLUMNS, "")
        said["MD5"] = "" if md5 is None else md5.hex().upper()
        said["SHA1"] = "" if sha1 is None else sha1.hex().upper()
        said["Image ID"] = one.external_id or ""
        said["Baseline"] = "true" if one.category == BASELINE else "false"
        yield _written(tuple(said.values()))


def _written(cells: tuple[object, ...]) -> bytes:
    return ";".join(_quoted("" if cell is None else str(cell)) for cell in cells).encode() + b"\n"


def _as_it_was(cell: str) -> str:
    """Take away the apostrophes that `_quoted` put before what a spreadsheet would run."""
    cell = cell.strip()
    if _IS_KEPT.match(cell):
        cell = cell[1:]
    return _KEPT_BEHIND.sub(r"\1", cell) if "," in cell else cell


def _quoted(cell: str) -> str:
    if _IS_RUN.match(cell):
        cell = f"'{cell}"
    if "," in cell:
        cell = _RUN_BEHIND.sub(r"\1'", cell)
    if ";" not in cell and '"' not in cell:
        return cell
    doubled = cell.replace('"', '""')
    return f'"{doubled}"'
