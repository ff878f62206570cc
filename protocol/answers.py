"""What a receiver answers to a push that it does not receipt (docs/protocol.md §9).

A push is answered by a receipt (`receipt.py`) or by an `Answer`, in a signed response. What each
code means in HTTP and what the sender does next is one table, `ANSWERS`. An answer that is not
signed by the receiver changes nothing and is retried: it is a middlebox's.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from protocol.errors import MalformedError, TooLargeError
from protocol.facts import Fact
from protocol.faults import explain
from protocol.fields import Count, EpochId, Sha256
from protocol.merkle import EMPTY_ROOT

MAX_ANSWER_BYTES: Final = 65536
MAX_ANCESTORS: Final = 64
NONCE_BYTES: Final = 16


class AnswerCode(StrEnum):
    """How a push, or a question about a channel's state, was answered."""

    STATE = "state"
    WRONG_START = "wrong_start"
    CLOSED_EPOCH = "closed_epoch"
    OPEN_MISMATCH = "open_mismatch"
    ROOT_MISMATCH = "root_mismatch"
    FORK_SUSPECTED = "fork_suspected"
    STOPPED = "stopped"
    REKEY = "rekey"
    REGISTRY_BEHIND = "registry_behind"
    BUSY = "busy"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    UNSEALABLE = "unsealable"
    NOT_PERMITTED = "not_permitted"


class Then(StrEnum):
    """What the sender does after an answer."""

    JUDGE = "judge"
    """Compare the told state with its own (`channel.judge`) and go on from there."""
    REFRESH = "refresh"
    """Bring the registry up to date on both sides, then the same push again."""
    LATER = "later"
    """The same push again after a pause."""
    STOP = "stop"
    """Stop the channel and show it to a person; nothing is lost meanwhile."""


class Answering(NamedTuple):
    """One row of the table: HTTP status, what the sender does, whether the channel stops here."""

    status: int
    then: Then
    stops_receiver: bool = False


ANSWERS: Final[Mapping[AnswerCode, Answering]] = MappingProxyType(
    {
        AnswerCode.STATE: Answering(200, Then.JUDGE),
        AnswerCode.WRONG_START: Answering(409, Then.JUDGE),
        AnswerCode.CLOSED_EPOCH: Answering(409, Then.JUDGE),
        AnswerCode.OPEN_MISMATCH: Answering(409, Then.JUDGE),
        AnswerCode.ROOT_MISMATCH: Answering(422, Then.STOP, stops_receiver=True),
        AnswerCode.FORK_SUSPECTED: Answering(422, Then.STOP, stops_receiver=True),
        AnswerCode.STOPPED: Answering(423, Then.STOP),
        AnswerCode.REKEY: Answering(421, Then.REFRESH),
        AnswerCode.REGISTRY_BEHIND: Answering(421, Then.REFRESH),
        AnswerCode.BUSY: Answering(429, Then.LATER),
        AnswerCode.TOO_LARGE: Answering(413, Then.STOP),
        AnswerCode.MALFORMED: Answering(400, Then.STOP),
        AnswerCode.UNSEALABLE: Answering(400, Then.STOP),
        AnswerCode.NOT_PERMITTED: Answering(403, Then.REFRESH),
    }
)


class Position(Fact, frozen=True):
    """How far a channel is: an epoch, its size and root. Before the first epoch: None, 0, empty."""

    epoch: EpochId | None
    size: Count
    root: Sha256

    def __post_init__(self) -> None:
        if (self.epoch is None) != (self.size == 0):
            raise ValueError("size: must be 0 exactly when there is no epoch")
        if self.epoch is None and self.root != EMPTY_ROOT:
            raise ValueError("root: must be that of the empty tree when there is no epoch")


NOTHING: Final = Position(None, 0, EMPTY_ROOT)

Nonce: TypeAlias = Annotated[bytes, Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]
NoteBytes: TypeAlias = Annotated[bytes, Meta(max_length=16384)]
Ancestors: TypeAlias = Annotated[tuple[Position, ...], Meta(max_length=MAX_ANCESTORS)]


class Told(Fact, frozen=True):
    """A channel's state as its receiver tells it.

    `checkpoint` is the sender's own signed note for `position`, None before the first epoch.
    `ancestors` are the closed epochs before it, newest first, as the entry 0s chained them; at
    most 64, enough for a sender that was restored from a backup to find one that it remembers.
    """

    position: Position
    checkpoint: NoteBytes | None
    ancestors: Ancestors

    def __post_init__(self) -> None:
        if (self.checkpoint is None) != (self.position.epoch is None):
            raise ValueError("checkpoint: must be present exactly when there is an epoch")


class Answer(Fact, frozen=True):
    """An answer: its code, the state for those codes that tell it, the nonce of the question."""

    version: Annotated[int, Meta(ge=1, le=1)]
    code: AnswerCode
    told: Told | None
    nonce: Nonce | None

    def __post_init__(self) -> None:
        if (self.told is None) and ANSWERS[self.code].then is Then.JUDGE:
            raise ValueError("told: must be present when the sender has to judge it")


_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(Answer)


def to_bytes(answer: Answer) -> bytes:
    """Return the canonical MessagePack of an answer, the body of the response."""
    return _encode(answer)


def from_bytes(raw: bytes) -> Answer:
    """Return the answer whose canonical form this is.

    Raises:
        TooLargeError: more than 64 KiB.
        MalformedError: not canonical, or a field out of its bounds, named.
    """
    if len(raw) > MAX_ANSWER_BYTES:
        raise TooLargeError(f"answer: at most {MAX_ANSWER_BYTES} bytes are allowed")
    try:
        answer = _decoder.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise explain(Answer, error) from None
    if _encode(answer) != raw:
        raise MalformedError("answer", "must be in canonical form")
    return answer
