"""The rows of a file that is being moved: as they stand, and which changed since they were copied.

A trigger on each table notes the key of every row that is written or deleted, in the transaction
that does it, whichever process and version that is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from node.store.connection import FileConnection
from node.store.moving.tables import OWN, Table

CHUNK: Final = 2000
"""Rows that are read at once."""
_NEW, _OLD = "NEW", "OLD"


class Rows:
    """The rows on a connection to the file; whoever calls begins and commits."""

    def __init__(self, connection: FileConnection, chunk: int) -> None:
        """`chunk`: rows that are read at once."""
        self._connection = connection
        self._chunk = chunk

    def watch(self, table: Table) -> None:
        """Note from now on which rows change."""
        sorts = dict(table.columns)
        columns = ", ".join(f"{name} {sorts[name]}" for name in table.key)
        self._connection.execute(
            f"CREATE TABLE IF NOT EXISTS {_log(table)}"
            f" (moving_number INTEGER PRIMARY KEY, {columns}) STRICT"
        )
        of_key = f"UPDATE OF {table.by_key}"
        for what, when, row in (
            ("put", "INSERT", _NEW),
            ("changed", "UPDATE", _NEW),
            ("renamed", of_key, _OLD),
            ("deleted", "DELETE", _OLD),
        ):
            values = ", ".join(f"{row}.{name}" for name in table.key)
            self._connection.execute(
                f"CREATE TRIGGER IF NOT EXISTS {OWN}_{table.name}_{what} AFTER {when}"  # noqa: S608 - own names
                f" ON {table.name} BEGIN INSERT INTO {_log(table)} ({table.by_key})"
                f" VALUES ({values}); END"
            )

    def unwatch(self, table: Table) -> None:
        """Note no more changes, and forget those that were noted."""
        for what in ("put", "changed", "renamed", "deleted"):
            self._connection.execute(f"DROP TRIGGER IF EXISTS {OWN}_{table.name}_{what}")
        self._connection.execute(f"DROP TABLE IF EXISTS {_log(table)}")

    def after(self, table: Table, key: tuple[Any, ...] | None) -> list[tuple[Any, ...]]:
        """Return the next rows after a key, in order of keys; None: the first."""
        sql = table.after(is_first=key is None)
        return list(self._connection.execute(sql, (*(key or ()), self._chunk)).fetchall())

    def all(self, table: Table) -> Iterator[tuple[Any, ...]]:
        """All rows of a table, in order of keys."""
        sql = f"SELECT {table.listed} FROM {table.name} ORDER BY {table.by_key}"  # noqa: S608 - own names
        return iter(self._connection.execute(sql))

    def count(self, table: Table) -> int:
        """How many rows a table has."""
        sql = f"SELECT count(*) FROM {table.name}"  # noqa: S608 - own name
        return int(self._connection.execute(sql).fetchone()[0])

    def noted(self, table: Table) -> int:
        """The number of the last change that was noted of a table; 0: none."""
        sql = f"SELECT coalesce(max(moving_number), 0) FROM {_log(table)}"  # noqa: S608 - own names
        return int(self._connection.execute(sql).fetchone()[0])

    def changed(self, table: Table) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows that were written since they were copied, as they are now, in parts."""
        same = " AND ".join(f"t.{name} = c.{name}" for name in table.key)
        columns = ", ".join(f"t.{name}" for name in table.names)
        yield from self._parts(
            f"SELECT {columns} FROM (SELECT DISTINCT {table.by_key} FROM {_log(table)}) c"  # noqa: S608 - own names
            f" JOIN {table.name} t ON {same}"
        )

    def deleted(self, table: Table) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the keys of rows that are gone, in parts."""
        same = " AND ".join(f"t.{name} = c.{name}" for name in table.key)
        yield from self._parts(
            f"SELECT DISTINCT {table.by_key} FROM {_log(table)} c"  # noqa: S608 - own names
            f" WHERE NOT EXISTS (SELECT 1 FROM {table.name} t WHERE {same})"
        )

    def forget(self, table: Table, number: int) -> None:
        """Forget what was noted up to a number: it is copied."""
        self._connection.execute(f"DELETE FROM {_log(table)} WHERE moving_number <= ?", (number,))  # noqa: S608 - own names

    def _parts(self, sql: str) -> Iterator[list[tuple[Any, ...]]]:
        cursor = self._connection.execute(sql)
        while rows := cursor.fetchmany(self._chunk):
            yield rows


def _log(table: Table) -> str:
    return f"{OWN}_{table.name}"
