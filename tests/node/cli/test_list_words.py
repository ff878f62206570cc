"""What a person says of a list: taken as it is meant, or refused."""

from __future__ import annotations

import pytest

from node.cli.list_words import check_new, version_of_word
from node.cli.output import CliError


@pytest.mark.parametrize(
    ("said", "version"),
    [("7", 7), ("2026-02-28", 20260228), ("20261345", 20261345), (None, 3)],
)
def test_version_is_a_number_or_a_day(said: str | None, version: int) -> None:
    """A day counts as the number of its digits."""
    assert version_of_word(said, 3) == version


@pytest.mark.parametrize(
    "said",
    ["2026-13-45", "2026-02-30", "-1", "1-2", "2026-1-1", "--", "", "1" * 16, "\u0661", "7\n"],
)
def test_version_that_is_a_slip_is_refused(said: str) -> None:
    """Taken for a number it outlasts every later version, and nobody can say less again."""
    with pytest.raises(CliError, match=r"--version: .*2026-11-29"):
        version_of_word(said, 3)


@pytest.mark.parametrize("name", ["", "a\nb", "a\x1b[2J", " a", "a" * 65, "a\u202eb"])
def test_attack_name_of_a_list_that_is_shown_as_something_else(name: str) -> None:
    """It stands in tables, events and tasks."""
    with pytest.raises(CliError, match="--list"):
        check_new(name)


def test_name_in_words_is_a_name() -> None:
    """Of any language."""
    check_new("case files, Zürich")
