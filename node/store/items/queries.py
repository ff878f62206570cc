"""Reading beside the writer: views for the API, work lists, figures. Nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from node.casework.events import Erased, Event, EventKind, decode_body
from node.casework.incoming.arrivals import Arrived
from node.casework.item import Custody, ItemState
from node.casework.mistakes.mass import waiting_of
from node.casework.working import Given
from node.jurisdiction.contacts import Hoster
from node.jurisdiction.origins import Question
from node.jurisdiction.sought import Sought
from node.store.channels import custody
from node.store.channels.custody import in_turns
from node.store.channels.waking import QUEUED
from node.store.contents.shared import given
from node.store.items.aging import Aging
from node.store.items.states import states, states_of
from node.store.items.tasks import open_tasks
from node.store.ledgers.witnessing import LedgerFigures
from node.store.ledgers.witnessing import figures as ledger_figures
from node.store.places.hosters import all_hosters
from node.store.places.origins import all_questions
from node.store.places.sought import all_sought
from node.store.recovery.disavowing import disavowers
from node.store.recovery.outside import may_act_outside
from node.store.seam import BulkConnection, Connection
from node.store.writer import Readers
from protocol.vocabulary import Kind

LONGEST_PAUSE_MS = 3_600_000
"""No look-up is put off by more than this, of an item that has no place yet."""
LONGEST_DEADLINE_MS = 31 * 86_400_000
"""Nor is one of an item that is here, and is to be located again."""

STRETCH = 5_000
"""Items, or events, that one query goes through for a page of a list."""


@dataclass(frozen=True, slots=True)
class ItemQuery:
    """Which items.

    Every filter that is given must hold. `after` is the last id of the page before; `handed_to`,
    a member to which they were handed on at some time; `unreceipted`, that no
    receipt says that it has them.
    """

    after: str = ""
    limit: int = 100
    custody: str | None = None
    country: str | None = None
    responsible: str | None = None
    review: bool | None = None
    changed_after: int | None = None
    handed_to: str | None = None
    unreceipted: bool = False


@dataclass(frozen=True, slots=True)
class ChannelFigures:
    """One sending channel as operators see it."""

    peer: str
    lane: str
    waiting: int
    oldest_waiting_ms: int | None
    unreceipted: int
    attempts: int
    next_attempt_ms: int
    problem: str | None
    stopped: str | None


class Queries(Aging):
    """Questions to the store, each on a reader connection."""

    def __init__(self, readers: Readers) -> None:
        super().__init__(readers)

    async def ledger(self) -> LedgerFigures:
        """Return how our ledger stands with its witnesses."""
        return await self._readers.run(ledger_figures)

    async def item(self, item_id: str, alias_key: bytes) -> ItemState | None:
        """Return the item with this id, or the one with this alias."""

        def query(connection: Connection) -> ItemState | None:
            of = (
                "id = ?1 OR id IN (SELECT item FROM item_keys WHERE key = ?2 UNION SELECT item"
                " FROM item_keys_delta WHERE key = ?2) ORDER BY id <> ?1 LIMIT 1"
            )
            rows = connection.execute(states_of(of), (item_id, alias_key))
            return next(iter(states(rows).values()), None)

        return await self._readers.run(query)

    async def given(self, event_id: str) -> Given:
        """Return what is known of a verdict of ours by its id, also once its item is gone."""
        return await self._readers.run(lambda c: given(c, event_id))

    async def erasure(self, item_id: str, alias_key: bytes) -> Event | None:
        """Return the last erasure of the item with this id or alias, if it was erased here."""
        row = await self._readers.run(
            lambda c: c.execute(
                "SELECT item, kind, at_ms, learnt_ms, actor, body FROM events WHERE kind = ?"
                " AND item IN (SELECT ? UNION SELECT item FROM item_keys WHERE key = ?"
                " UNION SELECT item FROM item_keys_delta WHERE key = ?) ORDER BY seq DESC LIMIT 1",
                (int(EventKind.ERASED), item_id, alias_key, alias_key),
            ).fetchone()
        )
        if row is None:
            return None
        event = read_event(row)
        return event if isinstance(event, Event) else None

    async def has_erased(self, item_id: str, alias_key: bytes, at_ms: int) -> bool:
        """Whether the item with this id or alias was erased here at that very time (ms UTC)."""
        row = await self._readers.run(
            lambda c: c.execute(
                "SELECT 1 FROM events WHERE kind = ? AND learnt_ms = ? AND item IN (SELECT ?"
                " UNION SELECT item FROM item_keys WHERE key = ?"
                " UNION SELECT item FROM item_keys_delta WHERE key = ?)",
                (int(EventKind.ERASED), at_ms, item_id, alias_key, alias_key),
            ).fetchone()
        )
        return row is not None

    async def items(self, wanted: ItemQuery) -> list[ItemState]:
        """Return a page of items in the order of their ids.

        Where few of many items may be meant, a stretch of them is looked at, and then the next: the
        readers are there for the node's own work, too.
        """
        found: list[ItemState] = []
        after: str | None = wanted.after
        while after is not None and len(found) < wanted.limit:
            rest = replace(wanted, after=after, limit=wanted.limit - len(found))
            page, after = await self._readers.run(partial(_stretch, rest))
            found += page
        return found

    async def events(self, after: int, limit: int) -> list[tuple[int, Event | Erased]]:
        """Return the events after number `after`, in order, without a gap."""
        rows = await self._readers.run(
            lambda c: c.execute(
                "SELECT seq, item, kind, at_ms, learnt_ms, actor, body FROM events"
                " WHERE seq > ? ORDER BY seq LIMIT ?",
                (after, limit),
            ).fetchall()
        )
        return [(row[0], read_event(row[1:])) for row in rows]

    async def last_event(self) -> int:
        """Return the number of the newest event, 0 if there is none."""
        return await self._readers.run(_newest)

    async def to_locate(self, now_ms: int, limit: int) -> list[ItemState]:
        """Return items whose place is not known yet and due, the urgent ones first.

        So is one that is put off by more than any pause: the clock has been put back since.
        """
        if not self._any(_TO_LOCATE):
            return []
        sql = states_of(
            "due_ms IS NOT NULL AND due_ms NOT BETWEEN ? + 1 AND"
            f" ? + CASE custody WHEN 'locating' THEN {LONGEST_PAUSE_MS}"
            f" ELSE {LONGEST_DEADLINE_MS} END ORDER BY urgency, due_ms LIMIT ?"
        )
        values = (now_ms, now_ms, limit)
        found = await self._readers.run(lambda c: states(c.execute(sql, values)))
        return sorted(found.values(), key=lambda state: (state.urgency, state.due_ms or 0))

    async def hidden(self, after: str, limit: int) -> list[ItemState]:
        """Return items that are here without a country, in the order of ids, after this one."""
        sql = states_of("custody = 'here' AND country IS NULL AND id > ? ORDER BY id LIMIT ?")
        found = await self._readers.run(lambda c: states(c.execute(sql, (after, limit))))
        return list(found.values())

    async def unjudged(self, limit: int) -> list[Arrived]:
        """Return entries in custody that wait for a judgement, of all channels in turns."""
        if not self._any(custody.UNJUDGED):
            return []
        return await self._readers.run(lambda c: in_turns(c, limit))

    def is_waking(self) -> bool:
        """Whether entries are to be woken, or disavowed ones named, before anything is judged."""
        return self._any(QUEUED)

    async def disavowed(self, items: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return, for those of `items` that have some, who disavows entries about them."""
        return self._readers.look_up(lambda c: disavowers(c, items))

    async def quarantined(self) -> list[str]:
        """Return the members whose entries were not judged because they were suspended."""
        if not self._any(_QUARANTINED):
            return []
        rows = await self._readers.run(
            lambda c: c.execute("SELECT DISTINCT peer FROM entries_in WHERE judged = 3").fetchall()
        )
        return [row[0] for row in rows]

    async def waits_for(self, name: str) -> bool:
        """Whether any entry in custody waits for this."""
        sql = "SELECT EXISTS (SELECT 1 FROM entries_in WHERE judged = 2 AND waits_for = ?)"
        return bool(self._readers.look_up(lambda c: c.execute(sql, (name,)).fetchone()[0]))

    async def oldest_parked(self) -> tuple[int, int | None]:
        """Return how many entries wait for an item not yet seen, and since when (ms UTC)."""
        row: tuple[int, int | None] = await self._readers.run(
            lambda c: c.execute(
                "SELECT count(*), min(taken_ms) FROM entries_in WHERE judged = 2"
                " AND waits_for NOT LIKE ?",
                (waiting_of("%"),),
            ).fetchone()
        )
        return row

    def _any(self, sql: str) -> bool:
        """Whether there is such a row: asked at every turn of a loop, mostly in vain."""
        return self._readers.look_up(lambda c: c.execute(sql).fetchone()) is not None

    async def stored_bytes(self) -> int | None:
        """Return how much room the store takes on a server, in bytes; None: it is a file."""
        return await self._readers.run(
            lambda c: c.stored_bytes() if isinstance(c, BulkConnection) else None
        )

    async def channels(self) -> list[ChannelFigures]:
        """Return every sending channel with what stands in it."""
        return await self._readers.run(_channels)

    async def figures(self) -> dict[str, int]:
        """Return counts for status and metrics: items by custody, waiting, parked, tasks."""
        return await self._readers.run(_figures)

    async def may_act_outside(self) -> bool:
        """Whether notices and referrals may leave by themselves: see `outside.py`."""
        return await self._readers.run(may_act_outside)

    async def hosters(self) -> list[Hoster]:
        """Return all hosters, in the order of their keys."""
        return await self._readers.run(all_hosters)

    async def sought(self) -> list[Sought]:
        """Return the blocks whose hoster is looked for, the longest first."""
        return await self._readers.run(all_sought)

    async def origins(self) -> list[Question]:
        """Return all questions to proxies, the longest waiting first."""
        return await self._readers.run(all_questions)

    async def subjects(self, code: str) -> list[str]:
        """Return what the open tasks of a code are about."""
        sql = "SELECT subject FROM tasks WHERE code = ? AND closed_ms IS NULL ORDER BY subject"
        return await self._readers.run(lambda c: [s for (s,) in c.execute(sql, (code,)).fetchall()])

    async def stood(self, code: str) -> dict[str, list[tuple[int, int | None]]]:
        """Return when each task of a code was opened and closed (None: it is open), by subject."""
        sql = "SELECT subject, opened_ms, closed_ms FROM tasks WHERE code = ? ORDER BY opened_ms"
        rows = await self._readers.run(lambda c: c.execute(sql, (code,)).fetchall())
        found: dict[str, list[tuple[int, int | None]]] = {}
        for subject, opened_ms, closed_ms in rows:
            found.setdefault(subject, []).append((opened_ms, closed_ms))
        return found

    async def tasks(self, limit: int = 100) -> list[tuple[str, str, int]]:
        """Return what stands in front of a person, oldest first: see `tasks.open_tasks`."""
        return await self._readers.run(lambda c: open_tasks(c, limit))


