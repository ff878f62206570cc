"""Entries in custody as the store hands them out: each knows its row, and only the store reads it.

Whoever judges sees an `Arrived`, which is named by its place: sender, lane, epoch, index. What it
hands back, in an answer, a burial or a disavowal, is the same object, so the store need not look
for the row again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from node.casework.arrivals import Arrived
from node.store.seam import Connection
from protocol.vocabulary import Disposition, Lane

DISAVOWED = "EXISTS (SELECT 1 FROM disavowed_entries d WHERE d.seq = e.seq)"


LET_GO = "let_go"
"""The answer of an entry that a person let go on, until it is judged."""


class Row(Arrived, frozen=True, gc=False, kw_only=True):
    """An entry of `entries_in`, with the number of its row."""

    row: int


def waiting(
    connection: Connection, limit: int, after: Arrived | None = None, disavowed: str = DISAVOWED
) -> list[Arrived]:
    """Return entries that wait for a judgement, in the order they came, from one of them on.

    `disavowed` is what is asked of each besides.
    """
    rows = connection.execute(
        f"SELECT peer, lane, epoch, idx, leaf, entry, {disavowed}, answer, seq FROM entries_in e"  # noqa: S608 - own words
        " WHERE judged = 0 AND seq > ? ORDER BY seq LIMIT ?",
        (0 if after is None else row_of(after), limit),
    )
    return read_rows(rows.fetchall())


def read_rows(rows: Iterable[Any]) -> list[Arrived]:
    """Return entries of rows with the columns of `waiting`."""
    return [_read(row) for row in rows]


def row_of(arrived: Arrived) -> int:
    """Return the number of an entry's row."""
    assert isinstance(arrived, Row), "made by whoever judges, not handed out by the store"
    return arrived.row


def _read(row: Any) -> Row:
    peer, lane, epoch, index, leaf, entry, disavowed, answer, number = row
    said = bool(disavowed), answer == Disposition.CONFLICT, answer == LET_GO
    return Row(peer, _LANES[lane], epoch, index, leaf, entry, *said, row=number)


_LANES = {str(lane): lane for lane in Lane}
