"""What everybody must refuse, through our own functions: each by its code (`invalid_v1.json`)."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest

from keys import SigningKey
from protocol import answers, entry, messages, push
from protocol.checkpoint import Checkpoint, Origin, verify_checkpoint
from protocol.errors import TheirError
from protocol.messages import FORMS
from protocol.receipt import verify_receipt
from tests.protocol import invalid
from tests.protocol.conftest import vectors

VECTORS = vectors("invalid_v1.json")["tests"]
V1 = vectors("protocol_v1.json")


def _key(part: str, seeds: str) -> Any:
    first, second = (bytes.fromhex(seed) for seed in V1[part][seeds])
    return SigningKey.from_seeds(first, second).public


LOG = _key("checkpoint", "log_key_seeds")
RECEIPT = _key("receipt", "receipt_key_seeds")
CHECKPOINT = Checkpoint(
    Origin.parse(V1["checkpoint"]["origin"]),
    V1["checkpoint"]["size"],
    bytes.fromhex(V1["roots"][-1]),
)
READERS: Mapping[str, Callable[[bytes], object]] = {
    "entry": messages.read,
    "checkpoint": lambda raw: verify_checkpoint(raw, [LOG]),
    "receipt": lambda raw: verify_receipt(raw, CHECKPOINT, [RECEIPT]),
    "frame": push.unframe,
    "head": push.read_head,
    "answer": answers.from_bytes,
}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: f"{one['form']}: {one['name']}")
def test_invalid_bytes_are_refused_by_their_code(vector: dict[str, Any]) -> None:
    """Whoever takes one of these speaks another protocol."""
    raw = b64decode(vector["raw"]) + bytes(vector["zeros"])
    with pytest.raises(TheirError) as caught:
        READERS[vector["form"]](raw)
    assert caught.value.code == vector["code"]


def test_invalid_vectors_are_what_an_independent_writer_makes() -> None:
    """The file and its writer do not drift apart."""
    assert invalid.FILE.read_text(encoding="utf-8") == invalid.written()


def test_16_of_every_form_there_is_what_must_be_refused() -> None:
    """A form without one is read by others as they like."""
    shown = set()
    for vector in (one for one in VECTORS if one["form"] == "entry"):
        with suppress(TheirError):
            parts = entry.decode(b64decode(vector["raw"]) + bytes(vector["zeros"]))
            shown.add((parts.version, parts.kind))
    assert shown >= FORMS.keys()
