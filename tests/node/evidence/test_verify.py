"""Tampering with an opened database is found by `verify`, and named: docs/operating/evidence.md."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from node.casework.casebook import Casebook, Needs
from node.casework.events import EventKind, Recorded, decode_body
from node.casework.item import ItemState, Review, encode
from node.casework.reports.draft import AssessmentDraft
from node.matching.fingerprints import Fingerprints
from node.store.connection import open_reader, open_writer
from node.store.sqlite import Store
from protocol.facts import Hop
from protocol.vocabulary import Reason, Verdict
from tests.builders.cases import item
from tests.builders.network import NOW_MS
from tests.contract.stores import record
from tests.node.evidence.conftest import HERE, Made, Places
from tests.simulation.world import World

OTHER = "CASE substr({c}, length({c})) WHEN x'5a' THEN x'a5' ELSE x'5a' END"
FIELDS = ("looked", "silent", "said")
LOOKED, SILENT, SAID = map(ItemState.__struct_fields__.index, FIELDS)
LATER = 8
"""Fields that came to an item's state since the first release."""
UNSET = [list(one) if one == () else one for one in ItemState.__struct_defaults__]
"""What those fields are that were never set, the last one last."""
FLIP = f"substr({{c}}, 1, length({{c}}) - 1) || {OTHER}"
BLOBS = {
    ("events", "body"): "events",
    ("events", "leaf"): "events",
    ("events", "chain"): "events",
    ("history_heads", "note"): "history_heads",
    ("items", "state"): "items",
    ("reports", "state"): "reports",
    ("item_keys", "key"): "item_keys",
    ("item_keys_delta", "key"): "item_keys",
    ("messages_out", "entry_id"): "messages_out",
    ("messages_out", "entry"): "sent",
    ("log_out", "leaf"): "sent",
    ("checkpoints_out", "note"): "sent",
    ("checkpoints_out", "receipt"): "sent",
    ("channels_out", "range"): "sent",
    ("epochs_out", "prev_root"): "sent",
    ("entries_in", "leaf"): "held",
    ("entries_in", "entry"): "held",
    ("entry_ids_in", "digest"): "entry_ids_in",
    ("tombstones", "leaf"): "tombstones",
    ("entry_ids_in", "entry_id"): "entry_ids_in",
    ("entry_ids_in_delta", "digest"): "entry_ids_in",
    ("entry_ids_in_delta", "entry_id"): "entry_ids_in",
    ("receipts_in", "checkpoint"): "held",
    ("receipts_in", "receipt"): "held",
    ("channels_in", "range"): "held",
    ("epochs_in", "prev_root"): "held",
    ("ledger_leaves", "root"): "ledger",
    ("ledger_heads", "note"): "ledger",
    ("ledger_cosignatures", "lines"): "ledger_cosignatures",
    ("witnessed", "note"): "witnessed",
    ("ledgers_seen", "note"): "ledgers_seen",
}
VALUES = {
    ("events", "item", "'gb-iwf.01M3250V00YFWB4SJBG5Y8EZVT'"): "events",
    ("events", "kind", "kind % 14 + 1"): "events",
    ("events", "at_ms", "at_ms - 1"): "events",
    ("events", "learnt_ms", "learnt_ms + 1"): "events",
    ("events", "actor", "'de-eco'"): "events",
    ("events", "seq", "seq + 1000"): "events",
    ("history_heads", "size", "size - 1"): "history_heads",
    ("items", "report_id", "'x'"): "items",
    ("items", "custody", "'counted'"): "items",
    ("items", "responsible", "'de-eco'"): "items",
    ("items", "country", "'DE'"): "items",
    ("items", "urgency", "urgency + 1"): "items",
    ("items", "due_ms", "coalesce(due_ms, 0) + 1"): "items",
    ("items", "review", "coalesce(review, '') || 'x'"): "items",
    ("items", "id", "'gb-iwf.01M3250V00YFWB4SJBG5Y8EZVT'"): "items",
    ("reports", "source", "'police'"): "reports",
    ("reports", "reference", "'other'"): "reports",
    ("item_keys", "item", "'gb-iwf.01M3250V00YFWB4SJBG5Y8EZVT'"): "item_keys",
    ("intake_lines", "item", "'gb-iwf.01M3250V00YFWB4SJBG5Y8EZVT'"): "intake_lines",
    ("messages_out", "kind", "kind + 1"): "messages_out",
    ("messages_out", "peer", "'de-eco'"): "messages_out",
    ("messages_out", "lane", "'bulk'"): "messages_out",
    ("log_out", "idx", "idx + 1000"): "sent",
    ("log_out", "message", "(SELECT max(seq) FROM messages_out) - message"): "sent",
    ("checkpoints_out", "size", "size + 1000"): "sent",
    ("checkpoints_out", "start", "start + 1"): "sent",
    ("checkpoints_out", "epoch", "x'0000000000000001'"): "sent",
    ("checkpoints_out", "peer", "'de-eco'"): "sent",
    ("epochs_out", "lane", "'statua'"): "sent",
    ("epochs_out", "epoch", "x'0000000000000001'"): "sent",
    ("epochs_in", "lane", "'statua'"): "held",
    ("receipts_in", "epoch", "x'0000000000000001'"): "held",
    ("receipts_in", "peer", "'de-eco'"): "held",
    ("channels_out", "size", "size + 1"): "sent",
    ("channels_out", "receipted", "receipted + 1"): "sent",
    ("epochs_out", "prev_size", "prev_size + 1"): "sent",
    ("entries_in", "idx", "idx + 1000"): "held",
    ("entries_in", "answer", "'alias'"): "entries_in",
    ("receipts_in", "size", "size + 1000"): "held",
    ("channels_in", "size", "size + 1"): "held",
    ("epochs_in", "prev_size", "prev_size + 1"): "held",
}
GONE = {
    "epochs_out": "sent",
    "channels_out": "sent",
    "epochs_in": "held",
    "channels_in": "held",
    "events": "history_heads",
    "items": "items",
    "reports": "reports",
    "item_keys": "item_keys",
    "messages_out": "sent",
    "log_out": "sent",
    "checkpoints_out": "sent",
    "entries_in": "held",
    "entry_ids_in": "entry_ids_in",
    "receipts_in": "held",
}
UNIMPORTANT = {
    "disavowed_in": "follows from entries in custody: tests/simulation/test_disavowed.py",
    "disavowed_leaves": "as disavowed_in",
    "said_again": "follows from entries in custody: tests/contract/test_store_repeats.py",
    "erased_unsent": "follows from entries in custody: tests/simulation/test_flooding.py",
    "registry_said": "what was said stands in signed logs; this is where it is compared",
    "forks": "each row proves itself by the signatures of the accused; all are walked",
    "meta": "facts about the file itself, such as when it was restored",
    "tasks": "notes to people; what they point at is verified where it stands",
    "tokens": "local access, no evidence",
    "idempotency": "local access, no evidence",
    "answers_about": "as idempotency",
    "ledger_checks": "when ledgers were compared, and how it went",
    "ledger_differences": "each row proves itself by the signatures of the accused; all are walked",
    "ledger_doubts": "heads that their owner has to lead from: asked of it, and of nobody here",
    "handed_back": "what people allowed; what was handed back stands in logs that are walked",
    "recoveries": "how far a recovery has come; its pages prove themselves, or are asked for again",
    "recovered_pages": "our own signed checkpoints, until the channels stand again",
    "recovered_entries": "under those; what becomes of them stands in the outbox and the history",
    "recovered_answers": "read from those; what becomes of them stands in the outbox",
    "witness_asks": "when to ask a witness again, and what went wrong",
    "waiting_out": "an order of work: what is missing shows as vanished_from_outbox",
    "lists": "what others gave: it can be imported again, and what followed is in the history",
    "list_categories": "as lists",
    "list_entries": "as lists",
    "list_keys": "as lists",
    "list_names": "as lists",
    "list_tombstones": "as lists",
    "list_ended": "as lists",
    "list_imports": "as lists",
    "hosters": "whom to tell: read again from registers; what people decided is shown beside it",
    "hoster_ranges": "a cache of what registers say",
    "paused_servers": "when a register may be asked again",
    "contacts_sought": "an order of work: whose contact is looked for; asked again",
    "shared_verdicts": "what stands in the outbox, by verdict: what is told to who comes later",
    "shared_to": "an order of work: who is told of it yet; what was said stands in the outbox",
    "origin_questions": "what proxies were asked: asked again; what followed is in the history",
    "hashcheck_keys": "what was agreed with hosting companies: `hotline hashcheck key list`",
    "hashcheck_counts": "how much they asked: numbers for quotas and reports",
    "hashcheck_hits": "kept for a month for complaints; the verdict itself is in the history",
    "hashcheck_complaints": "shown to people: `hotline hashcheck complaints`",
    "hashcheck_blocked": "follows from the complaints that were upheld",
    "_sqlite_migrations": "how the schema came about",
}


