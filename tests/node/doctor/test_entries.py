"""Entries that people wrote down end: an alarm a week before, a note when they are over."""

from __future__ import annotations

from node.doctor.entries import SOON_MS, check_entries
from node.doctor.findings import Finding, Severity

NOW = 1_800_000_000_000
DAY_MS = 86_400_000


def found(*ends: tuple[str, int]) -> list[Finding]:
    """Judge overrides with these ends, from now on."""
    return check_entries("override", [(name, NOW + end) for name, end in ends], NOW)


def test_a_file_without_entries_says_nothing() -> None:
    """Most hotlines have none."""
    assert found() == []


def test_what_lasts_is_well() -> None:
    """To the millisecond."""
    (one,) = found(("a", SOON_MS))
    assert (one.severity, one.code) == (Severity.OK, "ok")


def test_what_ends_within_a_week_is_an_alarm_by_id() -> None:
    """The next first; a person must ask again in time."""
    (one,) = found(("later", SOON_MS - 1), ("next", 2 * DAY_MS), ("lasts", SOON_MS))
    assert (one.severity, one.check, one.code) == (Severity.WARNING, "overrides", "override_ends")
    assert "2 entries" in one.what
    assert "2 days: next, later" in one.what


def test_what_is_over_is_a_note() -> None:
    """It counts no more, and stands in the way of who reads the file."""
    (one,) = found(("gone", 0), ("lasts", SOON_MS))
    assert (one.severity, one.code) == (Severity.NOTE, "override_over")
    assert one.what.endswith(": gone")


def test_of_many_a_few_are_named() -> None:
    """The list stands in the file."""
    (one,) = found(*((f"o{n}", DAY_MS) for n in range(9)))
    assert one.what.endswith("o4 and 4 more")
