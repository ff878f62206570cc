"""The steps of TUF 1.0 that `keys.registry` is made of, over bytes and the `tuf` library.

Each function trusts its first arguments and judges the bytes it is given. Errors name the role,
never a hash. Beyond TUF: length and SHA-256 are demanded wherever one file names another; keys are
Ed25519 and pass admission; one public key never counts twice under two key ids (the library counts
ids, so that one holder could meet a threshold of two); no version is larger than what members can
tell one another (docs/protocol.md §3.5), so that who holds the online keys silences nobody by one.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    Key,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from keys.admission import check_ed25519
from keys.documents import MAX_INTEGER
from keys.errors import BadSignatureError, UntrustedDocumentError, WeakKeyError
from keys.signing import VerifyKey

MAX_ROOTS: Final = 256
MAX_SIGNATURES: Final = 8
METADATA: Final = "metadata/"
TARGETS: Final = "targets/"
TIMESTAMP_NAME: Final = f"{METADATA}timestamp.json"
_AGAIN: Final = "fetch the registry again"

Role = TypeVar("Role", Root, Timestamp, Snapshot, Targets)


def metadata_name(role: str, version: int) -> str:
    """The file name of one version of a role (TUF 1.0 section 6.2, consistent snapshots)."""
    return f"{METADATA}{version}.{role}.json"


def target_name(path: str, sha256: str) -> str:
    """The file name of a target: its path, with the hash before the last part."""
    folder, slash, name = path.rpartition("/")
    return f"{TARGETS}{folder}{slash}{sha256}.{name}"


class Files:
    """Unverified files by name, remembering which of them were asked for."""

    def __init__(self, unverified: Mapping[str, bytes]) -> None:
        self._unverified = unverified
        self._used: dict[str, bytes] = {}

    def read(self, name: str, label: str) -> bytes:
        """The bytes of a file; `label` says in an error what is missing.

        Raises:
            UntrustedDocumentError: it is not there.
        """
        raw = self._unverified.get(name)
        if raw is None:
            raise UntrustedDocumentError(f"{label}: its file is missing; {_AGAIN}")
        self._used[name] = raw
        return raw

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return name in self._unverified

    def used(self) -> Mapping[str, bytes]:
        """The files that were read, and no others."""
        return MappingProxyType(dict(self._used))


def newest_root(files: Files, first_root_sha256: bytes) -> Root:
    """Walk from the pinned first root to the newest (TUF 1.0 section 5.3).

    Raises:
        UntrustedDocumentError: another first root, or one that its predecessor did not sign.
    """
    raw = files.read(metadata_name("root", 1), "root")
    if hashlib.sha256(raw).digest() != first_root_sha256:
        raise UntrustedDocumentError(
            "root: has another fingerprint than the pinned one; compare it by hand"
        )
    root = _next_root(None, raw, 1)
    while files.has(metadata_name("root", root.version + 1)):
        version = root.version + 1
        if version > MAX_ROOTS:
            raise UntrustedDocumentError(
                f"root: more than {MAX_ROOTS} versions; make a new network"
            )
        root = _next_root(root, files.read(metadata_name("root", version), "root"), version)
    return root


def _next_root(previous: Root | None, raw: bytes, version: int) -> Root:
    """Accept a root: signed by its predecessor, by itself, of the version its name says."""
    root = _parse(raw, "root", Root).signed
    if previous is not None:
        signed_by(previous, "root", raw, Root)
    check_keys("root", root.keys)
    if not root.consistent_snapshot:
        raise UntrustedDocumentError("root: consistent_snapshot: needs to be true")
    if root.version != version:
        raise UntrustedDocumentError("root: version: is not the one its file is named after")
    return signed_by(root, "root", raw, Root)


def check_keys(label: str, keys: Mapping[str, Key]) -> None:
    """Admit the public keys of a delegator.

    Raises:
        UntrustedDocumentError: not Ed25519, or one key under two ids.
        WeakKeyError: a key fails admission.
    """
    public = [ed25519_of(key) for key in keys.values()]
    if len(set(public)) != len(public):
        raise UntrustedDocumentError(f"{label}: keys: one key stands under two ids; keep one")


def ed25519_of(key: Key) -> bytes:
    """The 32 bytes of a TUF key.

    Raises:
        UntrustedDocumentError: another kind of key.
        WeakKeyError: it fails admission.
    """
    if (key.keytype, key.scheme) != ("ed25519", "ed25519"):
        raise UntrustedDocumentError("keys: needs keys of type ed25519")
    try:
        raw = bytes.fromhex(key.keyval["public"])
    except (ValueError, TypeError):
        raise WeakKeyError("ed25519: is not hexadecimal; generate a new key") from None
    check_ed25519(raw)
    return raw


def signed_by(delegator: Root | Targets, role: str, raw: bytes, kind: type[Role]) -> Role:
    """Parse the metadata of a role and check its threshold of signatures.

    Raises:
        UntrustedDocumentError: not metadata of that kind, or not signed by enough of its keys.
    """
    metadata = _parse(raw, role, kind)
    try:
        delegator.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    except (RepositoryError, ValueError, TypeError):
        raise UntrustedDocumentError(f"{role}: is not signed by enough of its keys") from None
    return metadata.signed


def signed_with(public: bytes, role: str, raw: bytes) -> Targets:
    """Parse targets metadata that nobody delegates to yet, signed under one Ed25519 key.

    Raises:
        UntrustedDocumentError: it is not targets metadata.
        BadSignatureError: no good signature under that key.
        WeakKeyError: the key fails admission.
    """
    metadata = _parse(raw, role, Targets)
    key = VerifyKey(public)
    for signature in list(metadata.signatures.values())[:MAX_SIGNATURES]:
        try:
            key.verify_ed25519(bytes.fromhex(signature.signature), metadata.signed_bytes)
        except (BadSignatureError, RepositoryError, ValueError, TypeError):
            continue
        return metadata.signed
    raise BadSignatureError(f"{role}: is not signed by the member key; sign it again")


def named(files: Files, role: str, meta: MetaFile) -> bytes:
    """The bytes of a role, exactly those that timestamp or snapshot name.

    Raises:
        UntrustedDocumentError: missing, or of another length or hash.
    """
    raw = files.read(metadata_name(role, meta.version), role)
    _check_content(role, meta, raw)
    return raw


def targets_role(files: Files, delegator: Root | Targets, snapshot: Snapshot, role: str) -> Targets:
    """The targets metadata of a role: in the snapshot, and signed as its one parent says.

    Raises:
        UntrustedDocumentError: missing, altered, of another version, or not signed.
    """
    meta = snapshot.meta.get(f"{role}.json")
    if meta is None:
        raise UntrustedDocumentError(f"{role}: is not in the snapshot; {_AGAIN}")
    targets = signed_by(delegator, role, named(files, role, meta), Targets)
    check_version(role, targets.version, meta)
    return targets


def only_target(files: Files, targets: Targets, role: str, path: str) -> bytes:
    """The one document that a role may sign.

    Raises:
        UntrustedDocumentError: the role signs others, or the document is missing or altered.
    """
    if set(targets.targets) != {path}:
        raise UntrustedDocumentError(f"{role}: targets: needs {path} and no other")
    target = targets.targets[path]
    sha256 = target.hashes.get("sha256", "")
    raw = files.read(target_name(path, sha256), path)
    _check_content(path, target, raw)
    return raw


def check_version(role: str, version: int, meta: MetaFile) -> None:
    """Compare a role's own version with the one it was named by.

    Raises:
        UntrustedDocumentError: they differ.
    """
    if version != meta.version:
        raise UntrustedDocumentError(
            f"{role}: version: is not the one that was announced; {_AGAIN}"
        )


def expired(roles: Iterable[Root | Timestamp | Snapshot | Targets], at: datetime) -> str | None:
    """The type of the first role that had expired at `at`, or None."""
    return next((role.type for role in roles if role.is_expired(at)), None)


def _check_content(label: str, named_by: MetaFile | TargetFile, raw: bytes) -> None:
    if named_by.length is None or "sha256" not in (named_by.hashes or {}):
        raise UntrustedDocumentError(f"{label}: needs to be named with length and SHA-256")
    try:
        named_by.verify_length_and_hashes(raw)
    except RepositoryError:
        raise UntrustedDocumentError(f"{label}: was altered; {_AGAIN}") from None


def _parse(raw: bytes, role: str, kind: type[Role]) -> Metadata[Role]:
    try:
        metadata = Metadata[Role].from_bytes(raw)
    except RepositoryError:
        raise UntrustedDocumentError(f"{role}: is not TUF metadata; {_AGAIN}") from None
    if metadata.signed.type != kind.type:
        raise UntrustedDocumentError(f"{role}: is metadata of another type")
    if metadata.signed.version > MAX_INTEGER:
        raise UntrustedDocumentError(f"{role}: version: needs an integer up to 2**53 - 1; {_AGAIN}")
    return metadata
