"""Odd country codes mean one country or nothing."""

from __future__ import annotations

import pytest

from node.jurisdiction.codes import ISO_COUNTRIES, read_country


@pytest.mark.parametrize(
    ("code", "country"),
    [("NL", "NL"), ("nl", "NL"), (" uk ", "GB"), ("EL", "GR"), ("XK", "XK"), ("PR", "PR")],
)
def test_a_code_that_can_only_mean_one_country_is_read(code: str, country: str) -> None:
    """Habits of others are mended, territories stay what they are."""
    assert read_country(code) == country


@pytest.mark.parametrize("code", ["EU", "AP", "AN", "CS", "ZZ", "XX", "??", "A1", "", "NLD", None])
def test_a_code_that_means_no_country_is_no_answer(code: str | None) -> None:
    """Regions, anonymisers and dissolved states do not vote."""
    assert read_country(code) is None


def test_the_list_has_all_iso_countries() -> None:
    """ISO 3166-1 assigns 249 codes."""
    assert len(ISO_COUNTRIES) == 249
