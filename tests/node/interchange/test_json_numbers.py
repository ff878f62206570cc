"""Whole numbers written as fractions."""

from __future__ import annotations

import msgspec
import pytest

from node.casework.draft import HashesDraft
from node.interchange.json_numbers import decode

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
