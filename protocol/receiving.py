"""The receiver of a channel: what it holds, and what it does with a push.

The theory, and why each rule is there, stands at the head of `channel.py`.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from protocol import messages
from protocol.answers import AnswerCode, Position
from protocol.checkpoint import VerifiedCheckpoint
from protocol.entry import leaves as leaves_of
from protocol.errors import MalformedError, TooLargeError
from protocol.merkle import EMPTY_EDGE, EMPTY_ROOT, CompactRange
from protocol.messages import EpochOpen


class ReceiverState(NamedTuple):
    """What a receiver holds of a channel; before the first epoch `epoch` is None."""

    epoch: bytes | None
    size: int
    edge: bytes
    root: bytes

    @property
    def position(self) -> Position:
        """The state as it is told."""
        return Position(self.epoch, self.size, self.root)


UNOPENED: Final = ReceiverState(None, 0, EMPTY_EDGE, EMPTY_ROOT)


class EpochIs(StrEnum):
    """How the epoch of a push stands to the receiver."""

    CURRENT = "current"
    CLOSED = "closed"
    NEW = "new"


class SizeIs(StrEnum):
    """How a push stands to what the receiver holds of its epoch."""

    HELD = "held"
    """Its checkpoint claims no more than we hold."""
    NEXT = "next"
    """It starts exactly where we end."""
    GAP = "gap"
    """It starts elsewhere."""


class Step(StrEnum):
    """What the receiver does with a push, told from its head alone."""

    TAKE = "take"
    OPEN = "open"
    COMPARE = "compare"
    REFUSE = "refuse"


class Sorted(NamedTuple):
    """A step and, for `REFUSE`, the answer."""

    step: Step
    code: AnswerCode | None = None


_WRONG_START: Final = Sorted(Step.REFUSE, AnswerCode.WRONG_START)
_CLOSED: Final = Sorted(Step.REFUSE, AnswerCode.CLOSED_EPOCH)

STEPS: Final[Mapping[tuple[EpochIs, SizeIs], Sorted]] = MappingProxyType(
    {
        (EpochIs.CURRENT, SizeIs.HELD): Sorted(Step.COMPARE),
        (EpochIs.CURRENT, SizeIs.NEXT): Sorted(Step.TAKE),
        (EpochIs.CURRENT, SizeIs.GAP): _WRONG_START,
        (EpochIs.CLOSED, SizeIs.HELD): Sorted(Step.COMPARE),
        (EpochIs.CLOSED, SizeIs.NEXT): _CLOSED,
        (EpochIs.CLOSED, SizeIs.GAP): _CLOSED,
        (EpochIs.NEW, SizeIs.HELD): Sorted(Step.REFUSE, AnswerCode.MALFORMED),
        (EpochIs.NEW, SizeIs.NEXT): Sorted(Step.OPEN),
        (EpochIs.NEW, SizeIs.GAP): _WRONG_START,
    }
)


class Accepted(NamedTuple):
    """A push that extends the channel: the new state, the new leaves, the epoch that it closed."""

    state: ReceiverState
    leaves: list[bytes]
    closed: Position | None


class Refusal(NamedTuple):
    """A push that changes nothing; `answers.ANSWERS` says what follows from the code."""

    code: AnswerCode


def sort_push(
    state: ReceiverState, checkpoint: VerifiedCheckpoint, start: int, closed_size: int | None
) -> Sorted:
    """Tell from the head of a push, before its body is read, what to do with it.

    `closed_size` is how much we hold of the push's epoch if that is one of the channel's closed
    ones, else None. The caller has looked for a stored receipt of this very checkpoint text
    before, and answered with it. `COMPARE`: call `compare` with the root of our own leaves.
    """
    epoch = checkpoint.origin.epoch
    if closed_size is not None:
        epoch_is, held = EpochIs.CLOSED, closed_size
    elif epoch == state.epoch:
        epoch_is, held = EpochIs.CURRENT, state.size
    else:
        epoch_is, held = EpochIs.NEW, 0
    if checkpoint.size <= held:
        return STEPS[epoch_is, SizeIs.HELD]
    return STEPS[epoch_is, SizeIs.NEXT if start == held else SizeIs.GAP]


def compare(state: ReceiverState, checkpoint: VerifiedCheckpoint, own_root: bytes) -> Refusal:
    """Judge a signed checkpoint of a size that we hold, against the root of our own leaves.

    A size that was passed is never cosigned anew; a root that differs is evidence of a fork, to
    be kept with our own note (`fork.py`), and stops the channel before a person.
    """
    if own_root != checkpoint.root:
        return Refusal(AnswerCode.FORK_SUSPECTED)
    current = checkpoint.origin.epoch == state.epoch
    return Refusal(AnswerCode.WRONG_START if current else AnswerCode.CLOSED_EPOCH)


def accept(
    state: ReceiverState,
    checkpoint: VerifiedCheckpoint,
    start: int,
    entries: Sequence[bytes],
    closed_size: int | None = None,
) -> Accepted | Refusal:
    """Take the entries of a push, or say why not; entries are opaque but for entry 0.

    Custody first, judgement later: whether an entry makes sense is not asked here. To be called
    within the transaction that then stores state, entries, leaves, the closed epoch and receipt.
    """
    step, code = sort_push(state, checkpoint, start, closed_size)
    if step is Step.REFUSE and code is not None:
        return Refusal(code)
    if step is Step.COMPARE or len(entries) != checkpoint.size - start:
        return Refusal(AnswerCode.MALFORMED)
    if step is Step.OPEN:
        return _accept_open(state, checkpoint, entries)
    return _extend(CompactRange.from_bytes(state.edge), checkpoint, entries, None)


def _accept_open(
    state: ReceiverState, checkpoint: VerifiedCheckpoint, entries: Sequence[bytes]
) -> Accepted | Refusal:
    try:
        _, first = messages.read(entries[0])
    except (MalformedError, TooLargeError):
        return Refusal(AnswerCode.MALFORMED)
    if not isinstance(first, EpochOpen):
        return Refusal(AnswerCode.MALFORMED)
    named = (first.predecessor_epoch, first.predecessor_size, first.predecessor_root)
    if named != (state.epoch, state.size, state.root):
        return Refusal(AnswerCode.OPEN_MISMATCH)
    closed = None if state.epoch is None else state.position
    return _extend(CompactRange(), checkpoint, entries, closed)


def _extend(
    edge: CompactRange,
    checkpoint: VerifiedCheckpoint,
    entries: Collection[bytes],
    closed: Position | None,
) -> Accepted | Refusal:
    leaves = leaves_of(entries)
    edge = edge.extend(leaves)
    root = edge.root
    if root != checkpoint.root:
        return Refusal(AnswerCode.ROOT_MISMATCH)
    state = ReceiverState(checkpoint.origin.epoch, edge.size, edge.to_bytes(), root)
    return Accepted(state, leaves, closed)
