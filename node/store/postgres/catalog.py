"""What the tables of the store look like in this database: read once for each connection."""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg

from node.store.postgres.dialect import Column, Table, Tables

_COLUMNS = """
SELECT c.oid, c.relname, a.attnum, a.attname, format_type(a.atttypid, NULL),
    a.attnum = ANY(i.indkey), t.typname = 'sealed'
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v')
ORDER BY c.oid, a.attnum
"""


class Catalog(NamedTuple):
    """The tables and views by name, and which columns are sealed, by the server's numbers."""

    tables: Tables
    sealed: frozenset[tuple[int, int]]

    @classmethod
    def read(cls, raw: psycopg.Connection[tuple[Any, ...]]) -> Catalog:
        """Ask the server."""
        columns: dict[str, list[Column]] = {}
        keys: dict[str, list[str]] = {}
        sealed = set()
        for table, name, number, column, sort, in_key, is_sealed in raw.execute(_COLUMNS):
            kept = Column(column, "bytea" if is_sealed else sort, is_sealed)
            columns.setdefault(name, []).append(kept)
            if in_key:
                keys.setdefault(name, []).append(column)
            if is_sealed:
                sealed.add((table, number))
        tables = {
            name: Table(tuple(found), tuple(keys.get(name, ()))) for name, found in columns.items()
        }
        return cls(tables, frozenset(sealed))
