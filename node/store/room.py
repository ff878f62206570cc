"""What a writer knows of its work: how commits are shared, and whether the store takes anything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from node.store.errors import AwayError, RefusedByServerError, StoreFullError, UnsureError
from node.store.seam import Connection

BATCH_CHARS: Final = 1 << 18
_NAME: Final = "room"


@dataclass(slots=True)
class Counters:
    """How well commits are shared: jobs / commits (read by metrics)."""

    jobs: int = 0
    commits: int = 0


@dataclass(slots=True)
class Room:
    """Whether the store refused to write for want of room, and none was found since.

    All writes pass by here, whoever wanted them: intake, a peer's push, judging, delivery. That a
    small one found room says nothing of the next batch: `try_room` asks for as much as one needs.
    A server that is away, or lets nobody in, is back with the first write that it keeps.
    """

    is_full: bool = False
    out_of_reach: str | None = None
    """The code of why a server kept nothing of the last write."""

    def note(self, errors: Iterable[BaseException | None]) -> None:
        """Take in how the jobs of a transaction ended."""
        for error in errors:
            if isinstance(error, StoreFullError):
                self.is_full = True
            if isinstance(error, AwayError | RefusedByServerError | UnsureError):
                self.out_of_reach = error.code
            elif error is None:
                self.out_of_reach = None

    def missing(self) -> list[str]:
        """Return the codes of why nothing can be kept; none: it can."""
        reach = [] if self.out_of_reach is None else [self.out_of_reach]
        return reach + (["store_full"] if self.is_full else [])


def try_room(connection: Connection) -> None:
    """Write as much as a batch of reports and leave nothing; a job of a writer.

    Raises:
        StoreFullError: there is no room yet.
    """
    connection.execute("INSERT INTO meta (name, value) VALUES (?, ?)", (_NAME, "x" * BATCH_CHARS))
    connection.execute("DELETE FROM meta WHERE name = ?", (_NAME,))
