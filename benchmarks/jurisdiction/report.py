"""The outcome as a table for people and as JSON for programs, with its limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from benchmarks.jurisdiction.measuring import Row

LIMITS: Final = tuple(
    " ".join(text.split())
    for text in (
        """Only what providers publish is measured: clouds and large hosters. No truth was found for
        leased or bullet-proof hosting; these figures say nothing about it.""",
        """The truth is the provider's own declaration, on the date of its file; what changed
        between that date and the build of a database counts as wrong.""",
        "Every prefix weighs the same, whatever its size; reports do not spread like that.",
        """`unknown`: the makers of a database do not say what goes in. If the published file is in
        it, the figure is too good: read it as an upper bound.""",
        """`input`: the database is made from what the provider publishes, or fewer than two
        databases are left to vote. There is no figure.""",
    )
)
_HEAD: Final = (
    "provider", "IP", "answer of", "standing", "asked", "coverage", "right", "95 %", "among",
)  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table in Markdown."""
    lines = [_line(_HEAD), _line(["---"] * len(_HEAD))]
    lines += [_line(_cells(row)) for row in rows]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(row: Row) -> list[str]:
    bounds = row.interval
    interval = "-" if bounds is None else f"{bounds[0]:.3f}-{bounds[1]:.3f}"
    among = None if not row.given or row.among is None else row.among / row.given
    return [
        row.provider,
        f"v{row.version}",
        row.what + (f" ({', '.join(row.voters)})" if row.voters else ""),
        row.standing,
        str(row.asked),
        _share(row.coverage),
        _share(row.accuracy),
        interval,
        _share(among),
    ]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def as_json(row: Row) -> dict[str, Any]:
    """Return a row with its shares."""
    return row._asdict() | {
        "coverage": row.coverage,
        "accuracy": row.accuracy,
        "interval": row.interval,
    }
