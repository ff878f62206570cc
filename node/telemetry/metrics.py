"""Every metric of the node, declared once: name, kind, labels, meaning.

Names begin with `hotline_`, units end them. Label values are member ids, lanes, codes of closed
tables and route templates: nothing that a stranger chooses, so that the number of series stays
bounded and no address can slip in. Counters and histograms move where the thing happens; gauges are
read from a `Snapshot` when somebody asks for `/metrics`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_Labels = TypeVar("_Labels", tuple[str], tuple[str, str])

PREFIX = "hotline"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
ENTRIES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)


@dataclass(frozen=True, slots=True)
class MetricDoc:
    """One row of the documented table."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the gauges show at one moment. Keys of the mappings are label values, in order.

    Attributes:
        waiting: (peer, lane) -> messages not yet under a verified receipt.
        oldest_waiting_s: (peer, lane) -> age of the oldest of them.
        stopped: (peer, lane) -> 1 if a person must decide before the channel goes on.
        tasks: code -> tasks waiting for a person.
        locating: items without a responsible member.
        review: items that stand in front of an analyst.
        ledger_age_s: since the newest head of our ledger was signed; None if there is none.
        ledger_cosigners: peer -> cosigners of that head that are no party to our channels with it.
        unjudged: entries taken and not judged yet.
        parked: entries taken that wait for an item not yet seen.
        registry_age_s: since the registry was last verified fresh; None if never.
        registry_version: version of the registry's timestamp.
        registry_alarms: members whose news are held back, by code.
        data_age_days: country database -> age since it was built.
        store_bytes: size of the database with its journal.
        disk_free_bytes: free space where the database lies.
    """

    waiting: Mapping[tuple[str, str], int] = field(default_factory=dict)
    oldest_waiting_s: Mapping[tuple[str, str], float] = field(default_factory=dict)
    stopped: Mapping[tuple[str, str], int] = field(default_factory=dict)
    tasks: Mapping[str, int] = field(default_factory=dict)
    locating: int = 0
    review: int = 0
    ledger_age_s: float | None = None
    ledger_cosigners: Mapping[str, int] = field(default_factory=dict)
    unjudged: int = 0
    parked: int = 0
    registry_age_s: float | None = None
    registry_version: int = 0
    registry_alarms: Mapping[str, int] = field(default_factory=dict)
    data_age_days: Mapping[str, float] = field(default_factory=dict)
    store_bytes: int = 0
    disk_free_bytes: int = 0


class Metrics:
    """The collectors of one node, on a registry of their own (several nodes fit in one process)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.documented: list[MetricDoc] = []
        self._declare_counters()
        self._declare_histograms()
        self._declare_gauges()

    def _declare_counters(self) -> None:
        count = self._counter
        self.items_submitted = count(
            "items_submitted", "Items handed in here, by what came of them.", "outcome"
        )
        self.lines_rejected = count("lines_rejected", "Lines or reports refused at intake.", "code")
        self.items_located = count("items_located", "Locations judged, by result.", "state")
        self.pushes = count("pushes", "Pushes sent to peers, by answer.", "peer", "lane", "code")
        self.pulls = count("pulls", "Pulls made to peers, by answer.", "peer", "lane", "code")
        self.entries_receipted = count(
            "entries_receipted", "Entries sent and receipted.", "peer", "lane"
        )
        self.entries_taken = count(
            "entries_taken", "Entries taken from peers, under receipt.", "peer", "lane"
        )
        self.dispositions = count(
            "dispositions", "Answers given to entries taken, by code.", "code"
        )
        self.peer_refusals = count(
            "peer_refusals", "Requests of peers that were refused, by code.", "code"
        )
        self.registry_refreshes = count(
            "registry_refreshes", "Attempts to refresh the registry, by result.", "code"
        )
        self.cosignatures = count(
            "cosignatures",
            "Cosignatures on our ledger asked of witnesses, by result.",
            "peer",
            "code",
        )
        self.hashcheck_answers = count(
            "hashcheck_answers", "Entries that hosting companies asked about, by answer.", "answer"
        )
        self.http_requests = count(
            "http_requests", "HTTP requests answered.", "listener", "method", "route", "status"
        )

    def _declare_histograms(self) -> None:
        self.push_seconds = self._histogram(
            "push_seconds", "Time from cutting a push to its verified receipt.", SECONDS, "lane"
        )
        self.push_entries = self._histogram("push_entries", "Entries in one push.", ENTRIES, "lane")
        self.http_seconds = self._histogram(
            "http_request_seconds", "Time to answer an HTTP request.", SECONDS, "listener", "route"
        )

    def _declare_gauges(self) -> None:
        gauge = self._gauge
        self._waiting = gauge(
            "outbox_entries", "Entries not yet under a verified receipt.", "peer", "lane"
        )
        self._oldest = gauge("outbox_oldest_seconds", "Age of the oldest of them.", "peer", "lane")
        self._stopped = gauge(
            "channel_stopped", "1 while a channel waits for a person's decision.", "peer", "lane"
        )
        self._tasks = gauge("tasks_open", "Tasks waiting for a person.", "code")
        self._locating = gauge("items_locating", "Items without a responsible member yet.")
        self._review = gauge("items_review", "Items in front of an analyst.")
        self._unjudged = gauge("entries_unjudged", "Entries taken and not judged yet.")
        self._ledger_age = gauge(
            "ledger_age_seconds", "Since our ledger's newest head was signed; NaN if there is none."
        )
        self._ledger_cosigners = gauge(
            "ledger_cosigners",
            "Cosigners of that head that are no party.",
            "peer",
        )
        self._parked = gauge("entries_parked", "Entries that wait for an item not yet seen.")
        self._registry_age = gauge(
            "registry_age_seconds", "Since the registry was last fresh; NaN if never."
        )
        self._registry_version = gauge("registry_version", "Version of the registry's timestamp.")
        self._registry_alarms = gauge(
            "registry_alarms", "Members whose news in the registry are held back.", "code"
        )
        self._data_age = gauge("data_age_days", "Age of a country database.", "database")
        self._store_bytes = gauge("store_bytes", "Size of the database with its journal.")
        self._disk_free = gauge("disk_free_bytes", "Free space where the database lies.")

    def show(self, snapshot: Snapshot) -> None:
        """Set every gauge; label values that are gone disappear."""
        _set_all(self._waiting, snapshot.waiting)
        _set_all(self._oldest, snapshot.oldest_waiting_s)
        _set_all(self._stopped, snapshot.stopped)
        _set_all(self._tasks, {(code,): count for code, count in snapshot.tasks.items()})
        alarms = {(code,): count for code, count in snapshot.registry_alarms.items()}
        _set_all(self._registry_alarms, alarms)
        _set_all(self._data_age, {(name,): age for name, age in snapshot.data_age_days.items()})
        cosigners = {(peer,): count for peer, count in snapshot.ledger_cosigners.items()}
        _set_all(self._ledger_cosigners, cosigners)
        self._ledger_age.set(_or_nan(snapshot.ledger_age_s))
        self._registry_age.set(_or_nan(snapshot.registry_age_s))
        for single, value in (
            (self._locating, snapshot.locating),
            (self._review, snapshot.review),
            (self._unjudged, snapshot.unjudged),
            (self._parked, snapshot.parked),
            (self._registry_version, snapshot.registry_version),
            (self._store_bytes, snapshot.store_bytes),
            (self._disk_free, snapshot.disk_free_bytes),
        ):
            single.set(value)

    def render(self) -> bytes:
        """Give the text exposition format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        self._document(f"{name}_total", "counter", labels, meaning)
        return Counter(f"{PREFIX}_{name}", meaning, labels, registry=self.registry)

    def _histogram(
        self, name: str, meaning: str, buckets: Sequence[float], *labels: str
    ) -> Histogram:
        self._document(name, "histogram", labels, meaning)
        return Histogram(
            f"{PREFIX}_{name}", meaning, labels, buckets=buckets, registry=self.registry
        )

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        self._document(name, "gauge", labels, meaning)
        return Gauge(f"{PREFIX}_{name}", meaning, labels, registry=self.registry)

    def _document(self, name: str, kind: str, labels: tuple[str, ...], meaning: str) -> None:
        self.documented.append(MetricDoc(f"{PREFIX}_{name}", kind, labels, meaning))


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _set_all(gauge: Gauge, values: Mapping[_Labels, float]) -> None:
    gauge.clear()
    for labels, value in values.items():
        gauge.labels(*labels).set(value)


def documented_metrics() -> tuple[MetricDoc, ...]:
    """Give the table of all metrics, for the documentation and its test."""
    return tuple(Metrics().documented)
