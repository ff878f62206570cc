"""Entries of lists that items which were here before have not been asked about yet.

Entries have numbers that only grow (`lists`), so how far the items were asked is one number, a fact
of the database. Of a piece of the entries only those matter that some item has a hash of: that is
found by a reader, beside the exchange. When none is left, those follow that count for more or less
than when items were asked (`matching_again`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from node.casework.relisting import Piece
from node.matching.fingerprints import Fingerprints
from node.store.bulk import select_in
from node.store.lists import read_entries
from node.store.matching_again import next_stretch, note_gone_to, standing
from node.store.seam import Connection
from node.store.writer import Readers, Writer

MATCHED_TO: Final = "lists_matched_to"
_NEXT: Final = "SELECT number FROM list_entries WHERE number > ? ORDER BY number LIMIT ?"
_WAITING: Final = (
    "SELECT l.name, c.id, count(*) FROM list_entries e JOIN list_categories c ON c.id = e.category"
    " JOIN lists l ON l.id = c.list WHERE e.number > ? AND e.number <= ? GROUP BY l.name, c.id"
)
_ALL: Final = 2**62


class Newcomers:
    """Implements `node.casework.relisting.NewcomerStore`."""

    def __init__(self, writer: Writer, readers: Readers, fingerprints: Fingerprints) -> None:
        self._writer = writer
        self._readers = readers
        self._fingerprints = fingerprints

    async def newcomers(self, limit: int) -> Piece | None:
        """See `NewcomerStore.newcomers`."""

        def query(connection: Connection) -> Piece | None:
            begin = _matched_to(connection)
            numbers = [row[0] for row in connection.execute(_NEXT, (begin, limit))]
            if numbers:
                return Piece(numbers[-1], self._had(connection, numbers))
            again = next_stretch(connection, limit)
            if again is None:
                return None
            return Piece(again.gone_to, self._had(connection, again.numbers), again.mark)

        return await self._readers.run(query)

    def _had(self, connection: Connection, numbers: Sequence[int]) -> frozenset[bytes]:
        """Return those keys of these entries that some item has."""
        of = self._fingerprints.content
        entries = read_entries(connection, numbers).values()
        keys = {key for _, entry in entries for key in of(entry.content)}
        return frozenset(_had(connection, keys)) if keys else frozenset()

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
    waiting: Counter[str] = Counter()
    for name, _, count in connection.execute(_WAITING, (matched_to, _ALL)):
        waiting[name] += count
    if again is not None:
        for name, category, count in connection.execute(_WAITING, (again.gone_to, matched_to)):
            waiting[name] += count if category in again.categories else 0
    return dict(+waiting)


def _matched_to(connection: Connection) -> int:
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (MATCHED_TO,)).fetchone()
    return 0 if row is None else int(row[0])


def _had(connection: Connection, keys: set[bytes]) -> set[bytes]:
    """Return those keys that some item has."""
    sql = "SELECT DISTINCT key FROM item_keys WHERE key IN ({})"
    found = {bytes(row[0]) for row in select_in(connection, sql, sorted(keys))}
    newest = connection.execute("SELECT key FROM item_keys_delta")
    return found | keys.intersection(bytes(row[0]) for row in newest)