def read_event(row: Sequence[Any]) -> Event | Erased:
    """Return the event of a row (item, kind, at_ms, learnt_ms, actor, body)."""
    kind = EventKind(row[1])
    if row[5] is None:
        return Erased(row[0], kind, row[2], row[3], row[4])
    return Event(row[0], kind, row[2], row[3], row[4], decode_body(kind, row[5]))


# In the order of their partial index: a server that took many rows to be so once would walk through
# the whole table for the first of them.
_TO_LOCATE = "SELECT 1 FROM items WHERE due_ms IS NOT NULL ORDER BY urgency, due_ms LIMIT 1"
_QUARANTINED = "SELECT 1 FROM entries_in WHERE judged = 3 ORDER BY peer LIMIT 1"
_HERE = str(Custody.HERE)
_BEHIND = "SELECT id FROM items WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?"
_CHANGED_LATE = "id IN (SELECT item FROM events WHERE seq > ?)"
_CHANGED = "EXISTS (SELECT 1 FROM events e WHERE e.item = items.id AND e.seq > ?)"
_HANDED_TO = (
    "EXISTS (SELECT 1 FROM messages_out m WHERE m.item = items.id AND m.peer = ? AND m.kind = ?)"
)
# 3: where a message waits that may not go now (`node.store.channels.cutting.HELD_BACK`).
_UNRECEIPTED = (
    "EXISTS (SELECT 1 FROM messages_out m WHERE m.item = items.id AND m.peer = ? AND m.kind = ?"
    " AND (EXISTS (SELECT 1 FROM waiting_out w WHERE w.peer = m.peer AND w.lane = m.lane"
    " AND w.urgency IN (m.urgency, 3) AND w.message = m.seq)"
    " OR EXISTS (SELECT 1 FROM log_out l JOIN channels_out c"
    " ON c.peer = l.peer AND c.lane = l.lane AND c.epoch = l.epoch"
    " WHERE l.message = m.seq AND l.idx >= c.receipted)))"
)


