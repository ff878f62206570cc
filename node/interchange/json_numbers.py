"""Whole numbers in JSON: `870.0` is the number 870, whoever writes it so (RFC 8259 section 6).

msgspec takes `870.0` for a fraction where a whole number belongs; JSON Schema, some languages and
spreadsheets do not. The strict decoder comes first; only what it refuses for a fraction is looked
at again, so that ordinary documents cost nothing more.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def decode(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    """Decode `raw`, taking fractions without a fractional part for whole numbers.

    Raises:
        msgspec.DecodeError, UnicodeError, RecursionError: as the decoder does.
    """
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
