"""Standing by: who waits takes over from whoever is gone; the dead that wake up write nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from node.store import opening
from node.store.bulk import insert_rows
from node.store.contents import listed_pictures, lookalikes
from node.store.contents.near_files import Folder
from node.store.errors import (
    AlreadyOpenError,
    AwayError,
    RefusedByServerError,
    SetBackError,
    StoreError,
    UnsureError,
    WrongKeyError,
)
from node.store.postgres.opening import ServerLock, open_tenant
from node.store.postgres.place import Postgres
from node.store.postgres.standing_by import LEASE_S, RETURN_S, Holder, StandBy, wait
from node.store.schema_files import SCHEMA_FILES
from node.store.sqlite import Store
from tests.builders.cases import FINGERPRINTS, US
from tests.builders.postgres import Cluster
from tests.contract.stores import KEY, record_items
from tests.contract.test_store_outbox import Tenure
from tests.node.store.test_postgres_server import (
    copied,
    cut_off,
    put_in_place,
    record_again,
    say_so,
)

AT_THE_SCHEMA = """
SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'schema_files'::regclass
"""


class Clock:
    """Seconds that pass when somebody says so."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.step_s = 0.0

    def __call__(self) -> float:
        """Return the time; `step_s` passes until it is asked for again."""
        self.now_s += self.step_s
        return self.now_s


@pytest.fixture
def place(postgres: Cluster) -> Postgres:
    """Give where an empty store stands."""
    return postgres.emptied(KEY)


@pytest.fixture
def clock() -> Clock:
    """Give a clock."""
    return Clock()


@pytest.fixture
def waiting(place: Postgres, clock: Clock) -> Iterator[StandBy]:
    """Give a process that stands by."""
    made = StandBy(place, KEY, clock)
    yield made
    made.close()


def node(place: Postgres) -> Store:
    """Open the store as a node does that works."""
    return Store.open(place, KEY, US, FINGERPRINTS)


def commits(place: Postgres) -> int:
    """How many commits the node has made."""
    with psycopg.connect(place.url) as administrator:
        row = administrator.execute("SELECT commits FROM tenure").fetchone()
    assert row is not None
    return int(row[0])


async def become_free(waiting: StandBy) -> None:
    """Wait until the server has let go of an ended session."""
    until = time.monotonic() + 20
    while not waiting.is_free():
        assert time.monotonic() < until
        await asyncio.sleep(0.01)


