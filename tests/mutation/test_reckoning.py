"""What is explained must still stand in the code, and be counted as it is."""

from __future__ import annotations

import importlib
from functools import reduce

import pytest

from tests.mutation.reckoning import Module, explanations

PLACES = sorted({place for place, _ in explanations()})


@pytest.mark.parametrize("place", PLACES)
def test_what_is_explained_still_exists(place: str) -> None:
    """An explanation outlives no function."""
    package, module, *names = place.split(".")
    found = reduce(getattr, names, importlib.import_module(f"{package}.{module}"))
    assert callable(found)


def test_the_explained_count_as_alive() -> None:
    """Or the figure could be talked up."""
    assert Module("protocol.note", mutants=10, killed=9, explained=[]).score == 90.0
