"""PDQ hashes as values: random ones, and ones at a known distance from another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random

BITS = 256


def picture(number: int) -> bytes:
    """Return the hash of a picture that looks like no other (some 128 bits from each)."""
    return Random(number).randbytes(32)  # noqa: S311 - the same in every run


def flipped(pdq: bytes, bits: Iterable[int]) -> bytes:
    """Return the hash with these bits turned over; bit 0 is the lowest of the first byte."""
    mask = sum(1 << bit for bit in set(bits))
    return (int.from_bytes(pdq, "little") ^ mask).to_bytes(32, "little")


def apart(one: bytes, other: bytes) -> int:
    """Return in how many bits two hashes differ."""
    return (int.from_bytes(one, "little") ^ int.from_bytes(other, "little")).bit_count()


def flat_scan(rows: Mapping[int, Iterable[bytes]], query: bytes) -> list[tuple[int, int]]:
    """Return (distance, number) of every hash within 31 of `query`, by looking at all of them."""
    return sorted(
        (apart(pdq, query), number)
        for number, pdqs in rows.items()
        for pdq in set(pdqs)
        if apart(pdq, query) <= 31
    )
