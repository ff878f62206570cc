"""What is explained must still stand in the code, and be counted as it is."""

from __future__ import annotations

import pkgutil

import pytest

from tests.mutation.reckoning import Module, change_of, explanations, is_in, too_low

PLACES = sorted({place for place, _ in explanations()})


@pytest.mark.parametrize("place", PLACES)
def test_what_is_explained_still_exists(place: str) -> None:
    """An explanation outlives no function."""
    assert callable(pkgutil.resolve_name(place))


def test_the_explained_count_as_alive() -> None:
    """Or the figure could be talked up."""
    assert Module("protocol.note", mutants=10, killed=9, explained=[]).score == 90.0


def test_a_package_is_all_that_stands_in_it_and_nothing_that_is_only_called_alike() -> None:
    """`ONLY=protocol.note` measures no `protocol.notes`."""
    assert is_in("node.matching.lists", ["keys", "node.matching"])
    assert is_in("protocol.note", ["protocol.note"])
    assert not is_in("protocol.notes", ["protocol.note"])


def test_matching_is_held_to_more_than_the_rest() -> None:
    """What is a duplicate is decided there: 94 of a hundred do for keys, but not for it."""
    keys, lists = Module("keys.tls", 100, 90), Module("node.matching.lists", 100, 94)
    assert too_low([keys, lists]) == {"node.matching": 94.0}


def test_one_module_is_carried_by_the_others_of_its_package() -> None:
    """The figure is that of the package, in which a module of ten lines weighs little."""
    weak, strong = Module("keys.unlock", 10, 5), Module("keys.tls", 90, 90)
    assert too_low([weak, strong]) == {}
    assert too_low([weak]) == {"keys": 50.0}


def test_what_is_taken_out_is_explained_by_what_it_was() -> None:
    """Each by itself: nothing of it is left by which one could be told from another."""
    assert change_of(["-    mechanism=this,"]) == "-mechanism=this,"
    assert change_of(["-    a = f(1)", "+    a = f(2)"]) == "a = f(2)"
