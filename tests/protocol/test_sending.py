"""§8.3, §8.5: the sender opens, cuts, judges what it is told, and knows what is settled."""

from __future__ import annotations

import pytest

from protocol.answers import NOTHING, Position
from protocol.channel import (
    NEXT,
    Again,
    Channel,
    Next,
    SenderState,
    Standing,
    again,
    chain_of,
    cut,
    first_message,
    is_settled,
    judge,
    open_epoch,
    tenure_holds,
)
from protocol.errors import UnsayableError
from protocol.merkle import EMPTY_ROOT, leaf_hash
from protocol.messages import EpochOpen
from protocol.vocabulary import Kind
from tests.protocol import oracle


def _forgotten(_epoch: bytes) -> Position | None:
    """Remember no epoch at all."""
    return None


LEAVES = [leaf_hash(b"%d" % number) for number in range(10)]
A, B, C = b"A" * 8, b"B" * 8, b"C" * 8


@pytest.fixture
def tenure(channel: Channel) -> SenderState:
    """Give a sender that opened epoch A from nothing and signed three entries."""
    return cut(channel, open_epoch(A, NOTHING), LEAVES[:3]).state


def test_8_3_an_epoch_opens_from_what_was_told() -> None:
    """Entry 0 names exactly the told state."""
    told = Position(A, 3, b"\x33" * 32)
    assert first_message(open_epoch(B, told)) == EpochOpen(A, 3, b"\x33" * 32)


def test_8_3_the_first_epoch_opens_from_nothing() -> None:
    """No predecessor, size 0, the root of the empty tree."""
    state = open_epoch(A, NOTHING)
    assert first_message(state) == EpochOpen(None, 0, EMPTY_ROOT)
    assert (state.epoch, state.size, state.root) == (A, 0, EMPTY_ROOT)


@pytest.mark.parametrize("epoch", [b"", b"A" * 7, b"A" * 9, A])
def test_8_3_an_epoch_has_a_fresh_id(epoch: bytes) -> None:
    """Eight bytes, and not the id of the epoch before."""
    with pytest.raises(UnsayableError):
        open_epoch(epoch, Position(A, 3, b"\x33" * 32))


def test_8_3_a_cut_gives_the_checkpoint_over_all_entries(channel: Channel) -> None:
    """Size and root of the whole epoch, whatever the pieces it was cut in."""
    first = cut(channel, open_epoch(A, NOTHING), LEAVES[:3])
    second = cut(channel, first.state, LEAVES[3:])
    assert second.checkpoint == (channel.origin(A), 10, oracle.tree(LEAVES))
    assert (second.state.size, second.state.root) == (10, oracle.tree(LEAVES))


def test_8_3_nothing_is_cut_from_nothing(channel: Channel) -> None:
    """A push carries at least one entry."""
    with pytest.raises(UnsayableError):
        cut(channel, open_epoch(A, NOTHING), [])


def test_8_5_agreed_sends_on_from_the_told_size(tenure: SenderState) -> None:
    """Wrong start is the whole catch-up protocol."""
    told = Position(A, 2, b"\x33" * 32)
    assert judge(tenure, told, told.root) == (Standing.AGREED, Next.SEND_ON, 2)


def test_8_5_agreed_on_everything_sends_on_from_the_end(tenure: SenderState) -> None:
    """The commonest answer: the receiver holds all that was signed."""
    told = Position(A, tenure.size, tenure.root)
    assert judge(tenure, told, told.root) == (Standing.AGREED, Next.SEND_ON, tenure.size)


def test_8_5_awaited_sends_the_epoch_from_its_start(tenure: SenderState) -> None:
    """The opening got lost on its way."""
    assert judge(tenure, NOTHING, None) == (Standing.AWAITED, Next.SEND_ON, 0)


def test_8_5_behind_opens_a_new_epoch(channel: Channel) -> None:
    """The receiver was restored from a backup, or never got our predecessor's last pushes."""
    state = cut(channel, open_epoch(B, Position(A, 3, b"\x33" * 32)), LEAVES[:1]).state
    earlier = Position(A, 2, b"\x32" * 32)
    assert judge(state, earlier, earlier.root) == (Standing.BEHIND, Next.OPEN, 0)
    assert judge(state, NOTHING, None) == (Standing.BEHIND, Next.OPEN, 0)


def test_8_5_a_fresh_process_opens_its_own_epoch() -> None:
    """A process never signs in an epoch that it did not open."""
    told = Position(A, 2, b"\x32" * 32)
    assert judge(None, told, told.root) == (Standing.BEHIND, Next.OPEN, 0)
    assert judge(None, NOTHING, None) == (Standing.BEHIND, Next.OPEN, 0)


def test_8_5_a_checkpoint_that_we_do_not_remember_stops_the_channel(tenure: SenderState) -> None:
    """A stolen key, or our own old backup: never silently adopted."""
    unknown = Position(C, 9, b"\x39" * 32)
    assert judge(tenure, unknown, None) == (Standing.STRANGE, Next.STOP, 0)
    assert judge(None, unknown, None) == (Standing.STRANGE, Next.STOP, 0)


def test_8_5_another_root_than_the_one_we_signed_stops_the_channel(tenure: SenderState) -> None:
    """Even in our own epoch, at a size that we signed."""
    told = Position(A, 2, b"\x33" * 32)
    assert judge(tenure, told, b"\x34" * 32).standing is Standing.STRANGE


