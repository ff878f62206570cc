"""Every column of the database: tampering with it is found, or it is said here why it need not be.

`test_verify.py` shows the principle; this goes through the schema, so that a new column cannot be
forgotten. Each statement is an UPDATE or DELETE through the opened database of a node with a
history.
"""

from __future__ import annotations

import pytest

from node.store.connection import open_reader
from tests.node.evidence.conftest import Made, Places

FOUND: dict[tuple[str, str], list[tuple[str, str]]] = {
    ("reports", "id"): [("id = 'nl-eokm.01M3250V00YFWB4SJBG5Y8EZVT'", "reports")],
    ("reports", "source"): [("source = 'police'", "reports")],
    ("reports", "reference"): [("reference = 'other'", "reports")],
    ("reports", "state"): [("state = x'90'", "reports")],
    ("items", "id"): [("id = id || '0'", "items")],
    ("items", "report_id"): [("report_id = 'x'", "items")],
    ("items", "custody"): [("custody = 'counted'", "items")],
    ("items", "responsible"): [("responsible = 'de-eco'", "items")],
    ("items", "country"): [("country = 'DE'", "items")],
    ("items", "urgency"): [("urgency = 1 - urgency", "items")],
    ("items", "due_ms"): [("due_ms = 5", "items")],
    ("items", "review"): [("review = 'hop_cap'", "items")],
    ("items", "changed_seq"): [("changed_seq = changed_seq - 1", "items")],
    ("items", "state"): [("state = (SELECT max(state) FROM items)", "items")],
    ("item_keys", "key"): [("key = zeroblob(16)", "item_keys")],
    ("item_keys", "item"): [("item = item || '0'", "item_keys")],
    ("item_keys_delta", "key"): [("key = zeroblob(16)", "item_keys")],
    ("item_keys_delta", "item"): [("item = item || '0'", "item_keys")],
    ("intake_lines", "item"): [
        ("item = (SELECT max(id) FROM items WHERE id NOT IN (SELECT item FROM intake_lines))",
         "intake_lines"),
    ],
    ("events", "seq"): [("seq = seq + 1000 WHERE seq = 3", "events")],
    ("events", "item"): [("item = (SELECT max(id) FROM items) WHERE seq = 1", "events")],
    ("events", "kind"): [("kind = kind % 14 + 1 WHERE seq = 2", "events")],
    ("events", "at_ms"): [("at_ms = at_ms + 1 WHERE seq = 2", "events")],
    ("events", "learnt_ms"): [("learnt_ms = learnt_ms + 1 WHERE seq = 2", "events")],
    ("events", "actor"): [("actor = 'de-eco' WHERE seq = 2", "events")],
    ("events", "body"): [
        ("body = (SELECT body FROM events WHERE seq = 1) WHERE seq = 2", "events"),
        ("body = NULL WHERE seq = 2", "events"),
    ],
    ("events", "leaf"): [("leaf = zeroblob(32) WHERE seq = 2", "events")],
    ("events", "chain"): [("chain = zeroblob(32) WHERE seq = 2", "events")],
    ("history_heads", "size"): [("size = size - 1", "history_heads")],
    ("history_heads", "messages"): [("messages = messages - 1", "history_heads")],
    ("history_heads", "digest"): [("digest = zeroblob(32)", "history_heads")],
    ("history_heads", "note"): [("note = CAST(note || x'0a' AS BLOB)", "history_heads")],
    ("messages_out", "seq"): [("seq = seq + 1000 WHERE seq = 2", "messages_out")],
    ("messages_out", "peer"): [("peer = 'fr-pdc' WHERE peer = 'gb-iwf'", "messages_out")],
    ("messages_out", "lane"): [("lane = 'bulk'", "messages_out")],
    ("messages_out", "urgency"): [("urgency = 7", "messages_out")],
    ("messages_out", "entry_id"): [("entry_id = zeroblob(32)", "messages_out")],
    ("messages_out", "kind"): [("kind = kind + 1", "messages_out")],
    ("messages_out", "item"): [
        ("item = (SELECT max(id) FROM items) WHERE item <> (SELECT max(id) FROM items)",
         "messages_out"),
        ("item = NULL WHERE kind <> 32", "messages_out"),
    ],
    ("messages_out", "entry"): [
        ("entry = (SELECT entry FROM messages_out WHERE seq = 2) WHERE seq = 1", "sent"),
        ("entry = NULL WHERE seq = 1", "sent"),
    ],
    ("channels_out", "peer"): [("peer = 'de-eco' WHERE lane = 'status'", "sent")],
    ("channels_out", "lane"): [("lane = 'bulk' WHERE lane = 'status'", "sent")],
    ("channels_out", "epoch"): [("epoch = zeroblob(8)", "sent")],
    ("channels_out", "size"): [("size = size + 1", "sent")],
    ("channels_out", "range"): [("range = x'00'", "sent")],
    ("channels_out", "receipted"): [
        ("receipted = receipted + 1", "sent"), ("receipted = 0", "sent"),
    ],
    ("channels_out", "stopped"): [("stopped = 'unknown_history'", "tasks")],
    ("epochs_out", "peer"): [("peer = 'de-eco' WHERE lane = 'status'", "sent")],
    ("epochs_out", "lane"): [("lane = 'bulk' WHERE lane = 'status'", "sent")],
    ("epochs_out", "epoch"): [("epoch = randomblob(8)", "sent")],
    ("epochs_out", "prev_epoch"): [("prev_epoch = zeroblob(8)", "sent")],
    ("epochs_out", "prev_size"): [("prev_size = prev_size + 1", "sent")],
    ("epochs_out", "prev_root"): [("prev_root = zeroblob(32)", "sent")],
    ("log_out", "peer"): [("peer = 'de-eco' WHERE lane = 'status'", "sent")],
    ("log_out", "lane"): [("lane = 'bulk' WHERE lane = 'status'", "sent")],
    ("log_out", "epoch"): [("epoch = zeroblob(8) WHERE idx = 1", "sent")],
    ("log_out", "idx"): [("idx = idx + 1000 WHERE idx = 1", "sent")],
    ("log_out", "leaf"): [("leaf = zeroblob(32) WHERE idx = 1", "sent")],
    ("log_out", "message"): [
        ("message = (SELECT max(seq) FROM messages_out) - message + 1", "sent"),
        ("message = 9999 WHERE message IS NOT NULL", "sent"),
        ("message = NULL WHERE message IS NOT NULL", "sent"),
    ],
    ("log_out", "entry"): [("entry = x'90' WHERE idx = 0", "sent")],
    ("checkpoints_out", "peer"): [("peer = 'de-eco'", "sent")],
    ("checkpoints_out", "lane"): [("lane = 'bulk' WHERE lane = 'status'", "sent")],
    ("checkpoints_out", "epoch"): [("epoch = zeroblob(8)", "sent")],
    ("checkpoints_out", "start"): [("start = start + 1", "sent")],
    ("checkpoints_out", "size"): [("size = size + 1", "sent")],
    ("checkpoints_out", "note"): [("note = CAST(note || x'0a' AS BLOB)", "sent")],
    ("checkpoints_out", "receipt"): [
        ("receipt = CAST(receipt || x'0a' AS BLOB)", "sent"), ("receipt = NULL", "sent"),
    ],
    ("channels_in", "peer"): [("peer = 'de-eco' WHERE lane = 'status'", "held")],
    ("channels_in", "lane"): [("lane = 'bulk' WHERE lane = 'status'", "held")],
    ("channels_in", "epoch"): [("epoch = zeroblob(8)", "held")],
    ("channels_in", "size"): [("size = size + 1", "held")],
    ("channels_in", "range"): [("range = x'00'", "held")],
    ("channels_in", "stopped"): [("stopped = 'fork_suspected'", "tasks")],
    ("epochs_in", "peer"): [("peer = 'de-eco' WHERE lane = 'status'", "held")],
    ("epochs_in", "lane"): [("lane = 'bulk' WHERE lane = 'status'", "held")],
    ("epochs_in", "epoch"): [("epoch = randomblob(8)", "held")],
    ("epochs_in", "prev_epoch"): [("prev_epoch = zeroblob(8)", "held")],
    ("epochs_in", "prev_size"): [("prev_size = prev_size + 1", "held")],
    ("epochs_in", "prev_root"): [("prev_root = zeroblob(32)", "held")],
    ("entries_in", "peer"): [("peer = 'de-eco' WHERE lane = 'status'", "held")],
    ("entries_in", "lane"): [("lane = 'bulk' WHERE lane = 'status'", "held")],
    ("entries_in", "epoch"): [("epoch = zeroblob(8) WHERE idx = 1 AND lane = 'status'", "held")],
    ("entries_in", "idx"): [("idx = idx + 1000 WHERE idx = 1", "held")],
    ("entries_in", "leaf"): [("leaf = zeroblob(32) WHERE idx = 1", "held")],
    ("entries_in", "entry"): [
        ("entry = x'90' WHERE idx = 1", "held"), ("entry = NULL WHERE idx = 1", "held"),
    ],
    ("entries_in", "judged"): [
        ("judged = 2 WHERE answer = 'new'", "entries_in"),
        ("judged = 3 WHERE answer = 'new'", "entries_in"),
        ("judged = 9 WHERE answer = 'new'", "entries_in"),
        ("judged = 0 WHERE idx = 0", "entries_in"),
    ],
    ("entries_in", "waits_for"): [("waits_for = item WHERE answer = 'new'", "entries_in")],
    ("entries_in", "answer"): [
        ("answer = 'alias' WHERE answer = 'new'", "entries_in"),
        ("answer = NULL WHERE answer = 'new'", "entries_in"),
        ("answer = 'repeat' WHERE answer = 'new'", "entries_in"),
        ("answer = 'conflict' WHERE answer = 'new'", "entries_in"),
        ("answer = 'new' WHERE lane = 'status' AND answer IS NULL AND idx > 0", "entries_in"),
    ],
    ("entries_in", "item"): [
        ("item = (SELECT max(id) FROM items) WHERE item < (SELECT max(id) FROM items)",
         "entries_in"),
    ],
    ("entry_ids_in", "peer"): [("peer = 'de-eco'", "entry_ids_in")],
    ("entry_ids_in", "entry_id"): [("entry_id = randomblob(32)", "entry_ids_in")],
    ("entry_ids_in", "digest"): [("digest = zeroblob(16)", "entry_ids_in")],
    ("entry_ids_in_delta", "peer"): [("peer = 'de-eco'", "entry_ids_in")],
    ("entry_ids_in_delta", "entry_id"): [("entry_id = randomblob(32)", "entry_ids_in")],
    ("entry_ids_in_delta", "digest"): [("digest = zeroblob(16)", "entry_ids_in")],
    ("receipts_in", "peer"): [("peer = 'de-eco' WHERE lane = 'status'", "held")],
    ("receipts_in", "lane"): [("lane = 'bulk' WHERE lane = 'status'", "held")],
    ("receipts_in", "epoch"): [("epoch = zeroblob(8)", "held")],
    ("receipts_in", "start"): [("start = start + 1", "held")],
    ("receipts_in", "size"): [("size = size + 1", "held")],
    ("receipts_in", "checkpoint"): [("checkpoint = CAST(checkpoint || x'0a' AS BLOB)", "held")],
    ("receipts_in", "receipt"): [("receipt = CAST(receipt || x'0a' AS BLOB)", "held")],
    ("tombstones", "sent"): [("sent = 1 - sent", "tombstones")],
    ("tombstones", "peer"): [("peer = 'de-eco'", "tombstones")],
    ("tombstones", "entry_id"): [("entry_id = zeroblob(32)", "entry_ids_in")],
    ("tombstones", "leaf"): [("leaf = zeroblob(32)", "tombstones")],
    ("tombstones", "item"): [("item = (SELECT max(id) FROM items)", "tombstones")],
    ("tombstones", "erased_ms"): [("erased_ms = erased_ms + 1", "tombstones")],
    ("ledger_leaves", "epoch"): [("epoch = zeroblob(8) WHERE idx = 1", "ledger")],
    ("ledger_leaves", "idx"): [("idx = idx + 1000 WHERE idx = 1", "ledger")],
    ("ledger_leaves", "origin"): [
        ("origin = (SELECT max(origin) FROM ledger_leaves) WHERE idx = 0", "ledger"),
    ],
    ("ledger_leaves", "size"): [("size = size + 1 WHERE idx = 1", "ledger")],
    ("ledger_leaves", "root"): [("root = zeroblob(32) WHERE idx = 1", "ledger")],
    ("ledger_heads", "number"): [("number = number + 1000 WHERE number = 1", "ledger")],
    ("ledger_heads", "epoch"): [("epoch = zeroblob(8) WHERE number = 1", "ledger")],
    ("ledger_heads", "size"): [("size = size - 1 WHERE number = 1", "ledger")],
    ("ledger_heads", "note"): [("note = CAST(note || x'0a' AS BLOB)", "ledger")],
    ("ledger_cosignatures", "head"): [("head = head + 1000", "ledger_cosignatures")],
    ("ledger_cosignatures", "witness"): [("witness = 'zz-none'", "ledger_cosignatures")],
    ("ledger_cosignatures", "lines"): [
        ("lines = (SELECT max(lines) FROM ledger_cosignatures)", "ledger_cosignatures"),
    ],
    ("ledger_cosignatures", "time_s"): [("time_s = time_s - 1", "ledger_cosignatures")],
    ("witnessed", "number"): [("number = number + 1000 WHERE number = 1", "witnessed")],
    ("witnessed", "member"): [("member = 'fr-pdc' WHERE note IS NOT NULL", "witnessed")],
    ("witnessed", "epoch"): [("epoch = zeroblob(8) WHERE note IS NOT NULL", "witnessed")],
    ("witnessed", "size"): [("size = size - 1 WHERE note IS NOT NULL", "witnessed")],
    ("witnessed", "root"): [("root = zeroblob(32) WHERE note IS NOT NULL", "witnessed")],
    ("witnessed", "note"): [
        ("note = NULL", "witnessed"),
        ("note = CAST(note || x'0a' AS BLOB) WHERE note IS NOT NULL", "witnessed"),
    ],
    ("ledgers_seen", "member"): [("member = 'fr-pdc' WHERE member = 'gb-iwf'", "ledgers_seen")],
    ("ledgers_seen", "epoch"): [("epoch = zeroblob(8)", "ledgers_seen")],
    ("ledgers_seen", "size"): [("size = size - 1", "ledgers_seen")],
    ("ledgers_seen", "root"): [("root = zeroblob(32)", "ledgers_seen")],
    ("ledgers_seen", "note"): [("note = CAST(note || x'0a' AS BLOB)", "ledgers_seen")],
    ("witnessed", "time_s"): [("time_s = time_s - 1 WHERE note IS NOT NULL", "witnessed")],
}  # fmt: skip
"""For each column that matters: what is done to it, and where that must be found."""

