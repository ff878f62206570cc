"""Nodes that can meet everything that a plan has in store for them.

A `Fleet` is a `World` in which every node has a clock, a disk, a view of the registry and keys of
its own, in which the umbrella governs, and whose wire fails in every way that a wire can. What each
node is (desk, inbox, outbox, delivery, store, keys) is the same real code.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keys.keyring import MemberKeys
from keys.recovering import Recovering
from keys.registry import Registry
from keys.sealing import SealingKey
from node.peer.errors import PeerUnreachableError
from node.peer.http.replays import Replays
from node.peer.transport import Reply
from node.store import backup as backups
from node.store.connection import open_writer
from node.store.items.decisions import resume_channel, say_compromised
from node.store.recovery import recovered
from node.store.sqlite import Store
from node.store.writer import InlineWriter
from protocol.push import read_head
from protocol.vocabulary import Lane
from tests.builders.network import (
    NOW_MS,
    Umbrella,
    default_endpoint,
    make_document,
    make_umbrella,
    member_keys,
)
from tests.simulation.burning import LOOK_MS, Comeback, attend, begun, recovering
from tests.simulation.mortal import CrashedError
from tests.simulation.net import Net, NetWire
from tests.simulation.oracle import Oracle
from tests.simulation.thief import Notes, ask_for_notes
from tests.simulation.turning import Drawer, Stolen, interrupt, publish, take_up
from tests.simulation.world import Faults, Node, World

if TYPE_CHECKING:
    from keys.network import NetworkDocument
    from node.matching.fingerprints import Fingerprints
    from tests.simulation.colluding import SecondLedger

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
REFRESH_MS = HOUR_MS
LINGERS_MS = HOUR_MS // 2
"""In every second world shared verdicts wait so long for one another, as in a node as it comes."""
ROUNDS = 600
OFFER_HEAD_BYTES = 32
BACKUP_KEY = bytes(range(32))


@cache
def umbrella_of(members: tuple[str, ...], unreachable: str | None) -> Umbrella:
    """The network of these members, made once in a process; the first takes orphans."""
    umbrella = make_umbrella()
    network_id = umbrella.registry.network_id
    umbrella = umbrella.admit(
        {m: make_document(network_id, m, endpoint=_endpoint(m, unreachable)) for m in members}
    )
    network = replace(umbrella.registry.network, fallback_members=members[:1])
    return umbrella.govern(network)


def _endpoint(member: str, unreachable: str | None) -> str | None:
    return None if member == unreachable else default_endpoint(member)


@cache
def sim_keys(member: str) -> MemberKeys:
    """A member's keys; its secrets are fixed, so that ids and fingerprints replay everywhere."""

    def secret(what: str) -> bytes:
        return hashlib.sha256(f"{what} {member}".encode()).digest()

    return replace(
        member_keys(member),
        node_secret=secret("node"),
        fingerprint_secret=secret("fingerprint"),
        database_key=secret("database"),
    )


