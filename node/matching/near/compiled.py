"""The same as `probing`, compiled by numba where it is installed: several times as quick."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from mmap import PAGESIZE, PROT_EXEC, PROT_READ, PROT_WRITE, mmap
from typing import Any

import numpy as np

from node.matching.near.bands import RADIUS
from node.matching.near.probing import FLAT_FROM, Found, band_values, flat, near_rows, probes_of
from node.matching.near.tables import Tables, words_of

MOST_FOUND = 4_096
"""Rows, some of them several times, that the compiled code hands back; more: a flat scan."""

Finder = Callable[[Tables, bytes], Found]


def finder() -> Finder:
    """Return the quickest way to find what is near in a segment."""
    return near_rows_compiled if find_spec("numba") and may_make_code() else near_rows


def may_make_code() -> bool:
    """Whether this process may make code at run time: a hardened one may not (deploy/README.md).

    Asked before, because the compiler does not fail then but ends the process.
    """
    try:
        mmap(-1, PAGESIZE, prot=PROT_READ | PROT_WRITE | PROT_EXEC).close()
    except OSError:
        return False
    return True


def near_rows_compiled(tables: Tables, pdq: bytes) -> Found:
    """As `probing.near_rows`."""
    query = words_of(pdq)
    if not tables.plan.bands:
        return flat(tables.hashes, query)
    gather, compare = _compiled()
    probes = probes_of(tables.plan.name)
    few, named = gather(
        band_values(tables.plan, pdq),
        probes.flips,
        probes.starts,
        probes.places,
        tables.directory,
        tables.low,
        tables.high,
        tables.rows // FLAT_FROM,
    )
    if not few:
        return flat(tables.hashes, query)
    rows, distances = np.empty(MOST_FOUND, np.int64), np.empty(MOST_FOUND, np.int64)
    count = compare(query, named, tables.hashes, rows, distances)
    if count < 0:
        return flat(tables.hashes, query)
    if count < 2:  # noqa: PLR2004 - one is there once
        return rows[:count], distances[:count]
    once, first = np.unique(rows[:count], return_index=True)
    return once, distances[first]


@cache
def _compiled() -> tuple[Callable[..., tuple[bool, Any]], Callable[..., int]]:
    from numba import njit  # noqa: PLC0415 - optional, and slow to load

    count_bits = njit(inline="always")(_count_bits)
    return njit(nogil=True)(_gather), njit(nogil=True)(_compare_with(count_bits))


def _count_bits(word: Any) -> Any:
    """Return the bits set in a word (Hacker's Delight, figure 5-2)."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    word = (word & np.uint64(0x3333333333333333)) + (
        (word >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


def _gather(
    values: Any,
    flips: Any,
    starts: Any,
    places: Any,
    directory: Any,
    low: Any,
    high: Any,
    at_most: int,
) -> tuple[bool, Any]:
    """Return whether bands name at most so many rows, and those rows, some several times.

    Each loop reads from places that lie anywhere, none of which depends on what was read before,
    so that the processor waits for many of them at once; deciding between would make it wait.
    """
    begins = np.empty(len(flips), np.uint32)
    ends = np.empty(len(flips), np.uint32)
    count: Any = 0
    for band in range(len(values)):
        for probe in range(starts[band], starts[band + 1]):
            at = places[band] + (values[band] ^ flips[probe])
            begin, end = directory[at], directory[at + 1]
            begins[probe] = begin
            ends[probe] = end
            count += np.int64(end) - np.int64(begin)
    if count > at_most:
        return False, np.empty(0, np.uint32)
    named = np.empty(count, np.uint32)
    count = 0
    for probe in range(len(flips)):
        for entry in range(begins[probe], ends[probe]):
            named[count] = np.uint32(low[entry]) | (np.uint32(high[entry]) << 16)
            count += 1
    return True, named


def _compare_with(count_bits: Callable[[Any], Any]) -> Callable[..., int]:
    """Return the function to compile that looks at the rows that bands name."""

    def compare(query: Any, named: Any, hashes: Any, rows: Any, distances: Any) -> int:
        """Fill `rows` and `distances` with what is near; return how many, -1: more than fit."""
        first, second, third, fourth = query[0], query[1], query[2], query[3]
        count = 0
        for row in named:
            apart = count_bits(hashes[row, 0] ^ first) + count_bits(hashes[row, 1] ^ second)
            if apart <= RADIUS:
                apart += count_bits(hashes[row, 2] ^ third) + count_bits(hashes[row, 3] ^ fourth)
                if apart <= RADIUS:
                    if count == len(rows):
                        return -1
                    rows[count] = row
                    distances[count] = apart
                    count += 1
        return count

    return compare
