"""§8, G1, G2, G5: one channel in every order of crash, restore, loss, repetition and reordering."""

from __future__ import annotations

import copy

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from protocol.channel import AnswerCode
from tests.protocol.schedules import ARRIVES, LATER, LOST, Schedule
from tests.protocol.world import Process, Receiver, SenderDisk, World

PICK = st.integers(0, 5)
FATES = st.sampled_from([ARRIVES, ARRIVES, LATER, LOST])


class ChannelMachine(RuleBasedStateMachine):
    """Hypothesis chooses what happens next; the invariants hold after each step and at the end."""

    def __init__(self) -> None:
        """Start with a fresh world and no backups."""
        super().__init__()
        self.world = World()
        self.sender_backup = SenderDisk()
        self.receiver_backup = Receiver()

    def _process(self, pick: int) -> Process:
        alive = self.world.alive()
        return alive[pick % len(alive)] if alive else self.world.start()

    @rule(count=st.integers(1, 3), pick=PICK, fate=FATES)
    def work(self, count: int, pick: int, fate: str) -> None:
        """The hotline hands in something, which must not be lost; some process pushes it."""
        for _ in range(count):
            self.world.accept_thing()
        before = len(self.world.pushes)
        self._process(pick).cut()
        self._send(before, fate)

    @rule(pick=PICK, fate=FATES)
    def ask(self, pick: int, fate: str) -> None:
        """A process asks, hears the answer at once or later, and acts upon it."""
        process, before = self._process(pick), len(self.world.pushes)
        self.world.ask(process)
        if fate != LATER:
            process.hear(self.world.replies.pop())
        self._send(before, fate)

    @rule(alone=st.booleans(), fate=FATES)
    def start_a_process(self, *, alone: bool, fate: str) -> None:
        """A restart, or a second process that believes that it owns the channel."""
        if alone:
            for process in self.world.alive():
                process.dead = True
        self.world.start()
        self.ask(-1, fate)

    @rule(pick=PICK, repeated=st.booleans())
    @precondition(lambda self: self.world.pushes)
    def a_push_arrives(self, pick: int, *, repeated: bool) -> None:
        """In any order; perhaps it will arrive once more."""
        at = pick % len(self.world.pushes)
        self.world.deliver(self.world.pushes[at] if repeated else self.world.pushes.pop(at))

    @rule(pick=PICK)
    @precondition(lambda self: self.world.replies)
    def an_answer_arrives(self, pick: int) -> None:
        """Late, or out of order: its nonce decides whether it counts."""
        reply = self.world.replies.pop(pick % len(self.world.replies))
        self.world.processes[reply.process].hear(reply)

    @rule(pick=PICK)
    @precondition(lambda self: self.world.disk.things)
    def erase_a_thing(self, pick: int) -> None:
        """Something is withdrawn and erased, delivered or not."""
        things = self.world.disk.things
        self.world.disk.erased.add(things[pick % len(things)])

    @rule()
    def back_up_the_receiver(self) -> None:
        """A copy of the receiver's disk."""
        self.receiver_backup = copy.deepcopy(self.world.receiver)

    @rule()
    def restore_the_receiver(self) -> None:
        """The receiver goes back in time and forgets receipts that it gave since."""
        self.world.receiver = copy.deepcopy(self.receiver_backup)

    @rule()
    def back_up_the_sender(self) -> None:
        """A copy of the sender's disk."""
        self.sender_backup = copy.deepcopy(self.world.disk)

    @rule(alive=st.booleans())
    def restore_the_sender(self, *, alive: bool) -> None:
        """The sender goes back in time, perhaps under the feet of running processes."""
        self.world.restore_sender(self.sender_backup, alive=alive)

    @rule(pick=PICK)
    @precondition(lambda self: any(one.stopped for one in self.world.alive()))
    def a_person_says_restored(self, pick: int) -> None:
        """The alarm about a state that we do not remember is answered by a person."""
        stopped = [one for one in self.world.alive() if one.stopped]
        self.world.say_restored(stopped[pick % len(stopped)])

    def _send(self, before: int, fate: str) -> None:
        """Let the pushes made since then arrive now, arrive later, or get lost."""
        if fate == LATER:
            return
        made = self.world.pushes[before:]
        del self.world.pushes[before:]
        if fate == ARRIVES:
            for push in made:
                self.world.deliver(push)

    @invariant()
    def nothing_has_two_effects(self) -> None:
        """G2, at every moment."""
        effects = self.world.receiver.effects
        assert len(effects) == len(set(effects))

    @invariant()
    def what_is_settled_is_held(self) -> None:
        """G1, at every moment: the sender never believes more than is true."""
        self.world.check_settled_is_held()

    def teardown(self) -> None:
        """When the faults stop, everything arrives and both sides agree."""
        self.world.heal()
        self.world.check_agreement()


def test_8_5_nothing_lost_nothing_twice_no_fork_in_one_channel() -> None:
    """G1, G2 and G5, whatever dies, comes back, repeats or is lost; hypothesis shrinks it."""
    run_state_machine_as_test(
        ChannelMachine, settings=settings(max_examples=60, stateful_step_count=40, deadline=None)
    )


def test_8_5_nothing_lost_nothing_twice_no_fork_in_many_schedules() -> None:
    """The same by weighted chance, which reaches rare orders sooner; a seed replays exactly."""
    for seed in range(400):
        Schedule(seed).run()


