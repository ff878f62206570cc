"""Vectors of others, through our own functions: known attacks on signatures and on keys (R6).

A key that its owner could deny is refused before any signature under it is looked at. So for some
vectors that a library accepts, our answer is that the key never enters the registry.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from functools import cache
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys.admission import MLKEM768_BYTES, check_ed25519, check_mlkem_x25519
from keys.errors import BadSignatureError, WeakKeyError
from keys.sealing import SealingKey, SealingPublicKey
from keys.signing import SigningKey, VerifyKey
from tests.protocol.conftest import vectors

ED25519 = vectors("wycheproof_ed25519.json")["tests"]
MLDSA44 = vectors("wycheproof_mldsa44.json")["tests"]
MLKEM768 = vectors("wycheproof_mlkem768_keys.json")["tests"]
X25519 = vectors("wycheproof_x25519_keys.json")["tests"]
AES_GCM = vectors("wycheproof_aes_gcm.json")["tests"]
HMAC = vectors("wycheproof_hmac_sha256.json")["tests"]
CCTV = vectors("cctv_ed25519.json")
DEGENERATE = {"ZeroPublicKey"}
"""Keys under which anybody signs: some of their signatures verify, none of the keys is admitted."""
BAD_POINTS = {"LowOrderPublic", "NonCanonicalPublic"}


def name(vector: dict[str, Any]) -> str:
    """Name a vector as its authors do."""
    return f"{vector['id']}-{'-'.join(vector['flags'])}"


@cache
def sealing_public() -> bytes:
    """Return a sealing key that is right."""
    return SealingKey.from_seed(bytes(range(32))).public.raw


def verifies(key: VerifyKey, signature: bytes, message: bytes) -> bool:
    """Whether we take the Ed25519 half for one by `key`."""
    try:
        key.verify_ed25519(signature, message)
    except BadSignatureError:
        return False
    return True


@pytest.mark.parametrize("vector", ED25519, ids=name)
def test_ed25519_signatures_are_told_right_from_wrong(vector: dict[str, Any]) -> None:
    """Malleable, truncated, extended and badly encoded ones are no signatures."""
    key = VerifyKey(bytes.fromhex(vector["public"]))
    signature, message = bytes.fromhex(vector["signature"]), bytes.fromhex(vector["message"])
    assert verifies(key, signature, message) is vector["valid"]


@pytest.mark.parametrize("vector", MLDSA44, ids=name)
def test_mldsa44_signatures_are_told_right_from_wrong(vector: dict[str, Any]) -> None:
    """And keys under which anybody could sign are refused whatever verifies under them."""
    ed25519 = SigningKey.from_seeds(bytes(32), None).public.ed25519
    try:
        key = VerifyKey(ed25519, b64decode(vector["public"]))
    except WeakKeyError:
        assert not vector["valid"] or DEGENERATE & set(vector["flags"])
        return
    message, context = b64decode(vector["message"]), b64decode(vector["context"])
    try:
        key.verify_mldsa44(b64decode(vector["signature"]), message, context)
    except BadSignatureError:
        assert not vector["valid"]
    else:
        assert vector["valid"]


@pytest.mark.parametrize("vector", MLKEM768, ids=name)
def test_mlkem768_keys_are_told_right_from_wrong(vector: dict[str, Any]) -> None:
    """FIPS 203 section 7.2: a coefficient that is not reduced, or another length, is no key."""
    raw = b64decode(vector["key"]) + sealing_public()[MLKEM768_BYTES:]
    if vector["valid"]:
        assert SealingPublicKey(raw).raw == raw
    else:
        with pytest.raises(WeakKeyError):
            SealingPublicKey(raw)


@pytest.mark.parametrize("vector", X25519, ids=name)
def test_x25519_points_that_give_no_secret_are_refused(vector: dict[str, Any]) -> None:
    """What is sealed to a point of small order is sealed to everybody."""
    raw = sealing_public()[:MLKEM768_BYTES] + bytes.fromhex(vector["public"])
    if BAD_POINTS & set(vector["flags"]):
        with pytest.raises(WeakKeyError):
            check_mlkem_x25519(raw)
    else:
        check_mlkem_x25519(raw)


@pytest.mark.parametrize("vector", AES_GCM, ids=name)
def test_aes_gcm_opens_what_is_right_and_nothing_else(vector: dict[str, Any]) -> None:
    """As key files use it: a changed tag, or a nonce that makes a counter turn over."""
    cipher = AESGCM(bytes.fromhex(vector["key"]))
    nonce, sealed = bytes.fromhex(vector["nonce"]), bytes.fromhex(vector["sealed"])
    context, message = bytes.fromhex(vector["context"]), bytes.fromhex(vector["message"])
    if vector["valid"]:
        assert cipher.decrypt(nonce, sealed, context) == message
        assert cipher.encrypt(nonce, message, context) == sealed
    else:
        with pytest.raises(InvalidTag):
            cipher.decrypt(nonce, sealed, context)


@pytest.mark.parametrize("vector", HMAC, ids=name)
def test_hmac_sha256_is_told_right_from_wrong(vector: dict[str, Any]) -> None:
    """As entry ids, salts and the tags of key files use it, with keys of every length."""
    made = hmac.digest(bytes.fromhex(vector["key"]), bytes.fromhex(vector["message"]), "sha256")
    assert hmac.compare_digest(made, bytes.fromhex(vector["tag"])) is vector["valid"]


@cache
def cctv_key(index: int) -> VerifyKey | None:
    """Return the key, or None where it is not admitted."""
    raw = bytes.fromhex(CCTV["keys"][index])
    try:
        return VerifyKey(raw)
    except WeakKeyError:
        return None


def accepted() -> list[list[str]]:
    """Return the flags of the vectors that we accept."""
    found = []
    for index, signature, message, flags in CCTV["tests"]:
        key = cctv_key(index)
        if key is not None and verifies(key, bytes.fromhex(signature), message.encode()):
            found.append(flags)
    return found


def test_no_signature_is_accepted_under_a_key_its_owner_could_deny() -> None:
    """Libraries accept 208 of these 914; what is left here has an honest key."""
    assert all("low_order_component_A" not in flags for flags in accepted())
    assert len(accepted()) == 2


@pytest.mark.parametrize("index", range(len(CCTV["keys"])))
def test_key_with_a_low_order_part_is_never_admitted(index: int) -> None:
    """Under one of them a signature would verify any message."""
    flags = {flag for number, _, _, found in CCTV["tests"] if number == index for flag in found}
    if {"low_order_A", "low_order_component_A", "non_canonical_A"} & flags:
        with pytest.raises(WeakKeyError):
            check_ed25519(bytes.fromhex(CCTV["keys"][index]))
    else:
        check_ed25519(bytes.fromhex(CCTV["keys"][index]))
