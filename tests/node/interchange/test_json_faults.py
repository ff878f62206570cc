"""Mends in words: what a caller reads names the form of a value as a person would say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec import inspect

from node.api.operations import OPERATIONS, TokenDraft
from node.api.parameters import ItemsParameters
from node.casework.reports.draft import (
    AccessDraft,
    ActionDraft,
    HashesDraft,
    HoldDraft,
    MessageDraft,
    ReportDraft,
)
from node.hashcheck.operations import OPERATIONS as HASHCHECK
from node.interchange.json_faults import describe, explain
from node.interchange.json_numbers import decode

if TYPE_CHECKING:
    from collections.abc import Iterator


def mend(raw: bytes, expected: type) -> str:
    """Read what must be refused, and return its mend."""
    with pytest.raises(msgspec.DecodeError) as refused:
        decode(msgspec.json.Decoder(expected), raw)
    return explain(refused.value, expected).mend


@pytest.mark.parametrize(
    ("raw", "expected", "words"),
    [
        (b'{"vantage":"UK"}', AccessDraft, "two capital letters of ISO 3166-1"),
        (b'{"vantage":"UK"}', AccessDraft, "GB for the United Kingdom"),
        (b'{"sha256":"ab"}', HashesDraft, "must be 64 hexadecimal digits"),
        (b'{"action":"moved","at":"today"}', ActionDraft, "such as 2026-11-23T18:00:00Z"),
        (b'{"name":"A B","scopes":["admin"]}', TokenDraft, "lower-case letters, digits"),
        (b'{"pdq_quality":101}', HashesDraft, "must be a whole number from 0 to 100"),
        (b'{"to":"nl-eokm","text":""}', MessageDraft, "must be a text of 1 to 2000 characters"),
        (b'{"source":"public","items":[]}', ReportDraft, "must be an array of 1 to 1000 entries"),
        (b'{"to":"X","text":"x"}', MessageDraft, "must be a member id such as gb-iwf"),
    ],
)
def test_a_mend_is_said_in_words(raw: bytes, expected: type, words: str) -> None:
    """A regular expression, or half a range, helps nobody to mend a value."""
    assert words in mend(raw, expected)


def test_both_bounds_of_a_parameter_are_named() -> None:
    """Who wrote 0 sees that 1 is the least."""
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert({"limit": "0"}, ItemsParameters, strict=False)

    assert explain(refused.value, ItemsParameters).mend == "must be a whole number from 1 to 500"


def texts(node: inspect.Type) -> Iterator[inspect.Type]:
    """Give every text that a type may hold, with its description where it has one."""
    match node:
        case inspect.Metadata(type=inspect.StrType()) | inspect.StrType():
            yield node
        case inspect.Metadata():
            yield from texts(node.type)
        case inspect.UnionType():
            for one in node.types:
                yield from texts(one)
        case inspect.StructType():
            for field in node.fields:
                yield from texts(field.type)
        case inspect.VarTupleType():
            yield from texts(node.item_type)
        case _:
            return


@pytest.mark.parametrize("operation", [*OPERATIONS, *HASHCHECK], ids=lambda one: one.name)
def test_no_mend_of_an_operation_is_a_regular_expression(operation: Any) -> None:
    """Also not of a field that somebody adds."""
    taken = [operation.parameters, *(operation.takes or {}).values()]
    said = [describe(node) for kind in taken for node in texts(inspect.type_info(kind))]
    assert not [words for words in said if "^" in words or "\\" in words or "documented" in words]


CONTROLS = [f"{number:02x}" for number in (*range(32), 127)]


@pytest.mark.parametrize("code", CONTROLS)
@pytest.mark.parametrize("field", ["reference", "identity", "workuser"])
def test_a_text_of_one_line_holds_no_control_character(field: str, code: str) -> None:
    """As in a CSV; and a NUL once taken in could be stored in no PostgreSQL database."""
    raw = b'{"source":"public","%s":"a\\u00%sb","items":[{}]}' % (field.encode(), code.encode())
    with pytest.raises(msgspec.ValidationError) as refused:
        decode(msgspec.json.Decoder(ReportDraft), raw)

    found = explain(refused.value, ReportDraft)
    assert (found.code, found.field) == ("control_character", field)


@pytest.mark.parametrize(
    ("where", "field"),
    [
        (b'"url":"https://a.example/\\u0000"', "url"),
        (b'"service":"a\\u0000"', "service"),
        (b'"account":"a\\u0000"', "account"),
        (b'"access":{"referrer":"a\\u0000"}', "access.referrer"),
        (b'"access":{"steps":"a\\u0000"}', "access.steps"),
        (b'"access":{"user_name":"a\\u0000"}', "access.user_name"),
        (b'"access":{"password":"a\\u0000"}', "access.password"),
        (b'"access":{"user_agent":"a\\u0000"}', "access.user_agent"),
        (b'"assessments":[{"verdict":"baseline","analyst":"a\\u0000"}]', "assessments[0].analyst"),
    ],
)
def test_no_text_of_an_item_holds_nul(where: bytes, field: str) -> None:
    """Wherever it stands, the field is named."""
    raw = b'{"source":"public","items":[{%s}]}' % where
    with pytest.raises(msgspec.ValidationError) as refused:
        decode(msgspec.json.Decoder(ReportDraft), raw)

    found = explain(refused.value, ReportDraft)
    assert found.code == "control_character"
    assert (found.field or "").endswith(field)


def test_a_note_of_several_lines_is_taken() -> None:
    """Line breaks and tabs are how people write."""
    raw = b'{"source":"public","note":"one\\r\\n\\ttwo","items":[{}]}'
    assert decode(msgspec.json.Decoder(ReportDraft), raw).note == "one\r\n\ttwo"


@pytest.mark.parametrize("code", ["00", "07", "0b", "1b", "7f"])
def test_a_note_holds_no_other_control_character(code: str) -> None:
    """What moves a terminal's cursor fakes what is read."""
    raw = b'{"source":"public","note":"a\\u00%sb","items":[{}]}' % code.encode()
    assert "control character" in mend(raw, ReportDraft)


def test_the_reason_of_a_hold_holds_no_nul() -> None:
    """It is a text like the others."""
    raw = b'{"reason":"a\\u0000","until":"2026-11-23T18:00:00Z"}'
    assert "control character" in mend(raw, HoldDraft)
