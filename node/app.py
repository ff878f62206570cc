"""The composition root: a configuration becomes a running node. Nothing else knows every part."""

from __future__ import annotations

import asyncio
import gc
import random
import secrets
import time
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from keys.errors import KeysError
from keys.keyring import MemberKeys, load_sealing_keys
from keys.signing import Signer
from keys.unlock import Unlock
from node.asking.build import open_asking
from node.beginning import Parts, destroy_sealing_keys_here, open_registry, open_store
from node.casework.desk import Desk
from node.casework.places.placing import Places
from node.casework.postbox import Postbox
from node.casework.showing.feed import Feed
from node.coming_back import ComingBack, build_coming_back
from node.hashcheck.listener import PublicListener, open_public
from node.ids import Ids
from node.jurisdiction.build import Jurisdiction
from node.keeping import TransportInUse
from node.ledgers import Ledgers, build_ledgers
from node.loops import Wakes
from node.matching.fingerprints import Fingerprints
from node.peer.channels.delivery import Delivery
from node.peer.channels.forks import ForkKeeper
from node.peer.channels.inbox import Inbox
from node.peer.channels.offering import Offering
from node.peer.channels.pulling import Pulling
from node.peer.channels.sealing import SealingRing
from node.peer.channels.stolen import StolenKeys
from node.peer.http.client import HttpTransport, Limits
from node.peer.http.longpoll import LongPoll
from node.registry.errors import RegistryError
from node.registry.updater import RegistryClient
from node.running import TIDY_EVERY_S, Node, disk_floor, wall_clock
from node.setup.opening import open_keys, store_place
from node.store.errors import AlreadyOpenError, StoreError
from node.store.opening import wait_for_turn
from node.store.sqlite import LIFE_S, Store
from node.store.upgrade.upgrading import Upgrade
from node.telemetry.counting import (
    CountedCases,
    CountedInbox,
    CountedPlaces,
    CountedPulls,
    CountedTransport,
)
from node.telemetry.logs import logger
from node.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from node.config.sections import Config
    from protocol.vocabulary import Lane

EPOCH_BYTES = 8
NONCE_BYTES = 16
GARBAGE_FIRST = 50_000
"""New objects that may hold others before the collector looks; a batch makes some ten thousand."""


def build(config: Config) -> Node:
    """Make a node from its configuration; opens the store, starts nothing yet.

    Raises:
        KeysError, StoreError, RegistryError, JurisdictionError: what is wrong, and the mend.
    """
    parts = Parts.of(config)
    return _assemble(parts, parts.open_store(secrets.token_bytes, Upgrade()))


async def begin(config: Config, stop: asyncio.Event) -> Node | None:
    """Make a node as `build` does, and say meanwhile how far it is; None: it was stopped before.

    Raises:
        KeysError, StoreError, RegistryError, JurisdictionError: as `build`.
    """
    parts = Parts.of(config)
    opener = partial(parts.open_store, secrets.token_bytes)
    store = await open_store(config, opener, stop)
    return None if store is None else _assemble(parts, store)


def _assemble(parts: Parts, store: Store) -> Node:
    config, keys, registry = parts.config, parts.keys, parts.registry
    jurisdiction, fingerprints = parts.jurisdiction, parts.fingerprints
    wakes, metrics, us = Wakes(), Metrics(), config.member.id
    sealing = _sealing(config, keys)
    postbox = Postbox(keys.node_secret, shares=config.peer.share_verdicts)
    signer = TransportInUse(keys.transport)
    transport = _transport(config, signer, registry)
    delivery = _delivery(config, keys, store, registry, transport, wakes, metrics)
    pulls = LongPoll(Offering(delivery), wall_clock)
    inbox = _inbox(config, keys, sealing, store, registry, wakes, metrics)
    desk = Desk(
        store=CountedCases(store.cases, metrics),
        queries=store.queries,
        registry=registry.current,
        places=_places(config, jurisdiction, metrics),
        fingerprints=fingerprints,
        postbox=postbox,
        ids=Ids(us),
        clock=wall_clock,
        wake_delivery=wakes.outgoing(pulls),
        wake_desk=wakes.desk,
        fresh_ms=config.jurisdiction.locate_again_hours * 3_600_000,
    )
    return Node(
        config,
        keys,
        sealing,
        signer,
        store,
        registry,
        jurisdiction,
        desk,
        inbox,
        delivery,
        pulls,
        _pulling(config, inbox, registry, transport, wakes, metrics),
        transport,
        metrics,
        wakes,
        postbox,
        _ledgers(config, keys, store, registry, transport, wakes, metrics),
        _coming_back(store, desk, fingerprints, transport, registry, sealing, delivery, wakes),
        open_asking(config, store, jurisdiction, desk.locating.behind),
    )


