"""The arrays of one segment in one piece of memory, and how they are made of hashes.

    ids         number of each row, ascending            8 bytes a row
    hashes      the hash of each row, as four words     32 bytes a row
    directory   where the rows of each value of a band begin, band after band
    low, high   the rows, ordered by the value of each band: three bytes a row and band

Three bytes name a row, so a segment has at most 2^24 of them; with four, ten million hashes would
not fit into a gigabyte.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from mmap import MADV_HUGEPAGE, MAP_ANONYMOUS, MAP_PRIVATE, mmap

import numpy as np
from numpy.typing import NDArray

from node.matching.near.bands import Band, Plan

WORDS = 4
_ALIGNED = 64
_CHUNK = 1 << 20
_HUGE = 1 << 22
"""From so many bytes on large pages are asked for: a look-up reads everywhere."""

Words = NDArray[np.uint64]
Ids = NDArray[np.uint64]


def words_of(pdq: bytes) -> Words:
    """Return a hash of 32 bytes as four words."""
    return np.frombuffer(pdq, "<u8").astype(np.uint64, copy=False)


@dataclass(frozen=True, slots=True)
class Tables:
    """Views of one piece of memory, `memory`; whoever keeps a segment keeps that."""

    plan: Plan
    memory: mmap
    ids: Ids
    hashes: Words
    directory: NDArray[np.uint32]
    low: NDArray[np.uint16]
    high: NDArray[np.uint8]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.ids)


def _parts(plan: Plan, rows: int) -> Iterator[tuple[type[np.generic], tuple[int, ...]]]:
    """Type and shape of each array, in their order."""
    placed = rows * len(plan.bands)
    yield np.uint64, (rows,)
    yield np.uint64, (rows, WORDS)
    yield np.uint32, (plan.offsets[-1],)
    yield np.uint16, (placed,)
    yield np.uint8, (placed,)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED


def size_of(plan: Plan, rows: int) -> int:
    """Return the bytes that the arrays take together."""
    return sum(
        _aligned(int(np.prod(shape)) * np.dtype(kind).itemsize)
        for kind, shape in _parts(plan, rows)
    )


def lay_out(plan: Plan, rows: int) -> Tables:
    """Return arrays for so many rows, in memory that is given back when they go."""
    memory = mmap(-1, max(size_of(plan, rows), _ALIGNED), MAP_PRIVATE | MAP_ANONYMOUS)
    if len(memory) >= _HUGE:
        with suppress(OSError):  # a kernel without them: slower, and right
            memory.madvise(MADV_HUGEPAGE)
    arrays: list[NDArray[np.generic]] = []
    at = 0
    for kind, shape in _parts(plan, rows):
        count = int(np.prod(shape))
        arrays.append(np.frombuffer(memory, kind, count, at).reshape(shape))
        at += _aligned(count * np.dtype(kind).itemsize)
    return Tables(plan, memory, *arrays)  # type: ignore[arg-type] # the order of `_parts`


def make(plan: Plan, ids: Ids, hashes: Words) -> Tables:
    """Return the tables of these rows; of equal numbers the order is kept."""
    made = lay_out(plan, len(ids))
    order = np.argsort(ids, kind="stable")
    np.take(ids, order, out=made.ids)
    np.take(hashes, order, axis=0, out=made.hashes)
    del order
    for number, band in enumerate(plan.bands):
        _fill(made, number, band)
    _give_back()
    return made


def _give_back() -> None:
    """Give back what sorting took, of which the C library would keep some forty megabytes."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def values_of(hashes: Words, band: Band) -> NDArray[np.uint32]:
    """Return the bits of a band of each hash."""
    word, shift = divmod(band.start, 64)
    found = hashes[:, word] >> np.uint64(shift)
    if shift + band.width > 64:  # noqa: PLR2004 - bits of a word
        found |= hashes[:, word + 1] << np.uint64(64 - shift)
    return (found & np.uint64((1 << band.width) - 1)).astype(np.uint32)


def _fill(made: Tables, number: int, band: Band) -> None:
    """Order the rows by the value of one band: by its lower half, then by its upper."""
    values = values_of(made.hashes, band)
    order = np.argsort((values & np.uint32(0xFFFF)).astype(np.uint16), kind="stable")
    if band.width > 16:  # noqa: PLR2004 - what the first half holds
        upper = (values >> np.uint32(16)).astype(np.uint16)
        order = order[np.argsort(upper[order], kind="stable")]
    begin = number * made.rows
    for start in range(0, made.rows, _CHUNK):
        some = order[start : start + _CHUNK]
        place = slice(begin + start, begin + start + len(some))
        made.low[place] = some & 0xFFFF
        made.high[place] = some >> 16
    del order
    at = made.plan.offsets[number]
    part = made.directory[at : at + (1 << band.width) + 1]
    part[0] = begin
    counts = np.bincount(values, minlength=1 << band.width)
    np.cumsum(counts, out=counts)
    part[1:] = counts + begin
