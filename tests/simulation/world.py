"""A small network in one process: real desks, inboxes, outboxes, stores, keys; one clock.

    world = World(tmp_path, ["gb-iwf", "nl-eokm", "fr-pdc"], seed=7)
    await world.start()
    await world["gb-iwf"].submit("https://a.example/1.jpg", country="NL")
    await world.settle()

The wire may lose a request or its answer, repeat an old push, and be down; a node may crash and
come back with what was durable, also in the middle of anything it does (`crash_at`). Nothing here
sleeps: `settle` moves the clock to what is due next.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from keys.keyring import MemberKeys
from keys.registry import Registry
from node.casework.desk import Desk
from node.casework.item import ItemState
from node.casework.postbox import Postbox
from node.casework.reports.draft import HashesDraft, ItemDraft, ReportDraft
from node.casework.reports.submitting import SubmitResult
from node.coming_back import build_coming_back
from node.evidence.believed import Believed
from node.evidence.findings import Findings
from node.evidence.verify import verify
from node.ids import Ids
from node.matching.fingerprints import Fingerprints
from node.peer.channels.delivery import Delivery
from node.peer.channels.forks import ForkKeeper
from node.peer.channels.inbox import Admitted, Inbox
from node.peer.channels.offering import Offering
from node.peer.channels.pulling import Pulling
from node.peer.channels.sealing import SealingRing
from node.peer.channels.stolen import StolenKeys
from node.peer.errors import (
    NotCallableError,
    PeerRefusedError,
    PeerUnreachableError,
    RefusedRequestError,
)
from node.peer.ledgers.crosscheck import Crosscheck
from node.peer.ledgers.ledger import LedgerKeeper
from node.peer.ledgers.ledger_exchange import SHOWING, LedgerExchange
from node.peer.ledgers.lineage import Lineages
from node.peer.ledgers.witness import HeldSize, Witness
from node.peer.ledgers.witnessing import Witnessing
from node.peer.recovery.bringing_back import BringingBack
from node.peer.recovery.handing_back import HandingBack
from node.peer.transport import Reply
from node.store import sqlite
from node.store.audits.audit import Audit
from node.store.connection import ProcessLock, open_reader, open_writer
from node.store.sqlite import Store
from protocol import answers, pull, push, recovery
from protocol.answers import ANSWERS, Answer
from protocol.facts import Evidence, Jurisdiction, Location
from protocol.recovery import Page, Recover, Standing
from protocol.vocabulary import Confidence, HostingState, Lane, Source
from tests.builders.empty import empty_store
from tests.builders.network import NOW_MS, make_network
from tests.simulation.mortal import CrashedError, MortalWriter, SameReaders

STEP_MS = 1_000
ROUNDS = 400
DELTA_ROWS = 6


@dataclass
class Faults:
    """How often the wire fails, as probabilities; `counted` says what really happened."""

    lose_request: float = 0.0
    lose_answer: float = 0.0
    repeat: float = 0.0
    counted: dict[str, int] = field(default_factory=dict)

    def strikes(self, chance: random.Random, name: str) -> bool:
        """Whether fault `name` happens now."""
        likely: float = getattr(self, name)
        happens = chance.random() < likely
        if happens:
            self.counted[name] = self.counted.get(name, 0) + 1
        return happens


@cache
def _network(
    members: tuple[str, ...],
    unreachable: str | None = None,
) -> tuple[Registry, dict[str, MemberKeys], Mapping[str, bytes]]:
    """The network of these members, made once: nothing in it changes."""
    endpoints = {} if unreachable is None else {unreachable: None}
    return make_network(list(members), endpoints=endpoints)


@dataclass
class Wire:
    """The transport of one node: calls the other node's inbox, or fails."""

    world: World
    sender: str

    async def push(self, peer: str, path: str, head: bytes, sealed: bytes) -> Reply:
        """Deliver a push unless a fault strikes; old pushes may be repeated first."""
        world = self.world
        world.check_up(peer)
        if world.faults.strikes(world.chance, "lose_request"):
            raise PeerUnreachableError
        key = (self.sender, peer)
        world.sent.setdefault(key, []).append((path, head, sealed))
        if world.faults.strikes(world.chance, "repeat"):
            old = world.chance.choice(world.sent[key])
            await world.receive(self.sender, peer, *old)
        try:
            reply = await world.receive(self.sender, peer, path, head, sealed)
        except CrashedError:
            await world[peer].crash()
            await world[peer].restart()
            raise PeerUnreachableError from None
        if world.faults.strikes(world.chance, "lose_answer"):
            raise PeerUnreachableError
        return reply

    async def ask(self, peer: str, lane: Lane, nonce: bytes) -> Reply:
        """Ask for a channel's state unless a fault strikes."""
        self.world.check_up(peer)
        if self.world.faults.strikes(self.world.chance, "lose_request"):
            raise PeerUnreachableError
        answer = await self.world.nodes[peer].inbox.question(self.sender, lane, nonce)
        return Reply(ANSWERS[answer.code].status, answers.to_bytes(answer))

    async def pull(self, peer: str, path: str, body: bytes, wait_s: int) -> Reply:
        """Pull from another node unless a fault strikes; in this world nobody waits."""
        assert wait_s == 0
        self.world.check_up(peer)
        if self.world.faults.strikes(self.world.chance, "lose_request"):
            raise PeerUnreachableError
        try:
            reply = await self.world.serve(self.sender, peer, path, body)
        except CrashedError:
            await self.world[peer].crash()
            await self.world[peer].restart()
            raise PeerUnreachableError from None
        if self.world.faults.strikes(self.world.chance, "lose_answer"):
            raise PeerUnreachableError
        return reply

    async def add_checkpoint(self, peer: str, body: bytes) -> bytes | int:
        """Hand a head of our ledger to a witness unless a fault strikes."""
        world = self.world
        world.check_up(peer)
        if world.faults.strikes(world.chance, "lose_request"):
            raise PeerUnreachableError
        try:
            answer = await world[peer].witness.add_checkpoint(self.sender, body)
        except RefusedRequestError as error:
            raise PeerRefusedError(error.code) from None
        if world.faults.strikes(world.chance, "lose_answer"):
            raise PeerUnreachableError
        return answer.size if isinstance(answer, HeldSize) else answer

    async def recover(self, peer: str, path: str, body: bytes) -> Page | Standing:
        """Ask another node for what was said to it; as bytes, as over the wire."""
        self.world.check_up(peer)
        _, _, _, caller, lane = path.split("/")
        assert caller == self.sender
        asked = recovery.read_request(body)
        found = await self.world[peer].handing_back.serve(caller, Lane(lane), asked)
        if isinstance(found, Standing):
            return recovery.read_standing(recovery.to_bytes(found))
        return recovery.read_page(found.to_bytes())

    async def bring(self, peer: str, lane: Lane, brought: Page | Standing) -> Recover | Standing:
        """Bring another node what it had said; as bytes, as over the wire."""
        self.world.check_up(peer)
        raw = brought.to_bytes() if isinstance(brought, Page) else recovery.to_bytes(brought)
        read = recovery.read_page if isinstance(brought, Page) else recovery.read_standing
        coming_back = self.world[peer].coming_back
        asked = await coming_back.brought(self.sender, lane, read(raw))
        again = recovery.to_bytes(asked)
        if isinstance(asked, Standing):
            return recovery.read_standing(again)
        return recovery.read_request(again)

    async def exchange(self, peer: str, about: LedgerExchange, body: bytes) -> bytes:
        """Show something of our ledger and be shown it of theirs, unless a fault strikes."""
        world = self.world
        world.check_up(peer)
        if peer == world.unreachable:
            raise NotCallableError
        if world.faults.strikes(world.chance, "lose_request"):
            raise PeerUnreachableError
        node = world[peer]
        answering = node.crosscheck if about == SHOWING else node.lineages
        try:
            answer = await answering.answer(self.sender, body)
        except RefusedRequestError as error:
            raise PeerRefusedError(error.code) from None
        if world.faults.strikes(world.chance, "lose_answer"):
            raise PeerUnreachableError
        return answer


