"""What members disavow of what we hold: shown to a person, and never undone (protocol §8.15).

An entry in a disavowed range stays where it is, and so does its effect; a person hears which items
it touched, and of which verdicts on contents it speaks. One that was not judged yet is not judged
any more. What the member says again in a later epoch, byte for byte, is its own word after all, and
disavowed no longer.

A range may be as long as its channel, so it is made ready in several transactions, and named in
several: what is still to be named stands in a row of `meta`, and nothing is judged before that is
done (`node.casework.incoming.judging`), as with what is woken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.naming import Disavowed
from node.store.bulk import select_in
from node.store.channels.custody import DISAVOWED, row_of
from node.store.items.tasks import close_task, open_task
from node.store.seam import Connection
from protocol import entry as entries
from protocol.disavowal import Disavow
from protocol.errors import ProtocolError
from protocol.fork import read_claim
from protocol.merkle import EMPTY_ROOT
from protocol.messages import from_body
from protocol.verdicts import verdict_of

RANGE, IN_VAIN, UNCLEAR = "history_disavowed", "disavowed_in_vain", "disavowal_unclear"
ENTRY = "entry_disavowed"
LEAVES = 5000
"""Leaves that are noted in one transaction: less than a tenth of a second."""
AT_ONCE = 1000
"""Items of one range that become tasks of their own; that of the range stands for all of them."""


_NAME: Final = "naming"


class _Naming(msgspec.Struct):
    """What is still to be named of a range: its log, from where on, and how many more at most.

    `by`: the row of the entry that disavows it; earlier versions noted none (0), and named each
    range whole.
    """

    peer: str
    lane: str
    epoch: bytes
    first: int
    end: int
    now_ms: int
    items: int = AT_ONCE
    verdicts: int = AT_ONCE
    by: int = 0


class Place(NamedTuple):
    """Where an entry stands."""

    peer: str
    lane: str
    epoch: bytes
    idx: int


def note_leaves(connection: Connection, by: Arrived, message: Disavow, first: int) -> int | None:
    """Let the next entries of a range be found by their leaves, before it is disavowed.

    A range may be as long as its channel: only this is done in several transactions. What was noted
    says nothing by itself, and is noted once.

    Args:
        connection: of a transaction.
        by: the entry that disavows; it is judged when all is noted.
        message: what it says.
        first: index from which on nothing was noted yet.

    Returns:
        From where to go on; None: all is noted, or the range does not count.
    """
    place = _place(by)
    end = min(first + LEAVES, message.end)
    values = (*place[:2], message.epoch, first, end)
    if first >= message.end or not fits(connection, place, message):
        return None
    noted = connection.execute(
        "SELECT 1 FROM disavowed_in WHERE peer = ? AND lane = ? AND epoch = ? AND first <= ?"
        " AND size >= ? LIMIT 1",
        values,
    ).fetchone()
    if noted is None:
        connection.execute(
            "INSERT OR IGNORE INTO disavowed_leaves SELECT peer, leaf, seq FROM entries_in"
            " WHERE peer = ? AND lane = ? AND epoch = ? AND idx >= ? AND idx < ? ORDER BY leaf",
            values,
        )
    return end


def keep(connection: Connection, said: Iterable[Disavowed], now_ms: int) -> None:
    """Keep what was disavowed, and put it before a person, item by item.

    Its leaves were noted before (`note_leaves`); of a long range the rest is named afterwards.
    """
    named = []
    for one in said:
        place = _place(one.by)
        log, message = place[:2], one.message
        subject = f"{place.peer}/{place.lane}/{message.epoch.hex()}/{message.start}-{message.end}"
        if not fits(connection, place, message):
            open_task(connection, UNCLEAR, subject, now_ms)
            continue
        values = (*log, message.epoch, message.start, message.end)
        _forget_within(connection, values)
        connection.execute(
            "INSERT OR IGNORE INTO disavowed_in VALUES (?, ?, ?, ?, ?, ?)",
            (row_of(one.by), *values),
        )
        note = _signed(connection, *log, message.epoch, message.end)
        vain = note is not None and one.counts(note)
        open_task(connection, IN_VAIN if vain else RANGE, subject, now_ms)
        named.append(_Naming(*values, now_ms, by=row_of(one.by)))
    if named:
        _name(connection, named)


def go_on(connection: Connection) -> int:
    """Name the next of what disavowed ranges touched; returns how many entries were looked at."""
    return _name(connection, [])


def _name(connection: Connection, added: Sequence[_Naming]) -> int:
    """Name what is left over, then what is added, as much as one transaction may."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (_NAME,)).fetchone()
    queued = [] if row is None else msgspec.json.decode(row[0], type=list[_Naming])
    left, looked = [*queued, *added], 0
    while left and looked < LEAVES:
        one = left[0]
        one.first, end, spans = _next_part(connection, one)
        looked += spans
        until = min(end, one.first + max(LEAVES - looked, 1))
        _name_part(connection, one, until)
        looked += until - one.first
        one.first = until
        if until == one.end or not (one.items or one.verdicts):
            left = left[1:]
    if left:
        connection.execute(
            "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)",
            (_NAME, msgspec.json.encode(left).decode()),
        )
    elif queued:
        connection.execute("DELETE FROM meta WHERE name = ?", (_NAME,))
    return looked