async def learn_that_it_is_over(store: Store) -> None:
    """Have a displaced process show life until it learns that it may not."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            await store.show_life()
        except AwayError:  # soon after an attempt that failed nothing is tried
            await asyncio.sleep(0.05)
        except AlreadyOpenError:
            return
    raise AssertionError("it never learnt")


class TestTurn:
    """When it is whose turn."""

    async def test_nobody_waits_where_nobody_works(self, place: Postgres) -> None:
        """The first that comes works."""
        assert wait(place, KEY, lambda: False)

    async def test_who_works_is_left_alone_and_followed_at_once(
        self, place: Postgres, waiting: StandBy
    ) -> None:
        """As soon as its session is gone, however it ended."""
        store = node(place)
        assert not waiting.is_free()
        await store.close()
        await become_free(waiting)

    async def test_who_has_nothing_to_do_shows_that_it_lives(
        self, place: Postgres, waiting: StandBy, clock: Clock
    ) -> None:
        """A quiet night is no reason to take over."""
        store = node(place)
        for _ in range(4):
            assert not waiting.is_free()
            clock.now_s += LEASE_S - 1
            await store.show_life()
        await record_items(store, 1)
        await store.close()

    async def test_who_takes_long_to_open_much_shows_that_it_lives(
        self, place: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Else two of them would end each other for ever before either is open.

        By one commit at least for each stretch of its lists and of its history that it reads.
        """
        store = node(place)
        await record_items(store, *range(1, 6))
        rows = [(number, 1, 1, b"a picture") for number in range(1, 6)]
        into = "INSERT OR FAIL INTO list_entries (number, category, version, state)"
        await store.writer.run(lambda connection: insert_rows(connection, into, rows))
        await store.close()
        before = commits(place)
        await node(place).close()
        monkeypatch.setattr(listed_pictures, "STRETCH", 1)
        await node(place).close()
        after_lists = commits(place)
        assert after_lists - before >= len(rows)
        monkeypatch.setattr(lookalikes, "STRETCH", 1)
        folder = Folder(tmp_path / "pictures", KEY, os.urandom)
        await Store.open(place, KEY, US, FINGERPRINTS, folder=folder).close()
        assert commits(place) - after_lists >= len(rows) + 5

    async def test_command_that_keeps_nodes_away_is_not_ended(
        self, place: Postgres, waiting: StandBy, clock: Clock
    ) -> None:
        """`hotline resume`: it shows no life, and needs none."""
        lock = ServerLock(place)
        for _ in range(3):
            assert not waiting.is_free()
            clock.now_s += LEASE_S + 1
        with pytest.raises(AlreadyOpenError):
            node(place)
        lock.release()

    async def test_who_brings_the_schema_up_to_date_is_not_ended(
        self, place: Postgres, waiting: StandBy, clock: Clock
    ) -> None:
        """It commits nothing meanwhile: two of them would end each other before either is done."""
        last = len(SCHEMA_FILES)
        with psycopg.connect(place.url, autocommit=True) as server:
            server.execute("DROP INDEX entries_in_turns")
            server.execute("DELETE FROM schema_files WHERE number = %s", [last])
            with server.transaction():
                server.execute("LOCK TABLE schema_files IN SHARE MODE")  # an index takes its time
                begins = asyncio.create_task(asyncio.to_thread(open_tenant, place, KEY))
                while server.execute(AT_THE_SCHEMA).fetchone() != (1,):
                    assert not begins.done()
                    await asyncio.sleep(0.01)
                for _ in range(3):
                    assert not waiting.is_free()
                    clock.now_s += LEASE_S + 1
        (await begins).close()

    async def test_no_time_passes_while_the_server_is_away(
        self, place: Postgres, waiting: StandBy, clock: Clock, postgres: Cluster
    ) -> None:
        """Nobody can show anything then."""
        store = node(place)
        assert not waiting.is_free()
        with postgres.stopped(signal.SIGQUIT):
            clock.now_s += LEASE_S + 1
            assert not waiting.is_free()
        while True:
            try:
                await store.show_life()
            except StoreError:
                await asyncio.sleep(0.01)
            else:
                break
        assert not waiting.is_free()
        await record_items(store, 1)
        await store.close()

    async def test_who_begins_while_the_server_is_away_waits_for_it_and_for_who_worked(
        self, place: Postgres, clock: Clock, postgres: Cluster
    ) -> None:
        """It ended, was started again as soon as the server was back, and took over at once."""
        store = node(place)
        with postgres.stopped():
            late = StandBy(place, KEY, clock)
            assert not late.is_free()
        assert not late.is_free()
        await record_again(store, 1)
        clock.now_s += RETURN_S + 1
        assert not late.is_free()
        await store.close()
        await become_free(late)
        late.close()

    async def test_who_begins_while_the_server_is_away_is_told_later_what_is_wrong(
        self, place: Postgres, clock: Clock, postgres: Cluster
    ) -> None:
        """As who begins while it answers."""
        with postgres.stopped():
            late = StandBy(place, bytes(32), clock)
        with pytest.raises(WrongKeyError):
            late.is_free()

    async def test_user_that_may_read_nothing_there_is_told_so(self, place: Postgres) -> None:
        """Time mends no right, and the store would stand still without a word."""
        with psycopg.connect(place.url, autocommit=True) as owner:
            owner.execute("CREATE ROLE clerk LOGIN")
            clerk = Postgres(place.url.replace("//hotline@", "//clerk@"))
            with pytest.raises(RefusedByServerError, match="lacks a right"):
                StandBy(clerk, KEY, time.monotonic)
            owner.execute("DROP OWNED BY clerk; DROP ROLE clerk")

    async def test_no_time_passes_while_the_server_hangs(
        self, place: Postgres, waiting: StandBy, clock: Clock
    ) -> None:
        """Its disk stalls: neither side is answered, and nobody is to blame."""
        store = node(place)
        clock.step_s = LEASE_S + 1
        for _ in range(4):
            assert not waiting.is_free()
        with pytest.raises(AlreadyOpenError):
            node(place)
        await store.close()

    def test_store_of_another_key_is_no_place_to_wait_at(self, place: Postgres) -> None:
        """It is said at the start, not when it would be needed."""
        with pytest.raises(WrongKeyError):
            wait(place, bytes(32), lambda: False)


