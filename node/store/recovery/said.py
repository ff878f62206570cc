"""What a rebuilt node had said before it was lost: it is not said a second time (§8.13.7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from node.casework.incoming.receiving import Answer, Judged
from node.casework.passing_on.post import Post
from node.casework.rebuilt.recovered import answer_key, key_of
from node.store.bulk import select_in
from node.store.seam import Connection
from protocol.vocabulary import Disposition, Kind


def unsaid(connection: Connection, posts: Sequence[Post]) -> list[Post]:
    """Leave out what had been said before the node was lost; and what was told of an item since.

    That is told once more when all is known again (§8.13.7), and need not be word for word the
    same: another word under one id.
    """
    if not posts or not was_lost(connection):
        return list(posts)
    keys = [key_of(post.entry) for post in posts]
    before = said_by(connection, [key for key in keys if key is not None])
    told = _told_since(connection, posts)
    left = []
    for post, key in zip(posts, keys, strict=True):
        if (key is None or (post.peer, key) not in before) and post.entry_id not in told:
            left.append(post)
        if post.kind == Kind.OUTCOME:
            told.add(post.entry_id)
    return left


def _told_since(connection: Connection, posts: Iterable[Post]) -> set[bytes]:
    """Return the ids of what was told of these items, in this life of the node or before."""
    items = {post.item for post in posts if post.kind == Kind.OUTCOME and post.item is not None}
    sql = f"SELECT entry_id FROM messages_out WHERE kind = {int(Kind.OUTCOME)} AND item IN ({{}})"  # noqa: S608 - own
    return {entry_id for (entry_id,) in select_in(connection, sql, sorted(items))}


def retold(connection: Connection, answers: Iterable[Answer]) -> list[Answer]:
    """Let an answer that had been given before the node was lost stay the answer."""
    given = list(answers)
    keys = [(one.arrived.peer, answer_key(one.arrived.leaf)) for one in given]
    before = said_by(connection, [key for _, key in keys])
    return [_as_told(one, before.get(key)) for one, key in zip(given, keys, strict=True)]


def _as_told(one: Answer, told: str | None) -> Answer:
    if told is None or one.judged is not Judged.DONE or one.disposition is None:
        return one
    return msgspec.structs.replace(one, disposition=Disposition(told))


def said_before(connection: Connection, items: Iterable[str]) -> dict[str, list[tuple[str, bytes]]]:
    """Return what came back that had been said of these items, and to whom."""
    sql = (
        "SELECT m.item, m.peer, m.entry FROM messages_out m WHERE m.entry IS NOT NULL"
        " AND m.item IN ({}) AND EXISTS (SELECT 1 FROM recovered_entries r WHERE r.message = m.seq)"
        " ORDER BY m.seq"
    )
    found: dict[str, list[tuple[str, bytes]]] = {}
    for item, peer, raw in select_in(connection, sql, items):
        found.setdefault(item, []).append((peer, raw))
    return found


def was_lost(connection: Connection) -> bool:
    """Whether this node was rebuilt from what its peers had, so that it said some things before."""
    return connection.execute("SELECT 1 FROM recovered_entries LIMIT 1").fetchone() is not None


def said_by(connection: Connection, keys: Iterable[bytes]) -> dict[tuple[str, bytes], str | None]:
    """Return what was said, by peer and key; of an answer, which: of several the last."""
    wanted = list(keys)
    sql = "SELECT peer, said, answer FROM recovered_answers WHERE said IN ({})"
    found = {(row[0], row[1]): row[2] for row in select_in(connection, sql, wanted)}
    sql = "SELECT peer, said, answer FROM recovered_entries WHERE said IN ({}) ORDER BY number"
    return found | {(row[0], row[1]): row[2] for row in select_in(connection, sql, wanted)}
