"""What client and listener must spell alike: paths, media types, limits, refusals, `hello`."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import msgspec

from keys.network import Limits
from node.peer.errors import RefusedRequestError
from protocol import answers
from protocol.answers import ANSWERS, MAX_ANSWER_BYTES, Answer, AnswerCode
from protocol.checkpoint import MAX_CHECKPOINT_BYTES
from protocol.pull import OFFER_PREFIX_BYTES
from protocol.push import BUCKETS, HEAD_PREFIX_BYTES
from protocol.recovery import PAGE_PREFIX_BYTES
from protocol.vocabulary import Lane

VERSIONS: Final = (1,)
PREFIX: Final = "/hx1/"
HELLO_PATH: Final = "/hx1/hello"
OK: Final = 200
CONFLICT: Final = 409

PUSH_TYPE: Final = "application/hx1-push"
RECEIPT_TYPE: Final = "application/hx1-receipt"
ANSWER_TYPE: Final = "application/hx1-answer"
PULL_TYPE: Final = "application/hx1-pull"
OFFER_TYPE: Final = "application/hx1-offer"
RECOVER_TYPE: Final = "application/hx1-recover"
PAGE_TYPE: Final = "application/hx1-recovered"
STANDING_TYPE: Final = "application/hx1-standing"
REFUSAL_TYPE: Final = "application/hx1-refusal"
HELLO_TYPE: Final = "application/json"
SHOWING_TYPE: Final = "application/hx1-showing"
LINEAGE_TYPE: Final = "application/hx1-lineage"
SUBMISSION_TYPE: Final = "text/plain"
COSIGNATURE_TYPE: Final = "text/plain"
SIZE_TYPE: Final = "text/x.tlog.size"
"""Of C2SP tlog-witness."""

MAX_REPLY_BYTES: Final = max(MAX_ANSWER_BYTES, MAX_CHECKPOINT_BYTES)
MAX_SEAL_BYTES: Final = 4096
"""What sealing may add to a frame; today 1136 bytes."""

MAX_EMPTY_OFFER_BYTES: Final = 64
"""More than an offer of nothing has, and less than any push."""

_QUESTION: Final = re.compile(r"nonce=(?P<nonce>[0-9a-f]{32})")
_REASON: Final = re.compile(rb"[a-z]+(?:_[a-z]+){0,5}")
_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,15})\n")
_MAX_REASON_BYTES: Final = 48


class Wire(NamedTuple):
    """A response before it is signed."""

    status: int
    media_type: str
    body: bytes


class Hello(msgspec.Struct, frozen=True):
    """What a node says of itself: for people who look for a fault, never for negotiation.

    Attributes:
        member: member id.
        network: network id.
        versions: of the protocol; those that count stand in the member document.
        time_ms: its clock, UTC.
        registry: root and timestamp version of the registry it goes by.
    """

    member: str
    network: str
    versions: tuple[int, ...]
    time_ms: int
    registry: tuple[int, int]


def submission_path(owner: str) -> str:
    """Return the path at which a witness takes the heads of `owner`'s ledger."""
    return f"{PREFIX}witness/{owner}/add-checkpoint"


def held_size(size: int) -> Wire:
    """Return what an owner is told that believes the witness at another size."""
    return Wire(CONFLICT, SIZE_TYPE, f"{size}\n".encode())


def read_size(body: bytes) -> int | None:
    """Return the size that a witness holds, if the body is one."""
    found = _SIZE.fullmatch(body)
    return int(found[1]) if found else None


def read_hello(body: bytes) -> Hello | None:
    """Return what a node says of itself, if the body is that; however deep it nests."""
    try:
        return msgspec.json.decode(body, type=Hello)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def question_path(sender: str, lane: Lane, nonce: bytes) -> str:
    """Return the path and query that ask for the state of the channel from `sender`."""
    return f"{PREFIX}channels/{sender}/{lane}?nonce={nonce.hex()}"


def question_nonce(query: str) -> bytes | None:
    """Return the nonce of a question, if its query is nothing but one."""
    found = _QUESTION.fullmatch(query)
    return bytes.fromhex(found["nonce"]) if found else None


def max_push_bytes(limits: Limits) -> int:
    """Return the length that the body of a push may have under a network's limits."""
    frame = max(limits.push_bytes, BUCKETS[0])
    return HEAD_PREFIX_BYTES + MAX_CHECKPOINT_BYTES + frame + MAX_SEAL_BYTES


def max_offer_bytes(limits: Limits) -> int:
    """Return the length that an offer may have under a network's limits."""
    return OFFER_PREFIX_BYTES + max_push_bytes(limits)


def max_page_bytes() -> int:
    """Return the length that a page of a recovery may have."""
    prefix = PAGE_PREFIX_BYTES + HEAD_PREFIX_BYTES
    return prefix + 2 * MAX_CHECKPOINT_BYTES + BUCKETS[-1] + MAX_SEAL_BYTES


def is_fruitful(reply: Wire) -> bool:
    """Whether entries changed hands: a receipt, a page, or an offer that is not empty.

    And the answer to a page that was brought; what that costs is bounded by its bytes.
    """
    if reply.media_type in (PAGE_TYPE, RECOVER_TYPE):
        return True
    offered = reply.media_type == OFFER_TYPE and len(reply.body) > MAX_EMPTY_OFFER_BYTES
    return offered or reply.media_type == RECEIPT_TYPE


def answered(answer: Answer) -> Wire:
    """Return an answer as it goes out."""
    return Wire(ANSWERS[answer.code].status, ANSWER_TYPE, answers.to_bytes(answer))


def answer(code: AnswerCode, nonce: bytes | None = None) -> Wire:
    """Return an answer that is nothing but its code, and the question's nonce."""
    return answered(Answer(1, code, None, nonce))


def refusal(error: RefusedRequestError) -> Wire:
    """Return what a refused caller is told: the code, nothing else."""
    return Wire(error.status, REFUSAL_TYPE, error.code.encode())


def read_refusal(body: bytes) -> str | None:
    """Return the code of a refusal, if it is one: lower-case letters and `_`."""
    if len(body) > _MAX_REASON_BYTES or not _REASON.fullmatch(body):
        return None
    return body.decode()
