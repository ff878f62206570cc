"""The stores that the contract is held against, and what its tests put into them."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from node.casework.casebook import Casebook, Needs
from node.casework.events import EventKind, Recorded
from node.casework.item import ItemState
from node.casework.passing_on.post import Post
from node.matching.fingerprints import Fingerprints
from node.peer.channels.outgoing import tombstone
from node.store import opening
from node.store.sqlite import Store
from protocol import entry as entries
from protocol.vocabulary import Kind, Lane
from tests.builders.cases import FINGERPRINTS, US, item
from tests.builders.network import NOW_MS
from tests.builders.postgres import Cluster

KEY: Final = bytes(range(32))
entomb: Final = partial(tombstone, bytes(32))
"""Makes the tombstones of a node whose secret is zeros."""

Opener = Callable[[opening.Place, bytes, str, Fingerprints], Store]


@dataclass(frozen=True)
class Sort:
    """One sort of store, and one way to open it."""

    name: str
    opener: Opener
    on_server: bool = False

    def __str__(self) -> str:
        return self.name


FILES: Final = (Sort("sqlite inline", Store.inline), Sort("sqlite threads", Store.open))
STORES: Final = (
    *FILES,
    Sort("postgres", Store.open, on_server=True),
)
"""Another store adds itself here and passes everything below.

A module or class whose tests are meant for some of them only says so: `MEANT = FILES`.
"""


@dataclass(frozen=True)
class Place:
    """Where a store stands."""

    where: opening.Place
    opener: Opener
    cluster: Cluster | None = None

    @property
    def path(self) -> Path:
        """The file of an embedded store."""
        assert isinstance(self.where, Path)
        return self.where

    def create(self) -> None:
        """Make it, empty."""
        opening.create_database(self.where, KEY)

    def open(self, key: bytes = KEY) -> Store:
        """Open it as a node does."""
        return self.opener(self.where, key, US, FINGERPRINTS)

    def as_the_power_fails(self, folder: Path) -> Place:
        """Return the store as it is on disk at this moment, without any memory.

        A copy of the files; or the server, ended without a word and started again.
        """
        if self.cluster is not None:
            with self.cluster.stopped(signal.SIGQUIT):
                return self
        folder.mkdir()
        for path in self.path.parent.glob(self.path.name + "*"):
            if not path.name.endswith((".lock", "-shm")):
                shutil.copy(path, folder / path.name)
        return Place(folder / self.path.name, self.opener)


def recording(*numbers: int) -> Callable[[Casebook], list[str]]:
    """Return a decision that records these items."""

    def decide(book: Casebook) -> list[str]:
        for number in numbers:
            record(book, item(number, url=f"https://nl1.example/{number}.jpg"))
        return [item(number).id for number in numbers]

    return decide


def record(book: Casebook, state: ItemState) -> None:
    """Record an item."""
    body = Recorded(state, None)
    book.record(state.id, EventKind.RECORDED, body, at_ms=NOW_MS, actor=book.us)


async def record_items(store: Store, *numbers: int) -> None:
    """Record items in one transaction."""
    await store.cases.transact(Needs(), NOW_MS, recording(*numbers))


def message(
    number: int,
    *,
    peer: str = "fr-pdc",
    lane: Lane = Lane.REPORTS,
    urgency: int = 1,
    size: int = 8,
    item: str | None = None,
) -> Post:
    """Return the `number`th message for a peer, of an item; `size` bytes of body."""
    entry = entries.Entry(1, Kind.ITEM, number.to_bytes(32, "big"), bytes(16), bytes(size))
    return Post(peer, lane, urgency, Kind.ITEM, item, entry.id, entries.encode(entry))


async def post(store: Store, *posts: Post) -> None:
    """Put messages into the outbox."""

    def decide(book: Casebook) -> None:
        book.posts.extend(posts)

    await store.cases.transact(Needs(), NOW_MS, decide)
