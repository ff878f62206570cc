"""A row stands in the delta or in its table, in one of them at every commit, and is found there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlcipher3
from hypothesis import given
from hypothesis import strategies as st

from node.store.connection import Connection, open_writer
from node.store.delta import Delta
from node.store.writer import InlineWriter
from tests.builders.empty import empty_store

KEY = bytes(range(32))
AT_MOST = 4
Row = tuple[bytes, str]


def key(number: int) -> bytes:
    """Return the key of a row; numbers beyond 255 have first bytes that came before."""
    return bytes([number * 67 % 256]) + number.to_bytes(15)


def rows(*numbers: int) -> list[Row]:
    """Return rows as `item_keys` has them."""
    return [(key(number), f"item-{number}") for number in numbers]


def delta() -> Delta:
    """Return a delta of `item_keys` that is soon full."""
    return Delta("item_keys", ("key", "item"), AT_MOST)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """Open an empty database."""
    empty_store(tmp_path / "node.db", KEY)
    opened = open_writer(tmp_path / "node.db", KEY)
    yield opened
    opened.close()


def standing(connection: Connection) -> tuple[list[Row], list[Row]]:
    """Return the rows of the delta in their order, and those of the table."""
    waiting = connection.execute("SELECT key, item FROM item_keys_delta ORDER BY number")
    table = connection.execute("SELECT key, item FROM item_keys")
    return waiting.fetchall(), table.fetchall()


def test_few_rows_are_appended_in_the_order_they_came(connection: Connection) -> None:
    """This is what it is for: the table, where each would write a page, is left alone."""
    delta().append(connection, rows(3, 1, 2))
    assert standing(connection) == (rows(3, 1, 2), [])


def test_full_delta_moves_a_share_and_keeps_the_rest(connection: Connection) -> None:
    """The rows whose keys begin with the first eighth of the bytes go first, as a whole."""
    front = delta()
    front.append(connection, [(b"\x01", "a"), (b"\x70", "b"), (b"\x1f", "c"), (b"\xff", "d")])
    front.append(connection, [(b"\x20", "e")])
    waiting, table = standing(connection)
    assert table == [(b"\x01", "a"), (b"\x1f", "c")]
    assert waiting == [(b"\x70", "b"), (b"\xff", "d"), (b"\x20", "e")]


def test_keys_that_all_begin_alike_move_too(connection: Connection) -> None:
    """Whoever chooses entry ids can't make the delta grow: their share comes round."""
    front = delta()
    front.append(connection, [(b"\xee%d" % n, "x") for n in range(AT_MOST + 1)])
    waiting, table = standing(connection)
    assert (len(waiting), len(table)) == (0, AT_MOST + 1)


def test_row_is_found_wherever_it_stands(connection: Connection) -> None:
    """Also by a program that was started since and remembers nothing."""
    front = delta()
    front.append(connection, rows(*range(9)))
    waiting, table = standing(connection)
    assert waiting
    assert table
    for asked in (front, delta()):
        assert sorted(asked.find(connection, map(key, range(20)))) == sorted(rows(*range(9)))


def test_two_rows_of_one_key_are_both_found(connection: Connection) -> None:
    """One content at two items; one of them may have moved already."""
    front = delta()
    front.append(connection, [(key(1), "a"), (key(1), "b"), (key(2), "c")])
    assert sorted(front.find(connection, [key(1)])) == [(key(1), "a"), (key(1), "b")]
    front.append(connection, rows(*range(3, 12)))
    front.append(connection, [(key(1), "d")])
    assert {row[1] for row in front.find(connection, [key(1)])} == {"a", "b", "d"}


@pytest.mark.parametrize("at_most", [0, 1, 9])
def test_condition_holds_in_both_places(connection: Connection, at_most: int) -> None:
    """An id of one member is not that of another who made the same."""
    front = Delta("entry_ids_in", ("entry_id", "peer", "digest"), at_most)
    front.append(connection, [(b"\x01", "gb-iwf", b"1"), (b"\x01", "de-eco", b"2")])
    front.append(connection, [(b"\xff", "gb-iwf", b"3")])
    asked = front.find(connection, [b"\x01", b"\xff"], "peer = ? AND ", ("gb-iwf",))
    assert list(asked) == [(b"\x01", "gb-iwf", b"1"), (b"\xff", "gb-iwf", b"3")]


