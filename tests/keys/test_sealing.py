"""Sealing: only the right key, with the right `info`, opens untouched bytes."""

from __future__ import annotations

import hashlib
import hmac
import pickle

import pytest
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from keys import SealingKey, SealingPublicKey, UnsealError, WeakKeyError, seal
from keys.sealing import OVERHEAD_BYTES
from tests.keys.conftest import vectors

VECTOR = {
    name: bytes.fromhex(value)
    for name, value in vectors("hpke_mlkem768_x25519.json").items()
    if name != "source"
}
XWING = vectors("xwing.json")["cases"]
"""Seed, public key, encapsulated key and shared secret, from another implementation."""


def key_schedule(shared_secret: bytes, info: bytes, aead: int) -> tuple[bytes, bytes]:
    """The key and first nonce of HPKE in base mode, by RFC 9180 section 5.1 and hashlib alone."""
    suite = b"HPKE" + bytes.fromhex("647a0001") + aead.to_bytes(2, "big")

    def extract(salt: bytes, label: bytes, ikm: bytes) -> bytes:
        return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, hashlib.sha256)

    def expand(secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
        text = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context + b"\x01"
        return hmac.digest(secret, text, hashlib.sha256)[:length]

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared_secret, b"secret", b"")
    return expand(secret, b"key", context, 32), expand(secret, b"base_nonce", context, 12)


def test_a_seed_makes_the_public_key_of_the_vector() -> None:
    """Expansion by SHAKE256, ML-KEM half first, as in the published vector."""
    assert SealingKey.from_seed(VECTOR["seed"]).public.raw == VECTOR["public"]


def test_the_private_key_of_the_vector_opens_its_ciphertext() -> None:
    """With the vector's AEAD and associated data, which our suite does not use."""
    key = SealingKey.from_seed(VECTOR["seed"])._key
    suite = openssl.hpke.Suite(
        openssl.hpke.KEM.MLKEM768_X25519,
        openssl.hpke.KDF.HKDF_SHA256,
        openssl.hpke.AEAD.CHACHA20_POLY1305,
    )
    sealed = VECTOR["enc"] + VECTOR["ct"]
    opened = openssl.hpke._decrypt_with_aad(suite, sealed, key, VECTOR["info"], VECTOR["aad"])
    assert opened == VECTOR["pt"]


def test_the_key_schedule_of_these_tests_is_that_of_the_vector() -> None:
    """So that what is sealed with it is what RFC 9180 asks for."""
    made = key_schedule(VECTOR["shared_secret"], VECTOR["info"], aead=3)
    assert made == (VECTOR["key"], VECTOR["nonce"])


@pytest.mark.parametrize("case", XWING, ids=range(len(XWING)))
def test_what_another_xwing_encapsulated_opens_in_our_suite(case: dict[str, str]) -> None:
    """KEM by X-Wing's vectors, sealed by hand with HKDF-SHA256 and AES-256-GCM."""
    raw = {name: bytes.fromhex(value) for name, value in case.items()}
    key = SealingKey.from_seed(raw["seed"])
    assert key.public.raw == raw["public"]
    secret, nonce = key_schedule(raw["shared_secret"], b"info", aead=2)
    sealed = raw["enc"] + AESGCM(secret).encrypt(nonce, b"a report", None)
    assert key.open(b"info", sealed) == b"a report"


@settings(max_examples=30)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.binary(max_size=5000))
def test_what_is_sealed_opens(seed: bytes, info: bytes, plaintext: bytes) -> None:
    """For every key, info and plaintext."""
    key = SealingKey.from_seed(seed)
    assert key.open(info, seal(key.public, info, plaintext)) == plaintext


def test_sealing_costs_its_stated_bytes(sealing: SealingKey) -> None:
    """1120 for the encapsulated key, 16 for the tag."""
    assert len(sealing.public.seal(b"", b"abc")) == OVERHEAD_BYTES + 3


def test_sealing_twice_gives_different_bytes(sealing: SealingKey) -> None:
    """Nobody sees that the same thing was sealed again."""
    assert sealing.public.seal(b"", b"abc") != sealing.public.seal(b"", b"abc")


def test_another_key_does_not_open(sealing: SealingKey) -> None:
    """Not even the umbrella's."""
    with pytest.raises(UnsealError):
        SealingKey.from_seed(b"\x0a" * 32).open(b"", sealing.public.seal(b"", b"abc"))


def test_another_info_does_not_open(sealing: SealingKey) -> None:
    """A push cannot be replayed as an answer to a pull."""
    with pytest.raises(UnsealError):
        sealing.open(b"pull", sealing.public.seal(b"push", b"abc"))


@pytest.mark.parametrize("position", [0, 1087, 1088, 1119, 1120, -1])
def test_an_altered_byte_does_not_open(position: int, sealing: SealingKey) -> None:
    """In the ML-KEM part, the X25519 part, the text or the tag."""
    sealed = bytearray(sealing.public.seal(b"", b"abc"))
    sealed[position] ^= 1
    with pytest.raises(UnsealError):
        sealing.open(b"", bytes(sealed))


@pytest.mark.parametrize("length", [0, 1, 1120, 1135])
def test_a_cut_message_does_not_open(length: int, sealing: SealingKey) -> None:
    """Whatever is left of it."""
    with pytest.raises(UnsealError):
        sealing.open(b"", sealing.public.seal(b"", b"abc")[:length])


def test_a_zero_shared_secret_does_not_open(sealing: SealingKey) -> None:
    """A small-order X25519 share is refused, not computed with."""
    sealed = sealing.public.seal(b"", b"abc")
    with pytest.raises(UnsealError):
        sealing.open(b"", sealed[:1088] + bytes(32) + sealed[1120:])


def test_a_weak_key_cannot_be_made() -> None:
    """The type itself is the proof of admission."""
    with pytest.raises(WeakKeyError):
        SealingPublicKey(bytes(1216))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_seed_of_another_length_is_refused(length: int) -> None:
    """32 bytes."""
    with pytest.raises(WeakKeyError, match="seed"):
        SealingKey.from_seed(bytes(length))


def test_generated_keys_differ() -> None:
    """They come from randomness."""
    assert SealingKey.generate().public != SealingKey.generate().public


def test_a_private_key_shows_only_its_id(sealing: SealingKey) -> None:
    """`repr` gives no seed away."""
    assert repr(sealing) == f"SealingKey({sealing.public.key_id})"


def test_a_private_key_is_not_pickled(sealing: SealingKey) -> None:
    """It would leave the process unencrypted."""
    with pytest.raises(TypeError, match="keyfile"):
        pickle.dumps(sealing)
