"""Sealing to a member: HPKE with ML-KEM-768 + X25519, HKDF-SHA256 and AES-256-GCM.

Base mode (RFC 9180 section 5.1.1): sealing says nothing about the sender, signatures do. The
library takes no associated data, so everything a sealed message is bound to goes into `info`.
`key_id` of a sealing key is computed as for signing keys.

A private key is a seed of 32 bytes, expanded by SHAKE256 to the 64-byte seed of ML-KEM-768 and the
32-byte X25519 key, as X-Wing does; the public key is the ML-KEM-768 encapsulation key followed by
the X25519 public key, 1216 bytes. A sealed message is 1136 bytes longer than what it holds.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final, NoReturn, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from keys.admission import MLKEM768_BYTES, check_mlkem_x25519
from keys.errors import UnsealError, WeakKeyError
from keys.signing import key_id_of

SEED_BYTES: Final = 32
OVERHEAD_BYTES: Final = 1136
# KEM, KDF and AEAD as one number for `info` strings; 1 is the only suite of version 1.
SUITE_ID: Final = 1

_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_MLKEM768_SEED_BYTES: Final = 64
_X25519_SEED_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class SealingPublicKey:
    """A public sealing key that passed admission.

    Attributes:
        raw: 1216 bytes.
        key_id: 16 hex digits.

    Raises:
        WeakKeyError: on construction, for bytes that fail `keys.admission`.
    """

    raw: bytes
    key_id: str = field(init=False, compare=False)
    _key: MLKEM768X25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_mlkem_x25519(self.raw)
        set_once = object.__setattr__
        try:
            mlkem = MLKEM768PublicKey.from_public_bytes(self.raw[:MLKEM768_BYTES])
        except ValueError:
            raise WeakKeyError("sealing: the ML-KEM half is malformed") from None
        x25519 = X25519PublicKey.from_public_bytes(self.raw[MLKEM768_BYTES:])
        set_once(self, "_key", MLKEM768X25519PublicKey(mlkem, x25519))
        set_once(self, "key_id", key_id_of(self.raw))

    def __repr__(self) -> str:
        return f"SealingPublicKey({self.key_id})"

    def seal(self, info: bytes, plaintext: bytes) -> bytes:
        """Seal to this key; only the holder of its private key opens it, with the same `info`."""
        return _SUITE.encrypt(plaintext, self._key, info)


class SealingKey:
    """A private sealing key in memory. Never shown by `repr`, never pickled.

    Attributes:
        public: what others seal to.
    """

    __slots__ = ("_key", "_seed", "public")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise WeakKeyError(f"sealing: a seed has {SEED_BYTES} bytes, not {len(seed)}")
        expanded = hashlib.shake_256(seed).digest(_MLKEM768_SEED_BYTES + _X25519_SEED_BYTES)
        mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM768_SEED_BYTES])
        x25519 = X25519PrivateKey.from_private_bytes(expanded[_MLKEM768_SEED_BYTES:])
        self._seed = seed
        self._key = MLKEM768X25519PrivateKey(mlkem, x25519)
        self.public: Final = SealingPublicKey(
            mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
        )

    @classmethod
    def generate(cls) -> Self:
        """A fresh key from the system's randomness."""
        return cls(secrets.token_bytes(SEED_BYTES))

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """The key that a seed of 32 bytes determines.

        Raises:
            WeakKeyError: the seed has another length.
        """
        return cls(seed)

    def private_seed(self) -> bytes:
        """The 32 bytes that determine the key: for `keys.keyfile`."""
        return self._seed

    def open(self, info: bytes, sealed: bytes) -> bytes:
        """Open what was sealed to this key with the same `info`.

        Raises:
            UnsealError: another key, another `info`, or altered bytes; which one cannot be told.
        """
        try:
            return _SUITE.decrypt(sealed, self._key, info)
        except InvalidTag:
            raise UnsealError(f"sealed: does not open with key {self.public.key_id}") from None

    def __repr__(self) -> str:
        return f"SealingKey({self.public.key_id})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not pickled; save it with keys.keyfile")


def seal(public: SealingPublicKey, info: bytes, plaintext: bytes) -> bytes:
    """Seal `plaintext` to a member's key, bound to `info`."""
    return public.seal(info, plaintext)