def _stretch(wanted: ItemQuery, connection: Connection) -> tuple[list[ItemState], str | None]:
    """Return the next of these items, and the id behind which to go on; None: there are no more."""
    late = (
        wanted.changed_after is not None and _newest(connection) - wanted.changed_after <= STRETCH
    )
    last = None
    if not (late or wanted.review or wanted.custody == _HERE):
        last = connection.execute(_BEHIND, (wanted.after, STRETCH - 1)).fetchone()
    sql, values = _items_sql(wanted, last and last[0], late=late)
    return list(states(connection.execute(sql, values)).values()), last and last[0]


def _newest(connection: Connection) -> int:
    newest = connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
    return int(newest)


def _items_sql(wanted: ItemQuery, last: str | None, *, late: bool) -> tuple[str, list[Any]]:
    """Return the query for items up to `last`; `late`: few events have come since `changed_after`.

    What partial indexes serve stands in the text as it stands in them.
    """
    tests, values = ["id > ?"], [wanted.after]  # type: tuple[list[str], list[Any]]
    if last is not None:
        tests.append("id <= ?")
        values.append(last)
    for column in ("custody", "country", "responsible"):
        value = getattr(wanted, column)
        if column == "custody" and value == _HERE:
            tests.append("custody = 'here'")
        elif value is not None:
            tests.append(f"{column} = ?")
            values.append(value)
    if wanted.review is not None:
        tests.append(f"review IS {'NOT ' if wanted.review else ''}NULL")
    if wanted.changed_after is not None:
        tests.append(_CHANGED_LATE if late else _CHANGED)
        values.append(wanted.changed_after)
    if wanted.handed_to is not None:
        tests.append(_UNRECEIPTED if wanted.unreceipted else _HANDED_TO)
        values += [wanted.handed_to, int(Kind.ITEM)]
    sql = states_of(f"{' AND '.join(tests)} ORDER BY id LIMIT ?")
    return sql, [*values, wanted.limit]


