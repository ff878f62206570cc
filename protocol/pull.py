"""What is said when the receiver calls, because nobody can call it: the pull (§9.8).

A pull is a push turned round. The request carries what would be the answer: the state of the
channel, or how the last offer was refused, with the newest receipt. The answer carries what would
be the request: a push, and a question with a fresh nonce, which the next pull answers.

    body of the request  =  canonical MessagePack of a `Pull`
    body of the answer   =  nonce (16)                                     nothing waits
                         =  nonce (16) | epoch (8) | start (8) | push      the next signed push

Numbers are unsigned and big-endian; the push has the form of §8.7 and is sealed for purpose
`PULL`, so that no seal of the one way opens on the other. Judging it is the receiver's business,
by the same rules, whichever way it came.
"""

import struct
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from protocol import push as pushes
from protocol.answers import MAX_ANSWER_BYTES, NONCE_BYTES, Answer, NoteBytes
from protocol.checkpoint import EPOCH_BYTES, MAX_CHECKPOINT_BYTES
from protocol.errors import MalformedError, TooLargeError, UnsayableError
from protocol.facts import Fact
from protocol.faults import explain
from protocol.push import PushHead
from protocol.vocabulary import Lane

MAX_WAIT_S: Final = 60
MAX_PULL_BYTES: Final = MAX_ANSWER_BYTES + MAX_CHECKPOINT_BYTES + 64

_PLACE: Final = struct.Struct(f">{EPOCH_BYTES}sQ")
OFFER_PREFIX_BYTES: Final = NONCE_BYTES + _PLACE.size


class Pull(Fact, frozen=True):
    """A receiver's request for what waits for it.

    `wait_s` is how long the sender may hold it back while nothing waits. `receipt` is the newest
    of this channel, None before the first. `answer` answers the question that came with the last
    offer: `state`, or how the push in that offer was refused; its nonce is the question's.
    """

    version: Annotated[int, Meta(ge=1, le=1)]
    wait_s: Annotated[int, Meta(ge=0, le=MAX_WAIT_S)]
    receipt: NoteBytes | None
    answer: Answer

    def __post_init__(self) -> None:
        told = self.answer.told
        if told is not None and (told.position.epoch is None) != (self.receipt is None):
            raise ValueError("receipt: must be that of the told state")


class Offered(NamedTuple):
    """A push on its way to whoever asked for it: where it starts, its head, its sealed frame."""

    epoch: bytes
    start: int
    head: PushHead
    sealed: bytes


class Offer(NamedTuple):
    """What a sender answers to a pull: a question, and the next push if anything waits."""

    nonce: bytes
    push: Offered | None

    def to_bytes(self) -> bytes:
        """Return the body of the answer.

        Raises:
            UnsayableError: a nonce that has not 16 bytes, or a head that can't be said.
        """
        if len(self.nonce) != NONCE_BYTES:
            raise UnsayableError("offer.nonce: must be 16 fresh random bytes")
        if self.push is None:
            return self.nonce
        place = _PLACE.pack(self.push.epoch, self.push.start)
        return b"".join((self.nonce, place, self.push.head.to_bytes(), self.push.sealed))


def read_offer(raw: bytes) -> Offer:
    """Return the offer that these bytes are; nothing of it is to be believed yet.

    Raises:
        MalformedError, TooLargeError: not an offer; see `push.read_head`.
    """
    if len(raw) == NONCE_BYTES:
        return Offer(raw, None)
    if len(raw) < OFFER_PREFIX_BYTES:
        raise MalformedError("offer", "must be a nonce, or a nonce and a push")
    epoch, start = _PLACE.unpack_from(raw, NONCE_BYTES)
    body = memoryview(raw)[OFFER_PREFIX_BYTES:]
    end = pushes.head_length(bytes(body[: pushes.HEAD_PREFIX_BYTES]))
    head = pushes.read_head(bytes(body[:end]))
    return Offer(raw[:NONCE_BYTES], Offered(epoch, start, head, bytes(body[end:])))


def pull_path(receiver: str, lane: Lane, answer: Answer) -> str:
    """Return the path of the request by which `receiver` pulls; it names the epoch it is in."""
    return f"/hx1/channels/{receiver}/{lane}/{path_epoch(answer).hex()}/pull"


def path_epoch(answer: Answer) -> bytes:
    """Return the epoch that the path of a pull names: the told one, or zeros if none is told."""
    told = answer.told and answer.told.position.epoch
    return told or bytes(EPOCH_BYTES)


_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(Pull)


def to_bytes(pull: Pull) -> bytes:
    """Return the canonical MessagePack of a pull, the body of the request."""
    return _encode(pull)


def from_bytes(raw: bytes) -> Pull:
    """Return the pull whose canonical form this is.

    Raises:
        TooLargeError: more bytes than the largest answer and receipt have.
        MalformedError: not canonical, or a field out of its bounds, named.
    """
    if len(raw) > MAX_PULL_BYTES:
        raise TooLargeError(f"pull: at most {MAX_PULL_BYTES} bytes are allowed")
    try:
        pull = _decoder.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise explain(Pull, error) from None
    if _encode(pull) != raw:
        raise MalformedError("pull", "must be in canonical form")
    return pull
