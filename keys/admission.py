"""The checks a public key passes before anything is believed under it.

A key enters the registry once and is then used to hold its owner to what it signed. So the question
is not only "does a signature verify" but "could the owner deny it":

* **Ed25519**: canonical encoding, a point of the curve, in the subgroup of prime order, not the
  identity. OpenSSL accepts small-order keys, under which one signature verifies many messages.
* **ML-DSA-44**: every string of 1312 bytes decodes, so a degenerate key must be told by its look:
  with a zero, sparse or repetitive `t1` anybody can sign.
* **ML-KEM-768 + X25519**: coefficients below the modulus (FIPS 203 section 7.2), not degenerate,
  the X25519 half canonical and not of small order.

Proof of possession shows that whoever asks for admission holds the private key *for this network,
this member and this purpose*, so that nobody can register another member's key as its own.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from keys import _edwards
from keys.documents import decode_bytes, encode_bytes
from keys.errors import BadSignatureError, UntrustedDocumentError, WeakKeyError

if TYPE_CHECKING:
    from keys.signing import Signer, VerifyKey

ED25519_BYTES: Final = 32
MLDSA44_BYTES: Final = 1312
MLKEM768_BYTES: Final = 1184
X25519_BYTES: Final = 32
MLKEM768_X25519_BYTES: Final = MLKEM768_BYTES + X25519_BYTES

PROOF_CONTEXT: Final = b"hx1/pop\0"

_COFACTOR: Final = 8
_MLKEM_MODULUS: Final = 3329
# Honest keys have 647 +- 10 (of 1024) and 686 +- 8 (of 768) distinct coefficients: 512 is more than
# thirteen standard deviations away, so no honest key is ever refused.
_DISTINCT_COEFFICIENTS: Final = 512
_SEED_BYTES: Final = 32
_X25519_MODULUS: Final = 2**255 - 19
# The u coordinates whose order divides 8 (RFC 7748 section 6.1, "contributory behaviour").
_X25519_SMALL_ORDER: Final = frozenset(
    {
        0,
        1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
        _X25519_MODULUS - 1,
    }
)


@lru_cache(maxsize=4096)
def check_ed25519(raw: bytes) -> None:
    """Refuse an Ed25519 public key that its owner could not be held to.

    About a millisecond for a new key; keys already admitted are remembered.

    Args:
        raw: 32 bytes, RFC 8032 section 5.1.5.

    Raises:
        WeakKeyError: says why.
    """
    if len(raw) != ED25519_BYTES:
        raise WeakKeyError(f"ed25519: a public key has {ED25519_BYTES} bytes, not {len(raw)}")
    point = _edwards.decode(raw)
    if isinstance(point, str):
        raise WeakKeyError(f"ed25519: {point}; generate a new key")
    if _edwards.multiply(_COFACTOR, point).is_identity():
        raise WeakKeyError("ed25519: the key is of small order; generate a new key")
    if not _edwards.multiply(_edwards.ORDER, point).is_identity():
        raise WeakKeyError(
            "ed25519: the key is not in the prime-order subgroup; generate a new key"
        )


@lru_cache(maxsize=1024)
def check_mldsa44(raw: bytes) -> None:
    """Refuse an ML-DSA-44 public key of wrong length or with a degenerate `t1`.

    Half a millisecond for a new key; keys already admitted are remembered.

    Args:
        raw: 1312 bytes, FIPS 204 algorithm 22 (`rho`, then 1024 coefficients of ten bits).

    Raises:
        WeakKeyError: says why.
    """
    if len(raw) != MLDSA44_BYTES:
        raise WeakKeyError(f"mldsa44: a public key has {MLDSA44_BYTES} bytes, not {len(raw)}")
    if len(set(_coefficients(raw[_SEED_BYTES:], 10))) < _DISTINCT_COEFFICIENTS:
        raise WeakKeyError("mldsa44: the key is degenerate, anybody could sign; generate a new key")


@lru_cache(maxsize=1024)
def check_mlkem_x25519(raw: bytes) -> None:
    """Refuse a sealing key that is malformed or that would seal to everybody.

    Half a millisecond for a new key; keys already admitted are remembered.

    Args:
        raw: 1216 bytes: the ML-KEM-768 encapsulation key, then the X25519 public key.

    Raises:
        WeakKeyError: says why.
    """
    if len(raw) != MLKEM768_X25519_BYTES:
        raise WeakKeyError(
            f"sealing: a public key has {MLKEM768_X25519_BYTES} bytes, not {len(raw)}"
        )
    coefficients = _coefficients(raw[: MLKEM768_BYTES - _SEED_BYTES], 12)
    if max(coefficients) >= _MLKEM_MODULUS:
        raise WeakKeyError("sealing: an ML-KEM coefficient is not reduced; generate a new key")
    if len(set(coefficients)) < _DISTINCT_COEFFICIENTS:
        raise WeakKeyError("sealing: the ML-KEM half is degenerate; generate a new key")
    u = int.from_bytes(raw[MLKEM768_BYTES:], "little")
    if u >= _X25519_MODULUS:
        raise WeakKeyError("sealing: the X25519 half is not reduced; generate a new key")
    if u in _X25519_SMALL_ORDER:
        raise WeakKeyError("sealing: the X25519 half is of small order; generate a new key")


def prove(signer: "Signer", network: str, member: str, purpose: str) -> dict[str, str]:
    """Prove possession of a signing key for one network, member and purpose.

    Args:
        signer: the key; a hybrid key proves both halves.
        network: network id, `<name>-<16 hex digits>`.
        member: member id.
        purpose: the list of the member document the key stands in, such as `log`.

    Returns:
        Base64 signatures by algorithm, as they stand under `proof` in a member document.
    """
    message = _proof_message(signer.public, network, member, purpose)
    proof = {"ed25519": encode_bytes(signer.sign_ed25519(message))}
    if signer.public.mldsa44 is not None:
        proof["mldsa44"] = encode_bytes(signer.sign_mldsa44(message, PROOF_CONTEXT))
    return proof


def check_proof(
    key: "VerifyKey", proof: Mapping[str, str], network: str, member: str, purpose: str
) -> None:
    """Check a proof of possession made by `prove`.

    Raises:
        BadSignatureError: a half is absent, superfluous, malformed or does not verify.
    """
    expected = {"ed25519"} if key.mldsa44 is None else {"ed25519", "mldsa44"}
    if set(proof) != expected:
        raise BadSignatureError(f"proof: needs exactly {', '.join(sorted(expected))}")
    message = _proof_message(key, network, member, purpose)
    key.verify_ed25519(_signature(proof, "ed25519"), message)
    if key.mldsa44 is not None:
        key.verify_mldsa44(_signature(proof, "mldsa44"), message, PROOF_CONTEXT)


def _signature(proof: Mapping[str, str], algorithm: str) -> bytes:
    try:
        return decode_bytes(proof[algorithm], f"proof.{algorithm}")
    except UntrustedDocumentError as error:
        raise BadSignatureError(str(error)) from None


def _proof_message(key: "VerifyKey", network: str, member: str, purpose: str) -> bytes:
    """Domain tag, then each part behind its length, so that no two inputs share an encoding."""
    parts = [network.encode(), member.encode(), purpose.encode(), key.public_bytes]
    return PROOF_CONTEXT + b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _coefficients(packed: bytes, bits: int) -> list[int]:
    """Unpack little-endian coefficients of ten or twelve bits (FIPS 203, 204: ByteDecode)."""
    group_bytes = {10: 5, 12: 3}[bits]
    mask = (1 << bits) - 1
    return [
        int.from_bytes(packed[start : start + group_bytes], "little") >> shift & mask
        for start in range(0, len(packed), group_bytes)
        for shift in range(0, group_bytes * 8, bits)
    ]
