"""TUF metadata as this network writes it: pure functions from values to signed bytes.

Lifetimes: root and targets, signed by people, one year; a member's role one year; snapshot and
timestamp, signed unattended, fourteen days, of which the timestamp uses an hour. It says
when it was signed, so that a reader can tell an hour from a fortnight long before it expires.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from securesystemslib.signer import Signature, SSlibKey
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Role,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from keys.member_role import MEMBER_KEY_FIELD, document_path
from keys.registry import ISSUED_FIELD, NETWORK_PATH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from keys.signing import Signer

PEOPLE_LIFETIME: Final = timedelta(days=365)
ONLINE_LIFETIME: Final = timedelta(days=14)

_Signed = TypeVar("_Signed", Root, Timestamp, Snapshot, Targets)


def moment(now_ms: int) -> datetime:
    """A time in integer milliseconds UTC, as `tuf` wants it."""
    return datetime.fromtimestamp(now_ms / 1000, tz=UTC)


def tuf_key(public: bytes) -> SSlibKey:
    """An Ed25519 public key of 32 bytes with its standard TUF key id."""
    return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(public))


def keyid_of(signer: Signer) -> str:
    """The TUF key id of a signer."""
    return tuf_key(signer.public.ed25519).keyid


def add_signatures(metadata: Metadata[_Signed], signers: Iterable[Signer]) -> bytes:
    """Sign metadata with each signer, beside the signatures it has, and return the file."""
    payload = metadata.signed_bytes
    for signer in signers:
        keyid = keyid_of(signer)
        signature = signer.sign_ed25519(payload).hex()
        metadata.signatures[keyid] = Signature(keyid, signature)
    return metadata.to_bytes()


def sign_file(raw: bytes, signers: Iterable[Signer]) -> bytes:
    """Add signatures to a metadata file of any role."""
    metadata: Metadata[Any] = Metadata.from_bytes(raw)
    return add_signatures(metadata, signers)


def root_metadata(
    holders: Mapping[str, tuple[Sequence[bytes], int]], version: int, now_ms: int
) -> Metadata[Root]:
    """An unsigned root.

    Args:
        holders: for `root`, `targets`, `snapshot` and `timestamp` the public keys (32 bytes each)
            and how many of them must sign.
        version: from 1.
        now_ms: the year counts from here.
    """
    keys = {name: [tuf_key(public) for public in publics] for name, (publics, _) in holders.items()}
    return Metadata(
        Root(
            version=version,
            expires=moment(now_ms) + PEOPLE_LIFETIME,
            keys={key.keyid: key for of_role in keys.values() for key in of_role},
            roles={
                name: Role([key.keyid for key in keys[name]], threshold)
                for name, (_, threshold) in holders.items()
            },
            consistent_snapshot=True,
        )
    )


def targets_metadata(
    network: bytes, member_keys: Mapping[str, bytes], version: int, now_ms: int
) -> Metadata[Targets]:
    """Unsigned top-level targets: the network document, and one role for each member."""
    keys = {member: tuf_key(public) for member, public in member_keys.items()}
    roles = {
        member: DelegatedRole(
            member, [key.keyid], threshold=1, terminating=True, paths=[document_path(member)]
        )
        for member, key in keys.items()
    }
    return Metadata(
        Targets(
            version=version,
            expires=moment(now_ms) + PEOPLE_LIFETIME,
            targets={NETWORK_PATH: _target(NETWORK_PATH, network)},
            delegations=Delegations({key.keyid: key for key in keys.values()}, roles),
        )
    )


def member_metadata(
    member: str, document: bytes, member_key: bytes, version: int, now_ms: int
) -> Metadata[Targets]:
    """An unsigned role of a member: its document, and the member key that will sign."""
    path = document_path(member)
    return Metadata(
        Targets(
            version=version,
            expires=moment(now_ms) + PEOPLE_LIFETIME,
            targets={path: _target(path, document)},
            unrecognized_fields={MEMBER_KEY_FIELD: member_key.hex()},
        )
    )


def snapshot_metadata(
    meta: Mapping[str, MetaFile], version: int, now_ms: int
) -> Metadata[Snapshot]:
    """An unsigned snapshot: by file name without version, what `meta_of` says of each role."""
    return Metadata(
        Snapshot(version=version, expires=moment(now_ms) + ONLINE_LIFETIME, meta=dict(meta))
    )


def timestamp_metadata(snapshot: MetaFile, version: int, now_ms: int) -> Metadata[Timestamp]:
    """An unsigned timestamp over one snapshot, saying when it was signed."""
    return Metadata(
        Timestamp(
            version=version,
            expires=moment(now_ms) + ONLINE_LIFETIME,
            snapshot_meta=snapshot,
            unrecognized_fields={ISSUED_FIELD: now_ms},
        )
    )


def meta_of(version: int, raw: bytes) -> MetaFile:
    """How one role's file is named by another: version, length and SHA-256."""
    return MetaFile.from_data(version, raw, ["sha256"])


def _target(path: str, raw: bytes) -> TargetFile:
    return TargetFile.from_data(path, raw, ["sha256"])


def signatures_of(raw: bytes) -> tuple[bytes, dict[str, Signature]]:
    """What was signed in a metadata file of any role, and the signatures by key id."""
    metadata: Metadata[Any] = Metadata.from_bytes(raw)
    return metadata.signed_bytes, metadata.signatures


def parse(raw: bytes, kind: type[_Signed]) -> Metadata[_Signed]:
    """Metadata of one type as an object, its signatures not checked here.

    Raises:
        RepositoryError: it is not metadata (from `tuf`).
        ValueError: it is metadata of another type.
    """
    metadata: Metadata[Any] = Metadata[_Signed].from_bytes(raw)
    if not isinstance(metadata.signed, kind):
        raise ValueError(f"{kind.type}: is metadata of another type")  # noqa: TRY004
    return metadata
