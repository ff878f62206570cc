"""What a soak counts: what grows, what stalls, what is lost or there twice."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.soak_load import Shown, Tally, differences
from benchmarks.vitals import Beat, Course, Vital, growth, longest_ms

SHOWN = [(1, Shown("a", 1, 3)), (2, Shown("b", 2, 0))]


def tally() -> Tally:
    """Two items, one of them reported twice, one worked on in three steps."""
    return Tally(Counter({1: 1, 2: 2}), {"a": 3})


@pytest.mark.parametrize("at_work", [True, False])
def test_what_stands_as_it_was_handed_in_is_neither_lost_nor_twice(*, at_work: bool) -> None:
    """The figures of a good run."""
    assert differences(tally(), SHOWN, at_work=at_work) == (0, 0)


@pytest.mark.parametrize("at_work", [True, False])
def test_an_item_that_is_not_shown_is_lost_with_its_deeds(*, at_work: bool) -> None:
    """One item and the three steps that were done on it."""
    assert differences(tally(), SHOWN[1:], at_work=at_work) == (4, 0)


def test_a_sighting_that_is_not_shown_is_lost() -> None:
    """One line of two."""
    few = [SHOWN[0], (2, Shown("b", 1, 0))]
    assert differences(tally(), few, at_work=True) == (1, 0)


def test_an_item_that_stands_under_two_ids_is_there_twice() -> None:
    """Both with the sighting that only one can have."""
    doubled = [*SHOWN, (1, Shown("c", 1, 0))]
    assert differences(tally(), doubled, at_work=True) == (0, 1)


def test_a_sighting_too_many_is_there_twice() -> None:
    """Three for two lines."""
    many = [SHOWN[0], (2, Shown("b", 3, 0))]
    assert differences(tally(), many, at_work=True) == (0, 1)


@pytest.mark.parametrize("at_work", [True, False])
def test_a_deed_too_many_is_there_twice(*, at_work: bool) -> None:
    """Four for three steps, at the one who did them and at the one who hears of them."""
    many = [(1, Shown("a", 1, 4)), SHOWN[1]]
    assert differences(tally(), many, at_work=at_work) == (0, 1)


def test_growth_is_that_of_the_second_half_of_a_life() -> None:
    """What fills up at first is no growth; what goes on is."""
    filling = [min(n, 50) for n in range(100)]
    assert growth(filling) == 0
    assert growth(list(range(100))) == 40
    assert growth([]) == 0


def test_growth_is_seen_in_the_process_that_ran_last() -> None:
    """A process that was killed takes its memory with it."""
    one = Vital(0.0, 1, 500.0, 10, 5, 1.0)
    course = Course([one] * 20 + [replace_pid(one, n) for n in range(20)])
    assert course.growth("rss_mb") == 8
    assert course.most("rss_mb") == 500


def replace_pid(one: Vital, grown: int) -> Vital:
    """Return a later look at the second process."""
    return one._replace(pid=2, rss_mb=100.0 + grown)


def test_a_stall_counts_while_nothing_was_done_to_anybody() -> None:
    """Neither one that reaches into a fault, nor one of a machine that held the pulse back too."""
    beats = [Beat(1.0, 30.0, 0.1), Beat(2.0, 90.0, 50.0), Beat(9.99, 70.0, 0.1)]
    assert longest_ms(beats, [(0.0, 10.0)]) == 30
    assert longest_ms(beats, [(0.0, 11.0)]) == 70
    assert longest_ms(beats, []) == 0