def test_untouched_database_holds_in_everything(made: Made) -> None:
    """And it was really walked: every sort of thing was counted."""
    findings = made.verify()

    assert findings.found == []
    assert {"events", "heads", "items", "receipts_sent", "receipts_held"} <= set(findings.counts)


@pytest.mark.parametrize(("table", "column"), BLOBS)
def test_changed_bytes_are_found_and_named(
    table: str, column: str, made: Made, places: Places
) -> None:
    """One byte of one row is enough."""
    where = f"rowid = (SELECT max(rowid) FROM {table} WHERE {column} IS NOT NULL)"
    if table not in {"events", "messages_out", "entries_in"}:
        where = f"{column} = (SELECT max({column}) FROM {table})"
    if table == "item_keys":  # of an erased item only the one by its id is known for sure
        where = "key = (SELECT max(key) FROM item_keys WHERE item IN (SELECT id FROM items))"
    if table == "entry_ids_in":  # of an erased entry only the leaf is known for sure
        ids = "SELECT substr(entry, 6, 32) FROM entries_in WHERE entry IS NOT NULL"
        where = f"entry_id = (SELECT max(entry_id) FROM entry_ids_in WHERE entry_id IN ({ids}))"
    changed = FLIP.format(c=column)
    made.tamper(f"UPDATE {table} SET {column} = CAST({changed} AS BLOB) WHERE {where}")

    assert BLOBS[table, column] in places(made.verify())


