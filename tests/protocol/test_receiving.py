"""§8.3, §8.7: the receiver takes what extends its state, and nothing else."""

from __future__ import annotations

import pytest

from protocol.answers import NOTHING, AnswerCode, Position
from protocol.channel import (
    STEPS,
    UNOPENED,
    Accepted,
    Channel,
    EpochIs,
    ReceiverState,
    Refusal,
    SizeIs,
    Step,
    accept,
    compare,
    cut,
    first_message,
    open_epoch,
    sort_push,
)
from protocol.checkpoint import Checkpoint, VerifiedCheckpoint
from protocol.entry import leaves
from protocol.merkle import EMPTY_ROOT
from protocol.messages import Message
from tests.protocol import oracle, samples

A, B, C = b"A" * 8, b"B" * 8, b"C" * 8


class Epoch:
    """An epoch as its sender signs it: entries, and a checkpoint at any size."""

    def __init__(self, channel: Channel, name: bytes, told: Position, count: int = 6) -> None:
        """Open from `told` and say `count` things after entry 0."""
        self.channel = channel
        self.name = name
        opening: Message = first_message(open_epoch(name, told))
        says = [samples.raw_entry(samples.ITEM, f"gb-iwf.{number}") for number in range(count)]
        self.entries = [samples.raw_entry(opening, name.hex()), *says]

    def at(self, size: int) -> VerifiedCheckpoint:
        """Give the checkpoint of the first `size` entries."""
        root = oracle.tree(leaves(self.entries[:size]))
        return VerifiedCheckpoint(Checkpoint(self.channel.origin(self.name), size, root))

    def push(self, state: ReceiverState, start: int, size: int) -> Accepted | Refusal:
        """Push entries `start` to `size` to a receiver."""
        return accept(state, self.at(size), start, self.entries[start:size])


def taken(answer: Accepted | Refusal) -> ReceiverState:
    """Give the new state of a push that must have been accepted."""
    assert isinstance(answer, Accepted)
    return answer.state


@pytest.fixture
def first(channel: Channel) -> Epoch:
    """Give the first epoch of the channel."""
    return Epoch(channel, A, NOTHING)


@pytest.fixture
def held(first: Epoch) -> ReceiverState:
    """Give a receiver that took three entries of the first epoch."""
    return taken(first.push(UNOPENED, 0, 3))


def test_8_7_the_first_push_opens_the_channel(first: Epoch, held: ReceiverState) -> None:
    """Entry 0 names nothing, which is what the receiver has."""
    assert held.position == Position(A, 3, oracle.tree(leaves(first.entries[:3])))
    opened = first.push(UNOPENED, 0, 3)
    assert isinstance(opened, Accepted)
    assert opened.closed is None


def test_8_7_a_push_that_starts_where_we_end_is_taken(first: Epoch, held: ReceiverState) -> None:
    """The root is recomputed from the edge and the new entries; no proof travels."""
    answer = first.push(held, 3, 7)
    assert isinstance(answer, Accepted)
    assert answer.leaves == leaves(first.entries[3:7])
    assert answer.closed is None
    assert answer.state.position == Position(A, 7, oracle.tree(leaves(first.entries)))


@pytest.mark.parametrize(("start", "size"), [(4, 6), (2, 6), (0, 6)])
def test_8_7_a_push_that_starts_elsewhere_is_told_the_state(
    first: Epoch, held: ReceiverState, start: int, size: int
) -> None:
    """A gap, or an overlap that claims more than we hold."""
    assert first.push(held, start, size) == Refusal(AnswerCode.WRONG_START)


def test_8_7_entries_that_do_not_make_the_root_are_refused(
    first: Epoch, held: ReceiverState
) -> None:
    """Nothing is stored that the sender's signature does not cover."""
    swapped = [first.entries[4], first.entries[3]]
    assert accept(held, first.at(5), 3, swapped) == Refusal(AnswerCode.ROOT_MISMATCH)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_8_7_a_push_holds_as_many_entries_as_its_range(
    first: Epoch, held: ReceiverState, count: int
) -> None:
    """Neither fewer nor more."""
    answer = accept(held, first.at(5), 3, first.entries[3 : 3 + count])
    assert answer == Refusal(AnswerCode.MALFORMED)


def test_8_3_a_new_epoch_closes_the_old_one(
    channel: Channel, first: Epoch, held: ReceiverState
) -> None:
    """Compare-and-swap on exactly the told state."""
    second = Epoch(channel, B, held.position)
    answer = second.push(held, 0, 2)
    assert isinstance(answer, Accepted)
    assert answer.closed == held.position
    assert answer.state.epoch == B


@pytest.mark.parametrize(
    "named",
    [
        NOTHING,
        Position(A, 2, b"\x33" * 32),
        Position(A, 3, b"\x33" * 32),
        Position(C, 3, b"\x33" * 32),
    ],
)
def test_8_3_an_opening_from_another_state_is_refused(
    channel: Channel, held: ReceiverState, named: Position
) -> None:
    """Epoch, size and root must all be ours: whoever was told something older opens anew."""
    assert Epoch(channel, B, named).push(held, 0, 2) == Refusal(AnswerCode.OPEN_MISMATCH)


