"""Canonical MessagePack: one value has exactly one form on the wire (docs/protocol.md §4).

A value is None, a bool, an integer of 64 bits, bytes, text without U+0000, or an array of values.
There are no maps, no floats, no extension types. Bytes are canonical only if encoding what was
decoded gives the same bytes again: that one comparison refuses non-minimal integers, over-long
headers and trailing bytes. Nothing is ever re-encoded in order to be hashed.

Typed messages take the faster road of `messages.py`, with msgspec; this module serves entries of
kinds and versions that we do not know, with msgpack. Two libraries that must agree to the byte are
each other's check.
"""

from typing import Final, TypeAlias

import msgpack

from protocol.errors import MalformedError, TooLargeError, UnsayableError

Value: TypeAlias = "bool | int | bytes | str | list[Value] | tuple[Value, ...] | None"

MAX_DEPTH: Final = 16

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
        value: Value = msgpack.unpackb(raw, raw=False, strict_map_key=False, ext_hook=_no_extension)
    except (msgpack.UnpackException, ValueError, TypeError):
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
    """Say why `value` has no canonical form, or return None."""
    if value is None or isinstance(value, bool | bytes):
        return None
    if isinstance(value, str):
        return "text must not contain U+0000" if "\0" in value else None
    if isinstance(value, int):
        return None if INTEGER_MIN <= value <= INTEGER_MAX else "integers have at most 64 bits"
    if not isinstance(value, list | tuple):
        return "only None, booleans, integers, bytes, text and arrays are allowed"
    if depth == 0:
        return "arrays are nested too deeply"
    return next((fault for part in value if (fault := _fault(part, depth - 1))), None)
