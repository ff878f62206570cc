"""What members say of contents, each in a list of its own (docs/protocol.md §6.6).

The list is made with the first word of a member. How far it is followed is its operator's to say,
as of every list; what was not said is filled in. Others are not answered from it.

Part of the caller's transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

from node.matching.fingerprints import Fingerprints
from node.matching.lists import (
    ANY,
    Entry,
    Provenance,
    TakenBack,
    Terms,
    Told,
    list_of,
    trusts_in_member,
)
from node.store.bulk import select_in
from node.store.contents.list_taking import take_in
from node.store.contents.lists import ContentList, find_list, keep_terms
from node.store.seam import Connection

MOST_WORDS: Final = 500
"""Verdicts of one member and category that are taken on one file: each is asked about at every item
that has it. People give a handful, on items of their own with that file. Each category has room of
its own, so that a correction is taken however often a member said what it corrects."""


def take_told(
    connection: Connection, fingerprints: Fingerprints, told: Sequence[Told], now_ms: int
) -> frozenset[str]:
    """Take what members said into their lists; return who said more than is taken.

    What was taken back is let go whatever the list holds, and so is a fuller account taken of a
    file that stands there: it is no file more.
    """
    full = set()
    for (member, version, _), some in groupby(told, _together):
        known = _list_of(connection, member, now_ms)
        entries = sum(known.entries.values())
        batch: list[Entry | TakenBack] = []
        said = list(some)
        ids = {one.one.external_id or "" for one in said if isinstance(one.one, Entry)}
        near = any(entries + len(ids) > one.at_most for one in said)
        keys = {key for one in said for key, _ in _keys(fingerprints, one)}
        words = _words_of(connection, known, keys)
        near = near or any(count + len(said) > MOST_WORDS for count in words.values())
        standing = _named_there(connection, fingerprints, known.row, ids) if near else set()
        for one in said:
            if isinstance(one.one, Entry) and one.one.external_id not in standing:
                of_it = _keys(fingerprints, one)
                if entries >= one.at_most or any(words[key] >= MOST_WORDS for key in of_it):
                    full.add(member)
                    continue
                entries += 1
                words.update(of_it)
                standing.add(one.one.external_id or "")
            batch.append(one.one)
        take_in(connection, fingerprints, known, version, batch, now_ms)
    return frozenset(full)


def _words_of(
    connection: Connection, into: ContentList, keys: Iterable[bytes]
) -> Counter[tuple[bytes, str]]:
    """Count the entries of a list that have each of these keys of contents, by category."""
    ours = {number: category for category, number in into.ids.items()}
    sql = "SELECT key, category FROM list_keys WHERE key IN ({})"
    rows = select_in(connection, sql, sorted(set(keys)))
    return Counter((bytes(key), ours[category]) for key, category in rows if category in ours)


def _named_there(
    connection: Connection, fingerprints: Fingerprints, number: int, external_ids: Iterable[str]
) -> set[str]:
    """Return by which of these ids, which their author gave, entries of a list stand."""
    keys = {fingerprints.listed(number, b"i" + one.encode()): one for one in external_ids}
    sql = "SELECT key, entry FROM list_names WHERE key IN ({})"
    return {keys[bytes(key)] for key, _ in select_in(connection, sql, sorted(keys))}


def _keys(fingerprints: Fingerprints, one: Told) -> list[tuple[bytes, str]]:
    if not isinstance(one.one, Entry):
        return []
    return [(key, one.one.category) for key in fingerprints.content(one.one.content)]


def _together(one: Told) -> tuple[str, int, bool]:
    """What is taken at once: what is taken back goes first, so that there is room for what follows.

    A verdict on other files of an item is often said anew in the place of one.
    """
    return one.member, one.version, isinstance(one.one, TakenBack)


def _list_of(connection: Connection, member: str, now_ms: int) -> ContentList:
    """Return the list of a member, made or filled in where need be."""
    name = list_of(member)
    known = find_list(connection, name)
    terms = Terms(name, Provenance.MEMBER) if known is None else known.terms
    said = {} if known is None else known.trusts
    missing = trusts_in_member().items() - said.items()
    unsaid = {} if ANY in said else {one: trust for one, trust in missing if one not in said}
    if known is None or unsaid:
        keep_terms(connection, terms, unsaid, now_ms)
        known = find_list(connection, name)
    assert known is not None
    return known
