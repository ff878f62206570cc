"""Random schedules of one channel: who acts next, what is lost, what goes back in time.

One seed is one schedule, replayed exactly. Profiles set how likely each kind of event is, since
a uniform choice hardly ever reaches the rare orders that break things.
"""

from __future__ import annotations

import copy
import random
from typing import Final

from tests.protocol.world import Process, Receiver, SenderDisk, World

STEPS: Final = 40
PROFILES: Final = (
    # work, ask, start, push, answer, erase, back up r, restore r, back up s, restore s, person
    (6, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1),
    (6, 2, 2, 2, 1, 0, 2, 2, 0, 0, 0),
    (4, 2, 2, 3, 2, 0, 1, 1, 2, 1, 1),
    (4, 3, 3, 4, 3, 1, 0, 0, 0, 0, 0),
)
LATER, ARRIVES, LOST = "later", "arrives", "lost"


class Schedule:
    """One run of the world from one seed."""

    def __init__(self, seed: int) -> None:
        """Draw a profile; nothing has happened yet."""
        self.random = random.Random(seed)  # noqa: S311 - a replayable schedule, no secret
        self.profile = self.random.choice(PROFILES)
        self.world = World()
        self.sender_backup = SenderDisk()
        self.receiver_backup = Receiver()

    def run(self) -> None:
        """Let things happen, check at each step, then heal and check that both sides agree."""
        events = (
            self.work, self.ask, self.start, self.push_arrives, self.answer_arrives, self.erase,
            self.back_up_receiver, self.restore_receiver, self.back_up_sender,
            self.restore_sender, self.person,
        )  # fmt: skip
        for _ in range(STEPS):
            self.random.choices(events, self.profile)[0]()
            effects = self.world.receiver.effects
            assert len(effects) == len(set(effects))
            self.world.check_settled_is_held()
        self.world.heal()
        self.world.check_agreement()

    def work(self) -> None:
        """Things are accepted, and some process pushes them."""
        for _ in range(self.random.randint(1, 3)):
            self.world.accept_thing()
        process, before = self._process(), len(self.world.pushes)
        process.cut()
        self._send(before)

    def ask(self) -> None:
        """A process asks; the answer arrives at once, or is on its way."""
        process, before = self._process(), len(self.world.pushes)
        self.world.ask(process)
        if self.random.random() < 0.7:
            process.hear(self.world.replies.pop())
        self._send(before)

    def start(self) -> None:
        """A process starts, perhaps beside others that still run, and opens its epoch."""
        if self.random.random() < 0.5:
            for process in self.world.alive():
                process.dead = True
        before = len(self.world.pushes)
        self.world.start().hear(self.world.replies.pop())
        self._send(before)

    def push_arrives(self) -> None:
        """Any push in flight, in any order, perhaps not for the last time."""
        pushes = self.world.pushes
        if pushes:
            at = self.random.randrange(len(pushes))
            self.world.deliver(pushes[at] if self.random.random() < 0.3 else pushes.pop(at))

    def answer_arrives(self) -> None:
        """Any answer in flight, in any order."""
        replies = self.world.replies
        if replies:
            reply = replies.pop(self.random.randrange(len(replies)))
            self.world.processes[reply.process].hear(reply)

    def erase(self) -> None:
        """Something is withdrawn and erased, delivered or not."""
        if self.world.disk.things:
            self.world.disk.erased.add(self.random.choice(self.world.disk.things))

    def back_up_receiver(self) -> None:
        """A copy of the receiver's disk."""
        self.receiver_backup = copy.deepcopy(self.world.receiver)

    def restore_receiver(self) -> None:
        """The receiver goes back in time."""
        self.world.receiver = copy.deepcopy(self.receiver_backup)

    def back_up_sender(self) -> None:
        """A copy of the sender's disk."""
        self.sender_backup = copy.deepcopy(self.world.disk)

    def restore_sender(self) -> None:
        """The sender goes back in time, perhaps under the feet of running processes."""
        self.world.restore_sender(self.sender_backup, alive=self.random.random() < 0.5)

    def person(self) -> None:
        """A person answers an alarm."""
        stopped = [one for one in self.world.alive() if one.stopped]
        if stopped:
            self.world.say_restored(self.random.choice(stopped))

    def _process(self) -> Process:
        alive = self.world.alive()
        return self.random.choice(alive) if alive else self.world.start()

    def _send(self, before: int) -> None:
        """Let the pushes made since then arrive now, arrive later, or get lost."""
        fate = self.random.choice((ARRIVES, ARRIVES, LATER, LOST))
        if fate == LATER:
            return
        made = self.world.pushes[before:]
        del self.world.pushes[before:]
        if fate == ARRIVES:
            for push in made:
                self.world.deliver(push)
