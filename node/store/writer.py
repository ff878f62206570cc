"""One writer thread with group commit, and readers beside it.

All writes of the node pass through one thread on one connection. Whatever waits when the thread
comes round is done in one transaction and made durable by one flush (`synchronous=FULL`): sixteen
clients that wait for a durable answer share its cost. If one of several jobs fails, all is taken
back and they are done once more, each in its own savepoint, so that it takes nothing of the others
with it: a savepoint copies every page that is changed in it, and hardly any job fails. So a job may
run more than once, and only what it did last counts. A caller is answered only after the commit
that holds its rows.

Short jobs that hold up another member (a push is cut, kept, receipted) go ahead of the others,
which a batch of reports makes long; the two take turns, so that neither starves.

`InlineWriter` does the same on the caller's own thread: for the command line and for the
deterministic simulation, where a thread would bring in an order that no seed controls.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol, TypeVar

from node.store.connection import roll_back
from node.store.errors import ClosedStoreError, StoreBusyError, UnsureError
from node.store.faults import driver_errors, translate
from node.store.room import Counters, Room
from node.store.seam import Connection

R = TypeVar("R")
Job = Callable[[Connection], R]

GROUP_MAX = 512
"""Jobs in one transaction at most: bounds what one failing commit can take back."""
HOLD_S = 0.02
"""For how long further jobs that do not go ahead are taken into a transaction."""


class Writer(Protocol):
    """Runs jobs inside durable transactions."""

    room: Room

    def on_rollback(self, forget: Callable[[], None]) -> None:
        """Call `forget`, on the thread of the jobs, whenever something of a job was taken back.

        Who remembers what jobs wrote must forget it then.
        """
        ...

    async def run(self, job: Job[R], *, ahead: bool = False) -> R:
        """Run `job` in a transaction and return its result once that is durable.

        `ahead`: before what waits without it; for short jobs that hold up another member.

        Raises:
            StoreError: nothing of this job was kept.
        """
        ...

    async def close(self) -> None:
        """Finish what was handed in, then close the connection."""
        ...


class InlineWriter:
    """Each job is one transaction on the caller's thread."""

    def __init__(
        self, connection: Connection, first: Callable[[Connection], None] = lambda _: None
    ) -> None:
        """`first` is called at the beginning of each transaction, and may refuse it."""
        self._connection = connection
        self._first = first
        self.room = Room()
        self._closed = False
        self._forgetting: list[Callable[[], None]] = []

    def on_rollback(self, forget: Callable[[], None]) -> None:
        """See `Writer.on_rollback`."""
        self._forgetting.append(forget)

    async def run(self, job: Job[R], *, ahead: bool = False) -> R:
        """See `Writer.run`."""
        del ahead  # nothing waits
        return self.run_now(job)

    def run_now(self, job: Job[R]) -> R:
        """`run` for callers that have no event loop."""
        connection = self._connection
        if self._closed:
            raise ClosedStoreError(ClosedStoreError.__doc__)
        try:
            connection.execute("BEGIN IMMEDIATE")
            self._first(connection)
            result = job(connection)
            connection.execute("COMMIT")
        except driver_errors() as error:
            self._roll_back()
            self.room.note([told := translate(error)])
            raise told from error
        except BaseException:
            self._roll_back()
            raise
        return result

    def _roll_back(self) -> None:
        roll_back(self._connection)
        for forget in self._forgetting:
            forget()

    async def close(self) -> None:
        """See `Writer.close`."""
        self._closed = True
        self._connection.close()


