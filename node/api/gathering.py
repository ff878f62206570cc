"""Single reports that arrive at the same time are taken in together.

When nothing is in flight a report goes to the desk at once; what arrives meanwhile is the next
batch. So one client alone waits for nobody, and many share the cost of one decision and one flush.

Who was answered together with others mostly comes again at once. The next batch waits for them a
moment, no longer than they take: else those who waited go without them, and ever after half of the
clients wait for the other half, with twice the flushes.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from node.api.service import Desk, Submitted
    from node.casework.reports.draft import ReportDraft

MAX_BATCH: Final = 500
GATHER_S: Final = 0.01
"""How long the next batch of a crowd waits for those who were answered just now, at most."""


class _Waiting(NamedTuple):
    draft: ReportDraft
    actor: str
    answer: asyncio.Future[Submitted]


class Gathering:
    """Hands drafts to the desk, one batch after the other."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._waiting: list[_Waiting] = []
        self._running: asyncio.Task[None] | None = None
        self._expected = 0
        self._complete = asyncio.Event()

    @property
    def waits(self) -> bool:
        """Whether the next batch waits for those who were answered just now."""
        return self._expected > 0

    async def submit(self, draft: ReportDraft, actor: str) -> Submitted:
        """Take one draft in; durable on return. As `Desk.submit`."""
        answer: asyncio.Future[Submitted] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(draft, actor, answer))
        if 0 < self._expected <= len(self._waiting):
            self._complete.set()
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = self._next()
                await self._take(batch)
                if len(batch) > 1:
                    await self._let_come(len(batch) + len(self._waiting))
        finally:
            self._running = None

    async def _let_come(self, clients: int) -> None:
        """Wait until as many reports wait as there were clients, but only a moment."""
        self._expected = min(clients, MAX_BATCH)
        self._complete.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._complete.wait(), GATHER_S)
        self._expected = 0

    def _next(self) -> list[_Waiting]:
        """Cut the next batch: all of one actor, oldest first."""
        actor = self._waiting[0].actor
        batch = [one for one in self._waiting if one.actor == actor][:MAX_BATCH]
        taken = {id(one.answer) for one in batch}
        self._waiting = [one for one in self._waiting if id(one.answer) not in taken]
        return batch

    async def _take(self, batch: Sequence[_Waiting]) -> None:
        try:
            drafts = [one.draft for one in batch]
            results = await self._desk.submit(drafts, actor=batch[0].actor)
        except Exception as error:  # noqa: BLE001 - each waiting request hears of it
            await self._failed(batch, error)
            return
        for one, result in zip(batch, results, strict=True):
            if not one.answer.done():
                one.answer.set_result(result)

    async def _failed(self, batch: Sequence[_Waiting], error: Exception) -> None:
        """Nothing of the batch was kept: let no draft suffer for another, if that can be told."""
        if len(batch) > 1 and not getattr(error, "retryable", False):
            for one in batch:
                await self._take([one])
            return
        for one in batch:
            if not one.answer.done():
                one.answer.set_exception(error)
