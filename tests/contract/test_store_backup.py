"""Contract of a store, backup: one moment, while others write; and what comes back says so."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from node.casework.casebook import Needs
from node.casework.errors import CursorGoneError
from node.casework.showing.feed import Feed
from node.store.backup import backup, check, restore
from node.store.channels.outbox import AFTER_ANY_RESTORE_MS
from node.store.errors import AlreadyOpenError, StoreError, StoreFullError, WrongKeyError
from node.store.items.decisions import close_task, say_restored
from node.store.recovery.outside import OUTSIDE_HELD, SUBJECT
from node.store.sqlite import SHRINK_PAGES, SLACK_PAGES, Store
from protocol.answers import NOTHING, Position
from protocol.channel import open_epoch
from protocol.vocabulary import Lane
from tests.builders.network import DAY_MS, NOW_MS
from tests.contract.stores import FILES, KEY, Place, entomb, message, post, record_items, recording
from tests.contract.test_store_full import no_file_larger_than

MEANT = FILES
OTHER_KEY = bytes(range(32, 64))
ROOM = 100_000
"""Bytes: less than a copy needs, more than what SQLite makes beside the file that it reads."""


async def numbers(store: Store) -> list[int]:
    """The numbers of the history."""
    return [seq for seq, _ in await store.queries.events(0, 10_000)]


async def restored(place: Place, folder: Path, name: str) -> Store:
    """Back `place` up and open what a restore makes of it."""
    backup(place.path, KEY, folder / f"{name}.backup", OTHER_KEY)
    restore(folder / f"{name}.backup", OTHER_KEY, folder / f"{name}.db", KEY, NOW_MS)
    return Place(folder / f"{name}.db", place.opener).open()


STRANGE = Position(b"\x09" * 8, 3, bytes(32))
"""What a receiver tells of a channel that the backup does not know."""


async def opened(store: Store, epoch: bytes, now_ms: int, told: Position = NOTHING) -> None:
    """Open an epoch of one channel, upon what its receiver told."""
    fence = await store.outbox.take_over("fr-pdc", Lane.STATUS)
    state = open_epoch(epoch, told)
    await store.outbox.open("fr-pdc", Lane.STATUS, fence, state, {}, now_ms, entomb)


async def brought_back(place: Place, tmp_path: Path) -> Store:
    """Return the store of a backup that held one epoch, by a clock that was days ahead."""
    store = place.open()
    await opened(store, b"\x01" * 8, NOW_MS + 9 * DAY_MS)
    backup(place.path, KEY, tmp_path / "copy", OTHER_KEY)
    await store.close()
    restore(tmp_path / "copy", OTHER_KEY, tmp_path / "again.db", KEY, NOW_MS)
    return Place(tmp_path / "again.db", place.opener).open()


class TestUnderLoad:
    """The node runs and writes."""

    async def test_backup_ends_and_opens_while_others_write(self, tmp_path: Path) -> None:
        """A whole prefix of the history; nothing half; the writers never stopped."""
        place = Place(tmp_path / "node.db", Store.open)
        place.create()
        store = place.open()
        await record_items(store, *range(1, 200))
        done = asyncio.Event()
        written = 0

        async def keep_writing(first: int) -> None:
            nonlocal written
            number = first
            while not done.is_set():
                await record_items(store, number, number + 1)
                written += 2
                number += 2

        writers = [asyncio.create_task(keep_writing(n * 100_000)) for n in range(1, 5)]
        target = tmp_path / "backup.db"
        size = await asyncio.to_thread(backup, place.path, KEY, target, OTHER_KEY)
        done.set()
        await asyncio.gather(*writers)
        assert written > 0
        assert size == target.stat().st_size
        copy = Place(target, place.opener).open(OTHER_KEY)
        held = await numbers(copy)
        assert held == list(range(1, len(held) + 1))
        assert 199 <= len(held) <= 199 + written
        assert (await copy.queries.figures())["items"] == len(held)
        await copy.close()
        assert len(await numbers(store)) == 199 + written
        await store.close()


class TestBackup:
    """The file."""

    @pytest.fixture
    async def source(self, place: Place) -> Path:
        """A store with something in it, closed."""
        store = place.open()
        await record_items(store, 1, 2)
        await store.close()
        return place.path

    async def test_backup_is_under_a_key_of_its_own(self, source: Path, tmp_path: Path) -> None:
        """Who carries it off needs not have ours."""
        target = tmp_path / "backup.db"
        backup(source, KEY, target, OTHER_KEY)
        check(target, OTHER_KEY)
        with pytest.raises(WrongKeyError):
            check(target, KEY)

    async def test_only_its_owner_may_read_it(self, source: Path, tmp_path: Path) -> None:
        """From the first byte on."""
        target = tmp_path / "backup.db"
        backup(source, KEY, target, OTHER_KEY)
        assert stat.S_IMODE(target.stat().st_mode) == 0o600

    async def test_backup_overwrites_nothing(self, source: Path, tmp_path: Path) -> None:
        """The last one may be the only one."""
        target = tmp_path / "backup.db"
        target.write_bytes(b"last night's")
        with pytest.raises(AlreadyOpenError):
            backup(source, KEY, target, OTHER_KEY)
        assert target.read_bytes() == b"last night's"

    async def test_half_a_backup_never_has_the_final_name(
        self, source: Path, tmp_path: Path
    ) -> None:
        """The disk was full; the next one is not confused by what was left."""
        target = tmp_path / "backup.db"
        with no_file_larger_than(ROOM), pytest.raises(StoreError):
            backup(source, KEY, target, OTHER_KEY)
        assert not target.exists()
        backup(source, KEY, target, OTHER_KEY)
        check(target, OTHER_KEY)

    async def test_full_disk_is_named_as_such(self, source: Path, tmp_path: Path) -> None:
        """Not as damage."""
        with no_file_larger_than(ROOM), pytest.raises(StoreFullError):
            backup(source, KEY, tmp_path / "backup.db", OTHER_KEY)

    async def test_a_backup_that_filled_the_disk_gives_its_room_back(
        self, source: Path, tmp_path: Path
    ) -> None:
        """It may be the disk of the node, which would take nothing in until somebody looks."""
        folder = tmp_path / "backups"
        folder.mkdir()
        with no_file_larger_than(ROOM), pytest.raises(StoreFullError):
            backup(source, KEY, folder / "backup.db", OTHER_KEY)
        assert list(folder.iterdir()) == []

    async def test_what_a_person_keeps_beside_it_is_left_alone(
        self, source: Path, tmp_path: Path
    ) -> None:
        """Half of an earlier one, perhaps, that somebody copied there."""
        theirs = tmp_path / "backup.db.partial"
        theirs.write_bytes(b"theirs")
        backup(source, KEY, tmp_path / "backup.db", OTHER_KEY)
        assert theirs.read_bytes() == b"theirs"

    def test_backup_with_the_wrong_key_makes_no_file(self, place: Place, tmp_path: Path) -> None:
        """Neither a partial one."""
        with pytest.raises(WrongKeyError):
            backup(place.path, OTHER_KEY, tmp_path / "backup.db", KEY)
        assert not list(tmp_path.glob("backup.db*"))


class TestRestore:
    """What comes back."""

    async def test_restored_database_says_so(self, place: Place, tmp_path: Path) -> None:
        """What it sent after the backup is unknown to it."""
        store = place.open()
        await record_items(store, 1)
        await post(store, message(1))
        await store.close()
        backup(place.path, KEY, tmp_path / "backup.db", OTHER_KEY)
        restore(tmp_path / "backup.db", OTHER_KEY, tmp_path / "back.db", KEY, NOW_MS)
        back = Place(tmp_path / "back.db", place.opener).open()
        assert await back.history.fact("restored_ms") == str(NOW_MS)
        assert await numbers(back) == [1]
        assert (await back.queries.figures())["messages_waiting"] == 1
        await record_items(back, 2)
        await back.close()

    async def test_two_restores_of_one_backup_are_two_histories(
        self, place: Place, tmp_path: Path
    ) -> None:
        """A reader of the first is told so at the second, and misses nothing silently."""
        store = place.open()
        await record_items(store, 1)
        await store.close()
        backup(place.path, KEY, tmp_path / "backup.db", OTHER_KEY)
        feeds = list[Feed]()
        for name, then_ms in (("one", NOW_MS), ("two", NOW_MS + 1000)):
            restore(tmp_path / "backup.db", OTHER_KEY, tmp_path / name, KEY, then_ms)
            back = Place(tmp_path / name, place.opener).open()
            feeds.append(Feed.of(await back.history.fact("restores")))
            await back.close()
        assert [[held for _, held in feed.restores] for feed in feeds] == [[1], [1]]
        with pytest.raises(CursorGoneError):
            feeds[1].number(feeds[0].cursor(2))

    async def test_what_a_set_back_disk_wrote_before_it_was_said_is_another_history(
        self, place: Place
    ) -> None:
        """Its readers are told to read again from the moment of the copy, if it is known."""
        store = place.open()
        await record_items(store, 1, 2)
        await store.cases.transact(Needs(), NOW_MS + DAY_MS, recording(3))
        await store.writer.run(lambda c: say_restored(c, NOW_MS + 2 * DAY_MS, NOW_MS))
        feed = Feed.of(await store.history.fact("restores"))
        await store.close()
        with pytest.raises(CursorGoneError) as gone:
            feed.number(3)
        assert feed.number(gone.value.read_from) == 2

    async def test_epochs_that_the_backup_held_count_as_opened_before(
        self, place: Place, tmp_path: Path
    ) -> None:
        """By their number: one opened under a clock that was days ahead, too."""
        again = await brought_back(place, tmp_path)
        before = (await again.outbox.remembered("fr-pdc", Lane.STATUS, STRANGE))[2]
        await opened(again, b"\x02" * 8, NOW_MS - 9 * DAY_MS)
        after = (await again.outbox.remembered("fr-pdc", Lane.STATUS, STRANGE))[2]
        await again.close()
        assert (before, after) == (0, AFTER_ANY_RESTORE_MS)

    async def test_epoch_that_follows_what_is_told_counts_as_none_since_the_backup(
        self, place: Place, tmp_path: Path
    ) -> None:
        """A process that was killed before its first push opens another upon the same state."""
        again = await brought_back(place, tmp_path)
        await opened(again, b"\x02" * 8, NOW_MS - 9 * DAY_MS, STRANGE)
        upon_it = (await again.outbox.remembered("fr-pdc", Lane.STATUS, STRANGE))[2]
        await opened(again, b"\x03" * 8, NOW_MS - 9 * DAY_MS, NOTHING)
        since = (await again.outbox.remembered("fr-pdc", Lane.STATUS, STRANGE))[2]
        await again.close()
        assert (upon_it, since) == (0, AFTER_ANY_RESTORE_MS)

    async def test_original_does_not_say_so(self, place: Place, tmp_path: Path) -> None:
        """Only the copy was restored."""
        backup(place.path, KEY, tmp_path / "backup.db", OTHER_KEY)
        restore(tmp_path / "backup.db", OTHER_KEY, tmp_path / "back.db", KEY, NOW_MS)
        for path, key in ((place.path, KEY), (tmp_path / "backup.db", OTHER_KEY)):
            store = Place(path, place.opener).open(key)
            assert await store.history.fact("restored_ms") is None
            await store.close()

    async def test_g2_restored_node_does_nothing_outside_until_a_person_has_looked(
        self, place: Place, tmp_path: Path
    ) -> None:
        """Nobody knows which notices left after the backup; closing the task is the word."""
        back = await restored(place, tmp_path, "first")
        assert await back.queries.may_act_outside() is False
        assert await back.queries.tasks() == [(OUTSIDE_HELD, SUBJECT, NOW_MS)]
        await back.writer.run(lambda c: close_task(c, OUTSIDE_HELD, SUBJECT, NOW_MS + 1))
        assert await back.queries.may_act_outside() is True
        await back.close()

    async def test_g2_each_restore_waits_for_a_person_anew(
        self, place: Place, tmp_path: Path
    ) -> None:
        """The word that was given holds for the restore that it was given for."""
        back = await restored(place, tmp_path, "first")
        await back.writer.run(lambda c: close_task(c, OUTSIDE_HELD, SUBJECT, NOW_MS + 1))
        await back.close()
        again = await restored(Place(tmp_path / "first.db", place.opener), tmp_path, "second")
        assert await again.queries.may_act_outside() is False
        await again.close()

    async def test_g2_restored_twice_without_a_word_it_waits_once(
        self, place: Place, tmp_path: Path
    ) -> None:
        """One task, not a heap of them."""
        await (await restored(place, tmp_path, "first")).close()
        again = await restored(Place(tmp_path / "first.db", place.opener), tmp_path, "second")
        assert len(await again.queries.tasks()) == 1
        await again.close()

    async def test_node_that_was_never_restored_may_act_outside(self, place: Place) -> None:
        """A backup alone holds nothing back."""
        store = place.open()
        assert await store.queries.may_act_outside() is True
        await store.close()

    async def test_restore_overwrites_nothing(self, place: Place, tmp_path: Path) -> None:
        """The database in use may be the newer one."""
        backup(place.path, KEY, tmp_path / "backup.db", OTHER_KEY)
        with pytest.raises(AlreadyOpenError):
            restore(tmp_path / "backup.db", OTHER_KEY, place.path, KEY, NOW_MS)

    async def test_damaged_backup_is_not_restored(self, place: Place, tmp_path: Path) -> None:
        """Checked from end to end first."""
        store = place.open()
        await record_items(store, *range(1, 300))
        await store.close()
        target = tmp_path / "backup.db"
        backup(place.path, KEY, target, OTHER_KEY)
        raw = bytearray(target.read_bytes())
        raw[-4096 * 3 : -4096 * 2] = bytes(4096)
        target.write_bytes(raw)
        with pytest.raises(StoreError):
            restore(target, OTHER_KEY, tmp_path / "back.db", KEY, NOW_MS)
        assert not (tmp_path / "back.db").exists()


class TestRoom:
    """What is erased gives its room back."""

    async def fill(self, store: Store) -> None:
        """Take some 30 MiB of the file, and free them again."""
        await store.writer.run(
            lambda c: c.executemany(
                "INSERT INTO registry_files VALUES (?, ?)",
                [(f"{n}", bytes(1 << 20)) for n in range(30)],
            )
        )
        await store.writer.run(lambda c: c.execute("DELETE FROM registry_files"))

    async def free(self, store: Store) -> int:
        """How many pages of the file are free."""
        found: int = await store.writer.run(
            lambda c: c.execute("PRAGMA freelist_count").fetchone()[0]
        )
        return found

    async def test_free_pages_go_back_step_by_step_but_for_some(self, store: Store) -> None:
        """A step is short, and what comes next finds room."""
        await self.fill(store)
        before = await self.free(store)
        assert await store.shrink() == SHRINK_PAGES
        assert await self.free(store) == before - SHRINK_PAGES
        while await store.shrink():
            pass
        assert await self.free(store) == SLACK_PAGES

    async def test_file_of_a_restored_database_shrinks(self, place: Place, tmp_path: Path) -> None:
        """Also where the database it was copied from never could."""
        store = await restored(place, tmp_path, "copy")
        await self.fill(store)
        assert await store.shrink() == SHRINK_PAGES
        await store.close()
