"""Erasure in the embedded store: bodies go, what proves the neighbours stays (protocol §8.8).

Of an erased item there stay: its id and keyed fingerprints, the place, time and leaf of each event,
and of each entry about it that carried more than ids the place, leaf and id, with a tombstone. The
event that records the erasure names the leaves, so that nobody takes a body away unseen. What comes
about it later is judged, and loses its body in the same transaction.

A message that was erased while it stood in a log that its receiver did not confirm is appended as a
`Tombstone` when the next epoch opens; one that never stood in a log is not said at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from node.casework.events import EventKind, Recorded, Sighted, decode_body
from node.casework.incoming.arrivals import Arrived
from node.casework.passing_on.post import Post
from node.peer.channels.outgoing import Buried, Entomb
from node.store.bodies import take_bodies
from node.store.bulk import select_in
from node.store.channels.custody import row_of
from node.store.channels.repeats import repeats_of
from node.store.delta import Delta
from node.store.items.access import forget_about
from node.store.seam import Connection
from protocol import entry as entries
from protocol.errors import ProtocolError
from protocol.vocabulary import Kind, Lane

CARRYING = frozenset({Kind.ITEM, Kind.SIGHTED, Kind.OUTCOME, Kind.PEER_MESSAGE})
"""Kinds that say more than ids and codes. Answers and withdrawals stay, as proof."""
_KEPT_EVENTS = tuple(
    int(kind)
    for kind in (
        EventKind.ERASED,
        EventKind.ERASED_THERE,
        EventKind.BURIED,
        EventKind.EXPIRED,
    )
)
_URGENCY = 1
_HELD, _SENT = 0, 1
BURIED_LEAF = (
    "(SELECT t.leaf FROM tombstones t WHERE m.entry IS NULL AND t.sent = 1 AND t.peer = m.peer"
    " AND t.entry_id = m.entry_id ORDER BY CASE WHEN t.leaf IN (SELECT l.leaf FROM log_out l"
    " WHERE l.message = m.seq UNION ALL SELECT r.leaf FROM recovered_entries r"
    " WHERE r.message = m.seq) THEN 0 ELSE 1 END, t.leaf LIMIT 1)"
)
"""The leaf that a message `m` had, once erased. Two of one id, said by two lives of this node, have
one each: which is whose, the place in a log says."""


class Erasable(NamedTuple):
    """One entry about an item: in which table and row, whose log, its id and leaf.

    `item`: under which id its row stands, if that is not the item's own.
    """

    sent: int
    seq: int
    peer: str
    entry_id: bytes
    leaf: bytes
    item: str | None = None


def leaves_about(connection: Connection, item: str, also: AbstractSet[str]) -> tuple[bytes, ...]:
    """Return the leaves of the entries that erasing `item` takes the bodies of, sorted.

    `also`: the other ids by which members know it.
    """
    return tuple(sorted({one.leaf for one in _erasable(connection, item, also)}))


def unsaid_to(connection: Connection, item: str) -> frozenset[str]:
    """Return to whom `item` waits to be handed on while nothing about it ever stood in a log."""
    rows = connection.execute(
        "SELECT peer FROM messages_out WHERE item = ?1 AND kind = ?2 EXCEPT"
        " SELECT m.peer FROM messages_out m WHERE m.item = ?1 AND"
        " (EXISTS (SELECT 1 FROM log_out l WHERE l.message = m.seq)"
        " OR EXISTS (SELECT 1 FROM recovered_entries r WHERE r.message = m.seq))",
        (item, int(Kind.ITEM)),
    )
    return frozenset(row[0] for row in rows)


def erase_items(
    connection: Connection,
    items: Mapping[str, AbstractSet[str]],
    now_ms: int,
    entry_ids: Delta,
) -> None:
    """Take away every body of these items; their events of erasure were appended before.

    `items`: with the other ids by which members know them.
    """
    for item, also in items.items():
        for one in _erasable(connection, item, also):
            _erase_entry(connection, one, item, now_ms)
        _forget_digests(connection, item, entry_ids)
        reports = _reports_of(connection, item)
        whose = (item, *_KEPT_EVENTS)
        take_bodies(connection, "events", "body", "item = ? AND kind NOT IN (?, ?, ?, ?)", whose)
        connection.execute("DELETE FROM items WHERE id = ?", (item,))
        forget_about(connection, item)
        connection.executemany(
            "DELETE FROM reports WHERE id = ?",
            [(report,) for report in sorted(reports) if not _has_items(connection, report)],
        )


def erase_words(connection: Connection, items: Iterable[str], now_ms: int) -> None:
    """Take away the bodies of what we said of items that are not here, nor ever were erased."""
    for item in items:
        for one in _erasable(connection, item, frozenset()):
            _erase_entry(connection, one, item, now_ms)


def bury_late(
    connection: Connection, late: Iterable[tuple[str, Arrived]], now_ms: int, entry_ids: Delta
) -> None:
    """Take away the bodies of entries in custody about items that are erased already."""
    for item, arrived in late:
        row = connection.execute(
            "SELECT seq, peer, leaf, entry FROM entries_in WHERE seq = ? AND entry IS NOT NULL",
            (row_of(arrived),),
        ).fetchone()
        one = None if row is None else _carried(*row)
        if one is not None:
            again = [copy for copy in _said_again(connection, [one]) if copy.leaf == one.leaf]
            for copy in (one, *again):
                _erase_entry(connection, copy, item, now_ms)
            _forget_digests(connection, item, entry_ids)


def _erasable(connection: Connection, item: str, also: AbstractSet[str]) -> list[Erasable]:
    found = []
    for seq, peer, entry_id, kind, entry in connection.execute(
        "SELECT seq, peer, entry_id, kind, entry FROM messages_out"
        " WHERE item = ? AND entry IS NOT NULL",
        (item,),
    ).fetchall():
        if kind in CARRYING:
            found.append(Erasable(_SENT, seq, peer, entry_id, entries.leaf(entry)))
    held = connection.execute(
        "SELECT seq, peer, leaf, entry FROM entries_in WHERE item = ? AND entry IS NOT NULL",
        (item,),
    ).fetchall()
    taken = [one for row in held if (one := _carried(*row)) is not None]
    return found + _came_back(connection, also) + taken + _said_again(connection, taken)


def _came_back(connection: Connection, ids: AbstractSet[str]) -> list[Erasable]:
    """What we had said, and have back since we lost our node, of items that are none of ours.

    It came back before the item did, and names it as its peer does (docs/protocol.md §8.13.7). An
    id of an item of ours is not meant: what came back of that is about it.
    """
    if not ids:
        return []
    rows = select_in(
        connection,
        "SELECT m.seq, m.peer, m.entry_id, m.kind, m.entry, m.item FROM messages_out m"
        " WHERE m.item IN ({}) AND m.entry IS NOT NULL"
        " AND EXISTS (SELECT 1 FROM recovered_entries r WHERE r.message = m.seq)"
        " AND NOT EXISTS (SELECT 1 FROM items i WHERE i.id = m.item)",
        sorted(ids),
    )
    return [
        Erasable(_SENT, seq, peer, entry_id, entries.leaf(entry), item)
        for seq, peer, entry_id, kind, entry, item in rows
        if kind in CARRYING
    ]


def _carried(seq: int, peer: str, leaf: bytes, entry: bytes) -> Erasable | None:
    try:
        read = entries.decode(entry)
    except ProtocolError:
        return None
    return Erasable(_HELD, seq, peer, read.id, leaf) if read.kind in CARRYING else None


def _said_again(connection: Connection, taken: Sequence[Erasable]) -> list[Erasable]:
    """The same entries where they arrived a second time: there they name no item."""
    ids: dict[str, set[bytes]] = {}
    for one in taken:
        ids.setdefault(one.peer, set()).add(one.entry_id)
    rows = [row for peer in sorted(ids) for row in repeats_of(connection, peer, ids[peer])]
    return [again for row in rows if (again := _carried(*row)) is not None]


def _erase_entry(connection: Connection, one: Erasable, item: str, now_ms: int) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO tombstones (sent, peer, entry_id, leaf, item, erased_ms)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (one.sent, one.peer, one.entry_id, one.leaf, one.item or item, now_ms),
    )
    if not one.sent:
        take_bodies(connection, "entries_in", "entry", "seq = ?", (one.seq,))
        return
    take_bodies(connection, "messages_out", "entry", "seq = ?", (one.seq,))
    connection.execute(
        "DELETE FROM waiting_out WHERE message = ?1 AND peer = ?2"
        " AND NOT EXISTS (SELECT 1 FROM log_out WHERE message = ?1)",
        (one.seq, one.peer),
    )


def _forget_digests(connection: Connection, item: str, entry_ids: Delta) -> None:
    """The digest of a body can be tried against guesses: the salted leaf stands in its place."""
    rows = connection.execute(
        "SELECT substr(t.leaf, 1, 16), t.peer, t.entry_id FROM tombstones t JOIN entries_in e"
        " ON e.item = t.item AND e.peer = t.peer AND e.leaf = t.leaf WHERE t.item = ?"
        " AND t.sent = 0 AND e.entry IS NULL",
        (item,),
    ).fetchall()
    connection.executemany(
        "UPDATE entry_ids_in SET digest = ? WHERE peer = ? AND entry_id = ?", rows
    )
    connection.executemany(
        "UPDATE entry_ids_in_delta SET digest = ? WHERE peer = ? AND number = ?",
        [
            (digest, peer, number)
            for digest, peer, entry_id in rows
            for number in entry_ids.numbers(connection, [entry_id])
        ],
    )


def _reports_of(connection: Connection, item: str) -> set[str]:
    """The report that the item came in first, where it was found here, and those it opened.

    An item that another member handed over may name any report: it is of none of ours by that.
    """
    reports = set()
    for kind, body in connection.execute(
        "SELECT kind, body FROM events WHERE item = ? AND kind IN (?, ?) AND body IS NOT NULL",
        (item, int(EventKind.RECORDED), int(EventKind.SIGHTED)),
    ):
        read = decode_body(EventKind(kind), body)
        if isinstance(read, Recorded) and read.state.came_from is None:
            reports.add(read.state.report_id)
        if isinstance(read, Recorded | Sighted) and read.report is not None:
            reports.add(read.report.id)
    return reports


def _has_items(connection: Connection, report: str) -> bool:
    """Whether an item that was found here came in this report, and is here still."""
    recorded = connection.execute(
        "SELECT e.body FROM items i JOIN events e ON e.item = i.id AND e.kind = ?"
        " WHERE i.report_id = ? AND e.body IS NOT NULL",
        (int(EventKind.RECORDED), report),
    )
    read = (decode_body(EventKind.RECORDED, body) for (body,) in recorded)
    return any(isinstance(one, Recorded) and one.state.came_from is None for one in read)


def bury(
    connection: Connection,
    peer: str,
    lane: Lane,
    unsettled: Sequence[int],
    now_ms: int,
    entomb: Entomb,
) -> list[int]:
    """Let a tombstone wait for each erased message of `unsettled`; return those to say again.

    Those are the messages that were not erased, and tombstones that are not settled themselves.
    """
    connection.execute(
        "DELETE FROM waiting_out WHERE peer = ? AND lane = ? AND message IN"
        " (SELECT w.message FROM waiting_out w JOIN messages_out m ON m.seq = w.message"
        " WHERE w.peer = ? AND w.lane = ? AND m.entry IS NULL)",
        (peer, str(lane), peer, str(lane)),
    )
    sql = (
        "SELECT m.seq, m.entry_id, m.kind, t.leaf, t.erased_ms FROM messages_out m"  # noqa: S608 - own
        " JOIN tombstones t ON t.sent = 1 AND t.peer = m.peer AND t.entry_id = m.entry_id"
        f" AND t.leaf = {BURIED_LEAF} WHERE m.entry IS NULL AND m.seq IN ({{}})"
    )
    erased = {row[0]: row[1:] for row in select_in(connection, sql, unsettled)}
    for entry_id, kind, leaf, erased_ms in erased.values():
        _append_tombstone(
            connection, lane, entomb(Buried(peer, entry_id, kind, leaf, erased_ms)), peer, now_ms
        )
    return [seq for seq in unsettled if seq not in erased]


def _append_tombstone(
    connection: Connection, lane: Lane, made: tuple[bytes, bytes], peer: str, now_ms: int
) -> None:
    entry_id, entry = made
    known = connection.execute(
        # The number of the kind stands in the text, as in the index that serves this.
        "SELECT 1 FROM messages_out WHERE peer = ? AND lane = ? AND kind = 3 AND entry_id = ?",
        (peer, str(lane), entry_id),
    ).fetchone()
    if known is not None:
        return
    seq = connection.execute(
        "INSERT INTO messages_out (peer, lane, urgency, entry_id, kind, item, entry, created_ms)"
        " VALUES (?, ?, ?, ?, ?, NULL, ?, ?) RETURNING seq",
        (peer, str(lane), _URGENCY, entry_id, int(Kind.TOMBSTONE), entry, now_ms),
    ).fetchone()[0]
    connection.execute(
        "INSERT INTO waiting_out (peer, lane, urgency, message) VALUES (?, ?, ?, ?)",
        (peer, str(lane), _URGENCY, seq),
    )


def said_and_erased(connection: Connection, posts: Sequence[Post]) -> frozenset[tuple[str, bytes]]:
    """Which of these outcomes were said to their members before, and erased: member, entry id.

    Said again they would stand beside what the member has, under the same id with other times, and
    accuse us (`conflict`). It knows them: the item is told to us anew by the id it has there.
    """
    if connection.execute("SELECT 1 FROM tombstones WHERE sent = 1 LIMIT 1").fetchone() is None:
        return frozenset()
    ids: dict[str, list[bytes]] = {}
    for one in posts:
        if one.kind == Kind.OUTCOME:
            ids.setdefault(one.peer, []).append(one.entry_id)
    sql = (
        "SELECT t.entry_id FROM tombstones t JOIN messages_out m"
        " ON m.item = t.item AND m.peer = t.peer AND m.entry_id = t.entry_id"
        " WHERE t.sent = 1 AND t.peer = ? AND t.entry_id IN ({})"
        " AND EXISTS (SELECT 1 FROM log_out l WHERE l.message = m.seq)"
    )
    found = ((peer, select_in(connection, sql, own, (peer,))) for peer, own in ids.items())
    return frozenset((peer, bytes(entry_id)) for peer, rows in found for (entry_id,) in rows)


def was_erased(connection: Connection, peer: str, leaves: Sequence[bytes]) -> frozenset[bytes]:
    """Which of these leaves of a peer were erased here: they are not kept a second time."""
    if connection.execute("SELECT 1 FROM tombstones WHERE sent = 0 LIMIT 1").fetchone() is None:
        return frozenset()
    sql = "SELECT leaf FROM tombstones WHERE sent = 0 AND peer = ? AND leaf IN ({})"
    return frozenset(row[0] for row in select_in(connection, sql, leaves, (peer,)))
