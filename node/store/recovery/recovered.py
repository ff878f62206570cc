"""What comes back to a member that lost its node, until it stands in its own logs again.

Pages are kept as they are verified, in tables of their own: nothing of them is served, judged or
said before a person ends the recovery. Then the rebuilding moves them, step by step and each step
whole, into the items and the outbox; at the end the epochs, logs and receipts follow in one
transaction. What was said stays known for ever, so that it is not said a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from node.casework.casebook import Casebook, Needs
from node.casework.incoming.arrivals import Arrived
from node.casework.item import Custody
from node.casework.rebuilt.recovered import answer_key
from node.casework.showing.feed import restore_tag
from node.peer.recovery.recovering import ASKING as PHASE_OF_ASKING
from node.peer.recovery.recovering import KeptPage, Progress
from node.store.bulk import insert_rows
from node.store.channels.custody import all_waiting
from node.store.channels.waking import wake_known
from node.store.items.tasks import open_task
from node.store.recovery.erased_there import ItemIds, without_word
from node.store.recovery.outside import hold_outside
from node.store.recovery.said import said_by
from node.store.seam import Connection
from node.store.writer import Readers, Writer
from protocol.merkle import EMPTY_EDGE, CompactRange
from protocol.recovery import Held
from protocol.vocabulary import Kind, Lane

PHASE = "recovering"
ERASED_UNSAID = "erased_without_word"
"""A peer says that it erased what we had said, and had never told us so."""
KEYS = "recovery_keys"
ASKING, REBUILDING = PHASE_OF_ASKING, "rebuilding"
_URGENCY = 1


class Staged(NamedTuple):
    """One entry of ours that came back: its number here, to whom it was said, its bytes."""

    number: int
    peer: str
    entry: bytes


Plan = Callable[[Sequence[Staged]], Needs]
Take = Callable[[Casebook, Sequence[Staged]], Sequence[str | None]]
Open = Callable[[Connection, Needs, int], Casebook]
Save = Callable[[Connection, Casebook], None]


class Recovered:
    """What two rooms ask for: `peer.recovery.recovering` and `casework.rebuilt.rebuilding`."""

    def __init__(self, writer: Writer, readers: Readers, open_book: Open, save_book: Save) -> None:
        self._writer = writer
        self._readers = readers
        self._open_book = open_book
        self._save_book = save_book

    async def phase(self) -> str | None:
        """Return `asking` or `rebuilding` while this node recovers; else None."""
        return self._readers.look_up(phase)

    async def progress(self) -> list[Progress]:
        """Return how far each channel that was asked for has come back."""
        return await self._readers.run(progress)

    async def held(self, peer: str, lane: Lane) -> Held:
        """Return the position up to which a channel is back."""
        row = self._readers.look_up(
            lambda c: c.execute(
                "SELECT epoch, range FROM recoveries WHERE peer = ? AND lane = ?",
                (peer, str(lane)),
            ).fetchone()
        )
        return Held() if row is None else Held(row[0], CompactRange.from_bytes(row[1]))

    async def stand(
        self, peer: str, lane: Lane, standing: str, attempts: int, next_ms: int
    ) -> None:
        """Keep how the asking stands, and when to ask again."""

        def job(connection: Connection) -> None:
            _know(connection, peer, lane)
            connection.execute(
                "UPDATE recoveries SET standing = ?, attempts = ?, next_ms = ?"
                " WHERE peer = ? AND lane = ?",
                (standing, attempts, next_ms, peer, str(lane)),
            )

        await self._writer.run(job)

    async def keep(self, peer: str, lane: Lane, before: Held, after: Held, page: KeptPage) -> bool:
        """Keep a verified page that follows `before`; False: another one came meanwhile."""

        def job(connection: Connection) -> bool:
            _know(connection, peer, lane)
            place = (peer, str(lane))
            moved = connection.execute(
                "UPDATE recoveries SET standing = 'going', epoch = ?, size = ?, range = ?,"
                " entries = entries + ?, erased = erased + ?, attempts = 0, next_ms = 0"
                " WHERE peer = ? AND lane = ? AND epoch IS NOT DISTINCT FROM ? AND range = ?",
                (
                    after.epoch,
                    after.edge.size,
                    after.edge.to_bytes(),
                    len(page.elements),
                    sum(said is None for _, said in page.elements),
                    *place,
                    before.epoch,
                    before.edge.to_bytes(),
                ),
            ).rowcount
            if moved:
                connection.execute(
                    "INSERT INTO recovered_pages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*place, page.epoch, page.start, after.edge.size, page.note, page.receipt,
                     page.before.epoch, page.before.size, page.before.root),
                )  # fmt: skip
                _keep_entries(connection, (*place, page.epoch), page)
            return moved == 1

        return await self._writer.run(job)

    async def take(self, step: int, limit: int, now_ms: int, plan: Plan, decide: Take) -> int:
        """Let the next entries of a step have their effect and stand in the outbox; how many."""

        def job(connection: Connection) -> int:
            rows = connection.execute(
                "SELECT number, peer, entry FROM recovered_entries WHERE step = ?"
                " AND message IS NULL AND entry IS NOT NULL ORDER BY at_ms, number LIMIT ?",
                (step, limit),
            ).fetchall()
            staged = [Staged(*row) for row in rows]
            if staged:
                book = self._open_book(connection, plan(staged), now_ms)
                items = decide(book, staged)
                self._save_book(connection, book)
                _put_in_outbox(connection, staged, items, now_ms)
            return len(staged)

        return await self._writer.run(job)

    async def told_new(
        self, after: Arrived | None, limit: int
    ) -> tuple[list[Arrived], Arrived | None]:
        """See `Rebuilt.told_new`."""
        return await self._readers.run(lambda c: _told_new(c, after, limit))

    async def said(self, kind: Kind, item: str | None = None) -> list[tuple[str, bytes]]:
        """See `Rebuilt.said`."""
        about, args = ("", ()) if item is None else (" AND item = ?", (item,))
        rows = await self._readers.run(
            lambda c: c.execute(
                "SELECT peer, entry FROM messages_out WHERE entry IS NOT NULL AND seq IN"  # noqa: S608 - own
                f" (SELECT message FROM recovered_entries WHERE kind = ?){about} ORDER BY seq",
                (int(kind), *args),
            ).fetchall()
        )
        return [(row[0], row[1]) for row in rows]

    async def handed_on(self) -> list[str]:
        """See `Rebuilt.handed_on`."""
        sql = "SELECT id FROM items WHERE custody = ? ORDER BY id"
        rows = await self._readers.run(
            lambda c: c.execute(sql, (str(Custody.HANDED_ON),)).fetchall()
        )
        return [item for (item,) in rows]

    async def complete(self, now_ms: int, item_ids: ItemIds) -> None:
        """Put epochs, logs and receipts in their places; from here on the node works as ever."""
        await self._writer.run(lambda c: _complete(c, now_ms, item_ids))


def phase(connection: Connection) -> str | None:
    """Return `asking` or `rebuilding` while this node recovers; else None."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (PHASE,)).fetchone()
    return None if row is None else str(row[0])


