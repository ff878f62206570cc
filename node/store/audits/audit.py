"""Raw rows for verification: everything that `node.evidence` compares, streamed in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from node.peer.channels.forks import KeptFork
from node.store.audits.disavow_audit import DisavowAudit
from node.store.audits.recovery_audit import RecoveryAudit
from node.store.audits.witness_audit import WitnessAudit
from node.store.bulk import stream
from node.store.channels import citing
from node.store.channels.cutting import HELD_BACK
from node.store.channels.forks import kept_forks
from node.store.channels.waking import waking
from node.store.history import leaf_of
from node.store.items.erasing import BURIED_LEAF
from node.store.ledgers.ledger import (
    LedgerLeaf,
    LedgerNote,
    ledger_leaves,
    ledger_notes,
    signed_heads,
)
from node.store.seam import BulkConnection, Connection
from protocol.dispositions import Dispositions
from protocol.ledger import LoggedHead

ITEM_COLUMNS = (
    "id",
    "report_id",
    "custody",
    "responsible",
    "country",
    "urgency",
    "due_ms",
    "review",
    "changed_seq",
    "state",
)
"""In the order of `node.store.items.cases.item_row`: the state stands last."""


_STRAYS = (
    ("sent", "log_out", "epochs_out", "epoch_missing"),
    ("sent", "checkpoints_out", "epochs_out", "epoch_missing"),
    ("sent", "epochs_out", "channels_out", "channel_missing"),
    ("held", "entries_in", "epochs_in", "epoch_missing"),
    ("held", "receipts_in", "epochs_in", "epoch_missing"),
    ("held", "epochs_in", "channels_in", "channel_missing"),
)
"""(where, rows of this table, need a row of that one, what is missing otherwise)."""


class EventRow(NamedTuple):
    """One row of the history."""

    seq: int
    item: str
    kind: int
    at_ms: int
    learnt_ms: int
    actor: str
    body: bytes | None
    leaf: bytes
    chain: bytes


class HeadRow(NamedTuple):
    """One signed head: what it covers."""

    size: int
    messages: int
    digest: bytes
    note: bytes


class LogRow(NamedTuple):
    """One place in a log: its leaf, and the entry that should hash to it.

    `entry` is None once erased; `lost`: its message is not there at all.
    """

    place: int
    leaf: bytes
    entry: bytes | None
    lost: int = 0


class CheckpointRow(NamedTuple):
    """One signed size of a log, with the receipt for it if there is one."""

    size: int
    note: bytes
    receipt: bytes | None


class MessageRow(NamedTuple):
    """One message of the outbox; `came_back` from a peer after the node was lost."""

    seq: int
    peer: str
    lane: str
    urgency: int
    waiting: int
    entry_id: bytes
    kind: int
    item: str | None
    entry: bytes | None
    places: int
    leaf: bytes | None
    came_back: bool


class TombstoneRow(NamedTuple):
    """What stands for one erased entry; `bare`: rows that lost their bodies to it."""

    sent: int
    peer: str
    entry_id: bytes
    leaf: bytes
    item: str
    erased_ms: int
    bare: int


class TakenRow(NamedTuple):
    """One entry in custody, with what is said about it."""

    peer: str
    lane: str
    leaf: bytes
    entry: bytes | None
    judged: int
    waits_for: str | None
    answer: str | None
    item: str | None


class Audit:
    """Reads one database for verification, on one connection, as of one moment."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.witnesses = WitnessAudit(connection)
        self.recovery = RecoveryAudit(connection)
        self.disavowed = DisavowAudit(connection)

    def waking(self) -> set[str]:
        """Items that are here, for which entries wait still that are to be woken next."""
        return waking(self._connection)

    def begin(self) -> None:
        """Fix the moment: what is written from now on is not seen."""
        self._connection.execute("BEGIN")

    def end(self) -> None:
        """Let go of the moment."""
        self._connection.execute("COMMIT")

    def damaged(self) -> str | None:
        """Return what the database finds wrong with its own files, None if nothing."""
        if isinstance(self._connection, BulkConnection):
            return "integrity_check" if self._connection.damaged() else None
        found = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        return None if found == "ok" else "integrity_check"

    def events(self) -> Iterator[EventRow]:
        """The history in order."""
        for row in stream(self._connection, "SELECT * FROM events ORDER BY seq"):
            yield EventRow(*row)

    def forks(self) -> list[KeptFork]:
        """Proofs that members split their histories."""
        return kept_forks(self._connection)

    def ledger_leaves(self) -> list[LedgerLeaf]:
        """Our ledger, leaf by leaf."""
        return ledger_leaves(self._connection)

    def ledger_notes(self) -> list[LedgerNote]:
        """The signed heads of our ledger, in the order in which they were signed."""
        return ledger_notes(self._connection)

    def signed_heads(self) -> set[LoggedHead]:
        """What was signed of every log, in both directions, at every size."""
        return signed_heads(self._connection)

    def heads(self) -> list[HeadRow]:
        """The signed heads, in order."""
        rows = self._connection.execute(
            "SELECT size, messages, digest, note FROM history_heads ORDER BY size, messages"
        )
        return [HeadRow(*row) for row in rows]

    def items(self) -> Iterator[tuple[Any, ...]]:
        """The rows of items, columns as `ITEM_COLUMNS`."""
        columns = ", ".join(ITEM_COLUMNS)
        yield from stream(self._connection, f"SELECT {columns} FROM items")  # noqa: S608

    def reports(self) -> Iterator[tuple[str, str, str | None, bytes]]:
        """The rows of reports: id, source, reference, state."""
        yield from stream(self._connection, "SELECT id, source, reference, state FROM reports")

    def keys(self) -> Iterator[tuple[bytes, str]]:
        """By what items are found: (key, item)."""
        yield from stream(self._connection, "SELECT key, item FROM item_keys")
        yield from stream(self._connection, "SELECT key, item FROM item_keys_delta")

    def lines(self) -> Iterator[tuple[bytes, str]]:
        """Which lines became which items."""
        yield from stream(self._connection, "SELECT line, item FROM intake_lines")

    def sent_epochs(self) -> list[tuple[str, str, bytes, bytes | None, int, bytes]]:
        """Epochs we opened: peer, lane, epoch, and the predecessor they name."""
        return self._epochs("epochs_out")

    def held_epochs(self) -> list[tuple[str, str, bytes, bytes | None, int, bytes]]:
        """Epochs we took: peer, lane, epoch, and the predecessor they name."""
        return self._epochs("epochs_in")

    def _epochs(self, table: str) -> list[tuple[str, str, bytes, bytes | None, int, bytes]]:
        sql = f"SELECT peer, lane, epoch, prev_epoch, prev_size, prev_root FROM {table}"  # noqa: S608
        return list(self._connection.execute(sql + " ORDER BY peer, lane, opened_ms"))

    def sent(self, peer: str, lane: str, epoch: bytes) -> Iterator[LogRow]:
        """One log of ours, in order."""
        for row in stream(
            self._connection,
            "SELECT l.idx, l.leaf, l.entry, m.entry, l.message IS NOT NULL AND m.seq IS NULL"
            " FROM log_out l"
            " LEFT JOIN messages_out m ON m.seq = l.message"
            " WHERE l.peer = ? AND l.lane = ? AND l.epoch = ? ORDER BY l.idx",
            (peer, lane, epoch),
        ):
            yield LogRow(row[0], row[1], row[3] if row[2] is None else row[2], int(row[4]))

    def held(self, peer: str, lane: str, epoch: bytes) -> Iterator[LogRow]:
        """One log of another member, in order."""
        for row in stream(
            self._connection,
            "SELECT idx, leaf, entry FROM entries_in WHERE peer = ? AND lane = ? AND epoch = ?"
            " ORDER BY idx",
            (peer, lane, epoch),
        ):
            yield LogRow(*row)

    def sent_checkpoints(self, peer: str, lane: str, epoch: bytes) -> list[CheckpointRow]:
        """What we signed of one log, smallest first."""
        return self._checkpoints("checkpoints_out", "note", peer, lane, epoch)

    def held_checkpoints(self, peer: str, lane: str, epoch: bytes) -> list[CheckpointRow]:
        """What we cosigned of one log, smallest first."""
        return self._checkpoints("receipts_in", "checkpoint", peer, lane, epoch)

    def _checkpoints(
        self, table: str, note: str, peer: str, lane: str, epoch: bytes
    ) -> list[CheckpointRow]:
        rows = self._connection.execute(
            f"SELECT size, {note}, receipt FROM {table}"  # noqa: S608
            " WHERE peer = ? AND lane = ? AND epoch = ? ORDER BY size",
            (peer, lane, epoch),
        )
        return [CheckpointRow(*row) for row in rows]

    def sent_state(self) -> list[tuple[str, str, bytes | None, int, bytes, int]]:
        """The sending ends: peer, lane, epoch, size, edge, receipted."""
        return list(
            self._connection.execute(
                "SELECT peer, lane, epoch, size, range, receipted FROM channels_out"
            )
        )

    def held_state(self) -> list[tuple[str, str, bytes, int, bytes]]:
        """The receiving ends: peer, lane, epoch, size, edge."""
        return list(
            self._connection.execute("SELECT peer, lane, epoch, size, range FROM channels_in")
        )

    def strays(self) -> list[tuple[str, str, str]]:
        """Rows that hang in the air: (`sent` or `held`, `peer/lane`, what is missing for them)."""
        found = []
        for where, table, needed, why in _STRAYS:
            columns = "peer, lane" if needed.startswith("channels") else "peer, lane, epoch"
            rows = self._connection.execute(
                f"SELECT {columns} FROM {table} EXCEPT SELECT {columns} FROM {needed}"  # noqa: S608
            )
            found += [(where, f"{row[0]}/{row[1]}", why) for row in rows]
        return found

    def uncovered(self) -> list[tuple[str, str, str]]:
        """Entries under no signed checkpoint or receipt: (`sent` or `held`, `peer/lane`, why)."""
        found = []
        for where, table, why in (
            ("sent", "checkpoints_out", "checkpoint_missing"),
            ("held", "receipts_in", "receipt_missing"),
        ):
            before = "lag(size, 1, 0) OVER (PARTITION BY peer, lane, epoch ORDER BY size)"
            sql = f"SELECT peer, lane, start, {before} FROM {table}"  # noqa: S608
            rows = self._connection.execute(sql)
            found += [(where, f"{row[0]}/{row[1]}", why) for row in rows if row[2] != row[3]]
        return found

    def stopped(self) -> list[tuple[str, str]]:
        """Stopped channels: (code of the task that stands for it, subject)."""
        return list(
            self._connection.execute(
                "SELECT 'channel_' || stopped, peer || '/' || lane FROM channels_out"
                " WHERE stopped IS NOT NULL UNION ALL SELECT 'channel_in_' || stopped,"
                " peer || '/' || lane FROM channels_in WHERE stopped IS NOT NULL"
            )
        )

    def tasks(self) -> list[tuple[int, str, str, int | None]]:
        """What was put before a person: id, code, subject, closed_ms."""
        asked = "SELECT id, code, subject, closed_ms FROM tasks ORDER BY id"
        return list(self._connection.execute(asked))

    def messages(self) -> Iterator[MessageRow]:
        """The outbox, each message with in how many places of our logs it stands."""
        for row in stream(
            self._connection,
            "SELECT m.seq, m.peer, m.lane, m.urgency, (SELECT count(*) FROM waiting_out w"  # noqa: S608 - own number
            f" WHERE w.peer = m.peer AND w.lane = m.lane AND w.urgency IN (m.urgency, {HELD_BACK})"
            " AND w.message = m.seq), m.entry_id, m.kind, m.item, m.entry,"
            # By message alone: a server without statistics would else take the whole log for few.
            " (SELECT count(CASE WHEN l.peer = m.peer AND l.lane = m.lane THEN 1 END)"
            f" FROM log_out l WHERE l.message = m.seq), {BURIED_LEAF}, EXISTS (SELECT 1 FROM"
            " recovered_entries r WHERE r.message = m.seq) FROM messages_out m ORDER BY m.seq",
        ):
            yield MessageRow._make((*row[:10], leaf_of(row[8], row[10]), row[11] == 1))

    def tombstones(self) -> Iterator[TombstoneRow]:
        """What stands for erased entries, with how many rows lost their bodies to each."""
        for row in stream(
            self._connection,
            "SELECT t.sent, t.peer, t.entry_id, t.leaf, t.item, t.erased_ms,"
            " CASE WHEN t.item = t.peer THEN 0 WHEN t.sent = 1 THEN (SELECT count(*) FROM"
            " messages_out m WHERE m.item = t.item AND m.peer = t.peer"
            " AND m.entry_id = t.entry_id AND m.entry IS NULL)"
            " ELSE (SELECT count(*) FROM entries_in e WHERE e.item = t.item AND e.peer = t.peer"
            " AND e.leaf = t.leaf AND e.entry IS NULL) + (SELECT count(*) FROM entries_in e"
            " WHERE e.peer = t.peer AND e.leaf = t.leaf AND e.item IS NULL AND e.entry IS NULL"
            " AND e.answer IN ('repeat', 'conflict')) END FROM tombstones t"
            " ORDER BY t.item, t.leaf",
        ):
            yield TombstoneRow(*row)

    def misplaced(self) -> list[int]:
        """Messages that wait in the outbox as something they are not."""
        rows = self._connection.execute(
            "SELECT w.message FROM waiting_out w LEFT JOIN messages_out m ON m.seq = w.message"  # noqa: S608 - own number
            f" AND m.peer = w.peer AND m.lane = w.lane AND w.urgency IN (m.urgency, {HELD_BACK})"
            " WHERE m.seq IS NULL"
        )
        return [row[0] for row in rows]

    def taken(self) -> Iterator[TakenRow]:
        """Every entry in custody, in the order they came."""
        for row in stream(
            self._connection,
            "SELECT peer, lane, leaf, entry, judged, waits_for, answer, item FROM entries_in"
            " ORDER BY seq",
        ):
            yield TakenRow(*row)

    def taken_ids(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Ids of entries ever taken: peer, id, digest."""
        yield from stream(self._connection, "SELECT peer, entry_id, digest FROM entry_ids_in")
        yield from stream(self._connection, "SELECT peer, entry_id, digest FROM entry_ids_in_delta")

    def places_of(self, item: str) -> list[citing.Place]:
        """Where entries stand about an item, with their answers, or about a verdict on files."""
        found = citing.places_of(self._connection, item)
        return found or citing.words_on(self._connection, item)

    def entry_at(self, direction: str, log: citing.Log, index: int) -> bytes | None:
        """The entry at one place of a log; None: it has no body."""
        return citing.entry_at(self._connection, direction, log, index)

    def leaves_below(self, direction: str, log: citing.Log, size: int) -> list[bytes]:
        """The first leaf hashes of a log, and no entry."""
        return citing.leaves_below(self._connection, direction, log, size)

    def answered(self, peer: str, message: Dispositions) -> list[str]:
        """Return the items that an answer of `peer` to a crowd of our entries is about."""
        return citing.answered(self._connection, peer, message)

    def item_named(self, item: str, alias_key: bytes) -> str | None:
        """Return the id of the item with this id or alias."""
        row = self._connection.execute(
            "SELECT id FROM items WHERE id = ?1 UNION ALL SELECT item FROM item_keys"
            " WHERE key = ?2 UNION ALL SELECT item FROM item_keys_delta WHERE key = ?2 LIMIT 1",
            (item, alias_key),
        ).fetchone()
        return None if row is None else str(row[0])
