"""Dying at a commit: a writer that counts the world's commits, and ends its node at one of them.

A node's queries run on its writer's connection: a second one would decrypt again, after each
commit, what the first has in memory.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from node.store.seam import Connection
from node.store.writer import InlineReaders, InlineWriter, Job

R = TypeVar("R")


class Doomed(Protocol):
    """What a writer needs of its world: how many commits there were, and which one is the last."""

    commits: int
    crash_at: tuple[int, str] | None


class CrashedError(BaseException):
    """A node died here: nothing in it may catch this, as nothing catches kill -9."""

    def __init__(self, member: str) -> None:
        super().__init__(member)
        self.member = member


class MortalWriter(InlineWriter):
    """Counts the world's commits, and dies before or after the one it is told to."""

    def __init__(self, connection: Connection, world: Doomed, member: str) -> None:
        super().__init__(connection)
        self._world = world
        self._member = member
        self._dead = False

    def run_now(self, job: Job[R]) -> R:
        """Run `job` in a transaction, unless this is where the node dies."""
        if self._dead:
            raise CrashedError(self._member)
        self._world.commits += 1
        due = self._world.crash_at is not None and self._world.crash_at[0] == self._world.commits
        if not due:
            return super().run_now(job)
        self._dead = True
        assert self._world.crash_at is not None
        if self._world.crash_at[1] == "after":
            super().run_now(job)
            raise CrashedError(self._member)
        return super().run_now(self._never(job))

    def _never(self, job: Job[R]) -> Job[R]:
        def crashing(connection: Connection) -> R:
            job(connection)
            raise CrashedError(self._member)

        return crashing


class SameReaders(InlineReaders):
    """Queries on the writer's connection, between its transactions; none of them writes."""

    def run_now(self, query: Job[R]) -> R:
        """Run a query; what is not committed is nobody's to see."""
        connection: Any = self._connection
        changes, inside = connection.total_changes, connection.in_transaction
        found = super().run_now(query)
        assert not inside, "a query within a transaction"
        assert connection.total_changes == changes, "a query that writes"
        return found
