"""Whether what a member says under an id is said of the item that has this id here (§3.3).

An id names who minted it, not what it stands for: whoever was handed an item can hand a third
member another one under the same id. So the first account that comes is not believed more than a
later one: what is another item by its place changes nothing here, and goes back to who sent it. And
a member is taken to mean our item only by an id by which it handed that to us, or has it of us:
that it stands in a chain is the word of whoever wrote the chain (docs/protocol.md §10.9). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from node.casework.casebook import Casebook
from node.casework.incoming.reading import place_in_our_form
from node.casework.item import Custody, Informant, ItemState
from node.casework.passing_on.chains import handed_to
from node.casework.postbox import Postbox
from node.matching.contents import Likeness, likeness
from node.matching.duplicates import same_path
from node.matching.places import forms_of
from protocol.facts import Content, Location
from protocol.messages import Item
from protocol.vocabulary import Disposition, ItemKind

TASK: Final = "id_of_two_items"
REASON: Final = "another_item"


def refuse_other(book: Casebook, peer: str, item_id: str) -> Disposition:
    """Put it before a person, once; return the answer."""
    book.tasks.append((TASK, f"{peer}/{item_id}"))
    return Disposition.NOT_PERMITTED


def is_other_item(state: ItemState, peer: str, message: Item) -> bool:
    """Whether what is handed over under an id of `state` is another item.

    An item has the place and the matter with which its id was minted; one without a place is its
    files. Hashes do not make one item of two places: whoever was handed an item knows its hashes.
    """
    if message.matter is not state.matter:
        return True  # it would be counted, and not worked on
    told, here = message.location, _places(state)
    if told.canonical is None or not here:
        return told.canonical is not None or bool(here) or _has_other_files(state, message.content)
    return not _is_at(told, here) and not _is_line_of(state, peer, message)


def line_to_add(state: ItemState, message: Item) -> Location | None:
    """Return the place of an item that is known by its id, if it is one more line of its notice."""
    told, here = message.location, _places(state)
    return None if told.canonical is None or not here or _is_at(told, here) else told


def means(us: str, postbox: Postbox, state: ItemState, peer: str, item_id: str) -> bool:
    """Whether `peer` speaks of `state` by this id, as far as we were told by itself.

    It handed it to us under the id, or its predecessor did; or it has it of us. What was found here
    has an id of ours, under which nobody hands us anything else.
    """
    if item_id == state.id and (state.came_from is None or peer in handed_to(us, state)):
        return True
    return any(
        one.item_id == item_id and peer in (one.member, postbox.heir_of(one.member))
        for one in state.informants
    )


def _places(state: ItemState) -> list[Location]:
    known = state.also_at if state.location is None else (state.location, *state.also_at)
    return [place for place in known if place.canonical is not None]


def _is_at(told: Location, here: Iterable[Location]) -> bool:
    """Whether it is one of these places, by our rules as they are now or were when it came."""
    forms = set(forms_of(told.canonical or ""))
    return any(one.canonical in forms or place_in_our_form(one).canonical in forms for one in here)


def _is_line_of(state: ItemState, peer: str, message: Item) -> bool:
    """Whether it is one line more of a notice (`alias`): it differs in its query, not its file."""
    known = Informant(peer, message.item_id) in state.informants
    if message.item_id == state.id or (state.custody is Custody.HANDED_ON and not known):
        return False  # the id is of one place; and who has the item would not hear of the line
    pictures = ItemKind.VIDEO not in (state.kind, message.item_kind)
    same = likeness(state.content, message.content, pictures=pictures) is Likeness.SAME
    return same and any(same_path(message.location, place) for place in _places(state))


def _has_other_files(state: ItemState, told: tuple[Content, ...]) -> bool:
    """Whether an item without a place has no file in common with what has none either."""
    gone = (one.content for one in state.taken_off if one.content is not None)
    ours = (*state.content, *gone)
    alike = likeness(ours, told) in (Likeness.SAME, Likeness.PERHAPS, Likeness.NEAR)
    return bool(ours) and not alike and all(one not in ours for one in told)
