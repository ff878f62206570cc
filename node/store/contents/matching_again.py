"""Categories of lists that count for more or less now: items are asked about their entries again.

One row says which categories these are, and how far the entries were gone through since the last
change. It bears a turn, which grows with every change: whoever was in the middle when something
changed once more cannot note that he got on.

Each function is part of the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

import msgspec

from node.store.seam import Connection

_NAME: Final = "lists_matched_again"
_SPAN: Final = 20_000
"""Entries of all lists that are looked through for one piece: as many as a page or two a list."""


class Again(msgspec.Struct, frozen=True):
    """How far entries of these categories were gone through, by the last number."""

    turn: int
    gone_to: int
    categories: list[int]


class Stretch(NamedTuple):
    """The entries of a piece, up to which number of all entries it goes, and what it began with."""

    numbers: list[int]
    gone_to: int
    mark: str


def match_again(connection: Connection, categories: Collection[int]) -> None:
    """Have items asked again about all entries of these categories."""
    if not categories:
        return
    before = standing(connection)
    turn, others = (0, []) if before is None else (before.turn, before.categories)
    after = Again(turn + 1, 0, sorted({*categories, *others}))
    sql = "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)"
    connection.execute(sql, (_NAME, _written(after)))


def standing(connection: Connection) -> Again | None:
    """Return what is under way; None: nothing."""
    mark = _mark(connection)
    return None if mark is None else _read(mark)


def next_stretch(connection: Connection, limit: int) -> Stretch | None:
    """Return the next entries, at most so many; None: there is nothing to be asked again."""
    mark = _mark(connection)
    if mark is None:
        return None
    again = _read(mark)
    sql = "SELECT number, category FROM list_entries WHERE number > ? ORDER BY number LIMIT ?"
    rows = connection.execute(sql, (again.gone_to, _SPAN)).fetchall()
    wanted = set(again.categories)
    numbers = [number for number, category in rows if category in wanted][:limit]
    gone_to = rows[-1][0] if rows else again.gone_to
    return Stretch(numbers, numbers[-1] if len(numbers) == limit else gone_to, mark)


def note_gone_to(connection: Connection, mark: str, gone_to: int) -> None:
    """Keep how far it came since `mark`, if nothing has changed meanwhile."""
    again = _read(mark)
    if gone_to == again.gone_to:  # nothing was left
        connection.execute("DELETE FROM meta WHERE name = ? AND value = ?", (_NAME, mark))
        return
    after = _written(Again(again.turn, gone_to, again.categories))
    sql = "UPDATE meta SET value = ? WHERE name = ? AND value = ?"
    connection.execute(sql, (after, _NAME, mark))


def _mark(connection: Connection) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (_NAME,)).fetchone()
    return None if row is None else str(row[0])


def _read(mark: str) -> Again:
    return msgspec.json.decode(mark, type=Again)


def _written(again: Again) -> str:
    return msgspec.json.encode(again).decode()
