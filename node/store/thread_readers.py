"""The readers of a running node: connections that cannot write, each on a thread of its own."""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Event, Thread
from typing import Any, Final

from node.store.connection import leave_nothing_open
from node.store.errors import AwayError, RefusedByServerError, StoreBusyError
from node.store.seam import BulkConnection, Connection
from node.store.writer import Job, R, answered

LOOP_WAITS_S: Final = 0.25
"""How long the event loop waits for a table that somebody holds, once."""
LOOP_HANGS_S: Final = 2.0
"""How long it waits for a server that answers nothing and breaks no line off, once."""


class ThreadReaders:
    """Read-only connections beside the writer, each used by one thread at a time.

    Their threads do nothing else: those that asyncio shares out are few, and names of peers whose
    servers do not answer can hold them all. One connection more is the event loop's own; once its
    server is away, or a table held, a thread asks the same on it: a machine that vanished keeps
    waiting who calls it, and so does who changes a large table.
    """

    def __init__(self, open_reader: Callable[[], Connection], count: int = 2) -> None:
        self._idle: queue.SimpleQueue[Connection] = queue.SimpleQueue()
        self._asked_s: float | None = None
        self._closed = Event()
        self._own = open_reader()
        self._all = [open_reader() for _ in range(count)]
        for connection in self._all:
            self._idle.put(connection)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="store-reader")
        self._trying: Future[bool] | None = None
        self._try: Callable[[], bool] = bool
        self._why: type[AwayError | StoreBusyError] = AwayError
        if isinstance(self._own, BulkConnection):
            self._own.wait_at_most(LOOP_WAITS_S)
            Thread(target=self._watch, args=(self._own,), daemon=True).start()

    async def run(self, query: Job[R]) -> R:
        """See `Readers.run`; on a thread with a connection of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.run_now, query)

    def run_now(self, query: Job[R]) -> R:
        """`run` for callers that have no event loop."""
        connection = self._idle.get()
        try:
            return answered(connection, query)
        finally:
            leave_nothing_open(connection)
            self._idle.put(connection)

    def look_up(self, query: Job[R]) -> R:
        """See `Readers.look_up`."""
        if self._trying is not None and not self._is_back(self._trying):
            raise self._why(self._why.__doc__)
        self._asked_s = time.monotonic()
        try:
            return answered(self._own, query)
        except (AwayError, StoreBusyError) as error:
            self._why, self._try = type(error), partial(self._is_answered, query)
            self._trying = self._threads.submit(self._try)
            raise
        finally:
            self._asked_s = None

    def _watch(self, own: BulkConnection) -> None:
        """Break off what the loop waits for too long: that server may never answer it."""
        while not self._closed.wait(LOOP_WAITS_S):
            asked_s = self._asked_s
            if asked_s is not None and time.monotonic() - asked_s > LOOP_HANGS_S:
                own.break_off()

    def _is_back(self, trying: Future[bool]) -> bool:
        """Whether the loop's own connection answers again; if not, it goes on being tried."""
        if not trying.done():
            return False
        is_back = trying.result()
        self._trying = None if is_back else self._threads.submit(self._try)
        return is_back

    def _is_answered(self, query: Job[Any]) -> bool:
        try:
            answered(self._own, query)
        except (AwayError, StoreBusyError, RefusedByServerError):
            return False
        except Exception:  # noqa: BLE001 - whoever asks next has it
            return True
        return True

    def close(self) -> None:
        """Close all connections; callers have finished by then."""
        self._closed.set()
        self._threads.shutdown()
        for connection in (self._own, *self._all):
            connection.close()
