"""Databases of commits between two releases: what their schema file has gained since is added.

A schema file is never changed once it is released. Until then it grows at its end, so a database
that was made from an earlier state of it lacks whole tables and indexes; they are made when it is
opened. One whose tables have other columns is refused by name, since nothing here could mend it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

import sqlcipher3

from node.store.errors import UnreleasedDatabaseError

if TYPE_CHECKING:
    import sqlite3

_NAMED = "SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"

_Columns = list[tuple[object, ...]]


def lacking(connection: sqlite3.Connection, statements: Iterable[str]) -> dict[str, str]:
    """Return the tables and indexes that the database lacks, with the SQL that makes each.

    Raises:
        UnreleasedDatabaseError: one of its tables has other columns than the schema.
    """
    here = {name: sql for name, _, sql in connection.execute(_NAMED)}
    wanted = _model(tuple(statements))
    for name, sort, sql, columns in wanted:
        known = sort != "table" or here.get(name, sql) == sql  # one text has one set of columns
        if not known and _columns(connection, name) != columns:
            raise UnreleasedDatabaseError(UnreleasedDatabaseError.__doc__)
    return {name: sql for name, _, sql, _ in wanted if name not in here}


@cache
def _model(statements: tuple[str, ...]) -> tuple[tuple[str, str, str, _Columns], ...]:
    """Name, type, SQL and columns of everything that the schema makes; made once in a process."""
    model: sqlite3.Connection = sqlcipher3.connect(":memory:", isolation_level=None)
    try:
        for statement in statements:
            model.execute(statement)
        made = model.execute(_NAMED).fetchall()
        return tuple((name, sort, sql, _columns(model, name)) for name, sort, sql in made)
    finally:
        model.close()


def complete(connection: sqlite3.Connection, statements: Iterable[str]) -> None:
    """Make what the database lacks, all of it or nothing.

    Raises:
        UnreleasedDatabaseError: one of its tables has other columns than the schema.
    """
    missing = lacking(connection, statements)
    if missing:
        connection.execute("BEGIN IMMEDIATE")
        for sql in missing.values():
            connection.execute(sql)
        connection.execute("COMMIT")


def _columns(connection: sqlite3.Connection, table: str) -> _Columns:
    sql = 'SELECT name, type, "notnull", pk FROM pragma_table_info(?) ORDER BY cid'
    return connection.execute(sql, (table,)).fetchall()
