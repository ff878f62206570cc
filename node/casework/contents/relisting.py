"""Items that were here before a list came: they are asked about its entries afterwards, in pieces.

At intake, and when hashes come, every list is asked about an item (`listing`). What stands here
already is not touched by an import, which only says so in the store; the node finds the entries
that came since and asks the items which have their content. So it does when an operator follows a
list further, or less far: what followed from an entry that counts for less now is undone, with all
that followed from that (`reconsidering`). Rules upheld:

* A piece at a time, with pauses; entries of which no item has a hash cost the writer nothing.
* An item at which this program fails stands before a person; the others are asked about.
* How far it came is durable, and noted after what followed: a piece that is asked twice changes
  nothing, none is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

from node.casework.aside import SetAside, Transact
from node.casework.casebook import Casebook, Needs
from node.casework.contents.listing import match_anew
from node.casework.mistakes.reconsidering import reconsider
from node.casework.postbox import Postbox
from node.ids import Ids

AT_ONCE: Final = 500
"""Entries of one piece: a reader is busy with them for some hundredths of a second."""


class Piece(NamedTuple):
    """Entries in the order they came: the last number, and the keys of theirs that items have.

    Attributes:
        again: where the store knows how far entries were gone through that count otherwise than
            when items were asked about them; None: they came since.
        alike: ids of items that have a picture which looks like one of these entries.
    """

    matched_to: int
    keys: frozenset[bytes]
    again: str | None = None
    alike: frozenset[str] = frozenset()


class NewcomerStore(Protocol):
    """What asking needs to read and to keep."""

    async def newcomers(self, limit: int) -> Piece | None:
        """Return the next entries about which items are to be asked; None: there are none."""
        ...

    async def note_matched(self, matched_to: int, again: str | None = None) -> None:
        """Keep up to which entry all items have been asked; `again` as in the piece."""
        ...


async def match_newcomers(
    store: NewcomerStore,
    transact: Transact,
    aside: SetAside,
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

    async def ask(items: Sequence[str]) -> None:
        def decide(book: Casebook) -> None:
            match_anew(book, ids, postbox(), items)
            reconsider(book, ids, postbox())

        await transact(Needs(items=set(items), keys=keys, alike=set(items)), decide)

    if keys:
        found = await transact(Needs(keys=keys), lambda book: set(book.loaded.items))
        await aside.each(sorted(found), str, ask)
    keys, alike = set(), sorted(piece.alike)
    for start in range(0, len(alike), AT_ONCE):
        await aside.each(alike[start : start + AT_ONCE], str, ask)
    await store.note_matched(piece.matched_to, piece.again)
    return True
