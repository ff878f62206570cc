"""§11: only members, only their role."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest

from protocol.facts import Access, Fact, Location
from protocol.governance import Party, is_permitted, may_speak, party
from protocol.messages import KINDS, belongs_to
from protocol.vocabulary import Kind, Lane, Role

HOME, ABROAD = frozenset({"GB"}), frozenset({"NL"})

ITEMS = {Kind.ITEM, Kind.SIGHTED}
ANSWERS = {Kind.DISPOSITION, Kind.DISPOSITIONS}
STATUS = {*ANSWERS, Kind.OUTCOME, Kind.WITHDRAWAL, Kind.PEER_MESSAGE}
BULK = {Kind.CONTENTS}
SHARED = {*BULK, Kind.CONTENT_VERDICT, Kind.CONTENT_VERDICT_WITHDRAWN}
OWN = {Kind.EPOCH_OPEN, Kind.REGISTRY_SEEN, Kind.TOMBSTONE, Kind.DISAVOW}

TABLE = {
    (Role.HOTLINE, Role.HOTLINE, Lane.REPORTS): (ITEMS, ITEMS),
    (Role.HOTLINE, Role.HOTLINE, Lane.STATUS): (STATUS, STATUS),
    (Role.HOTLINE, Role.HOTLINE, Lane.BULK): (SHARED, SHARED),
    (Role.HOTLINE, Role.POLICE, Lane.REPORTS): (ITEMS, ITEMS),
    (Role.HOTLINE, Role.POLICE, Lane.STATUS): (STATUS, STATUS),
    (Role.HOTLINE, Role.POLICE, Lane.BULK): (BULK, BULK),
    (Role.POLICE, Role.HOTLINE, Lane.REPORTS): (ITEMS, None),
    (Role.POLICE, Role.HOTLINE, Lane.STATUS): (STATUS, STATUS),
    (Role.POLICE, Role.HOTLINE, Lane.BULK): (BULK, None),
    (Role.HOTLINE, Role.AGGREGATOR, Lane.BULK): (set(), set()),
    (Role.AGGREGATOR, Role.HOTLINE, Lane.STATUS): (ANSWERS, ANSWERS),
}
"""The table once more, by hand: kinds at home, kinds abroad (None: no channel)."""


def holds_an_address(declared: Any) -> bool:
    """Whether a value of this type can hold an address or what is needed to see it."""
    if declared in (Location, Access):
        return True
    if get_origin(declared) is not None:
        return any(holds_an_address(part) for part in get_args(declared))
    if isinstance(declared, type) and issubclass(declared, Fact):
        return any(holds_an_address(part) for part in get_type_hints(declared).values())
    return False


@pytest.mark.parametrize(("one", "other", "lane", "kind"), list(product(Role, Role, Lane, Kind)))
def test_11_1_every_cell_of_the_table_both_ways(
    one: Role, other: Role, lane: Lane, kind: Kind
) -> None:
    """What the table lists is permitted, all else is not, at home and abroad."""
    for countries, listed in zip((HOME, ABROAD), TABLE.get((one, other, lane), ()), strict=False):
        expected = listed is not None and kind in listed | OWN
        assert is_permitted(party([one], HOME), party([other], countries), lane, kind) == expected
    if (one, other, lane) not in TABLE:
        assert not is_permitted(party([one], HOME), party([other], HOME), lane, kind)


def test_11_1_kinds_with_an_address_are_found_by_their_fields() -> None:
    """The property that follows judges by what a message can hold, not by a list of names."""
    assert {kind for kind, rule in KINDS.items() if holds_an_address(rule.message)} == ITEMS


@pytest.mark.parametrize(("lane", "kind", "sender"), list(product(Lane, Kind, Role)))
def test_11_1_an_aggregator_never_receives_an_address(lane: Lane, kind: Kind, sender: Role) -> None:
    """No message of a kind permitted to it has a field that could hold one; none is an outcome."""
    if is_permitted(party([sender], HOME), party([Role.AGGREGATOR], HOME), lane, kind):
        assert not holds_an_address(KINDS[kind].message)
        assert kind not in (Kind.OUTCOME, Kind.SIGHTED)


@pytest.mark.parametrize("kind", [5, 99, 127])
def test_11_2_an_unknown_kind_never_goes_to_an_aggregator(kind: int) -> None:
    """Nobody can tell that it holds no address; on no lane, from no role."""
    unknown = next(n for n in range(kind, 256) if n not in KINDS)
    for lane, sender in product(Lane, Role):
        ends = (party([sender], HOME), party([Role.AGGREGATOR], HOME))
        assert not is_permitted(*ends, lane, unknown)


@pytest.mark.parametrize(("lane", "other"), list(product(Lane, Role)))
def test_11_1_a_witness_says_and_hears_nothing_here(lane: Lane, other: Role) -> None:
    """Witnesses speak a protocol of their own."""
    assert not may_speak(party([Role.WITNESS], HOME), party([other], HOME), lane)
    assert not may_speak(party([other], HOME), party([Role.WITNESS], HOME), lane)


def test_11_1_two_hotlines_may_speak_on_every_lane_and_an_aggregator_says_no_reports() -> None:
    """A channel exists exactly where its opening is permitted."""
    hotline, aggregator = party([Role.HOTLINE], HOME), party([Role.AGGREGATOR], HOME)
    assert all(may_speak(hotline, party([Role.HOTLINE], ABROAD), lane) for lane in Lane)
    assert not may_speak(aggregator, hotline, Lane.REPORTS)


def test_11_1_police_report_to_their_own_countrys_hotline_only() -> None:
    """Not to a hotline abroad, nor without any country."""
    police = party([Role.POLICE], HOME)
    assert is_permitted(police, party([Role.HOTLINE], {"GB", "IE"}), Lane.REPORTS, Kind.ITEM)
    assert not is_permitted(police, party([Role.HOTLINE], ABROAD), Lane.REPORTS, Kind.ITEM)
    assert not may_speak(police, party([Role.HOTLINE], ABROAD), Lane.REPORTS)
    assert not may_speak(party([Role.POLICE]), party([Role.HOTLINE]), Lane.REPORTS)


def test_11_1_police_answer_hotlines_abroad() -> None:
    """A hotline abroad that handed them an item hears what became of it."""
    assert is_permitted(
        party([Role.POLICE], HOME), party([Role.HOTLINE], ABROAD), Lane.STATUS, Kind.OUTCOME
    )


def test_11_2_police_send_nothing_unknown_abroad() -> None:
    """An unknown kind is judged as an item."""
    police = party([Role.POLICE], HOME)
    assert is_permitted(police, party([Role.HOTLINE], HOME), Lane.STATUS, 99)
    assert not is_permitted(police, party([Role.HOTLINE], ABROAD), Lane.STATUS, 99)


def test_11_1_no_role_permits_nothing() -> None:
    """A member without roles is silent."""
    assert not may_speak(party((), HOME), party([Role.HOTLINE], HOME), Lane.REPORTS)
    assert not may_speak(party([Role.HOTLINE], HOME), party((), HOME), Lane.REPORTS)


@pytest.mark.parametrize("roles", list(combinations(Role, 2)))
def test_11_1_several_roles_may_do_what_any_of_them_may(roles: tuple[Role, ...]) -> None:
    """Neither more nor less, on either side."""
    hotline = party([Role.HOTLINE], ABROAD)
    for lane, kind in product(Lane, Kind):
        single = [is_permitted(party([role], HOME), hotline, lane, kind) for role in roles]
        assert is_permitted(Party(frozenset(roles), HOME), hotline, lane, kind) == any(single)
        single = [is_permitted(hotline, party([role], HOME), lane, kind) for role in roles]
        assert is_permitted(hotline, Party(frozenset(roles), HOME), lane, kind) == any(single)


@pytest.mark.parametrize("lane", Lane)
def test_11_2_an_unknown_kind_goes_only_where_addresses_may(lane: Lane) -> None:
    """We cannot tell that it holds none."""
    hotline = party([Role.HOTLINE], HOME)
    assert is_permitted(hotline, hotline, lane, 99)
    assert not is_permitted(hotline, party([Role.AGGREGATOR], HOME), lane, 99)


def test_11_1_a_role_of_a_later_version_is_no_role_here() -> None:
    """It is refused where it is read, not taken for one that may do everything."""
    with pytest.raises(ValueError, match="archivist"):
        party(["archivist"])


def test_11_1_what_is_permitted_exists_on_that_lane() -> None:
    """The table permits no kind on a lane that the table of kinds does not give it."""
    for one, other, lane, kind in product(Role, Role, Lane, KINDS):
        if is_permitted(party([one], HOME), party([other], HOME), lane, kind):
            assert belongs_to(kind, lane)


def test_11_1_every_message_is_a_struct_with_declared_fields() -> None:
    """The property on addresses reads declarations: there is nothing beside them."""
    for rule in KINDS.values():
        assert set(get_type_hints(rule.message)) >= set(rule.message.__struct_fields__)
        assert issubclass(rule.message, msgspec.Struct)
