"""The network of the year: real nodes on one clock, woken when they have something to do.

Each node is what `tests.simulation.world` makes of the real parts: desk, inbox, outbox, delivery,
keys, and a store in an encrypted file. Here nobody is asked in turn whether he has work: what was
pushed to judges, what gathers or backs off is woken by the clock. The net loses nothing by itself;
what fails are nodes that are away.

Everybody delivers at the same marks, `BATCH_WINDOW_MS` apart: what became known since the last one
goes together, and is judged when all pushes of the mark have been taken.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import cast

from keys.keyring import MemberKeys
from keys.network import MemberEntry
from keys.registry import Registry
from node.casework.item import ItemState
from node.matching.fingerprints import Fingerprints
from node.peer.channels import pacing
from node.peer.errors import PeerUnreachableError
from node.peer.transport import Reply
from node.registry import repository
from node.store import sqlite
from node.store.connection import ProcessLock, open_writer
from node.store.sqlite import Store
from node.store.writer import InlineReaders
from protocol import answers
from protocol.answers import ANSWERS
from protocol.facts import Evidence, Jurisdiction, Location
from protocol.vocabulary import Confidence, HostingState, Lane
from tests.builders.network import NOW_MS, make_document, make_umbrella, member_files
from tests.simulation.europe.counting import DELIVERY, JUDGING, Counted
from tests.simulation.europe.exchange import Call, Exchange, News, Push, Question
from tests.simulation.europe.quiet import Quiet, QuietWriter
from tests.simulation.fleet import sim_keys
from tests.simulation.world import Node, Where, Wire, World

BATCH_WINDOW_MS = 300_000
"""The longest window that a node may be set to (docs/configuration.md, `batch_window_ms`)."""
BULK_WINDOW_MS = 3_000_000
"""The longest that verdicts on files may be set to wait for more (`bulk_window_ms`)."""
CACHE_KIB = 8192
"""Of each node: 54 nodes on one machine share what is meant for one."""


class Known:
    """Places: the names of all hosts are cached, so that each item has its country at once."""

    def known(self, location: Location | None, now_ms: int) -> Jurisdiction | None:
        """Return the country that the host's name begins with."""
        del now_ms
        canonical = (location and location.canonical) or ""
        country = canonical[8:10].upper()
        evidence = Evidence("203.0.113.7", "world", "1", country)
        return Jurisdiction(HostingState.COUNTRY, country, Confidence.HIGH, (evidence,))

    async def locate(self, state: ItemState, now_ms: int) -> tuple[Jurisdiction, int | None]:
        """Return the same for an item that is to be located again."""
        found = self.known(state.location, now_ms)
        assert found is not None
        return found, None


class YearWire(Wire):
    """The transport of one node: a call in the next round of all processes."""

    world: Network

    async def push(self, peer: str, path: str, head: bytes, sealed: bytes) -> Reply:
        """Deliver a push, unless the peer is away."""
        self.world.counted.of["pushes"] += 1
        return await self.world.call(self.sender, peer, Push(path, head, sealed))

    async def ask(self, peer: str, lane: Lane, nonce: bytes) -> Reply:
        """Ask for a channel's state."""
        self.world.counted.of["questions"] += 1
        return await self.world.call(self.sender, peer, Question(lane, nonce))


