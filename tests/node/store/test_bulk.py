"""Many rows with one statement: all of them, in order, whatever their number."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.store.bulk import insert_rows, select_in, update_rows

ROWS = st.lists(st.tuples(st.integers(0, 2**40), st.binary(max_size=4)), max_size=100)


def made() -> sqlite3.Connection:
    """Return an empty database with one table."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE kept (seq INTEGER PRIMARY KEY, number INTEGER, word BLOB)")
    return connection


@given(ROWS)
def test_every_row_is_inserted_in_its_order(rows: list[tuple[int, bytes]]) -> None:
    """None is lost between two statements, and none comes twice."""
    connection = made()
    insert_rows(connection, "INSERT INTO kept (number, word)", rows)
    assert connection.execute("SELECT number, word FROM kept ORDER BY seq").fetchall() == rows
    connection.close()


@pytest.mark.parametrize("count", [31, 32, 33, 63, 64, 65, 100])
def test_no_row_comes_twice_at_the_edges_of_a_statement(count: int) -> None:
    """Where one statement ends and the next begins."""
    connection = made()
    rows = [(n, b"") for n in range(count)]
    insert_rows(connection, "INSERT INTO kept (number, word)", rows)
    assert connection.execute("SELECT number, word FROM kept ORDER BY seq").fetchall() == rows
    connection.close()


@given(st.integers(0, 100), st.integers(0, 100))
def test_only_the_rows_named_are_updated(count: int, changed: int) -> None:
    """Each gets its own value."""
    connection = made()
    insert_rows(connection, "INSERT INTO kept (number, word)", [(n, b"") for n in range(count)])
    new = [(n + 1, b"%d" % n) for n in range(min(count, changed))]
    update_rows(connection, "UPDATE kept SET word = column2 FROM {} WHERE seq = column1", new)
    found = connection.execute("SELECT seq, word FROM kept WHERE word <> x'' ORDER BY seq")
    assert found.fetchall() == new
    connection.close()


@pytest.mark.parametrize("count", [0, 1, 2, 8, 9, 32, 33, 128, 129, 300])
def test_each_value_is_looked_up_once(count: int) -> None:
    """At the edges of every size: the padding finds nothing twice, and nothing else is found."""
    connection = made()
    insert_rows(connection, "INSERT INTO kept (number, word)", [(n, b"") for n in range(400)])
    sql = "SELECT number FROM kept WHERE seq > ? AND number IN ({})"
    found = [row[0] for row in select_in(connection, sql, range(count), (0,))]
    assert sorted(found) == list(range(count))
    connection.close()


@pytest.mark.parametrize("count", [31, 32, 33, 64, 65])
def test_conflict_clause_holds_for_every_row(count: int) -> None:
    """Also at the edges of a statement."""
    connection = made()
    rows = [(n, n, b"") for n in range(count)]
    for _ in range(2):
        insert_rows(
            connection, "INSERT INTO kept", rows, "ON CONFLICT (seq) DO UPDATE SET word = x'01'"
        )
    (found,) = connection.execute("SELECT count(*) FROM kept WHERE word = x'01'").fetchone()
    assert found == count
    connection.close()
