"""Playing a year: hotlines hand in, analysts work, nodes go away and come back, time passes.

What a person does at a node that is away waits until it is back; what is to be done with an item
that has not arrived yet waits for the next sitting. Both are tried until they are done: at the end
everything planned was done, or the replay says what was not.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, TextIO

from node.casework.desk import Desk
from node.casework.errors import NotResponsibleError, UnknownItemError
from node.casework.reports.draft import (
    ActionDraft,
    AssessmentDraft,
    HashesDraft,
    ItemDraft,
    ReportDraft,
)
from protocol.vocabulary import Action, Source, Verdict
from tests.builders.network import NOW_MS
from tests.simulation.europe.counting import DEEDS, INTAKE, Counted
from tests.simulation.europe.exchange import Exchange, News
from tests.simulation.europe.network import BATCH_WINDOW_MS, Network
from tests.simulation.europe.year import NOBODY, Moment, Outage, Thing, Year

DAY_MS = 86_400_000
START_MS = (NOW_MS // DAY_MS + 1) * DAY_MS
LEDGER = "ledger.ndjson"
COME_BACK, LEAVE, HAND_IN, HAND_IN_LATE, SIT = range(5)
"""What happens at one moment happens in this order."""
GIVEN_UP_AFTER = 400
"""Sittings at which an item had not come yet."""
TELL_EVERY_S = 5.0


class Deed(StrEnum):
    """What an analyst does at one sitting about one item."""

    MOVE = "move"
    ASSESS = "assess"
    CLOSE = "close"


class Work(NamedTuple):
    """One item on an analyst's desk; `tries` says how often it had not come yet."""

    deed: Deed
    thing: Thing
    tries: int = 0


@dataclass
class Result:
    """What a replay did, or one process of it, and how long it took."""

    members: int
    items: int
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss_mb: int = 0
    undone: int = 0
    counted: Counted = field(default_factory=Counted)


Progress = Callable[[str], None]


