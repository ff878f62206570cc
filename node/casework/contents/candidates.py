"""What the table of duplicates is shown of the items that are here (`node.matching.duplicates`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from node.casework.casebook import Casebook
from node.casework.contents.crowds import choices, near_choices
from node.casework.contents.hits import shows_placeholder
from node.casework.item import ItemState
from node.casework.postbox import Postbox
from node.casework.telling import is_with_nobody
from node.matching.contents import pictures_of
from node.matching.duplicates import Incoming
from node.matching.fingerprints import content_keys
from protocol.facts import Content, Location
from protocol.vocabulary import ItemKind, Matter, Source


def to_compare(
    book: Casebook,
    location: Location | None,
    content: tuple[Content, ...],
    kind: ItemKind,
    found_ms: int,
    matter: Matter,
    source: Source,
    left: frozenset[str] = frozenset(),
) -> Incoming:
    """Return what came in, with what is known here of its place and its files."""
    return Incoming(
        location,
        content,
        kind,
        found_ms,
        matter,
        source,
        was_here=was_here(book, location, content),
        placeholder=shows_placeholder(book, content, kind),
        left=left,
    )


def with_nobody(book: Casebook, postbox: Postbox, items: Iterable[ItemState]) -> frozenset[str]:
    """Return the ids of the closed ones of which nobody would look at another report."""
    return frozenset(state.id for state in items if is_with_nobody(book, postbox, state))


def was_here(book: Casebook, location: Location | None, content: tuple[Content, ...]) -> bool:
    """Whether an item at this location, or without a location with this content, was erased."""
    keys = book.fingerprints.places(location) or content_keys(book.fingerprints, content)
    return any(book.was_here(key) for key in keys)


def same_place(book: Casebook, location: Location | None) -> list[ItemState]:
    """Return the items at a location, oldest first."""
    keys = book.fingerprints.places(location)
    found = {state.id: state for key in keys for state in book.by_key(key)}
    return [found[one] for one in sorted(found)] if found else []


def same_content(
    book: Casebook, location: Location | None, content: tuple[Content, ...], here: Collection[str]
) -> list[ItemState]:
    """Return the items elsewhere that have a hash in common, or a picture that looks alike.

    Of all that are the same to the table the oldest, beside those at the same host and path, and,
    of what has no location, those without one. `here`: the items that it finds at the location.
    """
    canonical = None if location is None else location.canonical
    keys = content_keys(book.fingerprints, content)
    by_hash = [choices(book, key) for key in keys if book.loaded.by_key.get(key)]
    pictures = list(pictures_of(content)) if book.loaded.by_picture else []
    if not by_hash and not pictures:
        return []
    found = {one for each in by_hash for one in each.at(canonical)}
    without = {*here, *found} if canonical is None else here
    for each in by_hash:
        found |= each.judged(without)
    for pdq in pictures:
        for each in near_choices(book, pdq):
            found |= each.judged(without)
    book.crowds.looked += len(found)
    return [book.loaded.items[i] for i in sorted(found) if i in book.loaded.items]