@pytest.mark.long
def test_8_5_nothing_lost_nothing_twice_no_fork_in_a_great_many_schedules() -> None:
    """Twenty-five thousand schedules."""
    for seed in range(1_000, 26_000):
        Schedule(seed).run()


@pytest.fixture
def world() -> World:
    """Give a world in which three things were delivered in order."""
    world = World()
    for _ in range(3):
        world.accept_thing()
    world.settle_down(world.start())
    return world


def test_8_6_a_repeated_push_gets_the_receipt_that_was_stored(world: World) -> None:
    """The first receipt got lost on its way back; the sender pushes again."""
    process = world.alive()[-1]
    process.send_from(0)
    receipts = dict(world.receiver.receipts)
    assert [world.deliver(push) for push in world.pushes] == [None]
    assert world.receiver.receipts == receipts
    assert len(world.receiver.effects) == 3


def test_8_5_a_gap_is_filled_from_where_the_receiver_stands(world: World) -> None:
    """A push was lost and the next one arrives: wrong start, and the sender goes on from there."""
    process = world.alive()[-1]
    world.accept_thing()
    process.cut()
    world.pushes.clear()
    world.accept_thing()
    process.cut()
    assert world.deliver(world.pushes.pop()) == AnswerCode.WRONG_START
    world.settle_down(process)
    assert len(world.receiver.effects) == 5


def test_8_3_a_late_push_of_a_displaced_process_is_refused(world: World) -> None:
    """A new process opened its epoch; what the old one had under way comes to nothing."""
    old = world.alive()[-1]
    world.accept_thing()
    old.cut()
    late = world.pushes.pop()
    world.settle_down(world.start())
    before = world.receiver.state
    assert world.deliver(late) == AnswerCode.CLOSED_EPOCH
    assert world.receiver.state == before
    assert len(world.receiver.effects) == 4


def test_8_3_two_processes_open_at_once_and_one_gets_through(world: World) -> None:
    """Both were told the same state; the second to arrive is told a newer one."""
    one, other = world.start(), world.start()
    for reply in [world.replies.pop(0), world.replies.pop(0)]:
        world.processes[reply.process].hear(reply)
    assert world.deliver(world.pushes.pop()) is None
    assert world.deliver(world.pushes.pop()) == AnswerCode.OPEN_MISMATCH
    assert one.tenure != other.tenure


def test_8_3_an_opening_under_way_while_the_receiver_is_restored_opens_nothing(
    world: World,
) -> None:
    """It names a state that the receiver no longer has: taking it would settle what is lost."""
    process = world.alive()[-1]
    backup = copy.deepcopy(world.receiver)
    world.accept_thing()
    process.cut()
    world.settle_down(process)
    world.start()
    reply = world.replies.pop()
    world.processes[reply.process].hear(reply)
    world.receiver = backup
    assert world.deliver(world.pushes.pop()) == AnswerCode.OPEN_MISMATCH
    world.heal()
    world.check_agreement()


def test_8_5_a_receiver_restored_from_a_backup_is_refilled(world: World) -> None:
    """It tells its old state; entries that it had receipted since come again, once."""
    backup = copy.deepcopy(world.receiver)
    process = world.alive()[-1]
    for _ in range(2):
        world.accept_thing()
        process.cut()
        world.settle_down(process)
    world.receiver = backup
    world.ask(process)
    world.settle_down(process)
    assert len(world.receiver.effects) == 5


def test_8_5_a_receiver_that_lost_everything_is_refilled(world: World) -> None:
    """A new disk: the sender opens an epoch from nothing, with all that it ever said."""
    world.receiver = Receiver()
    process = world.start()
    world.settle_down(process)
    assert len(world.receiver.effects) == 3


def test_8_5_a_sender_restored_from_a_backup_stops_until_a_person_speaks(world: World) -> None:
    """Its own signature under a state that it does not remember might be a thief's."""
    backup = copy.deepcopy(world.disk)
    world.accept_thing()
    world.alive()[-1].cut()
    world.settle_down(world.alive()[-1])
    world.restore_sender(backup, alive=False)
    process = world.start()
    process.hear(world.replies.pop())
    assert process.stopped
    assert not world.pushes
    world.say_restored(process)
    world.settle_down(process)
    world.check_agreement()
    assert len(world.receiver.effects) == 4


def test_8_5_a_process_whose_database_went_back_in_time_signs_nothing_more(world: World) -> None:
    """A stale replica was promoted under its feet."""
    process = world.alive()[-1]
    backup = copy.deepcopy(world.disk)
    world.accept_thing()
    process.cut()
    world.pushes.clear()
    world.disk = backup
    world.accept_thing()
    process.cut()
    assert process.dead
    assert not world.pushes


def test_8_8_an_entry_erased_before_delivery_ends_the_epoch_visibly(world: World) -> None:
    """Its bytes are gone, so the log that holds it cannot be sent; the next has a tombstone."""
    process = world.alive()[-1]
    world.accept_thing()
    process.cut()
    world.pushes.clear()
    world.disk.erased.add(world.disk.things[-1])
    epochs = world.epochs
    world.ask(process)
    world.settle_down(process)
    assert world.epochs == epochs + 1
    assert len(world.receiver.tombstones) == 1
    assert len(world.receiver.effects) == 3


def test_8_5_an_answer_to_an_older_question_does_not_count(world: World) -> None:
    """It may have been true once: only the outstanding nonce counts."""
    process = world.alive()[-1]
    world.ask(process)
    stale = world.replies.pop()
    world.ask(process)
    process.hear(stale)
    assert not world.pushes
    assert process.nonce == world.replies[-1].nonce
