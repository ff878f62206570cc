"""The thin loops of a running node: each calls one `..._due` function and waits for more.

A loop never ends because of trouble: it logs a code, waits, and goes on. What it works on stands on
rows; stopping a loop anywhere loses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from node.peer.channels.delivery import Delivery
from node.peer.channels.pulling import Pulling
from node.peer.http.longpoll import LongPoll
from protocol.vocabulary import Lane

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from node.casework.desk import Desk

FIRST_PAUSE_S = 0.5
LAST_PAUSE_S = 30.0
LOOK_AGAIN_S = 1.0
"""How long a sleeping loop waits at most before it looks for what became due by the clock."""
REGISTRY_LEAST_S = 1.0
"""How long the registry is left alone once it was asked: a member can say each moment that ours, or
what it signs with, is not the newest."""


class Wake:
    """Wakes a loop; calls while it works are remembered as one.

    No wait ends before `at_least_s`: others may make us call without end.
    """

    def __init__(self, at_least_s: float = 0.0) -> None:
        self._event = asyncio.Event()
        self._at_least_s = at_least_s

    def __call__(self) -> None:
        """Wake the loop."""
        self._event.set()

    async def wait(self, at_most_s: float) -> None:
        """Return when called since the last wait, or after `at_most_s`."""
        await asyncio.sleep(self._at_least_s)
        try:
            async with asyncio.timeout(at_most_s - self._at_least_s):
                await self._event.wait()
        except TimeoutError:
            return
        self._event.clear()


@dataclass(slots=True)
class Wakes:
    """What wakes each loop."""

    desk: Wake = field(default_factory=Wake)
    delivery: Wake = field(default_factory=Wake)
    registry: Wake = field(default_factory=partial(Wake, REGISTRY_LEAST_S))

    def outgoing(self, pulls: LongPoll) -> Callable[[], None]:
        """Return what to call when something new waits for another member."""

        def wake() -> None:
            self.delivery()
            pulls.wake()

        return wake


async def keep_going(
    name: str, step: Callable[[], Awaitable[object]], log: FilteringBoundLogger
) -> None:
    """Call `step` for ever; after trouble pause, longer each time, and go on."""
    pause = FIRST_PAUSE_S
    while True:
        try:
            await step()
            pause = FIRST_PAUSE_S
        except asyncio.CancelledError:
            raise
        except Exception as error:
            with suppress(Exception):  # whatever a log has to do with it, a loop goes on
                log.exception("loop_step_failed", loop=name, exc_info=error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LAST_PAUSE_S)


async def work_at_desk(desk: Desk, wake: Wake) -> None:
    """Place what is to be placed and judge what arrived, then wait for more.

    Both, whatever becomes of the first.
    """
    done, failed = 0, None
    for step in (desk.judge_due, desk.locate_due):
        try:
            done += await step()
        except Exception as error:  # noqa: BLE001 - raised once the other has had its turn
            failed = failed or error
    if failed is not None:
        raise failed
    if not done:
        await wake.wait(LOOK_AGAIN_S)


class ChannelTasks:
    """Work on many channels at once, so that a slow peer holds up no other."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[None, None, None]) -> None:
        """Work on one channel beside the others."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Stop what is in flight; it is durable and will be done again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class DeliveryLoop:
    """Pushes on every due channel at once."""

    def __init__(self, delivery: Delivery, clock: Callable[[], int], wake: Wake) -> None:
        self._delivery = delivery
        self._clock = clock
        self._wake = wake
        self._tasks = ChannelTasks()

    async def step(self) -> None:
        """Begin with what is due, then wait for more."""
        now = self._clock()
        for peer, lane in await self._delivery.due(now):
            self._tasks.begin(self._deliver(peer, lane))
        await self._delivery.note_closed(now)  # what is due goes also where that cannot be kept
        await asyncio.sleep(0)
        gathers_ms = self._delivery.pause_ms(self._clock())
        pause_s = LOOK_AGAIN_S if gathers_ms is None else min(LOOK_AGAIN_S, gathers_ms / 1000)
        await self._wake.wait(pause_s)

    async def _deliver(self, peer: str, lane: Lane) -> None:
        await self._delivery.deliver(peer, lane, self._clock())
        self._wake()  # what came meanwhile may have to gather: the loop must know until when

    async def stop(self) -> None:
        """Stop what is in flight; it is durable and will be sent again."""
        await self._tasks.stop()


class PullLoop:
    """Pulls on every channel at once, if this member cannot be called; each waits at its sender."""

    def __init__(self, pulling: Pulling) -> None:
        self._pulling = pulling
        self._wake = Wake()
        self._tasks = ChannelTasks()

    async def step(self) -> None:
        """Begin with what is due, then wait until one has come back."""
        for peer, lane in self._pulling.due(self._pulling.clock()):
            self._tasks.begin(self._pull(peer, lane))
        await self._wake.wait(LOOK_AGAIN_S)

    async def _pull(self, peer: str, lane: Lane) -> None:
        await self._pulling.pull(peer, lane)
        self._wake()

    async def stop(self) -> None:
        """Stop what is in flight; what was not taken will be offered again."""
        await self._tasks.stop()