class Member(Node):
    """One member's node."""

    world: Network

    def __init__(self, world: World, member: str, keys: MemberKeys, path: Path) -> None:
        self._starts = 0
        super().__init__(world, member, keys, path)

    def wire(self) -> YearWire:
        """The way to other members."""
        return YearWire(self.world, self.member)

    def start(self) -> None:
        """Start with what is durable; its chance is its own, whoever else plays in this process."""
        self._starts += 1
        salt = f"{self.world.seed} {self.member} {self._starts}"
        self.world.chance = random.Random(salt)  # noqa: S311 - a simulation, not a secret
        self.places = cast("Where", Known())
        super().start()
        self.delivery.batch_window_ms = BATCH_WINDOW_MS
        self.delivery.bulk_window_ms = BULK_WINDOW_MS

    def _open(self, fingerprints: Fingerprints) -> Store:
        connection = open_writer(self.path, self.keys.database_key)
        connection.execute("PRAGMA synchronous = OFF")  # a process dies, not the power
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        writer = QuietWriter(connection, self.world.quiet)
        readers = InlineReaders(connection)  # nothing is read within a transaction
        lock = ProcessLock(self.path)
        return sqlite._assemble(writer, readers, self.member, fingerprints, lock)

    async def judge(self) -> None:
        """Judge all that came, place what moved."""
        while judged := await self.desk.judge_due() + await self.desk.locate_due():
            self.world.counted.of["judged"] += judged

    async def serve(self, call: Call) -> Reply:
        """What the listener does with a call."""
        if isinstance(call.what, Push):
            return await self.world.receive(call.sender, self.member, *call.what)
        answer = await self.inbox.question(call.sender, *call.what)
        return Reply(ANSWERS[answer.code].status, answers.to_bytes(answer))

    async def due_again_ms(self) -> int | None:
        """When something that waits here may go on; None: nothing waits."""
        now = self.clock()
        tenures = self.delivery._tenures
        backing = {
            pair: tenure.next_attempt_ms
            for pair, tenure in tenures.items()
            if tenure.stopped or not pacing.is_due(now, tenure.next_attempt_ms)
        }
        again = [at_ms for pair, at_ms in backing.items() if not tenures[pair].stopped]
        for pair, urgency in (await self.store.outbox.waiting(tenures)).items():
            if pair not in backing:
                tenure = tenures[pair]
                lingers = self.delivery.lingers(tenure, urgency, now)
                again.append((lingers and tenure.lingers_until_ms) or now + BATCH_WINDOW_MS)
        return min(again, default=None)


@cache
def year_network(
    members: tuple[str, ...], fallback: str
) -> tuple[Registry, Mapping[str, MemberKeys], Mapping[str, bytes]]:
    """The registry of all members; of two hotlines in a country the first is responsible.

    Its keys are made anew by each process that calls this: who share a year take them over.
    """
    keys = {member: sim_keys(member) for member in members}
    umbrella = make_umbrella()
    files: dict[str, bytes] = {}
    for member in members:
        document = make_document(umbrella.registry.network_id, member)
        files |= member_files(document, 1)
    countries: dict[str, tuple[str, ...]] = {}
    for member in members:
        country = member[:2].upper()
        countries[country] = (*countries.get(country, ()), member)
    network = replace(
        umbrella.registry.network,
        members={m: MemberEntry(m, ("hotline",), (m[:2].upper(),)) for m in members},
        choice_rules={c: found for c, found in countries.items() if len(found) > 1},
        fallback_members=(fallback,),
    )
    publics = {m: key.member.public.ed25519 for m, key in keys.items() if key.member}
    proposal = repository.propose_targets(umbrella.state, network, publics, NOW_MS, files)
    umbrella = umbrella.accept(proposal)
    return umbrella.registry, keys, umbrella.files


