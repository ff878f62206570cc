"""The course of the demo: what happens in which order, told as it happens.

1. the umbrella makes the network, four members are made, admitted and join; one stays away
2. the files of the first half go in; one node is frozen, another killed with -9 while entries
   without a receipt stand on it, and both go on
3. a site moves from one country to another; analysts work; what is forwarded to the third is told
4. the umbrella goes; the member that was away joins through another member's mirror
5. the files of the second half go in; the holder of what moved acts while the member between is
   down; analysts work; everything settles
6. everything is exported for the checker

Where one member's store is on a server, the process of it that works is killed with -9 in 3 and in
5, while another one of the same member stands by.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from examples.demo.analysts import Analyst
from examples.demo.members import Member
from examples.demo.network import Network
from examples.demo.processes import DemoError, Processes
from examples.demo.two_processes import T, at_work, killed_during, on_their_way
from examples.demo.world import write_world

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Iterator, Sequence
    from pathlib import Path

    import aiohttp

    from examples.demo.progress import Progress
    from examples.demo.two_processes import Load, OnServer

MOVES_AFTER_S = 2.0
"""Name servers' answers about the moving site live for a second."""
SETTLES_S = 90.0
LONG_S = 15.0
QUIET_S = 0.6
FIRST, SECOND = 1, 2


