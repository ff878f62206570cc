"""Files known to be harmless: the operator's allow-list, a text file by path.

It begins with when it was made, then one SHA-256 a line; `#` begins a comment::

    built 2026-11-01T00:00:00Z
    c0c0...c0  # the blank picture of a shop system

Some 100 bytes of memory an entry. A file that was replaced is taken up while the node runs; one
that cannot be read then changes nothing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from node.jurisdiction.datafiles import built_ms, file_stamp, read_text
from node.jurisdiction.errors import DataFileError

_WHAT: Final = "allow-list"
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")


class AllowList:
    """The list of one node; without a path it is empty."""

    def __init__(self, path: Path | None) -> None:
        """Read the list.

        Raises:
            DataFileError: it cannot be read, or a line says nothing.
        """
        self._path = path
        self._stamp: tuple[str, int, int, int] | None = None
        self.digests: frozenset[bytes] = frozenset()
        self.look()

    def look(self) -> bool:
        """Take the file up if it was replaced; whether it was.

        Raises:
            DataFileError: as on opening; what was read before stays in force.
        """
        if self._path is None:
            return False
        stamp = file_stamp(self._path)
        if stamp == self._stamp:
            return False
        self.digests = _read(self._path)
        self._stamp = stamp
        return True


def _read(path: Path) -> frozenset[bytes]:
    text, _ = read_text(path, _WHAT, _WHAT)
    lines = [
        (number, words)
        for number, line in enumerate(text.splitlines(), start=1)
        if (words := line.partition("#")[0].split())
    ]
    built_ms(lines[:1], _WHAT)
    return frozenset(_digest(number, words) for number, words in lines[1:])


def _digest(number: int, words: list[str]) -> bytes:
    if len(words) != 1 or _SHA256.fullmatch(words[0]) is None:
        raise DataFileError(f"{_WHAT}, line {number}: write one SHA-256 in hexadecimal")
    return bytes.fromhex(words[0])
