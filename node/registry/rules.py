"""What the network demands of a member beyond correct signatures.

The same rules at admission and at every publication, so that a member cannot be admitted well and
then publish itself out of them: complete keys of every purpose; the keys that people are held to
are hybrid; countries exist; and of any two members at least one can be reached, for otherwise the
two could never exchange anything.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from tuf.api.metadata import TOP_LEVEL_ROLE_NAMES
from yarl import URL

from keys.member import PURPOSES
from keys.network import EXPELLED
from keys.succession import EVIDENCE, ROTATED, listed_ids
from node.jurisdiction.codes import read_country
from node.registry.errors import RefusedError
from protocol.fields import is_member
from protocol.push import MIN_ENTRY_BYTES, MIN_PUSH_ENTRIES, can_carry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from keys.member import MemberDocument, Purpose
    from keys.network import Limits, Role
    from keys.registry import Registry
    from keys.succession import Rotated

MAX_NAME: Final = 200
MAX_KEYS: Final = 64
"""Keys of one purpose: what replaces a key each quarter fills it in sixteen years."""
_HYBRID: Final[tuple[Purpose, ...]] = ("log", "receipt")
_OPTIONAL: Final[Purpose] = "witness"
"""Hybrid too; members whose keys an earlier version made publish none."""


def check_document(document: MemberDocument, now_ms: int) -> None:
    """Check that a member document has all that its peers need.

    Raises:
        RefusedError: names the field.
    """
    for purpose in (*_HYBRID, "transport"):
        if not document.published(purpose):
            raise RefusedError(f"keys.{purpose}", "is empty; publish a key for this purpose")
    for purpose in (*_HYBRID, _OPTIONAL):
        if not all(published.key.is_hybrid for published in document.published(purpose)):
            raise RefusedError(f"keys.{purpose}", "needs keys of Ed25519 and ML-DSA-44")
    _check_counts(document)
    _check_endpoint(document.endpoint)
    if not document.tls:
        raise RefusedError("keys.tls", "is empty; publish the pin of the node's certificate")
    for rotated in ROTATED:
        if _are_all_retired(document, rotated):  # stolen ones may still be the last
            raise RefusedError(f"keys.{rotated}", "are all retired; publish one whose turn lasts")
    if all(sealing.not_after_ms <= now_ms for sealing in document.sealing):
        raise RefusedError("keys.sealing", "has no key that still lasts; publish a new one")
    if not document.capabilities.versions:
        raise RefusedError("capabilities.versions", "is empty; say which versions the node speaks")


def check_evidence_stays(document: MemberDocument, before: MemberDocument) -> None:
    """Check that a document lists the keys under which what the one before signed is verified.

    Whoever left one out would deny all that it signed: others keep it, and it verifies no more.

    Raises:
        RefusedError: names the field.
    """
    for purpose in EVIDENCE:
        kept = set(listed_ids(document, purpose))
        if not kept.issuperset(listed_ids(before, purpose)):
            mend = "leaves out a key that was listed; list it, its turn may end"
            raise RefusedError(f"keys.{purpose}", mend)


def check_begun_anew(document: MemberDocument, before: MemberDocument) -> None:
    """Check what a document under another member key says of the keys before it.

    It lists those under which others verify what they keep, and of each purpose one that is new:
    a second one would be somebody's who has a part in how the lost ones came into it. Whether one
    was stolen, and since when, is as it was: else whoever has a part in that made void what such a
    key signed, or good what a thief did.

    Raises:
        RefusedError: names the field.
    """
    for purpose in EVIDENCE:
        listed, lost = set(listed_ids(document, purpose)), set(listed_ids(before, purpose))
        if not listed >= lost:
            mend = "leaves out a key that was listed; make the request with hotline init --before"
            raise RefusedError(f"keys.{purpose}", mend)
        if len(listed - lost) > 1:
            raise RefusedError(f"keys.{purpose}", "lists more than one key that was not listed")
        for key_id in lost:
            if document.turn(key_id).compromised_ms != before.turn(key_id).compromised_ms:
                mend = "says otherwise since when it was stolen; ask for the document in force"
                raise RefusedError(f"turns.{key_id}", mend)


def _check_endpoint(endpoint: str | None) -> None:
    """Whoever calls reads the host so, and its resolver: what they do not take is no endpoint."""
    if endpoint is None:
        return
    try:
        url = URL(endpoint, encoded=True)
        raw_host = url.raw_host or ""
        if ":" in raw_host:
            ipaddress.IPv6Address(raw_host)
        else:
            raw_host.encode("idna")
        _ = url.host  # its labels are read only now
    except ValueError:
        raise RefusedError("endpoint", "its host is no name or address; mend it") from None


def _check_counts(document: MemberDocument) -> None:
    """Each key may be revoked, and whoever serves the registry keeps and hands on a note of it.

    Of evidence keys none may be left out (`check_evidence_stays`).
    """
    counts = [(str(purpose), len(document.published(purpose))) for purpose in PURPOSES]
    for where, count in (*counts, ("tls", len(document.tls)), ("sealing", len(document.sealing))):
        if count > MAX_KEYS:
            mend = "ask the maintainers" if where in EVIDENCE else "leave out old ones"
            raise RefusedError(f"keys.{where}", f"lists more than {MAX_KEYS}; {mend}")


def _are_all_retired(document: MemberDocument, purpose: Rotated) -> bool:
    """Whether there are keys and each has had its turn; a member need not have witness keys."""
    turns = [document.turn(key_id) for key_id in listed_ids(document, purpose)]
    return bool(turns) and all(turn.until_ms is not None for turn in turns)


def check_member_id(member: str) -> None:
    """Check that messages can name the member, and that it is not named like a registry's role.

    Raises:
        RefusedError: they cannot, or it is.
    """
    if not is_member(member):
        raise RefusedError("member", "write xx-name: a country's two letters, 2 to 16 of a-z 0-9")
    if member in TOP_LEVEL_ROLE_NAMES:
        raise RefusedError("member", "is the name of a role of the registry; choose another")


def check_entry(name: str, roles: Sequence[Role], jurisdictions: Sequence[str]) -> None:
    """Check how a member is to be listed in the network document.

    Raises:
        RefusedError: the name is not one line of text, there is no role, or a country does not
            exist.
    """
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise RefusedError("name", f"needs one line of 1 to {MAX_NAME} characters")
    if not roles:
        raise RefusedError("roles", "is empty; a hotline asks for the role hotline")
    check_jurisdictions(jurisdictions)


def check_jurisdictions(codes: Iterable[str]) -> None:
    """Check that countries exist, as ISO 3166-1 alpha-2 writes them.

    Raises:
        RefusedError: names the code, and the one that was probably meant.
    """
    for code in codes:
        meant = read_country(code)
        if meant is None:
            raise RefusedError("jurisdictions", f"{code!r} is no country of ISO 3166-1 alpha-2")
        if meant != code:
            raise RefusedError("jurisdictions", f"write {meant} instead of {code!r}")


def check_reachable(registry: Registry) -> None:
    """Check that of any two members that are not expelled at least one can be reached from outside.

    Raises:
        RefusedError: two of them cannot.
    """
    hidden = sorted(
        member
        for member, document in registry.members.items()
        if not document.reachable and registry.network.members[member].status != EXPELLED
    )
    if len(hidden) > 1:
        raise RefusedError(
            "reachable", f"{hidden[0]} and {hidden[1]} could not reach each other; open one of them"
        )


def check_limits(limits: Limits) -> None:
    """Check that one push can carry the largest entry, and that the protocol has room (§8.7.2).

    Raises:
        RefusedError: it cannot, or has not; names the field.
    """
    if limits.push_entries < MIN_PUSH_ENTRIES:
        raise RefusedError("limits.push_entries", f"needs {MIN_PUSH_ENTRIES} or more")
    if limits.entry_bytes < MIN_ENTRY_BYTES:
        raise RefusedError("limits.entry_bytes", f"needs {MIN_ENTRY_BYTES} bytes or more")
    if not can_carry(limits.push_entries, limits.push_bytes, limits.entry_bytes):
        raise RefusedError("limits.push_bytes", "must hold one entry of limits.entry_bytes")
