"""Finding what is near in one segment: by its bands, or by looking at every row.

The number of rows that bands name is counted before any is looked at. If it is a large part of
all (every hash equal, or all in one value of a band), looking at all of them is quicker, and takes
memory that does not grow with it: nobody can make a look-up expensive by what he hands in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from node.matching.near.bands import PLANS, RADIUS, Plan
from node.matching.near.tables import Tables, Words, words_of

Found = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Rows, and the distance of each."""
AT_ONCE = 16_384
"""Rows looked at in one step of a flat scan: half a megabyte."""
FLAT_FROM = 4
"""If bands name more than one in so many rows, all rows are looked at."""


@dataclass(frozen=True, slots=True)
class Probes:
    """What is asked of a plan's directory: for each probe its band, place of the band, flips."""

    band: NDArray[np.int64]
    place: NDArray[np.int64]
    flips: NDArray[np.int64]
    starts: NDArray[np.int64]
    """Of each band, where its probes begin; at the end how many there are."""
    places: NDArray[np.int64]
    """Of each band, where its part of the directory begins."""


@cache
def probes_of(name: str) -> Probes:
    """Return the probes of the plan with this name."""
    plan = PLANS[name]
    flips = [band.flips for band in plan.bands]
    counts = [len(some) for some in flips]
    return Probes(
        np.repeat(np.arange(len(counts)), counts),
        np.repeat(np.array(plan.offsets[:-1], np.int64), counts),
        np.array([one for some in flips for one in some], np.int64),
        np.cumsum([0, *counts]),
        np.array(plan.offsets[:-1], np.int64),
    )


def band_values(plan: Plan, pdq: bytes) -> NDArray[np.int64]:
    """Return the bits of each band of one hash."""
    bits = int.from_bytes(pdq, "little")
    values = [(bits >> band.start) & ((1 << band.width) - 1) for band in plan.bands]
    return np.array(values, np.int64)


def near_rows(tables: Tables, pdq: bytes) -> Found:
    """Return the rows within `RADIUS` of a hash, each once, in no order."""
    if not tables.plan.bands:
        return flat(tables.hashes, words_of(pdq))
    probes = probes_of(tables.plan.name)
    at = probes.place + (band_values(tables.plan, pdq)[probes.band] ^ probes.flips)
    begin = np.take(tables.directory, at).astype(np.int64)
    counts = np.take(tables.directory, at + 1).astype(np.int64) - begin
    named = int(counts.sum())
    if named * FLAT_FROM > tables.rows:
        return flat(tables.hashes, words_of(pdq))
    places = np.repeat(begin - (np.cumsum(counts) - counts), counts) + np.arange(named)
    rows = np.take(tables.low, places).astype(np.int64)
    rows |= np.take(tables.high, places).astype(np.int64) << 16
    found, distances = _close(tables.hashes, rows, words_of(pdq))
    once, first = np.unique(found, return_index=True)
    return once, distances[first]


def flat(hashes: Words, query: Words) -> Found:
    """Return the rows within `RADIUS` by looking at every one."""
    rows: list[NDArray[np.int64]] = []
    distances: list[NDArray[np.int64]] = []
    for start in range(0, len(hashes), AT_ONCE):
        some = hashes[start : start + AT_ONCE]
        half = np.bitwise_count(some[:, :2] ^ query[:2])
        close = np.flatnonzero(half[:, 0] + half[:, 1] <= RADIUS)
        if len(close):
            found, apart = _close(hashes, close + start, query)
            rows.append(found)
            distances.append(apart)
    if not rows:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate(rows), np.concatenate(distances)


def _close(hashes: Words, rows: NDArray[np.int64], query: Words) -> Found:
    """Of these rows, those within `RADIUS`: half of a hash tells of most that they are not."""
    half = np.bitwise_count(np.take(hashes, rows, axis=0)[:, :2] ^ query[:2])
    rows = rows[half[:, 0] + half[:, 1] <= RADIUS]
    distances = np.bitwise_count(hashes[rows] ^ query).sum(axis=1, dtype=np.int64)
    near = distances <= RADIUS
    return rows[near], distances[near]