@dataclass(slots=True)
class _Waiting:
    job: Job[Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    ahead: bool = False
    result: Any = None
    error: BaseException | None = None


@dataclass(slots=True)
class ThreadWriter:
    """The writer of a running node."""

    connection: Connection
    group_max: int = GROUP_MAX
    hold_s: float = HOLD_S
    counters: Counters = field(default_factory=Counters)
    room: Room = field(default_factory=Room)
    _forgetting: list[Callable[[], None]] = field(default_factory=list)
    _queue: queue.SimpleQueue[_Waiting | None] = field(default_factory=queue.SimpleQueue)
    _ahead: deque[_Waiting] = field(default_factory=deque)
    _others: deque[_Waiting] = field(default_factory=deque)
    _thread: threading.Thread | None = None
    _closed: bool = False
    _ending: bool = False
    _turn: bool = False

    def on_rollback(self, forget: Callable[[], None]) -> None:
        """See `Writer.on_rollback`."""
        self._forgetting.append(forget)

    def start(self) -> ThreadWriter:
        """Start the thread; returns itself."""
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()
        return self

    async def run(self, job: Job[R], *, ahead: bool = False) -> R:
        """See `Writer.run`.

        A cancelled caller does not take its job back: it may already be durable.

        Raises:
            ClosedStoreError: `close` was called; nothing of this job was kept.
        """
        if self._closed:
            raise ClosedStoreError(ClosedStoreError.__doc__)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._queue.put(_Waiting(job, loop, future, ahead))
        return await asyncio.shield(future)

    async def close(self) -> None:
        """See `Writer.close`."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        self.connection.close()

    def _work(self) -> None:
        while (first := self._first()) is not None:
            group = [first]
            self._commit(group, self._gather(group))
            _answer(group)

    def _first(self) -> _Waiting | None:
        """Return the next job, waiting for it; None: the writer was closed and all is done."""
        self._take_up(wait=False)
        if not (self._ahead or self._others or self._ending):
            self._take_up(wait=True)
        line = self._ahead if self._ahead and not (self._turn and self._others) else self._others
        self._turn = line is self._ahead
        return line.popleft() if line else None

    def _take_up(self, *, wait: bool) -> None:
        with suppress(queue.Empty):
            while True:
                waiting = self._queue.get(block=wait)
                wait = False
                if waiting is None:
                    self._ending = True
                else:
                    (self._ahead if waiting.ahead else self._others).append(waiting)

    def _gather(self, group: list[_Waiting]) -> Iterator[_Waiting]:
        """Yield the first of `group`, then what joins it, each when the one before it has run.

        What goes ahead is committed without the others, or with one that ran already. Of the others
        more come in for `hold_s`: nobody waits for a flush behind many of them.
        """
        until = 0.0 if group[0].ahead else time.perf_counter() + self.hold_s
        yield group[0]
        while len(group) < self.group_max:
            self._take_up(wait=False)
            if self._ahead:
                group.append(self._ahead.popleft())
            elif self._others and time.perf_counter() < until:
                group.append(self._others.popleft())
            else:
                return
            yield group[-1]

    def _commit(
        self,
        group: list[_Waiting],
        jobs: Iterable[_Waiting],
        run: Callable[[_Waiting], None] | None = None,
    ) -> None:
        """Run `jobs` in one transaction; if one fails, again with each in its own savepoint.

        `group` holds those that have begun. If that cannot be kept (a full disk takes back all of
        it), each is tried again by itself: what one cannot have costs no other.
        """
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            for waiting in jobs:
                (run or self._run)(waiting)
            self.connection.execute("COMMIT")
        except UnsureError as error:
            self._forget()
            for waiting in group:  # not tried again: it may be kept
                waiting.error = error
        except BaseException as error:  # noqa: BLE001 - whatever it was, each caller must hear that nothing was kept
            roll_back(self.connection)
            self._forget()
            busy = isinstance(told := translate(error), StoreBusyError)
            if busy or len(group) == 1:  # who waits behind them would wait as long
                for waiting in chain(list(group), jobs if busy else ()):
                    waiting.error = told
            elif run is None:
                self._commit(group, group, self._run_apart)
                return
            else:
                for waiting in group:
                    self._commit([waiting], [waiting])
                return
        self.room.note(waiting.error for waiting in group)
        self.counters.jobs += len(group)
        self.counters.commits += 1

    def _run(self, waiting: _Waiting) -> None:
        waiting.error = None
        waiting.result = waiting.job(self.connection)

    def _forget(self) -> None:
        for forget in self._forgetting:
            forget()

    def _run_apart(self, waiting: _Waiting) -> None:
        connection = self.connection
        connection.execute("SAVEPOINT job")
        waiting.error = None
        try:
            waiting.result = waiting.job(connection)
        except BaseException as error:
            if not connection.in_transaction:
                raise  # the database took back the whole transaction with it
            connection.execute("ROLLBACK TO job")
            self._forget()
            waiting.error = translate(error)
        connection.execute("RELEASE job")


def _answer(group: list[_Waiting]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
    for waiting in group:
        by_loop.setdefault(waiting.loop, []).append(waiting)
    for loop, waiters in by_loop.items():
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(_settle, waiters)


def _settle(waiters: list[_Waiting]) -> None:
    for waiting in waiters:
        if waiting.future.done():
            continue
        if waiting.error is not None:
            waiting.future.set_exception(waiting.error)
        else:
            waiting.future.set_result(waiting.result)


class Readers(Protocol):
    """Runs queries on connections that cannot write."""

    async def run(self, query: Job[R]) -> R:
        """Run `query`; it sees what is committed.

        Raises:
            StoreError: the query could not be answered.
        """
        ...

    def look_up(self, query: Job[R]) -> R:
        """Run a query that finds a row or two by their key, at once and on the caller's thread.

        To hand such a query to another thread costs ten times what the query does.

        Raises:
            StoreError: the query could not be answered.
        """
        ...

    def close(self) -> None:
        """Close the connections; callers have finished by then."""
        ...


class InlineReaders:
    """Queries on the caller's thread, on one connection: see `InlineWriter`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def run(self, query: Job[R]) -> R:
        """See `Readers.run`."""
        return self.run_now(query)

    def run_now(self, query: Job[R]) -> R:
        """`run` for callers that have no event loop."""
        return answered(self._connection, query)

    def look_up(self, query: Job[R]) -> R:
        """See `Readers.look_up`."""
        return self.run_now(query)

    def close(self) -> None:
        """See `Readers.close`."""
        self._connection.close()


def answered(connection: Connection, query: Job[R]) -> R:
    """Return what a query found.

    Raises:
        StoreError: it could not be answered.
    """
    try:
        return query(connection)
    except driver_errors() as error:
        raise translate(error) from error
