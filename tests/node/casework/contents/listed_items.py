"""Items as lists name them."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import msgspec

from node.casework.contents.listing import match_lists
from node.ids import Ids
from node.matching.lists import Category, Entry, Listed, Provenance, Terms, Trust, list_of
from tests.builders.cases import (
    FINGERPRINTS,
    POSTBOX,
    US,
    book,
    file,
    ids,
    item,
)

if TYPE_CHECKING:
    from node.casework.casebook import Casebook
    from node.casework.item import ItemState
    from protocol.facts import Assessment, Content

ITEM = item(1).id


FILE = file(1)


def later(first: int) -> Ids:
    """Return a mint whose ids are none of an earlier one."""
    numbers = count(first)
    return Ids(US, lambda size: next(numbers).to_bytes(size, "big"))


def listed(
    number: int = 1,
    trust: Trust = Trust.AUTO,
    content: Content = FILE,
    *,
    provenance: Provenance = Provenance.HOTLINE,
    name: str = "iwf",
    may_use: bool = True,
    trusts_weak: bool = False,
) -> Listed:
    """Return an entry that stands."""
    entry = Entry(content, "A", None, "42/a")
    terms = Terms(name, provenance, may_use=may_use, trusts_weak=trusts_weak)
    return Listed(number, terms, 3, entry, trust)


def said_by(given: Assessment, content: Content = FILE) -> Listed:
    """Return what another hotline said of a file, followed without a look."""
    entry = Entry(content, str(Category(given.verdict)), None, "x/0", given)
    return Listed(3, Terms(list_of(given.member), Provenance.MEMBER), 1, entry, Trust.AUTO)


def load(made: Casebook, *entries: Listed) -> Casebook:
    """Let these entries stand in the lists that a decision sees."""
    found: dict[bytes, tuple[Listed, ...]] = {}
    for one in entries:
        for key in FINGERPRINTS.content(one.entry.content):
            found[key] = (*found.get(key, ()), one)
    made.loaded.listed = found
    return made


def matched(state: ItemState, *entries: Listed, more: tuple[ItemState, ...] = ()) -> Casebook:
    """Return what lists make of an item."""
    made = load(book(state, *more), *entries)
    match_lists(made, ids(), POSTBOX, [state.id])
    return made


HELD = item(1, FILE)


def same(one: ItemState, other: ItemState) -> bool:
    """Whether two items are the same but for counts of what happened, and what was heard."""
    without = {"revision": 0, "heard": (), "said": ()}
    bare = [msgspec.structs.replace(state, **without) for state in (one, other)]
    return bare[0] == bare[1]
