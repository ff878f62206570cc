"""§4: one value has one form, and nothing else is read."""

from __future__ import annotations

import math
import sys
import tracemalloc
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import entry
from protocol.encoding import MAX_DEPTH, pack, unpack
from protocol.errors import MalformedError, TooLargeError, UnsayableError

LIMIT = 65536
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.binary() | TEXT,
    lambda inner: st.lists(inner, max_size=6),
    max_leaves=25,
)

NOT_CANONICAL = {
    "nothing": b"",
    "trailing byte": b"\x01\xc0",
    "small integer in one byte too many": b"\xcc\x01",
    "integer in two bytes for one": b"\xcd\x00\xff",
    "integer in eight bytes for one": b"\xcf" + bytes(7) + b"\x01",
    "signed form of a positive integer": b"\xd0\x05",
    "negative integer in two bytes for one": b"\xd1\xff\xff",
    "over-long header of a short text": b"\xd9\x01a",
    "over-long header of short bytes": b"\xc5\x00\x01a",
    "over-long header of a short array": b"\xdc\x00\x01\x01",
    "array of 32-bit length": b"\xdd\x00\x00\x00\x01\x01",
    "array that promises four thousand million": b"\xdd\xff\xff\xff\xff",
    "bytes that promise four thousand million": b"\xc6\xff\xff\xff\xff",
    "cut array": b"\x92\x01",
    "cut text": b"\xa2a",
    "text that is not UTF-8": b"\xa2\xff\xff",
    "text with an encoded surrogate": b"\xa3\xed\xa0\x80",
    "text with an over-long encoding": b"\xa2\xc0\x80",
    "text with U+0000": b"\xa1\x00",
    "never used byte": b"\xc1",
    "map": b"\x80",
    "map with a key twice": b"\x82\xa1a\x01\xa1a\x02",
    "map within an array": b"\x91\x80",
    "32-bit float": b"\xca\x3f\x80\x00\x00",
    "64-bit float": b"\xcb\x3f\xf0" + bytes(6),
    "not a number": b"\xcb\x7f\xf8" + bytes(6),
    "timestamp extension": b"\xd6\xff" + bytes(4),
    "unknown extension": b"\xd4\x05\x00",
    "nested beyond the limit": b"\x91" * (MAX_DEPTH + 1) + b"\x01",
    "nested sixty thousand deep": b"\x91" * 60_000 + b"\x01",
    "nested deep and cut": b"\x91" * 60_000,
}


@pytest.mark.parametrize("raw", NOT_CANONICAL.values(), ids=NOT_CANONICAL)
def test_4_2_only_the_canonical_form_is_read(raw: bytes) -> None:
    """Every malleation that common libraries let pass is refused, as one kind of error."""
    with pytest.raises(MalformedError):
        unpack(raw, LIMIT)


def test_4_2_the_deepest_allowed_nesting_is_read() -> None:
    """The limit is a limit and not one less."""
    raw = b"\x91" * MAX_DEPTH + b"\x01"
    assert pack(unpack(raw, LIMIT)) == raw


def test_4_3_size_is_judged_before_anything_else() -> None:
    """Not even a complaint about the content is worked out for bytes that are too many."""
    with pytest.raises(TooLargeError):
        unpack(b"\xc1" * 11, 10)


@pytest.mark.parametrize(
    "value",
    [1.0, math.nan, {}, {"a": 1}, object(), 1 << 64, -(1 << 63) - 1, "\0", "\ud800", [[{}]]],
)
def test_4_1_what_has_no_canonical_form_is_never_said(value: Any) -> None:
    """The blame is ours: it is another error than for bytes from outside."""
    with pytest.raises(UnsayableError):
        pack(value)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("\0", "value: text must not contain U+0000"),
        ("\ud800", "value: text must be valid Unicode, without surrogates"),
        (1 << 64, "value: integers have at most 64 bits"),
        (1.5, "value: only None, booleans, integers, bytes, text and arrays are allowed"),
        ([[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]], "value: arrays are nested too deeply"),
    ],
)
def test_4_1_what_is_wrong_with_a_value_is_said_in_words(value: Any, fault: str) -> None:
    """The words travel as the reason of a disposition."""
    with pytest.raises(UnsayableError) as caught:
        pack(value)
    assert str(caught.value) == fault


def test_4_1_endless_nesting_is_never_said() -> None:
    """A value that contains itself ends in an error, not in a crash."""
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(UnsayableError):
        pack(loop)


@given(VALUES)
def test_4_1_what_is_said_is_read_again(value: Any) -> None:
    """Reading undoes writing, for every value."""
    assert unpack(pack(value), LIMIT) == value


@given(VALUES)
def test_4_1_an_independent_library_writes_the_same_bytes(value: Any) -> None:
    """Typed messages are written by msgspec: canonical is not what one library happens to do."""
    assert pack(value) == msgspec.msgpack.encode(value)


@given(st.binary(max_size=64))
def test_4_2_what_is_read_is_the_only_form_of_its_value(raw: bytes) -> None:
    """Whatever bytes are accepted, another library writes their value as those bytes."""
    try:
        value = unpack(raw, LIMIT)
    except MalformedError:
        return
    assert msgspec.msgpack.encode(value) == raw
    assert msgspec.msgpack.decode(raw) == value


@pytest.mark.parametrize("value", [(1 << 64) - 1, -(1 << 63), (1 << 63), 0, -1])
def test_4_1_the_outermost_integers_have_a_form(value: int) -> None:
    """The bounds are bounds and not one less."""
    assert unpack(pack(value), 9) == value


def test_4_3_a_value_of_exactly_the_allowed_size_is_read() -> None:
    """The limit is a limit and not one less."""
    assert unpack(pack(b"1234"), 6) == b"1234"


def calls_of(raw: bytes) -> int:
    """Return how many functions reading an entry of an unknown version calls."""
    calls = 0

    def count(_frame: object, event: str, _of: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        entry.decode(raw)
    finally:
        sys.setprofile(None)
    return calls


HEAD = b"\x95\x09\x10\xc4\x20" + bytes(32) + b"\xc4\x10" + bytes(16)
NUMBERS = HEAD + b"\xdc\xfe\x00" + bytes(0xFE00)


@pytest.mark.parametrize(
    "raw", [NUMBERS, NUMBERS[:58] + b"\x90" * 0xFE00], ids=["numbers", "arrays"]
)
def test_g11_attack_an_entry_of_no_known_version_that_has_very_many_parts(raw: bytes) -> None:
    """Each costs its sender a byte: none costs a call to read."""
    assert calls_of(raw) < 10_000


@pytest.mark.parametrize("header", [b"\xdc\xf0\x00", b"\xdd\x00\x00\xf0\x00", b"\xc0\xdc\xf0\x00"])
def test_g11_attack_an_entry_of_headers_of_arrays_that_hold_nothing_else(header: bytes) -> None:
    """No room is made for parts that are only said to be there."""
    raw = (HEAD + b"\xdc\xf0\x00" + header * LIMIT)[:LIMIT]
    tracemalloc.start()
    try:
        with pytest.raises(MalformedError):
            entry.decode(raw)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 16 * LIMIT


def test_4_2_the_body_of_an_unknown_version_is_what_arrived() -> None:
    """Byte for byte, behind a head whose numbers may be long."""
    head = pack([(1 << 64) - 1, 1 << 40, bytes(32), bytes(16), None])[:-1]
    body = pack(["x", [-1, None, [b"y"]]])
    read = entry.decode(head + body)
    assert (read.version, read.kind, read.body) == ((1 << 64) - 1, 1 << 40, body)
