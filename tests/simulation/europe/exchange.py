"""What the processes that share a year say to each other, one round after the other.

Each process plays some of the members. In a round each tells every other one which of its members
are called and what was answered to the calls of the round before; a process alone talks to itself
in the same way, so that a year does not depend on how many share it. When nobody has anything more
to say, all go on to the next moment at which anybody has something to do.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import NamedTuple

from node.peer.transport import Reply
from protocol.vocabulary import Lane


class Push(NamedTuple):
    """A push as it goes over the wire."""

    path: str
    head: bytes
    sealed: bytes


class Question(NamedTuple):
    """The question for a channel's state."""

    lane: Lane
    nonce: bytes


class Call(NamedTuple):
    """One member calls another; `number` is the caller's process's own."""

    sender: str
    peer: str
    number: int
    what: Push | Question

    def order(self) -> tuple[str, int]:
        """In which order the calls of one round are taken, whoever plays their callers."""
        return self.sender, self.number


class News(NamedTuple):
    """What the players must know of an item that is elsewhere: its id, or that it has `moved`."""

    number: int
    item_id: str | None


@dataclass
class Said:
    """What one process tells another one in a round.

    `replies` are by the number of the call, None if the member is away. `waiting`: some of its own
    calls are not answered yet. `next_ms`: when it next has something to do; None: never.
    """

    calls: list[Call] = field(default_factory=list)
    replies: list[tuple[int, Reply | None]] = field(default_factory=list)
    news: list[News] = field(default_factory=list)
    waiting: bool = False
    next_ms: int | None = None

    def is_over(self) -> bool:
        """Whether this process has nothing more to say at this moment."""
        return not (self.calls or self.replies or self.news or self.waiting)


class Exchange:
    """This process's place among those that share the year."""

    def __init__(self, us: int, others: Mapping[int, Connection]) -> None:
        """`us` is our number; `others` has a pipe to each other process, by its number."""
        self.us = us
        self._others = dict(sorted(others.items()))
        self.said = self._nothing()

    def _nothing(self) -> dict[int, Said]:
        return {number: Said() for number in (self.us, *self._others)}

    def round(self, *, waiting: bool, next_ms: int | None) -> list[Said]:
        """Say what is in `said` and return what all of them say, in the order of their numbers."""
        said, self.said = self.said, self._nothing()
        heard = {self.us: said[self.us]}
        for one in said.values():
            one.waiting, one.next_ms = waiting, next_ms
        for number, pipe in self._others.items():
            if self.us < number:  # who speaks first must not be a matter of luck: pipes fill up
                pipe.send_bytes(pickle.dumps(said[number], pickle.HIGHEST_PROTOCOL))
            heard[number] = pickle.loads(pipe.recv_bytes())  # noqa: S301 - our own process
            if self.us > number:
                pipe.send_bytes(pickle.dumps(said[number], pickle.HIGHEST_PROTOCOL))
        return [heard[number] for number in sorted(heard)]


def shares(loads: Sequence[float], processes: int) -> list[int]:
    """Give each member a process, so that all have about the same load: the heaviest first."""
    given = [0] * len(loads)
    sums = [0.0] * processes
    for member in sorted(range(len(loads)), key=lambda m: -loads[m]):
        given[member] = sums.index(min(sums))
        sums[given[member]] += loads[member]
    return given
