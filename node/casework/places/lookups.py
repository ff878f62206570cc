"""Look-ups under way: a name server that is slow, or fails, holds up only what it was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from node.casework.item import ItemState
from node.casework.reports.prepare import PreparedReport
from protocol.facts import Jurisdiction, Location
from protocol.vocabulary import Confidence, HostingState

AT_ONCE = 256
"""Look-ups under way at once: few enough that an urgent item does not queue behind many."""
SETTLE_S = 0.25
"""How long answers are gathered before those that came are kept together."""
LOOK_AGAIN_MS = 900_000
"""When a look-up that failed unexpectedly is tried again."""

Found = tuple[Jurisdiction, int | None]
"""A hosting jurisdiction, and when to ask again (None: settled)."""


class Places(Protocol):
    """Tells where items are hosted."""

    async def locate(self, state: ItemState, now_ms: int) -> Found:
        """Return the hosting jurisdiction, and when to ask again (None: settled)."""
        ...

    def known(self, location: Location | None, now_ms: int) -> Jurisdiction | None:
        """Return it if nobody has to be asked, else None."""
        ...


def known_places(
    places: Places, prepared: Iterable[PreparedReport], now_ms: int
) -> dict[str | None, Jurisdiction]:
    """What is known without asking anybody of these reports' items, by canonical location."""
    return known_at(places, (i.location for report in prepared for i in report.items), now_ms)


def known_at(
    places: Places, locations: Iterable[Location | None], now_ms: int
) -> dict[str | None, Jurisdiction]:
    """What is known without asking anybody, by canonical location."""
    found = {}
    for location in locations:
        if location is not None and location.canonical not in found:
            known = places.known(location, now_ms)
            if known is not None:
                found[location.canonical] = known
    return found


class LookUps:
    """What is being looked up, by item."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._tasks: dict[str, asyncio.Task[Found]] = {}

    async def answers(self, due: Iterable[ItemState], now_ms: int) -> dict[str, Found]:
        """Begin with what is due, in this order, and return what has come by now."""
        for state in due:
            if state.id not in self._tasks and len(self._tasks) < AT_ONCE:
                self._tasks[state.id] = asyncio.create_task(self._places.locate(state, now_ms))
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=SETTLE_S)
        done = {item: task for item, task in self._tasks.items() if task.done()}
        for item in done:
            del self._tasks[item]
        return {item: _answer(task, now_ms) for item, task in done.items()}

    async def one(self, state: ItemState, now_ms: int, wait_s: float) -> Found | None:
        """Look up one item that somebody waits for; None: there is no answer within `wait_s`.

        What comes later is dropped by whoever gathers answers, unless the item is due by itself.
        """
        task = self._tasks.get(state.id)
        if task is None:
            task = self._tasks[state.id] = asyncio.create_task(self._places.locate(state, now_ms))
        await asyncio.wait({task}, timeout=wait_s)
        return _answer(task, now_ms) if task.done() else None


def _answer(look_up: asyncio.Task[Found], now_ms: int) -> Found:
    """What a look-up found; one that failed is asked again later."""
    if look_up.cancelled() or look_up.exception() is not None:
        failed = Jurisdiction(HostingState.UNRESOLVED, None, Confidence.LOW)
        return failed, now_ms + LOOK_AGAIN_MS
    return look_up.result()
