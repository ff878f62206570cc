"""`wire_v1.json`: a push, its request and its answer, byte for byte, made without our code."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from keys.errors import UnknownKeyError, UnsealError
from keys.sealing import SealingKey
from keys.signing import SigningKey, VerifyKey
from node.peer.errors import BadAnswerError, BadRequestSignatureError
from node.peer.http import signatures
from node.peer.http.signatures import HttpRequest, HttpResponse
from protocol import push as pushes
from protocol.checkpoint import Checkpoint, read_checkpoint
from protocol.entry import leaves
from protocol.merkle import CompactRange
from protocol.push import Purpose

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
V1: dict[str, Any] = json.loads((VECTORS / "wire_v1.json").read_bytes())
PUSH, ASKED, GIVEN = V1["push"], V1["request"], V1["answer"]
BODY = base64.b64decode(PUSH["body"])
OWN = ("Signature", "Signature-Input")


def signer(of: dict[str, Any]) -> SigningKey:
    """The transport key of whoever made it."""
    return SigningKey.from_seeds(bytes.fromhex(of["key_seed"]), None)


def find_key(member: str, key_id: str) -> VerifyKey:
    """The two members' keys."""
    for made in (ASKED, GIVEN):
        public = signer(made).public
        if (member, key_id) == (made["member"], public.key_id):
            return public
    raise UnknownKeyError("keyid: none")


def request(**change: str) -> HttpRequest:
    """The request, with headers of it changed."""
    return HttpRequest(ASKED["method"], ASKED["url"], CIMultiDict(ASKED["headers"] | change))


def answer(**change: str) -> HttpResponse:
    """The answer to it, with headers of it changed."""
    return HttpResponse(GIVEN["status"], CIMultiDict(GIVEN["headers"] | change), request())


def opened() -> tuple[Checkpoint, bytes, bytes]:
    """The checkpoint of the push, what its seal is bound to, and what is sealed."""
    head = pushes.read_head(BODY)
    checkpoint = read_checkpoint(head.note)
    place = PUSH["start"], PUSH["end"]
    info = pushes.seal_info(Purpose.PUSH, head.suite, head.key_id, checkpoint, *place)
    return checkpoint, info, BODY[pushes.head_length(BODY) :]


def test_8_7_push_opens_and_its_entries_give_the_root() -> None:
    """Under the key that the seed determines, with the `info` that the clause says."""
    key = SealingKey.from_seed(bytes.fromhex(PUSH["sealing_seed"]))
    assert base64.b64encode(key.public.raw).decode() == PUSH["sealing_key"]
    assert pushes.read_head(BODY).key_id == key.public.key_id
    checkpoint, info, sealed = opened()
    assert info.hex() == PUSH["info"]
    entries = pushes.unframe(key.open(info, sealed))
    assert len(entries) == PUSH["end"] == checkpoint.size
    assert CompactRange().extend(leaves(entries)).root == checkpoint.root


def test_8_7_push_does_not_open_for_another_range() -> None:
    """Nor under another `info` at all."""
    key = SealingKey.from_seed(bytes.fromhex(PUSH["sealing_seed"]))
    _, info, sealed = opened()
    with pytest.raises(UnsealError):
        key.open(info[:-1] + bytes((info[-1] ^ 1,)), sealed)


def test_9_4_request_is_signed_as_written_down() -> None:
    """We read it, and sign the same bytes."""
    said = signatures.verify_request(request(), find_key)
    assert (said.member, said.created_ms) == (ASKED["member"], 1000 * V1["created_s"])
    assert signatures.digest_field(said.body_sha256) == ASKED["headers"]["Content-Digest"]
    made = HttpRequest(ASKED["method"], ASKED["url"], CIMultiDict(request().headers))
    for name in OWN:
        del made.headers[name]
    nonce, now_ms = bytes.fromhex(V1["nonce"]), 1000 * V1["created_s"]
    signatures.sign_request(made, signer(ASKED), ASKED["member"], now_ms, nonce)
    assert dict(made.headers) == ASKED["headers"]


def test_9_4_answer_is_signed_as_written_down() -> None:
    """For this request and no other."""
    said = signatures.verify_answer(answer(), GIVEN["member"], find_key)
    assert signatures.digest_field(said.body_sha256) == GIVEN["headers"]["Content-Digest"]
    made = HttpResponse(GIVEN["status"], CIMultiDict(answer().headers), request())
    for name in OWN:
        del made.headers[name]
    signatures.sign_answer(made, signer(GIVEN), GIVEN["member"], 1000 * V1["created_s"])
    assert dict(made.headers) == GIVEN["headers"]


@pytest.mark.parametrize("name", ["Content-Digest", "Content-Type", "Content-Length"])
def test_9_4_changed_header_of_the_request_is_refused(name: str) -> None:
    """Each line of the base is covered."""
    with pytest.raises(BadRequestSignatureError):
        signatures.verify_request(request(**{name: ASKED["headers"][name] + "0"}), find_key)


@pytest.mark.parametrize("name", ["Content-Digest", "Content-Type"])
def test_9_4_changed_header_of_the_answer_is_refused(name: str) -> None:
    """As of the request."""
    changed = answer(**{name: GIVEN["headers"][name] + "0"})
    with pytest.raises(BadAnswerError):
        signatures.verify_answer(changed, GIVEN["member"], find_key)


@pytest.mark.parametrize("made", [ASKED, GIVEN], ids=["request", "answer"])
def test_9_4_base_is_what_was_signed(made: dict[str, Any]) -> None:
    """So that another implementation can compare line by line."""
    signature = base64.b64decode(made["headers"]["Signature"].removeprefix("hx1=:")[:-1])
    signer(made).public.verify_ed25519(signature, made["base"].encode())