def _sealing(config: Config, keys: MemberKeys) -> SealingRing:
    unlock = Unlock.from_config(config.member.unlock)
    return SealingRing(keys.sealing, lambda: load_sealing_keys(config.member.keys_dir, unlock))


def _places(config: Config, jurisdiction: Jurisdiction, metrics: Metrics) -> CountedPlaces:
    hours = config.jurisdiction.uncertain_hours
    deadline_ms = hours * 3_600_000 if hours else None
    places = Places(jurisdiction.locator, deadline_ms, jurisdiction.origins, jurisdiction.redirects)
    return CountedPlaces(places, metrics)


def _coming_back(
    store: Store,
    desk: Desk,
    fingerprints: Fingerprints,
    transport: HttpTransport,
    registry: RegistryClient,
    sealing: SealingRing,
    delivery: Delivery,
    wakes: Wakes,
) -> ComingBack:
    return build_coming_back(
        us=delivery.us,
        store=store,
        desk=desk,
        fingerprints=fingerprints,
        transport=transport,
        registry=registry.current,
        sealing_key=sealing.find,
        node_secret=delivery.node_secret,
        clock=wall_clock,
        jitter=random.SystemRandom().randrange,
        on_registry_behind=wakes.registry,
        on_whole=delivery.load,
    )


def _ledgers(
    config: Config,
    keys: MemberKeys,
    store: Store,
    registry: RegistryClient,
    transport: HttpTransport,
    wakes: Wakes,
    metrics: Metrics,
) -> Ledgers:
    return build_ledgers(
        config=config,
        keys=keys,
        store=store,
        registry=registry.current,
        revoked=lambda: registry.revocations.revoked().get(config.member.id, frozenset()),
        by_stolen_key=StolenKeys(registry.current, registry.listed).signed,
        transport=transport,
        clock=wall_clock,
        epoch=_epoch,
        on_registry_behind=wakes.registry,
        metrics=metrics,
    )


def _transport(config: Config, signer: Signer, registry: RegistryClient) -> HttpTransport:
    return HttpTransport(
        us=config.member.id,
        registry=registry.current,
        transport_key=signer,
        clock=wall_clock,
        nonce=_nonce,
        limits=Limits(total_s=config.peer.request_timeout_s),
    )


def _inbox(
    config: Config,
    keys: MemberKeys,
    sealing: SealingRing,
    store: Store,
    registry: RegistryClient,
    wakes: Wakes,
    metrics: Metrics,
) -> Inbox:
    return Inbox(
        us=config.member.id,
        store=CountedInbox(store.inbox, metrics),
        registry=registry.current,
        receipt_key=keys.receipt,
        sealing_key=sealing.find,
        clock=wall_clock,
        on_taken=wakes.desk,
        on_registry_behind=wakes.registry,
        on_fork=ForkKeeper(store.forks, registry.current, wall_clock).suspect,
        by_stolen_key=StolenKeys(registry.current, registry.listed).signed,
    )


