"""One array for each column of many rows, in the binary form in which the server keeps arrays.

The driver would look at every value to find the type of a list; the store knows it (columns are
text, bigint or bytea), and a fixed type lets one prepared statement serve any number of rows.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from psycopg import DataError
from psycopg.adapt import AdaptersMap, Buffer, Dumper
from psycopg.pq import Format

_HEAD: Final = struct.Struct("!iiIii")
_LENGTH: Final = struct.Struct("!i")
_INTEGER: Final = struct.Struct("!iq")
_NULL: Final = _LENGTH.pack(-1)


class Array:
    """Values of one column, in order."""

    __slots__ = ("values",)

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values


class Integers(Array):
    """Of a column bigint."""


class Texts(Array):
    """Of a column text."""


class Blobs(Array):
    """Of a column bytea."""


class _ArrayDumper(Dumper):
    format = Format.BINARY
    element_oid: ClassVar[int]

    def dump(self, obj: Array) -> Buffer:
        """Return the array as the protocol has it.

        Raises:
            DataError: a value is of another type than its column.
        """
        values = obj.values
        try:
            parts = [_NULL if value is None else self.element(value) for value in values]
        except (AttributeError, TypeError, UnicodeError, struct.error) as error:
            raise DataError("a value is not of the type of its column") from error
        if not parts:
            return struct.pack("!iiI", 0, 0, self.element_oid)
        head = _HEAD.pack(1, int(None in values), self.element_oid, len(values), 1)
        return head + b"".join(parts)

    @staticmethod
    def element(value: Any) -> bytes:
        """Return one value with its length before it."""
        return b"".join((_LENGTH.pack(len(value)), value))


class _BlobsDumper(_ArrayDumper):
    oid = 1001
    element_oid = 17


class _TextsDumper(_ArrayDumper):
    oid = 1009
    element_oid = 25

    @staticmethod
    def element(value: str) -> bytes:
        raw = value.encode()
        return _LENGTH.pack(len(raw)) + raw


class _IntegersDumper(_ArrayDumper):
    oid = 1016
    element_oid = 20

    @staticmethod
    def element(value: int) -> bytes:
        return _INTEGER.pack(8, value)


OF_TYPE: Final[dict[str, type[Array]]] = {"text": Texts, "bigint": Integers, "bytea": Blobs}
_OF_VALUE: Final[dict[type, type[Array]]] = {str: Texts, int: Integers, bytes: Blobs}


def array_of(values: Sequence[Any]) -> Array:
    """Return values of one type, none of them None, as an array."""
    return _OF_VALUE[type(values[0])](values)


def register(adapters: AdaptersMap) -> None:
    """Let a connection send arrays."""
    adapters.register_dumper(Integers, _IntegersDumper)
    adapters.register_dumper(Texts, _TextsDumper)
    adapters.register_dumper(Blobs, _BlobsDumper)
