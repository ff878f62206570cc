"""Many rows with one statement.

The driver lets the interpreter go before each step of a statement and takes it back after it. Where
the event loop has work at the same time, a statement a row costs ten times what the row costs; so
what comes in batches is written and looked up dozens of rows at a time.

Write `INSERT OR FAIL` and `UPDATE OR FAIL`: the default (`ABORT`) promises to take a statement back
row by row, and copies every page that it touches before it changes it. Here the whole job is taken
back anyway (`writer.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any

from node.store.seam import BulkConnection, Connection

_SIZES = (1, 2, 4, 8, 32, 128)
_MANY = 32


def select_in(
    connection: Connection, sql: str, values: Iterable[Any], before: Sequence[Any] = ()
) -> Iterator[Any]:
    """Yield the rows of `sql` with its `IN ({})` filled by `values`; `before` are bound first.

    Chunks have one of a few sizes, padded with the last value: a handful of prepared statements
    serves them all, and few values do not cost what many do.
    """
    if isinstance(connection, BulkConnection):
        yield from connection.select_in(sql, values, before)
        return
    everything = list(values)
    for start in range(0, len(everything), _SIZES[-1]):
        chunk = everything[start : start + _SIZES[-1]]
        size = next(size for size in _SIZES if size >= len(chunk))
        chunk += chunk[-1:] * (size - len(chunk))
        yield from connection.execute(sql.format(",".join("?" * size)), (*before, *chunk))


def stream(connection: Connection, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
    """Yield the rows of a query whose answer may be larger than memory.

    Other statements may run on the connection meanwhile.
    """
    if isinstance(connection, BulkConnection):
        return connection.stream(sql, parameters)
    return iter(connection.execute(sql, parameters))


def insert_rows(
    connection: Connection, into: str, rows: Sequence[Sequence[Any]], after: str = ""
) -> None:
    """Insert `rows`, in order; `into` is the statement up to VALUES, `after` what follows it."""
    if isinstance(connection, BulkConnection):
        connection.insert_rows(into, rows, after)
        return
    for chunk in _chunks(rows):
        sql = f"{into} {_values(len(chunk), len(chunk[0]))} {after}"
        connection.execute(sql, list(chain.from_iterable(chunk)))


def update_rows(connection: Connection, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run an UPDATE whose `{}` stands for `rows`: a table with columns `column1`, `column2` ..."""
    if isinstance(connection, BulkConnection):
        connection.update_rows(sql, rows)
        return
    for chunk in _chunks(rows):
        values = f"({_values(len(chunk), len(chunk[0]))})"
        connection.execute(sql.format(values), list(chain.from_iterable(chunk)))


@cache
def _values(rows: int, columns: int) -> str:
    row = f"({','.join('?' * columns)})"
    return f"VALUES {','.join([row] * rows)}"


def _chunks(rows: Sequence[Sequence[Any]]) -> Iterator[Sequence[Sequence[Any]]]:
    """Cut rows into powers of two: a handful of prepared statements serves any number."""
    start, size = 0, _MANY
    while start < len(rows):
        while size > len(rows) - start:
            size >>= 1
        yield rows[start : start + size]
        start += size
