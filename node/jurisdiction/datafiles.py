"""Data files by path: the right bytes, when they were made, and how old they are.

A file is only believed if it has the SHA-256 that was configured (where one was), and it must not
change while it is being opened. Age is a value for `doctor`, never an exception: old data is
better than none.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from node.jurisdiction.errors import DataFileError

if TYPE_CHECKING:
    import os
    from pathlib import Path


class DataFile(NamedTuple):
    """One opened data file. `built_ms` (UTC) is what the file says of itself."""

    name: str
    path: str
    sha256: str
    built_ms: int


class Snapshot(NamedTuple):
    """What a file was when it was hashed; `unchanged` tells whether it still is."""

    sha256: str
    stat: os.stat_result


def snapshot(path: Path, name: str, sha256: str | None) -> Snapshot:
    """Hash the file at `path` and compare with the configured `sha256` (hex), if any.

    Raises:
        DataFileError: it cannot be read, or is another file than the configured one.
    """
    try:
        stat = path.stat()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataFileError(
            f"jurisdiction data {name!r}: cannot be read ({error.strerror}); check path and rights"
        ) from None
    if sha256 is not None and digest != sha256.lower():
        raise DataFileError(
            f"jurisdiction data {name!r}: sha256 differs from the configured one; "
            "get the file again, or configure the sha256 of the new file"
        )
    return Snapshot(digest, stat)


def check_unchanged(path: Path, name: str, before: Snapshot) -> None:
    """Make sure that what was opened is what was hashed.

    Raises:
        DataFileError: the file was replaced in between.
    """
    now = path.stat()
    was = before.stat
    if (now.st_ino, now.st_size, now.st_mtime_ns) != (was.st_ino, was.st_size, was.st_mtime_ns):
        raise DataFileError(f"jurisdiction data {name!r}: changed while being opened; try again")
