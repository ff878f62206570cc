"""NDJSON: one `ReportDraft` a line; or one JSON document with a draft or an array of drafts.

An array cannot be read piece by piece, so such a file is bounded by `MAX_DOCUMENT_BYTES`; NDJSON is
not. A draft with neither `reference` nor `identity` is known by its line (in an array: by its
place, from 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from node.casework.reports.draft import ReportDraft
from node.interchange import json_numbers
from node.interchange.errors import WrongFileError
from node.interchange.json_faults import explain
from node.interchange.lines import Line, Origin, Rejection, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

MAX_LINE_BYTES: Final = 1 << 22
MAX_DOCUMENT_BYTES: Final = 1 << 26

_MARK: Final = b"\xef\xbb\xbf"
_decoder: Final = msgspec.json.Decoder(ReportDraft)
_array_decoder: Final = msgspec.json.Decoder(list[msgspec.Raw])
_TOO_LONG: Final = Rejection(
    "line_too_long", None, f"is longer than {MAX_LINE_BYTES} bytes; hand in fewer items a report"
)


def read(file: BinaryIO, file_sha256: str) -> Iterator[Line]:
    """Yield the lines of an NDJSON file, open at its start, whose SHA-256 (hex) is given."""
    for number, raw, origin in numbered(file, file_sha256, MAX_LINE_BYTES):
        if raw is None:
            yield Line(number, _TOO_LONG, b"", origin)
            continue
        plain = raw.removeprefix(_MARK) if number == 1 else raw
        yield Line(number, decode(plain, origin), plain, origin)


def read_document(file: BinaryIO, file_sha256: str) -> Iterator[Line]:
    """Yield the drafts of a file that is one JSON document: an array of drafts, or a single one.

    Raises:
        WrongFileError: larger than `MAX_DOCUMENT_BYTES`, or not one complete JSON document.
    """
    raw = file.read(MAX_DOCUMENT_BYTES + 1).removeprefix(_MARK)
    if len(raw) > MAX_DOCUMENT_BYTES:
        raise WrongFileError(
            f"size: a JSON document may have {MAX_DOCUMENT_BYTES} bytes; write NDJSON, one report"
            " a line, which may have any size"
        )
    try:
        is_array = raw.lstrip()[:1] == b"["
        parts = [bytes(part) for part in _array_decoder.decode(raw)] if is_array else [raw]
        one_lines = [msgspec.json.format(part, indent=-1) for part in parts]
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        mend = explain(error, ReportDraft).mend
        raise WrongFileError(f"document: {mend}; nothing of it was handed in") from None
    for number, one_line in enumerate(one_lines, start=1):
        origin = Origin(file_sha256, number)
        if len(one_line) > MAX_LINE_BYTES:
            yield Line(number, _TOO_LONG, b"", origin)
        else:
            yield Line(number, decode(one_line, origin), one_line, origin)


def decode(raw: bytes, origin: Origin) -> ReportDraft | Rejection:
    """Turn the JSON of one draft into that draft, with its identity, or into a rejection."""
    try:
        draft = json_numbers.decode(_decoder, raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return Rejection(*explain(error, ReportDraft))
    if draft.reference is None and draft.identity is None:
        return msgspec.structs.replace(draft, identity=origin.identity)
    return draft
