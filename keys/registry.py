"""Whom we believe: a registry that can only be made by verifying a whole TUF repository.

`verify_chain` takes bytes alone: no files, no network, no clock. It is the one way to a `Registry`,
for a running node and for somebody who checks an evidence bundle ten years later. TUF 1.0 does
signatures, thresholds, versions and hashes (`keys._tuf`, over the `tuf` library). Beyond TUF this
module demands what makes the registry ours; the steps are numbered in the code:

* every key, of whatever role, passes `keys.admission`, and none counts twice under two ids;
* the targets role signs `network.json` and nothing else, so that it cannot slip in a document of
  its own for a member; each member has one delegated role, with one parent, for one document;
* a member's role metadata names the member key that signs it, so that nobody can sign it again
  under another key; each signing key proves possession for this network, member and purpose;
* no key, and no TLS certificate, belongs to two members.

Top-level roles expire at a given time, or not at all. A member's role that ran out is only listed
in `Registry.lapsed`: one hotline that forgot a renewal must not stop the others.

Rollback needs memory of what was seen before; that is the updater's (`node.registry.updater`), as
is the patience with a replaced member key (`node.registry.trust`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar, Final

from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from keys import _tuf
from keys._tuf import MAX_ROOTS, TIMESTAMP_NAME, metadata_name, target_name
from keys.errors import UnknownMemberError, UntrustedDocumentError
from keys.member import Capabilities, MemberDocument
from keys.member_role import (
    check_disjoint,
    check_role,
    document_path,
    milliseconds,
    read_document,
)
from keys.network import NetworkDocument
from keys.signing import VerifyKey

__all__ = [
    "ISSUED_FIELD",
    "MAX_MEMBERS",
    "MAX_ROOTS",
    "NETWORK_PATH",
    "OF_ONE_ROOT",
    "TIMESTAMP_NAME",
    "ExpiredRegistryError",
    "Registry",
    "VerifiedSet",
    "metadata_name",
    "network_id_of",
    "target_name",
    "verify_chain",
    "verify_set",
]

MAX_MEMBERS: Final = 1000
OF_ONE_ROOT: Final = 1 << 24
"""Versions of snapshot and timestamp that one root has to itself, more than any registry uses.
Under new online keys the first is the root's version times this."""
NETWORK_PATH: Final = "network.json"
ISSUED_FIELD: Final = "x-hx1-issued-ms"


class ExpiredRegistryError(UntrustedDocumentError):
    """A top-level role of the registry had expired at the time asked for."""

    code: ClassVar[str] = "registry_expired"
    retryable: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The verified members, their keys and the rules of the network, at one version.

    Attributes:
        network_id: `<name>-<16 hex digits of SHA-256 of the first root document>`.
        network: governance: roles, jurisdictions, status, choice rules, limits.
        members: by member id, the document that the member itself signed.
        member_keys: by member id, the Ed25519 member key (32 bytes) of its role.
        root_version: version of the newest root.
        timestamp_version: version of the timestamp.
        snapshot_sha256: SHA-256 of the snapshot, 32 bytes.
        issued_ms: when the timestamp was signed, by its own word; freshness counts from it.
        expires_ms: when the first of the four top-level roles expires.
        verified_ms: the time at which expiry was judged, or None if it was not.
        lapsed: members whose role metadata had expired by then.
        member_expires_ms: by member id, when its role metadata expires and it publishes again.
    """

    network_id: str
    network: NetworkDocument
    members: Mapping[str, MemberDocument]
    member_keys: Mapping[str, bytes]
    root_version: int
    timestamp_version: int
    snapshot_sha256: bytes
    issued_ms: int
    expires_ms: int
    verified_ms: int | None = None
    lapsed: frozenset[str] = frozenset()
    member_expires_ms: Mapping[str, int] = field(default_factory=dict)

    def member(self, member_id: str) -> MemberDocument:
        """The document of a member.

        Raises:
            UnknownMemberError: no such member, or none whose keys are trusted here.
        """
        document = self.members.get(member_id)
        if document is None:
            raise UnknownMemberError("member: is not in the verified registry; ask for admission")
        return document

    def is_active(self, member_id: str) -> bool:
        """Whether the member is listed, its keys are trusted and it is not suspended."""
        return member_id in self.members and self.network.is_active(member_id)

    def reads(self, member_id: str) -> Capabilities | None:
        """What a member's signed document says that it reads; None: it has none here."""
        document = self.members.get(member_id)
        return None if document is None else document.capabilities

    @property
    def witness_keys(self) -> Mapping[str, tuple[VerifyKey, ...]]:
        """By active member, the keys that cosign or cosigned ledgers, none that was stolen.

        Who is suspended or expelled can state any time, and its keys are listed for good.
        """
        members = self.members.items()
        return {who: document.witness_keys for who, document in members if self.is_active(who)}

    @property
    def witness_ends(self) -> Mapping[str, int]:
        """By key id, from when on (ms UTC) cosignatures under a witness key count for nothing."""
        documents = self.members.values()
        return {key_id: end for one in documents for key_id, end in one.witness_ends.items()}

    @property
    def seen(self) -> tuple[int, int, bytes]:
        """Root version, timestamp version and SHA-256 of the snapshot, as `registry_seen` says."""
        return (self.root_version, self.timestamp_version, self.snapshot_sha256)


