"""A file that is harmless after all leaves every list that an operator imported.

Each list that has it takes it back at its present version, so that only a newer one brings it in
again. What members said of it is theirs to take back; what stands of it in a benign category stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from node.hashcheck.contract import LIST, Hit
from node.matching.contents import is_same_account
from node.matching.fingerprints import Fingerprints, content_keys
from node.matching.lists import ANY, HARMLESS, Provenance, Retraction
from node.store.bulk import select_in
from node.store.contents.list_taking import take_in
from node.store.contents.lists import ContentList, lists_by_id, read_listed
from node.store.seam import Connection
from protocol.facts import Content

_LISTS = (
    "SELECT DISTINCT c.list, c.category FROM list_keys k"
    " JOIN list_categories c ON c.id = k.category WHERE k.key IN ({})"
)


def retract_everywhere(
    connection: Connection, fingerprints: Fingerprints, contents: Iterable[Content], now_ms: int
) -> None:
    """Take these files back from all lists but members', in all categories but benign ones."""
    gone = [Retraction(content=one) for one in contents]
    keys = content_keys(fingerprints, [one.content for one in gone if one.content is not None])
    found: defaultdict[int, set[str]] = defaultdict(set)
    for number, category in select_in(connection, _LISTS, sorted(set(keys))):
        found[number].add(category)
    for number, one in lists_by_id(connection).items():
        theirs = one.terms.provenance is Provenance.MEMBER
        spared = _benign(one)
        if not theirs and found[number] - spared:
            name, version = one.terms.name, one.version
            take_in(connection, fingerprints, name, version, gone, now_ms, spared)


def retract_pictures(
    connection: Connection, fingerprints: Fingerprints, hit: Hit, now_ms: int
) -> None:
    """Take back those of the entries that a complaint names which are disproved by PDQ alone."""
    numbers = [int(one.rpartition("/")[2]) for one in hit.found if one.startswith(LIST)]
    versions = {one.terms.name: one.version for one in lists_by_id(connection).values()}
    for one in read_listed(connection, numbers).values():
        content, name = one.entry.content, one.terms.name
        alone = any(is_same_account(content, other) for other in hit.disproved)
        theirs = one.terms.provenance is Provenance.MEMBER
        if alone and not theirs and one.trust not in HARMLESS:
            gone = [Retraction(one.entry.external_id, content)]
            take_in(connection, fingerprints, name, versions[name], gone, now_ms)


def _benign(one: ContentList) -> frozenset[str]:
    """Return the categories of a list whose files are harmless."""
    rest = one.trusts.get(ANY)
    return frozenset(
        category for category in one.entries if one.trusts.get(category, rest) in HARMLESS
    )
