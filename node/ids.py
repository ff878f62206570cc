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
_DRAWN = 256
"""Ids for which the system is asked at once: to ask it costs as much as to make an id."""


class _Drawn:
    """Randomness of the system, drawn ahead."""

    def __init__(self) -> None:
        self._left: list[bytes] = []

    def __call__(self, size: int) -> bytes:
        """Return `size` random bytes that nobody had before.

        `pop` gives each piece to one thread only.
        """
        try:
            return self._left.pop()
        except IndexError:
            block = secrets.token_bytes(size * _DRAWN)
            self._left.extend([block[at : at + size] for at in range(size, len(block), size)])
            return block[:size]


class Ids:
    """Mints the ids of one member."""

    def __init__(self, member: str, random_bytes: Callable[[int], bytes] | None = None) -> None:
        self.member = member
        self._random = _Drawn() if random_bytes is None else random_bytes
        self._begin = (-1, "")

    def mint(self, now_ms: int) -> str:
        """Return a new id; `now_ms` (UTC) gives its place in time."""
        at_ms, begin = self._begin
        if at_ms != now_ms:
            begin = f"{self.member}.{_text(now_ms & ((1 << _TIME_BITS) - 1), 40)}"
            self._begin = (now_ms, begin)
        return begin + _text(int.from_bytes(self._random(_RANDOM_BYTES), "big"), 70)


def _text(number: int, top: int) -> str:
    """Return `number` in base 32, two digits for each ten bits from bit `top` on."""
    pairs = _PAIRS
    return "".join([pairs[(number >> shift) & 1023] for shift in range(top, -1, -10)])