@dataclass(frozen=True, slots=True)
class VerifiedSet:
    """A registry with exactly the files it was verified from: what a mirror serves.

    Attributes:
        registry: the verified view.
        files: the repository's files by path, none beyond those that were verified.
        raw_roles: by member id, the file of the member's role.
        raw_documents: by member id, the file of the member's document.
    """

    registry: Registry
    files: Mapping[str, bytes]
    raw_roles: Mapping[str, bytes]
    raw_documents: Mapping[str, bytes]


def network_id_of(name: str, first_root_sha256: bytes) -> str:
    """The id of a network: its name and 16 hex digits of SHA-256 of its first root document."""
    return f"{name}-{first_root_sha256.hex()[:16]}"


def verify_chain(
    first_root_sha256: bytes, files: Mapping[str, bytes], at: datetime | None
) -> Registry:
    """Verify a whole registry from bytes alone.

    Args:
        first_root_sha256: the pin, 32 bytes: SHA-256 of the first root document.
        files: the repository's files by path, such as `metadata/1.root.json`,
            `metadata/timestamp.json`, `metadata/2.gb-iwf.json`, `targets/<sha256>.network.json`,
            `targets/members/<sha256>.gb-iwf.json`; those that nothing names are not looked at.
        at: the time (UTC) at which no top-level role may have expired; None to not judge it.

    Raises:
        ExpiredRegistryError: a top-level role had expired at `at`.
        UntrustedDocumentError: a file is missing or altered, a threshold is not met, a version or
            hash does not match, or a rule of the registry is broken.
        WeakKeyError: a key of the registry fails admission.
    """
    return verify_set(first_root_sha256, files, at).registry


def verify_set(
    first_root_sha256: bytes, files: Mapping[str, bytes], at: datetime | None
) -> VerifiedSet:
    """Verify as `verify_chain` does, and tell which of the files took part.

    Raises:
        ExpiredRegistryError: as `verify_chain`.
        UntrustedDocumentError: as `verify_chain`.
        WeakKeyError: as `verify_chain`.
    """
    given = _tuf.Files(files)
    # 1-3. Root, timestamp, snapshot, targets; none has expired.
    top = _top_level(given, first_root_sha256)
    expires_ms = _expires_ms(top, at)
    # 4. The targets role signs the network document, and nothing else.
    raw_network = _tuf.only_target(given, top.targets, Targets.type, NETWORK_PATH)
    network = NetworkDocument.from_bytes(raw_network)
    network_id = network_id_of(network.name, first_root_sha256)
    # 5-7. Each member signs its own document under its own key; no key belongs to two of them.
    member_keys = _member_keys(top.targets, network)
    members = _members(given, top, member_keys, network_id)
    check_disjoint(members.documents, member_keys)
    registry = Registry(
        network_id=network_id,
        network=network,
        members=MappingProxyType(members.documents),
        member_keys=MappingProxyType(member_keys),
        root_version=top.root.version,
        timestamp_version=top.timestamp.version,
        snapshot_sha256=top.snapshot_sha256,
        issued_ms=_issued_ms(top.timestamp),
        expires_ms=expires_ms,
        verified_ms=None if at is None else milliseconds(at),
        lapsed=frozenset(m for m, end_ms in members.expires_ms.items() if _is_past(end_ms, at)),
        member_expires_ms=MappingProxyType(members.expires_ms),
    )
    return VerifiedSet(registry, given.used(), members.raw_roles, members.raw_documents)


@dataclass(frozen=True, slots=True)
class Keeping:
    """What the holders of a network signed last, without its members' own parts.

    Attributes:
        root: the newest root.
        targets: the targets under it.
        network: the network document they name.
    """

    root: Root
    targets: Targets
    network: NetworkDocument


