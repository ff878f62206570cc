"""Looking into the database of a node, whether it runs or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from node.store.connection import open_reader
from node.store.seam import Connection

if TYPE_CHECKING:
    from tests.simulation.fleet import FleetNode
    from tests.simulation.world import Node


@contextmanager
def looked_into(node: FleetNode | Node) -> Iterator[Connection]:
    """Give a connection that reads a node's database: its own where it runs, as opening costs."""
    if node.up:
        readers: Any = node.store.readers
        yield readers._connection
        return
    with closing(open_reader(node.path, node.keys.database_key)) as connection:
        yield connection


def rows(node: FleetNode | Node, sql: str, *values: object) -> list[Any]:
    """Look into a node's database."""
    with looked_into(node) as connection:
        return connection.execute(sql, values).fetchall()
