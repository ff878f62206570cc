"""The arithmetic of `make bench`: what is printed is what was measured. Nothing here takes time."""

from __future__ import annotations

import re

import pytest

from benchmarks.figures import Figure, median, number, percentile, table
from benchmarks.profiles import PROFILES, UNITS

LINE = re.compile(
    r"bench: (\S+) against=(\S+) value=([0-9.]+) unit=(\S+) reference=([0-9.]+) ratio=([0-9.]+)"
)


def figure(*values: float, references: tuple[float, ...] = (10.0, 30.0, 20.0)) -> Figure:
    """Make a figure of one value for each round."""
    return Figure("P1", "items/s", values, "floor", references, higher_is_better=True)


class TestArithmetic:
    """Medians and percentiles."""

    def test_a_median_ignores_the_order_and_one_wild_round(self) -> None:
        """The middle one is it."""
        assert median([900.0, 1.0, 5.0]) == 5.0

    def test_a_median_of_an_even_count_lies_between_the_middle_two(self) -> None:
        """Their mean."""
        assert median([4.0, 1.0, 2.0, 3.0]) == 2.5

    def test_a_median_of_nothing_is_refused(self) -> None:
        """A figure that was never taken must not look like one."""
        with pytest.raises(ValueError, match="at least one"):
            median([])

    @pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (99.5, 100), (100, 100)])
    def test_a_percentile_is_a_value_that_was_measured(
        self, percent: float, expected: float
    ) -> None:
        """Nearest rank: nothing is interpolated."""
        assert percentile([float(n) for n in range(100, 0, -1)], percent) == expected

    def test_a_percentile_of_few_values_is_the_largest_not_an_index_error(self) -> None:
        """Of three values the 99th percentile is the largest."""
        assert percentile([1.0, 3.0, 2.0], 99) == 3.0

    @pytest.mark.parametrize("percent", [0, -1, 101])
    def test_a_percentage_that_is_none_is_refused(self, percent: float) -> None:
        """Outside 0 to 100."""
        with pytest.raises(ValueError, match="percentage"):
            percentile([1.0], percent)

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (18343.4, "18343"),
            (12.345, "12.3"),
            (0.24561, "0.246"),
            (0.0, "0"),
            (1234567.0, "1234567"),
        ],
    )
    def test_numbers_have_three_digits_that_mean_something(self, value: float, text: str) -> None:
        """And never an exponent."""
        assert number(value) == text


class TestLines:
    """What other programs read."""

    def test_the_line_names_value_reference_and_ratio(self) -> None:
        """To the letter."""
        assert figure(5.0, 15.0, 10.0).line == (
            "bench: P1 against=floor value=10.0 unit=items/s reference=20.0 ratio=0.500"
        )

    def test_a_ratio_is_of_the_medians(self) -> None:
        """Not the median of ratios: rounds of value and reference are not pairs."""
        one = figure(1.0, 2.0, 3.0, references=(100.0, 4.0, 1.0))
        assert one.ratio == 0.5

    @pytest.mark.parametrize("name", UNITS)
    def test_every_figure_makes_a_line_that_can_be_read(self, name: str) -> None:
        """Names and units have no spaces."""
        unit, against = UNITS[name]
        line = Figure(name, unit, (0.2,), against, (0.1,), higher_is_better=False).line
        found = LINE.fullmatch(line)
        assert found is not None
        assert found[1] == name

    def test_results_keep_every_round(self) -> None:
        """A median alone hides how far rounds lay apart."""
        kept = figure(5.0, 15.0, 10.0).to_json()
        assert kept["values"] == [5.0, 15.0, 10.0]
        assert kept["references"] == [10.0, 30.0, 20.0]

    def test_the_table_has_a_row_for_each_figure(self) -> None:
        """Head, rule, rows; with the rounds in it."""
        rows = table([figure(5.0, 15.0, 10.0)]).splitlines()
        assert len(rows) == 3
        assert rows[2] == "| P1 | 10.0 items/s | floor 20.0 items/s | 0.50 | 5.00, 15.0, 10.0 |"


class TestProfiles:
    """What `PROFILE=` means."""

    def test_each_profile_takes_a_median_of_three_at_least(self) -> None:
        """Two rounds have no middle."""
        assert all(profile.rounds >= 3 for profile in PROFILES.values())

    def test_the_full_profile_is_the_preset(self) -> None:
        """P1 is defined for 100,000 items, and a 99th percentile needs a thousand reports."""
        assert PROFILES["full"].items == 100_000
        assert PROFILES["full"].reports >= 1000
