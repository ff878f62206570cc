"""Hybrid signatures: Ed25519 **and** ML-DSA-44.

A key has an Ed25519 half and, unless it is a transport or a member key, an ML-DSA-44 half. Where a
key has both, both must verify: this module offers the halves, and whoever defines a signed format
(`protocol.note`, `keys.admission`) says that both are demanded. A `VerifyKey` cannot be made from
bytes that fail `keys.admission`, so a value of that type is a key its owner can be held to.

Key objects are loaded once, when the instance is made; signing and verifying do no parsing.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn, Protocol, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from keys.admission import check_ed25519, check_mldsa44
from keys.documents import decode_bytes, encode_bytes, safe_name
from keys.errors import BadSignatureError, UnknownKeyError, UntrustedDocumentError, WeakKeyError

SEED_BYTES: Final = 32
ED25519_SIGNATURE_BYTES: Final = 64
MLDSA44_SIGNATURE_BYTES: Final = 2420
KEY_ID_TAG: Final = b"hx1/key\0"


def key_id_of(public_bytes: bytes) -> str:
    """The id of a public key: 16 hex digits of SHA-256 over a tag and the key's bytes."""
    return hashlib.sha256(KEY_ID_TAG + public_bytes).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """A public signing key that passed admission.

    Attributes:
        ed25519: 32 bytes.
        mldsa44: 1312 bytes, or None for a key of Ed25519 only.
        key_id: 16 hex digits over both halves.

    Raises:
        WeakKeyError: on construction, for bytes that fail `keys.admission`.
    """

    ed25519: bytes
    mldsa44: bytes | None = None
    key_id: str = field(init=False, compare=False)
    _ed25519: Ed25519PublicKey = field(init=False, repr=False, compare=False)
    _mldsa44: MLDSA44PublicKey | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_ed25519(self.ed25519)
        set_once = object.__setattr__
        set_once(self, "_ed25519", Ed25519PublicKey.from_public_bytes(self.ed25519))
        set_once(self, "_mldsa44", None)
        if self.mldsa44 is not None:
            check_mldsa44(self.mldsa44)
            set_once(self, "_mldsa44", MLDSA44PublicKey.from_public_bytes(self.mldsa44))
        set_once(self, "key_id", key_id_of(self.public_bytes))

    def __repr__(self) -> str:
        return f"VerifyKey({self.key_id})"

    @property
    def public_bytes(self) -> bytes:
        """The Ed25519 half followed by the ML-DSA-44 half, if there is one."""
        return self.ed25519 + (self.mldsa44 or b"")

    @property
    def is_hybrid(self) -> bool:
        """Whether both halves are there, so that both must verify."""
        return self.mldsa44 is not None

    def verify_ed25519(self, signature: bytes, message: bytes) -> None:
        """Check the Ed25519 half (RFC 8032).

        Raises:
            BadSignatureError: it does not verify.
        """
        try:
            self._ed25519.verify(signature, message)
        except InvalidSignature:
            raise BadSignatureError(f"ed25519: no signature by key {self.key_id}") from None

    def verify_mldsa44(self, signature: bytes, message: bytes, context: bytes = b"") -> None:
        """Check the ML-DSA-44 half (FIPS 204, pure, with a context of at most 255 bytes).

        Raises:
            BadSignatureError: it does not verify.
            UnknownKeyError: the key has no such half.
        """
        if self._mldsa44 is None:
            raise UnknownKeyError(f"mldsa44: key {self.key_id} has no ML-DSA-44 half")
        try:
            self._mldsa44.verify(signature, message, context)
        except (InvalidSignature, ValueError):
            raise BadSignatureError(f"mldsa44: no signature by key {self.key_id}") from None

    def to_json(self) -> dict[str, str]:
        """The key as it stands in documents: `key_id`, `ed25519` and, if hybrid, `mldsa44`."""
        record = {"key_id": self.key_id, "ed25519": encode_bytes(self.ed25519)}
        if self.mldsa44 is not None:
            record["mldsa44"] = encode_bytes(self.mldsa44)
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote, and nothing else.

        Raises:
            UntrustedDocumentError: a field is absent, unknown, of the wrong type, or `key_id` is
                not the id of the bytes.
            WeakKeyError: the key fails admission.
        """
        unknown = set(record) - {"key_id", "ed25519", "mldsa44"}
        if unknown:
            raise UntrustedDocumentError(
                f"{safe_name(min(unknown))}: unknown field of a signing key"
            )
        mldsa44 = decode_bytes(record["mldsa44"], "mldsa44") if "mldsa44" in record else None
        key = cls(decode_bytes(record.get("ed25519"), "ed25519"), mldsa44)
        if record.get("key_id") != key.key_id:
            raise UntrustedDocumentError("key_id: is not the id of this key; recompute it")
        return key


class Signer(Protocol):
    """Something that signs as one member for one purpose: a key in memory, or in an HSM."""

    @property
    def public(self) -> VerifyKey:
        """The key under which others verify."""
        ...

    def sign_ed25519(self, message: bytes) -> bytes:
        """A signature of 64 bytes."""
        ...

    def sign_mldsa44(self, message: bytes, context: bytes = b"") -> bytes:
        """A signature of 2420 bytes.

        Raises:
            UnknownKeyError: the key has no ML-DSA-44 half.
        """
        ...


class SigningKey:
    """A private signing key in memory; a `Signer`.

    Never shown by `repr`, never pickled. `keys.keyfile` alone writes it to disk.
    """

    __slots__ = ("_ed25519", "_mldsa44", "public")

    def __init__(self, ed25519: Ed25519PrivateKey, mldsa44: MLDSA44PrivateKey | None) -> None:
        self._ed25519 = ed25519
        self._mldsa44 = mldsa44
        self.public: Final = VerifyKey(
            ed25519.public_key().public_bytes_raw(),
            None if mldsa44 is None else mldsa44.public_key().public_bytes_raw(),
        )

    @classmethod
    def generate(cls, *, hybrid: bool = True) -> Self:
        """A fresh key from the system's randomness, with both halves unless told otherwise."""
        mldsa44_seed = secrets.token_bytes(SEED_BYTES) if hybrid else None
        return cls.from_seeds(secrets.token_bytes(SEED_BYTES), mldsa44_seed)

    @classmethod
    def from_seeds(cls, ed25519_seed: bytes, mldsa44_seed: bytes | None) -> Self:
        """The key that two independent seeds of 32 bytes determine (RFC 8032, FIPS 204).

        Raises:
            WeakKeyError: a seed has another length.
        """
        for name, seed in (("ed25519", ed25519_seed), ("mldsa44", mldsa44_seed)):
            if seed is not None and len(seed) != SEED_BYTES:
                raise WeakKeyError(f"{name}: a seed has {SEED_BYTES} bytes, not {len(seed)}")
        return cls(
            Ed25519PrivateKey.from_private_bytes(ed25519_seed),
            None if mldsa44_seed is None else MLDSA44PrivateKey.from_seed_bytes(mldsa44_seed),
        )

    def sign_ed25519(self, message: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes, deterministic (RFC 8032)."""
        return self._ed25519.sign(message)

    def sign_mldsa44(self, message: bytes, context: bytes = b"") -> bytes:
        """An ML-DSA-44 signature, 2420 bytes, randomised (FIPS 204, hedged).

        Raises:
            UnknownKeyError: the key has no ML-DSA-44 half.
        """
        if self._mldsa44 is None:
            raise UnknownKeyError(f"mldsa44: key {self.public.key_id} has no ML-DSA-44 half")
        return self._mldsa44.sign(message, context)

    def private_keys(self) -> tuple[Ed25519PrivateKey, MLDSA44PrivateKey | None]:
        """The two halves as key objects: for `keys.keyfile`, and for libraries that want those."""
        return self._ed25519, self._mldsa44

    def __repr__(self) -> str:
        return f"SigningKey({self.public.key_id})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not pickled; save it with keys.keyfile")