class TestSetBack:
    """The process that worked died with its server, whose standby was behind."""

    @pytest.fixture
    def place(self, postgres: Cluster) -> Postgres:
        """Give a store whose database may get another name."""
        made = postgres.new()
        opening.create_database(made, KEY)
        return made

    async def test_who_saw_a_higher_number_does_not_take_over_and_says_so(
        self, place: Postgres, waiting: StandBy, clock: Clock, postgres: Cluster
    ) -> None:
        """Nor does anybody else, until a person said `hotline restored`."""
        store = node(place)
        await record_items(store, 1)
        behind = copied(postgres, place)
        await record_again(store, 2)
        while not waiting._commits:  # its session was ended, and is renewed
            assert not waiting.is_free()
        await store.close()
        put_in_place(postgres, behind, place)
        clock.step_s = 0.5
        with pytest.raises(SetBackError):
            await become_free(waiting)
        with pytest.raises(SetBackError):
            node(place)
        say_so(place)
        await node(place).close()

    async def test_who_stood_by_across_a_restore_does_not_hold_it_against_the_server(
        self, place: Postgres, waiting: StandBy, clock: Clock, postgres: Cluster
    ) -> None:
        """A person brought it back, and said so: fewer commits are no news."""
        store = node(place)
        await record_items(store, 1)
        behind = copied(postgres, place)
        for number in (2, 3, 4):
            await record_again(store, number)
        while not waiting._commits:
            assert not waiting.is_free()
        await store.close()
        put_in_place(postgres, behind, place)
        say_so(place)
        clock.step_s = 0.5
        await become_free(waiting)
        await node(place).close()

    async def test_server_that_was_set_back_to_before_a_restore_is_told_by_its_commits(
        self, place: Postgres, waiting: StandBy, clock: Clock, postgres: Cluster
    ) -> None:
        """What it says of restores is another thing than was seen, and nobody's word."""
        store = node(place)
        await record_items(store, 1)
        behind = copied(postgres, place)
        await record_again(store, 2)
        while not waiting._commits:
            assert not waiting.is_free()
        await store.close()
        say_so(place)
        store = node(place)
        await record_items(store, 3)
        assert not waiting.is_free()
        assert len(waiting._restores) == 2
        await store.close()
        put_in_place(postgres, behind, place)
        clock.step_s = 0.5
        with pytest.raises(SetBackError):
            await become_free(waiting)

    async def test_who_stands_by_since_a_restore_sees_that_a_server_is_of_before_it(
        self, place: Postgres, clock: Clock, postgres: Cluster
    ) -> None:
        """It never saw the database without that word, and the word that is gone is none."""
        store = node(place)
        await record_items(store, 1)
        behind = copied(postgres, place)
        await record_again(store, 2)
        await store.close()
        say_so(place)
        store = node(place)
        waiting = StandBy(place, KEY, clock)
        try:
            await record_items(store, 3)
            while not waiting._commits:
                assert not waiting.is_free()
            await store.close()
            put_in_place(postgres, behind, place)
            clock.step_s = 0.5
            with pytest.raises(SetBackError):
                await become_free(waiting)
        finally:
            waiting.close()

    async def test_server_that_lacks_nothing_is_taken_over(
        self, place: Postgres, waiting: StandBy, clock: Clock, postgres: Cluster
    ) -> None:
        """A standby that had all."""
        store = node(place)
        await record_items(store, 1)
        assert not waiting.is_free()
        await store.close()
        put_in_place(postgres, copied(postgres, place), place)
        clock.step_s = 0.5
        await become_free(waiting)
        await node(place).close()


class TestHangs:
    """The process that works hangs, is displaced, and wakes up."""

    async def test_it_keeps_nothing_and_ends(
        self, place: Postgres, waiting: StandBy, clock: Clock
    ) -> None:
        """Neither while the other works, nor after it."""
        old = node(place)
        await record_items(old, 1)
        old_channel = Tenure(old)
        await old_channel.open()
        new = await displaced(place, waiting, clock)
        new_channel = Tenure(new)
        await new_channel.open(b"epoch--2")
        await record_items(new, 2)
        for attempt in range(3):
            with pytest.raises(StoreError):
                await record_items(old, 10 + attempt)
            with pytest.raises(StoreError):
                await old_channel.cut()
        await learn_that_it_is_over(old)
        await new.close()
        with pytest.raises(StoreError):
            await record_items(old, 20)
        await old.close()
        with closing(opening.open_reader(place, KEY)) as reader:
            assert reader.execute("SELECT count(*) FROM items").fetchone() == (2,)

    async def test_fence_holds_where_the_lock_does_not(self, place: Postgres) -> None:
        """A pooler between lost the lock, and the session goes on."""
        old = node(place)
        await record_items(old, 1)
        with psycopg.connect(place.url) as server:
            server.execute("UPDATE tenure SET fence = fence + 1")
        with pytest.raises(AlreadyOpenError):
            await record_items(old, 2)
        await learn_that_it_is_over(old)
        assert (await old.queries.figures())["items"] == 1
        await old.close()

    async def test_what_it_had_begun_is_not_kept(
        self, place: Postgres, waiting: StandBy, clock: Clock
    ) -> None:
        """It hung in the middle of a transaction; its COMMIT comes after the other's."""
        old = opening.open_locked(place, KEY)[0]
        old.execute("BEGIN IMMEDIATE")
        old.execute("INSERT INTO meta VALUES ('half', '1')")
        new = await displaced(place, waiting, clock)
        await record_items(new, 1)
        with pytest.raises(UnsureError):
            old.execute("COMMIT")
        assert await new.history.fact("half") is None
        await new.close()
        old.close()

    async def test_of_what_was_kept_without_an_answer_it_says_that_it_does_not_know(
        self, place: Postgres, waiting: StandBy
    ) -> None:
        """The number that told is another's by now; "not kept" would be a lie."""
        old = opening.open_locked(place, KEY)[0]
        old.execute("BEGIN IMMEDIATE")
        old.execute("INSERT INTO meta VALUES ('kept', '1')")
        raw = cut_off(old)
        raw.execute("COMMIT")
        raw.close()
        await become_free(waiting)
        new = node(place)
        with pytest.raises(UnsureError):
            old.execute("COMMIT")
        assert await new.history.fact("kept") == "1"
        await new.close()
        old.close()


