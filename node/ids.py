"""Identifiers: `<member>.<ULID>`, minted once by whoever records a thing first.

A ULID is 48 bits of time (ms) and 80 random bits in Crockford's base 32: sorted by time, unique
without asking anybody. Randomness comes in as an argument, so that a simulated world replays.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

_ALPHABET = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_DIGITS = bytes(_ALPHABET[number & 31] for number in range(256))
"""A digit for each byte: of 256 bytes 8 give the same."""
_TIME_BITS = 48
_TIME_DIGITS = 10
_RANDOM_BYTES = 10
_RANDOM_DIGITS = 16
LATEST_MS = (1 << _TIME_BITS) - 1
"""The last time that an id can hold: UTC, ms."""
_DRAWN = 256
"""Ids for which the system is asked at once: to ask it costs as much as to make an id."""


class _Drawn:
    """Random digits of the system, drawn ahead."""

    def __init__(self) -> None:
        self._left: list[str] = []

    def __call__(self) -> str:
        """Return 16 digits (80 bits) that nobody had before.

        `pop` gives each piece to one thread only.
        """
        try:
            return self._left.pop()
        except IndexError:
            drawn = secrets.token_bytes(_RANDOM_DIGITS * _DRAWN).translate(_DIGITS).decode()
            ends = range(_RANDOM_DIGITS, len(drawn), _RANDOM_DIGITS)
            self._left.extend([drawn[at : at + _RANDOM_DIGITS] for at in ends])
            return drawn[:_RANDOM_DIGITS]


class Ids:
    """Mints the ids of one member."""

    def __init__(self, member: str, random_bytes: Callable[[int], bytes] | None = None) -> None:
        """Mint for `member`; `random_bytes` gives that many bytes in place of the system."""
        self.member = member
        self._random = _Drawn() if random_bytes is None else _digits_of(random_bytes)
        self._begin = (-1, "")

    def mint(self, now_ms: int, digits: str | None = None) -> str:
        """Return a new id; `now_ms` (UTC) gives its place in time.

        `digits` stand in the place of random ones (`digits_of`): by them it is known again.
        """
        at_ms, begin = self._begin
        if at_ms != now_ms:
            begin = f"{self.member}.{_text(now_ms & LATEST_MS, _TIME_DIGITS)}"
            self._begin = (now_ms, begin)
        return begin + (digits or self._random())


def digits_of(secret: bytes) -> str:
    """Return the digits of an id from what nobody else can know, at least ten bytes."""
    return _text(int.from_bytes(secret[:_RANDOM_BYTES], "big"), _RANDOM_DIGITS)


def time_of(minted: str) -> int:
    """Return the time in an id, whoever minted it: UTC, ms."""
    number = 0
    for digit in minted.rpartition(".")[2][:_TIME_DIGITS].encode():
        number = number << 5 | _ALPHABET.index(digit)
    return number


def _digits_of(random_bytes: Callable[[int], bytes]) -> Callable[[], str]:
    """Return what gives the digits of ten bytes at a time."""
    return lambda: _text(int.from_bytes(random_bytes(_RANDOM_BYTES), "big"), _RANDOM_DIGITS)


def _text(number: int, digits: int) -> str:
    """Return `number` in base 32, with that many digits."""
    return "".join([chr(_ALPHABET[number >> 5 * at & 31]) for at in reversed(range(digits))])
