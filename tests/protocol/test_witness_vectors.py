"""`witness_v1.json` through our own functions, and through the verifier written from the text."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from keys import SigningKey
from protocol.errors import TheirError
from protocol.ledger import LoggedHead, verify_ledger_head
from protocol.merkle import root_of
from protocol.showing import Parties, ShownPlace, from_bytes, to_bytes, verify_showing
from protocol.witness import (
    Submission,
    Witnessed,
    check_extends,
    conflicts,
    cosigners,
    head_of,
    take_cosignature,
    witnessed_at,
)
from tests.protocol.conftest import vectors
from tests.second import files, notes
from tests.second.basics import HybridKey, RefusedError

V1 = vectors("witness_v1.json")


def _key(name: str) -> Any:
    first, second = map(bytes.fromhex, V1[name])
    return SigningKey.from_seeds(first, second).public


LOG, WITNESS, OTHER = map(_key, ("log_key_seeds", "witness_key_seeds", "other_witness_key_seeds"))
LEAVES = [bytes.fromhex(one["leaf"]) for one in V1["leaves"]]
NOTE = V1["note"].encode()
WITNESSES = {V1["witness"]: [WITNESS], V1["other_witness"]: [OTHER]}
PARTIES = Parties(V1["network"], V1["owner"], V1["witness"], [LOG], WITNESSES)


def extends(raw: bytes) -> None:
    """Judge a submission as a witness does that holds the old head."""
    submission = Submission.parse(raw)
    head_of(submission.note)
    head = verify_ledger_head(submission.note, [LOG])
    held = Witnessed(submission.old_size, root_of(LEAVES[: submission.old_size]))
    assert not conflicts(submission, head, held)
    check_extends(submission, head, held)


READERS: dict[str, Callable[[bytes], object]] = {
    "submission": extends,
    "cosignature": lambda raw: take_cosignature(NOTE, raw, V1["witness"], [WITNESS]),
    "showing": lambda raw: verify_showing(from_bytes(raw), PARTIES),
}


def test_8_11_leaves_and_roots_are_those_of_the_vectors() -> None:
    """Made by an independent encoder."""
    for vector, leaf in zip(V1["leaves"], LEAVES, strict=True):
        said = LoggedHead(vector["origin"], vector["size"], bytes.fromhex(vector["root"]))
        assert said.leaf == leaf
        packed = files.pack_leaf(said.origin, said.size, said.root)
        assert packed.hex() == vector["packed"]
    for at, root in enumerate(V1["roots"]):
        assert root_of(LEAVES[: at + 1]).hex() == root


def test_8_12_submission_and_cosignature_are_those_of_the_vectors() -> None:
    """Read, judged, taken."""
    raw = V1["submission"].encode()
    extends(raw)
    assert Submission.parse(raw).to_bytes() == raw
    lines = V1["cosignature"].encode()
    assert READERS["cosignature"](lines) == (lines, V1["time_s"])
    times = cosigners(V1["cosigned_note"].encode(), WITNESSES)
    assert witnessed_at(times, ["gb-iwf", "de-eco"]) == V1["witnessed_s"]


def test_8_14_a_showing_is_that_of_the_vectors() -> None:
    """And encoded again it is the same bytes."""
    raw = bytes.fromhex(V1["showing"])
    assert to_bytes(from_bytes(raw)) == raw
    (place,) = verify_showing(from_bytes(raw), PARTIES)
    vector = V1["leaves"][V1["place"]]
    assert (str(place.origin), place.size) == (vector["origin"], vector["size"])
    assert isinstance(place, ShownPlace)
    assert place.witnessed_s is None, "one of the two witnesses is a party"


def test_8_12_the_text_alone_reads_the_same() -> None:
    """The second verifier, over the same notes."""
    log, witness, other = (HybridKey(key.ed25519, key.mldsa44) for key in (LOG, WITNESS, OTHER))
    head = notes.check_head(V1["cosigned_note"], [log], 32768)
    assert (head.is_ledger, head.root.hex()) == (True, V1["roots"][-1])
    found = notes.check_witnesses(
        V1["cosigned_note"], {V1["witness"]: [witness], V1["other_witness"]: [other]}, {}
    )
    assert found == {V1["witness"]: V1["time_s"], V1["other_witness"]: V1["witnessed_s"]}


@pytest.mark.parametrize("vector", V1["invalid"], ids=lambda one: f"{one['form']}: {one['name']}")
def test_invalid_bytes_are_refused_by_their_code(vector: dict[str, str]) -> None:
    """Whoever takes one of these could be deceived."""
    with pytest.raises(TheirError) as caught:
        READERS[vector["form"]](base64.b64decode(vector["raw"]))
    assert caught.value.code == vector["code"]


@pytest.mark.parametrize(
    "vector",
    [one for one in V1["invalid"] if one["form"] == "cosignature"],
    ids=lambda one: one["name"],
)
def test_invalid_cosignatures_are_none_by_the_text_alone(vector: dict[str, str]) -> None:
    """Refused, or nobody's."""
    note = V1["note"] + base64.b64decode(vector["raw"]).decode()
    witness = HybridKey(WITNESS.ed25519, WITNESS.mldsa44)
    with contextlib.suppress(RefusedError):
        assert notes.check_witnesses(note, {V1["witness"]: [witness]}, {}) == {}
