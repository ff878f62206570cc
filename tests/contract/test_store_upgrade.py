"""R11, for every store: one of any earlier schema, with data, is brought up to date in place.

Each schema file has its way back here, so that a new one cannot be added without data being tried
across it: what it makes goes, and rows are written as an earlier program did (keys in the tables
themselves, the state of each item in its row).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import resources
from typing import Final, TypeAlias

import msgspec
import pytest

from node.casework.casebook import Needs
from node.casework.contents.introducing import START
from node.casework.item import ItemState, encode
from node.casework.mistakes.mass import waiting_of
from node.casework.passing_on.post import Post
from node.peer.channels.outgoing import Buried, tombstone
from node.store import opening
from node.store.audits.audit import Audit
from node.store.beside import alone, reading
from node.store.errors import AlreadyOpenError, OlderDatabaseError
from node.store.items.queries import ItemQuery
from node.store.items.states import states
from node.store.schema_files import SCHEMA_FILES
from node.store.seam import Connection
from node.store.sqlite import Store
from node.store.upgrade.carrying_over import CarryingOver
from protocol.entry import Entry
from protocol.entry import encode as encode_entry
from protocol.messages import kind_of, to_body
from protocol.verdicts import ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import Kind, Lane, Urgency
from tests.builders.cases import FINGERPRINTS, US, item, verdict
from tests.builders.network import NOW_MS
from tests.contract.incoming import PEER, Sender, take
from tests.contract.stores import KEY, Place, message, post, record, record_items, recording
from tests.contract.test_store_shared import back, given, word

ANSWERS: Final = "SELECT answer FROM entries_in ORDER BY seq"
EVERY_STATE: Final = (
    "SELECT id, state, seq, kind, at_ms, learnt_ms, actor, body FROM items_told ORDER BY seq"
)


def without_states(connection: Connection) -> None:
    """Before 003: the state of each item stands in its row, as of its last event."""
    found = states(connection.execute(EVERY_STATE).fetchall())
    assert found
    for name, state in found.items():
        last = connection.execute("SELECT max(seq) FROM events WHERE item = ?", (name,)).fetchone()
        connection.execute(
            "UPDATE items SET state = ?, changed_seq = ? WHERE id = ?",
            (encode(state), last[0], name),
        )


def without_deltas(connection: Connection) -> None:
    """Before 002: all keys and ids in the tables themselves; no ledgers of others remembered."""
    for table, columns in (("item_keys", "key, item"), ("entry_ids_in", "peer, entry_id, digest")):
        rows = connection.execute(f"SELECT {columns} FROM {table}_delta").fetchall()
        assert rows
        marks = ", ".join("?" for _ in columns.split(", "))
        for row in rows:
            connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", row)


def without_lists(_: Connection) -> None:
    """Before 004: there were none."""


def without_hosters(connection: Connection) -> None:
    """Before 005: nothing was known of hosters; no row of another table speaks of them."""
    assert connection.execute("SELECT count(*) FROM hosters").fetchone() == (0,)


def without_hashcheck(_: Connection) -> None:
    """Before 006: there was none."""


def without_questions(_: Connection) -> None:
    """Before 007: no proxy was asked anything."""


def without_sought(_: Connection) -> None:
    """Before 008: no contact was looked for."""


def without_shared(_: Connection) -> None:
    """Before 009: what was told stood in the outbox alone."""


def without_erased_unsent(connection: Connection) -> None:
    """Before 010: tombstones were read one by one."""
    connection.execute(
        "CREATE INDEX entries_in_of_channel ON entries_in (peer)"
        " WHERE lane = 'reports' AND judged = 1 AND answer IS NULL"
    )


def with_one_word_of_each_version(connection: Connection) -> None:
    """Before 011: of each version of the registry the first word about it."""
    connection.execute(
        "CREATE TABLE registry_views AS"
        " SELECT timestamp_version, root_version, snapshot_sha256, member FROM registry_said"
    )


def without_answers_about(_: Connection) -> None:
    """Before 012: of no answer was it known which item it shows."""


def with_indexes_of_before(connection: Connection) -> None:
    """Before 013: repeats were found by their sender, items in review by their last event."""
    connection.execute(
        "CREATE INDEX entries_in_again ON entries_in (peer) WHERE answer IN ('repeat', 'conflict')"
    )
    connection.execute(
        "CREATE INDEX items_in_review ON items (changed_seq) WHERE review IS NOT NULL"
    )


def with_one_line_of_all(connection: Connection) -> None:
    """Before schema 14 what waited for a judgement stood in one line."""
    connection.execute("CREATE INDEX entries_in_waiting ON entries_in (seq) WHERE judged = 0")


BACK: Final[dict[int, Callable[[Connection], None]]] = {
    2: without_deltas,
    3: without_states,
    4: without_lists,
    5: without_hosters,
    6: without_hashcheck,
    7: without_questions,
    8: without_sought,
    9: without_shared,
    10: without_erased_unsent,
    11: with_one_word_of_each_version,
    12: without_answers_about,
    13: with_indexes_of_before,
    14: with_one_line_of_all,
}
"""The number of a schema file, and how rows are written as before it."""
_MADE: Final = re.compile(r"^CREATE (?:UNIQUE )?(TABLE|VIEW|INDEX) (?!IF )(\w+)", re.MULTILINE)
FOLDER: Final = resources.files("node.store") / "schema"
EARLIER: Final = range(1, len(SCHEMA_FILES))


def as_of(place: Place, number: int, key: bytes = KEY) -> None:
    """Set a store back to the schema after the file of this number."""
    connection = opening.open_writer(place.where, key)
    connection.execute("DELETE FROM meta WHERE name = 'carried_over'")
    for at in range(len(SCHEMA_FILES), number, -1):
        BACK[at](connection)
        for kind, name in reversed(_MADE.findall(text_of(place, at))):
            connection.execute(f"DROP {kind} IF EXISTS {name}")
    if place.cluster is None:
        later = SCHEMA_FILES[number:]
        marks = ", ".join("?" for _ in later)
        connection.execute(f"DELETE FROM _sqlite_migrations WHERE name IN ({marks})", later)
        connection.execute(f"PRAGMA user_version = {number}")
    else:
        connection.execute("DELETE FROM schema_files WHERE number > ?", (number,))
    connection.close()


def text_of(place: Place, number: int) -> str:
    """The text of a schema file of this sort of store; what it makes goes when it is taken back."""
    folder = FOLDER if place.cluster is None else FOLDER / "postgres"
    return (folder / SCHEMA_FILES[number - 1]).read_text(encoding="utf-8")


async def all_items(store: Store) -> list[ItemState]:
    """Every item, as a page of items tells it."""
    return sorted(await store.queries.items(ItemQuery()), key=lambda state: state.id)


def test_r11_every_schema_file_of_both_stores_has_its_way_back() -> None:
    """Who adds one is told here that data must be tried across it."""
    assert set(BACK) == set(range(2, len(SCHEMA_FILES) + 1))
    for folder in (FOLDER, FOLDER / "postgres"):
        names = sorted(one.name for one in folder.iterdir())
        assert [name for name in names if name.endswith(".sql")] == list(SCHEMA_FILES)


@pytest.mark.parametrize("number", EARLIER)
class TestUpgrade:
    """A store with items, a held channel and an outbox, as an earlier program left it."""

    async def test_r11_everything_is_there_and_is_what_it_was(
        self, place: Place, number: int
    ) -> None:
        """Items with their states, what was held and what waits."""
        store, sender = place.open(), Sender()
        await record_items(store, 1, 2)
        await post(store, message(1), message(2))
        await take(store, sender.push(1, 2))
        before, figures = await all_items(store), await store.queries.figures()
        await store.close()
        as_of(place, number)
        store = place.open()
        assert await all_items(store) == before
        assert await store.queries.figures() == figures
        await store.close()

    async def test_r11_what_was_taken_before_is_taken_once(self, place: Place, number: int) -> None:
        """Entries that come again after it, beside new ones."""
        store, sender = place.open(), Sender()
        await record_items(store, 1)
        await take(store, sender.push(1))
        await store.close()
        as_of(place, number)
        store = place.open()
        await take(store, sender.push(1, 2))
        answers = await store.readers.run(lambda c: c.execute(ANSWERS).fetchall())
        assert answers == [(None,), (None,), ("repeat",), (None,)]
        await store.close()

    async def test_r11_an_item_of_before_is_found_and_changed(
        self, place: Place, number: int
    ) -> None:
        """The work goes on upon it, and the store is sound."""
        store, sender = place.open(), Sender()
        await record_items(store, 1)
        await take(store, sender.push(1))
        (before,) = await all_items(store)
        await store.close()
        as_of(place, number)
        store = place.open()
        _, book = await store.cases.transact(Needs(items={before.id}), NOW_MS, recording(2))
        assert book.loaded.items[before.id] == before
        assert len(await all_items(store)) == 2
        await store.close()
        assert damage(place) is None


LAST: Final = EARLIER[-1]


def begun(place: Place) -> None:
    """Bring it up to date, as a node that begins."""
    connection, lock = opening.open_locked(place.where, KEY)
    connection.close()
    lock.release()


class TestBeside:
    """Who writes beside a node changes no schema: an older one may run, and does not know it."""

    def test_r11_a_writer_beside_an_older_store_is_refused_and_leaves_it_as_it_is(
        self, place: Place
    ) -> None:
        """As often as it tries; the node brings it up to date."""
        as_of(place, LAST)
        for _ in range(2):
            with pytest.raises(OlderDatabaseError, match="start this version"):
                opening.open_writer(place.where, KEY)
        begun(place)
        opening.open_writer(place.where, KEY).close()

    def test_r11_a_reader_that_finds_no_table_says_that_the_store_is_older(
        self, place: Place
    ) -> None:
        """`hotline doctor` and `verify` before the first start; what is there can be read."""
        as_of(place, 11)
        with reading(place.where, KEY) as store:
            assert store.read(lambda c: c.execute("SELECT id FROM items").fetchall()) == []
        with (
            pytest.raises(OlderDatabaseError, match="start this version"),
            reading(place.where, KEY) as store,
        ):
            store.read(lambda c: c.execute("SELECT key FROM answers_about").fetchall())
        begun(place)

    def test_fault_that_needs_no_other_words_is_no_cause_of_itself(self, place: Place) -> None:
        """Who shows causes would show it without end."""
        with pytest.raises(AlreadyOpenError) as caught, reading(place.where, KEY):
            raise AlreadyOpenError
        assert caught.value.__cause__ is None

    def test_r11_who_keeps_nodes_out_brings_it_up_to_date(self, place: Place) -> None:
        """Such as `hotline restored`, which must come before the node; a file is copied first."""
        as_of(place, LAST)
        with alone(place.where, KEY), pytest.raises(AlreadyOpenError):
            opening.keep_out(place.where)
        opening.open_writer(place.where, KEY).close()
        if place.cluster is None:
            assert len(list(place.path.parent.glob("*.before-*"))) == 1


ERASED_MS: Final = NOW_MS - 5
NEVER_CAME: Final = item(99).id


PARK: Final = (
    "UPDATE entries_in SET judged = 2, waits_for = ? WHERE seq = (SELECT max(seq) FROM entries_in)"
)
JUDGED: Final = "SELECT judged FROM entries_in WHERE idx > 0 ORDER BY seq"


async def parked(store: Store, sender: Sender, waits_for: str, number: int) -> None:
    """Let an entry wait for an item, or for a person."""
    await take(store, sender.push(number))
    await store.writer.run(lambda c: c.execute(PARK, (waits_for,)))


Word: TypeAlias = ContentVerdict | ContentVerdictWithdrawn


def told(seq: int, kind: Kind, word: Word) -> Post:
    """Return what a member was told of a file."""
    entry = Entry(1, kind, seq.to_bytes(32, "big"), bytes(16), to_body(word))
    return Post("fr-pdc", Lane.BULK, Urgency.BULK, kind, None, entry.id, encode_entry(entry))


class TestCarriedOver:
    """What tables of later schemas hold is read from what an earlier program kept, once."""

    BEFORE = 8

    async def test_r11_a_tombstone_of_before_ends_what_comes_now(self, place: Place) -> None:
        """That its sender erased an item which never came."""
        store = place.open()
        stone = tombstone(bytes(32), Buried(US, b"i" * 32, Kind.ITEM, b"l" * 32, ERASED_MS))[1]
        await take(store, Sender().push_raw(stone))
        await store.close()
        as_of(place, self.BEFORE)
        store = place.open()
        ends = {(PEER, ERASED_MS), (PEER, ERASED_MS + 1), ("fr-pdc", ERASED_MS)}
        needs = Needs(ends={(NEVER_CAME, PEER)}, named={NEVER_CAME: b"n" * 16}, erasures=ends)
        _, book = await store.cases.transact(needs, NOW_MS, recording())
        assert book.loaded.entombed == {(PEER, ERASED_MS)}
        await store.close()

    async def test_r11_what_waited_for_an_item_is_judged_once_more(self, place: Place) -> None:
        """Not what waits for a person; and not again whenever the store is opened."""
        store, sender = place.open(), Sender()
        await parked(store, sender, waiting_of(PEER), 1)
        await parked(store, sender, NEVER_CAME, 2)
        await store.close()
        as_of(place, self.BEFORE)
        for last in (0, 2):
            store = place.open()
            found = await store.readers.run(lambda c: c.execute(JUDGED).fetchall())
            assert found == [(2,), (last,)]
            await store.writer.run(lambda c: c.execute(PARK, (NEVER_CAME,)))
            await store.close()

    async def test_r11_what_all_were_told_of_contents_stands(self, place: Place) -> None:
        """The fuller word; what was taken back stays known as that."""
        one, other = given(), given()
        said: list[Word] = [word(one), word(one, md5=1), word(other), word(one), back(other)]
        store = place.open()
        await post(store, *[told(n, Kind(kind_of(o)), o) for n, o in enumerate(said)])
        await store.close()
        as_of(place, self.BEFORE)
        store = place.open()
        assert await store.shared.standing(START, 9) == [word(one, md5=1)]
        assert (await store.queries.given(other.event_id)).is_gone
        await store.close()

    async def test_r11_an_item_is_found_by_the_verdicts_on_it(self, place: Place) -> None:
        """Those of others, and ours."""
        theirs, ours = verdict(member=PEER, number=901), verdict(member=US, number=902)
        state = msgspec.structs.replace(item(1), assessments=(theirs, ours))
        keys = [FINGERPRINTS.verdict(one.event_id) for one in (theirs, ours)]
        store = place.open()
        await store.cases.transact(Needs(), NOW_MS, lambda book: record(book, state))
        await take(store, Sender().push(1))
        sql = "DELETE FROM item_keys_delta WHERE key IN (?, ?)"
        await store.writer.run(lambda c: c.execute(sql, keys))
        await store.close()
        as_of(place, self.BEFORE)
        store = place.open()
        _, book = await store.cases.transact(Needs(keys=set(keys)), NOW_MS, recording())
        assert book.loaded.by_key == {key: [state.id] for key in keys}
        await store.close()

    async def test_r11_it_goes_on_where_it_was_broken_off(self, place: Place) -> None:
        """Piece by piece, in whatever part of it."""
        store, sender, one = place.open(), Sender(), given()
        await record_items(store, 1, 2, 3)
        await take(store, sender.push(1, 2, 3))
        await parked(store, sender, NEVER_CAME, 4)
        await post(store, message(1), told(2, Kind.CONTENT_VERDICT, word(one)))
        await store.close()
        as_of(place, self.BEFORE)
        pieces = 0
        while go_on(place):
            pieces += 1
        assert pieces > len(("entries", "messages", "items"))
        store = place.open()
        assert await store.shared.standing(START, 9) == [word(one)]
        await store.close()


def go_on(place: Place) -> bool:
    """Fill one small piece, and end."""
    connection, lock = opening.open_locked(place.where, KEY)
    try:
        return CarryingOver(FINGERPRINTS, rows=1, items=1).go_on(connection)
    finally:
        connection.close()
        lock.release()


def damage(place: Place) -> str | None:
    """What the store finds wrong with itself."""
    connection = opening.open_reader(place.where, KEY)
    audit = Audit(connection)
    try:
        return audit.damaged()
    finally:
        connection.close()
