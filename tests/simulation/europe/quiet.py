"""A loop that knows when nothing is left to do, and a writer that commits just then.

A year is played without threads and without waiting: what the nodes begin at one moment runs until
every task waits for a commit or for another member. So many jobs of one node share one commit, as
they do in a running node whose writer is busy (`node.store.writer`); which ones do, the seed alone
decides.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import TypeVar

from node.store.errors import ClosedStoreError
from node.store.seam import Connection
from node.store.writer import Job, ThreadWriter, _settle, _Waiting

R = TypeVar("R")


class QuietSelector(selectors.SelectSelector):
    """What the loop asks for events; when it would wait for some, `at_rest` is called instead."""

    def __init__(self) -> None:
        super().__init__()
        self.at_rest: Callable[[], bool] = bool
        """Finds something to do; returns whether it did."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return no event: there are none but a signal, unless nobody finds anything to do."""
        if timeout == 0 or self.at_rest():
            return []
        return super().select(timeout)


class Quiet:
    """What waits for the loop to come to rest: commits first, then who asked for it."""

    def __init__(self) -> None:
        self._writers: list[QuietWriter] = []
        self._waiting: asyncio.Future[None] | None = None

    def at_rest(self) -> bool:
        """Commit what waits; if nothing does, wake who waits for that."""
        writers, self._writers = self._writers, []
        for writer in writers:
            writer.commit()
        if not writers and self._waiting is not None:
            self._waiting.set_result(None)
            self._waiting = None
            return True
        return bool(writers)

    def has_jobs(self, writer: QuietWriter) -> None:
        """This writer has something to commit."""
        self._writers.append(writer)

    async def come(self) -> None:
        """Wait until every other task waits for somebody outside; one waits here at a time."""
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting

    def run(self, main: Coroutine[None, None, R]) -> R:
        """Run `main` on a loop of its own that asks `at_rest`."""
        selector = QuietSelector()
        selector.at_rest = self.at_rest
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
            return runner.run(main)


class QuietWriter(ThreadWriter):
    """The writer of a running node without its thread: commits when the loop comes to rest."""

    def __init__(self, connection: Connection, quiet: Quiet) -> None:
        super().__init__(connection)
        self._quiet = quiet

    async def run(self, job: Job[R], *, ahead: bool = False) -> R:
        """See `Writer.run`."""
        if self._closed:
            raise ClosedStoreError(ClosedStoreError.__doc__)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        if not self._others:
            self._quiet.has_jobs(self)
        self._others.append(_Waiting(job, loop, future, ahead))
        return await future

    def commit(self) -> None:
        """Commit what waits and answer it."""
        while self._others:
            room = range(min(len(self._others), self.group_max))
            group = [self._others.popleft() for _ in room]
            self._commit(group, group)
            _settle(group)

    async def close(self) -> None:
        """See `Writer.close`."""
        self.commit()
        self._closed = True
        self.connection.close()
