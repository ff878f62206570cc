"""Looking up whom to tell about the items that are here, before an analyst needs it.

The history is read on from where it was read to last time; where an item of ours stands is taken
from the evidence of its place, so that no name server is asked for this. Rules upheld:

* Off unless the operator lets registers be asked, and never more than so many blocks a day.
* A few at a time: the exchange has the machine first. They go side by side, so that a register that
  is slow holds up no other. Items in which somebody may be abused now come first.
* What a register said is kept by range, and a pause that it asks for is given
  (`node.jurisdiction.directory`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final, NamedTuple, Protocol

from node.jurisdiction.directory import DAY_MS, Directory, block_of
from node.jurisdiction.sought import Sought, after

EVERY_S: Final = 5.0
EVENTS: Final = 500
"""Events read in one step."""
AT_A_TIME: Final = 8


class Standing(NamedTuple):
    """Where an item of ours stands: addresses, and 0 if somebody may be abused now, else 1."""

    addresses: tuple[str, ...]
    urgency: int


class SoughtStore(Protocol):
    """Keeps what is looked for."""

    async def news(self, limit: int) -> tuple[int, Sequence[Standing]]:
        """Return how far the history is read with the next `limit` events, and what is in them."""
        ...

    async def begin(self, read_to: int, sought: Collection[Sought]) -> None:
        """Keep how far the history is read, and what is looked for because of it."""
        ...

    async def due(self, now_ms: int, limit: int) -> Sequence[Sought]:
        """Return what is to be asked now, the most urgent first."""
        ...

    async def settle(self, asked: Sought, left: Sought | None, now_ms: int) -> None:
        """Keep what became of a look-up; `left` None: it is over."""
        ...

    async def asked_since(self, since_ms: int) -> int:
        """Return about how many blocks registers were asked since then."""
        ...


class ContactFinder:
    """Works at what is looked for; use from one event loop.

    `refresh` gives the directory the data files that are in use now; `a_day`: how many blocks
    registers may be asked about in 24 hours.
    """

    def __init__(
        self,
        store: SoughtStore,
        directory: Directory,
        refresh: Callable[[], None],
        a_day: int,
    ) -> None:
        self._store = store
        self._directory = directory
        self._refresh = refresh
        self._a_day = a_day

    async def work_due(self, now_ms: int) -> bool:
        """Take note of what came, ask about a few; return whether more of the history waits.

        Raises:
            StoreError: what was found could not be kept; it is asked again.
        """
        more = await self._take_note(now_ms)
        left = self._a_day - await self._store.asked_since(now_ms - DAY_MS)
        due = await self._store.due(now_ms, max(0, min(AT_A_TIME, left)))
        if due:
            self._refresh()
        asked = (self._ask(one, now_ms) for one in due)
        for failed in await asyncio.gather(*asked, return_exceptions=True):
            if failed is not None:
                raise failed
        return more

    async def _ask(self, one: Sought, now_ms: int) -> None:
        found = await self._directory.find(one.address, now_ms)
        await self._store.settle(one, after(one, found, now_ms), now_ms)

    async def _take_note(self, now_ms: int) -> bool:
        """Read on in the history; return whether there was anything."""
        read_to, standing = await self._store.news(EVENTS)
        if not read_to:
            return False
        sought: dict[str, Sought] = {}
        for one in sorted(standing, key=lambda item: item.urgency):
            for address in one.addresses:
                block = block_of(address)
                sought.setdefault(block, Sought(block, address, one.urgency, now_ms, now_ms))
        await self._store.begin(read_to, sought.values())
        return True


def keep_finding(finder: ContactFinder, clock: Callable[[], int]) -> Callable[[], Awaitable[None]]:
    """Return the step of a loop that works at what is due, then waits."""

    async def step() -> None:
        more = await finder.work_due(clock())
        await asyncio.sleep(EVERY_S / 5 if more else EVERY_S)

    return step
