"""R11: databases of every earlier schema are brought up to date where they stand, with data."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.store import backup
from node.store.connection import Connection, open_reader, open_writer
from node.store.sqlite import Store
from node.store.upgrade.upgrading import BrokenOffError, Step, Upgrade
from tests.builders.cases import FINGERPRINTS, US
from tests.contract.incoming import PEER, Sender, take
from tests.contract.stores import FILES, KEY, Place, record_items

FIRST = ("001_initial.sql",)
INDEXES_SINCE = (
    "entries_in_said_again", "messages_out_said_once", "items_to_review", "items_here",
    "entries_in_turns",
)  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give a place with an empty embedded store."""
    made = Place(tmp_path / "node.db", FILES[0].opener)
    made.create()
    return made


def as_before_deltas(connection: Connection) -> None:
    """Leave the database as a program without deltas had it: all in the tables themselves."""
    connection.execute("DROP VIEW items_told")
    connection.execute("DROP INDEX events_assessed")
    connection.execute("INSERT INTO item_keys SELECT key, item FROM item_keys_delta")
    connection.execute(
        "INSERT INTO entry_ids_in SELECT peer, entry_id, digest FROM entry_ids_in_delta"
    )
    for delta in ("item_keys_delta", "entry_ids_in_delta"):
        assert connection.execute(f"SELECT count(*) FROM {delta}").fetchone() != (0,)
        connection.execute(f"DROP TABLE {delta}")
    tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
    names = [name for (name,) in connection.execute(tables).fetchall()]
    since = (
        "list", "hashcheck", "hoster", "paused_", "origin_", "contacts_", "shared_", "erased_",
        "answers_about", "said_again", "disavowed_leaves",
    )  # fmt: skip
    connection.execute("ALTER TABLE registry_said RENAME TO registry_views")
    connection.execute("DROP INDEX registry_said_by_version")
    for index in INDEXES_SINCE:
        connection.execute(f"DROP INDEX {index}")
    later = [name for name in names if name.startswith(since)]
    for table in ("ledgers_seen", "ledger_doubts", *later):
        connection.execute(f"DROP TABLE {table}")
    connection.execute("DELETE FROM _sqlite_migrations WHERE name NOT IN (?)", FIRST)
    connection.execute(f"PRAGMA user_version = {len(FIRST)}")


async def older(place: Place, *lacking: str) -> Sender:
    """Make a store as of before deltas, with an item and a push in it; give who pushed.

    `lacking`: views that it has not.
    """
    store, sender = place.open(), Sender()
    await record_items(store, 1)
    await take(store, sender.push(1))
    await store.close()
    connection = open_writer(place.path, KEY)
    as_before_deltas(connection)
    for view in lacking:
        connection.execute(f"DROP VIEW {view}")
    connection.close()
    return sender


async def test_r11_what_an_earlier_file_gained_since_is_there_when_a_later_one_needs_it(
    place: Place,
) -> None:
    """Of a commit between two releases: the files that come build on all of those before."""
    await older(place, "disavowed_entries", "in_disavowed_ranges")
    store = place.open()
    assert await store.queries.figures()
    await store.close()


async def test_r11_what_stood_in_the_tables_is_found_beside_what_comes_now(place: Place) -> None:
    """What was taken before the upgrade is still taken once, and so is what came after it."""
    sender = await older(place)
    store = place.open()
    await take(store, sender.push(2))
    await store.close()
    store = place.open()
    await take(store, sender.push(1, 2, 3))
    answers = await store.readers.run(
        lambda c: c.execute("SELECT answer FROM entries_in WHERE idx > 2 ORDER BY idx").fetchall()
    )
    assert answers == [("repeat",), ("repeat",), (None,)]
    await store.close()


async def test_r11_program_without_deltas_refuses_a_database_that_has_them(place: Place) -> None:
    """It would not look into them, and take for new what it holds."""
    await place.open().close()
    reader = open_reader(place.path, KEY)
    assert reader.execute("PRAGMA user_version").fetchone()[0] > len(FIRST)
    reader.close()


async def test_r11_copy_of_the_database_as_it_was_stands_beside_it(place: Place) -> None:
    """Without deltas: an older program opens it."""
    await older(place)
    await place.open().close()
    (copy,) = place.path.parent.glob("*.before-*")
    reader = open_reader(copy, KEY)
    assert reader.execute("PRAGMA user_version").fetchone() == (len(FIRST),)
    held = reader.execute("SELECT peer FROM entry_ids_in").fetchall()
    assert held == [(PEER,)]
    reader.close()


async def test_r11_database_that_knows_of_no_doubts_takes_them(place: Place) -> None:
    """Its last schema file has grown since: what it lacks is made when it is opened."""
    await place.open().close()
    connection = open_writer(place.path, KEY)
    connection.execute("DROP TABLE ledger_doubts")
    connection.close()
    store = place.open()
    await store.lineages.doubt(PEER, {"gb-iwf": b"head"}, 1)
    assert await store.lineages.doubts("gb-iwf", 9) == [(b"head", 1)]
    await store.close()


class Impatient(Upgrade):
    """Breaks it off as soon as it comes to a step."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def reach(self, step: Step | None) -> None:
        """Break it off behind that step."""
        super().reach(step)
        if step is not None and step.name == self.name:
            self.break_off()


@pytest.mark.parametrize("name", ["copy", "check", "schema"])
async def test_r11_an_upgrade_that_is_broken_off_is_done_at_the_next_start(
    place: Place, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is at; what stands beside it then is the database as it was, whole."""
    monkeypatch.setattr(backup, "LOOK_EVERY", 100)
    await older(place)
    upgrade = Impatient(name)
    with pytest.raises(BrokenOffError):
        Store.open(place.path, KEY, US, FINGERPRINTS, upgrade=upgrade)
    assert upgrade.step is not None
    assert upgrade.step.name == name
    await place.open().close()
    (copy,) = place.path.parent.glob("*.before-*[0-9]")
    reader = open_reader(copy, KEY)
    assert reader.execute("PRAGMA user_version").fetchone() == (len(FIRST),)
    reader.close()
