"""A file with a list, whatever its format: opened, recognised, fingerprinted, read; or written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import FileIO
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

from node.interchange.errors import UnreadableFileError
from node.interchange.files import open_regular, refuse_foreign, regular, sha256_of
from node.interchange.lists import ncmec, tables, vics
from node.interchange.rejects import write_whole
from node.matching.lists import Entry

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from node.interchange.lines import Rejection
    from node.interchange.lists.fields import ListLine

ListFormat = Literal["vics-2.0", "vics-1.3", "icse", "ncmec", "csv"]

_HEAD_BYTES: Final = 4096
_READ: Final[dict[str, Callable[[BinaryIO], Iterator[ListLine]]]] = {
    "vics-2.0": lambda file: vics.read_media(file, "2.0"),
    "vics-1.3": lambda file: vics.read_media(file, "1.3"),
    "icse": tables.read_icse,
    "ncmec": ncmec.read_entries,
    "csv": tables.read_plain,
}
_json: Final = msgspec.json.Encoder().encode


class ListFile(NamedTuple):
    """An opened file: format, SHA-256, size in bytes, and what stands in it, to be read once."""

    form: ListFormat
    sha256: bytes
    size: int
    lines: Iterator[ListLine]
    file: BinaryIO


@contextmanager
def open_list(path: Path, form: ListFormat | None = None) -> Iterator[ListFile]:
    """Open the file at `path`; `form` is recognised where it is not given.

    Raises:
        UnreadableFileError: it cannot be opened, is no regular file, or changed while it was read.
        WrongFileError: it is not text, or not of the format.
    """
    with open_regular(path) as file:
        before = regular(file)
        head = file.read(_HEAD_BYTES)
        refuse_foreign(head)
        form = form or recognise(head)
        digest = bytes.fromhex(sha256_of(file))
        file.seek(0)
        yield ListFile(form, digest, before.st_size, _lines(file, form, before), file)


def recognise(head: bytes) -> ListFormat:
    """Tell the format from the first bytes."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<"):
        return "ncmec"
    if start.startswith(b"{"):
        return "vics-2.0" if b"/2.0.xml" in start else "vics-1.3"
    return "icse" if b"Baseline" in start.split(b"\n", 1)[0] else "csv"


def _lines(file: BinaryIO, form: ListFormat, before: os.stat_result) -> Iterator[ListLine]:
    yield from _READ[form](file)
    after = regular(file)
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise UnreadableFileError("file: changed while it was read; hand it in again")


def takes(form: ListFormat, categories: Iterable[str]) -> bool:
    """Whether a format has a word for each of these categories."""
    return form != "icse" or tables.ICSE_CATEGORIES.issuperset(categories)


def has_place(form: ListFormat, one: Entry) -> bool:
    """Whether a format has a place for one of the hashes of an entry."""
    return form != "icse" or one.content.md5 is not None or one.content.sha1 is not None


def written(
    form: ListFormat,
    entries: Iterator[Entry],
    retractions: Iterator[tuple[int, str, int]],
    member: str,
) -> Iterator[bytes]:
    """Write a list in a format, piece by piece; `member` gives it."""
    if form == "csv":
        return tables.write_plain(entries, retractions)
    if form == "icse":
        return tables.write_icse(entries)
    if form == "ncmec":
        return ncmec.write_entries(entries, retractions, member)
    return vics.write_media(entries, "2.0" if form == "vics-2.0" else "1.3")


class ListRejects:
    """What was refused: place, field and mend of each, one JSON object a line; never its content.

    It holds whole lines only, however the run ends.

    An entry may hold texts and paths that must be kept nowhere: it is mended where it came from.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file: FileIO | None = None

    def write(self, number: int, why: Rejection) -> None:
        """Note one refusal; the file is made with the first, for its owner alone.

        Raises:
            UnreadableFileError: the file cannot be made or written.
        """
        said = {"entry": number, "field": why.field, "code": why.code, "reason": why.reason}
        try:
            if self._file is None:
                flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
                self._file = FileIO(os.open(self.path, flags, 0o600), "wb")
            write_whole(self._file, _json(said) + b"\n")
        except OSError as error:
            raise UnreadableFileError(f"rejects: cannot be written ({error.strerror})") from None
        self.count += 1

    def keep(self) -> None:
        """Return once what was written is on the disk.

        Raises:
            UnreadableFileError: it cannot be written.
        """
        if self._file is None:
            return
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise UnreadableFileError(f"rejects: cannot be written ({error.strerror})") from None

    def close(self) -> None:
        """Finish the file, if there is one."""
        if self._file is not None:
            self._file.close()
            self._file = None