async def displaced(place: Postgres, waiting: StandBy, clock: Clock) -> Store:
    """Take over from a process that has shown nothing for too long."""
    assert not waiting.is_free()
    clock.now_s += LEASE_S - 1
    assert not waiting.is_free()
    clock.now_s += 2
    waiting.is_free()
    await become_free(waiting)
    return node(place)


async def test_who_worked_finds_out_first_that_the_server_was_set_back(
    postgres: Cluster, clock: Clock
) -> None:
    """Who stands by knows nothing of it: it would go on with a database that forgot."""
    place = postgres.new()
    opening.create_database(place, KEY)
    store = node(place)
    with closing(StandBy(place, KEY, clock)) as waiting:
        await record_items(store, 1)
        behind = copied(postgres, place)
        await record_again(store, 2)
        assert not waiting.is_free()
        put_in_place(postgres, behind, place)
        for _ in range(3):
            assert not waiting.is_free()
        with pytest.raises(SetBackError):
            await record_again(store, 3)
        clock.now_s += RETURN_S + 1
        await become_free(waiting)
    with pytest.raises(SetBackError):
        node(place)
    await store.close()


async def test_dump_that_is_being_restored_is_waited_for(
    place: Postgres, waiting: StandBy, clock: Clock
) -> None:
    """Its tables are there before their rows."""
    with closing(psycopg.connect(place.url, autocommit=True)) as beside:
        row = beside.execute("DELETE FROM tenure RETURNING fence, commits, proof").fetchone()
        assert not waiting.is_free()
        beside.execute("INSERT INTO tenure (fence, commits, proof) VALUES (%s, %s, %s)", row)
    assert not waiting.is_free()
    clock.now_s += RETURN_S + 1
    assert waiting.is_free()


async def test_dump_whose_rights_are_not_given_yet_is_waited_for(
    place: Postgres, clock: Clock
) -> None:
    """They come last in a dump; who ended meanwhile would forget how many commits it saw."""
    with psycopg.connect(place.url, autocommit=True) as owner:
        owner.execute("CREATE ROLE clerk LOGIN")
        owner.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO clerk")
        owner.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO clerk")
        waiting = StandBy(Postgres(place.url.replace("//hotline@", "//clerk@")), KEY, clock)
        assert waiting.is_free()
        owner.execute("REVOKE ALL ON tenure FROM clerk")
        assert not waiting.is_free()
        waiting.close()
        owner.execute("DROP OWNED BY clerk; DROP ROLE clerk")


async def test_who_worked_comes_back_first_also_where_the_server_was_a_standby_for_long(
    place: Postgres, waiting: StandBy, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is promoted late, and answers then: until then it is away.

    What was confirmed after the last look is known to who worked alone.
    """
    store = node(place)
    assert not waiting.is_free()
    fence, commits = waiting._look().fence, waiting._look().commits
    await store.close()
    waiting.close()
    with monkeypatch.context() as patched:
        patched.setattr(waiting, "_place", replace(place, url="postgresql://127.0.0.1:1/none"))
        for _ in range(4):
            assert not waiting.is_free()
            clock.now_s += RETURN_S
    promoted = Holder(fence, commits, None)
    monkeypatch.setattr(waiting, "_look", lambda: promoted)
    assert not waiting.is_free()
    clock.now_s += RETURN_S + 1
    assert waiting.is_free()
