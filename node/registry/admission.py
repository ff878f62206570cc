"""The admission request: what a member hands to the umbrella, by hand, to be admitted.

One JSON file, made by the member alone. It carries the member key, the member's own role metadata
(signed by that key, so that the umbrella never signs for a member), the document with its proofs of
possession, and what the member asks for. The member key signs the whole under `hx1/admission`;
reading it checks everything that can be checked without the registry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keys.documents import check_name, encode_bytes, parse, serialise
from keys.errors import BadSignatureError, KeysError, UnknownKeyError
from keys.member_role import MemberRole, verify_member
from keys.network import ROLES, Role
from keys.signing import VerifyKey
from node.registry import build, rules
from node.registry.errors import RefusedError, refused_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keys.keyring import MemberKeys
    from keys.member import MemberDocument
    from keys.signing import Signer

REQUEST_TYPE: Final = "hx1-admission"
SIGNED_TAG: Final = b"hx1/admission\0"
MAX_REQUEST_BYTES: Final = 524_288
_WHERE: Final = "admission request"


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
    """A request whose signatures and proofs were verified.

    Attributes:
        network: id of the network it is for.
        member: member id asked for.
        name: what to call the member in front of people.
        roles: roles asked for.
        jurisdictions: countries asked for.
        member_key: the member's Ed25519 key, 32 bytes.
        made_ms: when it was made, by the member's own word.
        raw_role: the member's role metadata.
        raw_document: the document it names.
        verified: version and document, verified under the member key.
    """

    network: str
    member: str
    name: str
    roles: tuple[Role, ...]
    jurisdictions: tuple[str, ...]
    member_key: bytes
    made_ms: int
    raw_role: bytes
    raw_document: bytes
    verified: MemberRole


def make_request(
    keys: MemberKeys,
    document: MemberDocument,
    *,
    network: str,
    name: str,
    roles: Sequence[Role],
    jurisdictions: Sequence[str],
    now_ms: int,
    version: int = 1,
) -> bytes:
    """Make an admission request.

    Args:
        keys: the member's keys; the member key must be there.
        document: the first document (`MemberKeys.document`).
        network: network id.
        name: what to call the member in front of people.
        roles: roles asked for.
        jurisdictions: countries asked for, ISO 3166-1 alpha-2.
        now_ms: UTC.
        version: of the role; 1 unless a member key is being replaced.

    Raises:
        UnknownKeyError: the member key is not there.
        RefusedError: the document or the countries break a rule; names the field.
    """
    member_key = member_signer(keys)
    rules.check_member_id(document.member)
    rules.check_document(document, now_ms)
    rules.check_entry(name, roles, jurisdictions)
    raw_document = document.to_bytes()
    raw_role = sign_role(member_key, document.member, raw_document, version, now_ms)
    fields: dict[str, object] = {
        "_type": REQUEST_TYPE,
        "network": network,
        "member": document.member,
        "name": name,
        "roles": list(roles),
        "jurisdictions": list(jurisdictions),
        "member_key": encode_bytes(member_key.public.ed25519),
        "made_ms": now_ms,
        "role": encode_bytes(raw_role),
        "document": encode_bytes(raw_document),
    }
    signature = member_key.sign_ed25519(SIGNED_TAG + serialise(fields))
    return serialise({**fields, "signature": encode_bytes(signature)})


def read_request(raw: bytes) -> AdmissionRequest:
    """Read a request and verify every signature and proof in it.

    Raises:
        RefusedError: it is too large, malformed, badly signed, or lacks what peers need; names
            the field.
    """
    if len(raw) > MAX_REQUEST_BYTES:
        raise RefusedError("request", f"is larger than {MAX_REQUEST_BYTES} bytes")
    try:
        return _read(raw.removesuffix(b"\n"))
    except KeysError as error:
        raise refused_by(error, _WHERE) from error


def is_request(raw: bytes) -> bool:
    """Whether bytes have the form of a request at all; nothing in them is verified."""
    try:
        fields = parse(raw.removesuffix(b"\n"), _WHERE)
        fields.constant("_type", REQUEST_TYPE)
    except KeysError:
        return False
    return True


def member_signer(keys: MemberKeys) -> Signer:
    """The member key, where it is at hand.

    Raises:
        UnknownKeyError: it is kept offline.
    """
    if keys.member is None:
        raise UnknownKeyError("member.key: is not here; bring it back from where it is kept")
    return keys.member


def sign_role(
    member_key: Signer, member: str, raw_document: bytes, version: int, now_ms: int
) -> bytes:
    """A member's role metadata over its document, signed by its member key."""
    public = member_key.public.ed25519
    role = build.member_metadata(member, raw_document, public, version, now_ms)
    return build.add_signatures(role, [member_key])


def _read(raw: bytes) -> AdmissionRequest:
    fields = parse(raw, _WHERE)
    signature = fields.octets("signature")
    signed = SIGNED_TAG + serialise(fields.rest())
    member_key = fields.octets("member_key")
    _check_signature(member_key, signature, signed)
    fields.constant("_type", REQUEST_TYPE)
    network, member = fields.text("network"), fields.text("member")
    check_name(member, fields.label("member"))
    rules.check_member_id(member)
    raw_role, raw_document = fields.octets("role"), fields.octets("document")
    verified = verify_member(member, member_key, network, raw_role, raw_document)
    request = AdmissionRequest(
        network=network,
        member=member,
        name=fields.text("name"),
        roles=fields.choices("roles", ROLES),
        jurisdictions=fields.texts("jurisdictions"),
        member_key=member_key,
        made_ms=fields.integer("made_ms"),
        raw_role=raw_role,
        raw_document=raw_document,
        verified=verified,
    )
    fields.done()
    rules.check_entry(request.name, request.roles, request.jurisdictions)
    return request


def _check_signature(member_key: bytes, signature: bytes, signed: bytes) -> None:
    try:
        VerifyKey(member_key).verify_ed25519(signature, signed)
    except BadSignatureError:
        raise BadSignatureError(
            f"{_WHERE}: signature: is not by member_key over this request; make it again"
        ) from None
