"""The statements of the store in PostgreSQL's words: what is put into their place."""

from __future__ import annotations

import pytest

from node.store.postgres.dialect import (
    Column,
    Table,
    insert_rows,
    select_in,
    translate,
    update_rows,
)

TABLES = {
    "notes": Table(
        (
            Column("id", "text", sealed=False),
            Column("count", "bigint", sealed=False),
            Column("body", "bytea", sealed=True),
        ),
        ("id",),
    )
}


class TestStatement:
    """One statement at a time."""

    @pytest.mark.parametrize(
        ("sql", "text"),
        [
            ("SELECT 1 FROM notes WHERE id = ?", "SELECT 1 FROM notes WHERE id = %s"),
            ("SELECT 1 FROM notes WHERE id LIKE 'a%'", "SELECT 1 FROM notes WHERE id LIKE 'a%%'"),
            ("INSERT OR FAIL INTO notes VALUES (?, 1, ?)", "INSERT INTO notes VALUES (%s, 1, %s)"),
            ("UPDATE OR FAIL notes SET count = 1", "UPDATE notes SET count = 1"),
            (
                "INSERT OR IGNORE INTO notes (id) VALUES (?)",
                "INSERT INTO notes (id) VALUES (%s) ON CONFLICT DO NOTHING",
            ),
            (
                "INSERT OR REPLACE INTO notes VALUES (?, ?, ?)",
                "INSERT INTO notes VALUES (%s, %s, %s) ON CONFLICT (id)"  # noqa: ISC004
                " DO UPDATE SET count = excluded.count, body = excluded.body",
            ),
        ],
    )
    def test_differing_words_are_put_in_place(self, sql: str, text: str) -> None:
        """The closed list of the module."""
        assert translate(sql, TABLES).text == text

    def test_numbered_parameter_is_given_wherever_it_stands(self) -> None:
        """PostgreSQL's driver counts places, not names."""
        statement = translate("DELETE FROM notes WHERE id = ?2 AND count > ?1 AND id = ?2", TABLES)
        assert statement.order == (1, 0, 1)

    @pytest.mark.parametrize(
        ("sql", "sealed"),
        [
            ("INSERT INTO notes VALUES (?, ?, ?)", {2}),
            ("INSERT INTO notes (body, id) VALUES (?, ?)", {0}),
            ("INSERT INTO notes (id, count, body) VALUES (?, 7, ?)", {1}),
            ("UPDATE notes SET count = ?, body = ? WHERE id = ?", {1}),
            ("UPDATE notes SET body = NULL WHERE id = ?", set()),
            ("SELECT body FROM notes WHERE id = ?", set()),
        ],
    )
    def test_values_of_sealed_columns_are_found(self, sql: str, sealed: set[int]) -> None:
        """By the name of the column that each becomes."""
        assert translate(sql, TABLES).sealed == sealed


class TestMany:
    """One array for each column: one statement for any number of rows."""

    def test_rows_are_inserted_from_arrays(self) -> None:
        """In their order, with the types of their columns."""
        made = insert_rows("INSERT OR FAIL INTO notes (id, body)", "", TABLES)
        assert made.text == "INSERT INTO notes (id, body) SELECT * FROM unnest(%s, %s)"
        assert made.types == ("text", "bytea")
        assert (set(made.sealed), made.key) == ({1}, ())

    def test_of_rows_that_replace_each_other_the_key_is_known(self) -> None:
        """PostgreSQL refuses to write a row twice in one statement."""
        made = insert_rows("INSERT OR REPLACE INTO notes", "", TABLES)
        assert made.key == (0,)
        assert made.text.endswith("SET count = excluded.count, body = excluded.body")

    def test_rows_are_updated_from_arrays(self) -> None:
        """Each column has the type of what it is assigned to or compared with."""
        sql = "UPDATE OR FAIL notes SET count = column2, body = column3 FROM {} WHERE id = column1"
        made = update_rows(sql, 3, TABLES)
        rows = "unnest(%s, %s, %s) AS rows (column1, column2, column3)"
        assert made.text == (
            f"UPDATE notes SET count = column2, body = column3 FROM {rows} WHERE id = column1"
        )
        assert made.types == ("text", "bigint", "bytea")
        assert made.sealed == {2}

    def test_any_number_of_values_is_one_array(self) -> None:
        """Not a list that grows with them."""
        sql = "SELECT 1 FROM notes WHERE count = ? AND id IN ({})"
        assert select_in(sql, TABLES) == "SELECT 1 FROM notes WHERE count = %s AND id = ANY(%s)"
        sql = "INSERT OR IGNORE INTO notes SELECT * FROM notes WHERE id IN ({})"
        assert select_in(sql, TABLES) == (
            "INSERT INTO notes SELECT * FROM notes WHERE id = ANY(%s) ON CONFLICT DO NOTHING"
        )