def _channels(connection: Connection) -> list[ChannelFigures]:
    rows = connection.execute(
        "SELECT p.peer, p.lane, (SELECT count(*) FROM waiting_out w"
        " WHERE w.peer = p.peer AND w.lane = p.lane), (SELECT m.created_ms FROM waiting_out w"
        " JOIN messages_out m ON m.seq = w.message WHERE w.peer = p.peer AND w.lane = p.lane"
        " ORDER BY w.urgency, w.message LIMIT 1), coalesce(c.size - c.receipted, 0),"
        " coalesce(c.attempts, 0), coalesce(c.next_attempt_ms, 0), c.problem, c.stopped"
        " FROM (SELECT peer, lane FROM channels_out UNION SELECT peer, lane FROM waiting_out) p"
        " LEFT JOIN channels_out c ON c.peer = p.peer AND c.lane = p.lane ORDER BY p.peer, p.lane"
    ).fetchall()
    return [ChannelFigures(*row) for row in rows]


_FIGURES = {
    "items": "SELECT count(*) FROM items",
    "items_locating": "SELECT count(*) FROM items WHERE due_ms IS NOT NULL"
    " AND custody = 'locating'",
    "items_in_review": "SELECT count(*) FROM items WHERE review IS NOT NULL",
    "messages_waiting": "SELECT count(*) FROM waiting_out",
    "entries_waiting": "SELECT count(*) FROM entries_in WHERE judged = 0",
    "entries_parked": "SELECT count(*) FROM entries_in WHERE judged = 2",
    "entries_quarantined": "SELECT count(*) FROM entries_in WHERE judged = 3",
    "entries_unknown": "SELECT count(*) FROM entries_in WHERE judged = 1"
    " AND entry IS NOT NULL AND answer IN ('unknown_kind', 'unknown_version')",
    "tasks_open": "SELECT count(*) FROM tasks WHERE closed_ms IS NULL",
    "events": "SELECT coalesce(max(seq), 0) FROM events",
}


def _figures(connection: Connection) -> dict[str, int]:
    return {name: connection.execute(sql).fetchone()[0] for name, sql in _FIGURES.items()}
