"""A member's own part of the registry: one TUF role, one document, one member key.

These are the rules that hold for the part before and after it stands in a registry: the umbrella
checks them when a member hands it in, every node checks them again (`keys.registry`).

* The role is signed by the member key **and names it** in a signed field, so that nobody can sign
  a member's metadata again under a key of their own, and an earlier member key that signs the same
  metadata thereby agrees to the new one (`node.registry.trust`).
* The role names one document, and delegates nothing.
* Each signing key of the document proves possession for this network, member and purpose.
* No key and no TLS certificate belongs to two members.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from tuf.api.metadata import Targets

from keys import _tuf
from keys.errors import KeysError, UntrustedDocumentError
from keys.member import PURPOSES, MemberDocument

MEMBER_KEY_FIELD: Final = "x-hx1-member-key"


@dataclass(frozen=True, slots=True)
class MemberRole:
    """A member's role metadata with its document, verified under its member key alone.

    Attributes:
        version: of the role.
        expires_ms: of the role.
        document: the member's document, its proofs of possession checked.
    """

    version: int
    expires_ms: int
    document: MemberDocument


def document_path(member: str) -> str:
    """The target path of a member's document, the only one its role may sign."""
    return f"members/{member}.json"


def verify_member(
    member: str, member_key: bytes, network_id: str, raw_role: bytes, raw_document: bytes
) -> MemberRole:
    """Verify what a member hands in, before it stands in any registry.

    Args:
        member: member id.
        member_key: the key it must be signed by, 32 bytes.
        network_id: the network that the proofs of possession must be for.
        raw_role: the role metadata.
        raw_document: the document that it names.

    Raises:
        BadSignatureError: the role is not signed by the member key.
        UntrustedDocumentError: a rule of roles or documents is broken; names the field.
        WeakKeyError: a key fails admission.
    """
    role = _tuf.signed_with(member_key, member, raw_role)
    check_role(member, role, member_key)
    path = document_path(member)
    given = {_tuf.target_name(path, hashlib.sha256(raw_document).hexdigest()): raw_document}
    raw = _tuf.only_target(_tuf.Files(given), role, member, path)
    return MemberRole(
        role.version, milliseconds(role.expires), read_document(raw, member, network_id)
    )


def signed_by_member_key(raw_role: bytes, member_key: bytes) -> bool:
    """Whether role metadata carries a good signature under a member key, such as an earlier one."""
    try:
        _tuf.signed_with(member_key, "role", raw_role)
    except KeysError:
        return False
    return True


def check_role(member: str, role: Targets, member_key: bytes) -> None:
    """Check what a member's role metadata may say besides naming its document.

    Raises:
        UntrustedDocumentError: it names another member key, or delegates.
    """
    if role.unrecognized_fields.get(MEMBER_KEY_FIELD) != member_key.hex():
        raise UntrustedDocumentError(f"{member}: {MEMBER_KEY_FIELD}: is not the key of this role")
    if role.delegations is not None:
        raise UntrustedDocumentError(f"{member}: delegations: a member's role cannot delegate")


@lru_cache(maxsize=1024)
def read_document(raw: bytes, member: str, network_id: str) -> MemberDocument:
    """Parse a member's document and check its proofs (a pure function; repeats are remembered).

    Raises:
        UntrustedDocumentError: of another form or member, or a proof of possession fails.
    """
    document = MemberDocument.from_bytes(raw)
    if document.member != member:
        raise UntrustedDocumentError(f"{member}: member: the document belongs to another member")
    document.check_proofs(network_id)
    return document


@dataclass(frozen=True, slots=True)
class Clash:
    """One key in two places.

    Attributes:
        owner: the member that is listed first.
        member: the member that claims it too; the same one if it uses a key for two purposes.
        purpose: for which purpose it claims it.
    """

    owner: str
    member: str
    purpose: str


def first_clash(
    members: Mapping[str, MemberDocument], member_keys: Mapping[str, bytes]
) -> Clash | None:
    """Find a key, or a TLS certificate, for which two would answer, or one for two purposes."""
    owners: dict[bytes, str] = {}
    for member, document in members.items():
        for purpose, public in _claims(document, member_keys[member]):
            if public in owners:
                return Clash(owners[public], member, purpose)
            owners[public] = member
    return None


def check_disjoint(members: Mapping[str, MemberDocument], member_keys: Mapping[str, bytes]) -> None:
    """Refuse members with a `first_clash`.

    Raises:
        UntrustedDocumentError: names the second member and the purpose of the key.
    """
    clash = first_clash(members, member_keys)
    if clash is not None:
        whose = "its own member key" if clash.owner == clash.member else "another member's"
        raise UntrustedDocumentError(
            f"{clash.member}: keys.{clash.purpose}: is {whose}; generate a new key"
        )


def milliseconds(moment: datetime) -> int:
    """A time as integer milliseconds UTC."""
    return int(moment.timestamp() * 1000)


def _claims(document: MemberDocument, member_key: bytes) -> Iterator[tuple[str, bytes]]:
    """Every public key a member answers for, with its purpose; halves of hybrids count alone."""
    yield "member", member_key
    for purpose in PURPOSES:
        for published in document.published(purpose):
            yield purpose, published.key.ed25519
            if published.key.mldsa44 is not None:
                yield purpose, published.key.mldsa44
    for spki in document.tls:
        yield "tls", spki
    for sealing in document.sealing:
        yield "sealing", sealing.key.raw
