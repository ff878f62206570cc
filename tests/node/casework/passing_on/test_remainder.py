"""What follows an item that has no room for it: what who is handed it needs, and no more (§6.4)."""

from __future__ import annotations

import msgspec

from node.casework.events import EventKind, Withdrawn
from node.casework.folding import MAX_ACCESS
from protocol.facts import Access
from protocol.fields import MAX_SIGHTINGS
from tests.builders.network import NOW_MS
from tests.node.casework.circle import MEMBERS, Circle, drawn, holders

GB, NL, FR = MEMBERS[:3]


def handed_over(**known: object) -> Circle:
    """An item of which this is known where it was found, handed to another member."""
    circle = Circle((GB, NL))
    found = circle[GB].find()
    circle[GB].book.loaded.items[found.id] = msgspec.structs.replace(found, **known)
    circle[GB].locate(NL)
    circle.settle(drawn(0))
    return circle


def test_10_5_own_report_that_was_taken_back_does_not_follow_an_item_back() -> None:
    """The member that gives it back has not heard of it yet."""
    circle = Circle((GB, NL))
    circle[GB].find()
    own = [circle[GB].report_danger() for number in range(MAX_SIGHTINGS + 1)][-1]
    circle[GB].locate(NL)
    circle.settle(drawn(0))
    circle[NL].move(GB)
    gone = Withdrawn(GB, own.sighting_id)
    circle[GB].book.record(
        circle[GB].only.id, EventKind.WITHDRAWN, gone, at_ms=NOW_MS, actor=GB
    )  # fmt: skip
    circle.settle(drawn(0))
    assert holders(circle) == [GB]
    assert own not in circle[GB].only.sightings


def test_g11_newest_way_of_each_who_told_one_reaches_who_is_to_look() -> None:
    """A member that tells of many crowds out no other's on the way either."""
    right = (FR, Access(password="right"))
    decoys = (("pl-dyz", Access(password=f"decoy {number}")) for number in range(MAX_ACCESS))
    circle = handed_over(access=Access(password="wrong"), also_access=(right, *decoys))
    told = [one.password for _, one in circle[NL].only.also_access]
    assert len(told) == MAX_ACCESS
    assert {"right", f"decoy {MAX_ACCESS - 1}"} <= {*told}
