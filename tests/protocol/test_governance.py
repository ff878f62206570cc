"""§11: only members, only their role."""

from __future__ import annotations

from itertools import product

import pytest

from protocol.governance import is_permitted, may_speak
from protocol.messages import KINDS, belongs_to
from protocol.vocabulary import Kind, Lane, Role

ADDRESSES = (Kind.ITEM, Kind.SIGHTED, Kind.OUTCOME)
"""Kinds that carry an address, or speak of one item."""


@pytest.mark.parametrize(("kind", "lane", "sender"), list(product(ADDRESSES, Lane, Role)))
def test_11_1_an_aggregator_never_receives_an_address(kind: Kind, lane: Lane, sender: Role) -> None:
    """Whoever sends it, on whatever lane."""
    assert not is_permitted({sender}, {Role.AGGREGATOR}, lane, kind)


@pytest.mark.parametrize(("lane", "other"), list(product(Lane, Role)))
def test_11_1_a_witness_says_and_hears_nothing_here(lane: Lane, other: Role) -> None:
    """Witnesses speak a protocol of their own."""
    assert not may_speak({Role.WITNESS}, {other}, lane)
    assert not may_speak({other}, {Role.WITNESS}, lane)


@pytest.mark.parametrize("kind", Kind)
def test_11_1_hotlines_say_each_kind_on_its_lane(kind: Kind) -> None:
    """And on no other."""
    for lane in Lane:
        permitted = is_permitted({Role.HOTLINE}, {Role.HOTLINE}, lane, kind)
        assert permitted == belongs_to(kind, lane)


def test_11_1_police_take_part_like_a_hotline() -> None:
    """They receive items with access data, and answer."""
    assert is_permitted({Role.HOTLINE}, {Role.POLICE}, Lane.REPORTS, Kind.ITEM)
    assert is_permitted({Role.POLICE}, {Role.HOTLINE}, Lane.STATUS, Kind.OUTCOME)
    assert not may_speak({Role.POLICE}, {Role.POLICE}, Lane.REPORTS)


def test_11_1_no_role_permits_nothing() -> None:
    """A member without roles is silent."""
    assert not may_speak((), {Role.HOTLINE}, Lane.REPORTS)
    assert not may_speak({Role.HOTLINE}, (), Lane.REPORTS)


def test_11_1_several_roles_may_do_what_any_of_them_may() -> None:
    """An aggregator that is a hotline too receives items as a hotline."""
    both = {Role.AGGREGATOR, Role.HOTLINE}
    assert is_permitted({Role.HOTLINE}, both, Lane.REPORTS, Kind.ITEM)


@pytest.mark.parametrize("lane", Lane)
def test_11_2_an_unknown_kind_goes_only_where_addresses_may(lane: Lane) -> None:
    """We cannot tell that it holds none."""
    assert is_permitted({Role.HOTLINE}, {Role.HOTLINE}, lane, 99)
    assert not is_permitted({Role.HOTLINE}, {Role.AGGREGATOR}, lane, 99)


def test_11_1_what_is_permitted_exists_on_that_lane() -> None:
    """The table permits no kind on a lane that the table of kinds does not give it."""
    for one, other, lane, kind in product(Role, Role, Lane, KINDS):
        if is_permitted({one}, {other}, lane, kind):
            assert belongs_to(kind, lane)
