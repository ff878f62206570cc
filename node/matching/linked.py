"""Files that are known to be harmless by other hashes than those that are asked about.

Lists of harmless files often have no SHA-256, reports often nothing else. What holds the file
illegal may name both: then its own hashes say that it is the harmless one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from node.matching.lists import HARMLESS, QUORUM, Hit, Listed, weigh
from protocol.facts import Content


def by_entries(entries: Iterable[Listed]) -> list[Content]:
    """Return the files that these entries would hold illegal unseen, as they name them."""
    return [one.entry.content for one in entries if one.trust in QUORUM]


def said_of(
    content: Content,
    alike: Iterable[Listed],
    named: Callable[[Sequence[Content]], Iterable[Listed]],
    min_bytes: int,
    *,
    pictures: bool = False,
) -> list[Hit]:
    """Return what entries say of a file, each once and weighed, in the order of their numbers.

    `alike`: those that may be that file; `named`: those that have a hash of one of these files;
    `pictures`: what only looks like it counts, too.
    """
    entries = {one.number: one for one in alike}
    heard = (entries[number].hit(content, pictures=pictures) for number in sorted(entries))
    said = [hit for hit in heard if hit is not None]
    return weigh(said, min_bytes, harmless=_is_harmless(said, named))


def _is_harmless(
    hits: Iterable[Hit], named: Callable[[Sequence[Content]], Iterable[Listed]]
) -> bool:
    """Whether a file is harmless by what these hits would hold illegal unseen.

    Very many entries may share a hash: they are gone through once, not once for each of them.
    """
    files = [hit.content for hit in hits if hit.counts_as in QUORUM and hit.content is not None]
    harmless = {one.number: one for one in named(files) if one.trust in HARMLESS}
    said = (one.hit(file) for one in harmless.values() for file in files)
    return any(hit is not None and hit.counts_as in HARMLESS for hit in said)
