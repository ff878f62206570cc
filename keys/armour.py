"""What a key file holds, as bytes; `keys.keyfile` moves them to and from the disk.

Signing keys are encrypted PKCS#8 (PBES2: PBKDF2-HMAC-SHA256 with 2048 rounds, AES-256-CBC), one PEM
block per half, so that other tools can open them with the same secret. PBES2 authenticates nothing:
a last block holds an HMAC-SHA256 over the purpose and everything before it, so that an altered
file, or the file of another purpose under this name, does not open. A TLS key is the same with its
certificate between. Where the Ed25519 half of a signing key lies in an HSM, a block that names it
stands in its place (`keys.hsm_key`). Seeds and secrets of 32 bytes have no PKCS#8 form; they are
sealed with AES-256-GCM, the purpose as associated data.

The HMAC and AES keys come from the unlocking secret by scrypt (N=1024, r=8, p=1; a salt of 16 bytes
per file). That takes some two milliseconds and is deliberately cheap: the secret is a random key of
at least 32 bytes (`keys.unlock`), not a password that stretching would have to protect.
"""

import hmac
import re
import secrets
from base64 import b64decode, encodebytes
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from keys.errors import UnreadableKeyError, WeakKeyError
from keys.hsm_key import HsmKey, KeyReference, Token
from keys.signing import SigningKey
from keys.tls import TlsKey

SECRET_BYTES: Final = 32
SCRYPT_N: Final = 1024
SCRYPT_R: Final = 8
SCRYPT_P: Final = 1
SALT_BYTES: Final = 16
NONCE_BYTES: Final = 12
TAG_CONTEXT: Final = b"hx1/keyfile-tag\0"
SEAL_CONTEXT: Final = b"hx1/keyfile-seal\0"

_PKCS8: Final = "ENCRYPTED PRIVATE KEY"
_CERTIFICATE: Final = "CERTIFICATE"
_IN_HSM: Final = "HX1 KEY IN HSM"
_TAG: Final = "HX1 KEY FILE TAG"
_SEALED: Final = "HX1 SEALED SECRET"
_BLOCK: Final = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{1,40})-----\n([A-Za-z0-9+/=\n]+)-----END \1-----\n"
)
_DAMAGED: Final = "is not a key file, or it is damaged; restore it from the backup"
_NOT_OPENED: Final = (
    "does not open: it is damaged, serves another purpose, or was written under another secret; "
    "check the unlock setting or restore the file from the backup"
)


def encode_signing(key: SigningKey, passphrase: bytes, purpose: str) -> bytes:
    """A signing key, one PKCS#8 block for each half, and the tag."""
    blocks = [_half(half, passphrase) for half in key.private_keys() if half is not None]
    return _tagged(b"".join(blocks), passphrase, purpose)


def decode_signing(
    raw: bytes, passphrase: bytes, purpose: str, token: Token | None = None
) -> SigningKey:
    """Read what `encode_signing` wrote; `token` holds what the file does not.

    Raises:
        UnreadableKeyError: damaged, another purpose, another secret, or no token where one is
            needed.
    """
    blocks = _untagged(raw, passphrase, purpose)
    match [_private_half(label, block, passphrase, token) for label, block in blocks]:
        case [Ed25519PrivateKey() as ed25519]:
            return SigningKey(ed25519, None)
        case [Ed25519PrivateKey() as ed25519, MLDSA44PrivateKey() as mldsa44]:
            return SigningKey(ed25519, mldsa44)
    raise UnreadableKeyError("holds something else than a signing key")


def encode_tls(key: TlsKey, passphrase: bytes, purpose: str) -> bytes:
    """A TLS key in PKCS#8, its certificate, and the tag."""
    body = _pkcs8(key.private_key(), passphrase) + key.certificate_pem
    return _tagged(body, passphrase, purpose)


def decode_tls(raw: bytes, passphrase: bytes, purpose: str) -> TlsKey:
    """Read what `encode_tls` wrote.

    Raises:
        UnreadableKeyError: damaged, another purpose, or another secret.
    """
    match _untagged(raw, passphrase, purpose):
        case [(label, block), (second, certificate)] if (label, second) == (_PKCS8, _CERTIFICATE):
            private = _private(block, passphrase)
            if isinstance(private, EllipticCurvePrivateKey):
                return _tls_key(private, certificate)
    raise UnreadableKeyError("holds something else than a TLS key")


