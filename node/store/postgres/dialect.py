"""From the statements of the store to PostgreSQL's: pure, once for each statement.

The statements use what both databases know (`ON CONFLICT (...)`, `RETURNING`, `FROM (VALUES ...)`).
What is left, and put into PostgreSQL's words here, is a closed list:

  ?, ?1                    placeholders
  INSERT OR FAIL, UPDATE OR FAIL      the plain statement: an error takes back the whole job anyway
  INSERT OR IGNORE         ON CONFLICT DO NOTHING
  INSERT OR REPLACE        ON CONFLICT (primary key) DO UPDATE of every other column
  ... IN ({})              = ANY of one array, whatever its length
  VALUES of many rows      unnest of one array for each column: one statement for any number of rows

Parameters that go into sealed columns are found here too, by the column's name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_INSERT = re.compile(r"INSERT (?:OR (\w+) )?INTO (\w+)(?: \(([\w, ]+)\))?")
_VALUES = re.compile(r"\bVALUES \(([^()]*)\)")
_UPDATE = re.compile(r"UPDATE (?:OR FAIL )?(\w+) SET (.*?)(?: FROM | WHERE |$)")
_ASSIGNED = re.compile(r"(\w+) = (\?\d*|column\d+)")
_MARK = re.compile(r"\?(\d*)")


class Column(NamedTuple):
    """One column: its name, the type of its values, whether they are sealed."""

    name: str
    type: str
    sealed: bool


class Table(NamedTuple):
    """One table: its columns in order, the names of its primary key."""

    columns: tuple[Column, ...]
    key: tuple[str, ...]

    def named(self, name: str) -> Column:
        """Return the column of this name."""
        return next(column for column in self.columns if column.name == name)


Tables = Mapping[str, Table]


class Statement(NamedTuple):
    """A statement as PostgreSQL takes it.

    `order` says which of the given parameters stands where, counted from 0; `sealed` are the places
    (in that order) of those that are sealed first.
    """

    text: str
    order: tuple[int, ...]
    sealed: frozenset[int]


class Bulk(NamedTuple):
    """A statement for many rows, with one array for each column.

    `types` are those of the columns, `sealed` those that are sealed first; `key` are those of which
    no two rows may have the same.
    """

    text: str
    types: tuple[str, ...]
    sealed: frozenset[int]
    key: tuple[int, ...] = ()


def translate(sql: str, tables: Tables) -> Statement:
    """Return one statement in PostgreSQL's words."""
    order = tuple(
        int(mark[1]) - 1 if mark[1] else at for at, mark in enumerate(_MARK.finditer(sql))
    )
    sealed = frozenset(at for at, column in _bound(sql, tables).items() if column.sealed)
    text = _MARK.sub("%s", sql.replace("%", "%%"))
    insert = _INSERT.match(text)
    if insert is not None:
        text = f"INSERT INTO {text[insert.start(2) :]}{_conflict(insert, tables)}"
    return Statement(text.replace("UPDATE OR FAIL ", "UPDATE ", 1), order, sealed)


def select_in(sql: str, tables: Tables) -> str:
    """Return a statement whose `IN ({})` takes one array as its last parameter."""
    return translate(sql.replace("IN ({})", "= ANY(?)"), tables).text


def insert_rows(into: str, after: str, tables: Tables) -> Bulk:
    """Return an insertion that takes one array for each column."""
    match = _INSERT.match(into)
    if match is None:
        raise ValueError("into: not an INSERT")
    columns = _columns(match, tables)
    names = ", ".join(column.name for column in columns)
    arrays = ", ".join("%s" for _ in columns)
    text = f"INSERT INTO {match[2]} ({names}) SELECT * FROM unnest({arrays})"  # noqa: S608 - own names
    key = tables[match[2]].key if match[1] == "REPLACE" else ()
    places = tuple(at for at, column in enumerate(columns) if column.name in key)
    text = f"{text}{_conflict(match, tables)} {after}".rstrip()
    return Bulk(text, _types(columns), _sealed(columns), places)


def update_rows(sql: str, width: int, tables: Tables) -> Bulk:
    """Return an UPDATE whose `{}` is a table made of one array for each of `width` columns."""
    match = _UPDATE.match(sql)
    if match is None:
        raise ValueError("sql: not an UPDATE")
    table = tables[match[1]]
    found = {int(to[6:]): table.named(name) for name, to in _ASSIGNED.findall(sql)}
    columns = [found.get(at, Column("", "text", sealed=False)) for at in range(1, width + 1)]
    arrays = ", ".join("%s" for _ in columns)
    names = ", ".join(f"column{at}" for at in range(1, width + 1))
    rows = f"unnest({arrays}) AS rows ({names})"
    text = sql.replace("%", "%%").format(rows).replace("UPDATE OR FAIL ", "UPDATE ", 1)
    return Bulk(text, _types(columns), _sealed(columns))


def _types(columns: Sequence[Column]) -> tuple[str, ...]:
    return tuple(column.type for column in columns)


def _sealed(columns: Sequence[Column]) -> frozenset[int]:
    return frozenset(at for at, column in enumerate(columns) if column.sealed)


def _columns(insert: re.Match[str], tables: Tables) -> tuple[Column, ...]:
    table = tables[insert[2]]
    if insert[3] is None:
        return table.columns
    return tuple(table.named(name.strip()) for name in insert[3].split(","))


def _bound(sql: str, tables: Tables) -> dict[int, Column]:
    """Which parameter, by its place, becomes the value of which column."""
    insert, update = _INSERT.match(sql), _UPDATE.match(sql)
    if insert is not None and (values := _VALUES.search(sql)) is not None:
        named = zip(_columns(insert, tables), values[1].split(","), strict=True)
        given = [column for column, value in named if value.strip().startswith("?")]
        first = len(_MARK.findall(sql[: values.start()]))
        return dict(enumerate(given, first))
    if update is not None:
        table = tables[update[1]]
        return {
            len(_MARK.findall(sql[: assigned.start(2)])): table.named(assigned[1])
            for assigned in _ASSIGNED.finditer(sql, update.start(2), update.end(2))
        }
    return {}


def _conflict(insert: re.Match[str], tables: Tables) -> str:
    if insert[1] == "IGNORE":
        return " ON CONFLICT DO NOTHING"
    if insert[1] != "REPLACE":
        return ""
    key = tables[insert[2]].key
    rest = [one.name for one in _columns(insert, tables) if one.name not in key]
    changes = ", ".join(f"{name} = excluded.{name}" for name in rest)
    return f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
