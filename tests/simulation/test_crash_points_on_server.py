"""kill -9 at every durable step of every node, their stores on a PostgreSQL server (R1).

The same story as in `test_crash_points`, the same enumeration. Beside a death before and after each
commit there is the answer to a COMMIT that never comes, of which the node itself must find out
whether it was kept. All of it takes minutes; `make test` tries one commit in some.
"""

from __future__ import annotations

from functools import partial

import pytest

from tests.builders.postgres import Cluster
from tests.simulation.on_server import UNANSWERED, ServerWorld
from tests.simulation.test_crash_points import Ending, tell

SIDES = ("before", "after", UNANSWERED)
ONE_IN = 47
"""The deaths that are tried in every test run."""


@pytest.fixture(scope="module")
def untouched(postgres: Cluster) -> tuple[Ending, int]:
    """Give how the story ends when nobody dies, and its number of commits."""
    return tell(None, partial(ServerWorld, postgres))


def test_story_ends_on_a_server_as_in_files(untouched: tuple[Ending, int]) -> None:
    """In as many commits: both stores are one set of jobs."""
    assert untouched == tell(None)


def deaths_that_change_it(
    postgres: Cluster, untouched: tuple[Ending, int], side: str, step: int
) -> list[tuple[int, str]]:
    """Try one death in `step`, for each side others; return those that change the ending."""
    expected, commits = untouched
    first = 1 + SIDES.index(side) * step // len(SIDES)
    deaths = [(number, side) for number in range(first, commits + 1, step)]
    assert deaths
    make = partial(ServerWorld, postgres)
    return [death for death in deaths if tell(death, make)[0] != expected]


@pytest.mark.parametrize("side", SIDES)
def test_death_at_a_commit_on_a_server_changes_nothing(
    side: str, untouched: tuple[Ending, int], postgres: Cluster
) -> None:
    """Some commits, through all of the story."""
    assert deaths_that_change_it(postgres, untouched, side, ONE_IN) == []


@pytest.mark.long
@pytest.mark.parametrize("side", SIDES)
def test_r1_death_at_any_commit_on_a_server_changes_nothing(
    side: str, untouched: tuple[Ending, int], postgres: Cluster
) -> None:
    """Each commit of each node."""
    assert deaths_that_change_it(postgres, untouched, side, 1) == []
