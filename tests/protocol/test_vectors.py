"""The bytes of version 1, frozen: whoever changes them no longer speaks it.

`tests/vectors/protocol_v1.json` was written by an independent encoder, for other implementations
as much as for this one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from keys import SigningKey
from protocol import answers, entry, messages, push
from protocol.checkpoint import Checkpoint, Origin, sign_checkpoint, verify_checkpoint
from protocol.merkle import CompactRange
from protocol.note import parse
from protocol.receipt import cosign, verify_receipt
from tests.protocol import oracle
from tests.protocol.conftest import vectors

VECTORS = Path(__file__).resolve().parent.parent / "vectors"
DOCS = VECTORS.parent.parent / "docs"
V1 = vectors("protocol_v1.json")
SECRET = bytes.fromhex(V1["node_secret"])


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    return [_plain(part) for part in value] if isinstance(value, list) else value


def _signer(seeds: list[str]) -> SigningKey:
    return SigningKey.from_seeds(bytes.fromhex(seeds[0]), bytes.fromhex(seeds[1]))


def _checkpoint() -> Checkpoint:
    origin = Origin.parse(V1["checkpoint"]["origin"])
    return Checkpoint(origin, V1["checkpoint"]["size"], bytes.fromhex(V1["roots"][-1]))


@pytest.mark.parametrize("vector", V1["entries"], ids=lambda one: one["name"])
def test_5_entries_have_the_bytes_of_version_1(vector: dict[str, Any]) -> None:
    """Read by us, their message is the vector's value; said by us, they are the same bytes."""
    raw = bytes.fromhex(vector["entry"])
    parts, message = messages.read(raw)
    said = msgspec.to_builtins(message, builtin_types=(bytes,))
    assert _lists(said) == _plain(vector["body"])
    assert (parts.kind, parts.id.hex(), parts.salt.hex()) == (
        vector["kind"],
        vector["id"],
        vector["salt"],
    )
    composed = entry.compose(
        SECRET,
        vector["kind"],
        vector["subject"],
        vector["revision"],
        V1["receiver"],
        messages.to_body(message),
    )
    assert entry.encode(composed) == raw
    assert entry.leaf(raw).hex() == vector["leaf"]


@pytest.mark.parametrize("vector", V1["entries"], ids=lambda one: one["name"])
def test_5_entries_are_what_an_independent_encoder_writes(vector: dict[str, Any]) -> None:
    """The vectors themselves stay honest."""
    identity, salt = bytes.fromhex(vector["id"]), bytes.fromhex(vector["salt"])
    raw = oracle.pack([1, vector["kind"], identity, salt, _plain(vector["body"])])
    assert raw.hex() == vector["entry"]


def test_8_1_roots_are_those_of_version_1() -> None:
    """The tree over the vectors' leaves, at every size."""
    edge, leaves = CompactRange(), [bytes.fromhex(one["leaf"]) for one in V1["entries"]]
    roots = [edge.root.hex()]
    for leaf in leaves:
        edge = edge.append(leaf)
        roots.append(edge.root.hex())
    assert roots == V1["roots"]


def test_8_4_a_checkpoint_of_version_1_verifies_and_is_written() -> None:
    """Ed25519 is deterministic and must match; ML-DSA is randomised and must verify."""
    key = _signer(V1["checkpoint"]["log_key_seeds"])
    raw = V1["checkpoint"]["note"].encode()
    assert verify_checkpoint(raw, [key.public]).checkpoint == _checkpoint()
    ours, theirs = parse(sign_checkpoint(_checkpoint(), key)), parse(raw)
    assert (ours.text, ours.signatures[0]) == (V1["checkpoint"]["text"], theirs.signatures[0])
    assert ours.signatures[1].key_hash == theirs.signatures[1].key_hash


def test_8_6_a_receipt_of_version_1_verifies_and_is_written() -> None:
    """As for checkpoints."""
    key = _signer(V1["receipt"]["receipt_key_seeds"])
    raw, time_s = V1["receipt"]["note"].encode(), V1["receipt"]["time_s"]
    assert verify_receipt(raw, _checkpoint(), [key.public]).time_s == time_s
    ours, theirs = parse(cosign(_checkpoint(), key, time_s)), parse(raw)
    assert ours.signatures[0] == theirs.signatures[0]
    assert ours.signatures[1].key_hash == theirs.signatures[1].key_hash


def test_8_7_frames_and_seals_are_those_of_version_1() -> None:
    """Framing, padding, and the string a seal is bound to."""
    vector = V1["frame"]
    framed = push.frame([bytes.fromhex(one) for one in vector["entries"]])
    assert framed == bytes.fromhex(vector["bytes_before_padding"]).ljust(vector["length"], b"\0")
    seal = V1["seal_info"]
    info = push.seal_info(
        push.Purpose(seal["purpose"]),
        seal["suite"],
        seal["key_id"],
        _checkpoint(),
        seal["start"],
        seal["end"],
    )
    assert info.hex() == seal["info"]


def test_9_1_answers_have_the_bytes_of_version_1() -> None:
    """Read and written."""
    raw = bytes.fromhex(V1["answer"]["bytes"])
    assert oracle.pack(_plain(V1["answer"]["value"])) == raw
    assert answers.to_bytes(answers.from_bytes(raw)) == raw


def _lists(value: Any) -> Any:
    """Give tuples as the lists that JSON holds."""
    return [_lists(part) for part in value] if isinstance(value, list | tuple) else value


def test_16_every_vector_is_named_where_an_implementer_looks() -> None:
    """Of ours in the norm, too: what nobody finds, nobody holds himself to."""
    readme, norm = (VECTORS / "README.md").read_text(), (DOCS / "protocol.md").read_text()
    files = {path.name for path in VECTORS.glob("*.json")}
    named = {name.replace("*", "") for name in re.findall(r"`([a-z0-9_*]+\.json)`", readme)}
    assert not [name for name in files if name not in named and not name.startswith("wycheproof_")]
    assert not [name for name in files if re.search(r"_v[0-9]+\.json$", name) and name not in norm]
