"""The node cannot be used to probe its own network."""

from __future__ import annotations

import pytest

from node.jurisdiction.addresses import AddressPolicy, effective, special

INTERNAL = [
    "0.0.0.0",  # noqa: S104
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:20::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
WRAPPED = {
    "::ffff:10.0.0.1": "10.0.0.1",
    "64:ff9b::10.0.0.1": "10.0.0.1",
    "2002:0a00:0001::": "10.0.0.1",
    "2002:7f00:0001::1": "127.0.0.1",
    "2001:0:102:304:0:0:f5ff:fffe": "10.0.0.1",
    "64:ff9b::169.254.169.254": "169.254.169.254",
}
PUBLIC = ["1.0.0.1", "100.128.0.1", "172.32.0.1", "198.20.0.1", "223.255.255.1", "2a00::1"]
DOCUMENTATION = ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"]


@pytest.mark.parametrize("address", INTERNAL)
def test_internal_addresses_are_refused(address: str) -> None:
    """Also those that Python 3.11 calls global."""
    assert AddressPolicy().refused(address) is not None


@pytest.mark.parametrize(("address", "inner"), WRAPPED.items())
def test_internal_addresses_in_wrappings_are_refused(address: str, inner: str) -> None:
    """A tunnel's or translator's address is judged as the IPv4 address inside."""
    assert str(effective(address)) == inner
    assert AddressPolicy(allow_documentation_ranges=True).refused(address) is not None


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_accepted(address: str) -> None:
    """The deny list ends where the ranges end."""
    assert special(address) is None


@pytest.mark.parametrize("address", ["::ffff:1.0.0.1", "64:ff9b::1.0.0.1", "2002:100:1::"])
def test_a_public_address_in_wrappings_is_that_address(address: str) -> None:
    """What lies behind is what counts, for better too."""
    assert str(effective(address)) == "1.0.0.1"
    assert special(address) is None


@pytest.mark.parametrize("address", DOCUMENTATION)
def test_documentation_ranges_need_the_switch(address: str) -> None:
    """Refused by default; tests and the demo say otherwise."""
    assert AddressPolicy().refused(address) == "documentation"
    assert AddressPolicy(allow_documentation_ranges=True).refused(address) is None


def test_what_is_no_address_is_an_error() -> None:
    """A name must not slip through as harmless."""
    with pytest.raises(ValueError, match="does not appear"):
        special("site.example")