def test_8_3_an_opening_from_something_is_refused_by_who_has_nothing(
    channel: Channel, held: ReceiverState
) -> None:
    """The receiver lost its disk: the sender is told so, and opens from nothing."""
    second = Epoch(channel, B, held.position)
    assert second.push(UNOPENED, 0, 2) == Refusal(AnswerCode.OPEN_MISMATCH)


def test_8_3_an_epoch_starts_with_its_opening(channel: Channel, held: ReceiverState) -> None:
    """Another entry, or garbage, in place of entry 0 opens nothing."""
    for wrong in (samples.raw_entry(samples.ITEM), b"garbage", b""):
        epoch = Epoch(channel, B, held.position)
        epoch.entries[0] = wrong
        assert epoch.push(held, 0, 2) == Refusal(AnswerCode.MALFORMED)


def test_8_3_an_unknown_epoch_starts_at_its_start(channel: Channel, held: ReceiverState) -> None:
    """The receiver was restored from a backup and tells what it has."""
    second = Epoch(channel, B, held.position)
    assert second.push(held, 2, 4) == Refusal(AnswerCode.WRONG_START)


def test_8_3_a_closed_epoch_stays_closed(
    channel: Channel, first: Epoch, held: ReceiverState
) -> None:
    """Late pushes of a process that died, or believes that it lives."""
    state = taken(Epoch(channel, B, held.position).push(held, 0, 2))
    for start, size in ((3, 5), (0, 5), (4, 6)):
        answer = accept(state, first.at(size), start, first.entries[start:size], closed_size=3)
        assert answer == Refusal(AnswerCode.CLOSED_EPOCH)


def test_8_7_what_we_hold_is_compared_and_never_taken_again(
    first: Epoch, held: ReceiverState
) -> None:
    """An older size, or the same again without a stored receipt."""
    for size in (1, 2, 3):
        assert sort_push(held, first.at(size), 0, None).step is Step.COMPARE
        assert first.push(held, 0, size) == Refusal(AnswerCode.MALFORMED)


def test_8_9_an_older_checkpoint_with_our_root_is_merely_late(
    first: Epoch, held: ReceiverState
) -> None:
    """It is answered with the state; an older size is never cosigned anew."""
    own_root = oracle.tree(leaves(first.entries[:2]))
    assert compare(held, first.at(2), own_root) == Refusal(AnswerCode.WRONG_START)


def test_8_9_an_older_checkpoint_of_a_closed_epoch_is_merely_late(
    channel: Channel, first: Epoch, held: ReceiverState
) -> None:
    """The same for an epoch that is closed."""
    state = taken(Epoch(channel, B, held.position).push(held, 0, 2))
    own_root = oracle.tree(leaves(first.entries[:2]))
    assert sort_push(state, first.at(2), 0, 3).step is Step.COMPARE
    assert compare(state, first.at(2), own_root) == Refusal(AnswerCode.CLOSED_EPOCH)


def test_8_9_an_older_checkpoint_with_another_root_is_suspected(
    channel: Channel, first: Epoch, held: ReceiverState
) -> None:
    """Two signed roots for one origin and size."""
    fork = Epoch(channel, A, NOTHING)
    fork.entries[1] = samples.raw_entry(samples.ITEM, "gb-iwf.other")
    own_root = oracle.tree(leaves(first.entries[:2]))
    assert compare(held, fork.at(2), own_root) == Refusal(AnswerCode.FORK_SUSPECTED)


def test_8_7_an_empty_checkpoint_is_malformed(channel: Channel, held: ReceiverState) -> None:
    """Size 0 in a new epoch says nothing."""
    empty = VerifiedCheckpoint(Checkpoint(channel.origin(B), 0, EMPTY_ROOT))
    assert accept(held, empty, 0, []) == Refusal(AnswerCode.MALFORMED)


def test_8_7_every_push_has_its_row() -> None:
    """The table is closed."""
    assert set(STEPS) == {(epoch, size) for epoch in EpochIs for size in SizeIs}


def test_8_7_sender_and_receiver_agree_on_every_root(channel: Channel) -> None:
    """What one cuts in pieces, the other takes in pieces."""
    state, held = open_epoch(A, NOTHING), UNOPENED
    epoch = Epoch(channel, A, NOTHING, count=40)
    for start, size in ((0, 1), (1, 8), (8, 9), (9, 41)):
        state, checkpoint = cut(channel, state, leaves(epoch.entries[start:size]))
        verified = VerifiedCheckpoint(checkpoint)
        held = taken(accept(held, verified, start, epoch.entries[start:size]))
        assert (held.size, held.root, held.edge) == (state.size, state.root, state.edge)