WITHOUT_CONSEQUENCE: dict[tuple[str, str], str] = {
    ("intake_lines", "line"): "a line that is not recognised becomes a second sighting, and shows",
    ("item_keys_delta", "number"): "the order in which they came, which nothing asks for",
    ("entry_ids_in_delta", "number"): "as of item_keys_delta",
    ("messages_out", "created_ms"): "tells an age to people; times of evidence are in the entry",
    ("channels_out", "fence"): "a smaller one displaces its own process, which takes over again",
    ("channels_out", "attempts"): "when to try again; contact ends it, `status` shows it",
    ("channels_out", "next_attempt_ms"): "as attempts",
    ("channels_out", "problem"): "as attempts",
    ("epochs_out", "opened_ms"): "our own clock's word, proving nothing",
    ("checkpoints_out", "signed_ms"): "as opened_ms",
    ("ledger_heads", "signed_ms"): "as opened_ms",
    ("epochs_in", "opened_ms"): "as opened_ms",
    ("entries_in", "seq"): "the order in which entries are judged; their places are in the log",
    ("entries_in", "taken_ms"): "as opened_ms; the receipt has its own time",
}
WITHOUT_EVIDENCE: dict[str, str] = {
    "disavowed_in": "in no database here; each column in tests/simulation/test_disavowed.py",
    "disavowed_leaves": "as disavowed_in",
    "said_again": "follows from entries in custody: tests/contract/test_store_repeats.py",
    "erased_unsent": "follows from entries in custody: tests/simulation/test_flooding.py",
    "forks": "each row proves itself by the signatures of the accused; all are walked",
    "registry_said": "what was said stands in signed logs; this is where it is compared",
    "meta": "what an operator said of this file (restored); peers notice an old file anyway",
    "ledger_doubts": "each row proves itself by its owner's signature, asked again before use",
    "tasks": "reminders; what they point at is verified where it stands",
    "ledger_checks": "when ledgers were compared; what it found stands before a person",
    "ledger_differences": "each row proves itself by the signatures of the accused; all are walked",
    "handed_back": "what people allowed; what was handed back stands in logs that are walked",
    "recoveries": "how far a recovery has come; its pages prove themselves, or are asked for again",
    "recovered_pages": "our own signed checkpoints, until the channels stand again",
    "recovered_entries": "under those; what becomes of them stands in the outbox and the history",
    "recovered_answers": "read from those; what becomes of them stands in the outbox",
    "witness_asks": "when to ask again, and what went wrong; what came of it is verified",
    "waiting_out": "an order of work: what is missing from it has vanished from the outbox",
    "tokens": "local access: `hotline token list`",
    "lists": "what others gave: it can be imported again, and what followed is in the history",
    "list_categories": "as lists",
    "list_entries": "as lists",
    "list_keys": "as lists",
    "list_names": "as lists",
    "list_tombstones": "as lists",
    "list_ended": "as lists",
    "list_imports": "as lists",
    "hashcheck_keys": "what was agreed with hosting companies: `hotline hashcheck key list`",
    "hashcheck_counts": "how much they asked: numbers for quotas and reports",
    "hashcheck_hits": "kept for a month for complaints; the verdict itself is in the history",
    "hashcheck_complaints": "shown to people: `hotline hashcheck complaints`",
    "hashcheck_blocked": "follows from the complaints that were upheld",
    "idempotency": "local access: answers already given",
    "answers_about": "as idempotency",
    "hosters": "whom to tell: read again from registers; what people decided is shown beside it",
    "contacts_sought": "an order of work: whose contact is looked for; asked again",
    "shared_verdicts": "what stands in the outbox, by verdict: what is told to who comes later",
    "shared_to": "an order of work: who is told of it yet; what was said stands in the outbox",
    "origin_questions": "a cache of what proxies said; asked again when it is old",
    "hoster_ranges": "a cache of what registers say",
    "paused_servers": "when a register may be asked again",
    "registry_files": "verified from the pinned root whenever they are read",
    "_sqlite_migrations": "how the schema came about",
}
CASES = [
    (table, change, where) for (table, _), changes in FOUND.items() for change, where in changes
]


