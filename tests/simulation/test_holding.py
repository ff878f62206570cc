"""The rule that every item has one responsible member sees each way of breaking it."""

from __future__ import annotations

import msgspec
import pytest

from node.casework.item import Custody, Informant, ItemState
from protocol.facts import Hop
from tests.builders.cases import event_id, item
from tests.builders.network import NOW_MS
from tests.simulation.holding import Place, groups, judge_group

GB, NL, FR, DE = "gb-iwf", "nl-eokm", "fr-pdc", "de-eco"


def has(member: str, number: int, *told_by: tuple[str, int], **changes: object) -> ItemState:
    """What a member has of the item that it found as its `number`th; told of by others, too."""
    informants = tuple(Informant(other, event_id(n, other)) for other, n in told_by)
    state = item(number, finder=member, hops=(Hop(member, NOW_MS),), informants=informants,
                 aliases=tuple(one.item_id for one in informants), responsible=member)  # fmt: skip
    return msgspec.structs.replace(state, **changes)


def gave(state: ItemState, to: str, says: str | None = None) -> ItemState:
    """The same, handed on; `says`: whom its member calls responsible."""
    hops = (*state.hops, Hop(to, NOW_MS))
    away = Custody.HANDED_ON
    return msgspec.structs.replace(state, custody=away, hops=hops, responsible=says or to)


def wrong(items: dict[Place, ItemState]) -> list[str]:
    """What the rule says of these items: the counters."""
    return [
        what
        for group in groups(items)
        for what, _ in judge_group({place: items[place] for place in group})
    ]


def at(*states: ItemState) -> dict[Place, ItemState]:
    """Each at its first member."""
    return {(state.hops[0].member, state.id): state for state in states}


@pytest.mark.parametrize("size", [2, 3, 4])
def test_ring_that_everybody_handed_on_is_lost(size: int) -> None:
    """However many, and whoever each of them calls responsible: itself, too."""
    members = [GB, NL, FR, DE][:size]
    before = {member: members[n - 1] for n, member in enumerate(members)}
    after = {other: member for member, other in before.items()}
    ring = [gave(has(one, 1, (before[one], 1)), after[one]) for one in members]
    assert wrong(at(*ring)) == ["lost"]
    ring[0] = msgspec.structs.replace(ring[0], responsible=GB)
    assert wrong(at(*ring)) == ["lost"]


def test_item_under_one_id_that_everybody_handed_on_is_lost() -> None:
    """It went round by hand; no member has a name of its own for it."""
    first = has(GB, 1)
    ring = {(member, first.id): gave(first, to) for member, to in ((GB, NL), (NL, FR), (FR, GB))}
    assert wrong(ring) == ["lost"]


def test_item_before_a_ring_is_lost_with_it() -> None:
    """Its reporter is told of nothing any more."""
    ring = [gave(has(GB, 1, (NL, 1), (DE, 1)), NL), gave(has(NL, 1, (GB, 1)), GB)]
    assert wrong(at(*ring, gave(has(DE, 1), GB))) == ["lost"]


def test_item_that_two_members_have_is_there_twice() -> None:
    """Each may write to the hoster."""
    both = at(has(GB, 1, (NL, 1)), has(NL, 1, (GB, 1)))
    assert wrong(both) == ["twice"]


def test_member_that_names_another_is_wrong() -> None:
    """It would ask the wrong one, and say so to its reporters."""
    chain = at(gave(has(GB, 1), NL, says=FR), has(NL, 1, (GB, 1)))
    assert wrong(chain) == ["lost"]


def test_one_that_has_it_and_others_that_say_so_is_right() -> None:
    """A chain over three names; and an item that nobody was told of."""
    chain = at(gave(has(GB, 1), NL, says=FR), gave(has(NL, 1, (GB, 1)), FR), has(FR, 1, (NL, 1)))
    assert wrong(chain | at(has(DE, 7))) == []
