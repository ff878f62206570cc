"""Whether two accounts of a file can be of one file: by their hashes alone.

Content identity (docs/glossary.md): SHA-256; or MD5 + SHA-1, or MD5 + length, equal with nothing
stronger contradicting. One weak hash alone only suggests. A PDQ hash tells pictures that look the
same, never that they are the same, and says nothing of videos.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum, StrEnum

from msgspec.structs import astuple

from protocol.facts import Content

EMPTY_FILE = frozenset(
    {
        hashlib.sha256().digest(),
        hashlib.sha1(usedforsecurity=False).digest(),
        hashlib.md5(usedforsecurity=False).digest(),
    }
)
"""The hashes of an empty file, which programs tell where they got none: two of them have no file
in common. Whoever takes hashes in refuses them."""
PDQ_NEAR = 31
"""Up to this Hamming distance two PDQ hashes are taken for one picture (the authors' threshold)."""
PDQ_BITS = 256
PDQ_QUALITY = 50
"""Below this quality a PDQ hash says nothing (the authors' threshold)."""


class Likeness(IntEnum):
    """How two accounts of files stand to each other; the smaller, the more it says."""

    SAME = 0
    """One file."""
    PERHAPS = 1
    """One weak hash is equal and nothing contradicts."""
    NEAR = 2
    """Two files, probably of one picture."""
    OTHER = 3
    """Two files."""
    UNKNOWN = 4
    """They have no hash in common, so nobody can tell."""


class Closeness(StrEnum):
    """How near the files of two items come to each other, in words for who compares them."""

    SAME_FILE = "same_file"
    ONE_WEAK_HASH = "one_weak_hash"
    NEAR_10 = "near_10"
    """PDQ hashes differ in at most 10 bits: most often the same picture, encoded anew."""
    NEAR_20 = "near_20"
    NEAR_31 = "near_31"


_BANDS = ((10, Closeness.NEAR_10), (20, Closeness.NEAR_20), (PDQ_NEAR, Closeness.NEAR_31))


def compare(one: Content, other: Content, *, pictures: bool = True) -> Likeness:
    """Say how two files stand to each other; `pictures` is False where PDQ says nothing."""
    found = _by_digests(one, other)
    ours, theirs = picture_of(one), picture_of(other)
    if not pictures or found < Likeness.OTHER or ours is None or theirs is None:
        return found
    return Likeness.NEAR if _distance(ours, theirs) <= PDQ_NEAR else Likeness.OTHER


def likeness(
    ours: Iterable[Content], theirs: Iterable[Content], *, pictures: bool = True
) -> Likeness:
    """Say how two items' files stand to each other: whatever any pair of them tells most clearly.

    UNKNOWN where one side has none.
    """
    theirs = tuple(theirs)
    pairs = (compare(a, b, pictures=pictures) for a in ours for b in theirs)
    return min(pairs, default=Likeness.UNKNOWN)


def closeness(ours: Iterable[Content], theirs: Iterable[Content]) -> Closeness | None:
    """Say in which band the nearest files of two items stand to each other; None: far.

    Of items that `likeness` found to be the same, perhaps the same, or near.
    """
    ours, theirs = tuple(ours), tuple(theirs)
    like = likeness(ours, theirs, pictures=False)
    if like <= Likeness.PERHAPS:
        return Closeness.SAME_FILE if like is Likeness.SAME else Closeness.ONE_WEAK_HASH
    apart = distance(ours, theirs)
    return next((word for most, word in _BANDS if apart <= most), None)


def distance(ours: Iterable[Content], theirs: Iterable[Content]) -> int:
    """Return in how many of 256 bits the nearest pictures of two items differ; 256: in all."""
    others = tuple(pictures_of(theirs))
    return min((_distance(a, b) for a in pictures_of(ours) for b in others), default=PDQ_BITS)


def _by_digests(one: Content, other: Content) -> Likeness:
    if one.sha256 is not None and other.sha256 is not None:
        return Likeness.SAME if one.sha256 == other.sha256 else Likeness.OTHER
    sha1, md5, length = (_equal(one, other, name) for name in ("sha1", "md5", "length"))
    if False in (sha1, md5, length):
        return Likeness.OTHER
    if md5 and (sha1 or length):
        return Likeness.SAME
    return Likeness.PERHAPS if md5 or sha1 else Likeness.UNKNOWN


def _equal(one: Content, other: Content, name: str) -> bool | None:
    """Whether both have the same value; None where one has none."""
    a, b = getattr(one, name), getattr(other, name)
    return None if a is None or b is None else bool(a == b)


def is_same_account(one: Content, other: Content) -> bool:
    """Whether both have nothing but one PDQ hash: nobody can tell what is known of them apart."""
    digests = (one.sha256, one.sha1, one.md5, other.sha256, other.sha1, other.md5)
    return one.pdq == other.pdq and not any(digests)


def is_one_file(one: Content, other: Content) -> bool:
    """Whether two accounts within one item are of one file.

    There a weak hash is enough: the item's place says the rest.
    """
    return compare(one, other, pictures=False) <= Likeness.PERHAPS


def merge(have: tuple[Content, ...], more: tuple[Content, ...]) -> tuple[Content, ...]:
    """Join accounts of an item's files: what is known stays, gaps are filled, others come last."""
    merged = list(have)
    for content in more:
        place = place_among(merged, content)
        if place is None:
            merged.append(content)
        else:
            merged[place] = _fill(merged[place], content)
    return tuple(merged)


def place_among(have: Sequence[Content], one: Content) -> int | None:
    """Return which of an item's accounts another fills (`merge`); None: it is of no file of them.

    The first that a weak hash is enough for, though a later one may be the very same.
    """
    return next((place for place, ours in enumerate(have) if is_one_file(ours, one)), None)


def _fill(have: Content, more: Content) -> Content:
    pairs = zip(astuple(have), astuple(more), strict=True)
    return Content(*(a if a is not None else b for a, b in pairs))


def picture_of(content: Content) -> bytes | None:
    """Return the PDQ hash of a file if its quality is such that it says something, else None."""
    good = content.pdq is not None and (content.pdq_quality or 0) >= PDQ_QUALITY
    return content.pdq if good else None


def pictures_of(content: Iterable[Content]) -> Iterator[bytes]:
    """Yield the PDQ hash of each of an item's files that has one which says something."""
    return filter(None, map(picture_of, content))


def _distance(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def is_among(one: Content, others: Iterable[Content]) -> bool:
    """Whether one of these accounts is of the very file, or says the very same."""
    return any(is_one_file(one, other) or is_same_account(one, other) for other in others)
