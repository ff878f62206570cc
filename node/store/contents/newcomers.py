"""Entries of lists that items which were here before have not been asked about yet.

Entries have numbers that only grow (`lists`), so how far the items were asked is one number, a fact
of the database. Of a piece of the entries only those matter that some item has a hash of: that is
found by a reader, beside the exchange, as are the items with a picture that looks like an entry's.
When none is left, those follow that count for more or less
than when items were asked (`matching_again`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from node.casework.contents.relisting import Piece
from node.casework.contents.unlisting import Ended
from node.matching.contents import pictures_of
from node.matching.fingerprints import Fingerprints, content_keys
from node.matching.lists import HARMLESS
from node.store.bulk import select_in
from node.store.contents.listed_pictures import ListedPictures
from node.store.contents.lists import keys_in, read_entries, read_listed
from node.store.contents.lookalikes import Lookalikes
from node.store.contents.matching_again import next_stretch, note_gone_to, standing
from node.store.seam import Connection
from node.store.writer import Readers, Writer

if TYPE_CHECKING:
    from node.matching.near.index import NearIndex

MATCHED_TO: Final = "lists_matched_to"
_NEXT: Final = (
    "SELECT number FROM list_entries WHERE number > ? AND number <= ? ORDER BY number LIMIT ?"
)
_WAITING: Final = (
    "SELECT category, count(*) FROM list_entries WHERE number > ? AND number <= ? GROUP BY category"
)
_NAMES: Final = "SELECT c.id, l.name FROM list_categories c JOIN lists l ON l.id = c.list"
_ENDED: Final = "SELECT entry, keys FROM list_ended WHERE keys IS NOT NULL ORDER BY number LIMIT ?"
_SHARING: Final = "SELECT DISTINCT entry FROM list_keys WHERE key IN ({})"
MOST_BESIDE: Final = 1000
"""So many that share a hash with one entry that ended are looked at; no file has as many."""
_SOME_SHARING: Final = f"{_SHARING} LIMIT {MOST_BESIDE}"
_COUNTED_AT_ONCE: Final = 200_000
"""Of a list of millions a store would sort all of them at once, in half a gigabyte of memory."""


class _Next(NamedTuple):
    """A piece, and the PDQ hashes of its entries."""

    piece: Piece
    pictures: frozenset[bytes]


class Newcomers:
    """Implements `node.casework.contents.relisting.NewcomerStore`."""

    def __init__(
        self,
        writer: Writer,
        readers: Readers,
        fingerprints: Fingerprints,
        pictures: ListedPictures,
        lookalikes: Lookalikes,
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._fingerprints = fingerprints
        self.pictures = pictures
        self._lookalikes = lookalikes

    async def newcomers(self, limit: int) -> Piece | None:
        """See `NewcomerStore.newcomers`.

        Whoever asked what looks alike before these entries were in the index has ended when the
        writer comes round: so its item is found by its picture here, and later ones find them.
        """
        await self._readers.run(self.pictures.follow)
        followed = self.pictures.followed.newest

        def query(connection: Connection) -> _Next | None:
            begin = _matched_to(connection)
            numbers = [row[0] for row in connection.execute(_NEXT, (begin, followed, limit))]
            if numbers:
                return self._next(connection, numbers, numbers[-1])
            again = next_stretch(connection, limit)
            if again is None:
                return None
            return self._next(connection, again.numbers, again.gone_to, again.mark)

        found = await self._readers.run(query)
        if found is None or not found.pictures:
            return None if found is None else found.piece
        index = await self._writer.run(self._lookalikes.complete)
        if index is None:
            return found.piece
        alike = await self._readers.run(lambda c: _alike(c, index, found.pictures))
        return found.piece._replace(alike=alike)

    def _next(
        self,
        connection: Connection,
        numbers: Sequence[int],
        gone_to: int,
        again: str | None = None,
    ) -> _Next:
        of = self._fingerprints
        entries = read_listed(connection, numbers).values()
        contents = [one.entry.content for one in entries]
        harmless = [one.entry.content for one in entries if one.trust in HARMLESS or again]
        keys = {*content_keys(of, contents), *_beside(connection, of, content_keys(of, harmless))}
        had = frozenset(_had(connection, keys)) if keys else frozenset()
        return _Next(Piece(gone_to, had, again), frozenset(pictures_of(contents)))

    async def ended_entries(self, limit: int) -> list[Ended]:
        """See `node.casework.contents.unlisting.EndedStore`.

        What is named harmless no more may be the file of an item by hashes that the item has not.
        A list that named one hash very often, and goes, is not gone through anew for each entry.
        """
        of = self._fingerprints

        def query(connection: Connection) -> list[Ended]:
            ended = [
                Ended(row[0], tuple(keys_in(row[1])))
                for row in connection.execute(_ENDED, (limit,))
            ]
            return [
                one._replace(beside=tuple(_beside(connection, of, one.keys, _SOME_SHARING)))
                for one in ended
            ]

        return await self._readers.run(query)

    async def note_matched(self, matched_to: int, again: str | None = None) -> None:
        """See `NewcomerStore.note_matched`."""

        def job(connection: Connection) -> None:
            if again is not None:
                note_gone_to(connection, again, matched_to)
                return
            connection.execute(
                "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)",
                (MATCHED_TO, str(matched_to)),
            )

        await self._writer.run(job)


def unmatched(connection: Connection) -> dict[str, int]:
    """Return about how many entries, by name of list, items are to be asked; others are 0."""
    matched_to, again = _matched_to(connection), standing(connection)
    newest = connection.execute("SELECT max(number) FROM list_entries").fetchone()[0] or 0
    names, waiting = dict(connection.execute(_NAMES).fetchall()), Counter[str]()
    for category, count in _between(connection, matched_to, newest).items():
        waiting[names[category]] += count
    if again is not None:
        for category, count in _between(connection, again.gone_to, matched_to).items():
            waiting[names[category]] += count if category in again.categories else 0
    return dict(+waiting)


def _between(connection: Connection, after: int, to: int) -> Counter[int]:
    """Count the entries with these numbers, by category."""
    found = Counter[int]()
    while after < to:
        end = min(after + _COUNTED_AT_ONCE, to)
        for category, count in connection.execute(_WAITING, (after, end)):
            found[category] += count
        after = end
    return found


def _matched_to(connection: Connection) -> int:
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (MATCHED_TO,)).fetchone()
    return 0 if row is None else int(row[0])


def _alike(connection: Connection, index: NearIndex, pdqs: Iterable[bytes]) -> frozenset[str]:
    """Return the items that have a picture which looks like one of these."""
    events = {one.id for pdq in pdqs for one in index.search(pdq)}
    sql = "SELECT item FROM events WHERE seq IN ({})"
    return frozenset(row[0] for row in select_in(connection, sql, sorted(events)))


def _beside(
    connection: Connection, fingerprints: Fingerprints, keys: Iterable[bytes], sql: str = _SHARING
) -> set[bytes]:
    """Return the keys of the entries that share one of these: see `node.matching.linked`."""
    numbers = [row[0] for row in select_in(connection, sql, sorted(keys))]
    entries = read_entries(connection, numbers).values()
    return set(content_keys(fingerprints, [entry.content for _, entry in entries]))


def _had(connection: Connection, keys: set[bytes]) -> set[bytes]:
    """Return those keys that some item has."""
    sql = "SELECT DISTINCT key FROM item_keys WHERE key IN ({})"
    found = {bytes(row[0]) for row in select_in(connection, sql, sorted(keys))}
    newest = connection.execute("SELECT key FROM item_keys_delta")
    return found | keys.intersection(bytes(row[0]) for row in newest)
