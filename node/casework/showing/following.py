"""Following what changes: the history as other systems of the hotline read it, page by page.

Whoever has read everything may wait for more; every decision that adds events tells those who wait.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from node.casework.errors import CursorGoneError, UnknownCursorError
from node.casework.events import Erased, Event
from node.casework.showing.change_views import ChangeView, change_view
from node.casework.showing.feed import Feed
from node.store.items.queries import Queries

MAX_WAIT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """Changes after a cursor; `cursor` is where to go on."""

    changes: list[ChangeView]
    cursor: int


class Following:
    """Reads pages of the history and wakes those who wait for the next."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._changed = asyncio.Condition()

    async def tell(self) -> None:
        """Wake those who wait: there are new events."""
        async with self._changed:
            self._changed.notify_all()

    async def changes(self, feed: Feed, after: int, limit: int, wait_s: float) -> ChangesPage:
        """Return what changed after cursor `after`; waits up to `wait_s` while nothing has.

        Raises:
            CursorGoneError: the reader had seen more than the backup that was restored holds.
            UnknownCursorError: `after` lies past the newest change.
        """
        number = feed.number(after)
        found = await self._queries.events(number, limit)
        if not found:
            await self._check(feed, number)
        if not found and wait_s > 0:
            found = await self._next(number, limit, min(wait_s, MAX_WAIT_S))
        changes = [change_view(feed.cursor(seq), event) for seq, event in found]
        return ChangesPage(changes, feed.cursor(found[-1][0] if found else number))

    async def number(self, feed: Feed, cursor: int, field: str) -> int:
        """Return the number of the event that a cursor names, which came in as `field`.

        Raises:
            CursorGoneError, UnknownCursorError: as `changes`.
        """
        try:
            number = feed.number(cursor)
            await self._check(feed, number)
        except CursorGoneError as error:
            raise CursorGoneError(error.read_from, field) from None
        except UnknownCursorError as error:
            raise UnknownCursorError(error.newest, field) from None
        return number

    async def _check(self, feed: Feed, number: int) -> None:
        """Check that the history goes as far as event `number`.

        A cursor of another node would else hear nothing, for as long as this one has less to tell.

        Raises:
            UnknownCursorError: it does not.
        """
        newest = await self._queries.last_event()
        if number > newest:
            raise UnknownCursorError(feed.cursor(newest))

    async def _next(
        self, after: int, limit: int, wait_s: float
    ) -> list[tuple[int, Event | Erased]]:
        """Look again with the condition held: nobody can notify between the look and the wait."""
        try:
            async with asyncio.timeout(wait_s), self._changed:
                found = await self._queries.events(after, limit)
                while not found:
                    await self._changed.wait()
                    found = await self._queries.events(after, limit)
                return found
        except TimeoutError:
            return []
