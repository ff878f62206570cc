"""A member changes its own entry: new endpoint, new keys, no ceremony.

The member signs the next version of its role metadata over its next document and posts both; the
umbrella checks what `keys.registry` and `node.registry.rules` demand, puts snapshot and timestamp
over it and needs nobody's decision. The same bytes posted again get the same answer and change
nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keys.documents import encode_bytes, parse, serialise
from keys.errors import KeysError, UnknownMemberError
from keys.member_role import document_path, verify_member
from keys.registry import metadata_name, target_name
from node.registry import repository, rules
from node.registry.admission import member_signer, sign_role
from node.registry.errors import ConflictError, RefusedError, refused_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keys.keyring import MemberKeys
    from keys.member import MemberDocument
    from keys.member_role import MemberRole
    from node.registry.repository import Change, Repository
    from node.registry.signers import OnlineSigners

MAX_PUBLICATION_BYTES: Final = 262_144
MAX_ROLE_LIFETIME_MS: Final = 2 * 366 * 86_400_000
PUBLICATION_TYPE: Final = "hx1-publication"
_WHERE: Final = "publication"


@dataclass(frozen=True, slots=True)
class Publication:
    """What a member posts: bytes, not yet believed."""

    raw_role: bytes
    raw_document: bytes


def make_publication(
    keys: MemberKeys, document: MemberDocument, version: int, now_ms: int
) -> bytes:
    """The body that a member posts.

    Args:
        keys: the member's keys; the member key must be there.
        document: the next document; its sequence is one more than the last.
        version: of the role, one more than the last (`role_version`).
        now_ms: UTC.

    Raises:
        UnknownKeyError: the member key is kept offline.
        RefusedError: the document breaks a rule; names the field.
    """
    rules.check_document(document, now_ms)
    raw_document = document.to_bytes()
    raw_role = sign_role(member_signer(keys), document.member, raw_document, version, now_ms)
    raw = serialise(
        {
            "_type": PUBLICATION_TYPE,
            "role": encode_bytes(raw_role),
            "document": encode_bytes(raw_document),
        }
    )
    if len(raw) > MAX_PUBLICATION_BYTES:
        raise RefusedError("document", "lists more keys than fit; ask the maintainers")
    return raw


def read_publication(raw: bytes) -> Publication:
    """Read the form of a publication; nothing in it is believed yet.

    Raises:
        RefusedError: too large or malformed; names the field.
    """
    if len(raw) > MAX_PUBLICATION_BYTES:
        raise RefusedError("body", f"is larger than {MAX_PUBLICATION_BYTES} bytes")
    try:
        fields = parse(raw, _WHERE)
        fields.constant("_type", PUBLICATION_TYPE)
        publication = Publication(fields.octets("role"), fields.octets("document"))
        fields.done()
    except KeysError as error:
        raise refused_by(error, _WHERE) from error
    return publication


def published_in(files: Mapping[str, bytes], member: str, version: int, raw: bytes) -> bool:
    """Whether a verified registry holds a publication: its role and document, byte for byte.

    Args:
        files: from which a registry was verified, by path.
        member: whose publication it is.
        version: of the role in it.
        raw: as `make_publication` gave it.

    Raises:
        RefusedError: not a publication.
    """
    publication = read_publication(raw)
    sha256 = hashlib.sha256(publication.raw_document).hexdigest()
    return (
        files.get(metadata_name(member, version)) == publication.raw_role
        and files.get(target_name(document_path(member), sha256)) == publication.raw_document
    )


def role_version(state: Repository, member: str) -> int:
    """The present version of a member's role.

    Raises:
        UnknownMemberError: the registry lists no such member.
    """
    if member not in state.registry.network.members:
        raise UnknownMemberError("member: is not in the registry; ask for admission")
    return state.role(member)[0]


def publish(
    state: Repository, member: str, publication: Publication, online: OnlineSigners, now_ms: int
) -> Change | None:
    """The state after a member's publication, or None if it is the present state already.

    Raises:
        UnknownMemberError: the registry lists no such member.
        NotSignedError: it is not signed by the member key in the registry.
        ConflictError: its version or sequence does not follow the present one.
        RefusedError: it breaks a rule; names the field.
    """
    registry = state.registry
    entry = registry.network.members.get(member)
    if entry is None:
        raise UnknownMemberError("member: is not in the registry; ask for admission")
    try:
        role = verify_member(
            member,
            registry.member_keys[member],
            registry.network_id,
            publication.raw_role,
            publication.raw_document,
        )
    except KeysError as error:
        raise refused_by(error, "registry") from error
    if entry.status != "active":
        raise RefusedError("member", f"is {entry.status}; ask the keepers of the network")
    version, raw_role = state.role(member)
    if raw_role == publication.raw_role:
        return None
    if role.version != version + 1:
        raise ConflictError("version", f"the registry has {version}; publish {version + 1}")
    _check_document(state, role, publication.raw_document, now_ms)
    files = {
        target_name(
            document_path(member), hashlib.sha256(publication.raw_document).hexdigest()
        ): publication.raw_document,
        metadata_name(member, role.version): publication.raw_role,
    }
    try:
        return repository.accept(state, files, online, now_ms)
    except KeysError as error:
        raise refused_by(error, "registry") from error


def _check_document(state: Repository, role: MemberRole, raw: bytes, now_ms: int) -> None:
    """Check that a document may follow the present one."""
    member = role.document.member
    sequence = state.registry.members[member].sequence
    if raw != state.document(member) and role.document.sequence != sequence + 1:
        raise ConflictError("sequence", f"the registry has {sequence}; publish {sequence + 1}")
    if not now_ms < role.expires_ms <= now_ms + MAX_ROLE_LIFETIME_MS:
        raise RefusedError("expires", "needs a time within the next two years; sign it again")
    rules.check_document(role.document, now_ms)
    rules.check_evidence_stays(role.document, state.registry.members[member])
