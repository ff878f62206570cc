"""The frozen vectors, read by the verifier that was written from the documents alone."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from tests.protocol.conftest import vectors
from tests.second.basics import HybridKey, RefusedError, sha256
from tests.second.files import about
from tests.second.notes import check_checkpoint, check_receipt

V1 = vectors("protocol_v1.json")
ENTRIES = V1["entries"] + vectors("protocol_v2.json")["entries"]


def key(seeds: list[str]) -> HybridKey:
    """Give the public key that two seeds determine."""
    first, second = map(bytes.fromhex, seeds)
    return HybridKey(
        Ed25519PrivateKey.from_private_bytes(first).public_key().public_bytes_raw(),
        MLDSA44PrivateKey.from_seed_bytes(second).public_key().public_bytes_raw(),
    )


LOG = key(V1["checkpoint"]["log_key_seeds"])
RECEIPT = key(V1["receipt"]["receipt_key_seeds"])
HEAD = check_checkpoint(V1["checkpoint"]["note"], [LOG])
READERS: dict[str, Callable[[bytes], object]] = {
    "entry": about,
    "checkpoint": lambda raw: check_checkpoint(raw.decode(), [LOG]),
    "receipt": lambda raw: check_receipt(raw.decode(), HEAD, V1["receiver"], [RECEIPT]),
}
INVALID = [one for one in vectors("invalid_v1.json")["tests"] if one["form"] in READERS]


@pytest.mark.parametrize("vector", ENTRIES, ids=lambda one: one["name"])
def test_5_every_entry_is_read_by_the_text_alone(vector: dict[str, Any]) -> None:
    """Its form, its fields and its leaf."""
    raw = bytes.fromhex(vector["entry"])
    about(raw)
    assert sha256(b"\0", raw).hex() == vector["leaf"]


def test_8_checkpoint_and_receipt_are_verified_by_the_text_alone() -> None:
    """Both halves of both signatures, and the time."""
    assert (HEAD.size, HEAD.root.hex()) == (V1["checkpoint"]["size"], V1["roots"][-1])
    time_s = check_receipt(V1["receipt"]["note"], HEAD, V1["receiver"], [RECEIPT])
    assert time_s == V1["receipt"]["time_s"]


@pytest.mark.parametrize("vector", INVALID, ids=lambda one: f"{one['form']}: {one['name']}")
def test_what_must_be_refused_is_refused_by_the_text_alone(vector: dict[str, Any]) -> None:
    """Where this verifier took one, the document would say too little."""
    raw = b64decode(vector["raw"]) + bytes(vector["zeros"])
    with pytest.raises((RefusedError, UnicodeDecodeError)):
        READERS[vector["form"]](raw)
