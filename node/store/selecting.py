"""Looking up many values at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from node.store.connection import Connection

_CHUNK = 128


def select_in(
    connection: Connection, sql: str, values: Iterable[Any], before: Sequence[Any] = ()
) -> Iterator[Any]:
    """Yield the rows of `sql` with its `IN ({})` filled by `values`; `before` are bound first.

    Chunks have one size, padded with the last value: one prepared statement serves them all.
    """
    everything = list(values)
    for start in range(0, len(everything), _CHUNK):
        chunk = everything[start : start + _CHUNK]
        size = _CHUNK if len(chunk) > 1 else 1
        chunk += chunk[-1:] * (size - len(chunk))
        yield from connection.execute(sql.format(",".join("?" * size)), (*before, *chunk))
