"""Addresses that are nobody's public server: our own deny list, with tunnels unwrapped.

`ipaddress.is_global` of Python 3.11 calls several internal addresses global (NAT64 of 10.0.0.1,
6to4 of 10.0.0.0, 224.0.0.1, fec0::1), so the list here is explicit: the IANA special-purpose
registries for IPv4 and IPv6 (RFC 6890 and successors), multicast, and for IPv6 everything outside
2000::/3. Rules upheld:

* IPv4 inside IPv6 is judged, and located, as the IPv4 address that traffic would reach:
  v4-mapped (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056), Teredo (RFC 4380).
* Documentation ranges (RFC 5737, RFC 3849, RFC 9637) are refused unless the operator's
  configuration says `allow_documentation_ranges`, which is for tests and the demo.
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

DOCUMENTATION = "documentation"

_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_LOW_32 = 0xFFFFFFFF

_SPECIAL = (
    ("this-network", "0.0.0.0/8"),
    ("private", "10.0.0.0/8"),
    ("shared", "100.64.0.0/10"),
    ("loopback", "127.0.0.0/8"),
    ("link-local", "169.254.0.0/16"),
    ("private", "172.16.0.0/12"),
    ("protocol", "192.0.0.0/24"),
    (DOCUMENTATION, "192.0.2.0/24"),
    ("relay", "192.88.99.0/24"),
    ("private", "192.168.0.0/16"),
    ("benchmark", "198.18.0.0/15"),
    (DOCUMENTATION, "198.51.100.0/24"),
    (DOCUMENTATION, "203.0.113.0/24"),
    ("multicast", "224.0.0.0/4"),
    ("reserved", "240.0.0.0/4"),
    ("protocol", "2001::/23"),
    (DOCUMENTATION, "2001:db8::/32"),
    ("relay", "2002::/16"),
    (DOCUMENTATION, "3fff::/20"),
)


def _split() -> tuple[tuple[tuple[str, IPv4Network], ...], tuple[tuple[str, IPv6Network], ...]]:
    networks = [(name, ip_network(prefix)) for name, prefix in _SPECIAL]
    return (
        tuple((name, net) for name, net in networks if isinstance(net, IPv4Network)),
        tuple((name, net) for name, net in networks if isinstance(net, IPv6Network)),
    )


_SPECIAL_4, _SPECIAL_6 = _split()


def effective(address: str) -> IPv4Address | IPv6Address:
    """Return the address that traffic to `address` reaches: IPv4 taken out of IPv6 wrappings.

    Raises:
        ValueError: not an address.
    """
    parsed = ip_address(address)
    if isinstance(parsed, IPv4Address):
        return parsed
    inner = parsed.ipv4_mapped or parsed.sixtofour
    if inner is None and parsed.teredo is not None:
        inner = parsed.teredo[1]
    if inner is None and parsed in _NAT64:
        inner = IPv4Address(int(parsed) & _LOW_32)
    return parsed if inner is None else inner


def special(address: str) -> str | None:
    """Name the special-purpose range that `address` reaches into; None for a public address.

    Raises:
        ValueError: not an address.
    """
    reached = effective(address)
    if isinstance(reached, IPv4Address):
        return next((name for name, net in _SPECIAL_4 if reached in net), None)
    if reached not in _GLOBAL_UNICAST:
        return "not-global-unicast"
    return next((name for name, net in _SPECIAL_6 if reached in net), None)


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
