"""Items that were here before a list came: they are asked about its entries afterwards, in pieces.

At intake, and when hashes come, every list is asked about an item (`listing`). What stands here
already is not touched by an import, which only says so in the store; the node finds the entries
that came since and asks the items which have their content. Rules upheld:

* A piece at a time, with pauses; entries of which no item has a hash cost the writer nothing.
* How far it came is durable, and noted after what followed: a piece that is asked twice changes
  nothing, none is left out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, Protocol

from node.casework.casebook import Casebook, Needs, Postbox
from node.casework.listing import match_lists
from node.ids import Ids

AT_ONCE: Final = 500
"""Entries of one piece: a reader is busy with them for some hundredths of a second."""


class Piece(NamedTuple):
    """Entries in the order they came: the last number, and the keys of theirs that items have."""

    matched_to: int
    keys: frozenset[bytes]


class NewcomerStore(Protocol):
    """What asking needs to read and to keep."""

    async def newcomers(self, limit: int) -> Piece | None:
        """Return the next entries about which items have not been asked; None: there are none."""
        ...

    async def note_matched(self, matched_to: int) -> None:
        """Keep up to which entry all items have been asked."""
        ...


async def match_newcomers(
    store: NewcomerStore,
    transact: Callable[[Needs, Callable[[Casebook], Any]], Awaitable[Any]],
    ids: Ids,
    postbox: Callable[[], Postbox],
) -> bool:
    """Ask the items that are here about the next entries; return whether there were any.

    Raises:
        StoreError: nothing of the piece was noted; it is asked again.
    """
    piece = await store.newcomers(AT_ONCE)
    if piece is None:
        return False
    keys = set(piece.keys)
    if keys:
        found: set[str] = await transact(Needs(keys=keys), lambda book: set(book.loaded.items))
        needs = Needs(items=found, keys=keys, alike=set(found))
        await transact(needs, lambda book: match_lists(book, ids, postbox(), sorted(found)))
    await store.note_matched(piece.matched_to)
    return True
