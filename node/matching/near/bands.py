"""How the 256 bits of a hash are cut into bands, so that whatever is near is found by one of them.

If two hashes differ in at most 31 bits, and band `i` is searched up to `radius_i` flipped bits,
then one band finds them if the sum of `radius_i + 1` is at least 32: otherwise each band holds more
than `radius_i` differences, which makes 32 or more (pigeonhole). The wider a band, the fewer rows
share its value, and the more values must be asked: so the plan goes by the number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

BITS = 256
MOST_ROWS = 1 << 24
"""Of one segment: three bytes name a row."""
RADIUS = 31
"""Two PDQ hashes are near up to this distance (see `node.matching.contents.PDQ_NEAR`)."""


class Mark(NamedTuple):
    """A place in the history: the number of an event, and the head of its chain there."""

    seq: int = 0
    chain: bytes = b""


class Near(NamedTuple):
    """One hash that is near: its number, the hash, and the distance."""

    id: int
    pdq: bytes
    distance: int


@dataclass(frozen=True)
class Band:
    """A run of bits, from bit `start` on, and in how many of them a value may differ."""

    start: int
    width: int
    radius: int

    @property
    def flips(self) -> tuple[int, ...]:
        """Every difference that is asked for, the least first."""
        return tuple(
            sum(1 << bit for bit in bits)
            for count in range(self.radius + 1)
            for bits in combinations(range(self.width), count)
        )


@dataclass(frozen=True)
class Plan:
    """Bands that follow each other and cover all bits; none: every row is looked at."""

    name: str
    bands: tuple[Band, ...]

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where in one common directory the part of each band begins; at the end its length.

        A band of `w` bits takes 2^w + 1 places.
        """
        places = [0]
        for band in self.bands:
            places.append(places[-1] + (1 << band.width) + 1)
        return tuple(places)

    @property
    def is_complete(self) -> bool:
        """Whether nothing within `RADIUS` can be missed."""
        ends = [0, *(band.start + band.width for band in self.bands)]
        follow = all(band.start == end for band, end in zip(self.bands, ends, strict=False))
        reach = sum(band.radius + 1 for band in self.bands)
        return follow and ends[-1] == BITS and reach > RADIUS


def _plan(name: str, *runs: tuple[int, int, int]) -> Plan:
    """Make a plan of runs: so many bands, of this width, with this radius."""
    bands: list[Band] = []
    start = 0
    for count, width, radius in runs:
        for _ in range(count):
            bands.append(Band(start, width, radius))
            start += width
    return Plan(name, tuple(bands))


FLAT = Plan("flat", ())
PLANS = {
    plan.name: plan
    for plan in (
        FLAT,
        _plan("16 bands", (16, 16, 1)),
        _plan("14 bands", (4, 20, 2), (6, 18, 1), (4, 17, 1)),
        _plan("12 bands", (8, 22, 2), (4, 20, 1)),
    )
}
"""By name, as it stands in files."""
_UP_TO = ((4_096, "flat"), (200_000, "16 bands"), (3_000_000, "14 bands"))


def plan_for(rows: int) -> Plan:
    """Return the plan that is quickest for so many rows."""
    return PLANS[next((name for most, name in _UP_TO if rows <= most), "12 bands")]