def encode_secret(secret: bytes, passphrase: bytes, purpose: str) -> bytes:
    """A seed or secret of 32 bytes, sealed.

    Raises:
        WeakKeyError: it has another length.
    """
    if len(secret) != SECRET_BYTES:
        raise WeakKeyError(f"{purpose}: needs {SECRET_BYTES} bytes, not {len(secret)}")
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    cipher = AESGCM(_derive(passphrase, salt))
    return _block(_SEALED, salt + nonce + cipher.encrypt(nonce, secret, _seal_context(purpose)))


def decode_secret(raw: bytes, passphrase: bytes, purpose: str) -> bytes:
    """Read what `encode_secret` wrote: 32 bytes.

    Raises:
        UnreadableKeyError: damaged, another purpose, or another secret.
    """
    match _blocks(raw):
        case [(label, block)] if label == _SEALED:
            body = _body(block)
        case _:
            raise UnreadableKeyError("holds something else than a sealed secret")
    salt, rest = body[:SALT_BYTES], body[SALT_BYTES:]
    cipher = AESGCM(_derive(passphrase, salt))
    try:
        return cipher.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], _seal_context(purpose))
    except (InvalidTag, ValueError):
        raise UnreadableKeyError(_NOT_OPENED) from None


def _pkcs8(key: PrivateKeyTypes, passphrase: bytes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase),
    )


def _half(key: PrivateKeyTypes, passphrase: bytes) -> bytes:
    if isinstance(key, HsmKey):
        return _block(_IN_HSM, key.reference.to_bytes())
    return _pkcs8(key, passphrase)


def _private_half(
    label: str, block: bytes, passphrase: bytes, token: Token | None
) -> PrivateKeyTypes:
    if label != _IN_HSM:
        return _private(block, passphrase)
    if token is None:
        raise UnreadableKeyError("lies in an HSM in part; name it: [member] hsm and hsm_pin")
    return HsmKey(token, KeyReference.from_bytes(_body(block)))


def _private(block: bytes, passphrase: bytes) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(block, passphrase)
    except (ValueError, TypeError):
        raise UnreadableKeyError(_NOT_OPENED) from None


def _tls_key(private: EllipticCurvePrivateKey, certificate: bytes) -> TlsKey:
    try:
        return TlsKey(private, certificate)
    except (ValueError, WeakKeyError) as error:
        raise UnreadableKeyError(str(error)) from None


def _tagged(body: bytes, passphrase: bytes, purpose: str) -> bytes:
    salt = secrets.token_bytes(SALT_BYTES)
    return body + _block(_TAG, salt + _tag(body, passphrase, purpose, salt))


def _untagged(raw: bytes, passphrase: bytes, purpose: str) -> Sequence[tuple[str, bytes]]:
    *blocks, (label, last) = _blocks(raw)
    if label != _TAG:
        raise UnreadableKeyError("has no tag at its end: it is cut off or no key file")
    body, tag = raw[: len(raw) - len(last)], _body(last)
    expected = _tag(body, passphrase, purpose, tag[:SALT_BYTES])
    if not hmac.compare_digest(tag[SALT_BYTES:], expected):
        raise UnreadableKeyError(_NOT_OPENED)
    return blocks


def _tag(body: bytes, passphrase: bytes, purpose: str, salt: bytes) -> bytes:
    message = TAG_CONTEXT + purpose.encode() + b"\0" + body
    return hmac.digest(_derive(passphrase, salt), message, "sha256")


def _seal_context(purpose: str) -> bytes:
    return SEAL_CONTEXT + purpose.encode()


def _derive(passphrase: bytes, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P).derive(passphrase)


def _block(label: str, body: bytes) -> bytes:
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (
        label.encode(),
        encodebytes(body),
        label.encode(),
    )


def _blocks(raw: bytes) -> list[tuple[str, bytes]]:
    """The PEM blocks of a file, whole; nothing may stand before, between or after them."""
    found = list(_BLOCK.finditer(raw))
    if not found or b"".join(match[0] for match in found) != raw:
        raise UnreadableKeyError(_DAMAGED)
    return [(match[1].decode(), match[0]) for match in found]


def _body(block: bytes) -> bytes:
    match = _BLOCK.fullmatch(block)
    assert match is not None, "only blocks that _blocks found come here"
    try:
        body = b64decode(match[2].replace(b"\n", b""), validate=True)
    except ValueError:
        raise UnreadableKeyError(_DAMAGED) from None
    if encodebytes(body) != match[2]:
        raise UnreadableKeyError(_DAMAGED)
    return body
