"""Effects on the world outside wait for a person after a restore (docs/protocol.md §8.10, G2).

A restored database does not know what this node did after the backup was made: which host had its
notice, which case was referred to the police. So nothing of that kind is done again by itself. The
open task is the flag: whoever is about to notify or refer asks `may_act_outside` in the transaction
in which it takes the work, and a person who has looked closes the task. Messages between members
need no such flag: the same thing has the same id for ever.
"""

from __future__ import annotations

from node.store.seam import Connection

OUTSIDE_HELD = "outside_held"
SUBJECT = "restored"


def may_act_outside(connection: Connection) -> bool:
    """Whether notices and referrals may leave by themselves: no restore waits for a person."""
    held = connection.execute(
        "SELECT 1 FROM tasks WHERE code = ? AND closed_ms IS NULL LIMIT 1", (OUTSIDE_HELD,)
    ).fetchone()
    return held is None


def hold_outside(connection: Connection, database: str, restored_ms: int) -> None:
    """Let a database wait for a person before it acts outside; once is enough.

    `database` is empty, or the name of an attached one and a full stop.
    """
    connection.execute(
        f"INSERT INTO {database}tasks (code, subject, opened_ms)"  # noqa: S608 - own name
        f" SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM {database}tasks"
        " WHERE code = ?1 AND closed_ms IS NULL)"
        " ON CONFLICT (code, subject, opened_ms) DO UPDATE SET closed_ms = NULL",
        (OUTSIDE_HELD, SUBJECT, restored_ms),
    )
