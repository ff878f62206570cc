"""What a newer version of a list says of a file that an older one knew by another name.

An entry without an id is known by its strongest hash: a version that gives a stronger one of the
file names it anew. So that a list says one thing of a file, the newer word goes in its place. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from node.matching.contents import Likeness, compare
from node.matching.lists import Entry, Settled, Standing
from protocol.facts import Content

_Name = TypeVar("_Name")


def is_new_of(known: Standing | None, entry: Entry) -> bool:
    """Whether an entry says what its name did not say: only then another's word may have to go."""
    if entry.given is not None:
        return False
    stands = None if known is None else known.entry
    return stands is None or (stands.category, stands.content) != (entry.category, entry.content)


def told_by(content: Content) -> list[bytes]:
    """Return the hashes of which one is equal wherever two accounts are surely of one file."""
    return [digest for digest in (content.sha256, content.md5) if digest is not None]


def correct(
    what: Settled, entry: Entry, version: int, beside: Mapping[_Name, Standing]
) -> tuple[Settled, list[_Name]]:
    """Say what becomes of an entry that would be written, and in whose place it goes.

    `beside`: what stands under other names, and may be of the same file.
    """
    if any(one.version > version and _outlasts(one.entry, entry) for one in beside.values()):
        return Settled.OLDER, []
    replaced = [
        name
        for name, one in beside.items()
        if one.version < version and _outlasts(entry, one.entry)
    ]
    return Settled.CHANGED if replaced else what, replaced


def _outlasts(newer: Entry, older: Entry) -> bool:
    """Whether a newer version's entry takes the place of an older one's with another name.

    It does where it is surely of the very file, and says another thing of it. What has an id is its
    author's to change under that id; one weak hash is no sign of one file.
    """
    if older.external_id is not None or older.category == newer.category:
        return False
    return compare(older.content, newer.content) is Likeness.SAME
