"""Entries of the TOML files that people of this hotline keep: whose each is, why, until when.

A file holds tables of one name and nothing else; each has an id of its own, an author, a reason and
an end (ADR 0027). If one entry is incomplete the file is refused as a whole, and the error names
the entry by its number and the field, never by its words.
"""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from node.jurisdiction.datafiles import DataFile, read_text
from node.jurisdiction.errors import DataFileError
from node.jurisdiction.listed import ListedError, read_range

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import TypeVar

    T = TypeVar("T")

MAX_ENTRIES = 100_000
SIGNED = frozenset({"id", "author", "reason", "expires"})
"""The keys that every entry has, in every file."""
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_MAX_TEXT = 500


class Entry:
    """One table of a file, with its number from 1; each reader checks one field."""

    def __init__(self, file: str, table: str, number: int, raw: Any) -> None:
        self._place = f"{file}, entry {number}"
        if not isinstance(raw, dict):
            self.wrong(f"write it as [[{table}]]")
        self.raw: Mapping[str, Any] = raw

    def wrong(self, mend: str) -> NoReturn:
        """Refuse the entry.

        Raises:
            DataFileError: always.
        """
        raise DataFileError(f"{self._place}: {mend}")

    def has(self, field: str) -> bool:
        """Whether a field is there."""
        return field in self.raw

    def id(self) -> str:
        """Return the entry's id.

        Raises:
            DataFileError: it is none.
        """
        return self.word("id", _ID, "lower case letters, digits, . _ -")

    def word(self, field: str, pattern: re.Pattern[str], of: str) -> str:
        """Return a field that `pattern` matches in full; `of` says what it is made of.

        Raises:
            DataFileError: it does not.
        """
        found = self.raw[field]
        if not isinstance(found, str) or not pattern.fullmatch(found):
            self.wrong(f"{field}: write {of}")
        return found

    def text(self, field: str) -> str:
        """Return a field that people read.

        Raises:
            DataFileError: it is empty, too long or no text.
        """
        found = self.raw[field]
        if not isinstance(found, str) or not found.strip() or len(found) > _MAX_TEXT:
            self.wrong(f"{field}: write who or why, at most {_MAX_TEXT} characters")
        return found

    def end(self) -> int:
        """Return when the entry ends, ms UTC.

        Raises:
            DataFileError: no time, or one without its zone.
        """
        found = self.raw["expires"]
        mend = "expires: write a time with its zone, as 2026-12-31T00:00:00Z"
        if not isinstance(found, datetime) or found.tzinfo is None:
            self.wrong(mend)
        try:
            return int(found.astimezone(UTC).timestamp() * 1000)
        except OverflowError:  # beyond the years that can be shown
            self.wrong(mend)

    def range(self, field: str, raw: Any) -> str:
        """Return an address range in its plain spelling.

        Raises:
            DataFileError: it is none, or too wide to be anybody's.
        """
        try:
            return read_range(raw if isinstance(raw, str) else "")
        except ListedError as error:
            self.wrong(f"{field}: {error}")

    def list(self, field: str) -> list[Any]:
        """Return a field that is a list; one that is missing is empty.

        Raises:
            DataFileError: it is no list.
        """
        found = self.raw.get(field, [])
        if not isinstance(found, list):
            self.wrong(f"{field}: write a list")
        return found


def read_entries(
    path: Path, name: str, table: str, read: Callable[[Entry], T], sha256: str | None = None
) -> tuple[tuple[T, ...], DataFile]:
    """Read a file of [[`table`]] entries; its build date is the time it was last changed.

    Raises:
        DataFileError: it is missing, not the one with the configured `sha256`, not TOML, or an
            entry is incomplete; the message has the entry's number and the field.
    """
    text, before = read_text(path, name, name, sha256)
    try:
        whole = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not TOML, or a number Python does not read
        said = str(error).rpartition("(")[2].rstrip(")")  # the place alone, never the words there
        where = f" {said}" if said.startswith("at ") else ""
        mend = "see docs/operating/jurisdiction.md, hosters.md"
        raise DataFileError(f"{name}: is not TOML{where}; {mend}") from None
    raw = whole.pop(table, [])
    if whole or not isinstance(raw, list) or len(raw) > MAX_ENTRIES:
        raise DataFileError(f"{name}: write [[{table}]] tables, and nothing else")
    found = [Entry(name, table, number, one) for number, one in enumerate(raw, start=1)]
    made = tuple(map(read, found))
    seen: set[str] = set()
    for entry in found:
        if entry.id() in seen:
            entry.wrong(f"id: give each {table} an id of its own; one above has this")
        seen.add(entry.id())
    return made, DataFile(name, str(path), before.sha256, before.stat.st_mtime_ns // 1_000_000)
