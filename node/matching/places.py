"""Two canonical forms of one place: an IPv4 address, and the same inside IPv6 (RFC 4291, 2.5.5.2).

`http://192.0.2.1/` and `http://[::ffff:c000:201]/` reach one server. Each keeps the form that the
URL standard gives it, which other members and older versions know it by; who looks for a place
looks for both.
"""

from __future__ import annotations

import re
from typing import Final

_PLAIN: Final = re.compile(
    r"([a-z]+://)(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})([:/].*)", re.DOTALL
)
_MAPPED: Final = re.compile(r"([a-z]+://)\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\](.*)", re.DOTALL)


def forms_of(canonical: str) -> tuple[str, ...]:
    """Return the canonical forms of the place that has this one, itself first."""
    if found := _PLAIN.fullmatch(canonical):
        scheme, rest = found[1], found[6]
        a, b, c, d = (int(found[at]) for at in range(2, 6))
        return canonical, f"{scheme}[::ffff:{a << 8 | b:x}:{c << 8 | d:x}]{rest}"
    if found := _MAPPED.fullmatch(canonical):
        scheme, rest = found[1], found[4]
        numbers = (int(found[at], 16) for at in (2, 3))
        address = ".".join(f"{one >> 8}.{one & 255}" for one in numbers)
        return canonical, f"{scheme}{address}{rest}"
    return (canonical,)
