"""A version of a list that says it is all of it: what it does not name stands no more.

An entry that a version names bears its number (`list_taking`), so what only older ones named bears
an older one. How many of those stood before the version began to come in is a fact of the database,
from its beginning until it is whole here: by it is told whether too much would go.

Each function is part of the caller's transaction.
"""

from __future__ import annotations

from typing import Final

from node.store.contents.lists import list_id
from node.store.seam import Connection

_OLDER: Final = (
    "FROM list_entries e JOIN list_categories c ON c.id = e.category"
    " WHERE c.list = ? AND e.version < ?"
)
_COUNT_OLDER: Final = f"SELECT count(*) {_OLDER}"


def begin_whole(connection: Connection, into: str, version: int) -> int:
    """Return how many entries of older versions stood when this version began to come in whole.

    What was counted first is kept until `end_whole`, so that an import that goes on knows it.
    """
    row = list_id(connection, into)
    name = _name(row, version)
    known = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    if known is not None:
        return int(known[0])
    (count,) = connection.execute(_COUNT_OLDER, (row, version)).fetchone()
    sql = "INSERT INTO meta (name, value) VALUES (?, ?)"
    connection.execute(sql, (name, str(count)))
    return int(count)


def end_whole(connection: Connection, into: str) -> None:
    """Forget what `begin_whole` counted: a version is whole here."""
    pattern = _name(list_id(connection, into), "%")
    connection.execute("DELETE FROM meta WHERE name LIKE ?", (pattern,))


def count_older(connection: Connection, into: str, version: int) -> int:
    """Return how many entries of a list no version from this one on has named."""
    row = list_id(connection, into)
    return int(connection.execute(_COUNT_OLDER, (row, version)).fetchone()[0])


def older(connection: Connection, into: str, version: int, after: int, limit: int) -> list[int]:
    """Return the numbers of the next such entries after number `after`."""
    sql = f"SELECT e.number {_OLDER} AND e.number > ? ORDER BY e.number LIMIT ?"
    found = connection.execute(sql, (list_id(connection, into), version, after, limit))
    return [number for (number,) in found]


def _name(row: int, version: int | str) -> str:
    return f"list_whole/{row}/{version}"
