"""Playing a year: hotlines hand in, analysts work, nodes go away and come back, time passes.

What a person does at a node that is away waits until it is back; what is to be done with an item
that has not arrived yet waits for the next sitting. Both are tried until they are done: at the end
everything planned was done, or the replay says what was not.
"""

from __future__ import annotations

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
from node.casework.draft import ActionDraft, AssessmentDraft, HashesDraft, ItemDraft, ReportDraft
from node.casework.errors import NotResponsibleError, UnknownItemError
from protocol.vocabulary import Action, Source, Verdict
from tests.builders.network import NOW_MS
from tests.simulation.europe.counting import DEEDS, INTAKE, Counted
from tests.simulation.europe.network import Network
from tests.simulation.europe.year import NOBODY, Moment, Outage, Thing, Year

DAY_MS = 86_400_000
START_MS = (NOW_MS // DAY_MS + 1) * DAY_MS
LEDGER, DATABASES = "ledger.ndjson", "databases.json"
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
    """What a replay did, and how long it took."""

    members: int
    items: int
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss_mb: int = 0
    undone: int = 0
    counted: Counted = field(default_factory=Counted)


Progress = Callable[[str], None]


class Replay:
    """One year in one folder."""

    def __init__(self, year: Year, folder: Path, seed: int, say: Progress) -> None:
        self.year, self.folder, self.say = year, folder, say
        members = year.members
        self.network = Network(folder, members, seed, members[year.fallback])
        self.counted = self.network.counted
        self.result = Result(len(members), year.items, counted=self.counted)
        self._ids: dict[int, str] = {}
        self._moments = iter(year.moments())
        self._queue: list[tuple[int, int, int, object]] = []
        self._work: dict[tuple[int, int], list[Work]] = {}
        self._back: dict[int, int] = {}
        self._number = 0
        self._handed = 0

    async def run(self) -> Result:
        """Play everything until all is at rest; then the ledger and the databases are closed."""
        await self.network.start()
        began, cpu = time.perf_counter(), time.process_time()
        for outage in self.year.outages:
            self._plan(outage.from_ms, LEAVE, outage)
            self._plan(outage.to_ms, COME_BACK, outage)
        with (self.folder / LEDGER).open("w", encoding="utf-8") as ledger:
            await self._play(ledger)
        await self.network.come_to_rest()
        result = self.result
        result.seconds = time.perf_counter() - began
        result.cpu_seconds = time.process_time() - cpu
        result.peak_rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        await self.network.close()
        self._write_keys()
        return result

    def _plan(self, at_ms: int, what: int, subject: object) -> None:
        self._number += 1
        heapq.heappush(self._queue, (at_ms, what, self._number, subject))

    async def _play(self, ledger: TextIO) -> None:
        self._next_moment()
        told = time.perf_counter()
        while self._queue:
            at_ms, what, _, subject = heapq.heappop(self._queue)
            await self.network.run_until(at_ms)
            if isinstance(subject, Outage):
                await self._go(subject, away=what == LEAVE)
            elif isinstance(subject, Moment):
                if what == HAND_IN:
                    self._next_moment()
                await self._hand_in(subject, ledger)
            elif isinstance(subject, int):
                await self._sit(subject, at_ms)
            if time.perf_counter() - told >= TELL_EVERY_S:
                told = time.perf_counter()
                self.say(self._progress())

    def _progress(self) -> str:
        day = (self.network.now - START_MS) // DAY_MS
        return (
            f"day {day} of {self.year.days}: {self._handed} items handed in,"
            f" {self.counted.of['deeds']} deeds, {self.counted.of['pushes']} pushes,"
            f" {len(self._ids)} items open"
        )

    def _next_moment(self) -> None:
        moment = next(self._moments, None)
        if moment is not None:
            self._plan(moment.at_ms, HAND_IN, moment)

    async def _go(self, outage: Outage, *, away: bool) -> None:
        node = self.network[self.year.members[outage.member]]
        if away:
            self._back[outage.member] = outage.to_ms
            await node.crash()
            return
        del self._back[outage.member]
        await node.restart()
        self.network.wake(node.member)

    async def _hand_in(self, moment: Moment, ledger: TextIO) -> None:
        """A hotline hands in its reports; while its node is away they wait in its own system."""
        back = self._back.get(moment.member)
        if back is not None:
            self._plan(back, HAND_IN_LATE, moment._replace(at_ms=back))
            return
        reports, again = self.year.handed_in(moment)
        lines = [*reports, *([thing] for thing in again)]
        node = self.network[self.year.members[moment.member]]
        source = Source.CRAWLER if moment.crawled else Source.PUBLIC
        drafts = [_draft(things, source) for things in lines]
        with self.counted.doing(INTAKE):
            taken = await node.desk.submit(drafts, actor="intake", batch=f"moment {self._number}")
        self._number += 1
        for report, result in zip(lines, taken, strict=True):
            assert result.status == "accepted", result
            for thing, item in zip(report, result.items, strict=True):
                self.counted.of["lines"] += 1
                ledger.write(json.dumps(["line", thing.number, moment.member]) + "\n")
                self._ids.setdefault(thing.number, item.item_id)
        for thing in (thing for report in reports for thing in report):
            ledger.write(json.dumps(_truth(thing)) + "\n")
            self._begin(thing)
        self._handed += moment.items
        self.network.wake(node.member)

    def _begin(self, thing: Thing) -> None:
        if thing.via == NOBODY:
            self._put(thing.holder, thing.assess_ms, Work(Deed.ASSESS, thing))
        else:
            self._put(thing.via, thing.assess_ms, Work(Deed.MOVE, thing))

    def _put(self, member: int, at_ms: int, work: Work) -> None:
        """Put work before the analysts of a member, at their first sitting from then on."""
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
        for work in waiting:
            try:
                await self._do(desk, member, work)
            except (UnknownItemError, NotResponsibleError):
                self.counted.of["put_off"] += 1
                if work.tries < GIVEN_UP_AFTER:
                    self._put(member, self.network.now + 1, work._replace(tries=work.tries + 1))
                else:
                    self.result.undone += 1

    async def _do(self, desk: Desk, member: int, work: Work) -> None:
        thing, item = work.thing, self._ids[work.thing.number]
        if work.deed is Deed.MOVE:
            country = self.year.members[thing.holder][:2].upper()
            await self._act(desk, item, Action.MOVED, country)
            self._put(thing.holder, thing.assess_ms, Work(Deed.ASSESS, thing))
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

    def _write_keys(self) -> None:
        """Where each member's database is, and under which key: for the checker alone."""
        nodes = self.network.nodes
        found = {m: [n.path.name, n.keys.database_key.hex()] for m, n in nodes.items()}
        (self.folder / DATABASES).write_text(json.dumps(found), encoding="utf-8")


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