def _pulling(
    config: Config,
    inbox: Inbox,
    registry: RegistryClient,
    transport: HttpTransport,
    wakes: Wakes,
    metrics: Metrics,
) -> Pulling:
    return Pulling(
        us=config.member.id,
        inbox=inbox,
        transport=CountedPulls(transport, metrics),
        registry=registry.current,
        clock=wall_clock,
        jitter=random.SystemRandom().randrange,
        on_registry_behind=wakes.registry,
        floor=disk_floor(config),
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
        epoch=_epoch,
        on_registry_behind=wakes.registry,
        on_receipt=receipted,
        max_entries=config.peer.max_push_entries,
        batch_window_ms=config.peer.batch_window_ms,
        bulk_window_ms=config.peer.bulk_window_ms,
    )


def _epoch() -> bytes:
    return secrets.token_bytes(EPOCH_BYTES)


def _nonce() -> bytes:
    return secrets.token_bytes(NONCE_BYTES)


async def run(config: Config, stop: asyncio.Event) -> None:
    """Run a node until `stop` is set.

    Raises:
        KeysError, StoreError, RegistryError, JurisdictionError, OSError: it could not start.
        StoreError: its store went elsewhere, or to another process.
    """
    node = await _in_turn(config, stop)
    if node is None:
        return
    ended = list[StoreError]()
    watching = asyncio.create_task(_watch(node.store, stop, ended))
    restored = await node.store.history.fact("restored_ms")
    node.desk.feed = Feed.of(await node.store.history.fact("restores"))
    if restored is not None:
        node.delivery.restored_ms = node.postbox.generation = int(restored)
    public: PublicListener | None = None
    try:
        await node.start()
        public = await open_public(config, node.keys, node.store, node.metrics, wall_clock)
        calm_collector()
        logger().info("node_started")
        await stop.wait()
    finally:
        watching.cancel()
        if public is not None:
            await public.stop()
        await node.stop()
        logger().info("node_stopped")
    if ended:
        raise ended[0]


async def _in_turn(config: Config, stop: asyncio.Event) -> Node | None:
    """Make the node; one that stands by when nobody else works. None: it was stopped before.

    Raises:
        KeysError, StoreError, RegistryError, JurisdictionError: as `build`.
    """
    if not config.store.stand_by:
        return await begin(config, stop)
    key, place = open_keys(config).database_key, store_place(config)
    open_registry(config)
    while True:
        logger().info("standing_by")
        tidying = asyncio.create_task(_tidy_sealing_keys(config))
        try:
            if not await asyncio.to_thread(wait_for_turn, place, key, stop.is_set):
                return None
        finally:
            tidying.cancel()
        with suppress(AlreadyOpenError):  # another one was quicker
            return await begin(config, stop)


async def _tidy_sealing_keys(config: Config) -> None:
    while True:
        try:
            destroy_sealing_keys_here(config, wall_clock())
        except (KeysError, RegistryError) as error:
            logger().warning("sealing_keys_not_destroyed", code=error.code)
        await asyncio.sleep(TIDY_EVERY_S)


async def _watch(store: Store, stop: asyncio.Event, ended: list[StoreError]) -> None:
    """Stop the node when its store takes nothing more from it; why is put into `ended`.

    What passes by itself is said in the log, as it comes and as it goes.
    """
    missing: list[str] = []
    while not ended:
        try:
            await store.show_life()
        except StoreError as error:
            if error.ends_node:
                ended.append(error)
                stop.set()
            else:
                logger().debug("store_shows_no_life", code=error.code)
        before, missing = missing, store.writer.room.missing()
        if missing and missing != before:
            logger().error("store_takes_nothing", code=missing[0])
        elif before and not missing:
            logger().info("store_takes_again")
        await asyncio.sleep(LIFE_S)


def calm_collector() -> None:
    """Let the collector of cyclic garbage look seldom, and never at what stays for ever.

    Drafts, items and messages hold no cycles and go when the last reference goes; by default the
    collector would walk all of a batch again and again while it is worked on.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_FIRST, 20, 50)


def run_blocking(main: Coroutine[Any, Any, None]) -> None:
    """Run `main` on uvloop where it is installed, else on asyncio's own loop."""
    try:
        import uvloop  # noqa: PLC0415 - optional
    except ImportError:
        asyncio.run(main)
        return
    uvloop.run(main)
