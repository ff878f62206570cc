"""One running node: what it starts, in which order, and how it stops.

Order matters at the ends only. Starting: the registry (the last verified one is enough), then
listeners, then loops. Stopping: listeners first, then loops, then a last signed head, then the
store. Killing it anywhere loses nothing that was answered.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from keys.errors import HsmError
from keys.hsm_key import HsmKey
from keys.keyring import MemberKeys
from keys.succession import id_of
from keys.unlock import Unlock
from node.api.app import make_local_app, refuse_unreadable
from node.asking.build import Asking
from node.casework.desk import Desk
from node.casework.ending.retaining import Periods, Retention
from node.casework.postbox import Postbox
from node.coming_back import ComingBack
from node.evidence.heads import sign_head
from node.hashcheck.desk import HashCheckDesk
from node.jurisdiction.build import Jurisdiction
from node.keeping import HsmWatch, TransportInUse, let_go, take_up_due
from node.ledgers import Ledgers
from node.listening import serve
from node.loops import LOOK_AGAIN_S, DeliveryLoop, PullLoop, Wakes, keep_going, work_at_desk
from node.peer.channels.delivery import Delivery
from node.peer.channels.inbox import Inbox
from node.peer.channels.pulling import Pulling
from node.peer.channels.sealing import SealingRing
from node.peer.http.allowances import DiskFloor, no_floor
from node.peer.http.client import HttpTransport
from node.peer.http.door import Connections
from node.peer.http.listener import listen, show_certificate
from node.peer.http.longpoll import LongPoll
from node.peer.http.server import make_peer_app
from node.peer.recovery.bringing_back import BringingBack
from node.peer.recovery.handing_back import HandingBack
from node.registry.errors import NoRegistryError
from node.registry.mirror import mirror_routes
from node.registry.revocations import revocation_routes
from node.registry.updater import RegistryClient
from node.reloading import keep_data, look_at_lists
from node.setup.opening import hsm_of
from node.store.errors import StoreError
from node.store.history import Head
from node.store.sqlite import Store
from node.telemetry.counting import CountedDesk
from node.telemetry.logs import log_loop_error, logger
from node.telemetry.metrics import Metrics
from node.telemetry.routes import count_requests, health_routes
from node.telemetry.snapshot import Sources, free_bytes, take_snapshot

if TYPE_CHECKING:
    from node.config.sections import Config

HEAD_EVERY_S = 60.0
HSM_EVERY_S = 30.0
TIDY_EVERY_S = 3600.0
DAY_MS = 86_400_000


def wall_clock() -> int:
    """The time, milliseconds UTC."""
    return time.time_ns() // 1_000_000


def disk_floor(config: Config) -> DiskFloor:
    """What must stay free for our own intake, where the store lies; a server says so itself."""
    if config.store.url is not None:
        return no_floor()
    place = config.store.path.parent
    return DiskFloor(config.peer.disk_floor_mib << 20, lambda: free_bytes(place))


@dataclass(slots=True)
class Node:
    """One running node."""

    config: Config
    keys: MemberKeys
    sealing: SealingRing
    signer: TransportInUse
    store: Store
    registry: RegistryClient
    jurisdiction: Jurisdiction
    desk: Desk
    inbox: Inbox
    delivery: Delivery
    pulls: LongPoll
    pulling: Pulling
    transport: HttpTransport
    metrics: Metrics
    wakes: Wakes
    postbox: Postbox
    ledgers: Ledgers
    coming_back: ComingBack
    asking: Asking
    hsm: HsmWatch = field(init=False)
    retention: Retention = field(init=False)
    bringing_back: BringingBack = field(init=False)
    _runners: list[web.AppRunner] = field(default_factory=list)
    _peers: web.AppRunner | None = None
    _loops: list[asyncio.Task[None]] = field(default_factory=list)
    _channel_loops: list[DeliveryLoop | PullLoop] = field(default_factory=list)

    async def start(self) -> None:
        """Open the listeners and begin to work.

        Raises:
            NoRegistryError: no registry was ever verified here (`hotline join` first).
            OSError: a listener's address is taken.
        """
        asyncio.get_running_loop().set_exception_handler(log_loop_error)
        await self._first_registry()
        await self.delivery.load()
        await self.coming_back.look()
        await self.store.known_content.judge_unseen_from(self.config.matching.min_bytes)
        self.hsm = HsmWatch(self._in_hsm, self._signs_again)
        self.retention = self.desk.retention(self._periods())
        await self._listen()
        delivering = DeliveryLoop(self.delivery, wall_clock, self.wakes.delivery)
        fetching = PullLoop(self.pulling)
        self.bringing_back = BringingBack(
            us=self.config.member.id,
            recoveries=self._handing_back(),
            transport=self.transport,
            registry=self.registry.current,
            clock=wall_clock,
            jitter=self.coming_back.asking.jitter,
        )
        self._channel_loops = [delivering, fetching]
        log = logger()
        look_at_hsm = (("hsm", self._look_at_hsm),) if self.config.member.hsm else ()
        for name, step in (
            *look_at_hsm,
            *self.asking.steps(wall_clock),
            ("desk", self._work),
            ("data", keep_data(self.jurisdiction, self.config.source, log)),
            ("delivery", delivering.step),
            ("pull", fetching.step),
            ("registry", self._refresh),
            ("history", self._sign_head_later),
            ("tidying", self._tidy),
            ("ledger", self._work_at_ledgers),
            ("erasures", self._replay_erasures),
            ("retention", self._retain),
            ("recoveries", self._bring_back),
            ("lists", look_at_lists(self.store.known_content, self.store.shared, self.desk)),
        ):
            self._loops.append(asyncio.create_task(keep_going(name, step, log), name=name))

    def _periods(self) -> Periods:
        """How long what is over is kept."""
        days = self.config.store
        return Periods(
            closed_ms=days.keep_closed_days * DAY_MS,
            not_illegal_ms=days.keep_not_illegal_days * DAY_MS,
            counted_ms=days.keep_counted_days * DAY_MS,
            handed_on_ms=days.keep_handed_on_days * DAY_MS,
            refused_ms=days.keep_refused_days * DAY_MS,
        )

    async def _look_at_hsm(self) -> None:
        """See whether the keys in the HSM sign, then wait; no loop of a node without one."""
        await self.hsm.look()
        await asyncio.sleep(HSM_EVERY_S)

    def _in_hsm(self) -> list[HsmKey]:
        """The keys of now: a rotation replaces them."""
        return self.keys.in_hsm()

    def _signs_again(self) -> None:
        self.delivery.try_again()
        self.wakes.delivery()

    async def _first_registry(self) -> None:
        try:
            self.registry.current()
        except NoRegistryError:
            await self.registry.refresh(wall_clock())

    async def _listen(self) -> None:
        config = self.config
        count = count_requests(self.metrics, "local", time.perf_counter)
        local = make_local_app(
            CountedDesk(self.desk, self.metrics),
            self.store.access,
            HashCheckDesk(self.store.hashchecks, wall_clock, self.desk.correcting.disprove),
            member=config.member.id,
            now_ms=wall_clock,
            node_secret=self.keys.node_secret,
            max_body_bytes=config.api.max_body_bytes,
            middlewares=[count],
        )
        local.add_routes(health_routes(self.metrics, self._snapshot, self._missing))
        host, port = config.api.listen_host, config.api.listen_port
        self._runners.append(await serve(local, host, port, refusal=refuse_unreadable))
        if config.peer.endpoint is not None:
            await self._listen_to_peers()

    async def _listen_to_peers(self) -> None:
        """Open the peer listener; a member without an endpoint has none: it pulls."""
        config = self.config
        peer = make_peer_app(
            us=config.member.id,
            inbox=self.inbox,
            pulls=self.pulls,
            recoveries=self._handing_back(),
            brought=self.coming_back,
            ledgers=self.ledgers.endpoint,
            registry=self.registry.current,
            transport_key=self.signer,
            clock=wall_clock,
            on_contact=self._contact,
            on_registry_behind=self.wakes.registry,
            on_refused=lambda code: self.metrics.peer_refusals.labels(code).inc(),
            floor=self.pulling.floor,
            extra_routes=[
                *mirror_routes(self.registry.kept),
                *revocation_routes(self.registry.revocations, self.wakes.delivery),
            ],
        )
        peer.middlewares.append(count_requests(self.metrics, "peer", time.perf_counter))
        at = config.peer.listen_host, config.peer.listen_port
        bounds = Connections.sized(config.peer.connections_per_address)
        self._peers = await listen(peer, *at, self.keys.tls, bounds)
        self._runners.append(self._peers)

    def _contact(self, peer: str) -> None:
        if self.delivery.contact(peer):
            self.wakes.delivery()

    def _handing_back(self) -> HandingBack:
        return HandingBack(
            us=self.config.member.id,
            store=self.store.handing_back,
            registry=self.registry.current,
            clock=wall_clock,
            on_recovering=self._refill,
            on_registry_behind=self.wakes.registry,
        )

    def _refill(self, peer: str) -> None:
        self.delivery.ask_again(peer)
        self.wakes.delivery()

    async def _bring_back(self) -> None:
        """Bring to members that recover what they had said, if nobody can call us; wait."""
        pages = await self.bringing_back.bring_due()
        await asyncio.sleep(0 if pages else LOOK_AGAIN_S)

    async def _replay_erasures(self) -> None:
        """Hear from each peer once after a restore what we had erased, then wait."""
        waiting = await self.coming_back.replay()
        await asyncio.sleep(LOOK_AGAIN_S if waiting else HEAD_EVERY_S)

    async def _work(self) -> None:
        if await self.coming_back.step() is None:
            await work_at_desk(self.desk, self.wakes.desk)
        else:
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _refresh(self) -> None:
        with suppress(StoreError):  # a full disk: news of keys matter more than this comparison
            await self._remember_registry()
        state = await self.registry.refresh(wall_clock())
        self.metrics.registry_refreshes.labels(state.problem or "ok").inc()
        await asyncio.to_thread(self.registry.hear_revocations)
        self.take_up_keys(wall_clock())
        self.wakes.delivery()
        await self._remember_registry()  # last: a full disk holds up nothing of the others
        await self.wakes.registry.wait(self.config.registry.refresh_s)

    async def _remember_registry(self) -> None:
        """Remember the registry that is in force, before it may be another."""
        view = self.registry.current().seen
        await self.store.views.in_force(self.config.member.id, view, wall_clock())

    async def _tidy(self) -> None:
        """Let go of what is over, answered requests and sealing keys, then wait."""
        now = wall_clock()
        await self.store.access.forget_before(now - self.config.api.idempotency_days * DAY_MS)
        await HashCheckDesk(self.store.hashchecks, wall_clock).forget()
        self.destroy_sealing_keys(now)
        await asyncio.sleep(TIDY_EVERY_S)

    async def _retain(self) -> None:
        """Erase what is over among the next items, give room back, then wait."""
        before, refused = self.retention.erased, self.retention.refused
        more = not self.desk.closed() and await self.retention.due()
        if self.retention.erased > before:
            logger().info("retention_erased", items=self.retention.erased - before)
        if self.retention.refused > refused:
            logger().info("retention_refused", entries=self.retention.refused - refused)
        more = await self.store.shrink() > 0 or more
        await asyncio.sleep(LOOK_AGAIN_S if more else TIDY_EVERY_S)

    def destroy_sealing_keys(self, now_ms: int) -> None:
        """Destroy the sealing keys whose time is over at `now_ms` (UTC), on disk and in memory.

        Raises:
            UnsafeKeyFileError: a file cannot be removed.
        """
        registry, member = self.registry.current(), self.config.member
        if member.id in registry.members:
            document = registry.member(member.id)
            let_go(member.keys_dir, document, self.sealing.forget, now_ms)

    def take_up_keys(self, now_ms: int) -> None:
        """Use the successors of keys whose turn has begun at `now_ms` (UTC), everywhere at once.

        Revoked sealing keys are forgotten: their files were destroyed when they were revoked.

        Raises:
            KeysError: a key cannot be read or renamed.
        """
        member, registry = self.config.member, self.registry.current()
        if member.id not in registry.members:
            return
        revoked = self.registry.revocations.revoked().get(member.id, frozenset())
        self.sealing.forget(revoked)
        unlock = Unlock.from_config(member.unlock)
        document = registry.member(member.id)
        taken = take_up_due(
            member.keys_dir, unlock, document, revoked, now_ms, self.keys, hsm_of(self.config)
        )
        self.keys = replace(self.keys, **taken)  # type: ignore[arg-type] # each of its own type
        self.delivery.log_key = self.ledgers.keeper.log_key = self.keys.log
        self.inbox.receipt_key = self.keys.receipt
        self.ledgers.witness_key.key = self.keys.witness or self.ledgers.witness_key.key
        self.signer.key = self.keys.transport
        if "tls" in taken and self._peers is not None:
            show_certificate(self._peers, self.keys.tls)
        for purpose, key in taken.items():
            logger().info("key_taken_up", purpose=purpose, key_id=id_of(key))

    async def _work_at_ledgers(self) -> None:
        """Log the heads of channels that changed and have them witnessed, if it is time; wait."""
        await self.ledgers.work_due(wall_clock())
        await asyncio.sleep(HEAD_EVERY_S)

    async def _sign_head_later(self) -> None:
        await asyncio.sleep(HEAD_EVERY_S)
        await self.sign_head()

    async def sign_head(self) -> None:
        """Sign the present head of the history."""
        network_id = self.registry.current().network_id
        member = self.config.member.id

        def sign(head: Head) -> bytes:
            return sign_head(head, network_id, member, self.keys.log)

        await self.store.history.sign_head(sign)

    async def _sign_last_head(self) -> None:
        """Sign the head once more; without the HSM or the store the next start does it."""
        try:
            await self.sign_head()
        except (HsmError, StoreError) as error:
            logger().error("head_not_signed", code=error.code)

    def _missing(self) -> list[str]:
        dead = [task.get_name() for task in self._loops if task.done()]
        return dead + self.hsm.missing() + self.store.writer.room.missing()

    async def _snapshot(self) -> Any:
        sources = Sources(
            self.store.queries, self.registry, self.jurisdiction.ages, self.config.store.path
        )
        return await take_snapshot(sources, wall_clock())

    async def stop(self) -> None:
        """Stop listening and working; what is durable stays, what is in flight is sent again."""
        self.pulls.close()
        for runner in self._runners:
            await runner.cleanup()
        for task in self._loops:
            task.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        for loop in self._channel_loops:
            await loop.stop()
        await self._sign_last_head()
        await self.transport.close()
        await self.jurisdiction.close()
        await self.asking.close()
        await self.store.close()