@pytest.mark.parametrize(("table", "column", "value"), VALUES)
def test_changed_value_is_found_and_named(
    table: str, column: str, value: str, made: Made, places: Places
) -> None:
    """Whatever column carries a fact."""
    row = f"(SELECT max({column}) FROM {table})"
    where = f"{column} IS {row}" if column != "message" else f"message = {row}"
    if (table, column) == ("channels_out", "receipted"):
        where = "receipted = size"
    made.tamper(f"UPDATE OR REPLACE {table} SET {column} = {value} WHERE {where}")

    assert VALUES[table, column, value] in places(made.verify())


@pytest.mark.parametrize("table", GONE)
def test_missing_row_is_found_and_named(table: str, made: Made, places: Places) -> None:
    """Taking away is a change too."""
    key = {
        **dict.fromkeys(("epochs_out", "epochs_in", "channels_out", "channels_in"), "epoch"),
        "items": "id",
        "reports": "id",
        "item_keys": "key",
        "entry_ids_in": "entry_id",
    }
    by = key.get(table, "rowid")
    if table in {"log_out", "checkpoints_out", "receipts_in"}:
        by = "idx" if table == "log_out" else "size"
    of = f"{table} WHERE item IN (SELECT id FROM items)" if table == "item_keys" else table
    made.tamper(f"DELETE FROM {table} WHERE {by} = (SELECT max({by}) FROM {of})")

    assert GONE[table] in places(made.verify())


def test_message_that_was_taken_out_of_the_outbox_is_found(made: Made) -> None:
    """It waits nowhere and stands in no log: it would never be sent."""
    made.tamper(
        "INSERT INTO messages_out SELECT seq + 1000, peer, lane, urgency, entry_id, kind, item,"
        " entry, created_ms FROM messages_out LIMIT 1"
    )

    assert "vanished_from_outbox" in {finding.why for finding in made.verify().found}


