"""What the desk needs of a store; `node.store.items.cases` fulfils it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from node.casework.casebook import Casebook, Needs
from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.receiving import Answer
from protocol.disavowal import Disavow

R = TypeVar("R")


class CaseStore(Protocol):
    """What the desk needs of the store: read, decide and write in one durable transaction."""

    async def transact(
        self, needs: Needs, now_ms: int, decide: Callable[[Casebook], R]
    ) -> tuple[R, Casebook]:
        """Load `needs`, run `decide`, keep what it added; durable on return.

        Raises:
            StoreError: nothing was kept.
        """
        ...

    async def judge(
        self, needs: Needs, now_ms: int, decide: Callable[[Casebook], list[Answer]]
    ) -> Casebook:
        """As `transact`, for entries in custody; their answers are kept with it.

        Raises:
            StoreError: nothing was kept.
        """
        ...

    async def release(self, peers: Sequence[str]) -> int:
        """Let what these members sent while suspended be judged; returns how much so far."""
        ...

    async def wake_said_by(self, peers: Sequence[str]) -> int:
        """Let what these members said of items, and waits for those, be judged; how much so far."""
        ...

    async def note_disavowed(self, by: Arrived, message: Disavow) -> None:
        """Make ready, in short transactions, for a range that is disavowed in the next decision.

        Raises:
            StoreError: it was not made ready; it can be again.
        """
        ...

    async def wake(self) -> int:
        """Let the next of what is to be woken be judged; returns how many.

        Or name the next of what members disavowed.
        """
        ...

    async def relearn(self, is_known: Callable[[bytes], bool], forms: str, now_ms: int) -> int:
        """Let entries of forms that are known now be judged; returns how many.

        `forms`: all that are known, by which it is seen whether there is anything to learn.
        """
        ...
