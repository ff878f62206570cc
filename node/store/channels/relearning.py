"""What could not be judged is judged by a program that can: another one may have been started.

What is of a form that nobody here knew is looked through once for each program that knows other
forms, not at each start: a member may say very much of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from node.store.seam import Connection

_LEARNT: Final = "forms_learnt"
_UNKNOWN: Final = (
    "SELECT seq, entry FROM entries_in WHERE judged = 1 AND entry IS NOT NULL"
    " AND answer IN ('unknown_kind', 'unknown_version')"
)


def relearn(
    connection: Connection, is_known: Callable[[bytes], bool], forms: str, now_ms: int
) -> int:
    """Let wait for judgement what the program failed at, and what is of a form known now.

    Args:
        connection: in the transaction of the caller.
        is_known: whether this program reads an entry.
        forms: all that it reads, in words that are the same while that is the same.
        now_ms: when tasks about it are closed.
    """
    failed = connection.execute(
        "UPDATE entries_in SET judged = 0 WHERE judged = 3 AND answer IS NULL"
        " AND entry IS NOT NULL AND seq NOT IN (SELECT seq FROM in_disavowed_ranges)"
    ).rowcount
    sql = "UPDATE tasks SET closed_ms = ? WHERE code = ? AND closed_ms IS NULL"
    connection.execute(sql, (now_ms, "entry_not_judged"))
    known = connection.execute("SELECT value FROM meta WHERE name = ?", (_LEARNT,)).fetchone()
    if known is not None and known[0] == forms:
        return failed
    learnt = [(seq,) for seq, entry in connection.execute(_UNKNOWN) if is_known(entry)]
    connection.executemany("UPDATE entries_in SET judged = 0 WHERE seq = ?", learnt)
    connection.execute(
        "UPDATE tasks SET closed_ms = ?"
        " WHERE code = 'entry_unknown_kind' AND closed_ms IS NULL AND NOT EXISTS"
        " (SELECT 1 FROM entries_in e WHERE e.peer = tasks.subject AND e.judged = 1"
        " AND e.entry IS NOT NULL AND e.answer IN ('unknown_kind', 'unknown_version'))",
        (now_ms,),
    )
    connection.execute("DELETE FROM meta WHERE name = ?", (_LEARNT,))
    connection.execute("INSERT INTO meta VALUES (?, ?)", (_LEARNT, forms))
    return len(learnt) + failed
