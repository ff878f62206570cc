"""Cases on the embedded store: load what a batch needs, let it decide, write what it added.

One method, `transact`: read, decide and write are one transaction of the one writer, so that two
batches can't both find an address unknown. Events get their number and their place in the hash
chain here, in commit order: the change feed has no gaps and no reordering.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import chain
from typing import Any, TypeVar

from node.casework.casebook import Casebook, Loaded, Needs, other_ids
from node.casework.contents.wanting import pictures
from node.casework.events import Event, EventKind, ids_now_known
from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.receiving import Answer, Judged
from node.casework.item import ItemState, encode
from node.casework.passing_on.custody import is_over
from node.casework.passing_on.post import Post
from node.matching.fingerprints import Fingerprints
from node.matching.near.bands import Mark
from node.store.bulk import insert_rows, select_in, update_rows
from node.store.channels.aside import bounded
from node.store.channels.citing import load_cited
from node.store.channels.custody import row_of
from node.store.channels.ending import keep_waiting, load_ends
from node.store.channels.refused import close_if_last, erase_refused, refused
from node.store.channels.relearning import relearn
from node.store.channels.waking import go_on, wake_back, wake_ended, wake_items, wake_said_by
from node.store.contents.known import Known
from node.store.contents.lists import forget_ended
from node.store.contents.lookalikes import Lookalikes
from node.store.contents.member_lists import take_told
from node.store.contents.shared import keep_shared
from node.store.delta import Delta
from node.store.items.alike import load_alike, load_items, note_found
from node.store.items.erasing import (
    bury_late,
    erase_items,
    erase_words,
    leaves_about,
    said_and_erased,
    unsaid_to,
)
from node.store.items.hurrying import hurry
from node.store.items.states import UNWRITTEN
from node.store.items.tasks import close_task, open_once, open_task, open_unless_told
from node.store.recent import Recent
from node.store.recovery.disavowing import go_on as name_on
from node.store.recovery.disavowing import keep, note_leaves
from node.store.recovery.recovered import lost_ms
from node.store.recovery.said import retold, said_before, unsaid, was_lost
from node.store.seam import Connection
from node.store.writer import Writer
from protocol.disavowal import Disavow

R = TypeVar("R")
EMPTY_CHAIN = bytes(32)


class Cases:
    """Implements `node.casework.casestore.CaseStore`."""

    def __init__(
        self,
        writer: Writer,
        us: str,
        fingerprints: Fingerprints,
        keys: Delta,
        entry_ids: Delta,
        lookalikes: Lookalikes,
        known: Known,
    ) -> None:
        self._writer = writer
        self._us = us
        self._fingerprints = fingerprints
        self._recent = Recent()
        self._keys = keys
        self._entry_ids = entry_ids
        self._lookalikes = lookalikes
        self._known = known
        writer.on_rollback(self._recent.clear)

    async def transact(
        self, needs: Needs, now_ms: int, decide: Callable[[Casebook], R]
    ) -> tuple[R, Casebook]:
        """Load `needs`, run `decide` on them, keep what it added; durable on return.

        Raises:
            StoreError: nothing was kept.
        """

        def job(connection: Connection) -> tuple[R, Casebook]:
            book = self.open_book(connection, needs, now_ms)
            result = decide(book)
            self.save_book(connection, book)
            return result, book

        return await self._writer.run(job)

    async def judge(
        self,
        needs: Needs,
        now_ms: int,
        decide: Callable[[Casebook], list[Answer]],
    ) -> Casebook:
        """As `transact`, for entries in custody: their answers are kept in the same transaction."""

        def job(connection: Connection) -> Casebook:
            book = self.open_book(connection, needs, now_ms)
            book.loaded.was_lost = was_lost(connection)
            book.loaded.lost_ms = lost_ms(connection)
            if book.loaded.was_lost and book.loaded.lost_ms is None:
                book.loaded.said_before = said_before(connection, needs.named)
            answers: Sequence[Answer] = decide(book)
            if book.loaded.was_lost:
                answers = retold(connection, answers)
            answers = bounded(connection, answers)
            keep_waiting(connection, answers)
            _save_answers(connection, answers)  # first: what this batch parked, it may also wake
            close_if_last(connection, _came_back(answers), now_ms)
            self.save_book(connection, book)
            return book

        return await self._writer.run(job)

    def open_book(self, connection: Connection, needs: Needs, now_ms: int) -> Casebook:
        """Load what a decision needs, once what members say of contents stands in their lists."""
        self._known.pictures.open(connection, by_a_job=True)
        full = take_told(connection, self._fingerprints, needs.told, now_ms)
        loaded = load(connection, needs, self._recent, self._keys)
        alike = load_alike(connection, needs, loaded, self._recent, self._keys, self._fingerprints)
        asked = needs.pictures | pictures(loaded, needs, alike)
        found = self._lookalikes.find(connection, asked)
        loaded.near, loaded.by_picture = found
        load_items(connection, loaded, chain.from_iterable(found.items.values()), self._recent)
        # What is loaded, for whatever reason, learns its answer by its state.
        loaded.answered = {one for one in loaded.answered if one[1] not in loaded.items}
        loaded.full, loaded.min_bytes = full, self._known.min_bytes
        loaded.listed = self._known.asked_of(connection, needs.keys | alike, asked, loaded)
        return Casebook(self._us, now_ms, self._fingerprints, loaded)

    def save_book(self, connection: Connection, book: Casebook) -> None:
        """Write what a decision added."""
        last = save(connection, book, self._keys, self._entry_ids)
        self._lookalikes.note(connection, book.events, last)
        self._recent.keep(book.changed)
        self._recent.drop(book.erased)
        self._recent.drop(book.answered)

    async def release(self, peers: Sequence[str]) -> int:
        """Let be judged what these members said and might not by the registry; how much so far.

        The rest follows before anything is judged (`wake`). What was set aside because it could not
        be judged stays where it is. That there were items among it is a task until they are judged.
        """
        return await self._writer.run(lambda c: wake_back(c, peers))

    async def wake_said_by(self, peers: Sequence[str]) -> int:
        """See `CaseStore.wake_said_by`."""
        return await self._writer.run(lambda c: wake_said_by(c, peers))

    async def note_disavowed(self, by: Arrived, message: Disavow) -> None:
        """See `CaseStore.note_disavowed`."""
        first: int | None = message.start
        while first is not None:
            first = await self._writer.run(
                partial(note_leaves, by=by, message=message, first=first)
            )

    async def wake(self) -> int:
        """Let the next of what is to be woken be judged; returns how many.

        Or name the next of what members disavowed.
        """
        return await self._writer.run(lambda c: go_on(c) or name_on(c))

    async def relearn(self, is_known: Callable[[bytes], bool], forms: str, now_ms: int) -> int:
        """Let entries whose form was unknown, and is known now, be judged; returns how many.

        And those that made the program fail: this may be another one, that can judge them.
        """
        return await self._writer.run(lambda c: relearn(c, is_known, forms, now_ms))


def load(connection: Connection, needs: Needs, recent: Recent, by_key: Delta) -> Loaded:
    """Read everything that `needs` names, as far as it is not among the `recent`."""
    loaded = Loaded()
    named = {*needs.items, *needs.named, *load_cited(connection, needs, loaded)}
    load_items(connection, loaded, named, recent)
    keys = {
        *needs.keys,
        *needs.alike_by,
        *(k for i, k in needs.named.items() if i not in loaded.items),
    }
    note_found(loaded, by_key.find(connection, keys))
    sql = "SELECT line, item FROM intake_lines WHERE line IN ({})"
    loaded.lines.update(select_in(connection, sql, needs.lines))
    wanted = {item for items in loaded.by_key.values() for item in items}
    load_items(connection, loaded, wanted.union(loaded.lines.values()), recent)
    for source, references in _by_source(needs.references).items():
        sql = "SELECT reference, id FROM reports WHERE source = ? AND reference IN ({})"
        for reference, report in select_in(connection, sql, references, (source,)):
            loaded.reports[source, reference] = report
    if needs.leaves_of is not None:
        state = loaded.items.get(needs.leaves_of)
        also = frozenset[str]() if state is None else other_ids(state)
        loaded.leaves = leaves_about(connection, needs.leaves_of, also)
        loaded.unsaid_to = unsaid_to(connection, needs.leaves_of)
    if needs.refused is not None:
        loaded.refused = refused(connection, needs.refused)
    load_ends(connection, needs, loaded)
    return loaded


def _by_source(references: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for source, reference in references:
        grouped.setdefault(source, []).append(reference)
    return grouped


def save(connection: Connection, book: Casebook, keys: Delta, entry_ids: Delta) -> Mark:
    """Write what a decision added; returns where the history stands then."""
    last, recorded, mark = _append_events(connection, book.events)
    _save_items(connection, book.changed.values(), last, recorded)
    erase_items(connection, book.erased, book.now, entry_ids)
    bury_late(connection, book.late, book.now, entry_ids)
    erase_words(connection, book.unheard_of, book.now)
    erase_refused(connection, book.loaded.refused, book.now, entry_ids)
    keys.append(connection, book.new_keys)
    keys.remove(connection, book.gone_keys)
    insert_rows(connection, "INSERT OR REPLACE INTO intake_lines", book.new_lines)
    insert_rows(
        connection,
        "INSERT OR FAIL INTO reports (id, source, reference, state)",
        [(r.id, r.source, r.reference, encode(r)) for r in book.new_reports],
    )
    post(connection, unsaid(connection, book.posts), book.now)
    for code, subject in book.over:
        close_task(connection, code, subject, book.now)
    over = dict.fromkeys(is_over(book))
    for code, subject in dict.fromkeys(book.tasks):
        if (code, subject) not in over:
            open_task(connection, code, subject, book.now)
    for code, item in book.reminders:
        open_once(connection, code, item, book.now)
    for (code, peer), entry in book.still.items():
        open_unless_told(connection, code, peer, row_of(entry), book.now)
    for code, subject in over:
        close_task(connection, code, subject, book.now)
    keep(connection, book.disavowed, book.now)
    forget_ended(connection, book.undone)
    keep_shared(connection, book.shared)
    if book.events:
        wake_items(connection, (*ids_now_known(book.events), *book.freed))
    wake_ended(connection, book.ended)
    return mark


def _append_events(
    connection: Connection, events: Sequence[Event]
) -> tuple[dict[str, int], set[str], Mark]:
    """Give events their numbers and places in the chain.

    Returns each item's last number, the items that are recorded by them, and the last place.
    """
    row = connection.execute("SELECT seq, chain FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    seq, head = row if row is not None else (0, EMPTY_CHAIN)
    rows: list[tuple[Any, ...]] = []
    last: dict[str, int] = {}
    recorded = set()
    said, body = None, b""
    for number, event in enumerate(events, seq + 1):
        item, kind, at_ms, learnt_ms, actor, what = event
        last[item] = number
        if kind is EventKind.RECORDED:
            recorded.add(item)
        if what is not said:  # the answer to a crowd is one body for all
            said, body = what, encode(what)
        leaf = event_leaf(number, event, body)
        head = hashlib.sha256(b"\x01" + head + leaf).digest()
        rows.append((number, item, int(kind), at_ms, learnt_ms, actor, body, leaf, head))
    insert_rows(connection, "INSERT OR FAIL INTO events", rows)
    return last, recorded, Mark(seq + len(events), head)


def event_leaf(seq: int, event: Event, body: bytes) -> bytes:
    """SHA-256(0x00 || [seq, item, kind, at_ms, learnt_ms, actor, body]): what the chain covers."""
    item, kind, at_ms, learnt_ms, actor, _ = event
    packed = encode((seq, item, int(kind), at_ms, learnt_ms, actor, body))
    return hashlib.sha256(b"\x00" + packed).digest()


def item_row(state: ItemState, changed_seq: int, written: bytes) -> tuple[Any, ...]:
    """The row of `items` of an item, with the state that is `written` into it."""
    return (
        state.id,
        state.report_id,
        str(state.custody),
        state.responsible,
        state.country,
        state.urgency,
        state.due_ms,
        None if state.review is None else str(state.review),
        changed_seq,
        written,
    )


def _save_items(
    connection: Connection,
    changed: Iterable[ItemState],
    last: Mapping[str, int],
    recorded: AbstractSet[str],
) -> None:
    """Write the rows; of items that were `recorded` just now, new ones: see `states.py`."""
    new: list[tuple[Any, ...]] = []
    known: list[tuple[Any, ...]] = []
    for one in changed:
        if one.id in recorded:
            new.append(item_row(one, last[one.id], UNWRITTEN))
        else:
            known.append(item_row(one, last[one.id], encode(one)))
    insert_rows(connection, "INSERT OR FAIL INTO items", new)
    update_rows(
        connection,
        "UPDATE OR FAIL items SET custody = column3, responsible = column4, country = column5,"
        " urgency = column6, due_ms = column7, review = column8, changed_seq = column9,"
        " state = column10 FROM {} WHERE id = column1",
        known,
    )


def post(connection: Connection, posts: Iterable[Post], now_ms: int) -> None:
    """Put messages into the outbox, to wait for a place in a log.

    The same thing told twice has the same id: the receiver takes it once. What was erased with an
    item is not told a second time of another that has its place.
    """
    said = list(posts)
    if said and (erased := said_and_erased(connection, said)):
        said = [one for one in said if (one.peer, one.entry_id) not in erased]
    if not said:
        return
    seq = connection.execute("SELECT coalesce(max(seq), 0) FROM messages_out").fetchone()[0]
    rows = [
        (n, p.peer, str(p.lane), p.urgency, p.entry_id, p.kind, p.item, p.entry, now_ms)
        for n, p in enumerate(said, start=seq + 1)
    ]
    insert_rows(connection, "INSERT OR FAIL INTO messages_out", rows)
    insert_rows(
        connection, "INSERT OR FAIL INTO waiting_out", [(r[1], r[2], r[3], r[0]) for r in rows]
    )
    hurry(connection, said)


def _came_back(answers: Iterable[Answer]) -> Iterator[str]:
    """The members of which something lay set aside, and does not any more."""
    return (
        one.arrived.peer
        for one in answers
        if one.arrived.set_aside and one.judged is not Judged.QUARANTINED
    )


def _save_answers(connection: Connection, answers: Iterable[Answer]) -> None:
    update_rows(
        connection,
        "UPDATE OR FAIL entries_in SET judged = column2, answer = column3, waits_for = column4,"
        " item = column5 FROM {} WHERE seq = column1",
        [
            (
                row_of(a.arrived),
                int(a.judged),
                None if a.disposition is None else str(a.disposition),
                a.waits_for,
                a.item,
            )
            for a in answers
        ],
    )
