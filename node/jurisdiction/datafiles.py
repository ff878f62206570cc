"""Data files by path: the right bytes, when they were made, and how old they are.

A file is only believed if it has the SHA-256 that was configured (where one was), and it must not
change while it is being opened. Age is a value for `doctor`, never an exception: old data is
better than none.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from node.jurisdiction.errors import DataFileError
from node.jurisdiction.listed import ListedError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
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
        raise _unreadable(name, error) from None
    _check_sha256(name, digest, sha256)
    return Snapshot(digest, stat)


def read_whole(path: Path, name: str, sha256: str | None) -> tuple[BytesIO, str]:
    """Return what a file holds and the SHA-256 of that, compared with the configured one, if any.

    Raises:
        DataFileError: it cannot be read, or is another file than the configured one.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _unreadable(name, error) from None
    digest = hashlib.sha256(raw).hexdigest()
    _check_sha256(name, digest, sha256)
    return BytesIO(raw), digest


def read_text(path: Path, name: str, what: str, sha256: str | None = None) -> tuple[str, Snapshot]:
    """Return the text of a file, and what it was; `what` names it in errors.

    Raises:
        DataFileError: it cannot be read, is not the configured one, is not UTF-8, or was replaced
            meanwhile.
    """
    before = snapshot(path, name, sha256)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise _unreadable(name, error) from None
    except UnicodeDecodeError:
        raise DataFileError(f"{what}: is not UTF-8 text") from None
    check_unchanged(path, name, before)
    return text, before


def read_list(
    path: Path, name: str, what: str, sha256: str | None = None
) -> tuple[DataFile, list[tuple[int, list[str]]]]:
    """Read a list: one entry of words a line, `#` begins a comment, `built TIME` comes first.

    Returns:
        What the file is, and the entries after the first with the numbers of their lines.

    Raises:
        DataFileError: as `read_text`, or it does not say when it was made.
    """
    text, before = read_text(path, name, what, sha256)
    entries = [
        (number, words)
        for number, line in enumerate(text.splitlines(), start=1)
        if (words := line.partition("#")[0].split())
    ]
    file = DataFile(name, str(path), before.sha256, built_ms(entries[:1], what))
    return file, entries[1:]


def take_lines(
    entries: list[tuple[int, list[str]]], add: Callable[[list[str]], None], what: str, mend: str
) -> None:
    """Hand each entry to `add`, which raises ValueError for one that says nothing.

    A `ListedError` says itself what to write; for any other, `mend` does.

    Raises:
        DataFileError: one says nothing; the message has the number of its line, and the mend.
    """
    for number, words in entries:
        try:
            add(words)
        except ListedError as error:
            raise DataFileError(f"{what}, line {number}: {error}") from None
        except ValueError:
            raise DataFileError(f"{what}, line {number}: {mend}") from None


def file_stamp(path: Path) -> tuple[str, int, int, int]:
    """Return what the file system says of a file: when that changes, it was replaced.

    Raises:
        DataFileError: there is none.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise _unreadable(path.stem, error) from None
    return str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns


def check_unchanged(path: Path, name: str, before: Snapshot) -> None:
    """Make sure that what was opened is what was hashed.

    Raises:
        DataFileError: the file was replaced or removed in between.
    """
    try:
        now = path.stat()
    except OSError as error:
        raise _unreadable(name, error) from None
    was = before.stat
    if (now.st_ino, now.st_size, now.st_mtime_ns) != (was.st_ino, was.st_size, was.st_mtime_ns):
        raise DataFileError(f"data file {name!r}: changed while being opened; try again")


def _check_sha256(name: str, found: str, configured: str | None) -> None:
    if configured is not None and found != configured.lower():
        raise DataFileError(
            f"data file {name!r}: sha256 differs from the configured one; "
            "get the file again, or configure the sha256 of the new file"
        )


def _unreadable(name: str, error: OSError) -> DataFileError:
    return DataFileError(
        f"data file {name!r}: cannot be read ({error.strerror}); check path and rights"
    )


def built_ms(first: list[tuple[int, list[str]]], what: str) -> int:
    """Return the date (ms UTC) that a list begins with: `built 2026-11-01T00:00:00Z`.

    Args:
        first: its first line of words, with its number; empty if it has none.
        what: how errors call the list.

    Raises:
        DataFileError: it begins with anything else.
    """
    try:
        ((_, (word, stamp)),) = first
        built = datetime.fromisoformat(stamp)
        zone, built = built.tzinfo, built.astimezone(UTC)
    except (ValueError, OverflowError):
        word, zone, built = "", None, None
    if word != "built" or built is None or zone is None:
        raise DataFileError(
            f"{what}: begin it with `built 2026-11-01T00:00:00Z`, the time it was made"
        )
    return int(built.timestamp() * 1000)
