"""PostgreSQL understands every statement of the store, whether a test runs it there or not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from node.store.postgres import dialect
from node.store.postgres.catalog import Catalog
from tests.builders.postgres import Cluster

KEY = bytes(range(32))
STORE = Path(__file__).resolve().parents[3] / "node" / "store"
NATIVE = {"postgres", "moving"}
OF_FILES = {"connection.py", "completing.py", "backup.py"}
"""These speak to the file alone."""
TYPES_UNKNOWN = ("42804", "42P18", "42725")
"""Without values the server cannot know the types of some parameters; with them it does."""
STATEMENT = re.compile(r"(SELECT|INSERT|UPDATE|DELETE|WITH) ")


def statements() -> Iterator[tuple[str, str]]:
    """Yield the statements that stand as they are in the sources, each with its module."""
    for path in sorted(STORE.rglob("*.py")):
        if not NATIVE.isdisjoint(path.parts):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        pieces = [one for one in ast.walk(tree) if isinstance(one, ast.JoinedStr | ast.BinOp)]
        parts = {id(part) for one in pieces for part in ast.walk(one)}
        for one in ast.walk(tree):
            if isinstance(one, ast.Constant) and id(one) not in parts and path.name not in OF_FILES:
                text = str(one.value)
                if STATEMENT.match(text) and "{note}" not in text:
                    yield path.name, text


def in_postgres(sql: str, tables: dialect.Tables) -> str:
    """Return a statement as it goes to the server, whichever way it goes there."""
    if sql.startswith("INSERT") and not re.search(r"VALUES|SELECT", sql):
        return dialect.insert_rows(sql, "", tables).text
    if sql.startswith("UPDATE") and "{}" in sql:
        width = max(int(number) for number in re.findall(r"column(\d+)", sql))
        return dialect.update_rows(sql, width, tables).text
    if "IN ({})" in sql:
        return dialect.select_in(sql, tables)
    return dialect.translate(sql, tables).text


def test_every_statement_is_understood(postgres: Cluster) -> None:
    """Words, names, grouping and conflict targets."""
    wrong, seen = [], 0
    with psycopg.connect(postgres.emptied(KEY).url, autocommit=True) as server:
        tables = Catalog.read(server).tables
        for module, sql in statements():
            numbers = iter(range(1, 100))
            text = in_postgres(sql, tables).replace("%%", "%")
            text = re.sub("%s", lambda _: f"${next(numbers)}", text)  # noqa: B023 - at once
            result = server.pgconn.prepare(b"", text.encode())
            state = result.error_field(psycopg.pq.DiagnosticField.SQLSTATE)
            seen += 1
            if state is not None and state.decode() not in TYPES_UNKNOWN:
                wrong.append((module, state.decode(), result.error_message, sql))
    assert wrong == []
    assert seen > 150


def compared(sql: str, tables: dialect.Tables) -> set[str]:
    """Return the sealed columns that a statement compares, or orders by.

    Whether there is anything in them it may ask. A name that is another table's too is passed over.
    """
    of = [
        column
        for name in tables
        if re.search(rf"\b{name}\b", sql)
        for column in tables[name].columns
    ]
    sealed = {one.name for one in of if one.sealed} - {one.name for one in of if not one.sealed}
    _, *parts = re.split(r"\b(?:WHERE|ORDER BY|GROUP BY|ON)\b", sql)
    asked = re.sub(r"\b\w+ IS (NOT )?NULL", "", " ".join(parts))
    return {name for name in sealed if re.search(rf"\b{name}\b", asked)}


def test_no_statement_compares_what_is_sealed(postgres: Cluster) -> None:
    """On a server it is never equal to anything, and begins with no head: nothing is found."""
    with psycopg.connect(postgres.emptied(KEY).url, autocommit=True) as server:
        tables = Catalog.read(server).tables
    assert compared("SELECT seq FROM entries_in WHERE substr(entry, 1, 3) = ?", tables) == {"entry"}
    assert not compared("SELECT seq FROM entries_in WHERE entry IS NOT NULL", tables)
    assert [(module, sql) for module, sql in statements() if compared(sql, tables)] == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT epoch, size FROM channels_in GROUP BY epoch",
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        "UPDATE channels_out SET receipted = max(receipted, ?)",
        "SELECT group_concat(peer) FROM channels_in",
        "SELECT 1 FROM channels_in WHERE epoch IS ?",
    ],
)
def test_what_only_sqlite_knows_is_found(postgres: Cluster, sql: str) -> None:
    """So the test above would notice it."""
    with psycopg.connect(postgres.emptied(KEY).url, autocommit=True) as server:
        text = in_postgres(sql, Catalog.read(server).tables).replace("%s", "$1")
        assert server.pgconn.prepare(b"", text.encode()).error_message
