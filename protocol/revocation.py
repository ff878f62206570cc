"""Revocation notes: a key that is not to be believed any more (docs/protocol.md §3.7).

A note is signed by the revoked key itself or by its member's member key, over the Ed25519 half. It
counts on sight, whoever hands it on, and can only take trust away: `apply` removes keys from a
registry and adds nothing to it. Pure; where notes are kept and exchanged is `node.registry`'s.
"""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from types import MappingProxyType
from typing import Final, NamedTuple

from keys.errors import BadSignatureError, UntrustedDocumentError
from keys.member import PURPOSES, MemberDocument, tls_key_id
from keys.registry import Registry
from keys.signing import Signer, VerifyKey
from protocol.note import ED25519, NoteSignature, find, key_hash, parse, render

FORMAT: Final = "hx1-revoke"
MAX_REVOCATION_BYTES: Final = 1024
_TEXT: Final = re.compile(
    rf"{FORMAT}\n([a-z0-9-]{{1,96}})\n([a-z0-9-]{{1,64}})\n([0-9a-f]{{16}})\n"
)


class Revocation(NamedTuple):
    """What a note says: in this network, this member's key of this id is not to be believed."""

    network: str
    member: str
    key_id: str


def make(revocation: Revocation, signer: Signer) -> bytes:
    """Give the note, signed by the key itself or by the member key.

    Raises:
        UnsayableError: a network or member that no note can carry.
    """
    text, name = _text(revocation), _name(revocation)
    hashed = key_hash(name, ED25519, signer.public.ed25519)
    return render(text, [NoteSignature(name, hashed, signer.sign_ed25519(text.encode()))])


def read_unverified(raw: bytes) -> Revocation:
    """Read what a note says, without believing it.

    Raises:
        NoteError, TooLargeError: not a signed note of at most 1,024 bytes.
        UntrustedDocumentError: a note of another form.
    """
    found = _TEXT.fullmatch(parse(raw, MAX_REVOCATION_BYTES).text)
    if found is None:
        raise UntrustedDocumentError("revocation: needs its format, network, member and key id")
    return Revocation(*found.groups())


def verify(raw: bytes, registry: Registry) -> Revocation:
    """Verify a note against the registry in force, and give what it says; see `verified`."""
    return verified(raw, registry)[0]


def verified(raw: bytes, registry: Registry) -> tuple[Revocation, bytes]:
    """Verify a note (§3.7.2); give what it says, and the note with the line alone that counts.

    Other lines prove nothing, and whoever hands a note on could add some.

    Only keys that the member's document lists can be revoked: others are not believed anyway, and
    so no stranger can fill a disk with notes.

    Raises:
        NoteError, TooLargeError: as `read_unverified`.
        UntrustedDocumentError: another form or network, or a key that this member does not list.
        UnknownMemberError: the registry lists no such member.
        BadSignatureError: signed neither by the key itself nor by its member key.
    """
    said = read_unverified(raw)
    if said.network != registry.network_id:
        raise UntrustedDocumentError("revocation: is of another network")
    document = registry.member(said.member)
    if said.key_id not in key_ids(document):
        raise UntrustedDocumentError("revocation: the member lists no key of that id")
    signers = [VerifyKey(registry.member_keys[said.member])]
    signers += [key for _, key in _signing(document) if key.key_id == said.key_id]
    for key in signers:
        line = _line_by(raw, said, key)
        if line is not None:
            return said, render(_text(said), [line])
    raise BadSignatureError("revocation: signed neither by the key nor by its member key")


def key_ids(document: MemberDocument) -> Mapping[str, str]:
    """Give the purpose of each key that a document lists, by key id."""
    signing = {key.key_id: purpose for purpose, key in _signing(document)}
    sealing = {published.key.key_id: "sealing" for published in document.sealing}
    return {**signing, **sealing, **{tls_key_id(spki): "tls" for spki in document.tls}}


def apply(registry: Registry, revoked: Mapping[str, AbstractSet[str]], us: str) -> Registry:
    """Give the registry without revoked keys (§3.7.4).

    Args:
        registry: as the members list their keys.
        revoked: ids of revoked keys, by member.
        us: our own id. Our own keys stay: what a thief signs with one must be seen as an alarm.
    """
    hit = {m for m in revoked if m != us and m in registry.members}
    if not hit:
        return registry
    members = {
        member: _without(document, revoked[member]) if member in hit else document
        for member, document in registry.members.items()
    }
    return replace(registry, members=MappingProxyType(members))


def _without(document: MemberDocument, revoked: AbstractSet[str]) -> MemberDocument:
    def kept(purpose: str) -> tuple[object, ...]:
        listed = getattr(document, purpose)
        return tuple(published for published in listed if published.key.key_id not in revoked)

    changes = {purpose: kept(purpose) for purpose in (*PURPOSES, "sealing")}
    tls = tuple(spki for spki in document.tls if tls_key_id(spki) not in revoked)
    return replace(document, tls=tls, **changes)  # type: ignore[arg-type] # same types as before


def _signing(document: MemberDocument) -> list[tuple[str, VerifyKey]]:
    return [(purpose, p.key) for purpose in PURPOSES for p in document.published(purpose)]


def _line_by(raw: bytes, said: Revocation, key: VerifyKey) -> NoteSignature | None:
    note, name = parse(raw, MAX_REVOCATION_BYTES), _name(said)
    signature = find(note, name, ED25519, key.ed25519)
    if signature is None:
        return None
    try:
        key.verify_ed25519(signature, note.text.encode())
    except BadSignatureError:
        return None
    return NoteSignature(name, key_hash(name, ED25519, key.ed25519), signature)


def _text(said: Revocation) -> str:
    return f"{FORMAT}\n{said.network}\n{said.member}\n{said.key_id}\n"


def _name(said: Revocation) -> str:
    return f"{said.network}/{said.member}"
