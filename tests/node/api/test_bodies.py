"""Of which type a body is: read from bytes that anybody wrote."""

from __future__ import annotations

import time

import pytest

from node.api.bodies import read_content_type

UTF8 = frozenset({"utf-8"})


@pytest.mark.parametrize(
    ("field", "said", "charsets"),
    [
        ("application/json", "application/json", frozenset()),
        ("Application/JSON ; Charset=UTF-8", "application/json", UTF8),
        ('application/json;charset="utf-8";x=1', "application/json", UTF8),
        ("application/json; charset=utf-8; charset=utf-7", "application/json", UTF8 | {"utf-7"}),
        ("application/json\udcff", "application/json\udcff", frozenset()),
        ("", "", frozenset()),
    ],
)
def test_type_and_charsets_are_read(field: str, said: str, charsets: frozenset[str]) -> None:
    """In any spelling; what is no text is of no type that is taken."""
    assert read_content_type(field) == (said, charsets)


def test_a_long_field_costs_no_more_than_its_length() -> None:
    """While it is read nobody else is served."""
    began_s = time.process_time()
    read_content_type('application/json; charset="' + '{"a":' * 1600)
    assert time.process_time() - began_s < 0.1
