"""Figures: medians and percentiles of what was measured, and the one line that says each."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One figure beside its reference, both taken in the same run.

    `values` and `references` are one number for each round, in the order in which they were taken;
    the figure is the median of each. `higher_is_better` tells a rate from a time.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    against: str
    references: tuple[float, ...]
    higher_is_better: bool

    @property
    def value(self) -> float:
        """The median of what was measured."""
        return median(self.values)

    @property
    def reference(self) -> float:
        """The median of the reference."""
        return median(self.references)

    @property
    def ratio(self) -> float:
        """Value by reference: of a rate the share that is reached, of a time the multiple."""
        return self.value / self.reference

    @property
    def line(self) -> str:
        """The line that `make bench` prints."""
        return (
            f"bench: {self.name} against={self.against} value={number(self.value)}"
            f" unit={self.unit} reference={number(self.reference)} ratio={self.ratio:.3f}"
        )

    def to_json(self) -> dict[str, object]:
        """Everything that was measured, for the results file."""
        return {
            "name": self.name,
            "against": self.against,
            "unit": self.unit,
            "value": self.value,
            "reference": self.reference,
            "ratio": self.ratio,
            "higher_is_better": self.higher_is_better,
            "values": list(self.values),
            "references": list(self.references),
        }


def median(values: Sequence[float]) -> float:
    """Return the median; of an even count the mean of the middle two.

    Raises:
        ValueError: there is nothing to take it of.
    """
    if not values:
        raise ValueError("a median needs at least one value")
    return statistics.median(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least `percent` of all values do not exceed (nearest rank).

    Raises:
        ValueError: no values, or a percentage outside 0 to 100.
    """
    if not values or not 0 < percent <= 100:  # noqa: PLR2004 - per cent
        raise ValueError("a percentile needs values, and a percentage above 0, at most 100")
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def number(value: float) -> str:
    """Write a number with three digits that mean something, and never in powers of ten."""
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}"
    digits = 2 - math.floor(math.log10(abs(value)))
    return f"{value:.{max(digits, 0)}f}"


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as the table that `README.md` keeps."""
    rows = ["| figure | node | reference | ratio | rounds of the node |", "|---|---|---|---|---|"]
    for one in figures:
        rounds = ", ".join(number(value) for value in one.values)
        rows.append(
            f"| {one.name} | {number(one.value)} {one.unit} | {one.against}"
            f" {number(one.reference)} {one.unit} | {one.ratio:.2f} | {rounds} |"
        )
    return "\n".join(rows)