class FleetNode(Node):
    """One member's node, with a clock, a disk and a view of the registry of its own."""

    fleet: Fleet

    def __init__(self, world: Fleet, member: str, keys: MemberKeys, path: Path) -> None:
        self.fleet = world
        self.skew_ms = 0
        self.view = world.umbrella.registry
        self.remembered: Registry | None = None
        self.withheld = self.aside = False
        self.wants_registry = False
        self.refreshed_ms = world.now
        self.backup: Path | None = None
        self.document_sequence = 1
        self.drawer = Drawer()
        self.recovering: Recovering | None = None
        self.comeback = Comeback()
        self.notes = Notes()
        self.bouncing = asyncio.Lock()
        super().__init__(world, member, keys, path)
        self.fresh_ms = 3_600_000  # a world lasts some days

    def registry(self) -> Registry:
        """The registry as this node verified it last, without the keys that others revoked."""
        return self.notes.believed(self.view, self.member)

    def listed(self) -> Registry:
        """The same with the revoked keys: for what was signed and kept before."""
        return self.view

    def revoked(self) -> frozenset[str]:
        """The ids of this node's own keys that were revoked."""
        return self.notes.own(self.member)

    def registry_behind(self) -> None:
        """Fetch the registry at the next occasion."""
        self.wants_registry = True

    def clock(self) -> int:
        """The time by this node's clock."""
        return self.world.now + self.skew_ms

    def wire(self) -> NetWire:
        """The way to other members, through the world's bad net."""
        return NetWire(self.fleet, self.member)

    def start(self) -> None:
        """Start with what is durable; requests made before are refused."""
        super().start()
        self.remembered = None
        self.replays = Replays(self.clock())
        self.let_in: set[bytes] = set()
        self.delivery.restored_ms = self.restored_ms
        self.postbox.generation = self.restored_ms or 0

    def _open(self, fingerprints: Fingerprints) -> Store:
        store = super()._open(fingerprints)
        writer: Any = store.writer
        writer._connection.execute("PRAGMA synchronous = OFF")  # a process dies, not the power
        return store

    async def come_back(self) -> None:
        """Start again after a crash, with what is durable."""
        self.start()
        await self.delivery.load()
        await self.coming_back.look()

    async def bounce(self) -> None:
        """Crash and come back at once; one after the other, though two calls saw it die."""
        async with self.bouncing:
            if self.up:
                await self.crash()
            await self.come_back()

    def refresh(self) -> None:
        """Verify the newest registry, unless it is withheld or there is no need."""
        due = self.wants_registry or self.world.now - self.refreshed_ms >= REFRESH_MS
        if due:
            ask_for_notes(self.fleet, self)
        if due and not self.withheld:
            self.look_at(self.fleet.shown_to(self).registry)
            self.wants_registry = False
            self.refreshed_ms = self.world.now
        if due:
            take_up(self.fleet, self)

    def look_at(self, shown: Registry) -> None:
        """Take a registry that is shown, unless it is older than the one in force."""
        if shown.seen[:2] >= self.view.seen[:2]:
            self.view = shown

    async def work(self) -> int:
        """Do what is due now."""
        await self._remember_registry()
        self.refresh()
        await self._remember_registry()
        if self.drawer.due:
            await interrupt(self.fleet, self)
            return 1
        if self.restored_ms is not None:
            await self.coming_back.replay()
        in_vain = await self._in_vain()
        return max(0, await super().work() - in_vain)

    async def _remember_registry(self) -> None:
        """Before and after a look for a newer one, as a node does."""
        if self.view is not self.remembered:
            await self.store.views.in_force(self.member, self.registry().seen, self.clock())
            self.remembered = self.view

    async def _in_vain(self) -> int:
        """How many channels are due to one that never answers: the urgent ones always are."""
        if not self.fleet.net.withholds:
            return 0
        return sum(peer == self.fleet.hostile for peer, _ in await self.delivery.due(self.clock()))

    def use_keys(self) -> None:
        """Use the keys of now, everywhere at once."""
        self.delivery.log_key = self.ledger.log_key = self.keys.log
        self.inbox.receipt_key = self.keys.receipt

    def save(self) -> None:
        """Make a backup beside the running node."""
        count = sum(1 for _ in self.path.parent.glob(f"{self.member}.backup*"))
        self.backup = self.path.with_name(f"{self.member}.backup{count}")
        backups.backup(self.path, self.keys.database_key, self.backup, BACKUP_KEY)
        self.drawer.of_backup = self.keys, dict(self.drawer.coming)

    def _forget(self) -> None:
        for name in (self.path.name, f"{self.path.name}-wal", f"{self.path.name}-shm"):
            self.path.with_name(name).unlink(missing_ok=True)

    async def roll_back(self, *, said: bool) -> None:
        """Lose the disk but for the last backup; `said`: the operator says that it is one."""
        assert self.backup is not None
        if self.up:
            await self.crash()
        self.fleet.oracle.disk_is_lost(self, self.backup, said=said)
        self._forget()
        source, key = self.backup, self.keys.database_key
        if said:
            backups.restore(source, BACKUP_KEY, self.path, key, self.clock())
            self.restored_ms = self.clock()
        else:
            backups.backup(source, BACKUP_KEY, self.path, key)
        await self.come_back()

    async def lose_everything(self) -> None:
        """Lose the disk and every backup of it; the keys were kept elsewhere."""
        if self.up:
            await self.crash()
        self.fleet.oracle.disk_is_lost(self, None, said=True)
        self._forget()
        self.create()
        self.backup = None
        self.restored_ms = self.clock()
        await self.come_back()

    async def burn(self, key: SealingKey) -> None:
        """Lose the disk and every backup of it, and begin to recover under a fresh sealing key."""
        await self.crash()
        self.fleet.oracle.disk_is_lost(self, None, said=True)
        self._forget()
        self.create()
        connection = open_writer(self.path, self.keys.database_key)
        InlineWriter(connection).run_now(lambda c: recovered.begin(c, self.clock()))
        connection.close()
        self.backup, self.restored_ms = None, self.clock()
        self.keys = replace(self.keys, sealing=(key,))
        self.recovering, self.comeback = begun(self, key), Comeback()
        publish(self.fleet, self)
        self.view = self.fleet.umbrella.registry
        await self.come_back()

    async def say_restored(self) -> None:
        """The operator has found out that the disk was an old one, and says so."""
        await self.crash()
        copy = self.path.with_name(f"{self.member}.found")
        copy.unlink(missing_ok=True)
        backups.backup(self.path, self.keys.database_key, copy, BACKUP_KEY)
        self._forget()
        backups.restore(copy, BACKUP_KEY, self.path, self.keys.database_key, self.clock())
        self.restored_ms = self.clock()
        await self.come_back()

    async def say_compromised(self, peer: str, lane: Lane) -> None:
        """The operator says that somebody else signed on this channel."""
        await self.crash()
        self.start()
        await self.store.writer.run(lambda c: say_compromised(c, peer, lane, self.clock()))
        await self.delivery.load()

    async def resume(self, peer: str, lane: Lane) -> None:
        """The operator lets a stopped channel run again."""
        await self.crash()
        self.start()
        await self.store.writer.run(lambda c: resume_channel(c, peer, lane, self.clock()))
        await self.delivery.load()


