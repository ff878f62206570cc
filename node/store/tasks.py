"""Putting something before a person, once until it is closed."""

from __future__ import annotations

from node.store.seam import Connection


def open_task(connection: Connection, code: str, subject: str, now_ms: int) -> None:
    """Open a task unless one of this code and subject is open already."""
    connection.execute(
        "INSERT OR IGNORE INTO tasks (code, subject, opened_ms) SELECT ?, ?, ? WHERE NOT EXISTS"
        " (SELECT 1 FROM tasks WHERE code = ? AND subject = ? AND closed_ms IS NULL)",
        (code, subject, now_ms, code, subject),
    )


def close_task(connection: Connection, code: str, subject: str, now_ms: int) -> None:
    """Close the task of this code and subject, if one is open: what it was about is over."""
    connection.execute(
        "UPDATE tasks SET closed_ms = ? WHERE code = ? AND subject = ? AND closed_ms IS NULL",
        (now_ms, code, subject),
    )
