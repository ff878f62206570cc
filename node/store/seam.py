"""What the store asks of a database: a connection that runs statements, and many rows at once.

The statements are written once, in the words that SQLite and PostgreSQL share; where they differ,
SQLite's are written and `node.store.postgres` puts its own in their place (ADR 0020).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol


class Cursor(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """How many rows the statement changed."""
        ...

    def fetchone(self) -> Any:
        """Return the next row, None after the last."""
        ...

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """One connection, used by one thread at a time; a statement outside `BEGIN` is kept at once."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        ...

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ..., /) -> Cursor:
        """Run one statement."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Cursor:
        """Run one statement that changes rows, once for each of `parameters`."""
        ...

    def close(self) -> None:
        """Let go; what is not committed is taken back."""
        ...


class BulkConnection(ABC):
    """A connection with ways of its own for many rows; see the functions in `node.store.bulk`."""

    __slots__ = ()

    @abstractmethod
    def select_in(self, sql: str, values: Iterable[Any], before: Sequence[Any]) -> Iterator[Any]:
        """See `bulk.select_in`."""

    @abstractmethod
    def stream(self, sql: str, parameters: Sequence[Any]) -> Iterator[Any]:
        """See `bulk.stream`."""

    @abstractmethod
    def insert_rows(self, into: str, rows: Sequence[Sequence[Any]], after: str) -> None:
        """See `bulk.insert_rows`."""

    @abstractmethod
    def update_rows(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """See `bulk.update_rows`."""

    @abstractmethod
    def stored_bytes(self) -> int:
        """How much room the store takes on its server, in bytes."""

    @abstractmethod
    def fence_off(self, now_ms: int) -> None:
        """Let no process write any more that worked before, whatever fence it has; see `tenant`."""

    @abstractmethod
    def files_applied(self) -> int:
        """How many files of the schema the database has."""

    @abstractmethod
    def wait_at_most(self, wait_s: float) -> None:
        """Let a query wait no longer for a table that somebody else holds; see `thread_readers`."""

    @abstractmethod
    def break_off(self) -> None:
        """Have who waits for an answer here hear that the server is away; from another thread."""

    @abstractmethod
    def damaged(self) -> bool:
        """Whether the database finds its own files damaged; see `audit.Audit.damaged`."""

    @abstractmethod
    def neglected(self) -> list[str]:
        """What the server does not do of its own upkeep, in few words; see `postgres.upkeep`."""


def neglected(connection: Connection) -> list[str]:
    """Return what the server of a store does not do of its upkeep; of a file: nothing."""
    return connection.neglected() if isinstance(connection, BulkConnection) else []
