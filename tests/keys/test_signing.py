"""Signing keys: both halves, their vectors, and what a key refuses to be."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys import (
    BadSignatureError,
    Signer,
    SigningKey,
    UnknownKeyError,
    UntrustedDocumentError,
    VerifyKey,
    WeakKeyError,
)
from tests.keys.conftest import vectors

RFC8032 = vectors("ed25519_rfc8032.json")["vectors"]
MLDSA44 = vectors("mldsa44.json")
SEED = st.binary(min_size=32, max_size=32)


@pytest.mark.parametrize("vector", RFC8032)
def test_ed25519_signs_as_rfc_8032_does(vector: dict[str, str]) -> None:
    """The vectors of section 7.1: same key, same signature."""
    key = SigningKey.from_seeds(bytes.fromhex(vector["seed"]), None)
    assert key.public.ed25519.hex() == vector["public"]
    assert key.sign_ed25519(bytes.fromhex(vector["message"])).hex() == vector["signature"]


def test_mldsa44_keys_and_signatures_are_those_of_fips_204() -> None:
    """A known seed gives the known key, and the known signature verifies under it."""
    key = SigningKey.from_seeds(bytes(32), bytes.fromhex(MLDSA44["seed"])).public
    assert key.mldsa44 == bytes.fromhex(MLDSA44["public"])
    key.verify_mldsa44(*(bytes.fromhex(MLDSA44[x]) for x in ("signature", "message", "context")))


@settings(max_examples=20)
@given(SEED, SEED, st.binary(max_size=500), st.binary(max_size=255))
def test_what_a_key_signs_verifies(first: bytes, second: bytes, msg: bytes, ctx: bytes) -> None:
    """For every seed, message and context, both halves."""
    key = SigningKey.from_seeds(first, second)
    key.public.verify_ed25519(key.sign_ed25519(msg), msg)
    key.public.verify_mldsa44(key.sign_mldsa44(msg, ctx), msg, ctx)


def test_another_message_does_not_verify(hybrid: SigningKey) -> None:
    """Ed25519: one changed byte."""
    with pytest.raises(BadSignatureError, match="ed25519"):
        hybrid.public.verify_ed25519(hybrid.sign_ed25519(b"yes"), b"yet")


def test_another_message_does_not_verify_post_quantum(hybrid: SigningKey) -> None:
    """ML-DSA-44: one changed byte."""
    with pytest.raises(BadSignatureError, match="mldsa44"):
        hybrid.public.verify_mldsa44(hybrid.sign_mldsa44(b"yes"), b"yet")


def test_another_context_does_not_verify(hybrid: SigningKey) -> None:
    """A signature for one purpose is none for another."""
    with pytest.raises(BadSignatureError):
        hybrid.public.verify_mldsa44(hybrid.sign_mldsa44(b"yes", b"a"), b"yes", b"b")


def test_a_context_over_its_bound_is_a_bad_signature(hybrid: SigningKey) -> None:
    """FIPS 204 allows 255 bytes; what comes from outside must not crash the verifier."""
    with pytest.raises(BadSignatureError):
        hybrid.public.verify_mldsa44(bytes(2420), b"yes", bytes(256))


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_of_another_length_does_not_verify(length: int, hybrid: SigningKey) -> None:
    """Ed25519 signatures have 64 bytes."""
    with pytest.raises(BadSignatureError):
        hybrid.public.verify_ed25519(bytes(length), b"yes")


@pytest.mark.parametrize("length", [0, 2419, 2421])
def test_a_post_quantum_signature_of_another_length_does_not_verify(
    length: int, hybrid: SigningKey
) -> None:
    """ML-DSA-44 signatures have 2420 bytes."""
    with pytest.raises(BadSignatureError):
        hybrid.public.verify_mldsa44(bytes(length), b"yes")


def test_a_malleated_signature_does_not_verify(single: SigningKey) -> None:
    """RFC 8032: S + L is refused, or one could make a second signature out of a first."""
    order = 2**252 + 27742317777372353535851937790883648493
    signature = single.sign_ed25519(b"yes")
    shifted = int.from_bytes(signature[32:], "little") + order
    with pytest.raises(BadSignatureError):
        single.public.verify_ed25519(signature[:32] + shifted.to_bytes(32, "little"), b"yes")


def test_a_single_key_signs_nothing_post_quantum(single: SigningKey) -> None:
    """It says so instead of signing half."""
    with pytest.raises(UnknownKeyError, match="mldsa44"):
        single.sign_mldsa44(b"yes")


def test_a_single_key_verifies_nothing_post_quantum(single: SigningKey) -> None:
    """It says so instead of passing."""
    with pytest.raises(UnknownKeyError, match="mldsa44"):
        single.public.verify_mldsa44(bytes(2420), b"yes")


def test_a_weak_key_cannot_be_made() -> None:
    """The type itself is the proof of admission."""
    with pytest.raises(WeakKeyError):
        VerifyKey(b"\x01" + bytes(31))


def test_a_weak_post_quantum_half_cannot_be_made(single: SigningKey) -> None:
    """Nor may an honest half bring in a degenerate one."""
    with pytest.raises(WeakKeyError):
        VerifyKey(single.public.ed25519, bytes(1312))


def test_the_id_covers_both_halves(hybrid: SigningKey) -> None:
    """Leaving out the post-quantum half is another key."""
    assert VerifyKey(hybrid.public.ed25519).key_id != hybrid.public.key_id


def test_the_id_is_what_the_contract_says() -> None:
    """16 hex digits of SHA-256 over the tag and the key: pinned, other nodes compute it too."""
    key = VerifyKey(bytes.fromhex(RFC8032[0]["public"]))
    assert key.key_id == "a1a7c870e01f201d"


def test_a_key_survives_its_document(hybrid: SigningKey) -> None:
    """`from_json` gives back what `to_json` wrote."""
    assert VerifyKey.from_json(hybrid.public.to_json()) == hybrid.public


def test_a_single_key_survives_its_document(single: SigningKey) -> None:
    """The same without a post-quantum half."""
    assert VerifyKey.from_json(single.public.to_json()) == single.public


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ed25519": 7}, "ed25519"),
        ({"ed25519": "A==="}, "ed25519"),
        ({"mldsa44": None}, "mldsa44"),
        ({"key_id": "0" * 16}, "key_id"),
        ({"key_id": None}, "key_id"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_field_of_a_key_is_named(
    change: dict[str, Any], field: str, hybrid: SigningKey
) -> None:
    """Strict: types, base64, the id, and nothing besides."""
    with pytest.raises(UntrustedDocumentError, match=f"^{field}:"):
        VerifyKey.from_json({**hybrid.public.to_json(), **change})


def test_a_second_spelling_of_base64_is_refused(single: SigningKey) -> None:
    """The unused bits of the last digit must be zero."""
    record = single.public.to_json()
    last = record["ed25519"][-2]
    record["ed25519"] = record["ed25519"][:-2] + chr(ord(last) + 1) + "="
    with pytest.raises(UntrustedDocumentError, match="base64"):
        VerifyKey.from_json(record)


def test_a_missing_half_is_named(single: SigningKey) -> None:
    """A key without its bytes is none."""
    with pytest.raises(UntrustedDocumentError, match="ed25519"):
        VerifyKey.from_json({"key_id": single.public.key_id})


def test_an_odd_field_name_is_not_repeated(single: SigningKey) -> None:
    """What somebody else wrote must not reach a log through our message."""
    record = {**single.public.to_json(), "https://site.example/": "x"}
    with pytest.raises(UntrustedDocumentError) as caught:
        VerifyKey.from_json(record)
    assert "site.example" not in str(caught.value)


@pytest.mark.parametrize(
    ("seeds", "half"),
    [
        ((bytes(31), None), "ed25519"),
        ((bytes(33), None), "ed25519"),
        ((bytes(32), bytes(31)), "mldsa44"),
    ],
)
def test_a_seed_of_another_length_is_refused(seeds: tuple[bytes, bytes | None], half: str) -> None:
    """32 bytes each; the half is named."""
    with pytest.raises(WeakKeyError, match=f"^{half}: a seed has 32 bytes"):
        SigningKey.from_seeds(*seeds)


def test_generated_keys_differ() -> None:
    """They come from randomness."""
    assert SigningKey.generate().public != SigningKey.generate().public


def test_a_generated_key_is_hybrid() -> None:
    """Post-quantum unless told otherwise."""
    assert SigningKey.generate().public.is_hybrid


def test_a_key_can_be_generated_without_its_post_quantum_half() -> None:
    """For transport and member keys."""
    assert not SigningKey.generate(hybrid=False).public.is_hybrid


def test_a_private_key_shows_only_its_id() -> None:
    """Neither `repr` nor a format string gives a seed away."""
    key = SigningKey.from_seeds(b"\xa5" * 32, b"\xa6" * 32)
    assert f"{key}|{key!r}" == f"SigningKey({key.public.key_id})|SigningKey({key.public.key_id})"


@pytest.mark.parametrize("copier", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_private_key_is_neither_pickled_nor_copied(copier: Any, single: SigningKey) -> None:
    """It would reach a queue, a cache or a crash dump unencrypted."""
    with pytest.raises(TypeError, match="keyfile"):
        copier(single)


def test_a_key_in_memory_is_a_signer(hybrid: SigningKey) -> None:
    """The seam at which an HSM fits."""
    signer: Signer = hybrid
    signer.public.verify_ed25519(signer.sign_ed25519(b"yes"), b"yes")
