"""The network of the year: real nodes on one clock, woken when they have something to do.

Each node is what `tests.simulation.world` makes of the real parts: desk, inbox, outbox, delivery,
keys, and a store in an encrypted file. Here nobody is asked in turn whether he has work: what was
pushed to wakes, what gathers or backs off is woken by the clock. The net loses nothing by itself;
what fails are nodes that are away.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from keys.keyring import MemberKeys
from keys.network import MemberEntry
from keys.registry import Registry
from node.casework.item import ItemState
from node.matching.fingerprints import Fingerprints
from node.peer import pacing
from node.peer.transport import Reply
from node.registry import repository
from node.store.sqlite import Store
from protocol import answers
from protocol.answers import ANSWERS
from protocol.facts import Evidence, Jurisdiction, Location
from protocol.vocabulary import Confidence, HostingState, Lane
from tests.builders.network import NOW_MS, make_document, make_umbrella, member_files
from tests.simulation.europe.counting import DELIVERY, JUDGING, Counted
from tests.simulation.fleet import empty_database, sim_keys
from tests.simulation.world import Node, Wire, World

BATCH_WINDOW_MS = 300_000
"""The longest window that a node may be set to (docs/configuration.md, `batch_window_ms`)."""
CACHE_KIB = 4096
"""Of each connection: 54 nodes in one process share what is meant for one."""


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
    """The transport of one node: straight into the other's inbox, unless that is away."""

    world: Network

    async def push(self, peer: str, path: str, head: bytes, sealed: bytes) -> Reply:
        """Deliver a push; the peer has something to judge then."""
        world = self.world
        world.call(self.sender, peer)
        world.counted.of["pushes"] += 1
        reply = await world.receive(self.sender, peer, path, head, sealed)
        world.wake(peer)
        return reply

    async def ask(self, peer: str, lane: Lane, nonce: bytes) -> Reply:
        """Ask for a channel's state."""
        self.world.call(self.sender, peer)
        self.world.counted.of["questions"] += 1
        answer = await self.world.nodes[peer].inbox.question(self.sender, lane, nonce)
        return Reply(ANSWERS[answer.code].status, answers.to_bytes(answer))


class Member(Node):
    """One member's node."""

    world: Network

    def create(self) -> None:
        """Make the empty database, by copying one."""
        self.path.write_bytes(empty_database(self.member))

    def wire(self) -> YearWire:
        """The way to other members."""
        return YearWire(self.world, self.member)

    def start(self) -> None:
        """Start with what is durable."""
        super().start()
        self.desk._places = self.desk._look_ups._places = Known()
        self.delivery.batch_window_ms = BATCH_WINDOW_MS

    def _open(self, fingerprints: Fingerprints) -> Store:
        store = Store.inline(self.path, self.keys.database_key, self.member, fingerprints)
        for connection in (store.writer._connection, store.readers._connection):  # type: ignore[attr-defined]
            connection.execute("PRAGMA synchronous = OFF")  # a process dies, not the power
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        return store

    async def flow(self, *, desk: bool) -> None:
        """Judge what came, place what moved (`desk`: there may be some), deliver what is due."""
        counted = self.world.counted
        with counted.doing(JUDGING):
            while desk and (judged := await self.desk.judge_due() + await self.desk.locate_due()):
                counted.of["judged"] += judged
        with counted.doing(DELIVERY):
            await self.delivery.deliver_due(self.clock())

    def due_again_ms(self) -> int | None:
        """When something that waits here may go on; None: nothing waits."""
        now = self.clock()
        backing = [
            tenure.next_attempt_ms
            for tenure in self.delivery._tenures.values()
            if not tenure.stopped and not pacing.is_due(now, tenure.next_attempt_ms)
        ]
        if backing:
            return min(backing)
        waits = self.store.readers.look_up(
            lambda c: c.execute("SELECT 1 FROM waiting_out LIMIT 1").fetchone()
        )
        pause = self.delivery.pause_ms(now) if waits else None
        return None if pause is None else now + pause


class Network(World):
    """All members, one clock, and a list of who is to be woken when."""

    nodes: Mapping[str, Member]  # type: ignore[assignment]

    def __init__(self, folder: Path, members: Sequence[str], seed: int, fallback: str) -> None:
        self.fallback = fallback
        super().__init__(folder, members, seed=seed)
        self.counted = Counted()
        self._awake: dict[str, bool] = {}
        self._alarms: list[tuple[int, str]] = []
        self._alarm_of: dict[str, int] = {}

    def make_network(
        self, members: tuple[str, ...]
    ) -> tuple[Registry, Mapping[str, MemberKeys], Mapping[str, bytes]]:
        """The registry of all members; of two hotlines in a country the first is responsible."""
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
            fallback_members=(self.fallback,),
        )
        publics = {m: key.member.public.ed25519 for m, key in keys.items() if key.member}
        proposal = repository.propose_targets(umbrella.state, network, publics, NOW_MS, files)
        umbrella = umbrella.accept(proposal)
        return umbrella.registry, keys, umbrella.files

    def make_node(self, member: str, keys: MemberKeys, path: Path) -> Member:
        """One member's node."""
        return Member(self, member, keys, path)

    def __getitem__(self, member: str) -> Member:
        return self.nodes[member]

    def call(self, sender: str, peer: str) -> None:
        """A member is called, unless it is away; who called is there again."""
        if not self.nodes[peer].up:
            self.counted.of["calls_in_vain"] += 1
        self.check_up(peer)
        if self.nodes[peer].delivery.contact(sender):
            self.wake(peer, desk=False)

    def wake(self, member: str, *, desk: bool = True) -> None:
        """This member has something to do; `desk`: not only something to deliver."""
        self._awake[member] = desk or self._awake.get(member, False)

    async def flow(self) -> None:
        """Let everybody who is awake work, until all sleep or wait for the clock."""
        while self._awake:
            member = next(iter(self._awake))
            desk = self._awake.pop(member)
            node = self.nodes[member]
            if node.up:
                await node.flow(desk=desk)
                self._set_alarm(member, node.due_again_ms())

    def _set_alarm(self, member: str, at_ms: int | None) -> None:
        self._alarm_of.pop(member, None)
        if at_ms is not None:
            self._alarm_of[member] = at_ms
            heapq.heappush(self._alarms, (at_ms, member))

    def next_alarm_ms(self) -> int | None:
        """When the next member is to be woken; None: all is at rest."""
        while self._alarms and self._alarm_of.get(self._alarms[0][1]) != self._alarms[0][0]:
            heapq.heappop(self._alarms)
        return self._alarms[0][0] if self._alarms else None

    async def run_until(self, at_ms: int) -> None:
        """Let time pass until `at_ms`, waking who is to be woken on the way."""
        await self.flow()
        while (alarm := self.next_alarm_ms()) is not None and alarm < at_ms:
            self._ring(alarm)
            await self.flow()
        self.now = max(self.now, at_ms)

    def _ring(self, at_ms: int) -> None:
        self.now = max(self.now, at_ms)
        while self._alarms and self._alarms[0][0] <= self.now:
            at, member = heapq.heappop(self._alarms)
            if self._alarm_of.get(member) == at:
                del self._alarm_of[member]
                self.wake(member, desk=False)

    async def come_to_rest(self) -> None:
        """Let time pass until nothing waits any more."""
        await self.flow()
        while (alarm := self.next_alarm_ms()) is not None:
            self._ring(alarm)
            await self.flow()
