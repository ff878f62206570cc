"""How old the data is, as values that `doctor` shows and metrics export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from node.jurisdiction.datafiles import DataFile

DEFAULT_MAX_AGE_DAYS = 60
_DAY_MS = 86_400_000


class DataAge(NamedTuple):
    """One data file's age. `from_future` means a wrong clock here or a wrong date there."""

    name: str
    sha256: str
    built_ms: int
    age_days: int
    verdict: Literal["fresh", "old", "from_future"]


def ages(
    files: Iterable[DataFile], now_ms: int, max_age_days: int = DEFAULT_MAX_AGE_DAYS
) -> tuple[DataAge, ...]:
    """Return the age of each file; `old` is an alarm to show, the file is used all the same."""
    return tuple(_age(file, now_ms, max_age_days) for file in files)


def _age(file: DataFile, now_ms: int, max_age_days: int) -> DataAge:
    age_days = (now_ms - file.built_ms) // _DAY_MS
    if age_days < -1:
        return DataAge(file.name, file.sha256, file.built_ms, age_days, "from_future")
    verdict: Literal["fresh", "old"] = "old" if age_days > max_age_days else "fresh"
    return DataAge(file.name, file.sha256, file.built_ms, age_days, verdict)
