"""Whole numbers written as fractions, and names that stand twice."""

from __future__ import annotations

import msgspec
import pytest

from node.casework.reports.draft import HashesDraft, ReportDraft
from node.interchange.json_faults import explain
from node.interchange.json_numbers import NamedTwiceError, decode

REPORTS = msgspec.json.Decoder(ReportDraft)
DECODER = msgspec.json.Decoder(HashesDraft)


@pytest.mark.parametrize("written", [b"870", b"870.0", b"8.7e2", b"870.000"])
def test_a_whole_number_may_be_written_as_a_fraction(written: bytes) -> None:
    """It is the same number."""
    assert decode(DECODER, b'{"length":%s}' % written).length == 870


@pytest.mark.parametrize("written", [b"870.5", b"0.0", b"1e300", b"-1.0", b'"870"', b"true"])
def test_what_is_no_whole_number_in_bounds_is_refused(written: bytes) -> None:
    """Bounds hold for both ways of writing."""
    with pytest.raises(msgspec.ValidationError, match="length"):
        decode(DECODER, b'{"length":%s}' % written)


def test_a_fraction_does_not_excuse_another_fault() -> None:
    """The second look is as strict as the first."""
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        decode(DECODER, b'{"length":870.0,"size":1}')


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b'{"source":"public","source":"police","items":[{}]}', "source"),
        (b'{"source":"public","sour\\u0063e":"police","items":[{}]}', "source"),
        (b'{"source":"public","items":[{}],"items" :[{},{}]}', "items"),
        (b'{"source":"public","items":[{"url":"a","kind":"page","url":"b"}]}', "url"),
        (b'{"source":"public","items":[{"hashes":{"length":8.0,"length":9}}]}', "length"),
    ],
)
def test_a_name_that_stands_twice_is_refused(raw: bytes, name: str) -> None:
    """Which of the two is meant is not for the node to guess (RFC 8259 section 4)."""
    with pytest.raises(NamedTwiceError) as refused:
        decode(REPORTS, raw)

    found = explain(refused.value, ReportDraft)
    assert (found.code, found.field) == ("field_twice", name)


def test_objects_beside_each_other_may_have_the_same_names() -> None:
    """Twice is counted within one object; a text that looks like a name is none."""
    raw = rb'{"source":"public","note":"\"source\":","items":[{"url":"a"},{"url":":"}]}'
    assert len(decode(REPORTS, raw).items) == 2
