"""The store in the hands of who stands beside the node, or works while none runs: verbs, doctor.

What is asked or written is a function of the store, named with its arguments; it runs here, on a
connection that nobody else sees and that is closed at the end:

    with writing(place, key) as store:
        closed = store.write(close_task, code, subject, now_ms)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Concatenate, Final, ParamSpec, TypeVar

from node.store.connection import refuse_newer
from node.store.errors import OlderDatabaseError, StoreError
from node.store.faults import driver_errors, translate
from node.store.items.queries import Queries
from node.store.opening import (
    Place,
    is_older,
    keep_out,
    open_alone,
    open_reader,
    open_writer,
)
from node.store.seam import Connection
from node.store.writer import InlineReaders, InlineWriter

_FAILURES: Final[tuple[type[Exception], ...]] = (StoreError, *driver_errors())
P = ParamSpec("P")
R = TypeVar("R")


class Beside:
    """A store that is open for a while, used by one thread.

    `writer` and `readers` are for parts of the store that want them, such as `HosterBook`. While it
    is open a newer version may start and bring the schema up to date: from then on nothing is
    written by this one, which does not know what that asks of a row.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.writer = InlineWriter(connection, refuse_newer)
        self.readers = InlineReaders(connection)
        self.queries = Queries(self.readers)

    def read(
        self, query: Callable[Concatenate[Connection, P], R], *args: P.args, **named: P.kwargs
    ) -> R:
        """Return what a function of the store finds.

        Raises:
            StoreError: it cannot be read.
        """
        return self.readers.run_now(lambda connection: query(connection, *args, **named))

    def write(
        self, job: Callable[Concatenate[Connection, P], R], *args: P.args, **named: P.kwargs
    ) -> R:
        """Run a function of the store in a transaction; return what it returns.

        Raises:
            StoreError: nothing was written.
        """
        return self.writer.run_now(lambda connection: job(connection, *args, **named))

    @contextmanager
    def as_of_now(self) -> Iterator[None]:
        """See everything as it stands at this moment, whatever is written meanwhile."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")


@contextmanager
def reading(place: Place, key: bytes) -> Iterator[Beside]:
    """Open a store that cannot be written; what the driver finds is said in our words.

    Raises:
        OlderDatabaseError: what is asked for is not in it before it is brought up to date.
        StoreError: see `open_reader`; and whatever is met while it is read.
    """
    connection = open_reader(place, key)
    try:
        yield Beside(connection)
    except _FAILURES as error:
        named = translate(error)
        if type(named) is StoreError and is_older(place, key):  # it lacks a table, for example
            named = OlderDatabaseError(OlderDatabaseError.__doc__)
        if named is error:
            raise
        raise named from error
    finally:
        connection.close()


@contextmanager
def writing(place: Place, key: bytes) -> Iterator[Beside]:
    """Open a store for writing, beside a node or while none runs.

    Raises:
        StoreError: see `open_writer`.
    """
    connection = open_writer(place, key)
    try:
        yield Beside(connection)
    finally:
        connection.close()


@contextmanager
def alone(place: Place, key: bytes) -> Iterator[Beside]:
    """Open a store for writing, and keep every node off it meanwhile.

    Raises:
        AlreadyOpenError: a node runs on it.
        StoreError: see `open_alone`.
    """
    lock = keep_out(place)
    try:
        connection = open_alone(place, key)
        try:
            yield Beside(connection)
        finally:
            connection.close()
    finally:
        lock.release()