class Fleet(World):
    """Several such nodes, one umbrella, one bad net, one oracle that watches."""

    umbrella: Umbrella
    first: Umbrella
    nodes: Mapping[str, FleetNode]  # type: ignore[assignment]

    def __init__(
        self,
        folder: Path,
        members: tuple[str, ...],
        seed: int,
        hostile: str | None,
        unreachable: str | None = None,
    ) -> None:
        self.now, self.seed = NOW_MS, seed
        self.bulk_window_ms = LINGERS_MS if seed % 2 else 0
        self.hostile = hostile
        self.oracle = Oracle(self)
        super().__init__(folder, members, seed=seed, faults=Faults(), unreachable=unreachable)
        self.net = Net(self)
        self.trace: list[str] = []
        self.expelled: set[str] = set()
        self.off: set[str] = set()  # machines that were switched off for good
        self.back_at: dict[str, int] = {}
        self.before_next_push: str | None = None
        self.notes: list[bytes] = []
        self.stolen: list[Stolen] = []
        self.other: Umbrella | None = None
        self.was_split = self.keeps_ledgers = False
        self.ledger_lie: str | None = None
        self.second: SecondLedger | None = None
        self.lying_witnesses: dict[str, str] = {}
        self.sealing_stolen: set[tuple[str, str]] = set()

    def make_network(
        self, members: tuple[str, ...]
    ) -> tuple[Registry, Mapping[str, MemberKeys], Mapping[str, bytes]]:
        """The umbrella's network; from here on it may change."""
        self.umbrella = self.first = umbrella_of(members, self.unreachable)
        keys = {member: sim_keys(member) for member in members}
        return self.umbrella.registry, keys, self.umbrella.files

    def make_node(self, member: str, keys: MemberKeys, path: Path) -> FleetNode:
        """One member's node."""
        return FleetNode(self, member, keys, path)

    def __getitem__(self, member: str) -> FleetNode:
        return self.nodes[member]

    @property
    def honest(self) -> list[FleetNode]:
        """The nodes that keep the rules, and are members still."""
        outside = self.outside
        return [node for member, node in self.nodes.items() if member not in outside]

    @property
    def outside(self) -> set[str]:
        """Who keeps no rules, or is no member any more: nothing need come to them, or from them."""
        return {*self.expelled, *(() if self.hostile is None else (self.hostile,))}

    def anybody(self, chance: random.Random) -> FleetNode | None:
        """One of the nodes that run and keep the rules."""
        up = [node for node in self.honest if node.up]
        return chance.choice(up) if up else None

    def chance_for(self, salt: str) -> random.Random:
        """Chance that depends on the seed and `salt` alone, whatever happened before."""
        return random.Random(f"{self.seed}/{salt}")  # noqa: S311 - a simulation, not a secret

    def shown_to(self, node: FleetNode) -> Umbrella:
        """The registry that a node is shown: all the same one, unless it is split."""
        return self.other if node.aside and self.other is not None else self.umbrella

    def govern(self, **changes: object) -> None:
        """The umbrella changes the network document."""
        self.decide(replace(self.umbrella.registry.network, **changes))  # type: ignore[arg-type]

    def decide(self, network: NetworkDocument) -> None:
        """The umbrella replaces the network document."""
        self.umbrella = self.umbrella.govern(network, NOW_MS)

    def set_status(self, member: str, status: str) -> None:
        """Suspend or reinstate a member, unless it is expelled."""
        members = dict(self.umbrella.registry.network.members)
        if member not in self.expelled and members[member].status != status:
            members[member] = replace(members[member], status=status)  # type: ignore[arg-type]
            self.govern(members=members)

    async def receive(self, sender: str, peer: str, path: str, head: bytes, sealed: bytes) -> Reply:
        """What the peer's listener does with a push; the oracle sees what it answers."""
        self.nodes[peer].delivery.contact(sender)
        reply = await super().receive(sender, peer, path, head, sealed)
        if reply.status == 200:
            self.oracle.receipted(peer, head, reply.body)
        return reply

    async def serve(self, puller: str, peer: str, path: str, body: bytes) -> Reply:
        """What the peer's listener does with a pull; the oracle sees what is offered."""
        reply = await super().serve(puller, peer, path, body)
        if reply.status == 200 and len(reply.body) > OFFER_HEAD_BYTES:
            self.oracle.signed(peer, read_head(reply.body[OFFER_HEAD_BYTES:]).note)
            self.net.happened["pulled"] += 1
        return reply

    async def work_once(self, node: FleetNode) -> int:
        """Let a node work, unless it is down; if it dies over it, it comes back."""
        if not node.up:
            return 0
        return await self._work(node)

    async def _work(self, node: Node) -> int:
        try:
            return await node.work()
        except CrashedError as crashed:
            await self.revive(crashed.member)
            return 1

    async def revive(self, member: str) -> None:
        """What died comes back with what is durable."""
        self.crash_at = None
        await self.nodes[member].bounce()

    async def round(self) -> int:
        """Everybody works once; who was away comes back when it is time."""
        done = 0
        for member, at_ms in sorted(self.back_at.items()):
            if self.now >= at_ms:
                del self.back_at[member]
                await self.nodes[member].come_back()
        await self.net.deliver_late()
        for node in self.nodes.values():
            done += await self.work_once(node)
        await attend(self)
        return done

    async def settle(self) -> None:
        """Let everybody work until nothing is left to do, moving the clock to what is due next."""
        idle = 0
        for _ in range(ROUNDS):
            if await self.round():
                self.now += 1_000
                idle = 0
                continue
            wait = self._next_due()
            if wait is None and idle > 1:
                return
            idle += wait is None
            self.now += wait or 1_500  # so that who pulls has pulled once more
        raise AssertionError("the world did not come to rest")

    def _next_due(self) -> int | None:
        """How long until somebody tries again, while anything waits; None: all is at rest."""
        waits = [LOOK_MS for node in self.honest if recovering(node)]
        outside = self.outside
        for node in self.nodes.values():
            for (peer, _), tenure in node.delivery._tenures.items():
                if not outside.isdisjoint({peer, node.member}):
                    continue
                until_ms = tenure.lingers_until_ms or 0
                until_ms = max(tenure.next_attempt_ms, tenure.gathers_until_ms, until_ms)
                ahead = until_ms - node.clock()
                if not tenure.stopped and ahead > 0:
                    waits.append(ahead)
            for (peer, lane), channel in node.pulling._channels.items():
                ahead = channel.next_attempt_ms - node.clock()
                if not outside.isdisjoint({peer, node.member}) or self._waits_for_a_person(
                    peer, node.member, lane
                ):
                    continue
                if channel.attempts and ahead > 0:
                    waits.append(ahead)
        return min(waits) + 1 if waits else None

    def _waits_for_a_person(self, sender: str, puller: str, lane: Lane) -> bool:
        """Whether the sender's end is stopped: who pulls asks again for ever, and gets nothing."""
        tenure = self.nodes[sender].delivery._tenures.get((puller, lane))
        return tenure is not None and tenure.stopped

    def check_up(self, peer: str) -> None:
        """Raise as a transport does if the peer is down."""
        if not self.nodes[peer].up:
            raise PeerUnreachableError

    async def close(self) -> None:
        """Close every store."""
        with suppress(CrashedError):
            await super().close()
