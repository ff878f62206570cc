"""Whole numbers in JSON: `870.0` is the number 870, whoever writes it so (RFC 8259 section 6).

msgspec takes `870.0` for a fraction where a whole number belongs; JSON Schema, some languages and
spreadsheets do not. The strict decoder comes first; only what it refuses for a fraction is looked
at again, so that ordinary documents cost nothing more.

An object that has the same name twice is refused: readers differ in which of the two they take
(section 4), and the decoder would take the last without a word.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

_APART: Final = re.compile(rb'"[ \t\r\n]+:')

T = TypeVar("T")


class NamedTwiceError(msgspec.ValidationError):
    """An object has the field `name` twice."""

    def __init__(self, name: str) -> None:
        super().__init__("Object has a field twice")
        self.name = name


def decode(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    """Decode `raw`, taking fractions without a fractional part for whole numbers.

    Raises:
        msgspec.DecodeError, UnicodeError, RecursionError: as the decoder does.
        NamedTwiceError: an object has the same name twice.
    """
    value = _decode(decoder, raw)
    _check_names(raw)
    return value


def _check_names(raw: bytes) -> None:
    """Look closely only where a name stands twice, apart from its colon, or behind an escape.

    Where no quotation mark is escaped, each that stands before a colon ends a name.
    """
    if (
        b"\\" in raw
        or raw.count(b'":') != _names(msgspec.json.decode(raw))
        or _APART.search(raw) is not None
    ):
        json.loads(raw, object_pairs_hook=_once)


def _names(value: Any) -> int:
    """Count the names that decoding has left: of those that stand twice in an object, one."""
    if type(value) is dict:
        within: Iterable[Any] = value.values()
        count = len(value)
    elif type(value) is list:
        within, count = value, 0
    else:
        return 0
    for inner in within:
        if type(inner) is dict or type(inner) is list:
            count += _names(inner)
    return count


def _once(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise NamedTwiceError(name)
        seen.add(name)


def _decode(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        if "got `float`" not in str(error):
            raise
    value: T = msgspec.convert(_whole(msgspec.json.decode(raw)), decoder.type)
    return value


def _whole(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    if isinstance(value, dict):
        return {name: _whole(inner) for name, inner in value.items()}
    return value