class Network(World):
    """The members that this process plays, one clock, and a list of who is to be woken when."""

    nodes: Mapping[str, Member]  # type: ignore[assignment]

    def __init__(
        self,
        folder: Path,
        members: Sequence[str],
        process_of: Mapping[str, int],
        fallback: str,
        seed: int,
        exchange: Exchange,
    ) -> None:
        self.seed, self.fallback, self.all = seed, fallback, tuple(members)
        self.quiet = Quiet()
        self.counted = Counted()
        self.heard: list[News] = []
        self._process_of, self._exchange = process_of, exchange
        self._alarms: dict[str, int] = {}
        self._called: dict[int, asyncio.Future[Reply | None]] = {}
        self._number = 0
        super().__init__(folder, [m for m in members if process_of[m] == exchange.us], seed=seed)

    def make_network(
        self, members: tuple[str, ...]
    ) -> tuple[Registry, Mapping[str, MemberKeys], Mapping[str, bytes]]:
        """The registry of all members, also of those that other processes play."""
        del members
        return year_network(self.all, self.fallback)

    def make_node(self, member: str, keys: MemberKeys, path: Path) -> Member:
        """One member's node."""
        return Member(self, member, keys, path)

    def __getitem__(self, member: str) -> Member:
        return self.nodes[member]

    def wake(self, member: str, at_ms: int | None = None) -> None:
        """This member has something to deliver at the next mark, or from `at_ms` on."""
        at_ms = self.now if at_ms is None else at_ms
        self._alarms[member] = min(at_ms, self._alarms.get(member, at_ms))

    async def call(self, sender: str, peer: str, what: Push | Question) -> Reply:
        """Call a member and wait for what it answers.

        Raises:
            PeerUnreachableError: it is away.
        """
        self._number += 1
        future: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
        self._called[self._number] = future
        said = self._exchange.said[self._process_of[peer]]
        said.calls.append(Call(sender, peer, self._number, what))
        reply = await future
        if reply is None:
            self.counted.of["calls_in_vain"] += 1
            raise PeerUnreachableError
        return reply

    def tell(self, news: News, members: Collection[str]) -> None:
        """Let those who play `members` know; this process does already."""
        for process in {self._process_of[member] for member in members} - {self._exchange.us}:
            self._exchange.said[process].news.append(news)

    async def deliver(self, now_ms: int, next_ms: int | None) -> int | None:
        """At the mark `now_ms` let everybody deliver what is due and judge what came.

        `next_ms` is when the players go on here, None: never. Returns when anybody, in any process,
        has something to do next.
        """
        self.now = now_ms
        with self.counted.doing(DELIVERY):
            pushed, after_ms = await self._rounds(next_ms)
        with self.counted.doing(JUDGING):
            await asyncio.gather(*(self.nodes[member].judge() for member in pushed))
        return after_ms

    async def _rounds(self, next_ms: int | None) -> tuple[list[str], int | None]:
        """Deliver; return who was pushed to, and when anybody goes on."""
        due = [m for m, at_ms in sorted(self._alarms.items()) if at_ms <= self.now]
        tasks = [asyncio.create_task(self._deliver_due(self.nodes[member])) for member in due]
        pushed = set[str]()
        while True:
            await self.quiet.come()
            tasks = _unfinished(tasks)
            own = [*self._alarms.values(), *([] if next_ms is None else [next_ms])]
            heard = self._exchange.round(waiting=bool(self._called), next_ms=min(own, default=None))
            if all(said.is_over() for said in heard):
                break
            for said in heard:
                self.heard += said.news
                for number, reply in said.replies:
                    self._called.pop(number).set_result(reply)
            for call in sorted((call for said in heard for call in said.calls), key=Call.order):
                if isinstance(call.what, Question):  # nothing to wait for
                    await self._serve(call)
                    continue
                tasks.append(asyncio.create_task(self._serve(call)))
                if self.nodes[call.peer].up:
                    pushed.add(call.peer)
                    self.wake(call.peer, self.now + 1)  # it will have something to answer
        times = [said.next_ms for said in heard if said.next_ms is not None]
        return sorted(pushed), min(times, default=None)

    async def _deliver_due(self, node: Member) -> None:
        del self._alarms[node.member]
        if node.up:
            await node.delivery.deliver_due(self.now)
            again = await node.due_again_ms()
            if again is not None:
                self.wake(node.member, again)

    async def _serve(self, call: Call) -> None:
        """Answer a call; who called is there again."""
        node, reply = self.nodes[call.peer], None
        if node.up:
            if node.delivery.contact(call.sender):
                self.wake(node.member, self.now + 1)
            reply = await node.serve(call)
        said = self._exchange.said[self._process_of[call.sender]]
        said.replies.append((call.number, reply))


def _unfinished(tasks: list[asyncio.Task[None]]) -> list[asyncio.Task[None]]:
    """Those that still wait; if one failed, so does the year."""
    for task in tasks:
        if task.done():
            task.result()
    return [task for task in tasks if not task.done()]