def _next_part(connection: Connection, one: _Naming) -> tuple[int, int, int]:
    """Return the next part of a range that no earlier word names, and of how many words it is one.

    A member can disavow the same again and again, and all wait until it is named.
    """
    spans = connection.execute(
        "SELECT first, size FROM disavowed_in WHERE peer = ? AND lane = ? AND epoch = ?"
        " AND entry < ? AND size > ? ORDER BY first",
        (one.peer, one.lane, one.epoch, one.by, one.first),
    ).fetchall()
    first, end = one.first, one.end
    for start, size in spans:
        if start > first:
            end = min(end, start)
            break
        first = max(first, size)
    return min(first, end), end, len(spans)


def _name_part(connection: Connection, one: _Naming, until: int) -> None:
    """Put items and verdicts of a part of a range before a person, each once."""
    values = (one.peer, one.lane, one.epoch, one.first, until)
    # Each entry once: the view has it as often as it was disavowed.
    items = connection.execute(
        "SELECT DISTINCT item FROM entries_in e WHERE peer = ? AND lane = ?"  # noqa: S608 - own words
        f" AND epoch = ? AND idx >= ? AND idx < ? AND item IS NOT NULL AND {DISAVOWED}",
        values,
    ).fetchall()
    for (item,) in items:
        if one.items:
            one.items -= open_task(connection, ENTRY, item, one.now_ms)
    for event_id in _verdicts(connection, values):
        if one.verdicts:
            one.verdicts -= open_task(connection, ENTRY, event_id, one.now_ms)


def _verdicts(connection: Connection, values: tuple[str, str, bytes, int, int]) -> list[str]:
    """Return the verdicts on contents that a part gives, or takes back, by their ids."""
    rows = connection.execute(
        "SELECT entry FROM entries_in e WHERE peer = ? AND lane = ? AND epoch = ?"  # noqa: S608 - own words
        f" AND idx >= ? AND idx < ? AND item IS NULL AND entry IS NOT NULL AND {DISAVOWED}"
        " ORDER BY idx",
        values,
    ).fetchall()
    found = (_verdict(entry) for (entry,) in rows)
    return list(dict.fromkeys(one for one in found if one is not None))


def _verdict(raw: bytes | None) -> str | None:
    """Return the id of the verdict on contents of which an entry speaks; None: of none."""
    try:
        entry = entries.decode(raw or b"")
        message = from_body(entry.kind, entry.body, entry.version)
    except ProtocolError:
        return None
    return verdict_of(message)