@pytest.mark.parametrize(("table", "change", "where"), CASES, ids=lambda value: str(value)[:60])
def test_tampered_column_is_found_where_it_is(
    table: str, change: str, where: str, made: Made, places: Places
) -> None:
    """By table, place and code; never by content."""
    made.tamper(f"UPDATE OR REPLACE {table} SET {change}")
    assert where in places(made.verify())


def test_every_column_matters_or_is_said_not_to(original: Made) -> None:
    """A new column cannot be forgotten."""
    connection = open_reader(original.path, original.keys.database_key)
    columns = {
        (table, row[1])
        for (table,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        for row in connection.execute(f"PRAGMA table_info({table})").fetchall()
        if table not in WITHOUT_EVIDENCE
    }
    connection.close()
    assert set(FOUND).isdisjoint(WITHOUT_CONSEQUENCE)
    assert columns == {*FOUND, *WITHOUT_CONSEQUENCE}


TAKEN_AWAY = [
    ("events WHERE seq = 2", "events"),
    ("events WHERE seq = (SELECT max(seq) FROM events)", "history_heads"),
    ("items WHERE id = (SELECT min(id) FROM items)", "items"),
    ("reports WHERE id = (SELECT min(id) FROM reports)", "reports"),
    ("item_keys WHERE item IN (SELECT id FROM items)", "item_keys"),
    ("item_keys WHERE item NOT IN (SELECT id FROM items)", "item_keys"),
    ("item_keys_delta WHERE number = (SELECT max(number) FROM item_keys_delta)", "item_keys"),
    ("tombstones", "tombstones"),
    ("intake_lines WHERE line = (SELECT min(line) FROM intake_lines)", "intake_lines"),
    ("messages_out WHERE seq = 2", "messages_out"),
    ("messages_out WHERE seq = (SELECT max(seq) FROM messages_out)", "history_heads"),
    ("channels_out WHERE lane = 'status'", "sent"),
    ("epochs_out WHERE lane = 'status'", "sent"),
    ("log_out WHERE idx = 1 AND lane = 'status'", "sent"),
    ("log_out WHERE idx = (SELECT max(idx) FROM log_out)", "sent"),
    ("checkpoints_out WHERE start = 0", "sent"),
    ("checkpoints_out WHERE size = (SELECT max(size) FROM checkpoints_out)", "sent"),
    ("channels_in WHERE lane = 'status'", "held"),
    ("epochs_in WHERE lane = 'status'", "held"),
    ("entries_in WHERE idx = 1 AND lane = 'reports'", "held"),
    ("entries_in WHERE seq = (SELECT max(seq) FROM entries_in)", "held"),
    ("entry_ids_in WHERE entry_id = (SELECT min(entry_id) FROM entry_ids_in)", "entry_ids_in"),
    ("entry_ids_in_delta WHERE number = (SELECT max(number) FROM entry_ids_in_delta)",
     "entry_ids_in"),
    ("receipts_in WHERE start = 0", "held"),
    ("ledger_leaves WHERE idx = 1", "ledger"),
    ("ledger_leaves WHERE idx = (SELECT max(idx) FROM ledger_leaves)", "ledger"),
    ("ledger_heads WHERE number = 1", "ledger"),
    ("ledger_heads WHERE number = (SELECT max(number) FROM ledger_heads)", "ledger"),
    ("ledger_heads WHERE number = (SELECT max(head) FROM ledger_cosignatures)",
     "ledger_cosignatures"),
    ("witnessed WHERE number = 1", "witnessed"),
    ("receipts_in WHERE size = (SELECT max(size) FROM receipts_in)", "held"),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "where"), TAKEN_AWAY)
