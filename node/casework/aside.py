"""What this program fails at is set aside before a person, and holds up nothing else.

Who works at much at once works at it together; where that fails, at each by itself, so that one
item or entry that a member made, or a fault of ours, costs no other. What fails alone is let lie
until the node is started anew: the next release may know better.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from node.casework.casebook import Casebook, Needs
from node.store.errors import StoreError

T = TypeVar("T")
TASK: Final = "set_aside"
Transact: TypeAlias = Callable[[Needs, Callable[[Casebook], Any]], Awaitable[Any]]
"""Load, decide, keep, wake whoever has work by it."""


class SetAside:
    """Works at what is due; remembers what it failed at."""

    def __init__(self, transact: Transact) -> None:
        self._transact = transact
        self.aside: set[str] = set()
        """Subjects of tasks: what is not worked at any more."""

    async def each(
        self,
        ones: Sequence[T],
        subject: Callable[[T], str],
        work: Callable[[Sequence[T]], Awaitable[Any]],
    ) -> None:
        """Let `work` do all that was not set aside, together or else one by one.

        `subject`: what a task calls one of them, by ids and numbers alone.

        Raises:
            StoreError: what was not done is due again.
        """
        ones = [one for one in ones if subject(one) not in self.aside]
        if not ones or await _is_done(ones, work):
            return
        for one in ones:
            if not await _is_done([one], work):
                await self._transact(Needs(), partial(_tell, subject(one)))
                self.aside.add(subject(one))


def _tell(subject: str, book: Casebook) -> None:
    book.tasks.append((TASK, subject))


async def _is_done(ones: Sequence[T], work: Callable[[Sequence[T]], Awaitable[Any]]) -> bool:
    try:
        await work(ones)
    except StoreError:
        raise
    except Exception:  # noqa: BLE001 - whatever one does, the others are worked at
        return False
    return True