def test_8_5_a_larger_state_than_ours_in_our_epoch_stops_the_channel(tenure: SenderState) -> None:
    """Somebody signs in an epoch that this process opened."""
    told = Position(A, 4, b"\x33" * 32)
    assert judge(tenure, told, told.root).standing is Standing.STRANGE


def test_8_5_every_standing_has_its_row() -> None:
    """The table is closed."""
    assert set(NEXT) == set(Standing)


def test_8_5_a_tenure_ends_when_the_database_disagrees(
    channel: Channel, tenure: SenderState
) -> None:
    """A stale replica was promoted, or another process took over."""
    assert tenure_holds(tenure, SenderState(*tenure))
    assert not tenure_holds(cut(channel, tenure, LEAVES[3:4]).state, tenure)
    assert not tenure_holds(tenure, None)


def test_8_5_settled_is_what_lies_in_the_told_state_or_its_ancestors() -> None:
    """Through entry 0s, as far as each successor named its predecessor."""
    opened = {B: Position(A, 3, b"a" * 32), A: NOTHING}
    chain = chain_of(Position(B, 2, b"b" * 32), (), opened.get, _nothing)
    assert is_settled(chain, B, 1)
    assert not is_settled(chain, B, 2)
    assert is_settled(chain, A, 2)
    assert not is_settled(chain, A, 3)
    assert not is_settled(chain, C, 0)


def test_8_5_a_receipt_outside_the_told_chain_settles_nothing() -> None:
    """The receiver lost epoch B with its disk: its receipts for B are evidence, no more."""
    opened = {B: Position(A, 3, b"a" * 32), A: NOTHING}
    chain = chain_of(Position(A, 2, b"b" * 32), (), opened.get, _nothing)
    assert not is_settled(chain, B, 0)
    assert not is_settled(chain, A, 2)


def test_8_5_told_ancestors_bridge_what_we_forgot() -> None:
    """A sender restored from a backup does not know the epochs that it lost."""
    ancestors = (Position(B, 5, b"b" * 32), Position(A, 3, b"a" * 32))
    chain = chain_of(
        Position(C, 2, b"c" * 32), ancestors, {A: NOTHING}.get, lambda epoch: 9 * (epoch == A)
    )
    assert dict(chain) == {C: 2, B: 0, A: 3}


@pytest.mark.parametrize(
    ("receipts", "held"),
    [
        ({}, {C: 0, B: 0, A: 0}),
        ({B: 2}, {C: 0, B: 2, A: 7}),
        ({C: 1, B: 2}, {C: 1, B: 6, A: 7}),
    ],
)
def test_8_5_told_ancestors_settle_no_more_than_was_receipted(
    receipts: dict[bytes, int], held: dict[bytes, int]
) -> None:
    """They are the receiver's word alone; one receipt holds what the entry 0 of its epoch names."""
    opened = {C: Position(B, 6, b"b" * 32), B: Position(A, 7, b"a" * 32), A: NOTHING}
    told, ancestors = Position(b"D" * 8, 2, b"d" * 32), (Position(C, 5, b"c" * 32),)
    chain = chain_of(told, ancestors, opened.get, lambda epoch: receipts.get(epoch, 0))
    assert dict(chain) == {told.epoch: 2} | held


def test_8_5_our_own_memory_of_a_predecessor_comes_first() -> None:
    """What we signed in an entry 0 outweighs what somebody tells about it."""
    opened = {B: Position(A, 3, b"a" * 32), A: NOTHING}
    lie = (Position(A, 300, b"a" * 32),)
    assert dict(chain_of(Position(B, 2, b"b" * 32), lie, opened.get, _nothing)) == {B: 2, A: 3}


def test_8_5_a_circle_of_ancestors_ends() -> None:
    """A hostile answer costs a bounded walk."""
    circle = (Position(B, 1, b"b" * 32), Position(A, 1, b"a" * 32))
    chain = chain_of(Position(A, 2, b"a" * 32), circle, _forgotten, _nothing)
    assert dict(chain) == {A: 2, B: 0}


def test_8_5_nothing_told_settles_nothing() -> None:
    """A receiver that lost everything is filled from the start."""
    assert dict(chain_of(NOTHING, (), _forgotten, _nothing)) == {}


def _nothing(_epoch: bytes) -> int:
    return 0


AGAIN = {
    (Kind.ITEM, "settled"): Again.NOTHING,
    (Kind.ITEM, "settled, erased"): Again.NOTHING,
    (Kind.ITEM, ""): Again.APPEND,
    (Kind.ITEM, "erased"): Again.TOMBSTONE,
    (Kind.TOMBSTONE, ""): Again.APPEND,
    (Kind.EPOCH_OPEN, ""): Again.NOTHING,
    (Kind.REGISTRY_SEEN, "erased"): Again.NOTHING,
    (99, ""): Again.APPEND,
}


@pytest.mark.parametrize(("kind", "facts"), AGAIN)
def test_8_5_what_is_not_settled_is_appended_again(kind: int, facts: str) -> None:
    """Receipt or not; an erased entry leaves a visible gap; entry 0s belong to their epoch."""
    outcome = again(kind, settled="settled" in facts, erased="erased" in facts)
    assert outcome is AGAIN[kind, facts]
