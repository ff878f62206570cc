"""Canonical JSON: one value, one spelling; everything else is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import UntrustedDocumentError
from keys.documents import (
    MAX_DOCUMENT_BYTES,
    Fields,
    check_name,
    decode_bytes,
    encode_bytes,
    parse,
    serialise,
)

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(st.dictionaries(st.text(), PLAIN))
def test_what_is_serialised_parses_to_itself(value: dict[str, Any]) -> None:
    """For any plain values, and any names of fields."""
    assert parse(serialise(value), "document").rest() == value


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"b":1,"a":1}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":-0}',
        b'{"a":01}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":1}{}',
        b"",
        b"[" * 100_000,
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
def test_another_spelling_is_refused(raw: bytes) -> None:
    """Duplicate or unsorted fields, spaces, floats, escapes, byte order marks, depth."""
    with pytest.raises(UntrustedDocumentError, match=r"^document: is not"):
        parse(raw, "document")


@pytest.mark.parametrize("raw", [b"[]", b"1", b'"x"', b"null"])
def test_a_document_is_an_object(raw: bytes) -> None:
    """Nothing else has fields."""
    with pytest.raises(UntrustedDocumentError, match=r"^document: needs an object"):
        parse(raw, "document")


def test_a_document_has_a_bound() -> None:
    """Refused by its length, before it is parsed; one that just fits is read."""
    with pytest.raises(UntrustedDocumentError, match="larger"):
        parse(b" " * (MAX_DOCUMENT_BYTES + 1), "document")
    fits = serialise({"a": "x" * (MAX_DOCUMENT_BYTES - len(b'{"a":""}'))})
    assert len(fits) == MAX_DOCUMENT_BYTES
    parse(fits, "document").text("a")


@given(st.binary())
def test_bytes_survive_base64(value: bytes) -> None:
    """For any bytes."""
    assert decode_bytes(encode_bytes(value), "field") == value


@pytest.mark.parametrize("text", ["QQ", "QR==", "Q Q=", "QQ==\n", "-_==", "QQ===", "é", 7, None])
def test_another_spelling_of_base64_is_refused(text: object) -> None:
    """Padding, alphabet and unused bits have one form."""
    with pytest.raises(UntrustedDocumentError, match=r"^field: "):
        decode_bytes(text, "field")


def test_a_field_is_taken_once() -> None:
    """What is read twice was meant to be two fields."""
    fields = parse(b'{"a":"x"}', "document")
    fields.text("a")
    with pytest.raises(UntrustedDocumentError, match="document: a: is missing"):
        fields.text("a")


@pytest.mark.parametrize(
    ("value", "read", "message"),
    [
        ('"QR=="', lambda fields: fields.octets("a"), "a: is not canonical base64"),
        ('["x",7]', lambda fields: fields.texts("a"), r"a\[1\]: needs text"),
        ("[7,-1]", lambda fields: fields.integers("a"), r"a\[1\]: needs a non-negative integer"),
        ('"z"', lambda fields: fields.choice("a", ("x", "y")), "a: needs one of x, y"),
        ('{"o dd":1}', lambda fields: fields.child("a").done(), r"a\.\(odd name\): unknown field"),
    ],
)
def test_a_wrong_field_is_named(value: str, read: Callable[[Fields], Any], message: str) -> None:
    """With its place in a list, and never with a name that somebody else made up."""
    with pytest.raises(UntrustedDocumentError, match=f"^document: {message}"):
        read(parse(f'{{"a":{value}}}'.encode(), "document"))


def test_the_largest_integer_is_what_every_reader_keeps() -> None:
    """Alone and in a list, 2**53 - 1 is read and 2**53 is not."""
    most = parse(b'{"a":9007199254740991,"b":[9007199254740991]}', "document")
    assert (most.integer("a"), most.integers("b")) == (2**53 - 1, (2**53 - 1,))
    more = parse(b'{"a":9007199254740992,"b":[9007199254740992]}', "document")
    with pytest.raises(UntrustedDocumentError, match=r"^document: a: "):
        more.integer("a")
    with pytest.raises(UntrustedDocumentError, match=r"^document: b\[0\]: "):
        more.integers("b")


def test_a_name_has_up_to_64_characters() -> None:
    """As long as a member id in the path of a request may be."""
    assert check_name("a" * 64, "name") == "a" * 64
    with pytest.raises(UntrustedDocumentError, match=r"^name: needs lower-case"):
        check_name("a" * 65, "name")


def test_a_nested_field_is_named_by_its_path() -> None:
    """From the document down."""
    fields = parse(b'{"a":[{"b":{"c":1}}]}', "document")
    with pytest.raises(UntrustedDocumentError, match=r"^document: a\[0\]\.b\.c: needs text"):
        fields.children("a")[0].child("b").text("c")


def test_repeated_texts_are_refused() -> None:
    """A list of names is a set in order."""
    with pytest.raises(UntrustedDocumentError, match="repeated"):
        parse(b'{"a":["x","x"]}', "document").texts("a")