def test_history_rewritten_as_a_whole_fails_at_its_signed_head(made: Made, places: Places) -> None:
    """Whoever recomputes the chain still lacks the log key."""
    made.tamper("DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)")

    assert "history_heads" in places(made.verify())


def test_every_table_is_verified_or_said_to_carry_no_evidence(original: Made) -> None:
    """A new table can't be forgotten."""
    connection = open_reader(original.path, original.keys.database_key)
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    connection.close()
    tampered = {table for table, _ in BLOBS} | {table for table, _, _ in VALUES}

    tables = {name for (name,) in names} - {"registry_files"}
    assert tables - set(UNIMPORTANT) == tampered - set(UNIMPORTANT)


def test_only_what_a_member_took_back_waits_for_a_person(made: Made) -> None:
    """Whatever else is said to wait so was hidden from being judged."""
    item = "lane = 'reports' AND judged = 1 AND item IS NOT NULL AND entry IS NOT NULL"
    made.tamper(
        "UPDATE entries_in SET judged = 2, waits_for = 'mass_withdrawal/' || peer"
        f" WHERE seq = (SELECT max(seq) FROM entries_in WHERE {item})"
    )

    findings = made.verify()
    assert ("entries_in", "waits_for") in {(one.where, one.why) for one in findings.found}
    assert "held" not in findings.counts


@pytest.mark.parametrize("queued", [True, False])
def test_what_waits_for_an_item_that_is_here_is_right_only_while_it_is_woken(
    made: Made,
    queued: bool,  # noqa: FBT001
) -> None:
    """Many are woken step by step; whatever else waits so was hidden from being judged."""
    one = "(SELECT max(seq) FROM entries_in WHERE answer = 'new' AND entry IS NOT NULL)"
    queue = """'[["item",["' || item || '"]]]'"""
    waking = f"SELECT 'waking', {queue} FROM entries_in WHERE seq = {one}"
    if queued:
        made.tamper(f"INSERT INTO meta (name, value) {waking}")
    made.tamper(
        "UPDATE entries_in SET judged = 2, waits_for = item, item = NULL, answer = NULL"
        f" WHERE seq = {one}"
    )
    found = {(one.where, one.why) for one in made.verify().found}
    assert (("entries_in", "waits_for") in found) is not queued


class TestStandingRow:
    """A row stands for an event of its item; only answers may have come since."""

    def test_row_from_before_the_hand_over_is_found(self, made: Made) -> None:
        """Set back as a whole, with the number of the event that it stands for."""
        connection = open_writer(made.path, made.keys.database_key)
        (item, seq, raw) = connection.execute(
            "SELECT item, seq, body FROM events WHERE kind = ? AND body IS NOT NULL"
            " AND item IN (SELECT id FROM items WHERE custody = 'handed_on')",
            (int(EventKind.RECORDED),),
        ).fetchone()
        body = decode_body(EventKind.RECORDED, raw)
        assert isinstance(body, Recorded)
        connection.execute(
            "UPDATE items SET state = ?, changed_seq = ? WHERE id = ?",
            (encode(body.state), seq, item),
        )
        connection.close()
        whys = {one.why for one in made.verify().found}
        assert whys == {"state_not_as_history_says", "changed_seq_not_as_history_says"}


async def unassessable_withdrawn(folder: Path) -> Made:
    """Make a member that judged an item, could not judge it any more, and took that back."""
    world = World(folder, [HERE, "gb-iwf"])
    await world.start()
    node, desk = world[HERE], world[HERE].desk
    item = (await node.submit("https://nl1.example/1.jpg")).items[0].item_id
    await desk.assess(item, AssessmentDraft(verdict=Verdict.BASELINE), actor="a")
    draft = AssessmentDraft(verdict=Verdict.UNASSESSABLE, reason=Reason.NOT_FOUND)
    await desk.assess(item, draft, actor="a")
    (given,) = [one for one in (await node.state(item)).assessments if one.reason is not None]
    await desk.correcting.withdraw(item, given.event_id, actor="a")
    await world.close()
    return Made(node.path, node.keys, world.registry, world.files, item)


