"""Contract of a store, full: nothing is half done, and it goes on when there is room again."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from node.casework.casebook import Casebook, Needs
from node.casework.incoming.receiving import Answer
from node.casework.item import Review
from node.store.errors import StoreError, StoreFullError
from node.store.sqlite import Store
from protocol.vocabulary import Lane
from tests.builders.cases import US, item
from tests.builders.network import NOW_MS
from tests.contract.incoming import PEER, Sender, arrive, take
from tests.contract.stores import FILES, Place, message, post, record_items, recording

MEANT = FILES
A_LOT = 40_000


async def bound(store: Store, pages: int) -> None:
    """Let the database have `pages` pages more than it has, at most."""
    used = await store.writer.run(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await store.writer.run(
        lambda c: c.execute(f"PRAGMA max_page_count = {used + pages}").fetchall()
    )


async def unbound(store: Store) -> None:
    """There is room again."""
    await store.writer.run(lambda c: c.execute("PRAGMA max_page_count = 1073741823").fetchall())


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Have the system refuse to let any file of this process grow beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def fill(store: Store) -> int:
    """Post messages until the database is full; how many were kept."""
    for number in range(1, 100):
        try:
            await post(store, message(number, size=A_LOT))
        except StoreFullError:
            return number - 1
    raise AssertionError("it was never full")


class TestFull:
    """The database may not grow any more."""

    async def test_what_does_not_fit_is_refused_as_full(self, store: Store) -> None:
        """And what was kept before is there."""
        await bound(store, 30)
        kept = await fill(store)
        figures = await store.queries.figures()
        assert figures["messages_waiting"] == kept

    async def test_decision_that_does_not_fit_keeps_nothing_of_itself(self, store: Store) -> None:
        """Neither its small parts."""
        await bound(store, 30)
        await fill(store)

        def decide(book: Casebook) -> None:
            recording(1)(book)
            book.tasks.append(("code", "subject"))
            book.posts.append(message(500, size=A_LOT))

        with pytest.raises(StoreFullError):
            await store.cases.transact(Needs(), NOW_MS, decide)
        assert await store.queries.item(item(1).id, b"") is None
        assert await store.queries.tasks() == []
        assert await store.queries.last_event() == 0

    async def test_push_that_does_not_fit_gets_no_receipt(self, store: Store) -> None:
        """It is in nobody's custody, and comes again."""
        sender = Sender()
        await arrive(store, sender, 1)
        await bound(store, 0)
        push = sender.push(*range(2, 400))
        with pytest.raises(StoreFullError):
            await take(store, push)
        told, _ = await store.inbox.told(PEER, Lane.REPORTS)
        assert told.position.size == 2
        await unbound(store)
        assert await take(store, push, b"late") == b"late"

    async def test_reading_goes_on(self, store: Store) -> None:
        """A full disk hides nothing."""
        await record_items(store, 1)
        await bound(store, 20)
        await fill(store)
        assert await store.queries.item(item(1).id, b"") is not None

    async def test_it_goes_on_by_itself_when_there_is_room(self, store: Store) -> None:
        """Nobody has to start it again."""
        await bound(store, 20)
        kept = await fill(store)
        await unbound(store)
        await post(store, message(900, size=A_LOT))
        assert (await store.queries.figures())["messages_waiting"] == kept + 1

    async def test_every_caller_of_a_group_hears_what_was_kept(self, store: Store) -> None:
        """Nobody is told that something is durable that is not."""
        await bound(store, 40)
        results = await asyncio.gather(
            *(post(store, message(n, size=A_LOT)) for n in range(1, 30)), return_exceptions=True
        )
        kept = sum(result is None for result in results)
        assert all(isinstance(r, StoreError) and r.retryable for r in results if r is not None)
        assert 0 < kept < 29 or not isinstance(results[0], StoreError)
        assert (await store.queries.figures())["messages_waiting"] == kept


