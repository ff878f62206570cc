"""What the gauges show: counted from the store, the registry and the data files at each scrape."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from node.peer.ledgers.witnessing import coverage, times_of
from node.registry.errors import NoRegistryError
from node.telemetry.metrics import Snapshot

if TYPE_CHECKING:
    from node.jurisdiction.status import DataAge
    from node.registry.source import RegistrySource
    from node.store.items.queries import ChannelFigures, Queries


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the figures come from."""

    queries: Queries
    registry: RegistrySource
    ages: Callable[[int], Sequence[DataAge]]
    database: Path


async def take_snapshot(sources: Sources, now_ms: int) -> Snapshot:
    """Return the figures of this moment."""
    channels = await sources.queries.channels()
    figures = await sources.queries.figures()
    tasks = await sources.queries.tasks(1000)
    ledger = await sources.queries.ledger()
    stored = await sources.queries.stored_bytes()
    version, issued_ms, alarms = _registry(sources.registry, now_ms)
    return Snapshot(
        waiting={_key(c): c.waiting + c.unreceipted for c in channels},
        oldest_waiting_s={_key(c): _age_s(c, now_ms) for c in channels},
        stopped={_key(c): int(c.stopped is not None) for c in channels},
        tasks=dict(Counter(code for code, _, _ in tasks)),
        locating=figures["items_locating"],
        review=figures["items_in_review"],
        ledger_age_s=None if ledger.signed_ms is None else (now_ms - ledger.signed_ms) / 1000,
        ledger_cosigners=coverage(ledger.partners, times_of(ledger.given)),
        unjudged=figures["entries_waiting"],
        parked=figures["entries_parked"],
        registry_age_s=None if issued_ms is None else (now_ms - issued_ms) / 1000,
        registry_version=version,
        registry_alarms=dict(alarms),
        data_age_days={age.name: float(age.age_days) for age in sources.ages(now_ms)},
        store_bytes=_size(sources.database) if stored is None else stored,
        disk_free_bytes=free_bytes(sources.database.parent),
    )


def _key(channel: ChannelFigures) -> tuple[str, str]:
    return channel.peer, channel.lane


def _age_s(channel: ChannelFigures, now_ms: int) -> float:
    oldest = channel.oldest_waiting_ms
    return 0.0 if oldest is None else max(0.0, (now_ms - oldest) / 1000)


def _registry(source: RegistrySource, now_ms: int) -> tuple[int, int | None, Counter[str]]:
    try:
        version, state = source.current().timestamp_version, source.state(now_ms)
        return version, state.issued_ms, Counter(alarm.code for alarm in state.alarms)
    except NoRegistryError:
        return 0, None, Counter()


def _size(database: Path) -> int:
    files = (database, database.with_name(database.name + "-wal"))
    return math.floor(sum(path.stat().st_size for path in files if path.exists()))


def free_bytes(directory: Path) -> int:
    """Return the free space where `directory` lies."""
    return shutil.disk_usage(directory).free
