"""What is answered for one entry: hit, review or none. Pure.

A hit is what somebody may act on unseen: the same file, by a word that counts, nothing against it.
Everything less is for a person to look at. Of a PDQ hash the answer is `review` at most, and where
it ends is blurred: for each asked hash the largest distance is another one, from 24 to 31, by a
keyed function of that hash. So asking twice teaches nothing, and a step of one bit across the end
is told from chance only by some hundred questions about its neighbourhood.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from hashlib import blake2b
from typing import Final, NamedTuple

from node.hashcheck.seam import Finding
from node.matching.contents import PDQ_NEAR, Likeness, compare, is_same_account
from protocol.facts import Content

BLURRED: Final = 8
"""In how many distances, up to `PDQ_NEAR`, what is near ends."""
_PERSON: Final = b"hashcheck blur"


class Answer(StrEnum):
    """What a hosting company is told of one entry."""

    HIT = "hit"
    REVIEW = "review"
    NONE = "none"


class Judged(NamedTuple):
    """An answer with what it rests on; `by_picture`: on a PDQ hash alone."""

    answer: Answer
    found: Sequence[Finding] = ()

    @property
    def by_picture(self) -> bool:
        """Whether nothing but a PDQ hash led to it."""
        return bool(self.found) and all(one.likeness is Likeness.NEAR for one in self.found)


NOTHING: Final = Judged(Answer.NONE)


class Blur:
    """Says for each asked PDQ hash up to which distance it is near."""

    def __init__(self, secret: bytes) -> None:
        self._keyed = blake2b(digest_size=1, key=secret, person=_PERSON)

    def limit(self, pdq: bytes) -> int:
        """Return the largest distance: the same for the same hash, always."""
        keyed = self._keyed.copy()
        keyed.update(pdq)
        return PDQ_NEAR - keyed.digest()[0] % BLURRED


class Rules(NamedTuple):
    """What holds for one request.

    Attributes:
        sources: whose word the contract permits.
        min_bytes: of a file that is smaller, by the length that is told or known, nothing is a hit.
        allowed: SHA-256 of files that are known to be harmless.
    """

    sources: Collection[str]
    min_bytes: int
    allowed: Collection[bytes]
    blur: Blur


def judge(
    asked: Content, found: Iterable[Finding], blocked: Sequence[Content], rules: Rules
) -> Judged:
    """Return the answer for one entry; `blocked` are contents of upheld complaints."""
    if asked.sha256 in rules.allowed:
        return NOTHING
    counts = [one for one in found if _counts(asked, one, blocked, rules)]
    if _is_one_of(asked, blocked):  # or another known file with the same weak hashes: who can tell?
        others = [one for one in counts if one.content and one.likeness is not Likeness.NEAR]
        return Judged(Answer.REVIEW, others) if others else NOTHING
    if not counts:
        return NOTHING
    same = [one for one in counts if one.likeness is Likeness.SAME]
    small = any(_is_small(one, rules) for one in (asked, *(found.content for found in same)))
    if small or not any(one.sure for one in same):
        return Judged(Answer.REVIEW, counts)
    return Judged(Answer.HIT, same)


def _is_small(content: Content | None, rules: Rules) -> bool:
    return content is not None and content.length is not None and content.length < rules.min_bytes


def _counts(asked: Content, one: Finding, blocked: Sequence[Content], rules: Rules) -> bool:
    if one.source not in rules.sources:
        return False
    known = one.content
    if known is not None and (known.sha256 in rules.allowed or is_blocked(known, blocked)):
        return False
    return one.likeness is not Likeness.NEAR or one.distance <= rules.blur.limit(asked.pdq or b"")


def is_blocked(known: Content, blocked: Sequence[Content]) -> bool:
    """Whether a known content is one of these, as surely as is asked of what is let go."""
    alone = any(is_same_account(known, one) for one in blocked)
    return alone or _is_one_of(known, blocked)


def _is_one_of(content: Content, others: Iterable[Content]) -> bool:
    return any(compare(content, one, pictures=False) <= Likeness.PERHAPS for one in others)
