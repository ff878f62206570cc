"""Country data in a running node: files that were replaced are taken up without a gap.

Every half minute the configuration is read again and the files it names are looked at. If one was
replaced, all are opened beside those in use, and change places with them between two decisions.
What cannot be used changes nothing: the node goes on with what it has, and the log says why once.
Into what was written in its place somebody may still be writing, and half a list reads as a whole
one: it is taken up once it was the same at two looks.

Lists of known content are looked at likewise, in the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from node.casework.contents.introducing import SharedStore
from node.casework.contents.unlisting import EndedStore
from node.config import ConfigError, load
from node.jurisdiction.build import Jurisdiction, Stamp, open_data, stamp
from node.jurisdiction.errors import DataFileError

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from node.casework.desk import Desk

DATA_EVERY_S = 30.0
LISTS_EVERY_S = 5.0
NEWCOMERS_EVERY_S = 0.2
"""Between two pieces of a list about which items that were here before are asked."""


class DataWatch:
    """Takes up data files that were replaced; remembers what it has complained of."""

    def __init__(self, jurisdiction: Jurisdiction, source: Path, log: FilteringBoundLogger) -> None:
        self._jurisdiction = jurisdiction
        self._source = source
        self._log = log
        self._said = ""
        self._written: Stamp | None = None

    async def look(self) -> bool:
        """Look once; return whether other data is in use now."""
        try:
            changed = await self._take_up()
        except (ConfigError, DataFileError) as error:
            if str(error) != self._said:
                self._said = str(error)
                self._log.error("data_not_taken_up", code=error.code)
            return False
        self._said = ""
        if changed:
            self._log.info("data_taken_up", files=len(self._jurisdiction.data.files))
        return changed

    async def _take_up(self) -> bool:
        section = (await asyncio.to_thread(load, self._source)).jurisdiction
        if not await asyncio.to_thread(self._jurisdiction.is_behind, section):
            return False
        now, before = await asyncio.to_thread(stamp, section), self._written
        self._written = now
        if now != before and _is_written_into(self._jurisdiction.data.stamp, now):
            return False
        data = await asyncio.to_thread(open_data, section)
        self._jurisdiction.take_up(data, section)
        return True


def _is_written_into(before: Stamp, now: Stamp) -> bool:
    """Whether a file changed and is the same one: path and inode, of which each stamp is made."""
    known = {one[:2]: one for one in before}
    return any(known.get(one[:2], one) != one for one in now)


def keep_data(
    jurisdiction: Jurisdiction, source: Path, log: FilteringBoundLogger
) -> Callable[[], Awaitable[None]]:
    """Return the step of a loop that looks, then waits."""
    watch = DataWatch(jurisdiction, source, log)

    async def step() -> None:
        await watch.look()
        await asyncio.sleep(DATA_EVERY_S)

    return step


class ListLookUps(EndedStore, Protocol):
    """What the look at lists needs of `node.store.contents.known.KnownContent`."""

    async def refresh(self, *, calm: bool = False) -> bool:
        """Bring what is kept at hand up to date; whether anything was done."""
        ...


def look_at_lists(
    known: ListLookUps, shared: SharedStore, desk: Desk
) -> Callable[[], Awaitable[None]]:
    """Return the step that keeps look-ups quick, undoes what was taken back, and catches up.

    So it does with members that began later to hear what is told of contents here.

    Another process may have imported or retracted: the store tells.
    """
    unlisting = desk.correcting.unlisting(known)
    introducing = desk.correcting.introducing(shared)

    async def step() -> None:
        await known.refresh(calm=True)
        more = not desk.closed() and await unlisting.due()
        new = not more and not desk.closed() and await unlisting.match_new()
        new |= not more and not desk.closed() and await introducing.due()
        await asyncio.sleep(0 if more else NEWCOMERS_EVERY_S if new else LISTS_EVERY_S)

    return step
