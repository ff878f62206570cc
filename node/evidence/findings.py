"""What verification says: how much it walked, and each place where something does not hold."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that does not hold: where (`events`, `sent`...), which place, and why (codes)."""

    where: str
    place: str
    why: str


@dataclass(slots=True)
class Findings:
    """The result of a walk: counts by what was checked, and findings.

    `bodiless`: by channel (`peer/lane`), how many entries of ours came back without a body when
    this node was recovered: their peer says that it erased them. `unsaid`: how many of these it
    had never told us of.
    """

    counts: dict[str, int] = field(default_factory=dict)
    bodiless: dict[str, int] = field(default_factory=dict)
    unsaid: dict[str, int] = field(default_factory=dict)
    found: list[Finding] = field(default_factory=list)

    def count(self, what: str, number: int = 1) -> None:
        """Count something that was checked."""
        self.counts[what] = self.counts.get(what, 0) + number

    def add(self, where: str, place: object, why: str) -> None:
        """Say that something does not hold."""
        self.found.append(Finding(where, str(place), why))

    def expect(self, holds: bool, where: str, place: object, why: str) -> None:  # noqa: FBT001 - reads as a sentence
        """Say so unless it holds."""
        if not holds:
            self.add(where, place, why)

    @property
    def holds(self) -> bool:
        """Whether everything that was checked holds."""
        return not self.found
