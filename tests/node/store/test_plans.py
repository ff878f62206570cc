"""No statement of daily work walks through a table that grows with the years (R6, P7).

A statement without an index costs nothing in a test, and holds the node's only writer for minutes
once the table has a million rows. So the plan of each is asked for, as SQLite makes it without
statistics. What walks by its nature (an audit, the first start after an upgrade, a rebuilding, a
person's question about one verdict) is named, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from node.store.channels import citing, custody, refused, repeats
from node.store.connection import FileConnection, create_database, open_writer
from node.store.items import queries, states
from node.store.items.queries import ItemQuery
from tests.node.store.test_postgres_statements import KEY, statements

GROWING = ("messages_out", "entries_in", "log_out", "items", "events", "tombstones", "reports")
MAY_WALK = {
    "audit.py": "reads all there is, beside the node",
    "disavow_audit.py": "as the audit, of which it is a part",
    "carrying_over.py": "once, at the first start after an upgrade, in short pieces",
    "recovered.py": "once, when a member that lost all is rebuilt",
}
"""Modules whose work it is to go through everything."""
WALKS = {
    "SELECT count(*) FROM items": "a figure for operators, by a reader; counts pages of an index",
    "SELECT l.peer, l.lane, l.epoch, l.idx, m.entry FROM": "a person exports a shared verdict",
    "SELECT peer, lane, epoch, idx, entry FROM entries_in WHERE lane": "as before",
    "SELECT max(seq), min(CASE WHEN taken_ms > ? THEN seq END)": "goes on with a span of rows",
    "SELECT seq, chain FROM events ORDER BY seq DESC LIMIT 1": "one row, from the end",
}
"""Other statements that may, by how they begin, and why."""
_IN_ORDER = re.compile(r"USING (COVERING )?INDEX (\w+)")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileConnection]:
    """Give an empty database."""
    path = tmp_path_factory.mktemp("plans") / "node.db"
    create_database(path, KEY)
    connection = open_writer(path, KEY)
    yield connection
    connection.close()


def plan(connection: FileConnection, sql: str) -> list[str]:
    """Return the steps by which SQLite answers a statement, whatever its values."""
    if sql.startswith("UPDATE") and "{}" in sql:
        width = max(int(number) for number in re.findall(r"column(\d+)", sql))
        sql = sql.replace("{}", f"(VALUES ({','.join('?' * width)}))")
    sql = sql.replace("IN ({})", "IN (?, ?)").replace("{}", "?")
    named = [int(number) for number in re.findall(r"\?(\d+)", sql)]
    count = max(named, default=0) or sql.count("?")
    rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * count)
    return [row[3] for row in rows]


def walked(connection: FileConnection, sql: str) -> list[str]:
    """Return the growing tables that a statement goes through from end to end.

    A partial index holds what is still to be done, not the years.
    """
    partial = {
        row[0]
        for row in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'"
        )
    } - {"log_out_by_message", "messages_by_item", "entries_in_by_item"}
    aliases = re.findall(rf"\b({'|'.join(GROWING)}) (?:AS )?([a-z]\w*)\b", sql)
    names = {name: name for name in GROWING} | {alias: table for table, alias in aliases}
    found = []
    for step in plan(connection, sql):
        scan = re.match(r"SCAN (\w+)", step)
        index = _IN_ORDER.search(step)
        if scan and scan[1] in names and not (index and index[2] in partial):
            found.append(names[scan[1]])
    return found


def daily() -> Iterator[str]:
    """Yield the statements of modules that work all day, those made of pieces among them."""
    for module, sql in statements():
        is_cut = sql.startswith("INSERT") and not re.search(r"VALUES|SELECT", sql)
        if module not in MAY_WALK and not is_cut and not sql.startswith(tuple(WALKS)):
            yield sql
    yield from (citing._ONE_BY_ONE, citing._IN_A_ROW, refused._FOUND, repeats._OF_IDS)
    yield from (states.STATES_BY_ID, custody._ALL, custody._OF_CHANNEL)


def test_no_statement_of_daily_work_walks_through_what_grows(database: FileConnection) -> None:
    """Each by itself; so a new one cannot be forgotten."""
    wrong = [(sql, tables) for sql in daily() if (tables := walked(database, sql))]
    assert wrong == []


@pytest.mark.parametrize("start", WALKS)
def test_what_may_walk_is_still_there(start: str) -> None:
    """A statement that is gone, or was mended, leaves the list."""
    assert any(sql.startswith(start) for _, sql in statements())


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM messages_out WHERE peer = ? AND lane = ? AND kind = ? AND entry_id = ?",
        "SELECT m.seq FROM waiting_out w, messages_out m WHERE m.entry_id = ?",
        "SELECT seq FROM entries_in WHERE leaf = ?",
    ],
)
def test_a_statement_that_walks_is_found(database: FileConnection, sql: str) -> None:
    """So the tests above would notice it."""
    assert walked(database, sql)


def test_repeats_are_found_by_their_id(database: FileConnection) -> None:
    """Not by their sender, which may have sent any number."""
    steps = plan(database, repeats._OF_IDS)
    assert "SEARCH s USING PRIMARY KEY (peer=? AND entry_id=?)" in steps
    assert "SEARCH e USING INTEGER PRIMARY KEY (rowid=?)" in steps


def test_what_is_said_again_is_found_by_its_leaf(database: FileConnection) -> None:
    """In disavowed ranges, and whether it was said again: never by walking either."""
    (sql,) = [sql for module, sql in statements() if "disavowed_leaves l" in sql]
    steps = plan(database, sql)
    assert "SEARCH l USING PRIMARY KEY (peer=? AND leaf=?)" in steps
    again = [step for step in steps if "SEARCH a " in step]
    assert all("entries_in_said_again (peer=? AND leaf=?" in step for step in again)
    assert not [step for step in steps if "entries_in_by_place" in step]


def test_g11_what_waits_is_read_channel_by_channel(database: FileConnection) -> None:
    """However much waits in one: neither the senders nor the next of each are looked for."""
    senders = custody._NEXT_SENDER
    (step,) = plan(database, senders)
    assert step.endswith("COVERING INDEX entries_in_turns (peer>?)")
    steps = plan(database, custody._OF_CHANNEL)
    assert steps[0] == "SEARCH e USING INDEX entries_in_turns (peer=? AND lane=? AND seq>?)"
    assert not [step for step in [*steps, *plan(database, custody._ALL)] if "TEMP B-TREE" in step]


def test_who_is_rebuilt_goes_through_what_waits_without_sorting_it(
    database: FileConnection,
) -> None:
    """A page at a time, all of what members said again."""
    (pages,) = [sql for module, sql in statements() if "+judged = 0" in sql]
    assert plan(database, pages) == ["SEARCH entries_in USING INTEGER PRIMARY KEY (rowid>?)"]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (ItemQuery(review=True), "items_to_review"),
        (ItemQuery(review=True, country="FR"), "items_to_review"),
        (ItemQuery(custody="here"), "items_here"),
        (ItemQuery(custody="here", responsible="fr-pdc"), "items_here"),
        (ItemQuery(custody="here", changed_after=1), "items_here"),
    ],
)
def test_p7_work_lists_read_what_is_to_be_done(
    database: FileConnection, wanted: ItemQuery, index: str
) -> None:
    """Not each item there ever was, and in order without sorting them."""
    steps = plan(database, queries._items_sql(wanted, None, late=False)[0])
    assert any(f"INDEX {index} (id>?)" in step for step in steps), steps
    assert not [step for step in steps if "SCAN" in step or "TEMP B-TREE" in step], steps


@pytest.mark.parametrize(
    "wanted",
    [
        ItemQuery(custody="handed_on"),
        ItemQuery(country="FR"),
        ItemQuery(responsible="fr-pdc"),
        ItemQuery(changed_after=1),
        ItemQuery(handed_to="fr-pdc"),
        ItemQuery(handed_to="fr-pdc", unreceipted=True),
    ],
)
def test_p7_other_lists_go_through_a_stretch_of_items_at_a_time(
    database: FileConnection, wanted: ItemQuery
) -> None:
    """However few of them are meant: no reader is held for long."""
    steps = plan(database, queries._items_sql(wanted, "z", late=False)[0])
    assert any("(id>? AND id<?)" in step for step in steps), steps
    assert not [step for step in steps if step.startswith("SCAN")], steps
