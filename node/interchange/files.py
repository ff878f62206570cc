"""A file of reports, whatever its format: opened, recognised, fingerprinted, read.

The file is read twice: for its SHA-256, which gives lines their identity, and for its lines. It
must therefore be a regular file, and is refused when it changes in between.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from node.interchange import csv_reports, ndjson_reports
from node.interchange.errors import UnreadableFileError, WrongFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import stat_result
    from pathlib import Path
    from typing import BinaryIO

    from node.interchange.lines import Line
    from node.interchange.rejects import Format

FileFormat = Literal["csv", "ndjson", "json"]

CHUNK_BYTES: Final = 1 << 20
_HEAD_BYTES: Final = 4096
_NOT_TEXT: Final = (
    (b"\xff\xfe", "is UTF-16; save it as UTF-8"),
    (b"\xfe\xff", "is UTF-16; save it as UTF-8"),
    (b"PK\x03\x04", "is a spreadsheet or archive; export it as CSV in UTF-8"),
    (b"\x1f\x8b", "is compressed; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is compressed; unpack it first"),
    (b"%PDF", "is a PDF; export the reports as CSV"),
)
_SUFFIXES: Final[dict[str, FileFormat]] = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}


class ReportFile(NamedTuple):
    """An opened file: its format, SHA-256 (hex), size in bytes, and its lines, to be read once."""

    form: FileFormat
    sha256: str
    size: int
    lines: Iterator[Line]
    file: BinaryIO

    @property
    def rejects_format(self) -> Format:
        """The format of its rejects file."""
        return "csv" if self.form == "csv" else "ndjson"


@contextmanager
def open_reports(
    path: Path,
    form: FileFormat | None = None,
    options: csv_reports.Options = csv_reports.Options(),  # noqa: B008 - immutable
) -> Iterator[ReportFile]:
    """Open the file at `path`; `form` is recognised where it is not given.

    Raises:
        UnreadableFileError: it cannot be opened, is no regular file, or changed while it was read.
        WrongFileError: it is not text, or not of the format.
    """
    with open_regular(path) as file:
        before = regular(file)
        head = file.read(_HEAD_BYTES)
        form = form or recognise(head, path.suffix)
        refuse_foreign(head)
        digest = sha256_of(file)
        file.seek(0)
        yield ReportFile(
            form, digest, before.st_size, _lines(file, form, digest, options, before), file
        )


def open_regular(path: Path) -> BinaryIO:
    """Open a file, without waiting: a pipe that nobody writes to is refused by `regular`.

    Raises:
        UnreadableFileError: it cannot be opened.
    """
    try:
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except OSError as error:
        raise UnreadableFileError(f"file: cannot be opened ({error.strerror})") from None


def recognise(head: bytes, suffix: str) -> FileFormat:
    """Tell the format from the first bytes and the suffix: NDJSON, a JSON document, else CSV."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"["):
        return "json"
    if start.startswith(b"{"):
        return "json" if suffix.lower() == ".json" else "ndjson"
    return _SUFFIXES.get(suffix.lower(), "csv")


def _lines(
    file: BinaryIO,
    form: FileFormat,
    digest: str,
    options: csv_reports.Options,
    before: stat_result,
) -> Iterator[Line]:
    if form == "csv":
        yield from csv_reports.read(file, digest, options)
    elif form == "ndjson":
        yield from ndjson_reports.read(file, digest)
    else:
        yield from ndjson_reports.read_document(file, digest)
    after = regular(file)
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise UnreadableFileError("file: changed while it was read; hand it in again")


def regular(file: BinaryIO) -> stat_result:
    """Return what the system says of a file.

    Raises:
        UnreadableFileError: it is no regular file.
    """
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableFileError("file: is no regular file; write the reports to a file first")
    return status


def refuse_foreign(head: bytes) -> None:
    """Refuse what is no text, by its first bytes.

    Raises:
        WrongFileError: it names the mend.
    """
    for start, mend in _NOT_TEXT:
        if head.startswith(start):
            raise WrongFileError(f"file: {mend}")
    if head.count(0) * 3 > len(head):
        raise WrongFileError("file: is not text; save it as UTF-8")


def sha256_of(file: BinaryIO) -> str:
    """Return the SHA-256 (hex) of all of a file, which is left at its end."""
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()
