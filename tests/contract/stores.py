"""The stores that the contract is held against, and what its tests put into them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from node.casework.casebook import Casebook, Needs, Post
from node.casework.events import EventKind, Recorded
from node.casework.item import ItemState
from node.matching.fingerprints import Fingerprints
from node.peer.outgoing import tombstone
from node.store.connection import create_database
from node.store.sqlite import Store
from protocol import entry as entries
from protocol.vocabulary import Kind, Lane
from tests.builders.cases import FINGERPRINTS, US, item
from tests.builders.network import NOW_MS

KEY: Final = bytes(range(32))
entomb: Final = partial(tombstone, bytes(32))
"""Makes the tombstones of a node whose secret is zeros."""

Opener = Callable[[Path, bytes, str, Fingerprints], Store]
STORES: Final[Mapping[str, Opener]] = {
    "sqlite inline": Store.inline,
    "sqlite threads": Store.open,
}
"""Another store adds itself here and passes everything below."""


@dataclass(frozen=True)
class Place:
    """Where a store stands."""

    path: Path
    opener: Opener

    def create(self) -> None:
        """Make it, empty."""
        create_database(self.path, KEY)

    def open(self, key: bytes = KEY) -> Store:
        """Open it as a node does."""
        return self.opener(self.path, key, US, FINGERPRINTS)

    def as_the_power_fails(self, folder: Path) -> Place:
        """Return a copy of the files as they are on disk at this moment, without any memory."""
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
    number: int, *, peer: str = "fr-pdc", lane: Lane = Lane.REPORTS, urgency: int = 1, size: int = 8
) -> Post:
    """Return the `number`th message for a peer; `size` bytes of body."""
    entry = entries.Entry(1, Kind.ITEM, number.to_bytes(32, "big"), bytes(16), bytes(size))
    return Post(peer, lane, urgency, Kind.ITEM, None, entry.id, entries.encode(entry))


async def post(store: Store, *posts: Post) -> None:
    """Put messages into the outbox."""

    def decide(book: Casebook) -> None:
        book.posts.extend(posts)

    await store.cases.transact(Needs(), NOW_MS, decide)