def test_deleted_row_is_found_where_it_was(
    rows: str, where: str, made: Made, places: Places
) -> None:
    """First, last or in the middle."""
    made.tamper(f"DELETE FROM {rows}")
    assert where in places(made.verify())


ADDED = {
    "an id that came last, and would swallow an item to come": (
        "INSERT INTO entry_ids_in_delta VALUES (0, randomblob(32), 'gb-iwf', randomblob(16))",
        "entry_ids_in",
    ),
    "a key that came last, by which an item would be taken for another": (
        "INSERT INTO item_keys_delta SELECT 0, randomblob(16), min(id) FROM items",
        "item_keys",
    ),
    "an id that would swallow an item to come": (
        "INSERT INTO entry_ids_in VALUES ('gb-iwf', randomblob(32), randomblob(16))",
        "entry_ids_in",
    ),
    "a message that waits for another member": (
        "INSERT INTO waiting_out SELECT 'de-eco', lane, urgency, seq FROM messages_out LIMIT 1",
        "waiting_out",
    ),
    "a line that nobody handed in": (
        "INSERT INTO intake_lines SELECT randomblob(16), min(id) FROM items",
        "intake_lines",
    ),
    "a key by which an item would be taken for another": (
        "INSERT INTO item_keys SELECT randomblob(16), min(id) FROM items",
        "item_keys",
    ),
    "an item that nobody recorded": (
        (
            "INSERT INTO items SELECT id || '0', report_id, custody, responsible, country,"
            " urgency, due_ms, review, changed_seq, state FROM items LIMIT 1"
        ),
        "items",
    ),
    "an erasure that nobody ordered": (
        (
            "INSERT INTO tombstones SELECT 0, peer, randomblob(32), leaf, (SELECT max(id)"
            " FROM items), taken_ms FROM entries_in LIMIT 1"
        ),
        "tombstones",
    ),
    "a report that nobody made": (
        "INSERT INTO reports SELECT id || '0', source, 'other', state FROM reports LIMIT 1",
        "reports",
    ),
}


