"""Entries of other members that became part of no item: their bodies go in time (protocol §8.8.7).

Found by a walk in the order in which they came, a window of rows at a time, since hardly any entry
is one. What may still be judged is none: what waits, is parked, or was set aside for a person or a
later version, and what a member said while it is suspended. What waits for a registry that permits
it does so no longer than that. Of one that is expelled nothing is
judged any more. A repeat goes with the entry that it repeats, or after it. What is judged only once
the walk has passed it is found by the next one, after a start.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.naming import Span
from node.casework.incoming.receiving import HANDED_OVER
from node.peer.channels.inbox import digest_of
from node.store.bodies import take_bodies
from node.store.channels.custody import read_rows, row_of
from node.store.delta import Delta
from node.store.seam import Connection
from protocol import entry as entries
from protocol.errors import ProtocolError
from protocol.vocabulary import Disposition, Lane

_QUARANTINED: Final = str(Disposition.QUARANTINED)
_CLOSE_LAST: Final = (
    "UPDATE tasks SET closed_ms = ?1 WHERE code = ?2 AND subject = ?3 AND closed_ms IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM entries_in WHERE judged = 3 AND peer = ?3 AND lane = ?4"
    " AND answer = ?5 AND entry IS NOT NULL)"
    " AND NOT EXISTS (SELECT 1 FROM entries_in WHERE judged = 0 AND peer = ?3 AND lane = ?4"
    " AND answer = ?5)"
)
WINDOW: Final = 1000
"""Rows that are looked at in one step."""
_FOUND: Final = (
    "SELECT peer, lane, epoch, idx, leaf, entry, 0, answer, seq FROM entries_in"
    " WHERE seq > ? AND seq <= ? AND taken_ms <= ? AND item IS NULL AND entry IS NOT NULL"
    " AND (judged = 1 AND answer IN ('malformed', 'not_permitted', 'unknown_kind',"
    " 'unknown_version', 'conflict', 'repeat')"
    " OR judged = 3 AND answer IN ('quarantined', 'not_permitted'))"
    " ORDER BY seq"
)


def next_window(connection: Connection, after: int, before_ms: int) -> int | None:
    """Return where the next window ends, before the first row that is too young.

    None: there is nothing old enough after that row.
    """
    row = connection.execute(
        "SELECT seq, taken_ms FROM entries_in WHERE seq > ? ORDER BY seq LIMIT 1", (after,)
    ).fetchone()
    if row is None or row[1] > before_ms:
        return None
    last = int(row[0]) + WINDOW - 1
    sql = "SELECT max(seq), min(CASE WHEN taken_ms > ? THEN seq END) FROM entries_in"
    span = (before_ms, after, last)
    newest, young = connection.execute(f"{sql} WHERE seq > ? AND seq <= ?", span).fetchone()
    return int(newest if young is None else young - 1)


def refused(connection: Connection, span: Span) -> tuple[Arrived, ...]:
    """Return the entries of a window whose time is over and that nobody judges any more."""
    rows = connection.execute(_FOUND, (span.after, span.to, span.before_ms)).fetchall()
    found: list[Arrived] = []
    going: set[tuple[str, bytes]] = set()
    for one, row in zip(read_rows(rows), rows, strict=True):
        if _is_over(connection, one, row[7], span.expelled, going):
            found.append(one)
            going.add((one.peer, _id_of(one)))
    return tuple(found)


def _is_over(
    connection: Connection,
    one: Arrived,
    answer: str,
    expelled: frozenset[str],
    going: set[tuple[str, bytes]],
) -> bool:
    if answer == Disposition.QUARANTINED:
        return one.peer in expelled
    if answer != "repeat" or (one.peer, _id_of(one)) in going:
        return True
    first = connection.execute(
        "SELECT 1 FROM tombstones WHERE sent = 0 AND peer = ?1 AND entry_id = ?2 AND item = ?1",
        (one.peer, _id_of(one)),
    ).fetchone()
    return first is not None


def erase_refused(
    connection: Connection, gone: Iterable[Arrived], now_ms: int, entry_ids: Delta
) -> None:
    """Take away these bodies; the events that name their leaves were appended before.

    The member stands in the place of the item that there never was, and the leaf in that of an id
    that nobody can read.
    """
    over = list(gone)
    for one in over:
        connection.execute(
            "INSERT OR IGNORE INTO tombstones (sent, peer, entry_id, leaf, item, erased_ms)"
            " VALUES (0, ?, ?, ?, ?, ?)",
            (one.peer, _id_of(one), one.leaf, one.peer, now_ms),
        )
        take_bodies(connection, "entries_in", "entry", "seq = ?", (row_of(one),))
        _forget_digest(connection, one, entry_ids)
    close_if_last(connection, (one.peer for one in over), now_ms)


def close_if_last(connection: Connection, peers: Iterable[str], now_ms: int) -> None:
    """Close the task (`HANDED_OVER`) of those of which nothing more lies set aside.

    What came back from there and waits to be judged may be set aside anew.
    """
    for peer in sorted(set(peers)):
        values = (now_ms, HANDED_OVER, peer, str(Lane.REPORTS), _QUARANTINED)
        connection.execute(_CLOSE_LAST, values)


def _forget_digest(connection: Connection, one: Arrived, entry_ids: Delta) -> None:
    """The digest of a body can be tried against guesses: the salted leaf stands in its place."""
    try:
        parts = entries.decode(one.entry)
    except ProtocolError:
        return
    digest = digest_of(parts)
    # On a server a digest is sealed, so it is compared here.
    named: list[tuple[str, str, Any]] = [
        ("entry_ids_in", "peer = ? AND entry_id = ?", (one.peer, parts.id)),
        *(
            ("entry_ids_in_delta", "peer = ? AND number = ?", (one.peer, number))
            for number in entry_ids.numbers(connection, [parts.id])
        ),
    ]
    for table, where, key in named:
        row = connection.execute(f"SELECT digest FROM {table} WHERE {where}", key).fetchone()  # noqa: S608 -- names of ours
        if row is not None and row[0] == digest:
            change = f"UPDATE {table} SET digest = ?"  # noqa: S608 -- as above
            connection.execute(f"{change} WHERE {where}", (one.leaf[:16], *key))


def _id_of(arrived: Arrived) -> bytes:
    try:
        return entries.decode(arrived.entry).id
    except ProtocolError:
        return arrived.leaf
