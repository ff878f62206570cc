"""What is a duplicate and what only looks like one: the table, as one pure function.

`judge` compares what came in with the items that share its location or its content and says which
row of the table holds (docs/architecture.md, "Duplicates"). It decides; it changes nothing.
Rows that need a check or a look are answered with the item to put in front of a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from node.casework.item import (
    Custody,
    ItemState,
    Review,
    agrees,
)
from protocol.facts import Content, Location
from protocol.vocabulary import Action, Disposition, ItemKind

PDQ_NEAR = 31
"""Hamming distance up to which two PDQ hashes are taken for one picture (the authors' threshold)."""
PDQ_QUALITY = 50
"""Below this quality a PDQ hash says nothing (the authors' threshold)."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """What came in, as far as the table needs it. `was_here`: an erased or withdrawn item was."""

    location: Location | None
    content: tuple[Content, ...]
    kind: ItemKind
    found_ms: int
    was_here: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """The row that holds. `item` is the item it is joined to, or whose verdict is carried over."""

    disposition: Disposition
    item: str | None = None
    review: Review | None = None

    @property
    def joins(self) -> bool:
        """Whether no new item is made."""
        return self.disposition in JOINING


JOINING = frozenset(
    {
        Disposition.DUPLICATE,
        Disposition.LATE_DUPLICATE,
        Disposition.PERHAPS_BACK,
        Disposition.JOINED,
        Disposition.JOINED_PERHAPS_BACK,
        Disposition.VARIANT,
        Disposition.ALIAS,
        Disposition.PLACEHOLDER,
        Disposition.COUNTED,
        Disposition.FORWARDED,
    }
)


def judge(
    new: Incoming, same_location: Sequence[ItemState], same_content: Sequence[ItemState]
) -> Judgement:
    """Say which row of the table holds for `new`.

    `same_location` are the items known at its canonical location, `same_content` those that share
    a content identity anywhere; both oldest first.
    """
    for item in _liveliest_first(same_location):
        found = _at_same_location(new, item)
        if found is not None:
            return found
    elsewhere = [item for item in same_content if item.id not in {i.id for i in same_location}]
    for item in elsewhere:
        if _is_alias(new, item):
            return Judgement(Disposition.ALIAS, item.id)
    replaced = next((i for i in same_location if i.content and new.content), None)
    known = next((item for item in elsewhere if item.known), None)
    if known is not None:
        return Judgement(Disposition.NEW_KNOWN, known.id)
    if replaced is not None:
        return Judgement(Disposition.NEW_REPLACING, replaced.id)
    return Judgement(Disposition.NEW_AGAIN if new.was_here else Disposition.NEW)


def _liveliest_first(items: Sequence[ItemState]) -> list[ItemState]:
    """Open items before closed ones; the latest closed first."""
    return sorted(items, key=lambda item: (item.closed_ms is not None, -(item.closed_ms or 0)))


def _at_same_location(new: Incoming, item: ItemState) -> Judgement | None:
    """The rows with the same L; None: another content, so not this item."""
    if not new.content or not item.content:
        return _without_content(new, item)
    if any(agrees(a, b) for a in item.content for b in new.content):
        return _same_content(new, item)
    if any(near(a, b) for a in item.content for b in new.content) and new.kind != ItemKind.VIDEO:
        return Judgement(Disposition.VARIANT, item.id, Review.SUGGESTED_VERDICT)
    return None


def _same_content(new: Incoming, item: ItemState) -> Judgement:
    if item.closed_ms is None:
        return _open(item, Disposition.DUPLICATE)
    if item.closed_by is Action.NOT_ILLEGAL:
        return Judgement(Disposition.COUNTED, item.id)
    if new.found_ms < item.closed_ms:
        return Judgement(Disposition.LATE_DUPLICATE, item.id)
    return Judgement(Disposition.PERHAPS_BACK, item.id, Review.PERHAPS_BACK)


def _without_content(new: Incoming, item: ItemState) -> Judgement:
    """A page or file without hashes on one side: joined by location, judged again later."""
    if item.closed_ms is None:
        same = not new.content and not item.content
        return _open(item, Disposition.DUPLICATE if same else Disposition.JOINED)
    if item.closed_by is Action.NOT_ILLEGAL:
        return Judgement(Disposition.COUNTED, item.id)
    if new.found_ms < item.closed_ms:
        return Judgement(Disposition.LATE_DUPLICATE, item.id)
    return Judgement(Disposition.JOINED_PERHAPS_BACK, item.id, Review.PERHAPS_BACK)


def _open(item: ItemState, disposition: Disposition) -> Judgement:
    if item.custody is Custody.HANDED_ON:
        return Judgement(Disposition.FORWARDED, item.id)
    return Judgement(disposition, item.id)


def _is_alias(new: Incoming, item: ItemState) -> bool:
    """Same host and path with another query, and the same content.

    One item, one line in a notice.
    """
    if item.closed_ms is not None or new.location is None or item.location is None:
        return False
    ours, theirs = item.location.canonical, new.location.canonical
    if ours is None or theirs is None:
        return False
    a, b = urlsplit(ours), urlsplit(theirs)
    return (a.scheme, a.netloc, a.path) == (b.scheme, b.netloc, b.path) and a.query != b.query


def near(one: Content, other: Content) -> bool:
    """Whether two contents are probably the same picture by PDQ; never proof."""
    if one.pdq is None or other.pdq is None:
        return False
    if min(one.pdq_quality or 0, other.pdq_quality or 0) < PDQ_QUALITY:
        return False
    distance = int.from_bytes(one.pdq, "big") ^ int.from_bytes(other.pdq, "big")
    return distance.bit_count() <= PDQ_NEAR
