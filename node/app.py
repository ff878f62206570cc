"""The composition root: a configuration becomes a running node. Nothing else knows every part.

Order matters at the ends only. Starting: lock and open the store, then the registry (the last
verified one is enough), then listeners, then loops. Stopping: listeners first, then loops, then a
last signed head, then the store. Killing it anywhere loses nothing that was answered.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from keys.keyring import MemberKeys, load_sealing_keys
from keys.unlock import Unlock
from node.api.app import make_local_app
from node.casework.casebook import Postbox
from node.casework.desk import Desk
from node.casework.feed import Feed
from node.casework.placing import Places
from node.evidence.heads import sign_head
from node.ids import Ids
from node.jurisdiction.build import Jurisdiction, open_jurisdiction
from node.listening import QuietRunner
from node.loops import DeliveryLoop, Wake, keep_going, work_at_desk
from node.matching.fingerprints import Fingerprints
from node.peer.client import HttpTransport, Limits
from node.peer.delivery import Delivery
from node.peer.inbox import Inbox
from node.peer.listener import listen
from node.peer.sealing import SealingRing
from node.peer.server import make_peer_app
from node.registry.errors import NoRegistryError
from node.registry.mirror import mirror_routes
from node.registry.updater import RegistryClient
from node.store.access import Access
from node.store.history import Head
from node.store.sqlite import Store
from node.telemetry.counting import (
    CountedCases,
    CountedDesk,
    CountedInbox,
    CountedPlaces,
    CountedTransport,
)
from node.telemetry.logs import log_loop_error, logger
from node.telemetry.metrics import Metrics
from node.telemetry.routes import count_requests, health_routes
from node.telemetry.snapshot import Sources, take_snapshot

if TYPE_CHECKING:
    from node.config.sections import Config
    from protocol.vocabulary import Lane

HEAD_EVERY_S = 60.0
TIDY_EVERY_S = 3600.0
DAY_MS = 86_400_000
EPOCH_BYTES = 8
NONCE_BYTES = 16


def wall_clock() -> int:
    """The time, milliseconds UTC."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Wakes:
    """What wakes each loop."""

    desk: Wake = field(default_factory=Wake)
    delivery: Wake = field(default_factory=Wake)
    registry: Wake = field(default_factory=Wake)


@dataclass(slots=True)
class Node:
    """One running node."""

    config: Config
    keys: MemberKeys
    store: Store
    registry: RegistryClient
    jurisdiction: Jurisdiction
    desk: Desk
    inbox: Inbox
    delivery: Delivery
    transport: HttpTransport
    metrics: Metrics
    wakes: Wakes
    postbox: Postbox
    _runners: list[web.AppRunner] = field(default_factory=list)
    _loops: list[asyncio.Task[None]] = field(default_factory=list)
    _delivery_loop: DeliveryLoop | None = None

    async def start(self) -> None:
        """Open the listeners and begin to work.

        Raises:
            NoRegistryError: no registry was ever verified here (`hotline join` first).
            OSError: a listener's address is taken.
        """
        asyncio.get_running_loop().set_exception_handler(log_loop_error)
        await self._first_registry()
        await self.delivery.load()
        await self._listen()
        self._delivery_loop = DeliveryLoop(self.delivery, wall_clock, self.wakes.delivery)
        log = logger()
        for name, step in (
            ("desk", self._work),
            ("delivery", self._delivery_loop.step),
            ("registry", self._refresh),
            ("history", self._sign_head_later),
            ("tidying", self._tidy),
        ):
            self._loops.append(asyncio.create_task(keep_going(name, step, log), name=name))

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
            self._access(),
            member=config.member.id,
            now_ms=wall_clock,
            max_body_bytes=config.api.max_body_bytes,
            middlewares=[count],
        )
        local.add_routes(health_routes(self.metrics, self._snapshot, self._missing))
        self._runners.append(await _serve(local, config.api.listen_host, config.api.listen_port))
        peer = make_peer_app(
            us=config.member.id,
            inbox=self.inbox,
            registry=self.registry.current,
            transport_key=self.keys.transport,
            clock=wall_clock,
            on_contact=self._contact,
            on_registry_behind=self.wakes.registry,
            on_refused=lambda code: self.metrics.peer_refusals.labels(code).inc(),
            extra_routes=mirror_routes(self.registry.kept),
        )
        peer.middlewares.append(count_requests(self.metrics, "peer", time.perf_counter))
        at = config.peer.listen_host, config.peer.listen_port
        self._runners.append(await listen(peer, *at, self.keys.tls))

    def _contact(self, peer: str) -> None:
        self.delivery.contact(peer)
        self.wakes.delivery()

    async def _work(self) -> None:
        await work_at_desk(self.desk, self.wakes.desk)

    async def _refresh(self) -> None:
        state = await self.registry.refresh(wall_clock())
        self.metrics.registry_refreshes.labels(state.problem or "ok").inc()
        self.wakes.delivery()
        await self.wakes.registry.wait(self.config.registry.refresh_s)

    def _access(self) -> Access:
        return Access(self.store.writer, self.store.readers)

    async def _tidy(self) -> None:
        """Forget answered requests whose time is over, then wait."""
        keep_ms = self.config.api.idempotency_days * DAY_MS
        await self._access().forget_before(wall_clock() - keep_ms)
        await asyncio.sleep(TIDY_EVERY_S)

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

    def _missing(self) -> list[str]:
        return [task.get_name() for task in self._loops if task.done()]

    async def _snapshot(self) -> Any:
        sources = Sources(
            self.store.queries, self.registry, self.jurisdiction.ages, self.config.store.path
        )
        return await take_snapshot(sources, wall_clock())

    async def stop(self) -> None:
        """Stop listening and working; what is durable stays, what is in flight is sent again."""
        for runner in self._runners:
            await runner.cleanup()
        for task in self._loops:
            task.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        if self._delivery_loop is not None:
            await self._delivery_loop.stop()
        await self.sign_head()
        await self.transport.close()
        await self.jurisdiction.close()
        await self.store.close()


