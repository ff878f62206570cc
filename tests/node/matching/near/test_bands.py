"""Plans of bands: nothing within 31 bits can be missed, whatever the bits."""

from __future__ import annotations

from dataclasses import replace
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.matching.contents import PDQ_NEAR
from node.matching.near.bands import FLAT, PLANS, RADIUS, Plan, plan_for

BANDED = [plan for plan in PLANS.values() if plan.bands]


def test_what_is_near_is_said_once() -> None:
    """The index finds what the table of duplicates calls near."""
    assert RADIUS == PDQ_NEAR


@pytest.mark.parametrize("plan", BANDED, ids=lambda plan: plan.name)
def test_every_plan_can_miss_nothing(plan: Plan) -> None:
    """By the pigeonhole principle."""
    assert plan.is_complete


@pytest.mark.parametrize("plan", BANDED, ids=lambda plan: plan.name)
def test_plan_with_a_smaller_radius_could_miss_something(plan: Plan) -> None:
    """So no plan asks more than it must."""
    first, *others = plan.bands
    assert not Plan("", (replace(first, radius=first.radius - 1), *others)).is_complete


@pytest.mark.parametrize("plan", BANDED, ids=lambda plan: plan.name)
def test_plan_with_a_hole_or_without_its_end_is_incomplete(plan: Plan) -> None:
    """Bits that no band covers would be free."""
    first, *others = plan.bands
    assert not Plan("", tuple(others)).is_complete
    assert not Plan("", (replace(first, start=1), *others)).is_complete
    assert not Plan("", plan.bands[:-1]).is_complete


@pytest.mark.parametrize("plan", BANDED, ids=lambda plan: plan.name)
def test_flips_are_all_differences_up_to_the_radius_each_once(plan: Plan) -> None:
    """Counted by the binomial coefficients."""
    for band in plan.bands:
        wanted = sum(comb(band.width, count) for count in range(band.radius + 1))
        assert len(set(band.flips)) == len(band.flips) == wanted
        assert all(flip.bit_count() <= band.radius for flip in band.flips)
        assert all(flip < 1 << band.width for flip in band.flips)


@pytest.mark.parametrize("plan", BANDED, ids=lambda plan: plan.name)
@given(st.sets(st.integers(0, 255), max_size=RADIUS))
def test_any_31_bits_leave_one_band_within_its_radius(plan: Plan, bits: set[int]) -> None:
    """The same, tried."""
    assert any(
        sum(band.start <= bit < band.start + band.width for bit in bits) <= band.radius
        for band in plan.bands
    )


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        (0, "flat"),
        (4_096, "flat"),
        (4_097, "16 bands"),
        (200_000, "16 bands"),
        (200_001, "14 bands"),
        (3_000_000, "14 bands"),
        (3_000_001, "12 bands"),
        (1 << 24, "12 bands"),
    ],
)
def test_plan_goes_by_the_number_of_rows(rows: int, name: str) -> None:
    """Few rows: look at all; many: wide bands."""
    assert plan_for(rows).name == name


def test_places_of_the_bands_in_the_directory_do_not_overlap() -> None:
    """Each band has a place for the end of its last value."""
    plan = PLANS["16 bands"]
    assert plan.offsets[:3] == (0, 65_537, 131_074)
    assert plan.offsets[-1] == 16 * 65_537
    assert FLAT.offsets == (0,)
