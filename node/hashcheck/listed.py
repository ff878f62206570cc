"""What imported lists say of contents: the seam `Contents`, over the look-up in all lists at once.

Answered from are lists whose terms permit both: to be used here, and to be shared (`may_share`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from node.hashcheck.contract import LIST
from node.hashcheck.seam import Finding, Near
from node.hashcheck.verdicts import MOST_LEADS
from node.matching.contents import Likeness, distance
from node.matching.lists import HARMLESS, Hit, Terms, Trust
from node.matching.lists import Listed as Entry
from protocol.facts import Content


class KnownInLists(Protocol):
    """Looks contents up in lists: see `node.store.contents.known.KnownContent`."""

    def look_up(self, digests: Iterable[bytes]) -> AbstractSet[bytes]:
        """Return which of these hashes lists have."""
        ...

    async def hits(
        self, contents: Iterable[Content], counts: Callable[[Terms, Trust], bool]
    ) -> Mapping[Content, tuple[Hit, ...]]:
        """Return what lists that count say of each of these files; no other is read."""
        ...

    async def alike(
        self,
        contents: Iterable[Content],
        most: int,
        counts: Callable[[Entry], bool],
        within: Near,
    ) -> Mapping[Content, Sequence[Entry]]:
        """Return the entries that look like each of these and count, at most so many of each."""
        ...

    async def refresh(self) -> bool:
        """Bring memory up to date with the store; whether there was anything to do."""
        ...


class Listed:
    """Contents of lists that may be shared."""

    def __init__(self, known: KnownInLists) -> None:
        self._known = known

    @property
    def is_ready(self) -> bool:
        """Whether everything is found: always, the store answers where memory does not."""
        return True

    async def follow(self) -> bool:
        """Bring memory up to date; whether there was anything to do."""
        return await self._known.refresh()

    async def harmless(self, contents: Iterable[Content]) -> list[Content]:
        """Return the files in benign lists that some of these are."""
        hits = await self._known.hits(contents, _is_benign)
        found = (hit for some in hits.values() for hit in some if _of_benign(hit))
        return [hit.content for hit in found if hit.content is not None]

    async def find(
        self, asked: Sequence[Content], *, near: Near | None
    ) -> Mapping[Content, Sequence[Finding]]:
        """See `Contents.find`; by digests, and of pictures by what looks alike."""
        told: defaultdict[Content, list[Finding]] = defaultdict(list)
        digests = {digest: one for one in asked for digest in _digests(one)}
        found = self._known.look_up(digests)
        if found:
            wanted = {one for one in asked if any(digest in found for digest in _digests(one))}
            for one, some in (await self._known.hits(wanted, _has_weight)).items():
                told[one].extend(each for hit in some for each in _finding(hit))
        if near:
            alike = await self._known.alike(asked, MOST_LEADS, _may_answer, near)
            for one, entries in alike.items():
                told[one].extend(_alike(entry, one) for entry in entries)
        return {one: some for one, some in told.items() if some}


def _is_benign(_: Terms, trust: Trust) -> bool:
    return trust in HARMLESS


def _has_weight(terms: Terms, trust: Trust) -> bool:
    """Whether a list may be answered from. Harmless files are none of what may not be told.

    Others do not even count beside it: an answer that changes with them tells what they have.
    """
    return terms.may_share or trust in HARMLESS


def _of_benign(hit: Hit) -> bool:
    return hit.counts_as in HARMLESS and hit.content is not None


def _finding(hit: Hit) -> list[Finding]:
    trust = hit.counts_as
    if trust in {Trust.NONE, *HARMLESS} or hit.acquits or not hit.terms.may_share:
        return []
    sure = trust is Trust.AUTO
    name = hit.terms.name
    likeness = Likeness.SAME if sure else hit.likeness
    return [Finding(LIST + name, likeness, f"{LIST}{name}/{hit.number}", sure, hit.content)]


def _may_answer(entry: Entry) -> bool:
    return entry.terms.may_share and entry.counts_near is Trust.SUGGESTION


def _alike(entry: Entry, asked: Content) -> Finding:
    name, content = entry.terms.name, entry.entry.content
    named, apart = f"{LIST}{name}/{entry.number}", distance([content], [asked])
    return Finding(LIST + name, Likeness.NEAR, named, sure=False, content=content, distance=apart)


def _digests(content: Content) -> list[bytes]:
    digests = (content.sha256, content.sha1, content.md5)
    return [digest for digest in digests if digest is not None]
