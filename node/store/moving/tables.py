"""The tables of an embedded store, as the file itself names them, and statements on each.

Rows are told apart by their primary key. Both databases compare text by its bytes and blobs by
theirs, so a key has the same place in the order of either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from node.store.connection import FileConnection

OWN = "moving"
"""What a move adds to the file begins with this word."""
_TABLES = """
SELECT t.name, c.name, c.type, c.pk
FROM sqlite_master t JOIN pragma_table_info(t.name) c
WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    AND t.name NOT LIKE '\\_%' ESCAPE '\\' AND t.name NOT LIKE 'moving%'
ORDER BY t.name, c.cid
"""


@dataclass(frozen=True)
class Table:
    """One table: its columns with their types in SQLite, in order, and its key, in order."""

    name: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Its columns."""
        return tuple(name for name, _ in self.columns)

    @cached_property
    def listed(self) -> str:
        """Its columns with commas between."""
        return ", ".join(self.names)

    @cached_property
    def by_key(self) -> str:
        """The order of its key."""
        return ", ".join(self.key)

    @cached_property
    def last_first(self) -> str:
        """The order of its key, the last first."""
        return ", ".join(f"{name} DESC" for name in self.key)

    @cached_property
    def key_places(self) -> tuple[int, ...]:
        """Where the parts of the key stand in a row."""
        return tuple(self.names.index(name) for name in self.key)

    def key_of(self, row: Sequence[Any]) -> tuple[Any, ...]:
        """Return the key of a row; keys of one table compare as both databases order them."""
        return tuple(row[at] for at in self.key_places)

    def after(self, is_first: bool) -> str:  # noqa: FBT001 - read at its one call
        """The query for the next rows after a key; the number of rows is bound last."""
        marks = ", ".join("?" * len(self.key))
        where = "" if is_first else f" WHERE ({self.by_key}) > ({marks})"
        return f"SELECT {self.listed} FROM {self.name}{where} ORDER BY {self.by_key} LIMIT ?"  # noqa: S608 - own names


def tables_of(connection: FileConnection) -> list[Table]:
    """Return every table of a store but those that say how it was made, by name."""
    columns: dict[str, list[tuple[str, str]]] = {}
    keys: dict[str, dict[int, str]] = {}
    for table, name, sort, place in connection.execute(_TABLES):
        columns.setdefault(table, []).append((name, sort))
        if place:
            keys.setdefault(table, {})[place] = name
    return [
        Table(name, tuple(found), tuple(part for _, part in sorted(keys[name].items())))
        for name, found in columns.items()
    ]
