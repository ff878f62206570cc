"""The IANA special-purpose registries, range by range, in both directions.

The table is the registries' own (iana-ipv4-special-registry, iana-ipv6-special-registry), not ours:
every range is refused at both its ends, and the address on either side of it is judged by itself.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest

from node.jurisdiction.addresses import AddressPolicy, effective, special_range

IANA = {
    "0.0.0.0/8": "RFC 791",
    "10.0.0.0/8": "RFC 1918",
    "100.64.0.0/10": "RFC 6598",
    "127.0.0.0/8": "RFC 1122",
    "169.254.0.0/16": "RFC 3927",
    "172.16.0.0/12": "RFC 1918",
    "192.0.0.0/24": "RFC 6890",
    "192.0.0.0/29": "RFC 7335",
    "192.0.0.8/32": "RFC 7600",
    "192.0.0.9/32": "RFC 7723",
    "192.0.0.10/32": "RFC 8155",
    "192.0.0.170/31": "RFC 8880",
    "192.0.2.0/24": "RFC 5737",
    "192.31.196.0/24": "RFC 7535",
    "192.52.193.0/24": "RFC 7450",
    "192.88.99.0/24": "RFC 7526",
    "192.168.0.0/16": "RFC 1918",
    "192.175.48.0/24": "RFC 7534",
    "198.18.0.0/15": "RFC 2544",
    "198.51.100.0/24": "RFC 5737",
    "203.0.113.0/24": "RFC 5737",
    "224.0.0.0/4": "RFC 5771",
    "240.0.0.0/4": "RFC 1112",
    "255.255.255.255/32": "RFC 8190",
    "::1/128": "RFC 4291",
    "::/128": "RFC 4291",
    "64:ff9b:1::/48": "RFC 8215",
    "100::/64": "RFC 6666",
    "100:0:0:1::/64": "RFC 9780",
    "2001::/23": "RFC 2928",
    "2001:1::1/128": "RFC 7723",
    "2001:1::2/128": "RFC 8155",
    "2001:1::3/128": "RFC 9665",
    "2001:2::/48": "RFC 5180",
    "2001:3::/32": "RFC 7450",
    "2001:4:112::/48": "RFC 7535",
    "2001:10::/28": "RFC 4843",
    "2001:20::/28": "RFC 7343",
    "2001:30::/28": "RFC 9374",
    "2001:db8::/32": "RFC 3849",
    "2620:4f:8000::/48": "RFC 7534",
    "3fff::/20": "RFC 9637",
    "5f00::/16": "RFC 9602",
    "fc00::/7": "RFC 4193",
    "fe80::/10": "RFC 4291",
    "fec0::/10": "RFC 3879",
    "ff00::/8": "RFC 4291",
}
"""Prefix and the document that takes it out of the public space. Not in it, because they carry
another address: ::ffff:0:0/96, 64:ff9b::/96, 2001::/32 and 2002::/16, which are unwrapped."""

NETWORKS = [ip_network(prefix) for prefix in IANA]
OUR_POLICY = AddressPolicy()


def _beside(network: IPv4Network | IPv6Network) -> list[IPv4Address | IPv6Address]:
    """Return the addresses just before and after a range that no other range holds."""
    kind = type(network.network_address)
    ends = (int(network.network_address) - 1, int(network.broadcast_address) + 1)
    found = [kind(value) for value in ends if 0 <= value < 1 << network.max_prefixlen]
    return [
        address
        for address in found
        if not any(one.version == address.version and address in one for one in NETWORKS)
    ]


def _is_routed(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address is in the space that is given out: all of IPv4, 2000::/3 of IPv6."""
    unwrapped = effective(str(address))
    return unwrapped.version == 4 or unwrapped in IPv6Network("2000::/3")


BESIDE = sorted({str(a) for net in NETWORKS for a in _beside(net) if _is_routed(a)})
WRAPPINGS = {
    "v4-mapped": lambda inner: IPv6Address((0xFFFF << 32) | inner),
    "NAT64": lambda inner: IPv6Address((0x64FF9B << 96) | inner),
    "6to4": lambda inner: IPv6Address((0x2002 << 112) | (inner << 80) | 1),
    "Teredo": lambda inner: IPv6Address(
        (0x20010000 << 96) | (0x01020304 << 64) | (inner ^ 0xFFFFFFFF)
    ),
}
INSIDE_4 = sorted(
    {
        str(address)
        for net in NETWORKS
        if net.version == 4
        for address in (net.network_address, net.broadcast_address)
    }
)


@pytest.mark.parametrize("prefix", IANA)
def test_both_ends_of_every_range_are_refused(prefix: str) -> None:
    """The first and the last address; inside is between them."""
    network = ip_network(prefix)
    for address in (network.network_address, network.broadcast_address):
        assert OUR_POLICY.refused(str(address)) is not None, address


@pytest.mark.parametrize("address", BESIDE)
def test_the_address_beside_a_range_is_somebodys(address: str) -> None:
    """A range that is too wide makes a hosted site look internal."""
    assert OUR_POLICY.refused(address) is None


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("inner", INSIDE_4)
def test_every_ipv4_range_is_refused_in_every_wrapping(wrapping: str, inner: str) -> None:
    """However it is written into IPv6, it is judged as what traffic reaches."""
    outer = str(WRAPPINGS[wrapping](int(IPv4Address(inner))))
    assert effective(outer) == IPv4Address(inner)
    assert OUR_POLICY.refused(outer) == OUR_POLICY.refused(inner)


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("inner", [a for a in BESIDE if ip_address(a).version == 4])
def test_the_ipv4_address_beside_a_range_is_somebodys_in_every_wrapping(
    wrapping: str, inner: str
) -> None:
    """In the other direction too."""
    outer = str(WRAPPINGS[wrapping](int(IPv4Address(inner))))
    assert effective(outer) == IPv4Address(inner)
    assert OUR_POLICY.refused(outer) is None


@pytest.mark.parametrize("address", ["192.0.0.9", "192.31.196.1", "2001:1::1", "2620:4f:8000::1"])
def test_globally_reachable_is_not_hosted(address: str) -> None:
    """IANA and Python call these global: the network itself answers there, nobody's site does."""
    assert special_range(address) is not None


@pytest.mark.parametrize("address", ["64:ff9b::a00:1", "2002:a00:1::", "224.0.0.1", "fec0::1"])
def test_what_some_versions_of_python_call_global_is_refused(address: str) -> None:
    """`ipaddress.is_global` is not asked."""
    assert OUR_POLICY.refused(address) is not None


@pytest.mark.parametrize("address", ["::ffff:0:10.0.0.1", "::10.0.0.1", "0:0:0:ffff::10.0.0.1"])
def test_what_only_looks_like_a_wrapping_is_outside_the_public_space(address: str) -> None:
    """IPv4-compatible and IPv4-translated addresses are nobody's either way."""
    found = special_range(address)
    assert found is not None
    assert found.name == "not-global-unicast"
