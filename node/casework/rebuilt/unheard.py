"""What became of an item is told to those who told of it and had not heard it (§8.13.7).

Whoever tells of it while its member's node is lost is answered before that node knows again what it
had judged and done; and what waited for one that was away is lost with the node. They would take
the item for one with which nobody does anything, and do it themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from node.casework.casebook import Casebook
from node.casework.item import Informant, ItemState
from node.casework.passing_on.custody import tell_way
from node.casework.postbox import Postbox
from node.casework.rebuilt.words import read
from node.casework.telling import tell_so_far
from protocol.messages import Outcome


def told_of(words: Iterable[tuple[str, bytes]]) -> dict[str, set[Informant]]:
    """Return who was told what became of which item, by the id under which it was told."""
    found: dict[str, set[Informant]] = {}
    for peer, raw in words:
        message = read(raw)
        if isinstance(message, Outcome):
            found.setdefault(message.item_id, set()).add(Informant(peer, message.item_id))
    return found


def tell_unheard(
    book: Casebook, postbox: Postbox, state: ItemState, heard: Collection[Informant]
) -> None:
    """Tell all who told of an item what it has come to; what was said before is left out.

    `heard`: who had heard of it. Of these each knows where it went.
    """
    for informant in state.informants:
        tell_so_far(book, postbox, state, informant, None)
        if informant not in heard:
            tell_way(book, postbox, state, informant)
