"""Identifiers: `<member>.<ULID>`, minted once by whoever records a thing first.

A ULID is 48 bits of time (ms) and 80 random bits in Crockford's base 32: sorted by time, unique
without asking anybody. Randomness comes in as an argument, so that a simulated world replays.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_TIME_BITS = 48
_RANDOM_BYTES = 10


class Ids:
    """Mints the ids of one member."""

    def __init__(
        self, member: str, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self.member = member
        self._prefix = member + "."
        self._random = random_bytes

    def mint(self, now_ms: int) -> str:
        """Return a new id; `now_ms` (UTC) gives its place in time."""
        value = now_ms & ((1 << _TIME_BITS) - 1)
        number = (value << 80) | int.from_bytes(self._random(_RANDOM_BYTES), "big")
        pairs = _PAIRS
        text = "".join([pairs[(number >> shift) & 1023] for shift in range(120, -1, -10)])
        return self._prefix + text
