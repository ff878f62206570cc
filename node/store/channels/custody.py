"""Entries in custody as the store hands them out: each knows its row, and only the store reads it.

Whoever judges sees an `Arrived`, which is named by its place: sender, lane, epoch, index. What it
hands back, in an answer, a burial or a disavowal, is the same object, so the store need not look
for the row again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any, Final

from node.casework.incoming.arrivals import Arrived
from node.store.seam import Connection
from protocol.vocabulary import Disposition, Lane

DISAVOWED = "EXISTS (SELECT 1 FROM disavowed_entries d WHERE d.seq = e.seq)"


LET_GO = "let_go"
"""The answer of an entry that a person let go on, until it is judged."""


class Row(Arrived, frozen=True, gc=False, kw_only=True):
    """An entry of `entries_in`, with the number of its row."""

    row: int


UNJUDGED: Final = "SELECT 1 FROM entries_in WHERE judged = 0 ORDER BY peer, lane, seq LIMIT 1"
"""Whether any waits. Without the order a server that counted a backlog once, and takes it to be
there still, reads the whole table for the first row."""
_COLUMNS: Final = f"peer, lane, epoch, idx, leaf, entry, {DISAVOWED}, answer, seq"
# In the order of the partial index, whatever is wanted: see `UNJUDGED`.
_COUNTED: Final = (
    "SELECT count(*) FROM"
    " (SELECT 1 FROM entries_in WHERE judged = 0 ORDER BY peer, lane, seq LIMIT ?) w"
)
_NEXT_SENDER: Final = (
    "SELECT peer FROM entries_in WHERE judged = 0 AND peer > ? ORDER BY peer, lane, seq LIMIT 1"
)
_ALL: Final = (
    f"SELECT {_COLUMNS} FROM entries_in e"  # noqa: S608 - own words
    " WHERE judged = 0 ORDER BY peer, lane, seq LIMIT ?"
)
_OF_CHANNEL: Final = (
    f"SELECT {_COLUMNS} FROM entries_in e"  # noqa: S608 - own words
    " WHERE judged = 0 AND peer = ? AND lane = ? AND seq > ? ORDER BY seq LIMIT ?"
)


def in_turns(connection: Connection, limit: int) -> list[Arrived]:
    """Return entries that wait for a judgement, of all channels in turns.

    Each channel has its share, whatever waits in others, and what one leaves goes to those that
    have more. Within a channel they are in the order they came, and of one sender, too; one of each
    sender comes before the next of any. So whoever has little waiting is judged in the first turn
    (a child at risk behind a million entries of somebody else), also where the batch is divided.
    """
    if connection.execute(_COUNTED, (limit + 1,)).fetchone()[0] <= limit:
        return _one_of_each(read_rows(connection.execute(_ALL, (limit,))))
    return _one_of_each(_shares(connection, limit))


def _shares(connection: Connection, limit: int) -> list[Arrived]:
    """Return of each channel what waits, its share; at least one entry, even beyond `limit`."""
    after = dict.fromkeys(_channels(connection), 0)
    found: list[Arrived] = []
    while after and (share := max((limit - len(found)) // len(after), not found)):
        for channel, last in list(after.items()):
            part = read_rows(connection.execute(_OF_CHANNEL, (*channel, last, share)))
            found += part
            if len(part) == share:
                after[channel] = row_of(part[-1])
            else:
                del after[channel]
    return found


def _channels(connection: Connection) -> list[tuple[str, str]]:
    """Return the channels of senders of whom anything waits, without reading all that does.

    A sender after the other: SQLite reads all of a channel to find what is beyond two columns.
    """
    found: list[tuple[str, str]] = []
    last = ""
    while row := connection.execute(_NEXT_SENDER, (last,)).fetchone():
        last = row[0]
        found += [(last, lane) for lane in _LANES]
    return found


def _one_of_each(arrived: Sequence[Arrived]) -> list[Arrived]:
    """Return the first of each sender, then the second of each, and so on."""
    senders: dict[str, list[Arrived]] = {}
    for one in sorted(arrived, key=row_of):
        senders.setdefault(one.peer, []).append(one)
    return [one for turn in zip_longest(*senders.values()) for one in turn if one is not None]


def all_waiting(connection: Connection, limit: int, after: Arrived | None) -> list[Arrived]:
    """Return entries that wait for a judgement, in the order they came, from one of them on.

    For a member that is rebuilt: it goes through them all, and hardly anything else is there. None
    of them counts as disavowed.
    """
    rows = connection.execute(
        "SELECT peer, lane, epoch, idx, leaf, entry, 0, answer, seq FROM entries_in"
        " WHERE +judged = 0 AND seq > ? ORDER BY seq LIMIT ?",  # "+": not through an index, sorted
        (0 if after is None else row_of(after), limit),
    )
    return read_rows(rows.fetchall())


def read_rows(rows: Iterable[Any]) -> list[Arrived]:
    """Return entries of rows with the columns of `in_turns`."""
    return [_read(row) for row in rows]


def row_of(arrived: Arrived) -> int:
    """Return the number of an entry's row."""
    assert isinstance(arrived, Row), "made by whoever judges, not handed out by the store"
    return arrived.row


def _read(row: Any) -> Row:
    peer, lane, epoch, index, leaf, entry, disavowed, answer, number = row
    before = (Disposition.CONFLICT, LET_GO, Disposition.NOT_PERMITTED, Disposition.QUARANTINED)
    said = bool(disavowed), *(answer == one for one in before)
    return Row(peer, _LANES[lane], epoch, index, leaf, entry, *said, row=number)


_LANES = {str(lane): lane for lane in Lane}
