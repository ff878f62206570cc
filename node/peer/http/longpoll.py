"""Holding a pull back until something waits, so that an urgent entry needs no second request.

One pull is held for each channel: a newer one takes the older one's place, since whoever made that
has gone. How long is bounded by us whatever is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from node.peer.channels.offering import Offering
from protocol.answers import Answer, AnswerCode
from protocol.pull import MAX_WAIT_S, Offer, Pull
from protocol.vocabulary import Lane

LOOK_AGAIN_S = 1.0


@dataclass(slots=True)
class _Held:
    """A pull that may be held back; `over`: a newer one has taken its place."""

    event: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False


class LongPoll:
    """Answers pulls when there is something to say, or when the time is over."""

    def __init__(self, offering: Offering, clock: Callable[[], int]) -> None:
        self._offering = offering
        self._clock = clock
        self._held: dict[tuple[str, Lane], _Held] = {}

    def wake(self) -> None:
        """Something new may wait: look again."""
        for held in self._held.values():
            held.event.set()

    def close(self) -> None:
        """Let go of every pull that is held back: this node stops."""
        for held in self._held.values():
            held.over = True
            held.event.set()

    async def pull(self, peer: str, lane: Lane, pull: Pull) -> Offer | Answer:
        """Return what a pull of `peer` is answered, at the latest when its time is over.

        Raises:
            StoreError: the channel can't be read or written now.
        """
        held = self._take_place((peer, lane))
        try:
            return await self._until(peer, lane, pull, held)
        finally:
            if self._held.get((peer, lane)) is held:
                del self._held[peer, lane]

    def _take_place(self, channel: tuple[str, Lane]) -> _Held:
        earlier = self._held.get(channel)
        if earlier is not None:
            earlier.over = True
            earlier.event.set()
        held = self._held[channel] = _Held()
        return held

    async def _until(self, peer: str, lane: Lane, pull: Pull, held: _Held) -> Offer | Answer:
        now_s = asyncio.get_running_loop().time
        until_s = now_s() + min(pull.wait_s, MAX_WAIT_S)
        while not held.over:
            held.event.clear()
            answer = await self._offering.serve(peer, lane, pull, self._clock())
            if answer is not None:
                return answer
            left_s = until_s - now_s()
            if left_s <= 0:
                return self._offering.nothing(peer, lane)
            gathers_ms = self._offering.gathers_ms(peer, lane, self._clock())
            await _wait(held.event, min(left_s, gathers_ms / 1000 or LOOK_AGAIN_S, LOOK_AGAIN_S))
        return Answer(1, AnswerCode.BUSY, None, None)


async def _wait(event: asyncio.Event, at_most_s: float) -> None:
    try:
        async with asyncio.timeout(at_most_s):
            await event.wait()
    except TimeoutError:
        return