class Where:
    """Places items by the country that their host's name begins with; the test may move them."""

    def __init__(self) -> None:
        self.moved: dict[str, str] = {}
        self.silent: set[str] = set()
        """Hosts that no name server answers for."""

    async def locate(self, state: ItemState, now_ms: int) -> tuple[Jurisdiction, int | None]:
        """Return the country in the host name: `nl1.example` is in NL; `onion` is nowhere."""
        canonical = (state.location and state.location.canonical) or ""
        host = canonical.split("//", 1)[-1].split("/", 1)[0]
        if host in self.silent:
            return Jurisdiction(HostingState.UNRESOLVED, None, Confidence.LOW), now_ms + 60_000
        country = self.moved.get(host, host[:2].upper())
        if not canonical or host.endswith("onion"):
            return Jurisdiction(HostingState.NONE, None, Confidence.HIGH, ()), None
        evidence = Evidence("203.0.113.7", "world", "1", country)
        return Jurisdiction(HostingState.COUNTRY, country, Confidence.HIGH, (evidence,)), None

    def known(self, location: Location | None, now_ms: int) -> Jurisdiction | None:
        """Return None: in this world somebody always has to be asked."""
        del location, now_ms
        return None


class Node:
    """One member's node in the world."""

    def __init__(self, world: World, member: str, keys: MemberKeys, path: Path) -> None:
        self.world = world
        self.member = member
        self.keys = keys
        self.path = path
        self.places = Where()
        self.fresh_ms = 86_400_000
        self.up = False
        self.restored_ms: int | None = None
        self.create()

    def create(self) -> None:
        """Make the empty database."""
        empty_store(self.path, self.keys.database_key)

    def registry(self) -> Registry:
        """The registry as this node sees it."""
        return self.world.registry

    def revoked(self) -> frozenset[str]:
        """The ids of this node's own keys that were revoked."""
        return frozenset()

    def listed(self) -> Registry:
        """The registry with revoked keys; here nobody revokes any."""
        return self.registry()

    def clock(self) -> int:
        """The time as this node sees it, milliseconds UTC."""
        return self.world.clock()

    def registry_behind(self) -> None:
        """Somebody used a key that this node does not know; here, nothing ever changes."""

    def wire(self) -> Wire:
        """The way to other members."""
        return Wire(self.world, self.member)

    def start(self) -> None:
        """Start with what is durable."""
        world, keys = self.world, self.keys
        fingerprints = Fingerprints(keys.fingerprint_secret)
        self.store = self._open(fingerprints)
        chance = random.Random(world.chance.random())  # noqa: S311 - a simulation, not a secret
        self.postbox = Postbox(keys.node_secret)
        self.delivery = Delivery(
            us=self.member,
            outbox=self.store.outbox,
            transport=self.wire(),
            registry=self.registry,
            log_key=keys.log,
            node_secret=keys.node_secret,
            jitter=chance.randrange,
            nonce=lambda: chance.randbytes(16),
            epoch=lambda: chance.randbytes(8),
            on_registry_behind=self.registry_behind,
            bulk_window_ms=world.bulk_window_ms,
        )
        self.offering = Offering(self.delivery)
        self.sealing = SealingRing(
            keys.sealing, lambda: self.keys.sealing, lambda: self.world.now / 1000
        )
        self.inbox = Inbox(
            us=self.member,
            store=self.store.inbox,
            registry=self.registry,
            receipt_key=keys.receipt,
            sealing_key=self.sealing.find,
            clock=self.clock,
            on_taken=lambda: None,
            on_registry_behind=self.registry_behind,
            on_fork=ForkKeeper(self.store.forks, self.registry, self.clock).suspect,
            by_stolen_key=StolenKeys(self.registry, self.listed).signed,
        )
        self.pulling = Pulling(
            us=self.member,
            inbox=self.inbox,
            transport=self.wire(),
            registry=self.registry,
            clock=self.clock,
            jitter=chance.randrange,
            on_registry_behind=self.registry_behind,
            wait_s=0,
        )
        epochs = random.Random(f"{self.member} {world.commits}")  # noqa: S311 - a simulation
        self.ledger = LedgerKeeper(
            self.member,
            self.store.ledger,
            self.registry,
            keys.log,
            lambda: epochs.randbytes(8),
            self.revoked,
        )
        self.witness = Witness(
            self.member,
            self.store.witness,
            self.registry,
            lambda: keys.witness,
            self.clock,
            self.registry_behind,
        )
        self.lineages = Lineages(
            self.member,
            self.store.lineages,
            self.registry,
            self.wire(),
            self.clock,
            lambda: self.ledger.log_key,
            self.revoked,
        )
        self.witnessing = Witnessing(
            self.member,
            self.store.cosignatures,
            self.registry,
            self.wire(),
            self.lineages.introduce,
        )
        self.crosscheck = Crosscheck(
            self.member,
            self.store.crosschecks,
            self.registry,
            self.wire(),
            self.lineages.exchange,
            self.clock,
            self.revoked,
            StolenKeys(self.registry, self.listed).signed,
        )
        self.desk = Desk(
            store=self.store.cases,
            queries=self.store.queries,
            registry=self.registry,
            places=self.places,
            fresh_ms=self.fresh_ms,
            fingerprints=fingerprints,
            postbox=self.postbox,
            ids=Ids(self.member, chance.randbytes),
            clock=self.clock,
            wake_delivery=lambda: None,
        )
        self.unlisting = self.desk.correcting.unlisting(self.store.known_content)
        self.introducing = self.desk.correcting.introducing(self.store.shared)
        self.handing_back = HandingBack(
            us=self.member,
            store=self.store.handing_back,
            registry=self.registry,
            clock=self.clock,
            on_recovering=self.delivery.ask_again,
        )
        self.bringing_back = BringingBack(
            us=self.member,
            recoveries=self.handing_back,
            transport=self.wire(),
            registry=self.registry,
            clock=self.clock,
            jitter=chance.randrange,
        )
        ring = SealingRing(keys.sealing, lambda: self.keys.sealing, lambda: 0.0)
        self.coming_back = build_coming_back(
            us=self.member,
            store=self.store,
            desk=self.desk,
            fingerprints=fingerprints,
            transport=self.wire(),
            registry=self.registry,
            sealing_key=ring.find,
            node_secret=keys.node_secret,
            clock=self.clock,
            jitter=chance.randrange,
            on_registry_behind=self.registry_behind,
            on_whole=self.delivery.load,
        )
        self.up = True

    def _open(self, fingerprints: Fingerprints) -> Store:
        key = self.keys.database_key
        lock = ProcessLock(self.path)
        connection = open_writer(self.path, key)
        writer = MortalWriter(connection, self.world, self.member)
        readers = SameReaders(connection)
        rows = DELTA_ROWS  # so few that they move all the time
        return sqlite._assemble(writer, readers, self.member, fingerprints, lock, rows)

    async def crash(self) -> None:
        """Lose everything that is not durable: memory, tenures, what was in flight."""
        self.up = False
        await self.store.close()

    async def restart(self, *, restored: bool = False) -> None:
        """Come back after `crash`; `restored`: the operator says it is from a backup."""
        self.start()
        self.delivery.restored_ms = self.world.now if restored else None
        self.postbox.generation = self.world.now if restored else 0
        await self.coming_back.look()
        await self.delivery.load()

    async def submit(
        self,
        url: str | None,
        *,
        reference: str | None = None,
        sha256: str | None = None,
        found: str | None = None,
        child_at_risk: bool = False,
    ) -> SubmitResult:
        """Hand in a report of one item; without a URL, of a file alone."""
        item = ItemDraft(
            url=url, hashes=None if sha256 is None else HashesDraft(sha256=sha256), found=found
        )
        draft = ReportDraft(
            items=(item,), source=Source.PUBLIC, reference=reference, child_at_risk=child_at_risk
        )
        return (await self.desk.submit([draft], actor="analyst"))[0]

    async def state(self, item_id: str) -> ItemState:
        """Return an item as this node knows it."""
        key = Fingerprints(self.keys.fingerprint_secret).item(item_id)
        found = await self.store.queries.item(item_id, key)
        assert found is not None
        return found

    def believed(self) -> Believed:
        """What verification takes as given."""
        return Believed(
            self.member,
            self.listed(),
            Fingerprints(self.keys.fingerprint_secret),
            self.keys.node_secret,
        )

    def verify(self, believed: Believed | None = None) -> Findings:
        """Walk everything that this node keeps."""
        connection = open_reader(self.path, self.keys.database_key)
        try:
            return verify(Audit(connection), believed or self.believed())
        finally:
            connection.close()

    async def keep_ledger(self) -> int:
        """Log the heads that changed if it is time, and ask for cosignatures; return how many."""
        await self.ledger.append_due(self.clock())
        return await self.witnessing.ask_due(self.clock())

    async def work(self) -> int:
        """Do what is due now: place, judge, deliver; returns how much was done."""
        done = await self.coming_back.step()
        if done is None:
            done = await self.desk.locate_due()
            done += await self.desk.judge_due()
            done += await self.unlisting.due()
            done += await self.introducing.due()
        done += await self.delivery.deliver_due(self.clock())
        done += await self.bringing_back.bring_due()
        return done + await self.pulling.pull_due()


