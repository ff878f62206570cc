"""Revocation notes in evidence: who reads it offline judges its signatures by them (§3.7, §12).

A note counts by its own signature, whoever put it there; one that does not count breaks the file.
Nobody can see offline that a note was left out: who has a node at hand lets its own notes be asked
as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from keys.errors import KeysError
from keys.registry import Registry
from node.evidence.errors import BrokenBundleError
from node.evidence.weight import Trust
from protocol.errors import ProtocolError
from protocol.revocation import Revocation, key_ids, verify

PURPOSES: Final = frozenset({"log", "receipt", "witness"})
"""What a key that signed something in a bundle is for."""


def concerning(notes: Iterable[bytes], registry: Registry, parties: set[str]) -> tuple[str, ...]:
    """Return those of `notes` that concern evidence about `parties`.

    That is: about log and receipt keys of theirs, and about witness keys of anybody.
    """
    found = {}
    for raw in notes:
        said = _said(raw, registry)
        if said is not None:
            purpose = key_ids(registry.member(said.member))[said.key_id]
            if purpose == "witness" or (purpose in PURPOSES and said.member in parties):
                found[said] = raw.decode()
    return tuple(found[said] for said in sorted(found))


def revoked_by(texts: Iterable[str], registry: Registry) -> Mapping[str, frozenset[str]]:
    """Return the ids of the keys that the notes in a bundle revoke, by member.

    Raises:
        BrokenBundleError: one does not count, is about another kind of key, or stands there twice.
    """
    found: list[Revocation] = []
    for number, text in enumerate(texts):
        said, place = _said(text.encode(), registry), f"revocations[{number}]"
        if said is None:
            raise BrokenBundleError("10", place, "is no revocation note that counts")
        if key_ids(registry.member(said.member))[said.key_id] not in PURPOSES or said in found:
            raise BrokenBundleError(
                "10", place, "concerns no key of a signature, or is there twice"
            )
        found.append(said)
    return _by_member(found)


def trust_of(registry: Registry, texts: Iterable[str], notes: Iterable[bytes]) -> Trust:
    """Return whose keys count, by the notes in a file and those at hand.

    Raises:
        BrokenBundleError: as `revoked_by`.
    """
    return Trust(registry, both(revoked_by(texts, registry), known(notes, registry)))


def known(notes: Iterable[bytes], registry: Registry) -> Mapping[str, frozenset[str]]:
    """Return what notes that are at hand revoke; those that say nothing here are left out."""
    return _by_member(said for raw in notes if (said := _said(raw, registry)) is not None)


def both(
    one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]]
) -> Mapping[str, frozenset[str]]:
    """Return what either of two takes trust from."""
    none: frozenset[str] = frozenset()
    return {m: one.get(m, none) | other.get(m, none) for m in one.keys() | other.keys()}


def _by_member(found: Iterable[Revocation]) -> Mapping[str, frozenset[str]]:
    revoked: dict[str, frozenset[str]] = {}
    for said in found:
        revoked[said.member] = revoked.get(said.member, frozenset()) | {said.key_id}
    return revoked


def _said(raw: bytes, registry: Registry) -> Revocation | None:
    try:
        return verify(raw, registry)
    except (KeysError, ProtocolError):
        return None
