"""Taking bodies away so that their room is free for what comes next, and for the disk.

SQLite joins pages that became nearly empty where rows go, never where they became shorter: a file
of which all was erased would stay as large as it was. So there a row goes, and comes again without
its body. A server writes the row anew in any case, and its vacuum sees to the room.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from node.store.bulk import insert_rows
from node.store.seam import BulkConnection, Connection


def take_bodies(
    connection: Connection, table: str, body: str, where: str, values: Sequence[Any]
) -> None:
    """Take away what stands in `body` of the rows that `where` finds; all else of them stays.

    All words are of this program; `values` are bound to the marks in `where`.
    """
    if isinstance(connection, BulkConnection):
        connection.execute(f"UPDATE {table} SET {body} = NULL WHERE {where}", values)  # noqa: S608 - own words
        return
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    kept = ", ".join(name for name in columns if name != body)
    taken = f"DELETE FROM {table} WHERE {where} RETURNING {kept}"  # noqa: S608 - own words
    rows = connection.execute(taken, values).fetchall()
    insert_rows(connection, f"INSERT OR FAIL INTO {table} ({kept})", rows)