class World:
    """Several nodes, one clock, one seed."""

    bulk_window_ms = 0
    """How long what nobody hurries for waits for more to go with it."""

    def __init__(
        self,
        folder: Path,
        members: Sequence[str] = ("gb-iwf", "nl-eokm", "fr-pdc"),
        *,
        seed: int = 1,
        faults: Faults | None = None,
        unreachable: str | None = None,
    ) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a simulation, not a secret
        self.faults = faults or Faults()
        self.now = NOW_MS
        self.unreachable = unreachable
        self.registry: Registry
        self.registry, keys, self.files = self.make_network(tuple(members))
        self.commits = 0
        self.crash_at: tuple[int, str] | None = None
        self.sent: dict[tuple[str, str], list[tuple[str, bytes, bytes]]] = {}
        self.nodes = {m: self.make_node(m, keys[m], folder / f"{m}.db") for m in members}

    def make_network(
        self, members: tuple[str, ...]
    ) -> tuple[Registry, Mapping[str, MemberKeys], Mapping[str, bytes]]:
        """The registry that the world begins with, the members' keys, the registry's files."""
        return _network(members, self.unreachable)

    def make_node(self, member: str, keys: MemberKeys, path: Path) -> Node:
        """One member's node."""
        return Node(self, member, keys, path)

    def __getitem__(self, member: str) -> Node:
        return self.nodes[member]

    def clock(self) -> int:
        """The time, milliseconds UTC."""
        return self.now

    async def start(self) -> None:
        """Start every node."""
        for node in self.nodes.values():
            node.start()
            await node.delivery.load()
            await node.coming_back.look()

    async def close(self) -> None:
        """Close every store."""
        for node in self.nodes.values():
            if node.up:
                await node.crash()

    def check_up(self, peer: str) -> None:
        """Raise as a transport does if the peer is down."""
        if not self.nodes[peer].up:
            raise PeerUnreachableError

    async def receive(self, sender: str, peer: str, path: str, head: bytes, sealed: bytes) -> Reply:
        """What the peer's listener does with a push."""
        _, _, _, _, lane, epoch, start = path.split("/")
        inbox = self.nodes[peer].inbox
        found = await inbox.precheck(
            sender, Lane(lane), bytes.fromhex(epoch), int(start), push.read_head(head)
        )
        if isinstance(found, Admitted):
            found = await inbox.take(found, sealed)
        if isinstance(found, Answer):
            return Reply(ANSWERS[found.code].status, answers.to_bytes(found))
        return Reply(200, found)

    async def serve(self, puller: str, peer: str, path: str, body: bytes) -> Reply:
        """What the peer's listener does with a pull; nothing is held back."""
        _, _, _, caller, lane, _, _ = path.split("/")
        assert caller == puller
        node, asked = self.nodes[peer], pull.from_bytes(body)
        answer = await node.offering.serve(puller, Lane(lane), asked, node.clock())
        if answer is None:
            answer = node.offering.nothing(puller, Lane(lane))
        if isinstance(answer, Answer):
            return Reply(ANSWERS[answer.code].status, answers.to_bytes(answer))
        return Reply(200, answer.to_bytes())

    async def settle(self) -> None:
        """Let every node work until nothing is left to do, moving the clock over the pauses."""
        idle = 0
        for _ in range(ROUNDS):
            done = 0
            for node in self.nodes.values():
                if node.up:
                    done += await self._work(node)
            idle = 0 if done else idle + 1
            if idle > 1 and not await self._waiting():
                return
            self.now += STEP_MS if done else 60_000
        raise AssertionError("the world did not come to rest")

    async def _work(self, node: Node) -> int:
        try:
            return await node.work()
        except CrashedError as crashed:
            await self[crashed.member].crash()
            await self[crashed.member].restart()
            return 1

    async def _waiting(self) -> bool:
        for node in self.nodes.values():
            if not node.up:
                continue
            for figures in await node.store.queries.channels():
                if (
                    figures.stopped is None
                    and (figures.waiting or figures.unreceipted)
                    and self.nodes[figures.peer].up
                ):
                    return True
        return False
