"""Addresses that are nobody's public server: our own deny list, with tunnels unwrapped.

`ipaddress.is_global` of Python 3.11 calls several internal addresses global (NAT64 of 10.0.0.1,
6to4 of 10.0.0.0, 224.0.0.1, fec0::1), and answers otherwise in other versions, so the list here is
explicit: the IANA special-purpose registries for IPv4 and IPv6 (RFC 6890 and successors),
multicast, and for IPv6 everything outside 2000::/3. Rules upheld:

* IPv4 inside IPv6 is judged, and located, as the IPv4 address that traffic would reach:
  v4-mapped (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056), Teredo (RFC 4380).
* A zone (`%eth0`, RFC 4007) names an interface of whoever wrote the address down, and is no part of
  it: it is dropped.
* Ranges that IANA calls globally reachable but that answer for the network itself, from wherever
  the asker is (AS112, AMT, PCP, TURN anycast), are refused too: nobody hosts there.
* Documentation ranges (RFC 5737, RFC 3849, RFC 9637) are refused unless the operator's
  configuration says `allow_documentation_ranges`, which is for tests and the demo.

A translator's prefix of one network's own choice (RFC 6052 section 2.2) looks like any address of
that network; only who runs it can know it.
"""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import NamedTuple

DOCUMENTATION = "documentation"

_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_LOW_32 = 0xFFFFFFFF


class Special(NamedTuple):
    """A special-purpose range: its short name (it travels as evidence), prefix, and source."""

    name: str
    prefix: str
    source: str


_SPECIAL = (
    Special("this-network", "0.0.0.0/8", "RFC 791"),
    Special("private", "10.0.0.0/8", "RFC 1918"),
    Special("shared", "100.64.0.0/10", "RFC 6598"),
    Special("loopback", "127.0.0.0/8", "RFC 1122"),
    Special("link-local", "169.254.0.0/16", "RFC 3927"),
    Special("private", "172.16.0.0/12", "RFC 1918"),
    Special("protocol", "192.0.0.0/24", "RFC 6890"),
    Special(DOCUMENTATION, "192.0.2.0/24", "RFC 5737"),
    Special("as112", "192.31.196.0/24", "RFC 7535"),
    Special("amt", "192.52.193.0/24", "RFC 7450"),
    Special("relay", "192.88.99.0/24", "RFC 7526"),
    Special("private", "192.168.0.0/16", "RFC 1918"),
    Special("as112", "192.175.48.0/24", "RFC 7534"),
    Special("benchmark", "198.18.0.0/15", "RFC 2544"),
    Special(DOCUMENTATION, "198.51.100.0/24", "RFC 5737"),
    Special(DOCUMENTATION, "203.0.113.0/24", "RFC 5737"),
    Special("multicast", "224.0.0.0/4", "RFC 5771"),
    Special("reserved", "240.0.0.0/4", "RFC 1112"),
    Special("protocol", "2001::/23", "RFC 2928"),
    Special(DOCUMENTATION, "2001:db8::/32", "RFC 3849"),
    Special("relay", "2002::/16", "RFC 3056"),
    Special("as112", "2620:4f:8000::/48", "RFC 7534"),
    Special(DOCUMENTATION, "3fff::/20", "RFC 9637"),
)
_OUTSIDE = Special("not-global-unicast", "outside 2000::/3", "RFC 4291")


def _networks() -> tuple[
    tuple[tuple[Special, IPv4Network], ...], tuple[tuple[Special, IPv6Network], ...]
]:
    networks = [(one, ip_network(one.prefix)) for one in _SPECIAL]
    return (
        tuple((one, net) for one, net in networks if isinstance(net, IPv4Network)),
        tuple((one, net) for one, net in networks if isinstance(net, IPv6Network)),
    )


_SPECIAL_4, _SPECIAL_6 = _networks()


def effective(address: str) -> IPv4Address | IPv6Address:
    """Return the address that traffic to `address` reaches: IPv4 taken out of IPv6 wrappings.

    Raises:
        ValueError: not an address.
    """
    parsed = ip_address(address)
    if isinstance(parsed, IPv4Address):
        return parsed
    if parsed.scope_id is not None:
        parsed = IPv6Address(int(parsed))
    inner = parsed.ipv4_mapped or parsed.sixtofour
    if inner is None and parsed.teredo is not None:
        inner = parsed.teredo[1]
    if inner is None and parsed in _NAT64:
        inner = IPv4Address(int(parsed) & _LOW_32)
    return parsed if inner is None else inner


def special_range(address: str) -> Special | None:
    """Return the special-purpose range that `address` reaches into; None for a public address.

    Raises:
        ValueError: not an address.
    """
    reached = effective(address)
    if isinstance(reached, IPv4Address):
        return next((one for one, net in _SPECIAL_4 if reached in net), None)
    if reached not in _GLOBAL_UNICAST:
        return _OUTSIDE
    return next((one for one, net in _SPECIAL_6 if reached in net), None)


def special(address: str) -> str | None:
    """Name the special-purpose range that `address` reaches into; None for a public address.

    Raises:
        ValueError: not an address.
    """
    found = special_range(address)
    return None if found is None else found.name


class AddressPolicy:
    """Which addresses a name may have for us to believe that somebody hosts there."""

    def __init__(self, *, allow_documentation_ranges: bool = False) -> None:
        self._allowed = DOCUMENTATION if allow_documentation_ranges else None

    def refused(self, address: str) -> str | None:
        """Name the reason why `address` is refused; None if it is accepted.

        Raises:
            ValueError: not an address.
        """
        found = special(address)
        return None if found is None or found == self._allowed else found
