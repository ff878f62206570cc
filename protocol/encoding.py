"""Canonical MessagePack: one value has exactly one form on the wire (docs/protocol.md §4).

A value is None, a bool, an integer of 64 bits, bytes, text without U+0000, or an array of values.
There are no maps, no floats, no extension types. Bytes are canonical only if encoding what was
decoded gives the same bytes again: that one comparison refuses non-minimal integers, over-long
headers and trailing bytes. Nothing is ever re-encoded in order to be hashed.

Typed messages take the faster road of `messages.py`, with msgspec; this module serves entries of
kinds and versions that we do not know, with msgpack. Two libraries that must agree to the byte are
each other's check.
"""

from itertools import chain
from typing import Any, Final, TypeAlias

import msgpack
import msgspec

from protocol.errors import MalformedError, TooLargeError, UnsayableError

Value: TypeAlias = "bool | int | bytes | str | list[Value] | tuple[Value, ...] | None"

MAX_DEPTH: Final = 16

_ALLOWED: Final = (type(None), int, bytes, str, list, tuple)

_is_there: Final = msgspec.msgpack.Decoder(msgspec.Raw)
"""Sees, and makes nothing of it, that each array has the parts that its header says. Room for them
is made as headers are read, so that a thousand of them within each other, with nothing in them,
would cost more than the longest entry."""

INTEGER_MIN: Final = -(1 << 63)
INTEGER_MAX: Final = (1 << 64) - 1


def pack(value: Value) -> bytes:
    """Return the one canonical form of `value`.

    Raises:
        UnsayableError: a type, an integer, a text or a depth that has no canonical form.
    """
    fault = _fault(value, MAX_DEPTH)
    if fault is not None:
        raise UnsayableError(f"value: {fault}")
    try:
        return _encode(value)
    except UnicodeEncodeError:
        raise UnsayableError("value: text must be valid Unicode, without surrogates") from None


def unpack(raw: bytes, max_bytes: int, max_depth: int = MAX_DEPTH) -> Value:
    """Return the value whose canonical form `raw` is; arrays come as lists.

    Raises:
        TooLargeError: more than `max_bytes`.
        MalformedError: anything but the canonical form of a value.
    """
    if len(raw) > max_bytes:
        raise TooLargeError(f"value: {len(raw)} bytes, at most {max_bytes} are allowed")
    try:
        _is_there.decode(raw)
        value: Value = msgpack.unpackb(raw, raw=False, strict_map_key=False, ext_hook=_no_extension)
    except (msgspec.DecodeError, RecursionError, msgpack.UnpackException, ValueError, TypeError):
        raise MalformedError("value", "must be one complete MessagePack value") from None
    fault = _fault(value, max_depth)
    if fault is not None:
        raise MalformedError("value", fault)
    if _encode(value) != raw:
        raise MalformedError("value", "must be in canonical form")
    return value


def _no_extension(*_: object) -> None:
    raise ValueError("extension types are not allowed")


def _encode(value: Value) -> bytes:
    packed: bytes = msgpack.packb(value, use_bin_type=True)
    return packed


def _fault(value: object, depth: int) -> str | None:
    """Say why `value` has no canonical form, or return None.

    Level by level and not part by part: who sends an entry of no known version chooses how many
    parts it has.
    """
    level: list[object] = [value]
    for below in range(depth, -1, -1):
        kinds = set(map(type, level))
        if not all(issubclass(kind, _ALLOWED) for kind in kinds):
            return "only None, booleans, integers, bytes, text and arrays are allowed"
        texts, numbers, arrays = (_of(level, kinds, one) for one in (str, int, (list, tuple)))
        if "\0" in "".join(texts):
            return "text must not contain U+0000"
        if numbers and not INTEGER_MIN <= min(numbers) <= max(numbers) <= INTEGER_MAX:
            return "integers have at most 64 bits"
        if arrays and below == 0:
            return "arrays are nested too deeply"
        level = list(chain.from_iterable(arrays))
    return None


def _of(level: list[object], kinds: set[type], kind: type | tuple[type, ...]) -> list[Any]:
    """Return the parts of a kind; where no type is one, or each, none is looked at."""
    fitting = {one for one in kinds if issubclass(one, kind)}
    if len(fitting) == len(kinds):
        return level
    return [part for part in level if type(part) in fitting] if fitting else []