class TestEarlierProgram:
    """R11: states that an earlier program wrote end before the fields that came later."""

    async def _record_as_earlier(self, made: Made) -> None:
        """Record an item that was found here, of which nothing that came later is said."""
        secret = Fingerprints(made.keys.fingerprint_secret)
        store = Store.inline(made.path, made.keys.database_key, HERE, secret)
        state = item(50, finder=HERE, hops=(Hop(HERE, NOW_MS),), came_from=None)

        def take(book: Casebook) -> None:
            record(book, state)
            book.remember_line(bytes(16), state.id)

        def reconsider(book: Casebook) -> None:
            book.raise_review(state.id, Review.PERHAPS_BACK)

        await store.cases.transact(Needs(), NOW_MS, take)
        await store.cases.transact(Needs(items={state.id}), NOW_MS, reconsider)
        await store.close()

    def _rewrite(self, made: Made, change: Callable[[list[Any]], list[Any]]) -> None:
        connection = open_writer(made.path, made.keys.database_key)
        written = "SELECT id, state FROM items WHERE length(state) > 0"
        rows = connection.execute(written).fetchall()
        assert rows
        for item_id, raw in rows:
            state = msgspec.msgpack.encode(change(msgspec.msgpack.decode(raw)))
            connection.execute("UPDATE items SET state = ? WHERE id = ?", (state, item_id))
        connection.close()

    async def test_r11_a_state_without_later_fields_is_as_the_history_says(
        self, made: Made
    ) -> None:
        """An upgraded node verifies clean, though nobody wrote its rows anew."""
        await self._record_as_earlier(made)
        shorter = []

        def earlier(state: list[Any]) -> list[Any]:
            """End before the last fields that were never set."""
            end = len(state)
            while end > len(state) - LATER and state[end - 1] == UNSET[end - 1 - len(state)]:
                end -= 1
            shorter.append(len(state) - end)
            return state[:end]

        self._rewrite(made, earlier)
        assert sum(shorter) > 0
        assert made.verify().found == []

    @pytest.mark.parametrize(("more", "why"), [(-1, set()), (1, {"state_not_as_history_says"})])
    def test_r11_a_count_that_was_begun_late_is_behind(
        self, made: Made, more: int, why: set[str]
    ) -> None:
        """What members had said of an item before is not in it; what they never said neither."""
        counted = []

        def begun(state: list[Any]) -> list[Any]:
            """Count otherwise what members said."""
            counted.extend(state[SAID])
            state[SAID] = [[member, number + more, *rest] for member, number, *rest in state[SAID]]
            return state

        self._rewrite(made, begun)
        assert counted
        assert {one.why for one in made.verify().found} == why

    @pytest.mark.parametrize(("ids", "why"), [([], set()), (["x"], {"state_not_as_history_says"})])
    def test_r11_what_an_unassessable_had_taken_back_was_not_kept(
        self, tmp_path: Path, ids: list[str], why: set[str]
    ) -> None:
        """A state says nothing of it, where it was withdrawn before; or else all of it."""
        made = asyncio.run(unassessable_withdrawn(tmp_path))
        silenced = []

        def earlier(state: list[Any]) -> list[Any]:
            """Keep nothing of it, or something else."""
            silenced.extend(state[SILENT])
            state[SILENT] = ids
            return state

        self._rewrite(made, earlier)
        assert silenced
        assert {one.why for one in made.verify().found} == why

    @pytest.mark.parametrize(
        "change",
        [lambda state: state[:LOOKED], lambda state: [*state, 7], lambda _: [], lambda _: 7],
        ids=["a field that was set", "a field more", "no fields", "no state"],
    )
    def test_attack_a_state_cut_short_is_found(self, made: Made, change: Any) -> None:
        """Only what was never set may be missing."""
        self._rewrite(made, change)
        assert {finding.where for finding in made.verify().found} == {"items"}
