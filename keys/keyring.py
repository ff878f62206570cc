"""All private keys of one member, by purpose, and the directory that holds them.

    member.key              Ed25519; signs the member document. Offline: move it away after use
    log.key receipt.key     Ed25519 + ML-DSA-44; with an HSM, the Ed25519 half lies there
    witness.key             Ed25519 + ML-DSA-44; missing where another version made the keys
    transport.key           Ed25519
    tls.key                 P-256 with its self-issued certificate
    sealing-<key id>.key    seeds; one file for each key whose time is not over
    node-secret.key         derives entry ids and salts; belongs to every backup of the keys
    fingerprint-secret.key  keys the fingerprints that recognise erased items
    database.key            the raw key of the encrypted database

All are read once at start and kept in memory; nothing of it is shown by `repr`.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from keys import keyfile
from keys.admission import prove
from keys.armour import SECRET_BYTES
from keys.errors import KeyExistsError, KeysError, UnknownKeyError
from keys.hsm import Hsm, destroy, hybrid_key, in_hsm
from keys.hsm_key import HsmKey
from keys.keyfile import PrivateMaterial
from keys.member import (
    Capabilities,
    MemberDocument,
    PublishedKey,
    PublishedSealingKey,
    Purpose,
)
from keys.sealing import SealingKey
from keys.signing import SigningKey
from keys.tls import TlsKey
from keys.unlock import Unlock

SEALING_PERIOD_MS: Final = 30 * 86_400_000
"""How long a sealing key is used."""
SEALING_PERIODS: Final = 13
"""Sealing keys that are made and published at once: the member key is needed once a year."""
SEALING_GRACE_MS: Final = 7 * 86_400_000
"""How long after its time a sealing key still opens: for clocks that differ, and slow peers."""
_SEALING: Final = "sealing"
_WITNESS: Final = "witness"


@dataclass(frozen=True, slots=True)
class MemberKeys:
    """The private keys of one member.

    Attributes:
        log: signs checkpoints, ledger heads and exports.
        receipt: signs cosignatures on checkpoints received.
        transport: signs HTTP messages; Ed25519 only.
        tls: key and certificate of the peer listener.
        sealing: opens what was sealed to us; in order of key id.
        node_secret: 32 bytes; derives entry ids and salts.
        fingerprint_secret: 32 bytes; keys fingerprints of erased items.
        database_key: 32 bytes; the raw key of the database.
        member: signs the member document; None where it is kept offline.
        witness: cosigns ledgers of others; None until `ensure_witness_key` made it.
    """

    log: SigningKey
    receipt: SigningKey
    transport: SigningKey
    tls: TlsKey
    sealing: tuple[SealingKey, ...]
    node_secret: bytes = field(repr=False)
    fingerprint_secret: bytes = field(repr=False)
    database_key: bytes = field(repr=False)
    member: SigningKey | None = None
    witness: SigningKey | None = None

    @classmethod
    def generate(cls, member: str, now_ms: int, hsm: Hsm | None = None) -> Self:
        """Fresh keys for every purpose, from the system's randomness.

        Args:
            member: member id, the name in the TLS certificate.
            now_ms: UTC, for the dates in that certificate.
            hsm: where the Ed25519 halves of the log and receipt keys are made; None: here.

        Raises:
            HsmError: the token made nothing, or what it made is destroyed again.
        """
        log = hybrid_key("log", hsm)
        try:
            receipt = hybrid_key("receipt", hsm)
        except KeysError:
            destroy([log])
            raise
        return cls(
            log=log,
            receipt=receipt,
            transport=SigningKey.generate(hybrid=False),
            tls=TlsKey.issue(member, now_ms),
            sealing=tuple(
                sorted(
                    (SealingKey.generate() for _ in range(SEALING_PERIODS)),
                    key=lambda key: key.public.key_id,
                )
            ),
            node_secret=secrets.token_bytes(SECRET_BYTES),
            fingerprint_secret=secrets.token_bytes(SECRET_BYTES),
            database_key=secrets.token_bytes(SECRET_BYTES),
            member=SigningKey.generate(hybrid=False),
            witness=SigningKey.generate(),
        )

    def save(self, directory: Path, unlock: Unlock) -> None:
        """Write every key to its own new file in a directory, which is made if needed.

        Raises:
            KeyExistsError: a key is there already; nothing was written.
            UnsafeKeyFileError: others may write to the directory.
            UnreadableKeyError: the unlocking secret cannot be had.
        """
        passphrase = unlock.secret()
        keyfile.make_directory(directory)
        files = self._files()
        for name in files:
            if (directory / name).exists():
                raise KeyExistsError(f"{directory / name}: is there already; choose another folder")
        for name, (purpose, key) in files.items():
            keyfile.save(directory / name, key, passphrase, purpose)

    @classmethod
    def load(cls, directory: Path, unlock: Unlock, hsm: Hsm | None = None) -> Self:
        """Read the keys that `save` wrote; member and witness key may be absent.

        Nothing is asked of the HSM until one of its keys signs.

        Raises:
            UnreadableKeyError: a file or the secret is missing, damaged or does not fit.
            UnsafeKeyFileError: somebody else could have read or replaced a file.
        """
        passphrase = unlock.secret()

        def signing(purpose: str) -> SigningKey:
            return keyfile.load_signing_key(directory / f"{purpose}.key", passphrase, purpose, hsm)

        def secret(purpose: str) -> bytes:
            return keyfile.load_secret(directory / f"{purpose}.key", passphrase, purpose)

        return cls(
            log=signing("log"),
            receipt=signing("receipt"),
            transport=signing("transport"),
            tls=keyfile.load_tls_key(directory / "tls.key", passphrase, "tls"),
            sealing=load_sealing_keys(directory, unlock),
            node_secret=secret("node-secret"),
            fingerprint_secret=secret("fingerprint-secret"),
            database_key=secret("database"),
            member=signing("member") if (directory / "member.key").exists() else None,
            witness=load_witness_key(directory, unlock),
        )

    def in_hsm(self) -> list[HsmKey]:
        """Those halves that lie in an HSM."""
        return in_hsm((self.log, self.receipt))

    def sealing_key(self, key_id: str) -> SealingKey:
        """The sealing key of an id, to open what was sealed to it.

        Raises:
            UnknownKeyError: never ours, or destroyed.
        """
        for key in self.sealing:
            if key.public.key_id == key_id:
                return key
        raise UnknownKeyError("sealing: no such key here; it was destroyed or is somebody else's")

    def document(
        self,
        *,
        network: str,
        member: str,
        sequence: int,
        endpoint: str | None,
        reachable: bool,
        capabilities: Capabilities,
        sealing_not_after_ms: Mapping[str, int],
        before: MemberDocument | None = None,
    ) -> MemberDocument:
        """The member document for these keys, with proofs of possession, not yet signed.

        Args:
            network: network id the proofs are for.
            member: member id.
            sequence: grows with every change, from 1.
            endpoint: `https://host:port` or None.
            reachable: whether peers may connect to it.
            capabilities: versions and kinds of this node.
            sealing_not_after_ms: key id to expiry, for each sealing key to publish.
            before: the document in force; a recovery that it tells of goes on, and no key that it
                lists signs again: whoever lost a token must be able to publish another key.

        Raises:
            HsmError: a key that `before` does not list lies in a token that does not sign now.
        """

        def published(key: SigningKey | None, purpose: Purpose) -> tuple[PublishedKey, ...]:
            listed = () if before is None else before.published(purpose)
            return _proved(key, listed, network, member, purpose)

        return MemberDocument(
            member=member,
            sequence=sequence,
            endpoint=endpoint,
            reachable=reachable,
            capabilities=capabilities,
            log=published(self.log, "log"),
            receipt=published(self.receipt, "receipt"),
            transport=published(self.transport, "transport"),
            witness=published(self.witness, "witness"),
            tls=(self.tls.spki_sha256,),
            sealing=tuple(
                PublishedSealingKey(self.sealing_key(key_id).public, not_after_ms)
                for key_id, not_after_ms in sealing_not_after_ms.items()
            ),
            recovering=None if before is None else before.recovering,
        )

    def _files(self) -> dict[str, tuple[str, PrivateMaterial]]:
        named: dict[str, PrivateMaterial] = {
            "log": self.log,
            "receipt": self.receipt,
            "transport": self.transport,
            "tls": self.tls,
            "node-secret": self.node_secret,
            "fingerprint-secret": self.fingerprint_secret,
            "database": self.database_key,
        }
        if self.member is not None:
            named["member"] = self.member
        if self.witness is not None:
            named[_WITNESS] = self.witness
        files = {f"{purpose}.key": (purpose, key) for purpose, key in named.items()}
        sealing = {sealing_name(key.public.key_id): (_SEALING, key) for key in self.sealing}
        return {**files, **sealing}


def _proved(
    key: SigningKey | None,
    listed: Iterable[PublishedKey],
    network: str,
    member: str,
    purpose: Purpose,
) -> tuple[PublishedKey, ...]:
    """The key with its proof of possession, as it is listed already or made now."""
    if key is None:
        return ()
    proved = next((one for one in listed if one.key == key.public), None)
    return (proved or PublishedKey(key.public, prove(key, network, member, purpose)),)


def sealing_calendar(key_ids: Iterable[str], start_ms: int) -> dict[str, int]:
    """Give each sealing key its turn: key id to the end of its time, UTC, one after the other."""
    return {
        key_id: start_ms + number * SEALING_PERIOD_MS
        for number, key_id in enumerate(key_ids, start=1)
    }


def sealing_name(key_id: str) -> str:
    """The file name of a sealing key."""
    return f"{_SEALING}-{key_id}.key"


def load_sealing_keys(directory: Path, unlock: Unlock) -> tuple[SealingKey, ...]:
    """Read every sealing key that stands in `directory`, as rotations have left them.

    Raises:
        UnreadableKeyError, UnsafeKeyFileError: as `MemberKeys.load`.
    """
    passphrase = unlock.secret()
    return tuple(
        keyfile.load_sealing_key(path, passphrase, _SEALING)
        for path in sorted(directory.glob(f"{_SEALING}-*.key"))
    )


def load_witness_key(directory: Path, unlock: Unlock) -> SigningKey | None:
    """Read the key that cosigns ledgers of others; None: not made yet.

    Raises:
        UnreadableKeyError, UnsafeKeyFileError: as `MemberKeys.load`.
    """
    path = directory / f"{_WITNESS}.key"
    if not path.exists():
        return None
    return keyfile.load_signing_key(path, unlock.secret(), _WITNESS)


def ensure_witness_key(directory: Path, unlock: Unlock) -> None:
    """Make the witness key where there is none: keys that an earlier version made have none.

    Raises:
        UnsafeKeyFileError, UnreadableKeyError: as `MemberKeys.save`.
    """
    path = directory / f"{_WITNESS}.key"
    if not path.exists():
        keyfile.save(path, SigningKey.generate(), unlock.secret(), _WITNESS)


def add_sealing_key(directory: Path, unlock: Unlock, key: SealingKey) -> None:
    """Write one more sealing key, to be published before it is used.

    Raises:
        KeyExistsError, UnsafeKeyFileError, UnreadableKeyError: as `MemberKeys.save`.
    """
    path = directory / sealing_name(key.public.key_id)
    keyfile.save(path, key, unlock.secret(), _SEALING)


def destroy_sealing_key(directory: Path, key_id: str) -> None:
    """Destroy a sealing key whose time is over: what was sealed to it stays closed for ever.

    Raises:
        UnsafeKeyFileError: its file cannot be removed.
    """
    keyfile.remove(directory / sealing_name(key_id))


def load_database_key(directory: Path, unlock: Unlock) -> bytes:
    """Read the database key alone: 32 bytes, for commands that need no other key.

    Raises:
        UnreadableKeyError, UnsafeKeyFileError: as `MemberKeys.load`.
    """
    return keyfile.load_secret(directory / "database.key", unlock.secret(), "database")


def load_fingerprint_secret(directory: Path, unlock: Unlock) -> bytes:
    """Read the secret of the node's fingerprints alone: 32 bytes.

    Raises:
        UnreadableKeyError, UnsafeKeyFileError: as `MemberKeys.load`.
    """
    return keyfile.load_secret(
        directory / "fingerprint-secret.key", unlock.secret(), "fingerprint-secret"
    )


def make_backup_key(path: Path, unlock: Unlock) -> bytes:
    """Make the key of one backup, 32 random bytes, in a new key file; return it.

    Raises:
        KeyExistsError, UnsafeKeyFileError, UnreadableKeyError: as `MemberKeys.save`.
    """
    key = secrets.token_bytes(SECRET_BYTES)
    keyfile.save(path, key, unlock.secret(), "backup")
    return key


def load_backup_key(path: Path, unlock: Unlock) -> bytes:
    """Read the key of a backup.

    Raises:
        UnreadableKeyError, UnsafeKeyFileError: as `MemberKeys.load`.
    """
    return keyfile.load_secret(path, unlock.secret(), "backup")
