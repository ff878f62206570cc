"""Heads of ledgers that somebody else was shown, until their owner is asked to lead from them.

One for each who speaks of a ledger: so nobody can put an end to a doubt by raising another one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from node.store.seam import Connection


def keep_doubts(
    connection: Connection, speaker: str, heads: Mapping[str, bytes], now_ms: int
) -> None:
    """Keep what `speaker` was shown of each member's ledger; its place in the turn stays."""
    connection.executemany(
        "INSERT INTO ledger_doubts (member, speaker, note, heard_ms) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (member, speaker) DO UPDATE SET note = excluded.note",
        [(member, speaker, note, now_ms) for member, note in heads.items()],
    )


def oldest_doubts(connection: Connection, member: str, limit: int) -> list[tuple[bytes, int]]:
    """Return heads of a member's ledger, each once, with since when it waits, the oldest first."""
    return connection.execute(
        "SELECT note, min(heard_ms) FROM ledger_doubts WHERE member = ? GROUP BY note"
        " ORDER BY min(heard_ms), note LIMIT ?",
        (member, limit),
    ).fetchall()


def go_on_from(connection: Connection, member: str, reached: Mapping[bytes, bytes]) -> None:
    """Let each doubt wait on at the head to which its owner has led from it so far."""
    connection.executemany(
        "UPDATE ledger_doubts SET note = ? WHERE member = ? AND note = ?",
        [(after, member, note) for note, after in reached.items()],
    )


def end_doubts(connection: Connection, member: str, notes: Collection[bytes]) -> None:
    """Forget these, whoever spoke of them."""
    connection.executemany(
        "DELETE FROM ledger_doubts WHERE member = ? AND note = ?",
        [(member, note) for note in notes],
    )
