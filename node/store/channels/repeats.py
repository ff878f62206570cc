"""Entries in custody that arrived a second time, under the id of an earlier one of their sender.

They name no item, and may be very many: a sender that was set back says all again. So who erases
the first finds them by its id, and reads no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from node.store.bulk import insert_rows, select_in
from node.store.seam import Connection

ADD: Final = "INSERT OR IGNORE INTO said_again (peer, entry_id, entry)"
_OF_IDS: Final = (
    "SELECT e.seq, e.peer, e.leaf, e.entry FROM said_again s JOIN entries_in e ON e.seq = s.entry"
    " WHERE s.peer = ? AND s.entry_id IN ({}) AND e.answer IN ('repeat', 'conflict')"
    " AND e.entry IS NOT NULL"
)


def keep_repeats(
    connection: Connection, place: tuple[str, str, bytes], said: Sequence[tuple[int, bytes]]
) -> None:
    """Keep which entries of a log, by index and id, came again; they stand in custody already."""
    if not said:
        return
    ids = dict(said)
    sql = (
        "SELECT idx, seq FROM entries_in WHERE peer = ? AND lane = ? AND epoch = ? AND idx IN ({})"
    )
    found = dict(select_in(connection, sql, ids, place))
    insert_rows(connection, ADD, [(place[0], ids[index], seq) for index, seq in found.items()])


def repeats_of(connection: Connection, peer: str, ids: Iterable[bytes]) -> list[tuple[Any, ...]]:
    """Return seq, peer, leaf and entry of what came again under these ids and has a body."""
    return list(select_in(connection, _OF_IDS, sorted(ids), (peer,)))
