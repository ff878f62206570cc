"""What a writer knows of its work: how commits are shared, and whether there is room."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from node.store.errors import StoreFullError
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
    """

    is_full: bool = False

    def note(self, errors: Iterable[BaseException | None]) -> None:
        """Take in how the jobs of a transaction ended."""
        self.is_full = self.is_full or any(isinstance(error, StoreFullError) for error in errors)


def try_room(connection: Connection) -> None:
    """Write as much as a batch of reports and leave nothing; a job of a writer.

    Raises:
        StoreFullError: there is no room yet.
    """
    connection.execute("INSERT INTO meta (name, value) VALUES (?, ?)", (_NAME, "x" * BATCH_CHARS))
    connection.execute("DELETE FROM meta WHERE name = ?", (_NAME,))
