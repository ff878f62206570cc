"""Notes, checkpoints and keys that other programs of the transparency ecosystem made (R6)."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from keys import VerifyKey
from keys.errors import BadSignatureError
from protocol import note
from tests.protocol.conftest import vectors

PUBLIC = vectors("c2sp_notes.json")


def name(vector: dict[str, Any]) -> str:
    """Name a vector after where it stands."""
    return str(vector["name"])


def taken_apart(vkey: str) -> tuple[str, int, bytes]:
    """The name, signature type and public key of a verifier key."""
    key_name, _, material = vkey.split("+", 2)
    decoded = base64.b64decode(material)
    return key_name, decoded[0], decoded[1:]


@pytest.mark.parametrize("vector", PUBLIC["verified"], ids=name)
def test_8_4_a_note_of_another_program_verifies(vector: dict[str, str]) -> None:
    """Its text, down to the last newline, is what the key signed."""
    key_name, kind, public = taken_apart(vector["vkey"])
    read = note.parse(vector["note"].encode())
    signature = note.find(read, key_name, kind, public)
    assert signature is not None
    VerifyKey(public).verify_ed25519(signature, read.text.encode())
    with pytest.raises(BadSignatureError):
        VerifyKey(public).verify_ed25519(signature, read.text.rstrip().encode())
    assert note.render(read.text, read.signatures) == vector["note"].encode()


@pytest.mark.parametrize("vector", PUBLIC["verified"] + PUBLIC["keys"], ids=name)
def test_8_4_a_verifier_key_of_another_program_has_the_hash_we_compute(
    vector: dict[str, str],
) -> None:
    """For a log and for a cosigner: the type of signature is part of the hash."""
    assert note.vkey(*taken_apart(vector["vkey"])) == vector["vkey"]


def test_8_6_a_cosigned_checkpoint_is_taken_apart() -> None:
    """A cosignature says when, before its 64 bytes; the log's own signature does not."""
    read = note.parse(PUBLIC["cosigned"]["note"].encode())
    log, witness = read.signatures
    assert read.text.splitlines()[:2] == ["example.com/behind-the-sofa", "20852163"]
    assert (log.name, len(log.signature)) == ("example.com/behind-the-sofa", 64)
    assert (witness.name, len(witness.signature)) == ("witness.example.com/w1", 8 + 64)
    assert int.from_bytes(witness.signature[:8], "big") == 1_679_315_147
