"""Contract of a store, cases: one decision is whole, durable and in order, or it never was."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from pathlib import Path

import pytest

from node.casework.casebook import Casebook, Needs
from node.casework.events import EventKind, Raised, Sighted
from node.casework.incoming.receiving import Answer, Judged
from node.casework.item import Informant, Review
from node.store.errors import ClosedStoreError, StoreError
from node.store.items.cases import EMPTY_CHAIN
from node.store.items.queries import ItemQuery
from node.store.seam import Connection
from node.store.sqlite import Store
from node.store.writer import ThreadWriter
from protocol.vocabulary import Disposition
from tests.builders.cases import FINGERPRINTS, event_id, file, item
from tests.builders.network import NOW_MS
from tests.contract.incoming import Sender, arrive
from tests.contract.stores import Place, message, record, record_items, recording


class DecidedError(Exception):
    """A decision that fails."""


def failing(book: Casebook) -> None:
    """Record something, post something, then fail."""
    recording(99)(book)
    book.posts.append(message(99))
    book.tasks.append(("code", "subject"))
    raise DecidedError


async def known(store: Store, *numbers: int) -> list[bool]:
    """Whether each of these items is kept."""
    found = [await store.queries.item(item(n).id, b"") for n in numbers]
    return [one is not None for one in found]


class TestDurability:
    """What was answered survives."""

    async def test_decision_is_on_disk_when_it_returns(self, place: Place, tmp_path: Path) -> None:
        """The files alone bring it back, without a goodbye."""
        store = place.open()
        await record_items(store, 1, 2)
        survivor = place.as_the_power_fails(tmp_path / "survivor").open()
        assert await known(survivor, 1, 2) == [True, True]
        await survivor.close()
        await store.close()

    async def test_everything_that_a_decision_added_is_found_again(self, store: Store) -> None:
        """Items, keys, lines, reports, messages, tasks."""

        def decide(book: Casebook) -> None:
            record(book, item(1, file(1)))
            book.remember_line(b"l" * 16, item(1).id)
            book.posts.append(message(1))
            book.tasks.append(("code", "subject"))

        await store.cases.transact(Needs(), NOW_MS, decide)
        keys = {*FINGERPRINTS.content(file(1)), FINGERPRINTS.location(item(1).location) or b""}
        needs = Needs(items={item(1).id}, keys=keys, lines={b"l" * 16})
        _, book = await store.cases.transact(needs, NOW_MS, lambda _: None)
        assert book.loaded.items == {item(1).id: item(1, file(1))}
        assert book.loaded.by_key == {key: [item(1).id] for key in keys}
        assert book.loaded.lines == {b"l" * 16: item(1).id}
        assert await store.queries.tasks() == [("code", "subject", NOW_MS)]
        assert (await store.queries.figures())["messages_waiting"] == 1

    async def test_closed_store_takes_nothing_more_and_says_so(self, place: Place) -> None:
        """Nobody waits for ever."""
        store = place.open()
        await store.close()
        with pytest.raises(ClosedStoreError):
            await record_items(store, 1)

    async def test_closing_finishes_what_was_handed_in(self, place: Place) -> None:
        """Then it closes."""
        store = place.open()
        jobs = [asyncio.create_task(record_items(store, n)) for n in range(1, 20)]
        await asyncio.sleep(0)
        await store.close()
        await asyncio.gather(*jobs)
        store = place.open()
        assert all(await known(store, *range(1, 20)))
        await store.close()


class TestFailure:
    """A decision that fails keeps nothing and harms no neighbour."""

    async def test_failing_decision_keeps_nothing(self, store: Store) -> None:
        """Neither item, nor message, nor task, nor event."""
        with pytest.raises(DecidedError):
            await store.cases.transact(Needs(), NOW_MS, failing)
        assert await store.queries.figures() == dict.fromkeys(await store.queries.figures(), 0)

    async def test_decision_that_the_database_refuses_keeps_nothing(self, store: Store) -> None:
        """The error is the store's own, not its driver's."""
        await record_items(store, 1)

        def decide(book: Casebook) -> None:
            recording(2)(book)
            record(book, item(3, responsible=b"no text"))

        with pytest.raises(StoreError):
            await store.cases.transact(Needs(), NOW_MS, decide)
        assert await known(store, 1, 2, 3) == [True, False, False]

    @pytest.mark.parametrize("together", [False, True])
    async def test_rows_before_the_one_that_is_refused_are_taken_back(
        self, store: Store, *, together: bool
    ) -> None:
        """However many stood in one statement with it, alone or in a group: no event, no item."""

        def decide(book: Casebook) -> None:
            recording(*range(10, 50))(book)
            record(book, item(50, responsible=b"no text"))
            recording(*range(51, 60))(book)

        await record_items(store, 1)
        refused = store.cases.transact(Needs(), NOW_MS, decide)
        if together:
            neighbour = store.cases.transact(Needs(), NOW_MS, recording(2))
            error, _ = await in_one_group(store, refused, neighbour)
            assert isinstance(error, StoreError)
        else:
            with pytest.raises(StoreError):
                await refused
        await record_items(store, 3)
        kept = [1, 2, 3] if together else [1, 3]
        assert [s.id for s in await store.queries.items(ItemQuery())] == [item(n).id for n in kept]
        history = [seq for seq, _ in await store.queries.events(0, 100)]
        assert history == list(range(1, len(kept) + 1))

    async def test_neighbours_of_a_failing_decision_are_kept(self, store: Store) -> None:
        """Also where one flush makes all of them durable."""
        together = await in_one_group(
            store,
            store.cases.transact(Needs(), NOW_MS, recording(1)),
            store.cases.transact(Needs(), NOW_MS, failing),
            store.cases.transact(Needs(), NOW_MS, recording(2)),
        )
        assert [isinstance(result, DecidedError) for result in together] == [False, True, False]
        assert await known(store, 1, 2, 99) == [True, True, False]

    async def test_history_has_no_hole_where_a_decision_failed(self, store: Store) -> None:
        """Numbers are given when it is kept."""
        await in_one_group(
            store,
            store.cases.transact(Needs(), NOW_MS, recording(1, 2)),
            store.cases.transact(Needs(), NOW_MS, failing),
            store.cases.transact(Needs(), NOW_MS, recording(3)),
        )
        assert [seq for seq, _ in await store.queries.events(0, 100)] == [1, 2, 3]

    async def test_caller_that_went_away_takes_nothing_with_it(self, store: Store) -> None:
        """Its decision may be durable already."""
        caller = asyncio.create_task(record_items(store, 1))
        await asyncio.sleep(0)
        caller.cancel()
        await record_items(store, 2)
        assert (await known(store, 2)) == [True]


async def in_one_group(store: Store, *jobs: object) -> list[object]:
    """Run jobs so that a writer with threads finds all of them waiting at once."""
    if not isinstance(store.writer, ThreadWriter):
        return list(await asyncio.gather(*jobs, return_exceptions=True))  # type: ignore[call-overload]
    gate, commits = threading.Event(), store.writer.counters.commits
    store.writer.hold_s = 60.0  # however slow the machine is

    def wait(_: Connection) -> None:
        gate.wait(10)

    blocker = asyncio.create_task(store.writer.run(wait))
    waiting = asyncio.gather(*jobs, return_exceptions=True)  # type: ignore[call-overload]
    await asyncio.sleep(0)
    gate.set()
    results = list(await waiting)
    await blocker
    assert store.writer.counters.commits <= commits + 2
    return results


class TestOrder:
    """One decision after another."""

    async def test_second_of_two_equal_decisions_meets_the_first(self, store: Store) -> None:
        """However many ask at once, one finds nothing."""
        key = FINGERPRINTS.location(item(1).location)
        assert key is not None

        def decide(book: Casebook) -> bool:
            first = not book.by_key(key)
            record(book, item(len(book.by_key(key)) + 1))
            return first

        needs = [Needs(keys={key}) for _ in range(20)]
        results = await asyncio.gather(
            *(store.cases.transact(one, NOW_MS, decide) for one in needs)
        )
        assert sum(first for first, _ in results) == 1

    async def test_history_is_numbered_without_a_gap_under_concurrency(self, store: Store) -> None:
        """1, 2, 3, in the order of commits."""
        await asyncio.gather(*(record_items(store, n, n + 100) for n in range(1, 50)))
        assert [seq for seq, _ in await store.queries.events(0, 1000)] == list(range(1, 99))

    async def test_reader_of_the_feed_misses_nothing_while_others_write(self, store: Store) -> None:
        """What it has read never gets a neighbour in front of it later."""
        writers = [asyncio.create_task(record_items(store, n)) for n in range(1, 60)]
        read: list[int] = []
        while not all(one.done() for one in writers) or len(read) < 59:
            page = await store.queries.events(read[-1] if read else 0, 7)
            read.extend(seq for seq, _ in page)
            await asyncio.sleep(0)
        assert read == list(range(1, 60))

    async def test_each_event_is_chained_to_the_one_before(self, store: Store) -> None:
        """Nobody changes one unseen."""
        await record_items(store, 1, 2)
        await record_items(store, 3)
        rows = await store.readers.run(
            lambda c: c.execute("SELECT leaf, chain FROM events ORDER BY seq").fetchall()
        )
        chain = EMPTY_CHAIN
        for leaf, kept in rows:
            chain = hashlib.sha256(b"\x01" + chain + leaf).digest()
            assert kept == chain
        assert len(rows) == 3

    async def test_state_and_row_follow_the_last_event(self, store: Store) -> None:
        """Filters of the API read the row."""
        await record_items(store, 1)

        def decide(book: Casebook) -> None:
            book.raise_review(item(1).id, Review.HOP_CAP)

        await store.cases.transact(Needs(items={item(1).id}), NOW_MS, decide)
        state = await store.queries.item(item(1).id, b"")
        assert state is not None
        assert state.review is Review.HOP_CAP
        assert (await store.queries.figures())["items_in_review"] == 1


class TestJudging:
    """Answers are kept with their effect."""

    async def test_entry_is_judged_once(self, store: Store) -> None:
        """Then it waits no more."""
        await arrive(store, Sender(), 1, 2)
        waiting = await store.queries.unjudged(10)
        await store.cases.judge(
            Needs(),
            NOW_MS,
            lambda _: [Answer(one, Judged.DONE, Disposition.NEW) for one in waiting],
        )
        assert len(waiting) == 2
        assert await store.queries.unjudged(10) == []

    async def test_judgement_that_fails_leaves_the_entry_waiting(self, store: Store) -> None:
        """With none of its effects."""
        await arrive(store, Sender(), 1)

        def decide(book: Casebook) -> list[Answer]:
            failing(book)
            return []

        with pytest.raises(DecidedError):
            await store.cases.judge(Needs(), NOW_MS, decide)
        assert len(await store.queries.unjudged(10)) == 1
        assert await known(store, 99) == [False]

    async def test_parked_entry_wakes_when_its_item_becomes_known(self, store: Store) -> None:
        """And not before."""
        await arrive(store, Sender(), 1)
        await park(store, item(1).id)
        await record_items(store, 2)
        assert await store.queries.unjudged(10) == []
        await record_items(store, 1)
        assert len(await store.queries.unjudged(10)) == 1

    async def test_parked_entry_wakes_when_its_item_becomes_known_as_an_alias(
        self, store: Store
    ) -> None:
        """Its sender knows the item by that id."""
        alias = event_id(7, "fr-pdc")
        await record_items(store, 1)
        await arrive(store, Sender(), 1)
        await park(store, alias)

        def join(book: Casebook) -> None:
            body = Sighted((), Informant("fr-pdc", alias), False, Disposition.DUPLICATE)  # noqa: FBT003
            book.record(item(1).id, EventKind.SIGHTED, body, at_ms=NOW_MS, actor="fr-pdc")

        await store.cases.transact(Needs(items={item(1).id}), NOW_MS, join)
        assert len(await store.queries.unjudged(10)) == 1

    async def test_entry_parked_in_the_batch_that_brings_its_item_wakes(self, store: Store) -> None:
        """Two lanes arrive together, the later first."""
        await arrive(store, Sender(), 1, 2)
        first, second = await store.queries.unjudged(10)

        def decide(book: Casebook) -> list[Answer]:
            recording(1)(book)
            return [
                Answer(first, Judged.PARKED, Disposition.PARKED, item(1).id),
                Answer(second, Judged.DONE, Disposition.NEW),
            ]

        await store.cases.judge(Needs(), NOW_MS, decide)
        assert await store.queries.unjudged(10) == [first]


async def park(store: Store, item_id: str) -> None:
    """Park everything that waits until an item is known."""
    waiting = await store.queries.unjudged(10)
    answers = [Answer(one, Judged.PARKED, Disposition.PARKED, item_id) for one in waiting]
    await store.cases.judge(Needs(), NOW_MS, lambda _: answers)


async def test_review_is_raised_once_for_one_reason(store: Store) -> None:
    """Two reports of the same kind are one thing to look at."""
    await record_items(store, 1)

    def decide(book: Casebook) -> int:
        book.raise_review(item(1).id, Review.HOP_CAP)
        return sum(isinstance(event.body, Raised) for event in book.events)

    needs = Needs(items={item(1).id})
    raised = [(await store.cases.transact(needs, NOW_MS, decide))[0] for _ in range(2)]
    assert raised == [1, 0]