def begin(connection: Connection, now_ms: int) -> None:
    """Mark an empty database as that of a member that lost its node.

    It is a restored one, too: of a backup that held nothing (docs/protocol.md §8.10).
    """
    connection.executemany(
        "INSERT INTO meta (name, value) VALUES (?, ?)",
        [
            (PHASE, ASKING),
            ("restored_ms", str(now_ms)),
            ("restores", str(restore_tag(now_ms))),
            ("witness_forgot", f"0,{now_ms}"),  # all that it cosigned: §8.12.9
        ],
    )
    hold_outside(connection, "", now_ms)


def fresh_keys(connection: Connection) -> list[str]:
    """Return the ids of the sealing keys that this recovery made; none yet: empty."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (KEYS,)).fetchone()
    return [] if row is None else str(row[0]).split()


def keep_fresh_keys(connection: Connection, ids: Sequence[str]) -> None:
    """Remember which sealing keys this recovery made, instead of those that it made before."""
    connection.execute("DELETE FROM meta WHERE name = ?", (KEYS,))
    connection.execute("INSERT INTO meta (name, value) VALUES (?, ?)", (KEYS, " ".join(ids)))


def end(connection: Connection) -> None:
    """A person ends the asking: the node rebuilds from what has come back."""
    connection.execute("UPDATE meta SET value = ? WHERE name = ?", (REBUILDING, PHASE))


def progress(connection: Connection) -> list[Progress]:
    """Return how far each channel that was asked for has come back."""
    rows = connection.execute(
        "SELECT peer, lane, standing, entries, erased, attempts, next_ms FROM recoveries"
        " ORDER BY peer, lane"
    ).fetchall()
    return [Progress(row[0], Lane(row[1]), *row[2:]) for row in rows]


def _told_new(
    connection: Connection, after: Arrived | None, limit: int
) -> tuple[list[Arrived], Arrived | None]:
    arrived = all_waiting(connection, limit, after)
    keys = {(one.peer, answer_key(one.leaf)): one for one in arrived}
    told = said_by(connection, [key for _, key in keys])
    new = [one for key, one in keys.items() if (told.get(key) or "").startswith("new")]
    return new, arrived[-1] if arrived else None


def taken_again(connection: Connection) -> dict[tuple[str, str], int]:
    """Return how many entries each peer has said to us, by peer and lane."""
    rows = connection.execute("SELECT peer, lane, count(*) FROM entries_in GROUP BY peer, lane")
    return {(row[0], row[1]): row[2] for row in rows}


def _know(connection: Connection, peer: str, lane: Lane) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO recoveries VALUES (?, ?, 'asked', NULL, 0, ?, 0, 0, 0, 0)",
        (peer, str(lane), EMPTY_EDGE),
    )


def _keep_entries(connection: Connection, place: tuple[str, str, bytes], page: KeptPage) -> None:
    rows = []
    for number, (one, said) in enumerate(page.elements, start=page.start):
        if said is None:
            about: tuple[object, ...] = (one.entry_id or b"", None, None, one.erased_ms, None, None)
        else:
            about = (said.entry_id, said.kind, said.step, said.at_ms, said.key, said.answer)
        rows.append((*place, number, one.leaf, one.entry, *about))
    insert_rows(
        connection,
        "INSERT INTO recovered_entries (peer, lane, epoch, idx, leaf, entry, entry_id, kind, step,"
        " at_ms, said, answer)",
        rows,
    )
    insert_rows(
        connection,
        "INSERT OR IGNORE INTO recovered_answers (peer, said, answer)",
        [
            (place[0], key, said.answer)
            for _, said in page.elements
            if said is not None
            for key in said.answers
        ],
    )


def _put_in_outbox(
    connection: Connection, staged: Sequence[Staged], items: Sequence[str | None], now_ms: int
) -> None:
    """One message for each thing that was said, however often it was appended.

    What two lives of this node said in other bytes under one id is two: each log has its own.
    """
    for one, item in zip(staged, items, strict=True):
        lane, entry_id, kind, leaf = connection.execute(
            "SELECT lane, entry_id, kind, leaf FROM recovered_entries WHERE number = ?",
            (one.number,),
        ).fetchone()
        known = connection.execute(
            "SELECT message FROM recovered_entries WHERE peer = ? AND lane = ? AND entry_id = ?"
            " AND leaf = ? AND message IS NOT NULL LIMIT 1",
            (one.peer, lane, entry_id, leaf),
        ).fetchone()
        seq = known[0] if known else connection.execute(
            "INSERT INTO messages_out (peer, lane, urgency, entry_id, kind, item, entry,"
            " created_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq",
            (one.peer, lane, _URGENCY, entry_id, kind, item, one.entry, now_ms),
        ).fetchone()[0]  # fmt: skip
        connection.execute(
            "UPDATE recovered_entries SET message = ? WHERE number = ?", (seq, one.number)
        )


def _complete(connection: Connection, now_ms: int, item_ids: ItemIds) -> None:
    """Move what came back to where it belongs.

    A channel that came back to its end goes on only from there: what its peer tells beyond, it had
    kept back. One that a person left out goes on from what its peer tells, once (§8.5.4).
    """
    connection.execute(
        "INSERT INTO epochs_out SELECT peer, lane, epoch, prev_epoch, prev_size, prev_root, ?"
        " FROM recovered_pages WHERE start = 0",
        (now_ms,),
    )
    connection.execute(
        "INSERT OR IGNORE INTO channels_out SELECT peer, lane, 0, NULL, 0, ?, 0, 0, 0, NULL, NULL"
        " FROM recovered_pages WHERE start = 0",
        (EMPTY_EDGE,),
    )
    connection.execute(
        "INSERT INTO log_out SELECT peer, lane, epoch, idx, leaf, message,"
        " CASE WHEN message IS NULL THEN entry END FROM recovered_entries"
    )
    connection.execute(
        "INSERT INTO checkpoints_out SELECT peer, lane, epoch, start, size, note, ?, receipt"
        " FROM recovered_pages",
        (now_ms,),
    )
    wake_known(connection)
    for channel in without_word(connection, item_ids):
        open_task(connection, ERASED_UNSAID, channel, now_ms)
    connection.execute("DELETE FROM recovered_pages")
    connection.execute("UPDATE recovered_entries SET entry = NULL")
    connection.execute(
        "DELETE FROM meta WHERE name LIKE 'epochs %' OR name IN (?, ?)", (PHASE, KEYS)
    )
    connection.execute(
        "INSERT INTO meta (name, value) SELECT 'epochs ' || e.peer || '/' || e.lane,"
        " CAST(count(*) AS TEXT) FROM epochs_out e JOIN recoveries r ON r.peer = e.peer"
        " AND r.lane = e.lane WHERE r.standing <> 'end' GROUP BY e.peer, e.lane"
    )


def lost_ms(connection: Connection) -> int | None:
    """Return when a node that rebuilds at the moment began to recover (ms UTC); else None."""
    if phase(connection) != REBUILDING:
        return None
    row = connection.execute("SELECT value FROM meta WHERE name = 'restored_ms'").fetchone()
    return int(row[0])