def verify_keeping(first_root_sha256: bytes, files: Mapping[str, bytes]) -> Keeping:
    """Verify roots, targets and network document alone: for a holder who is asked to sign the next.

    That these are the newest is not known here: nobody signed when.

    Args:
        first_root_sha256: the pin, 32 bytes.
        files: every root, one version of the targets and its network document, by path.

    Raises:
        UntrustedDocumentError: a file is missing or altered, or a threshold is not met.
    """
    given = _tuf.Files(files)
    root = _tuf.newest_root(given, first_root_sha256)
    names = [name for name in files if name.endswith(f".{Targets.type}.json")]
    if len(names) != 1:
        raise UntrustedDocumentError("targets: needs one version of them")
    raw_targets = given.read(names[0], Targets.type)
    targets = _tuf.signed_by(root, Targets.type, raw_targets, Targets)
    raw_network = _tuf.only_target(given, targets, Targets.type, NETWORK_PATH)
    return Keeping(root, targets, NetworkDocument.from_bytes(raw_network))


@dataclass(frozen=True, slots=True)
class _TopLevel:
    """The four top-level roles, verified against one another."""

    root: Root
    timestamp: Timestamp
    snapshot: Snapshot
    targets: Targets
    snapshot_sha256: bytes


def _top_level(given: _tuf.Files, first_root_sha256: bytes) -> _TopLevel:
    # 1. The first root is the pinned one; each next one is signed by its predecessor and itself.
    root = _tuf.newest_root(given, first_root_sha256)
    # 2. Timestamp, snapshot and targets are signed as that root says; each names the next.
    raw_timestamp = given.read(TIMESTAMP_NAME, Timestamp.type)
    timestamp = _tuf.signed_by(root, Timestamp.type, raw_timestamp, Timestamp)
    raw_snapshot = _tuf.named(given, Snapshot.type, timestamp.snapshot_meta)
    snapshot = _tuf.signed_by(root, Snapshot.type, raw_snapshot, Snapshot)
    _tuf.check_version(Snapshot.type, snapshot.version, timestamp.snapshot_meta)
    targets = _tuf.targets_role(given, root, snapshot, Targets.type)
    return _TopLevel(root, timestamp, snapshot, targets, hashlib.sha256(raw_snapshot).digest())


def _expires_ms(top: _TopLevel, at: datetime | None) -> int:
    # 3. At the time asked for, none of the four had expired.
    roles = (top.root, top.timestamp, top.snapshot, top.targets)
    late = None if at is None else _tuf.expired(roles, at)
    if late is not None:
        raise ExpiredRegistryError(f"{late}: has expired; the keeper of the network signs it again")
    return min(milliseconds(role.expires) for role in roles)


def _issued_ms(timestamp: Timestamp) -> int:
    issued = timestamp.unrecognized_fields.get(ISSUED_FIELD)
    if type(issued) is not int or not 0 < issued < milliseconds(timestamp.expires):
        raise UntrustedDocumentError(f"timestamp: {ISSUED_FIELD}: needs a time before it expires")
    return issued


def _member_keys(targets: Targets, network: NetworkDocument) -> dict[str, bytes]:
    """The member keys, after checking that roles and members are the same set (step 5)."""
    delegations = targets.delegations
    roles = {} if delegations is None else delegations.roles
    keys = {} if delegations is None else delegations.keys
    if roles is None or set(roles) != set(network.members) or len(roles) > MAX_MEMBERS:
        raise UntrustedDocumentError("targets: delegations: needs one role for each member")
    _tuf.check_keys("targets", keys)
    member_keys = {}
    for member, role in roles.items():
        if role.paths != [document_path(member)] or role.threshold != 1 or len(role.keyids) != 1:
            raise UntrustedDocumentError(f"{member}: delegation: needs one key and one document")
        key = keys.get(role.keyids[0])
        if key is None:
            raise UntrustedDocumentError(f"{member}: delegation: its key is missing")
        member_keys[member] = _tuf.ed25519_of(key)
    return member_keys


@dataclass(frozen=True, slots=True)
class _Members:
    """The members' own parts, by member id."""

    documents: dict[str, MemberDocument]
    raw_roles: dict[str, bytes]
    raw_documents: dict[str, bytes]
    expires_ms: dict[str, int]


def _members(
    given: _tuf.Files, top: _TopLevel, member_keys: Mapping[str, bytes], network_id: str
) -> _Members:
    members = _Members({}, {}, {}, {})
    for member, member_key in member_keys.items():
        # 6. The role is signed by the member key that it names, and delegates nothing further.
        role = _tuf.targets_role(given, top.targets, top.snapshot, member)
        check_role(member, role, member_key)
        # 7. Its one document is the member's, and every key in it was proved to be the member's.
        raw = _tuf.only_target(given, role, member, document_path(member))
        members.documents[member] = read_document(raw, member, network_id)
        members.raw_roles[member] = given.read(metadata_name(member, role.version), member)
        members.raw_documents[member] = raw
        members.expires_ms[member] = milliseconds(role.expires)
    return members


def _is_past(end_ms: int, at: datetime | None) -> bool:
    return at is not None and milliseconds(at) >= end_ms
