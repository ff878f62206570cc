"""Which entries of lists look like a picture: an index of their PDQ hashes that follows the store.

The number of a hash is that of its entry, which never says another thing. The index only points:
whoever asks reads the entry, as it stands in his own transaction, and compares. So what ended is
never answered, whether or not it has left the index.

It follows what is committed, on a reader's connection, a stretch at a time (`follow`): a number
that was written and rolled back is given again to another entry, so what is not committed is not
taken in. What came since is not missed: items are asked about an entry only once it is in here
(`newcomers`), and whoever comes later finds it. NumPy is loaded with the first PDQ hash.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from node.matching.contents import PDQ_NEAR, picture_of
from node.store.contents.lists import decode_entry
from node.store.seam import Connection

if TYPE_CHECKING:
    from node.matching.near.index import NearIndex

STRETCH: Final = 20_000
"""Entries that are read at once."""
AT_ONCE: Final = 1 << 22
"""Hashes of which a segment is made at once when the index is opened: 160 MB are held for it."""
MANY: Final = 4_096
"""Fewer go into the delta."""
_NEXT: Final = "SELECT number, state FROM list_entries WHERE number > ? ORDER BY number LIMIT ?"
_ENDED: Final = "SELECT number, entry FROM list_ended WHERE number > ? ORDER BY number LIMIT ?"
_NEWEST_ENDED: Final = "SELECT coalesce(max(number), 0) FROM list_ended"


class Followed(NamedTuple):
    """Up to which entry, and which end of one, everything is in the index."""

    newest: int = 0
    ended: int = 0


class ListedPictures:
    """The index of one store. Any thread may ask; one at a time follows."""

    def __init__(self) -> None:
        self._index: NearIndex | None = None
        self._following = threading.Lock()
        self._opened = False
        self._by_a_job = False
        self.followed = Followed()

    def __len__(self) -> int:
        """How many hashes there are."""
        return 0 if self._index is None else len(self._index)

    def open(
        self,
        connection: Connection,
        *,
        by_a_job: bool = False,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        """Take in all that stands, before anybody asks; again, it does nothing.

        `by_a_job`: in a transaction that may be rolled back; then it is opened anew. `alive` is
        called after each stretch that was read.
        """
        if self._opened:
            return
        ended = int(connection.execute(_NEWEST_ENDED).fetchone()[0])
        newest, ids, pdqs = 0, array("Q"), bytearray()
        for number, pdq in _pictures(_entries(connection, alive)):
            newest = number
            if pdq is not None:
                ids.append(number)
                pdqs += pdq
            if len(ids) >= AT_ONCE:
                self._extend(ids, pdqs)
                ids, pdqs = array("Q"), bytearray()
        if ids:
            self._extend(ids, pdqs)
        self.followed = Followed(newest, ended)
        self._opened, self._by_a_job = True, by_a_job

    def forget(self) -> None:
        """Something was rolled back; what a job had taken in may not stand."""
        if self._by_a_job:
            self._index, self.followed = None, Followed()
            self._opened = self._by_a_job = False

    def follow(self, connection: Connection) -> bool:
        """Take in the next stretch of what came and what ended; whether there was anything.

        `connection` is a reader's: it sees what is committed.
        """
        if not self._following.acquire(blocking=False):
            return False
        try:
            self.open(connection)
            return self._follow(connection)
        finally:
            self._following.release()

    def _follow(self, connection: Connection) -> bool:
        newest, ended = self.followed
        rows = connection.execute(_NEXT, (newest, STRETCH)).fetchall()
        for number, pdq in _pictures(rows):
            if pdq is not None:
                self._made().add(number, pdq)
        gone = connection.execute(_ENDED, (ended, STRETCH)).fetchall()
        if self._index is not None:
            for _, entry in gone:
                self._index.remove(entry)
            while self._index.is_due:
                self._index.tidy()
        self.followed = Followed(rows[-1][0] if rows else newest, gone[-1][0] if gone else ended)
        return bool(rows or gone)

    def near(self, pdq: bytes, at_most: int, within: int = PDQ_NEAR) -> list[int]:
        """Return the numbers of entries that look like this, the nearest first, then the oldest.

        `within`: in how many bits they may differ, no more than `PDQ_NEAR`.
        """
        if self._index is None:
            return []
        return [one.id for one in self._index.search(pdq, at_most) if one.distance <= within]

    def _extend(self, ids: array[int], pdqs: bytearray) -> None:
        if len(ids) >= MANY:
            self._made().extend(ids, bytes(pdqs))
            return
        for place, number in enumerate(ids):
            self._made().add(number, bytes(pdqs[32 * place : 32 * place + 32]))

    def _made(self) -> NearIndex:
        if self._index is None:
            from node.matching.near.index import NearIndex  # noqa: PLC0415 - loads NumPy

            self._index = NearIndex()
        return self._index


def _entries(connection: Connection, alive: Callable[[], None]) -> Iterator[tuple[int, bytes]]:
    """Yield all entries; a server would tell all at once what is asked in one question."""
    newest = 0
    while rows := connection.execute(_NEXT, (newest, STRETCH)).fetchall():
        yield from rows
        newest = rows[-1][0]
        alive()


def _pictures(rows: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes | None]]:
    """Yield of each entry its number, and its PDQ hash if it has one that says something.

    One that is damaged keeps no node from its start: it says nothing.
    """
    for number, state in rows:
        pdq = None
        with suppress(msgspec.DecodeError):
            pdq = picture_of(decode_entry(state).content)
        yield number, pdq
