"""Two accounts of one place, kept together."""

from __future__ import annotations

import pytest

from node.casework.places.beside import AGAIN, BEFORE, beside, handed_over_with, speaking
from protocol.facts import Evidence, Jurisdiction
from protocol.fields import MAX_EVIDENCE
from protocol.vocabulary import Confidence, HostingState


def lines(count: int, source: str = "alpha") -> tuple[Evidence, ...]:
    """Return as many lines of evidence, each its own."""
    return tuple(Evidence(f"192.0.2.{n}", source, "1", "NL") for n in range(count))


def placed(*evidence: Evidence) -> Jurisdiction:
    """Return a place in NL with this evidence."""
    return Jurisdiction(HostingState.COUNTRY, "NL", Confidence.HIGH, evidence)


TITLE = Evidence("placed by gb-iwf", BEFORE, "1", "NL")


@pytest.mark.parametrize("source", [BEFORE, AGAIN])
def test_what_is_noted_beside_does_not_speak_for_the_place(source: str) -> None:
    """Nobody writes to the hoster of an address that no longer counts."""
    made = beside(placed(*lines(2)), (Evidence("x", source, "1", "DE"), *lines(3, "beta")))
    assert speaking(made) == lines(2)
    assert len(made.evidence) == 6


def test_account_that_counts_loses_what_was_noted_beside_it_before() -> None:
    """Else the list would grow with every look."""
    once = beside(placed(*lines(2)), (TITLE, *lines(3, "beta")))
    twice = beside(once, (TITLE, *lines(1, "gamma")))
    assert [line.source for line in twice.evidence] == ["alpha", "alpha", BEFORE, "gamma"]


def test_what_came_with_the_hand_over_can_be_told_apart() -> None:
    """So a later look can keep it."""
    noted = (TITLE, *lines(3, "beta"))
    assert handed_over_with(beside(placed(*lines(2)), noted)) == noted
    assert handed_over_with(placed(*lines(2))) == ()


@pytest.mark.parametrize(("own", "other"), [(1, 40), (40, 1), (40, 40), (12, 12), (0, 30)])
def test_neither_account_crowds_out_the_other(own: int, other: int) -> None:
    """A message could not carry more, and half of each is more than all of one."""
    made = beside(placed(*lines(own)), lines(other, "beta"))
    told = [line.source for line in made.evidence]
    assert len(told) <= MAX_EVIDENCE
    assert told.count("alpha") >= min(own, MAX_EVIDENCE // 2)
    assert told.count("beta") >= min(other, MAX_EVIDENCE // 2)
    assert len(told) == min(own + other, MAX_EVIDENCE)
