"""The rejects file: refused lines as they stood, to be mended in place and handed in again.

The file has the format of the one that was handed in: CSV with the same header, or NDJSON. Above
each line stands a note with its origin and the reason:

    # line 17 of <SHA-256 of the file>; SOURCE; unknown_source: must be one of ...
    http://.../;;;;tip;website

Readers pass over notes, and give the line below the identity of its origin: mending and handing in
the rejects file any number of times, even partly mended, repeats what is already in and adds the
rest. A line that was too long to be read leaves a note only. Notes never repeat values; the lines
do, so the file is made for its owner alone (mode 0600) and never overwrites another.
"""

from __future__ import annotations

import filecmp
import os
import re
from io import FileIO
from typing import TYPE_CHECKING, Literal, Self

from node.interchange import csv_reports
from node.interchange.errors import UnreadableFileError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from node.interchange.lines import Line, Rejection

Format = Literal["csv", "ndjson"]
_ENDING = re.compile(r"\.rejects(-[0-9]+)?\.(csv|ndjson)$")


def note(line: Line, rejection: Rejection) -> bytes:
    """Return the note that stands above a refused line, without line end."""
    field = rejection.field or "line"
    lost = "" if line.raw else " (not copied)"
    text = (
        f"# line {line.origin.number} of {line.origin.file_sha256}{lost};"
        f" {field}; {rejection.code}: {rejection.reason}"
    )
    return text.encode("ascii", errors="replace").replace(b"\n", b" ")


def free_path(beside: Path, form: Format) -> Path:
    """Return the first path for the rejects of `beside` that is not taken.

    What is refused of a rejects file stands beside it under the name of the first file.
    """
    first = _ENDING.sub("", beside.name)
    number = 1
    while True:
        counter = "" if number == 1 else f"-{number}"
        path = beside.with_name(f"{first}.rejects{counter}.{form}")
        if not path.exists():
            return path
        number += 1


def kept_once(path: Path) -> Path:
    """Return where these rejects stand, so that nobody mends the same twice.

    Where an earlier rejects file of the same file holds the very same, the new one goes again: the
    one with the greater number, so that of two runs that end at once never both go.
    """
    first, ours = _ENDING.sub("", path.name), _number(path)
    others = [one for one in path.parent.iterdir() if _ENDING.sub("", one.name) == first]
    for other in sorted(others, key=_number):
        if _number(other) < ours and other.suffix == path.suffix and _same(other, path):
            path.unlink()
            return other
    return path


def _number(path: Path) -> int:
    """Return the place of a rejects file among those of one file; 0: it is none."""
    ending = _ENDING.search(path.name)
    return 0 if ending is None else int((ending[1] or "-1")[1:])


def _same(one: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:  # not ours to read
        return False


class RejectsFile:
    """Written as lines are refused; made only when there is a first one."""

    def __init__(self, path: Path, form: Format) -> None:
        self.path = path
        self.count = 0
        self._form = form
        self._file: FileIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, line: Line, rejection: Rejection) -> None:
        """Append one refused line under its note.

        Raises:
            UnreadableFileError: the file cannot be made or written.
        """
        text = note(line, rejection) + b"\n" + (line.raw + b"\n" if line.raw else b"")
        try:
            if self._file is None:
                self._file = self._open()
                text = self._head() + text
            write_whole(self._file, text)
        except OSError as error:
            raise UnreadableFileError(f"rejects: cannot be written ({error.strerror})") from None
        self.count += 1

    def close(self) -> None:
        """Finish the file, if there is one."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> FileIO:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        return FileIO(os.open(self.path, flags, 0o600), "wb")

    def _head(self) -> bytes:
        return csv_reports.HEADER + b"\n" if self._form == "csv" else b""


def write_whole(file: FileIO, text: bytes) -> None:
    """Write all of it, or nothing: half an address would be handed in for the whole one.

    Raises:
        OSError: it cannot be written; the file is as it was.
    """
    start = file.tell()
    rest = memoryview(text)
    try:
        while rest:
            rest = rest[file.write(rest) or 0 :]
    except OSError:
        file.truncate(start)
        raise
