"""A database that already holds very many items, made directly: for P7 and P11.

What a node wrote for the items that it exchanged just before (the warm-up: one for each host) is
copied again and again with other keys, until as much stands there as was asked for. So every table
and index that grows with items has rows of the right size, keys as random as real ones, and the
depth that it would have. What the copies do not have is meaning: their history does not chain,
their signatures fit nothing, `hotline verify` would say so. Channels are the exception: their
logs are checked whenever a node starts, so copies of sent and received entries stand under a member
that does not exist.

The node must be stopped. Durability is off while this writes, and on again when the node starts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from node.store.connection import FileConnection, open_writer
from node.store.opening import Place

PAST = "xx-past"
"""The member under which copies of sent and received entries stand."""
CHUNK = 20
"""Copies of the whole warm-up written in one transaction."""
CACHE_KIB = 1_000_000

_ITEMS = "SELECT * FROM items WHERE custody IN ('here', 'handed_on')"
TABLES = {
    "reports": (
        "another(id, c), source, another(reference, c), state",
        "SELECT * FROM reports",
    ),
    "items": (
        (
            "another(id, c), another(report_id, c), custody, responsible, country, urgency, NULL,"
            " review, changed_seq, state"
        ),
        _ITEMS,
    ),
    "item_keys": (
        "another(key, c), another(item, c)",
        "SELECT key, item FROM item_keys UNION SELECT key, item FROM item_keys_delta",
    ),
    "intake_lines": ("another(line, c), another(item, c)", "SELECT * FROM intake_lines"),
    "events": (
        "NULL, another(item, c), kind, at_ms, learnt_ms, actor, body, another(leaf, c), chain",
        "SELECT * FROM events",
    ),
    "messages_out": (
        (
            f"NULL, '{PAST}', lane, urgency, another(entry_id, c), kind, another(item, c), entry,"
            " created_ms"
        ),
        "SELECT * FROM messages_out",
    ),
    "log_out": (
        f"'{PAST}', lane, another(epoch, c), idx, another(leaf, c), 1000000000 + message, entry",
        "SELECT * FROM log_out",
    ),
    "entries_in": (
        (
            f"NULL, '{PAST}', lane, another(epoch, c), idx, another(leaf, c), entry, judged, NULL,"
            " taken_ms, answer, another(item, c)"
        ),
        "SELECT * FROM entries_in",
    ),
    "entry_ids_in": (
        "peer, another(entry_id, c), digest",
        (
            "SELECT peer, entry_id, digest FROM entry_ids_in"
            " UNION SELECT peer, entry_id, digest FROM entry_ids_in_delta"
        ),
    ),
}
"""Each table that grows with items: what a copy looks like, and what is copied."""

_HEAD = """
INSERT OR REPLACE INTO history_heads SELECT (SELECT max(seq) FROM events),
    (SELECT max(seq) FROM messages_out), zeroblob(32), x''
"""
"""The node signs what comes after; else it would first digest all of the copies."""


def another(value: bytes | str | None, copy: int) -> bytes | str | None:
    """Another key of the same form: as long, as random, an id of the same member and time."""
    if value is None:
        return None
    if isinstance(value, bytes):
        return hashlib.shake_128(b"%d " % copy + value).digest(len(value))
    drawn = hashlib.shake_128(f"{copy} {value}".encode()).hexdigest(8).upper()
    return value[:-16] + drawn


def fill(path: Place, key: bytes, items: int, say: Callable[[str], None] = lambda _: None) -> int:
    """Copy what stands there until `items` items do; returns how many stand there then.

    Raises:
        StoreError: the database cannot be opened.
        AssertionError: it is on a server, or holds nothing that could be copied.
    """
    assert isinstance(path, Path), "a preset is made in a file"
    connection = open_writer(path, key)
    try:
        connection.create_function("another", 2, another, deterministic=True)
        for pragma in ("synchronous = OFF", f"cache_size = -{CACHE_KIB}", "temp_store = MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        have = len(connection.execute(_ITEMS).fetchall())
        assert have, "nothing to copy"
        for name, (_, source) in TABLES.items():
            connection.execute(f"CREATE TEMP TABLE preset_{name} AS {source}")
        copies = max(0, items - have) // have
        for first in range(0, copies, CHUNK):
            _copy(connection, first, min(first + CHUNK, copies))
            say(f"  preset: {have * (1 + min(first + CHUNK, copies))} of {items} items")
        connection.execute(_HEAD)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return have * (1 + copies)
    finally:
        connection.close()


def _copy(connection: FileConnection, first: int, end: int) -> None:
    """Write the copies numbered [first, end)."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS preset_copies (c INTEGER)")
    connection.execute("DELETE FROM preset_copies")
    connection.executemany(
        "INSERT INTO preset_copies VALUES (?)", [(n,) for n in range(first, end)]
    )
    connection.execute("BEGIN IMMEDIATE")
    for name, (columns, _) in TABLES.items():
        connection.execute(
            f"INSERT INTO {name} SELECT {columns} FROM preset_{name}, preset_copies ORDER BY 1, 2"  # noqa: S608 - own names
        )
    connection.execute("COMMIT")