@pytest.mark.parametrize(("statement", "where"), ADDED.values(), ids=list(ADDED))
def test_added_row_is_found_where_it_is(
    statement: str, where: str, made: Made, places: Places
) -> None:
    """Adding is a change too."""
    made.tamper(statement)
    assert where in places(made.verify())


class TestOutcomeHidden:
    """What another member told is not made unheard."""

    def test_outcome_that_came_is_not_turned_into_one_that_was_judged(
        self, made: Made, places: Places
    ) -> None:
        """Its event is missing then, and the item that it changed."""
        made.tamper(
            "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)",
            "DELETE FROM history_heads",
        )
        assert {"items", "entries_in"} & places(made.verify())


class TestStoppedChannels:
    """What stands before a person stays there."""

    def test_stopped_channel_is_not_let_run_behind_a_persons_back(
        self, made: Made, places: Places
    ) -> None:
        """The task is still open."""
        made.tamper(
            "INSERT INTO tasks (code, subject, opened_ms)"
            " VALUES ('channel_fork_suspected', 'gb-iwf/reports', 1)"
        )
        assert "tasks" in places(made.verify())

    def test_task_is_not_taken_away_from_among_others(self, made: Made, places: Places) -> None:
        """Their numbers have no gap."""
        made.tamper(
            "INSERT INTO tasks (id, code, subject, opened_ms) VALUES (1, 'entry_refused', 'a', 1),"
            " (2, 'entry_refused', 'b', 1), (3, 'entry_refused', 'c', 1)"
        )
        assert "tasks" not in places(made.verify())
        made.tamper("DELETE FROM tasks WHERE id = 2")
        assert "tasks" in places(made.verify())


def test_findings_name_places_and_codes_and_never_content(made: Made) -> None:
    """They are printed and logged."""
    made.tamper("UPDATE items SET state = x'90'", "UPDATE entries_in SET entry = x'90'")
    told = " ".join(f"{f.where} {f.place} {f.why}" for f in made.verify().found)
    assert "example" not in told
    assert "http" not in told


def test_receipt_that_never_came_is_counted_and_no_fault(made: Made) -> None:
    """Its push may have been receipted while we were down."""
    made.tamper(
        "UPDATE checkpoints_out SET receipt = NULL WHERE start = 0 AND size < (SELECT max(size)"
        " FROM checkpoints_out c WHERE c.peer = checkpoints_out.peer"
        " AND c.lane = checkpoints_out.lane)"
    )
    findings = made.verify()
    assert findings.holds
    assert findings.counts["unreceipted"] > 0
