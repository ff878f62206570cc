"""Where entries about one thing stand; which items an answer of a crowd is about (§10.4).

A peer cites entries of ours by place and leaf. They stand in our logs at just that place, unless
this database was set back (restored, rebuilt, or by a snapshot that nobody has told of yet): then
the place may be one that is forgotten, and the same entry, with the same leaf, stands elsewhere or
waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from node.casework.casebook import Loaded, Needs, other_ids
from node.casework.events import EventKind
from node.casework.incoming.naming import Citation
from node.store.bulk import select_in
from node.store.items.states import states, states_of
from node.store.seam import Connection
from protocol import entry as entries
from protocol.dispositions import Dispositions
from protocol.errors import ProtocolError
from protocol.messages import DispositionNote, read
from protocol.verdicts import verdict_of
from protocol.vocabulary import Kind, Lane

Place = tuple[str, str, str, bytes, int]
"""Of an entry: `sent` or `held`, peer, lane, epoch, index."""
Log = tuple[str, str, bytes]
"""One epoch of a channel: peer, lane, epoch."""
Found = dict[bytes, tuple[str, bool, bytes | None]]
"""Items of entries by leaf, whether each is there and not answered, and the ids of the entries."""


_SENT = (
    "SELECT l.idx, l.leaf, m.item, m.entry_id, EXISTS (SELECT 1 FROM items i WHERE i.id = m.item"  # noqa: S608 - own words
    f" AND m.kind = {int(Kind.ITEM)} AND i.custody = 'handed_on' AND i.responsible = l.peer)"
    " AND NOT EXISTS (SELECT 1 FROM events e WHERE e.item = m.item"
    f" AND e.kind = {int(EventKind.ANSWERED)})"
    " AND NOT EXISTS (SELECT 1 FROM messages_out o WHERE o.item = m.item"
    f" AND o.kind = {int(Kind.ITEM)} AND o.seq > m.seq)"
    " FROM log_out l JOIN messages_out m ON m.seq = l.message"
    " WHERE l.peer = ? AND l.lane = ? AND l.epoch = ? AND l.idx "
)
_ONE_BY_ONE = _SENT + "IN ({})"
_IN_A_ROW = _SENT + "BETWEEN ? AND ?"


def load_cited(connection: Connection, needs: Needs, loaded: Loaded) -> set[str]:
    """Find the items of cited entries; return those of which the state must be loaded.

    The others are with the member that answers, by the very entry that it cites, have gone nowhere
    since, were not answered yet, and learn nothing but their answer: neither their state nor their
    row is looked at.
    """
    whole: set[str] = set()
    for citation, found in _placed(connection, needs.cited):
        peer = citation.peer
        for leaf, (item, is_there, entry_id) in found.items():
            loaded.cited[peer, leaf] = item
            if entry_id is not None:
                loaded.cited_ids[peer, leaf] = entry_id
            if citation.plain and is_there:
                loaded.answered.add((peer, item))
            else:
                whole.add(item)
    loaded.answered = {one for one in loaded.answered if one[1] not in whole}
    return whole


def _placed(connection: Connection, cited: Iterable[Citation]) -> list[tuple[Citation, Found]]:
    """Return the items of cited entries by leaf, and whether each is there and not answered.

    What stands in its place nowhere is looked for once for all of them: of each channel the whole
    log is walked through, and anybody can cite what there never was.
    """
    placed = [(one, _in_place(connection, one)) for one in cited]
    lacking: dict[tuple[str, Lane], dict[bytes, None]] = {}
    for one, found in placed:
        if unseen := {c.leaf: None for c in one.cited if c.leaf not in found}:
            lacking.setdefault((one.peer, one.lane), {}).update(unseen)
    elsewhere = {
        channel: _elsewhere(connection, *channel, list(leaves))
        for channel, leaves in lacking.items()
        if _was_set_back(connection, *channel)
    }
    for one, found in placed:
        items = elsewhere.get((one.peer, one.lane), {})
        missing = [c.leaf for c in one.cited if c.leaf in items and c.leaf not in found]
        found.update({leaf: (items[leaf], False, None) for leaf in missing})
    return placed


def _in_place(connection: Connection, citation: Citation) -> Found:
    leaves = {one.index: one.leaf for one in citation.cited}
    log = (citation.peer, str(citation.lane), citation.epoch)
    first, last = min(leaves), max(leaves)
    if last - first < 2 * len(leaves):  # most crowds stand close together: one walk through the log
        rows = iter(connection.execute(_IN_A_ROW, (*log, first, last)))
    else:
        rows = select_in(connection, _ONE_BY_ONE, leaves, log)
    return {
        leaf: (item, bool(there), entry_id)
        for index, leaf, item, entry_id, there in rows
        if item and leaves.get(index) == leaf
    }


def _was_set_back(connection: Connection, peer: str, lane: Lane) -> bool:
    """Whether somebody said so, or the receiver of this channel holds more than is known here."""
    row = connection.execute(
        "SELECT 1 FROM meta WHERE name = 'restored_ms' UNION ALL SELECT 1 FROM channels_out"
        " WHERE peer = ? AND lane = ? AND stopped = 'unknown_history' LIMIT 1",
        (peer, str(lane)),
    ).fetchone()
    return row is not None


def _elsewhere(
    connection: Connection, peer: str, lane: Lane, lacking: Sequence[bytes]
) -> dict[bytes, str]:
    """Look for the leaves where a database that was set back has the same entries."""
    items: dict[bytes, str] = {}
    for table in ("log_out", "recovered_entries"):
        sql = (
            f"SELECT t.leaf, m.item FROM {table} t JOIN messages_out m ON m.seq = t.message"  # noqa: S608
            " WHERE t.peer = ? AND t.lane = ? AND m.item IS NOT NULL AND t.leaf IN ({})"
        )
        items.update(select_in(connection, sql, lacking, (peer, str(lane))))
    wanted = set(lacking) - items.keys()
    waiting = connection.execute(
        "SELECT m.entry, m.item FROM waiting_out w JOIN messages_out m ON m.seq = w.message"
        " WHERE w.peer = ? AND w.lane = ? AND m.item IS NOT NULL AND m.entry IS NOT NULL",
        (peer, str(lane)),
    )
    items.update((leaf, item) for raw, item in waiting if (leaf := entries.leaf(raw)) in wanted)
    return items


def places_of(connection: Connection, item: str) -> list[Place]:
    """Return where entries about an item stand, and answers that cite one of them."""
    places: list[Place] = list(
        connection.execute(
            "SELECT 'sent', l.peer, l.lane, l.epoch, l.idx FROM messages_out m"
            " JOIN log_out l ON l.message = m.seq WHERE m.item = ?1"
            " UNION ALL SELECT 'held', peer, lane, epoch, idx FROM entries_in WHERE item = ?1",
            (item,),
        )
    )
    places += _came_back(connection, item)
    return [*places, *answers_to(connection, places)]


def _came_back(connection: Connection, item: str) -> Iterator[Place]:
    """Return where stands what came back before the item did (docs/protocol.md §8.13.7).

    It is known by the id that its peer knows, as where it is erased (`node.store.items.erasing`).
    """
    state = states(connection.execute(states_of("id = ?"), (item,))).get(item)
    ids = () if state is None else sorted(other_ids(state))
    sql = (
        "SELECT l.peer, l.lane, l.epoch, l.idx FROM messages_out m"
        " JOIN log_out l ON l.message = m.seq WHERE m.item IN ({})"
        " AND EXISTS (SELECT 1 FROM recovered_entries r WHERE r.message = m.seq)"
        " AND NOT EXISTS (SELECT 1 FROM items i WHERE i.id = m.item)"
    )
    return (("sent", *row) for row in select_in(connection, sql, ids))


def words_on(connection: Connection, verdict: str) -> list[Place]:
    """Return where entries stand that give or take back a verdict on files (§6.6), by its id.

    They are of no item: all that was ever said of files is walked through, and little of it read.
    """
    return [
        place
        for place, raw in _said_of_files(connection)
        if verdict.encode() in raw and _verdict(raw) == verdict
    ]


def _said_of_files(connection: Connection) -> Iterator[tuple[Place, bytes]]:
    kinds = (int(Kind.CONTENT_VERDICT), int(Kind.CONTENT_VERDICT_WITHDRAWN))
    for row in connection.execute(
        "SELECT l.peer, l.lane, l.epoch, l.idx, m.entry FROM messages_out m"
        " JOIN log_out l ON l.message = m.seq WHERE m.kind IN (?, ?) AND m.entry IS NOT NULL"
        " ORDER BY m.seq",
        kinds,
    ):
        yield ("sent", *row[:4]), row[4]
    for row in connection.execute(
        "SELECT peer, lane, epoch, idx, entry FROM entries_in WHERE lane = ? AND item IS NULL"
        " AND entry IS NOT NULL ORDER BY seq",
        (str(Lane.BULK),),
    ):
        yield ("held", *row[:4]), row[4]


def _verdict(raw: bytes) -> str | None:
    try:
        return verdict_of(read(raw)[1])
    except ProtocolError:
        return None


def answers_to(connection: Connection, places: Iterable[Place]) -> list[Place]:
    """Return where the answers of crowds stand that cite entries at these places.

    Read is what came after the entries, until each has its answer: an entry has one. Only one that
    has none, or was answered while a clock was set back, costs a walk through all answers.
    """
    found: list[Place] = []
    for (direction, peer), asked in _unanswered(connection, list(places)).items():
        since = _since(connection, direction, peer, asked)
        lacking = _find(connection, direction, peer, since, asked, found)
        if lacking and since:
            _find(connection, direction, peer, 0, lacking, found)
    return found


def _find(
    connection: Connection,
    direction: str,
    peer: str,
    since: int,
    asked: set[Cited],
    found: list[Place],
) -> set[Cited]:
    """Add the answers from a row on to `found`; return which entries have none among them."""
    lacking = set(asked)
    answers = _held if direction == "sent" else _sent
    for place, raw in answers(connection, peer, since):
        cited = _cited(raw) & lacking
        if cited and place not in found:
            found.append(place)
        lacking -= cited
        if not lacking:
            break
    return lacking


Cited = tuple[str, bytes, int]
"""An entry that is cited: lane, epoch, index."""


def _unanswered(connection: Connection, places: list[Place]) -> dict[tuple[str, str], set[Cited]]:
    """Of the entries at these places those that are not answered alone, by direction and peer."""
    wanted: dict[tuple[str, str], set[Cited]] = {}
    for direction, peer, lane, epoch, index in places:
        if lane == Lane.REPORTS:
            wanted.setdefault((direction, peer), set()).add((lane, epoch, index))
    for direction, peer, lane, epoch, index in places:
        back = wanted.get(("held" if direction == "sent" else "sent", peer))
        if lane == Lane.STATUS and back:
            note = _note(entry_at(connection, direction, (peer, lane, epoch), index))
            if note is not None:
                back.discard((str(note.origin_lane), note.origin_epoch, note.origin_index))
    return {ends: asked for ends, asked in wanted.items() if asked}


def _since(connection: Connection, direction: str, peer: str, asked: set[Cited]) -> int:
    """Return the row from which on these entries can have been answered."""
    times = []
    for lane, epoch, index in asked:
        sql = (
            "SELECT min(signed_ms) FROM checkpoints_out"
            " WHERE peer = ? AND lane = ? AND epoch = ? AND size > ?"
            if direction == "sent"
            else "SELECT taken_ms FROM entries_in"
            " WHERE peer = ? AND lane = ? AND epoch = ? AND idx = ?"
        )
        row = connection.execute(sql, (peer, lane, epoch, index)).fetchone()
        times.append(0 if row is None or row[0] is None else row[0])
    table, column = (
        ("entries_in", "taken_ms") if direction == "sent" else ("messages_out", "created_ms")
    )
    return _first_since(connection, table, column, min(times))


def _first_since(connection: Connection, table: str, column: str, at_ms: int) -> int:
    """Return the first row of a table, which grows with time, that came at `at_ms` or later."""
    low = 0
    high = (connection.execute(f"SELECT max(seq) FROM {table}").fetchone()[0] or 0) + 1  # noqa: S608
    sql = f"SELECT seq, {column} FROM {table} WHERE seq >= ? ORDER BY seq LIMIT 1"  # noqa: S608
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(sql, (middle,)).fetchone()
        if row is None or row[1] >= at_ms:
            high = middle
        else:
            low = row[0] + 1
    return low


def _held(connection: Connection, peer: str, after: int) -> Iterator[tuple[Place, bytes]]:
    for row in connection.execute(
        "SELECT epoch, idx, entry FROM entries_in WHERE seq >= ? AND peer = ? AND lane = 'status'"
        " AND item IS NULL AND entry IS NOT NULL ORDER BY seq",
        (after, peer),
    ):
        yield ("held", peer, "status", row[0], row[1]), row[2]


def _sent(connection: Connection, peer: str, after: int) -> Iterator[tuple[Place, bytes]]:
    for row in connection.execute(
        "SELECT l.epoch, l.idx, m.entry FROM messages_out m JOIN log_out l ON l.message = m.seq"
        " WHERE m.seq >= ? AND m.peer = ? AND l.lane = 'status' AND m.kind = ?"
        " AND m.entry IS NOT NULL ORDER BY m.seq",
        (after, peer, int(Kind.DISPOSITIONS)),
    ):
        yield ("sent", peer, "status", row[0], row[1]), row[2]


def entry_at(connection: Connection, direction: str, log: Log, index: int) -> bytes | None:
    """Return the entry at one place of a log; None: it has no body."""
    sql = (
        "SELECT coalesce(l.entry, m.entry) FROM log_out l LEFT JOIN messages_out m"
        " ON m.seq = l.message WHERE l.peer = ? AND l.lane = ? AND l.epoch = ? AND l.idx = ?"
        if direction == "sent"
        else "SELECT entry FROM entries_in WHERE peer = ? AND lane = ? AND epoch = ? AND idx = ?"
    )
    row = connection.execute(sql, (*log, index)).fetchone()
    return None if row is None else row[0]


def leaves_below(connection: Connection, direction: str, log: Log, size: int) -> list[bytes]:
    """Return the first leaf hashes of a log, and no entry."""
    table = "log_out" if direction == "sent" else "entries_in"
    rows = connection.execute(
        f"SELECT leaf FROM {table} WHERE peer = ? AND lane = ? AND epoch = ? AND idx < ?"  # noqa: S608
        " ORDER BY idx",
        (*log, size),
    )
    return [leaf for (leaf,) in rows]


def _cited(raw: bytes) -> set[Cited]:
    message = _read(raw)
    if message is None:
        return set()
    lane, epoch = str(message.origin_lane), message.origin_epoch
    return {(lane, epoch, one.index) for one in message.cited}


def _note(raw: bytes | None) -> DispositionNote | None:
    try:
        message = None if raw is None else read(raw)[1]
    except ProtocolError:
        return None
    return message if isinstance(message, DispositionNote) else None


def _read(raw: bytes) -> Dispositions | None:
    try:
        _, message = read(raw)
    except ProtocolError:
        return None
    return message if isinstance(message, Dispositions) else None


def answered(connection: Connection, peer: str, message: Dispositions) -> list[str]:
    """Return the items that an answer of `peer` to a crowd is about, by the places that it cites.

    In a database that was set back, what it cites elsewhere may not have been there when it came.
    """
    citation = Citation(peer, message.origin_lane, message.origin_epoch, message.cited)
    return [item for item, *_ in _in_place(connection, citation).values()]