def test_row_that_comes_again_stands_once_in_the_table(connection: Connection) -> None:
    """The casebook asks first, but need not have loaded every key."""
    front = delta()
    for _ in range(4):
        front.append(connection, rows(1, 2))
    front.append(connection, rows(*range(10, 40)))
    _, table = standing(connection)
    assert [row for row in table if row in rows(1, 2)] == rows(1, 2)


class TestRolledBack:
    """Nothing is remembered that was taken back, and nothing forgotten that stands."""

    def test_row_that_was_taken_back_is_not_found(self, connection: Connection) -> None:
        """Else the next of its kind would be taken for a repetition, and be lost."""
        writer, front = InlineWriter(connection), delta()
        writer.on_rollback(front.forget)
        writer.run_now(lambda c: front.append(c, rows(1)))
        _fail(writer, front, rows(2))
        assert list(front.find(connection, [key(1), key(2)])) == rows(1)

    def test_row_whose_move_was_taken_back_is_found(self, connection: Connection) -> None:
        """It stands in the delta again; memory had it in the table."""
        writer, front = InlineWriter(connection), delta()
        writer.on_rollback(front.forget)
        writer.run_now(lambda c: front.append(c, rows(*range(AT_MOST))))
        before = standing(connection)
        _fail(writer, front, rows(*range(10, 30)))
        assert standing(connection) == before
        asked = front.find(connection, map(key, range(30)))
        assert sorted(asked) == sorted(rows(*range(AT_MOST)))

    def test_number_that_was_taken_back_is_given_again(self, connection: Connection) -> None:
        """What comes next finds its place free."""
        writer, front = InlineWriter(connection), delta()
        writer.on_rollback(front.forget)
        _fail(writer, front, rows(1, 2))
        writer.run_now(lambda c: front.append(c, rows(3)))
        assert list(front.find(connection, map(key, range(5)))) == rows(3)


def _fail(writer: InlineWriter, front: Delta, added: list[Row]) -> None:
    def job(connection: Connection) -> None:
        front.append(connection, added)
        raise KeyError

    with pytest.raises(KeyError):
        writer.run_now(job)


@given(st.lists(st.lists(st.integers(0, 300), unique=True, max_size=9), max_size=12))
def test_no_row_is_lost_or_doubled_however_they_come(batches: list[list[int]]) -> None:
    """Whatever moves when, all that were appended are there, and memory says what the rows say."""
    connection = _in_memory()
    front, known = delta(), set[int]()
    for batch in batches:
        new = [number for number in batch if number not in known]
        known.update(new)
        front.append(connection, rows(*new))
        waiting, table = standing(connection)
        assert sorted(waiting + table) == sorted(rows(*known))
        assert len(waiting) <= AT_MOST
        assert len(front.numbers(connection, list(map(key, range(301))))) == len(waiting)
    connection.close()


def _in_memory() -> Connection:
    connection: Connection = sqlcipher3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE item_keys (key, item, PRIMARY KEY (key, item)) WITHOUT ROWID")
    connection.execute("CREATE TABLE item_keys_delta (number INTEGER PRIMARY KEY, key, item)")
    return connection


def test_rows_are_taken_away_wherever_they_stand(connection: Connection) -> None:
    """Others with the same key stay; one that is not there makes no difference."""
    front = delta()
    front.append(connection, [(b"\x01", "a"), (b"\x70", "b"), (b"\x70", "c"), (b"\xff", "d")])
    front.append(connection, [(b"\x20", "e")])
    front.remove(connection, [(b"\x01", "a"), (b"\x70", "b"), (b"\x99", "nobody")])
    assert standing(connection) == ([(b"\x70", "c"), (b"\xff", "d"), (b"\x20", "e")], [])
    assert list(front.find(connection, [b"\x01", b"\x70"])) == [(b"\x70", "c")]
    front.append(connection, [(b"\x70", "b")])
    assert set(front.find(connection, [b"\x70"])) == {(b"\x70", "b"), (b"\x70", "c")}


def test_rows_whose_removal_is_rolled_back_are_found(connection: Connection) -> None:
    """Memory forgot nothing."""
    front = delta()
    front.append(connection, rows(1, 2))
    connection.execute("BEGIN")
    front.remove(connection, rows(1, 2))
    assert list(front.find(connection, [key(1), key(2)])) == []
    connection.execute("ROLLBACK")
    front.forget()
    assert set(front.find(connection, [key(1), key(2)])) == set(rows(1, 2))