class Course:
    """One run of the demo in one folder."""

    def __init__(
        self,
        folder: Path,
        http: aiohttp.ClientSession,
        processes: Processes,
        tell: Progress,
        on_server: OnServer | None = None,
    ) -> None:
        self.folder = folder
        self.world = folder / "world"
        self.http = http
        self.processes = processes
        self.tell = tell
        self.ledger: dict[str, Any] = {}
        self.on_server = on_server
        self.network = Network(folder, http, processes)
        self.analysts: dict[str, Analyst] = {}
        self.submitted: list[dict[str, Any]] = []
        self.views: dict[str, list[dict[str, Any]]] = {}
        self.problems: list[str] = []
        self.calm: list[tuple[datetime, datetime]] = []

    @property
    def members(self) -> dict[str, Member]:
        """All members, by id."""
        return self.network.members

    @property
    def away(self) -> Member:
        """The member that is away for the first half."""
        return self.members[self.ledger["network"]["away"]]

    async def close(self) -> None:
        """Let the analysts go home."""
        for analyst in self.analysts.values():
            await analyst.end()

    def changes(self, member: str) -> list[dict[str, Any]]:
        """The change feed of a member, as its analyst followed it."""
        return self.analysts[member].changes

    # -- 1 -----------------------------------------------------------------------------------------

    async def prepare(self, seed: int, reports: int) -> None:
        """Make the synthetic world, a network with four members, and start all but one."""
        now_ms = time.time_ns() // 1_000_000
        self.ledger = write_world(self.world, seed, reports, now_ms)
        totals = self.ledger["totals"]
        self.tell.step(
            f"a synthetic world: {totals['reports']} reports of {totals['items']} items, "
            f"{totals['rejected']} broken lines"
        )
        network = self.ledger["network"]
        one = self.on_server
        stores = {} if one is None else {one.member: one.url}
        zone = self.world / "zone.json"
        await self.network.make(network["members"], network["fallback"], zone, stores=stores)
        self.tell.step(f"network {self.network.name} made, four members with their keys admitted")
        if one is not None:
            self.tell.more(f"{one.member} keeps its store in PostgreSQL")
        joining = [member for member in self.members.values() if member is not self.away]
        await asyncio.gather(*(self._bring_up(member) for member in joining))
        self.tell.step(f"{_names(joining)} joined and run; {self.away.id} is admitted, and away")

    async def _bring_up(self, member: Member, mirror: str | None = None) -> None:
        await self.network.bring_up(member, mirror)
        self.analysts[member.id] = Analyst(member)
        self.analysts[member.id].begin()

    # -- 2 -----------------------------------------------------------------------------------------

    async def first_half(self, frozen: str, killed: str) -> None:
        """Hand in the files of the first half; freeze one node, kill another, let both go on."""
        await self._submit_all(1, ("csv",), self.network.present)
        self.tell.step(f"the CSV files of the first half are in: {self._taken()}")
        await self.settle()
        victim, frozen_one = self.members[killed], self.members[frozen]
        frozen_one.freeze()
        others = [member for member in self.network.present if member is not frozen_one]
        await self._submit_all(1, ("ndjson",), others)
        await self._until_in_flight(victim, frozen_one)
        await victim.kill()
        standing = await _unreceipted(victim)
        if not standing[frozen]:
            raise DemoError(f"{killed}: nothing without a receipt stood there for {frozen}")
        told = ", ".join(f"{count} for {peer}" for peer, count in standing.items() if count)
        self.tell.step(f"{killed} killed with -9 while entries without a receipt stood there:")
        self.tell.more(f"{sum(standing.values())} ({told}); read from its database afterwards")
        frozen_one.thaw()
        await victim.start()
        await self._submit_all(1, ("ndjson",), [frozen_one])
        self.tell.step(f"{killed} started again, {frozen} answers again: {self._taken()}")
        await self._submit(victim, f"reports/{killed}.1.csv", again=True)
        await self.settle()
        waiting = [await _unreceipted(member) for member in self.network.present]
        count = sum(one[self.away.id] for one in waiting)
        self.tell.step(f"settled; {count} entries wait for {self.away.id}, which is away")

    async def _until_in_flight(self, member: Member, to: Member) -> None:
        """Wait until something is on its way to a node that does not answer."""
        name = f'hotline_outbox_entries{{lane="reports",peer="{to.id}"}}'
        for _ in range(100):
            if await member.metric(name) > 0:
                return
            await asyncio.sleep(0.1)
        raise DemoError(f"{member.id}: nothing is on its way to {to.id}")

    async def _submit_all(self, half: int, forms: Sequence[str], members: list[Member]) -> None:
        """Hand in the files of each member, CSV before NDJSON, all members at once."""

        async def one(member: Member) -> None:
            for form in forms:
                path = f"reports/{member.id}.{half}.{form}"
                if (self.world / path).exists():
                    await self._submit(member, path)

        await asyncio.gather(*(one(member) for member in members))

    async def _submit(self, member: Member, path: str, *, again: bool = False) -> None:
        rejects = self.folder / "rejects" / f"{len(self.submitted)}-{path.partition('/')[2]}"
        rejects.parent.mkdir(exist_ok=True)
        words = ("submit", str(self.world / path), "--rejects", str(rejects))
        answer = await member.hotline(*words, expect=(0, 1))
        self.submitted.append({"file": path, "again": again, "answer": answer})

    def _taken(self) -> str:
        """Say what came of all files so far."""
        names = ("accepted", "duplicates", "repeated", "rejected")
        counts = {name: sum(one["answer"][name] for one in self.submitted) for name in names}
        return ", ".join(f"{count} {name}" for name, count in counts.items())

    # -- 3 -----------------------------------------------------------------------------------------

    async def work_between(self) -> None:
        """Let the site move, and the analysts do their work of the first half."""
        (self.world / "zone.after.json").replace(self.world / "zone.json")
        self.tell.step("a site moves from NL to DE")
        await asyncio.sleep(MOVES_AFTER_S)
        work = self._work([t for t in self.ledger["work"] if t["half"] == FIRST])
        with self._calm():
            if self.on_server is not None:
                load = at_work(self.analysts[self.on_server.member])
                work = self._killed_during(work, load)
            done = await work
            self.tell.step(f"analysts worked through the local API: {done}")
            await self.settle()

    async def _work(self, tasks: list[dict[str, Any]]) -> str:
        before = {member: sum(one.done.values()) for member, one in self.analysts.items()}
        await asyncio.gather(
            *(
                analyst.work([t for t in tasks if t["member"] == member], self.ledger["items"])
                for member, analyst in self.analysts.items()
            )
        )
        steps = sum(sum(one.done.values()) - before[m] for m, one in self.analysts.items())
        return f"{steps} verdicts and actions on {len(tasks)} items"

    def _killed_during(self, work: Coroutine[Any, Any, T], load: Load) -> Coroutine[Any, Any, T]:
        assert self.on_server is not None
        return killed_during(self.members[self.on_server.member], work, load, self.tell)

    # -- 4 -----------------------------------------------------------------------------------------

    async def arrive(self, mirror: str) -> None:
        """Let the umbrella go, and the absent member come through another member's mirror."""
        await self.network.stop_umbrella()
        through = self.members[mirror]
        await self._bring_up(self.away, through.endpoint)
        self.tell.step(
            f"the umbrella is down; {self.away.id} joined through the mirror of {mirror}"
        )

    # -- 5 -----------------------------------------------------------------------------------------

    async def second_half(self) -> None:
        """Hand in the files of the second half."""
        one, present = self.on_server, self.network.present
        with self._calm():
            if one is not None:
                member = self.members[one.member]
                others = [other for other in present if other is not member]
                work = self._submit_all(2, ("csv", "ndjson"), others)
                await self._killed_during(work, on_their_way(member, others))
                present = [member]
            await self._submit_all(2, ("csv", "ndjson"), present)
            self.tell.step(f"the files of the second half are in: {self._taken()}")
            await self.settle()

    async def work_with_one_down(self, down: str, acting: str, first: str) -> None:
        """A -> B -> C: C acts while B is down; A hears of it when B is back."""
        moved = [
            task
            for task in self.ledger["work"]
            if task["half"] == SECOND
            and task["member"] == acting
            and self.ledger["items"][task["item"]]["chains"].get(first) == [first, down, acting]
        ]
        between = self.members[down]
        await between.stop()
        await self.analysts[acting].work(moved, self.ledger["items"])
        before = self._heard(first, acting, moved)
        await between.start()
        rest = [t for t in self.ledger["work"] if t["half"] == SECOND and t not in moved]
        done = await self._work(rest)
        await self.settle()
        after = self._heard(first, acting, moved)
        self.tell.step(f"{acting} acted on {len(moved)} moved items while {down} was down:")
        self.tell.more(f"{first} had heard of {before} of them then, and of {after} in the end")
        self.tell.step(f"analysts worked again: {done}")
        if before or after != len(moved):
            raise DemoError(f"{first} heard of {before} items too early, of {after} in the end")

    def _heard(self, member: str, of: str, tasks: list[dict[str, Any]]) -> int:
        """How many of these items show an action of `of` at `member`."""
        found = [self.analysts[member].index.find(self.ledger["items"][t["item"]]) for t in tasks]
        return sum(any(a["member"] == of for a in one[0]["actions"]) for one in found if one)

    # ----------------------------------------------------------------------------------------------

    @contextmanager
    def _calm(self) -> Iterator[None]:
        """What happens here happens while nobody is frozen or killed: its times mean something.

        With one member on a server it does not: its processes are killed here.
        """
        began = datetime.now(UTC)
        yield
        if self.on_server is None:
            self.calm.append((began, datetime.now(UTC)))

    async def settle(self) -> None:
        """Wait until nothing is under way between the nodes that run, and nothing changes.

        Raises:
            DemoError: it never comes to rest.
        """
        began = time.monotonic()
        quiet_since, before, told = began, self._cursors(), False
        while time.monotonic() < began + SETTLES_S:
            await asyncio.sleep(0.2)
            moving = await self._under_way()
            if moving and not told and time.monotonic() > began + LONG_S:
                self.tell.step(f"waiting for {', '.join(map(' '.join, moving.items()))}")
                told = True
            if self._cursors() != before or moving:
                quiet_since, before = time.monotonic(), self._cursors()
            elif time.monotonic() - quiet_since > QUIET_S:
                return
            self._all_alive()
        raise DemoError(f"does not come to rest: {await self._under_way()}")

    def _cursors(self) -> list[int]:
        return [analyst.cursor for analyst in self.analysts.values()]

    async def _under_way(self) -> dict[str, str]:
        """Say what moves: entries for nodes that run, entries not judged, items to be located."""
        moving: dict[str, str] = {}
        present = {member.id for member in self.network.present}
        for member in self.network.present:
            for line in (await member.api.text("/metrics")).splitlines():
                name, _, value = line.rpartition(" ")
                peer = name.partition('peer="')[2].partition('"')[0]
                waits = name.startswith("hotline_outbox_entries{") and peer in present
                locating = name == "hotline_items_locating"
                if waits or locating or name == "hotline_entries_unjudged":
                    count = int(float(value)) - (self._unlocatable(member) if locating else 0)
                    if count > 0:
                        moving[f"{member.id}: {name}"] = str(count)
        return moving

    def _unlocatable(self, member: Member) -> int:
        """How many items of a member nobody can locate: their name servers always fail."""
        return sum(
            item["hosting"]["state"] == "unresolved" and item["holder"] == member.id
            for item in self.ledger["items"].values()
        )

    def _all_alive(self) -> None:
        fallen = self.processes.fallen()
        if fallen:
            raise DemoError(f"{' and '.join(fallen)} ended though nobody stopped it")


async def _unreceipted(member: Member) -> dict[str, int]:
    """Read from a node's database how many entries for each peer have no receipt."""
    answer = await member.hotline("peers")
    return {
        peer["member"]: sum(c["waiting"] + c["unreceipted"] for c in peer["channels"])
        for peer in answer["peers"]
    }


def _names(members: Iterable[Member]) -> str:
    return ", ".join(member.id for member in members)