async def _serve(app: web.Application, host: str, port: int) -> web.AppRunner:
    runner = QuietRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner


def build(config: Config) -> Node:
    """Make a node from its configuration; opens the store, starts nothing yet.

    Raises:
        KeysError, StoreError, RegistryError, JurisdictionError: what is wrong, and the mend.
    """
    unlock = Unlock.from_config(config.member.unlock)
    keys = MemberKeys.load(config.member.keys_dir, unlock)
    jurisdiction = open_jurisdiction(config.jurisdiction)
    registry = open_registry(config)
    fingerprints = Fingerprints(keys.fingerprint_secret)
    store = Store.open(
        config.store.path,
        keys.database_key,
        config.member.id,
        fingerprints,
        config.store.group_commit_max,
    )
    return _assemble(config, keys, store, registry, jurisdiction, fingerprints)


def open_registry(config: Config) -> RegistryClient:
    """Open the registry's memory of this node.

    Raises:
        RegistryError: never joined, or the memory is damaged.
    """
    section = config.registry
    if section.root_sha256 is None:
        raise NoRegistryError("registry.root_sha256: not pinned yet; run `hotline join`")
    pin = bytes.fromhex(section.root_sha256)
    return RegistryClient(pin, section.directory, section.mirrors, member=config.member.id)


def _assemble(
    config: Config,
    keys: MemberKeys,
    store: Store,
    registry: RegistryClient,
    jurisdiction: Jurisdiction,
    fingerprints: Fingerprints,
) -> Node:
    wakes, metrics, us = Wakes(), Metrics(), config.member.id
    postbox = Postbox(keys.node_secret)
    transport = HttpTransport(
        us=us,
        registry=registry.current,
        transport_key=keys.transport,
        clock=wall_clock,
        nonce=_nonce,
        limits=Limits(total_s=config.peer.request_timeout_s),
    )
    desk = Desk(
        store=CountedCases(store.cases, metrics),
        queries=store.queries,
        registry=registry.current,
        places=CountedPlaces(Places(jurisdiction.locator), metrics),
        fingerprints=fingerprints,
        postbox=postbox,
        ids=Ids(us),
        clock=wall_clock,
        wake_delivery=wakes.delivery,
        wake_desk=wakes.desk,
    )
    return Node(
        config,
        keys,
        store,
        registry,
        jurisdiction,
        desk,
        _inbox(config, keys, store, registry, wakes, metrics),
        _delivery(config, keys, store, registry, transport, wakes, metrics),
        transport,
        metrics,
        wakes,
        postbox,
    )


def _inbox(
    config: Config,
    keys: MemberKeys,
    store: Store,
    registry: RegistryClient,
    wakes: Wakes,
    metrics: Metrics,
) -> Inbox:
    unlock = Unlock.from_config(config.member.unlock)
    ring = SealingRing(keys.sealing, lambda: load_sealing_keys(config.member.keys_dir, unlock))
    return Inbox(
        us=config.member.id,
        store=CountedInbox(store.inbox, metrics),
        registry=registry.current,
        receipt_key=keys.receipt,
        sealing_key=ring.find,
        clock=wall_clock,
        on_taken=wakes.desk,
        on_registry_behind=wakes.registry,
    )


def _delivery(
    config: Config,
    keys: MemberKeys,
    store: Store,
    registry: RegistryClient,
    transport: HttpTransport,
    wakes: Wakes,
    metrics: Metrics,
) -> Delivery:
    def receipted(peer: str, lane: Lane, entries: int) -> None:
        metrics.entries_receipted.labels(peer, str(lane)).inc(entries)
        metrics.push_entries.labels(str(lane)).observe(entries)

    return Delivery(
        us=config.member.id,
        outbox=store.outbox,
        transport=CountedTransport(transport, metrics, time.perf_counter),
        registry=registry.current,
        log_key=keys.log,
        node_secret=keys.node_secret,
        jitter=random.SystemRandom().randrange,
        nonce=_nonce,
        epoch=lambda: secrets.token_bytes(EPOCH_BYTES),
        on_registry_behind=wakes.registry,
        on_receipt=receipted,
        max_entries=config.peer.max_push_entries,
        batch_window_ms=config.peer.batch_window_ms,
    )


def _nonce() -> bytes:
    return secrets.token_bytes(NONCE_BYTES)


async def run(config: Config, stop: asyncio.Event) -> None:
    """Run a node until `stop` is set.

    Raises:
        KeysError, StoreError, RegistryError, JurisdictionError, OSError: it could not start.
    """
    node = build(config)
    restored = await node.store.history.fact("restored_ms")
    node.desk.feed = Feed.of(await node.store.history.fact("restores"))
    if restored is not None:
        node.delivery.restored_ms = node.postbox.generation = int(restored)
    try:
        await node.start()
        logger().info("node_started")
        await stop.wait()
    finally:
        await node.stop()
        logger().info("node_stopped")


def run_blocking(main: Coroutine[Any, Any, None]) -> None:
    """Run `main` on uvloop where it is installed, else on asyncio's own loop."""
    try:
        import uvloop  # noqa: PLC0415 - optional
    except ImportError:
        asyncio.run(main)
        return
    uvloop.run(main)