class Replay:
    """One process's part of a year: it acts for the members that `process_of` gives it.

    All processes go through all that is handed in, since one chance makes it; what becomes of an
    item each does for its own members.
    """

    def __init__(
        self,
        year: Year,
        folder: Path,
        seed: int,
        say: Progress,
        process_of: Sequence[int],
        exchange: Exchange,
    ) -> None:
        self.year, self.folder, self.say = year, folder, say
        members = year.members
        self._own = frozenset(m for m, process in enumerate(process_of) if process == exchange.us)
        self.network = Network(
            folder,
            members,
            dict(zip(members, process_of, strict=True)),
            members[year.fallback],
            seed,
            exchange,
        )
        self.counted = self.network.counted
        self.result = Result(len(members), year.items, counted=self.counted)
        self._ledger_path = folder / f"{exchange.us}.{LEDGER}"
        self._ids: dict[int, str] = {}
        self._moving: dict[int, Thing] = {}
        self._moments = iter(year.moments())
        self._queue: list[tuple[int, int, int, object]] = []
        self._work: dict[tuple[int, int], list[Work]] = {}
        self._back: dict[int, int] = {}
        self._number = 0
        self._handed = 0

    def run(self) -> Result:
        """Play everything until all is at rest; then the ledger and the databases are closed."""
        return self.network.quiet.run(self._run())

    async def _run(self) -> Result:
        await self.network.start()
        began, cpu = time.perf_counter(), time.process_time()
        for outage in self.year.outages:
            self._plan(outage.from_ms, LEAVE, outage)
            self._plan(outage.to_ms, COME_BACK, outage)
        with self._ledger_path.open("w", encoding="utf-8") as ledger:
            await self._play(ledger)
        result = self.result
        result.seconds = time.perf_counter() - began
        result.cpu_seconds = time.process_time() - cpu
        result.peak_rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        await self.network.close()
        return result

    def _plan(self, at_ms: int, what: int, subject: object) -> None:
        self._number += 1
        heapq.heappush(self._queue, (at_ms, what, self._number, subject))

    async def _play(self, ledger: TextIO) -> None:
        """Go from mark to mark: what happens before one, then the delivery at it."""
        self._next_moment()
        told = time.perf_counter()
        next_ms: int | None = START_MS
        while next_ms is not None:
            mark = -(-next_ms // BATCH_WINDOW_MS) * BATCH_WINDOW_MS
            while self._queue and self._queue[0][0] <= mark:
                at_ms, what, _, subject = heapq.heappop(self._queue)
                self.network.now = at_ms
                await self._happen(what, subject, ledger)
            next_ms = await self.network.deliver(mark, self._queue[0][0] if self._queue else None)
            self._hear()
            if time.perf_counter() - told >= TELL_EVERY_S:
                told = time.perf_counter()
                self.say(self._progress())

    async def _happen(self, what: int, subject: object, ledger: TextIO) -> None:
        if isinstance(subject, Outage):
            await self._go(subject, away=what == LEAVE)
        elif isinstance(subject, Moment):
            if what == HAND_IN:
                self._next_moment()
            await self._hand_in(subject, ledger)
        elif isinstance(subject, int):
            await self._sit(subject, self.network.now)

    def _hear(self) -> None:
        """Take up what other processes told of items: their ids, and that they moved here."""
        heard, self.network.heard = self.network.heard, []
        for number, item_id in heard:
            if item_id is not None:
                self._ids[number] = item_id
            else:
                self._has_moved(self._moving.pop(number))

    def _progress(self) -> str:
        day = (self.network.now - START_MS) // DAY_MS
        return (
            f"day {day} of {self.year.days}: {self._handed} items handed in, here"
            f" {self.counted.of['deeds']} deeds, {self.counted.of['pushes']} pushes,"
            f" {len(self._ids)} items open"
        )

    def _next_moment(self) -> None:
        moment = next(self._moments, None)
        if moment is not None:
            self._plan(moment.at_ms, HAND_IN, moment)

    async def _go(self, outage: Outage, *, away: bool) -> None:
        if away:
            self._back[outage.member] = outage.to_ms
        else:
            del self._back[outage.member]
        if outage.member not in self._own:
            return
        node = self.network[self.year.members[outage.member]]
        if away:
            await node.crash()
        else:
            await node.restart()
            await node.judge()
            self.network.wake(node.member)

    async def _hand_in(self, moment: Moment, ledger: TextIO) -> None:
        """A hotline hands in its reports; while its node is away they wait in its own system."""
        back = self._back.get(moment.member)
        if back is not None:
            self._plan(back, HAND_IN_LATE, moment._replace(at_ms=back))
            return
        reports, again = self.year.handed_in(moment)
        self._handed += moment.items
        things = [thing for report in reports for thing in report]
        if moment.member in self._own:
            await self._submit(moment, [*reports, *([thing] for thing in again)], ledger)
            for thing in things:
                ledger.write(json.dumps(_truth(thing)) + "\n")
                self._tell(thing, self._ids[thing.number])
        for thing in things:
            self._begin(thing)

    async def _submit(
        self, moment: Moment, lines: Sequence[Sequence[Thing]], ledger: TextIO
    ) -> None:
        node = self.network[self.year.members[moment.member]]
        source = Source.CRAWLER if moment.crawled else Source.PUBLIC
        drafts = [_draft(things, source) for things in lines]
        batch = f"moment {self._handed}"
        with self.counted.doing(INTAKE):
            taken = await node.desk.submit(drafts, actor="intake", batch=batch)
        for report, result in zip(lines, taken, strict=True):
            assert result.status == "accepted", result
            for thing, item in zip(report, result.items, strict=True):
                self.counted.of["lines"] += 1
                ledger.write(json.dumps(["line", thing.number, moment.member]) + "\n")
                if thing.finder == moment.member:
                    self._ids[thing.number] = item.item_id
        self.network.wake(node.member)

    def _tell(self, thing: Thing, item_id: str | None) -> None:
        """Let those who play the members that will work on an item know of it."""
        members = {self.year.members[m] for m in (thing.via, thing.holder) if m != NOBODY}
        self.network.tell(News(thing.number, item_id), members)

    def _begin(self, thing: Thing) -> None:
        if thing.via == NOBODY:
            self._put(thing.holder, thing.assess_ms, Work(Deed.ASSESS, thing))
            return
        self._put(thing.via, thing.assess_ms, Work(Deed.MOVE, thing))
        if thing.holder in self._own and thing.via not in self._own:
            self._moving[thing.number] = thing

    def _has_moved(self, thing: Thing) -> None:
        self._put(thing.holder, thing.assess_ms, Work(Deed.ASSESS, thing))

    def _put(self, member: int, at_ms: int, work: Work) -> None:
        """Put work before the analysts of a member, at their first sitting from then on."""
        if member not in self._own:
            return
        sitting = self.year.sitting_after(member, max(at_ms, self.network.now + 1))
        if (member, sitting) not in self._work:
            self._work[member, sitting] = []
            self._plan(sitting, SIT, member)
        self._work[member, sitting].append(work)

    async def _sit(self, member: int, at_ms: int) -> None:
        """The analysts of one member do what is before them."""
        waiting = self._work.pop((member, at_ms))
        back = self._back.get(member)
        if back is not None:
            for work in waiting:
                self._put(member, back, work)
            return
        node = self.network[self.year.members[member]]
        with self.counted.doing(DEEDS):
            await self._work_through(node.desk, member, waiting)
        self.network.wake(node.member)

    async def _work_through(self, desk: Desk, member: int, waiting: Sequence[Work]) -> None:
        """All of them at once, each on what is his: their deeds share commits."""
        at_ms = self.network.now
        done = await asyncio.gather(*(self._try(desk, member, work) for work in waiting))
        for work, was_done in zip(waiting, done, strict=True):
            if was_done:
                continue
            self.counted.of["put_off"] += 1
            if work.tries < GIVEN_UP_AFTER:
                self._put(member, at_ms + 1, work._replace(tries=work.tries + 1))
            else:
                self.result.undone += 1

    async def _try(self, desk: Desk, member: int, work: Work) -> bool:
        """Do it if the item has come; whether it had."""
        try:
            await self._do(desk, member, work)
        except (UnknownItemError, NotResponsibleError):
            return False
        return True

    async def _do(self, desk: Desk, member: int, work: Work) -> None:
        thing = work.thing
        item = self._ids.get(thing.number)
        if item is None:
            raise UnknownItemError
        if work.deed is Deed.MOVE:
            country = self.year.members[thing.holder][:2].upper()
            await self._act(desk, item, Action.MOVED, country)
            self._has_moved(thing)
            self._tell(thing, None)
        elif work.deed is Deed.ASSESS:
            await self._assess(desk, item, thing)
            if thing.illegal:
                await self._act(desk, item, Action.LEA_NOTIFIED)
                self._put(member, thing.remove_ms, Work(Deed.CLOSE, thing))
            else:
                await self._act(desk, item, Action.NOT_ILLEGAL)
                del self._ids[thing.number]
        else:
            await self._act(desk, item, Action.REMOVED)
            del self._ids[thing.number]

    async def _act(self, desk: Desk, item: str, action: Action, country: str | None = None) -> None:
        await desk.act(item, ActionDraft(action=action, country=country), actor="analyst")
        self.counted.of["deeds"] += 1

    async def _assess(self, desk: Desk, item: str, thing: Thing) -> None:
        """Judge, unless a verdict came with the item: then nobody need look again."""
        if thing.known:
            view = await desk.item(item)
            if view is None:
                raise UnknownItemError
            if view.assessments:
                self.counted.of["carried_over"] += 1
                return
        verdict = Verdict.BASELINE if thing.illegal else Verdict.NOT_ILLEGAL
        await desk.assess(item, AssessmentDraft(verdict=verdict), actor="analyst")
        self.counted.of["deeds"] += 1


def _truth(thing: Thing) -> list[object]:
    """What the checker is to find of one item."""
    close = "removed" if thing.illegal else "not_illegal"
    return ["item", thing.number, thing.url, thing.finder, thing.via, thing.holder, close]


def _draft(things: Sequence[Thing], source: Source) -> ReportDraft:
    items = tuple(
        ItemDraft(
            url=thing.url,
            hashes=None if thing.sha256 is None else HashesDraft(sha256=thing.sha256),
        )
        for thing in things
    )
    at_risk = any(thing.child_at_risk for thing in things)
    return ReportDraft(items=items, source=source, child_at_risk=at_risk)