class TestSystemSaysNo:
    """The disk itself takes nothing more."""

    async def test_write_that_the_system_refuses_is_full_and_keeps_nothing(
        self, place: Place
    ) -> None:
        """And the same works again afterwards, on the same connection."""
        store = place.open()
        await record_items(store, 1)
        with (
            no_file_larger_than(place.path.stat().st_size + 100_000),
            pytest.raises(StoreFullError),
        ):
            await post(store, *(message(n, size=A_LOT) for n in range(1, 80)))
        assert (await store.queries.figures())["messages_waiting"] == 0
        await post(store, message(1, size=A_LOT))
        await store.close()
        store = place.open()
        figures = await store.queries.figures()
        assert (figures["items"], figures["messages_waiting"]) == (1, 1)
        await store.close()

    async def test_item_that_was_taken_back_is_not_remembered(self, place: Place) -> None:
        """What the store keeps at hand is what is durable, never what was only tried."""
        store = place.open()
        await record_items(store, 1)

        def decide(book: Casebook) -> None:
            book.raise_review(item(1).id, Review.PERHAPS_BACK)
            book.posts.extend(message(n, size=A_LOT) for n in range(1, 80))

        needs = Needs(items={item(1).id})
        with (
            no_file_larger_than(place.path.stat().st_size + 100_000),
            pytest.raises(StoreFullError),
        ):
            await store.cases.transact(needs, NOW_MS, decide)
        _, book = await store.cases.transact(needs, NOW_MS, lambda _: None)
        assert book.loaded.items[item(1).id].reviews == ()
        await store.close()

    async def test_judging_waits_for_room(self, place: Place) -> None:
        """The entry stays in custody, unjudged."""
        store = place.open()
        await arrive(store, Sender(), 1)

        def decide(book: Casebook) -> list[Answer]:
            book.posts.extend(message(n, size=A_LOT) for n in range(1, 80))
            return []

        with (
            no_file_larger_than(place.path.stat().st_size + 100_000),
            pytest.raises(StoreFullError),
        ):
            await store.cases.judge(Needs(), NOW_MS, decide)
        assert len(await store.queries.unjudged(10)) == 1
        await store.close()


class TestSaid:
    """Whoever looks sees that the store is full (`/readyz`), whatever was refused."""

    async def test_refused_intake_is_seen_until_there_is_room(self, store: Store) -> None:
        """Not only what peers send; and a small write that finds room hides nothing."""
        await bound(store, 30)
        await fill(store)
        assert store.writer.room.is_full
        await store.writer.run(lambda c: c.execute("INSERT INTO meta VALUES ('small', '')"))
        with pytest.raises(StoreFullError):
            await store.show_life()
        assert store.writer.room.is_full

    async def test_room_is_found_by_itself(self, store: Store) -> None:
        """Though nobody hands anything in: who routes by `/readyz` sends nothing till then."""
        await bound(store, 30)
        await fill(store)
        await unbound(store)
        await store.show_life()
        assert not store.writer.room.is_full
        looked = "SELECT count(*) FROM meta WHERE length(value) > 1000"
        assert await store.writer.run(lambda c: c.execute(looked).fetchone()[0]) == 0


def writing(store: Store, *, allowed: bool) -> None:
    """Let the database be written to or not, as where its disk is mounted anew."""
    writer: Any = store.writer
    connection = getattr(writer, "connection", None) or writer._connection
    connection.execute(f"PRAGMA query_only = {'OFF' if allowed else 'ON'}").fetchall()


class TestReadOnly:
    """A disk that became read-only, as file systems do by themselves after an error."""

    async def test_r7_nothing_is_taken_until_it_may_be_written_to_again(self, store: Store) -> None:
        """Neither of our own nor of peers; reading goes on, and nobody has to start it again."""
        await record_items(store, 1)
        sender = Sender()
        await arrive(store, sender, 1)
        push = sender.push(2)
        writing(store, allowed=False)
        with pytest.raises(StoreFullError):
            await record_items(store, 2)
        with pytest.raises(StoreFullError):
            await take(store, push)
        assert await store.queries.item(item(1).id, b"") is not None
        told, _ = await store.inbox.told(PEER, Lane.REPORTS)
        assert told.position.size == 2
        writing(store, allowed=True)
        assert await take(store, push, b"late") == b"late"
        await record_items(store, 3)
        assert (await store.queries.figures())["items"] == 2


def test_the_store_of_these_tests_is_of_a_member() -> None:
    """Their pushes are addressed to it."""
    assert US == "nl-eokm"
