"""What entries of lists are about: networks by number, ranges, names; read in one way everywhere.

Rules upheld: an entry that could never match, or that would match everything, is refused with the
mend, since whoever wrote it believes that it does something else. Pure.
"""

from __future__ import annotations

import re
from ipaddress import ip_network

from node.jurisdiction.errors import UnlocatableError
from node.jurisdiction.locations import canonical

WIDEST = {4: 8, 6: 16}
"""Shortest prefix, by version of IP, that one entry may be about."""
MAX_ASN = (1 << 32) - 1
_ASN = re.compile(r"(?:AS|as)?(\d{1,10})")
_NAME = re.compile(r"[a-z0-9_.-]+")


class ListedError(ValueError):
    """An entry that says nothing, or too much; the message is the mend."""


def read_asn(raw: str) -> int:
    """Return the number of a network: `64500` or `AS64500`.

    Raises:
        ListedError: it is none.
    """
    found = _ASN.fullmatch(raw)
    if found is None or int(found[1]) > MAX_ASN:
        raise ListedError("write the number of a network, as 64500")
    return int(found[1])


def read_range(raw: str) -> str:
    """Return a range in its plain spelling.

    Raises:
        ListedError: it is none, has bits beyond its length, or is wider than `WIDEST`.
    """
    try:
        network = ip_network(raw)
    except ValueError:
        raise ListedError("write a prefix, as 192.0.2.0/24, no bits beyond it") from None
    if network.prefixlen < WIDEST[network.version]:
        raise ListedError(
            f"write ranges of /{WIDEST[4]} at most, of IPv6 /{WIDEST[6]}: nobody has wider ones"
        )
    return str(network)


def read_name(raw: str) -> str:
    """Return a host name as locations have it: in A-labels, lower case, without the last dot.

    Raises:
        ListedError: it is no public host name alone. A `*` is refused: a name holds for all below.
    """
    try:
        place = canonical(f"http://{raw}/")
    except UnlocatableError:
        place = None
    alone = place is not None and place.canonical == f"http://{place.host}/"
    if place is None or place.kind != "name" or not alone or not _NAME.fullmatch(place.host):
        raise ListedError(
            "write a public host name alone, without scheme, port, path or *: it holds for all"
            " below it too"
        )
    return place.host
