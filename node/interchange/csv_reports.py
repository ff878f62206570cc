"""The CSV hotlines use today: `URL;REFERER;WORKUSER-EMAIL;REFERENCE;SOURCE;TYPE` (docs/api.md).

Decided here:

- Semicolons. The header may be left out; a first line that names columns in another way is refused
  with the whole file, because all the others would be misread.
- One line is one record: a quoted field may hold `;` and doubled quotes, never a line break. So a
  stray quote spoils one line and not the rest of the file.
- UTF-8, with or without mark. A line that is not UTF-8 is refused by itself; `encoding="cp1252"`
  reads the whole file so. Line identity rests on bytes: handing the file in again with the right
  encoding adds what was missing and repeats the rest.
- Every line is one draft. Lines that share SOURCE and REFERENCE are items of one report; the desk
  joins them.
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from node.casework.reports.draft import MAX_REFERRER, MAX_URL, AccessDraft, ItemDraft, ReportDraft
from node.interchange.codes import SOURCES, TYPES, SourceMeaning, TypeMeaning, found_via
from node.interchange.errors import WrongFileError
from node.interchange.lines import Line, Origin, RawLine, Rejection, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

COLUMNS: Final = ("URL", "REFERER", "WORKUSER-EMAIL", "REFERENCE", "SOURCE", "TYPE")
HEADER: Final = b"URL;REFERER;WORKUSER-EMAIL;REFERENCE;SOURCE;TYPE"
MAX_LINE_BYTES: Final = 1 << 16

Encoding = Literal["utf-8", "cp1252"]

_LIMITS: Final = (MAX_URL, MAX_REFERRER, 320, 200, 200, 200)
_MARK: Final = b"\xef\xbb\xbf"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_OTHER_SEPARATORS: Final = (",", "\t", "|")


class RowRefusedError(Exception):
    """One row cannot be read; carries its `Rejection`."""

    def __init__(self, code: str, field: str | None, reason: str) -> None:
        self.rejection = Rejection(code, field, reason)
        super().__init__(reason)


class Options(NamedTuple):
    """How to read a file: its encoding, and the source of lines whose SOURCE is empty."""

    encoding: Encoding = "utf-8"
    default_source: str | None = None


def read(file: BinaryIO, file_sha256: str, options: Options = Options()) -> Iterator[Line]:  # noqa: B008 - immutable
    """Yield the lines of `file`, open at its start; `file_sha256` (hex) is that of all of it.

    Raises:
        WrongFileError: the first line shows that the file is something else.
        ValueError: `options.default_source` is not in the table of sources.
    """
    reader = _Reader(options)
    for line in numbered(file, file_sha256, MAX_LINE_BYTES):
        raw = line.raw
        if raw is not None and line.number == 1:
            raw = reader.without_mark(raw)
        if raw is not None and reader.is_header(raw):
            continue
        yield reader.line(line, raw)


class _Reader:
    """What reading has settled so far: the options, and whether a header may still come."""

    def __init__(self, options: Options) -> None:
        self._encoding = options.encoding
        default = options.default_source
        if default is not None and default not in SOURCES:
            raise ValueError(f"default_source: one of {', '.join(SOURCES)}")
        self._default = SOURCES[default] if default is not None else None
        self._first = True

    def without_mark(self, raw: bytes) -> bytes:
        """Take the UTF-8 mark off the first line."""
        if raw.startswith(_MARK):
            if self._encoding != "utf-8":
                raise WrongFileError("encoding: the file is marked as UTF-8; leave the option away")
            return raw[len(_MARK) :]
        return raw

    def is_header(self, raw: bytes) -> bool:
        """Whether this is the header, which only the first line with data can be.

        Raises:
            WrongFileError: it names columns, but not these.
        """
        if not self._first:
            return False
        self._first = False
        text = raw.decode("ascii", errors="replace").upper()
        cells = [cell.strip(' "\r') for cell in text.split(";")]
        if tuple(cells) == COLUMNS:
            return True
        if "URL" in cells or len(set(cells) & set(COLUMNS)) > 1:
            raise WrongFileError(f"header: the columns must be {HEADER.decode()}, in this order")
        if any("URL" in text.split(other) for other in _OTHER_SEPARATORS):
            raise WrongFileError("header: the columns must be separated by semicolons")
        return False

    def line(self, line: RawLine, raw: bytes | None) -> Line:
        """Turn one physical line into a draft or a rejection."""
        if raw is None:
            reason = f"is longer than {MAX_LINE_BYTES} bytes; shorten it"
            return Line(line.number, Rejection("line_too_long", None, reason), b"", line.origin)
        try:
            what: ReportDraft | Rejection = self._draft(_cells(raw, self._encoding), line.origin)
        except RowRefusedError as refused:
            what = refused.rejection
        return Line(line.number, what, raw, line.origin)

    def _draft(self, cells: list[str], origin: Origin) -> ReportDraft:
        url, referer, workuser, reference, source_word, type_word = cells
        if not url:
            raise RowRefusedError("missing", "URL", "is empty; write the address of the item")
        source, of_type = self._source(source_word), _type(type_word)
        access = AccessDraft(referrer=referer) if referer else None
        return ReportDraft(
            items=(ItemDraft(url=url, kind=of_type.kind, access=access),),
            source=source.source,
            reference=reference or None,
            identity=None if reference else origin.identity,
            found_via=found_via(source, of_type),
            workuser=workuser or None,
        )

    def _source(self, word: str) -> SourceMeaning:
        meaning = SOURCES.get(word.lower()) if word else self._default
        if meaning is not None:
            return meaning
        if word:
            known = ", ".join(SOURCES)
            raise RowRefusedError("unknown_source", "SOURCE", f"must be one of {known}")
        reason = "is empty; write it, or say once for the whole file which source it is"
        raise RowRefusedError("missing", "SOURCE", reason)


def _type(word: str) -> TypeMeaning:
    if not word:
        return TypeMeaning()
    meaning = TYPES.get(word.lower())
    if meaning is None:
        known = ", ".join(TYPES)
        raise RowRefusedError("unknown_type", "TYPE", f"must be empty or one of {known}")
    return meaning


def _cells(raw: bytes, encoding: Encoding) -> list[str]:
    """Split one line into its six trimmed fields."""
    try:
        text = raw.removesuffix(b"\r").decode(encoding)
    except UnicodeDecodeError:
        reason = (
            "is not UTF-8; save the file as UTF-8, or hand it in again with encoding cp1252"
            if encoding == "utf-8"
            else "is not cp1252; save the file as UTF-8"
        )
        raise RowRefusedError("encoding", None, reason) from None
    if _CONTROL.search(text):
        reason = "holds a control character (such as NUL or a tab); remove it"
        raise RowRefusedError("control_character", None, reason)
    cells = [cell.strip() for cell in (_split_quoted(text) if '"' in text else text.split(";"))]
    if len(cells) != len(COLUMNS):
        reason = (
            f"has {len(cells)} columns instead of {len(COLUMNS)};"
            " put a value that holds a semicolon into double quotes"
        )
        raise RowRefusedError("columns", None, reason)
    for name, cell, limit in zip(COLUMNS, cells, _LIMITS, strict=True):
        if len(cell) > limit:
            raise RowRefusedError("too_long", name, f"has more than {limit} characters; shorten it")
    return cells


def _split_quoted(text: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=";", strict=True))
    except (csv.Error, StopIteration):
        reason = "has a double quote that is not closed, or stands alone; write it twice"
        raise RowRefusedError("quotes", None, reason) from None
