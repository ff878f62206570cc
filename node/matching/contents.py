"""Whether two accounts of a file can be of one file: by their hashes alone.

Content identity (docs/glossary.md): SHA-256; or MD5 + SHA-1, or MD5 + length, equal with nothing
stronger contradicting. One weak hash alone only suggests. A PDQ hash tells pictures that look the
same, never that they are the same, and says nothing of videos.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from protocol.facts import Content

PDQ_NEAR = 31
"""Up to this Hamming distance two PDQ hashes are taken for one picture (the authors' threshold)."""
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


def compare(one: Content, other: Content, *, pictures: bool = True) -> Likeness:
    """Say how two files stand to each other; `pictures` is False where PDQ says nothing."""
    found = _by_digests(one, other)
    if not pictures or found < Likeness.OTHER or not (_has_pdq(one) and _has_pdq(other)):
        return found
    return Likeness.NEAR if _distance(one, other) <= PDQ_NEAR else Likeness.OTHER


def likeness(
    ours: Iterable[Content], theirs: Iterable[Content], *, pictures: bool = True
) -> Likeness:
    """Say how two items' files stand to each other: whatever any pair of them tells most clearly.

    UNKNOWN where one side has none.
    """
    theirs = tuple(theirs)
    pairs = (compare(a, b, pictures=pictures) for a in ours for b in theirs)
    return min(pairs, default=Likeness.UNKNOWN)


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


def _has_pdq(content: Content) -> bool:
    return content.pdq is not None and (content.pdq_quality or 0) >= PDQ_QUALITY


def _distance(one: Content, other: Content) -> int:
    assert one.pdq is not None
    assert other.pdq is not None
    return (int.from_bytes(one.pdq, "big") ^ int.from_bytes(other.pdq, "big")).bit_count()
