"""A large JSON document, piece by piece: nothing is held but the value at hand.

The driver of `json` reads one value at a place of a text. Here the text is a window that moves over
the file: if a value is not whole in it, more is read, up to `MAX_VALUE` characters. So a document
of any size takes as much memory as its largest entry, and one that never ends a string is refused.
"""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING, Any, Final

from node.interchange.errors import WrongFileError

if TYPE_CHECKING:
    from typing import BinaryIO

CHUNK_BYTES: Final = 1 << 18
MAX_VALUE: Final = 1 << 20
"""Characters of what is read of one entry."""
MAX_DEPTH: Final = 32
"""Of what is passed over piece by piece."""
_TOO_LARGE: Final = f"is not JSON, or has more than {MAX_VALUE} characters"
_SPACE: Final = " \t\r\n"
_MAX_DIGITS: Final = 20


def _whole(digits: str) -> int | float:
    """Read a whole number; one that nothing here can be as large as is endless.

    Python refuses thousands of digits, which would end the document instead of refusing one field.
    """
    return int(digits) if len(digits) <= _MAX_DIGITS else math.inf


class TooLargeError(WrongFileError):
    """A value is not whole within `MAX_VALUE`, or never will be."""


class JsonStream:
    """A document that is read from its start to its end, once.

    `where` is what messages call the place: set by whoever reads.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.where = "document"
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._scan = json.JSONDecoder(parse_int=_whole).raw_decode
        self._text = ""
        self._at = 0
        self._ended = False

    def members(self) -> Iterator[str]:
        """Yield the keys of the object that begins here; each value is read before the next key.

        Raises:
            WrongFileError
        """
        self._take("{")
        if self.peek() != "}":
            yield self._key()
            while self.peek() == ",":
                self._at += 1
                yield self._key()
        self._take("}")

    def elements(self) -> Iterator[None]:
        """Stop at each element of the array that begins here; each is read before the next.

        Raises:
            WrongFileError
        """
        self._take("[")
        if self.peek() != "]":
            yield
            while self.peek() == ",":
                self._at += 1
                yield
        self._take("]")

    def value(self) -> Any:
        """Read the value that begins here.

        Raises:
            TooLargeError: the stream stands where it begins.
            WrongFileError: it is not JSON, or nested too deeply.
        """
        self.peek()
        while True:
            try:
                found, end = self._scan(self._text, self._at)
                if end < len(self._text) or self._ended:  # else a number may go on
                    self._at = end
                    return found
            except RecursionError:
                raise self.wrong("is nested too deeply") from None
            except ValueError:
                if self._ended:
                    raise self.wrong("is not JSON, or ends too soon") from None
            if len(self._text) - self._at > MAX_VALUE:
                raise TooLargeError(self._at_place(_TOO_LARGE))
            self._more()

    def some(self, wanted: Container[str]) -> Any:
        """Read the value that begins here; of a very large object the members with these keys.

        Raises:
            WrongFileError: as of `value`, of what is read or passed over.
        """
        try:
            return self.value()
        except TooLargeError:
            found = {}
            for key in self.members():
                if key in wanted:
                    found[key] = self.value()
                else:
                    self.skip()
            return found

    def skip(self, depth: int = 0) -> None:
        """Pass over the value that begins here, however much stands in it.

        Raises:
            WrongFileError: it is not JSON, or nested too deeply.
        """
        try:
            self.value()
        except TooLargeError:
            begins = self.peek()
            if begins not in ("{", "[") or depth == MAX_DEPTH:
                raise
            for _ in self.members() if begins == "{" else self.elements():
                self.skip(depth + 1)

    def peek(self) -> str:
        """Return the next character that is no space; empty at the end."""
        while True:
            text, at = self._text, self._at
            while at < len(text) and text[at] in _SPACE:
                at += 1
            self._at = at
            if at < len(text):
                return text[at]
            if self._ended:
                return ""
            self._more()

    def end(self) -> None:
        """See that nothing follows.

        Raises:
            WrongFileError
        """
        if self.peek():
            raise self.wrong("something follows the end of the document")

    def wrong(self, mend: str) -> WrongFileError:
        """Make the error of this place."""
        return WrongFileError(self._at_place(mend))

    def _at_place(self, mend: str) -> str:
        return f"{self.where}: {mend}; what stands before it was taken"

    def _key(self) -> str:
        key = self.value()
        if not isinstance(key, str):
            raise self.wrong("is not JSON: a key must be a text")
        self._take(":")
        return key

    def _take(self, char: str) -> None:
        if self.peek() != char:
            raise self.wrong(f"is not JSON of this format: {char} must stand there")
        self._at += 1

    def _more(self) -> None:
        raw = self._file.read(CHUNK_BYTES)
        self._ended = not raw
        try:
            more = self._decode(raw, self._ended)
        except UnicodeDecodeError:
            raise self.wrong("must be UTF-8") from None
        self._text = self._text[self._at :] + more
        self._at = 0
