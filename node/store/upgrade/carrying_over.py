"""What tables of later schemas hold of that which came before them: read once from what was kept.

A schema file makes its tables empty. When the node next opens its store, before anything else is
done, these are filled, in this order:

1. The tombstones in logs of members (`node.store.channels.ending`). What waits for an item is
judged once
   more: it may be a word on one that was erased, and waits for its tombstone then.
2. What all were told of contents (`node.store.contents.shared`), out of the outbox.
3. The keys by which items are found on which verdicts stand.
4. Which entries arrived a second time (`node.store.channels.repeats`).

A row of `meta` says how far it came. It goes in short transactions, each of a bounded number of
rows that are read one by one: killed, it goes on, and memory does not grow with what is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

import msgspec

from node.casework.incoming.receiving import Judged
from node.casework.mistakes.mass import TASK
from node.matching.fingerprints import Fingerprints
from node.store.bulk import insert_rows, stream
from node.store.channels.ending import NO_ENTRY
from node.store.channels.repeats import ADD
from node.store.contents.shared import keep_shared
from node.store.delta import Delta
from node.store.items.states import states, states_of
from node.store.seam import Connection
from node.store.upgrade.upgrading import Step, Upgrade
from node.store.writer import InlineWriter
from protocol.entry import decode
from protocol.errors import ProtocolError
from protocol.messages import Message, Tombstone, from_body
from protocol.vocabulary import Kind, Lane

ROWS: Final = 5_000
"""Rows of the inbox or the outbox that are looked at in one transaction."""
ITEMS: Final = 500
"""Items whose states are read in one transaction."""
NAMES: Final = ("tombstones", "shared", "verdicts", "repeats")
"""What the parts are called before whoever waits."""
_NAME: Final = "carried_over"
_TOMBSTONES: Final = (
    "SELECT peer, entry FROM entries_in WHERE seq > ? AND seq <= ? AND lane = ? AND judged = ?"
    " AND answer IS NULL AND entry IS NOT NULL ORDER BY seq"
)
_WAKE: Final = (
    "UPDATE entries_in SET judged = 0, waits_for = NULL WHERE seq IN"
    " (SELECT seq FROM entries_in WHERE judged = ? AND waits_for NOT LIKE ? LIMIT ?)"
)
_TOLD: Final = (
    "SELECT peer, entry FROM messages_out WHERE seq > ? AND seq <= ? AND kind IN (?, ?)"
    " AND entry IS NOT NULL ORDER BY seq"
)

_REPEATS: Final = (
    "SELECT seq, peer, entry FROM entries_in WHERE seq > ? AND seq <= ?"
    " AND answer IN ('repeat', 'conflict') AND entry IS NOT NULL ORDER BY seq"
)


class _Standing(msgspec.Struct, frozen=True):
    """Which part is being filled, and up to where it was: a row's number, or an item's id."""

    part: int = 0
    row: int = 0
    item: str = ""
    items: int = 0
    """How many were read."""


def carry_over(connection: Connection, fingerprints: Fingerprints, upgrade: Upgrade) -> None:
    """Fill what is not filled yet; blocks.

    Raises:
        StoreError, BrokenOffError: what was filled before stays; the next time it goes on.
    """
    carrying = CarryingOver(fingerprints)
    while carrying.go_on(connection):
        upgrade.reach(carrying.step(connection))
    upgrade.reach(None)


class CarryingOver:
    """Fills them piece by piece."""

    def __init__(self, fingerprints: Fingerprints, rows: int = ROWS, items: int = ITEMS) -> None:
        """`rows`, `items`: how many are looked at in one piece."""
        self._fingerprints = fingerprints
        self._keys = Delta("item_keys", ("key", "item"))
        self._rows = rows
        self._items = items
        self._parts = (self._tombstones, self._shared, self._verdicts, self._repeats)
        self._count: int | None = None

    def go_on(self, connection: Connection) -> bool:
        """Fill one piece, and what has none left; whether there may be more.

        Raises:
            StoreError: nothing of the piece was kept.
        """
        standing = _standing(connection)
        if standing.part < len(self._parts):
            standing = InlineWriter(connection).run_now(partial(self._piece, standing))
        return standing.part < len(self._parts)

    def step(self, connection: Connection) -> Step | None:
        """How far it is; None: all is filled."""
        standing = _standing(connection)
        if standing.part >= len(self._parts):
            return None
        name = NAMES[standing.part]
        if name == "verdicts":
            if self._count is None:
                row = connection.execute("SELECT count(*) FROM items").fetchone()
                self._count = int(row[0])
            return Step(name, standing.items, self._count)
        table = "messages_out" if name == "shared" else "entries_in"
        return Step(name, standing.row, _last(connection, table))

    def _piece(self, standing: _Standing, connection: Connection) -> _Standing:
        after: _Standing | None = None
        while standing.part < len(self._parts) and after is None:
            after = self._parts[standing.part](connection, standing)
            standing = _Standing(standing.part + 1) if after is None else after
        connection.execute(
            "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)",
            (_NAME, msgspec.json.encode(standing).decode()),
        )
        return standing

    def _tombstones(self, connection: Connection, standing: _Standing) -> _Standing | None:
        """The next tombstones of items; behind the last, what waits for an item is woken.

        Nothing is remembered yet of what waits for a tombstone, so none wakes anything by itself.
        """
        after = self._behind(connection, "entries_in", standing)
        if after is None:
            values = (int(Judged.PARKED), f"{TASK}/%", self._rows)
            woken = connection.execute(_WAKE, values).rowcount
            return standing if woken == self._rows else None
        rows = stream(
            connection,
            _TOMBSTONES,
            (standing.row, after.row, str(Lane.REPORTS), int(Judged.DONE)),
        )
        found = (
            (peer, one.erased_ms, NO_ENTRY)
            for peer, one in _messages(rows)
            if isinstance(one, Tombstone) and one.entry_kind == Kind.ITEM
        )
        insert_rows(connection, "INSERT OR IGNORE INTO erased_unsent", sorted(set(found)))
        return after

    def _shared(self, connection: Connection, standing: _Standing) -> _Standing | None:
        """The next of what all were told of contents: each word once, though each member has it."""
        after = self._behind(connection, "messages_out", standing)
        if after is not None:
            kinds = (int(Kind.CONTENT_VERDICT), int(Kind.CONTENT_VERDICT_WITHDRAWN))
            rows = stream(connection, _TOLD, (standing.row, after.row, *kinds))
            keep_shared(connection, [one for _, one in _messages(rows, set())])
        return after

    def _verdicts(self, connection: Connection, standing: _Standing) -> _Standing | None:
        """The keys of the verdicts on the next items."""
        sql = states_of("id > ? ORDER BY id LIMIT ?")
        page = states(connection.execute(sql, (standing.item, self._items)).fetchall())
        self._keys.append(
            connection,
            [
                (self._fingerprints.verdict(given.event_id), item)
                for item, state in page.items()
                for given in state.assessments
            ],
        )
        if not page:
            return None
        return _Standing(standing.part, item=max(page), items=standing.items + len(page))

    def _repeats(self, connection: Connection, standing: _Standing) -> _Standing | None:
        """Which of the next entries arrived again, by the ids that they bear."""
        after = self._behind(connection, "entries_in", standing)
        if after is not None:
            rows = stream(connection, _REPEATS, (standing.row, after.row))
            insert_rows(connection, ADD, list(_ids(rows)))
        return after

    def _behind(self, connection: Connection, table: str, standing: _Standing) -> _Standing | None:
        """Return where the next piece of a table ends; None: there is none."""
        last = _last(connection, table)
        if standing.row >= last:
            return None
        return _Standing(standing.part, row=min(standing.row + self._rows, last))


def _standing(connection: Connection) -> _Standing:
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (_NAME,)).fetchone()
    return _Standing() if row is None else msgspec.json.decode(row[0], type=_Standing)


def _last(connection: Connection, table: str) -> int:
    newest = f"SELECT coalesce(max(seq), 0) FROM {table}"  # noqa: S608 - own names
    return int(connection.execute(newest).fetchone()[0])


def _messages(
    rows: Iterable[tuple[str, bytes]], seen: set[bytes] | None = None
) -> Iterator[tuple[str, Message]]:
    """Read entries; of those that say the same, with `seen`, the first."""
    for peer, raw in rows:
        try:
            entry = decode(raw)
            if seen is not None:
                if entry.body in seen:
                    continue
                seen.add(entry.body)
            yield peer, from_body(entry.kind, entry.body, entry.version)
        except ProtocolError:  # of a later version, or of none
            continue


def _ids(rows: Iterable[tuple[int, str, bytes]]) -> Iterator[tuple[str, bytes, int]]:
    """The entries that have an id, as rows of `said_again`."""
    for seq, peer, raw in rows:
        try:
            yield peer, decode(raw).id, seq
        except ProtocolError:
            continue
