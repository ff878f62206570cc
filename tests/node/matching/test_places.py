"""Two canonical forms of one place: found from either side, and nothing else is."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.jurisdiction.errors import UnlocatableError
from node.jurisdiction.locations import canonical
from node.matching.fingerprints import Fingerprints
from node.matching.places import forms_of
from protocol.facts import Location
from tests.builders.cases import at

PLAIN = "http://192.0.2.1/a.jpg"
MAPPED = "http://[::ffff:c000:201]/a.jpg"


def test_both_forms_are_named_from_either_side_itself_first() -> None:
    """As the URL standard serialises them."""
    assert forms_of(PLAIN) == (PLAIN, MAPPED)
    assert forms_of(MAPPED) == (MAPPED, PLAIN)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["http", "https", "ftp"]),
    st.sampled_from(["", ":8080"]),
    st.sampled_from(["/", "/a/b.jpg?x=1", "/[::ffff:1:2]/", "/192.0.2.1/"]),
)
def test_any_address_is_met_in_both_spellings(
    number: int, scheme: str, port: str, rest: str
) -> None:
    """Whatever the parser makes of each of them, if it is a place at all."""
    address = IPv4Address(number)
    spelled = [f"{scheme}://{host}{port}{rest}" for host in (address, f"[::ffff:{address}]")]
    try:
        one, other = (canonical(text).canonical for text in spelled)
    except UnlocatableError:
        return
    assert forms_of(one) == (one, other)
    assert forms_of(other) == (other, one)


@pytest.mark.parametrize(
    "alone",
    [
        "http://[2001:db8::1]/",
        "http://[::ffff:1]/",
        "http://[::1:ffff:c000:201]/",
        "http://[64:ff9b::c000:201]/",
        "http://192.0.2.1.example/",
        "http://nl1.example/192.0.2.1/",
        "http://nl1.example/[::ffff:c000:201]/",
        "service:chat/192.0.2.1/",
        "ipfs://192/192.0.2.1/",
    ],
)
def test_every_other_place_has_one_form(alone: str) -> None:
    """Addresses of other ranges are others; what only stands in a path is no host."""
    assert forms_of(alone) == (alone,)


def test_keys_of_a_place_are_those_of_its_forms() -> None:
    """Of an absent place there is none."""
    of = Fingerprints(bytes(32))
    one, other = of.location(at(PLAIN)), of.location(at(MAPPED))
    assert of.places(at(PLAIN)) == [one, other]
    assert of.places(at(MAPPED)) == [other, one]
    assert one != other
    assert of.places(None) == of.places(Location()) == []