def fits(connection: Connection, place: Place, message: Disavow) -> bool:
    """Whether it names an earlier epoch of its own channel, at sizes and roots that we receipted.

    The told state was receipted, and so is what its sender was given a receipt for.
    """
    log = place[:2]
    if message.epoch not in _ancestors(connection, *place[:3]):
        return False
    start = _signed(connection, *log, message.epoch, message.start)
    end = _signed(connection, *log, message.epoch, message.end)
    roots = (
        EMPTY_ROOT if start is None and message.start == 0 else _root(start),
        _root(end),
    )
    return roots == (message.start_root, message.end_root)


def own_again(connection: Connection, peer: str, leaves: Sequence[bytes], now_ms: int) -> None:
    """The member said these again: what waited because of it is judged, and nobody need look."""
    if connection.execute("SELECT 1 FROM disavowed_in LIMIT 1").fetchone() is None:
        return
    sql = (
        "SELECT e.seq, e.judged, e.item, e.entry FROM disavowed_leaves l"
        " JOIN in_disavowed_ranges e ON e.seq = l.entry WHERE l.peer = ? AND l.leaf IN ({})"
        " AND NOT EXISTS (SELECT 1 FROM disavowed_entries d WHERE d.seq = e.seq)"
    )
    for seq, judged, item, entry in list(select_in(connection, sql, leaves, (peer,))):
        if item is None:
            connection.execute(
                "UPDATE entries_in SET judged = 0 WHERE seq = ? AND judged = 3 AND answer IS NULL",
                (seq,),
            )
            if (event_id := _verdict(entry)) is not None:
                close_task(connection, ENTRY, event_id, now_ms)
        elif judged == 1 and not disavowers(connection, [item]):
            close_task(connection, ENTRY, item, now_ms)


def disavowers(connection: Connection, items: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return, for those of `items` that have some, the members that disavow entries about them."""
    if connection.execute("SELECT 1 FROM disavowed_in LIMIT 1").fetchone() is None:
        return {}
    sql = "SELECT DISTINCT item, peer FROM disavowed_entries WHERE item IN ({}) ORDER BY item, peer"
    found: dict[str, tuple[str, ...]] = {}
    for item, peer in select_in(connection, sql, items):
        found[item] = (*found.get(item, ()), peer)
    return found


def _place(arrived: Arrived) -> Place:
    return Place(arrived.peer, str(arrived.lane), arrived.epoch, arrived.index)


def _ancestors(connection: Connection, peer: str, lane: str, epoch: bytes) -> set[bytes]:
    before = dict(
        connection.execute(
            "SELECT epoch, prev_epoch FROM epochs_in WHERE peer = ? AND lane = ?", (peer, lane)
        ).fetchall()
    )
    found: set[bytes] = set()
    here = before.get(epoch)
    while here is not None and here not in found:
        found.add(here)
        here = before.get(here)
    return found


def _signed(connection: Connection, peer: str, lane: str, epoch: bytes, size: int) -> bytes | None:
    row = connection.execute(
        "SELECT checkpoint FROM receipts_in WHERE peer = ? AND lane = ? AND epoch = ? AND size = ?",
        (peer, lane, epoch, size),
    ).fetchone()
    return None if row is None else row[0]


def _root(note: bytes | None) -> bytes | None:
    return None if note is None else read_claim(note).root


def _forget_within(connection: Connection, values: tuple[str, str, bytes, int, int]) -> None:
    """What a thief disavowed himself, in entries that are disavowed now, counts no more."""
    connection.execute(
        "DELETE FROM disavowed_in WHERE peer = ? AND lane = ? AND EXISTS"
        " (SELECT 1 FROM entries_in e WHERE e.seq = disavowed_in.entry"
        " AND e.epoch = ? AND e.idx >= ? AND e.idx < ?)",
        values,
    )
