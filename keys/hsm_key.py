"""The half of a signing key that lies in an HSM: what a key file knows of it, and what it can do.

Nothing here speaks PKCS#11; whatever holds the private half is a `Token` (`keys.hsm`).
"""

import secrets
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from keys.errors import UnreadableKeyError

ID_BYTES: Final = 16
PUBLIC_BYTES: Final = 32
MAX_LABEL_BYTES: Final = 128
CHECK_TAG: Final = b"hx1/hsm-check\0"
CHECK_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class KeyReference:
    """What a key file knows of a half that lies in a token.

    Attributes:
        public: its public half, 32 bytes.
        id: CKA_ID, 16 bytes; by it the key is found.
        label: CKA_LABEL as it was made; for people.
    """

    public: bytes
    id: bytes
    label: str

    def to_bytes(self) -> bytes:
        """The reference as it stands in a key file."""
        return self.public + self.id + self.label.encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            UnreadableKeyError: too short, too long, or no text where a label stands.
        """
        public, key_id = raw[:PUBLIC_BYTES], raw[PUBLIC_BYTES : PUBLIC_BYTES + ID_BYTES]
        try:
            label = raw[PUBLIC_BYTES + ID_BYTES :].decode()
        except UnicodeDecodeError:
            label = ""
        if not 1 <= len(label.encode()) <= MAX_LABEL_BYTES or not label.isprintable():
            raise UnreadableKeyError("names no key in an HSM; restore it from the backup")
        return cls(public, key_id, label)


class Token(Protocol):
    """What holds private halves and signs with them."""

    def sign(self, reference: KeyReference, message: bytes) -> bytes:
        """A signature of 64 bytes that verifies under `reference.public`.

        Raises:
            HsmError: it cannot be had now, or not from this token.
        """
        ...

    def destroy(self, reference: KeyReference) -> None:
        """Destroy a key for ever; one that is not there is fine.

        Raises:
            HsmError: the token is not there or does not let us in.
        """
        ...


class HsmKey(Ed25519PrivateKey):
    """The Ed25519 half of a signing key that lies in a token. Needs no token until it signs."""

    def __init__(self, token: Token, reference: KeyReference) -> None:
        self.token: Final = token
        self.reference: Final = reference

    def public_key(self) -> Ed25519PublicKey:
        """The public half, as the key file has it."""
        return Ed25519PublicKey.from_public_bytes(self.reference.public)

    def sign(self, data: bytes | bytearray | memoryview) -> bytes:
        """An Ed25519 signature, 64 bytes, made in the token and verified here.

        Raises:
            HsmError: as `Hsm.sign`.
        """
        return self.token.sign(self.reference, bytes(data))

    def check(self) -> None:
        """See that the key is there and signs, by a signature that serves nothing else.

        Raises:
            HsmError: as `sign`.
        """
        self.sign(CHECK_TAG + secrets.token_bytes(CHECK_BYTES))

    def private_bytes(self, *_: object, **__: object) -> NoReturn:
        """Refuse: the private half never leaves the token."""
        raise TypeError("a key in an HSM has no private bytes")

    def private_bytes_raw(self) -> NoReturn:
        """Refuse: the private half never leaves the token."""
        raise TypeError("a key in an HSM has no private bytes")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> Self:
        return self

    def __repr__(self) -> str:
        return f"HsmKey({self.reference.label})"
