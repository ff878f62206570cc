"""Putting something before a person, once until it is closed.

What opens tasks is often what other members say, and some of it bears names that they choose. So
none of them can hide an alarm behind many others: one task of a code and subject is open at a time,
and what is shown takes the codes in turn.
"""

from __future__ import annotations

from collections.abc import Iterable

from node.store.bulk import select_in
from node.store.seam import Connection


def open_task(connection: Connection, code: str, subject: str, now_ms: int) -> bool:
    """Open a task unless one of this code and subject is open; return whether it was opened."""
    opened = connection.execute(
        "INSERT INTO tasks (code, subject, opened_ms) SELECT ?1, ?2, ?3 WHERE NOT EXISTS"
        " (SELECT 1 FROM tasks WHERE code = ?1 AND subject = ?2 AND closed_ms IS NULL)"
        " ON CONFLICT (code, subject, opened_ms) DO UPDATE SET closed_ms = NULL",
        (code, subject, now_ms),
    )
    return opened.rowcount > 0


def open_once(connection: Connection, code: str, item: str, now_ms: int) -> None:
    """Open a task of an item unless one was opened since the last that was learnt of the item.

    For what is looked for again at each start: a person that closed it knows.
    """
    told = connection.execute(
        "SELECT 1 FROM tasks WHERE code = ? AND subject = ? AND opened_ms >="
        " (SELECT learnt_ms FROM events WHERE item = ? ORDER BY seq DESC LIMIT 1) LIMIT 1",
        (code, item, item),
    ).fetchone()
    if told is None:
        open_task(connection, code, item, now_ms)


def open_unless_told(
    connection: Connection, code: str, subject: str, entry: int, now_ms: int
) -> None:
    """Open a task unless one of this code and subject stood before a person since an entry came.

    For an entry that is judged again: a person that closed the task knows. `entry`: its row.
    """
    told = connection.execute(
        "SELECT 1 FROM tasks WHERE code = ? AND subject = ? AND (closed_ms IS NULL OR closed_ms >="
        " (SELECT taken_ms FROM entries_in WHERE seq = ?)) LIMIT 1",
        (code, subject, entry),
    ).fetchone()
    if told is None:
        open_task(connection, code, subject, now_ms)


def open_tasks(connection: Connection, limit: int) -> list[tuple[str, str, int]]:
    """Return what stands before a person: (code, subject, opened_ms), oldest first.

    Where there is more than `limit`, the oldest of each code come before second ones of any, so
    that whatever opens very many hides no task of another code.
    """
    rows = connection.execute(
        "SELECT code, subject, opened_ms FROM (SELECT code, subject, opened_ms, id, row_number()"
        " OVER (PARTITION BY code ORDER BY opened_ms, id) AS turn FROM tasks"
        " WHERE closed_ms IS NULL) AS waiting ORDER BY turn, opened_ms, id LIMIT ?",
        (limit,),
    ).fetchall()
    return sorted(((row[0], row[1], row[2]) for row in rows), key=lambda row: row[2])


def kept_for(connection: Connection, items: Iterable[str], codes: tuple[str, str]) -> set[str]:
    """Return those of `items` of which a task of one of these codes is open."""
    sql = "SELECT subject FROM tasks WHERE closed_ms IS NULL AND code IN (?, ?) AND subject IN ({})"
    return {row[0] for row in select_in(connection, sql, items, codes)}


def close_task(connection: Connection, code: str, subject: str, now_ms: int) -> None:
    """Close the task of this code and subject, if one is open: what it was about is over."""
    connection.execute(
        "UPDATE tasks SET closed_ms = ? WHERE code = ? AND subject = ? AND closed_ms IS NULL",
        (now_ms, code, subject),
    )
