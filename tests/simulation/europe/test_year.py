"""The synthetic year: what is published stands in it, and one seed always makes the same one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.europe import mix, plot
from tests.simulation.europe.year import NOBODY, Thing, Year, split


def made(year: Year) -> list[Thing]:
    """Every item of a year, in the order in which they are handed in."""
    return [
        thing
        for moment in year.moments()
        for report in year.handed_in(moment)[0]
        for thing in report
    ]


def test_the_published_number_of_hotlines_stands_in_the_published_number_of_countries() -> None:
    """54 in 50, INHOPE 2023."""
    members = mix.hotlines(mix.MEMBERS)
    assert len(set(members)) == mix.MEMBERS
    assert len({member[:2] for member in members}) == mix.COUNTRIES


def test_every_item_is_handed_in_once() -> None:
    """As many as were asked for, whatever was rounded on the way."""
    things = made(Year(2_001, 54, 30, 3, 0))
    assert sorted(thing.number for thing in things) == list(range(2_001))


def test_one_seed_makes_one_year() -> None:
    """A finding is looked into by playing the same year again."""
    assert made(Year(300, 9, 20, 5, 0)) == made(Year(300, 9, 20, 5, 0))
    assert made(Year(300, 9, 20, 5, 0)) != made(Year(300, 9, 20, 6, 0))


def test_the_shares_of_those_who_report_are_the_published_ones() -> None:
    """35.03, 19.79 and 5.88 per cent."""
    year = Year(10_000, 54, 100, 1, 0)
    found = Counter(
        year.members[moment.member] for moment in year.moments() for _ in [0] * moment.items
    )
    assert [found[m] for m in ("gb-one", "nl-one", "de-one")] == [3503, 1979, 588]


def test_what_is_illegal_and_what_is_known_is_near_the_published_share() -> None:
    """69 per cent illegal; of what is known all is, so somewhat more."""
    things = made(Year(20_000, 54, 200, 1, 0))
    illegal = sum(thing.illegal for thing in things) / len(things)
    known = sum(thing.known for thing in things) / len(things)
    assert 0.68 < illegal < 0.75
    assert 0.07 < known < 0.13


def test_every_item_is_for_somebody_else() -> None:
    """The year is about what is exchanged; what moves on goes to a third."""
    for thing in made(Year(2_000, 12, 30, 2, 0)):
        assert thing.finder != thing.holder
        assert thing.via == NOBODY or thing.via not in {thing.finder, thing.holder}


def test_nobody_sits_on_weekends_and_the_last_sitting_is_never_missing() -> None:
    """Work that is left over after the last day is done all the same."""
    year = Year(100, 5, 14, 1, 0)
    saturday = 5 * 86_400_000
    assert year.sitting_after(0, saturday) >= 7 * 86_400_000
    assert year.sitting_after(0, 200 * 86_400_000) >= 200 * 86_400_000


def test_a_member_is_away_once_at_a_time() -> None:
    """And back before the end."""
    year = Year(100, 6, 90, 4, 0)
    ends: dict[int, int] = {}
    for outage in year.outages:
        assert outage.from_ms >= ends.get(outage.member, 0)
        ends[outage.member] = outage.to_ms
    assert max(ends.values()) <= 90 * 86_400_000


def test_sharing_out_loses_nothing() -> None:
    """Whole numbers that add up."""
    assert split(10, [1, 1, 1]) == [4, 3, 3]
    assert sum(split(785_322, mix.reporting_weights(mix.hotlines(54)))) == 785_322


def test_a_network_of_two_is_refused() -> None:
    """What moves needs a third member."""
    with pytest.raises(ValueError, match="members: between 3 and 54"):
        mix.hotlines(2)


def test_the_drawing_in_the_documents_is_of_the_figures_beside_it() -> None:
    """Made again by `plot.py` whenever they change."""
    docs = Path(__file__).resolve().parents[3] / "docs"
    assert plot.draw(plot.read(docs / "scaling.ndjson")) == (docs / "scaling.svg").read_text()
