"""`signed_v1.json`: requests without a body, answers and refusals, by our code and by another."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from multidict import CIMultiDict

from keys.errors import UnknownKeyError
from keys.signing import SigningKey, VerifyKey
from node.peer.errors import AlteredBodyError, BadAnswerError, PeerError
from node.peer.http import signatures, wire
from node.peer.http.signatures import HttpRequest, HttpResponse
from protocol import answers
from tests.protocol import asked as writer
from tests.protocol.conftest import vectors
from tests.second import signed as second
from tests.second.basics import HybridKey, RefusedError

V1 = vectors("signed_v1.json")
KEYS = {
    member: SigningKey.from_seeds(bytes.fromhex(seed), None)
    for member, seed in V1["key_seeds"].items()
}
OWN = ("Signature", "Signature-Input")
OURS = [one for one in V1["exchanges"] if one["request"]["headers"]["Signature"][:5] == "hx1=:"]
"""Of those in which nothing is spelled otherwise than we do."""
RIGHT = pytest.mark.parametrize("made", V1["exchanges"], ids=lambda one: one["name"])
WRONG = pytest.mark.parametrize("made", V1["invalid_requests"], ids=lambda one: one["name"])
BELIED = pytest.mark.parametrize("made", V1["invalid_answers"], ids=lambda one: one["name"])


def find_key(member: str, key_id: str) -> VerifyKey:
    """The two members' keys."""
    key = KEYS.get(member)
    if key is None or key.public.key_id != key_id:
        raise UnknownKeyError("keyid: none")
    return key.public


def request(asked: dict[str, Any]) -> HttpRequest:
    """A request as our listener sees it."""
    return HttpRequest(asked["method"], asked["url"], CIMultiDict(asked["headers"]))


def check_request(asked: dict[str, Any]) -> signatures.SignedRequest:
    """Verify a request that brought no body, as our listener does."""
    said = signatures.verify_request(request(asked), find_key)
    if said.body_sha256 != hashlib.sha256().digest():
        raise AlteredBodyError
    return said


def check_answer(asked: dict[str, Any], given: dict[str, Any]) -> bytes:
    """Verify an answer, as our client does; give its body."""
    response = HttpResponse(given["status"], CIMultiDict(given["headers"]), request(asked))
    said = signatures.verify_answer(response, given["member"], find_key)
    body = base64.b64decode(given["body"])
    if said.body_sha256 != hashlib.sha256(body).digest():
        raise BadAnswerError
    if given["headers"]["Content-Type"] == wire.REFUSAL_TYPE and not wire.read_refusal(body):
        raise BadAnswerError
    return body


def second_keys(member: str) -> list[HybridKey]:
    """The transport keys of a member, for the other verifier."""
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(V1["key_seeds"][member]))
    return [HybridKey(private.public_key().public_bytes_raw(), None)]


def second_request(asked: dict[str, Any]) -> str:
    """Verify a request without a body, by the text alone."""
    at = urlsplit(asked["url"])
    headers = {name.lower(): value for name, value in asked["headers"].items()}
    values = second.request_values(asked["method"], at.netloc, at.path, at.query, headers)
    second.check_no_body(headers)
    return second.check_request(values, headers, second_keys(asked["member"]), asked["member"])


def second_answer(asked: dict[str, Any], given: dict[str, Any]) -> None:
    """Verify an answer, by the text alone."""
    sent = second.Sent(asked["method"], urlsplit(asked["url"]).path, asked["headers"]["Signature"])
    headers = given["headers"]
    kind, body = headers["Content-Type"], base64.b64decode(given["body"])
    answer = second.Answered(given["status"], kind, body)
    second.check_answer(sent, answer, headers, second_keys(given["member"]), given["member"])
    if kind == wire.REFUSAL_TYPE:
        second.read_refusal(body)


@pytest.fixture(autouse=True)
def at_that_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the other verifier judge times by a clock that shows when the requests were made."""
    monkeypatch.setattr("tests.second.signed.time.time", lambda: float(V1["created_s"]))


def test_file_is_what_its_writer_writes() -> None:
    """Which imports nothing of ours, and draws nothing at random."""
    assert writer.FILE.read_text() == writer.text()


@RIGHT
def test_9_4_signed_exchange_is_read(made: dict[str, Any]) -> None:
    """By our code and by the text alone."""
    said = check_request(made["request"])
    assert (said.member, said.nonce.hex()) == (made["request"]["member"], V1["nonce"])
    assert second_request(made["request"]) == V1["nonce"]
    check_answer(made["request"], made["answer"])
    second_answer(made["request"], made["answer"])


@RIGHT
def test_9_4_base_is_what_was_signed(made: dict[str, Any]) -> None:
    """So that another implementation can compare line by line."""
    for one in (made["request"], made["answer"]):
        signature = base64.b64decode(one["headers"]["Signature"].partition("=:")[2][:-1])
        KEYS[one["member"]].public.verify_ed25519(signature, one["base"].encode())


@pytest.mark.parametrize("made", OURS, ids=lambda one: one["name"])
def test_9_4_we_sign_the_same_bytes(made: dict[str, Any]) -> None:
    """Where order and label are ours."""
    asked, given = made["request"], made["answer"]
    mine = request(asked)
    answer = HttpResponse(given["status"], CIMultiDict(given["headers"]), request(asked))
    for message in (mine, answer):
        for name in OWN:
            del message.headers[name]
    now_ms = 1000 * V1["created_s"]
    nonce = bytes.fromhex(V1["nonce"])
    signatures.sign_request(mine, KEYS[asked["member"]], asked["member"], now_ms, nonce)
    signatures.sign_answer(answer, KEYS[given["member"]], given["member"], now_ms)
    assert dict(mine.headers) == asked["headers"]
    assert dict(answer.headers) == given["headers"]


def test_9_1_state_that_is_told_answers_the_question() -> None:
    """With the question's own nonce."""
    made = V1["exchanges"][0]
    answer = answers.from_bytes(base64.b64decode(made["answer"]["body"]))
    assert answer.nonce is not None
    assert made["request"]["url"].endswith(f"?nonce={answer.nonce.hex()}")


@WRONG
def test_9_4_wrong_request_is_refused(made: dict[str, Any]) -> None:
    """With the code that is written down; the text alone refuses it, too."""
    with pytest.raises(PeerError) as refusal:
        check_request(made["request"])
    assert refusal.value.code == made["code"]
    with pytest.raises((RefusedError, KeyError)):
        second_request(made["request"])


@BELIED
def test_9_4_wrong_answer_is_not_believed(made: dict[str, Any]) -> None:
    """An unsigned refusal neither: it is a middlebox's."""
    with pytest.raises(PeerError) as refusal:
        check_answer(made["request"], made["answer"])
    assert refusal.value.code == made["code"]
    with pytest.raises((RefusedError, KeyError)):
        second_answer(made["request"], made["answer"])
