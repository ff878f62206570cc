"""Contract of a store, pictures that look alike: what the history brought is found, no more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from node.casework.casebook import Casebook, Needs
from node.casework.ending.erasing import Cause, ErasureDraft, erase
from node.casework.events import EventKind, Facts
from node.store.contents import lookalikes
from node.store.sqlite import Store
from protocol.facts import Content
from tests.builders.cases import POSTBOX, event_id, ids, item, near_by
from tests.builders.network import NOW_MS
from tests.builders.pictures import flipped, picture
from tests.contract.stores import Place, record


class DecidedError(Exception):
    """A decision that fails."""


def looks(pdq: bytes, quality: int = 50) -> Content:
    """Return the hashes of a file of which only the picture is known."""
    return Content(None, None, None, None, pdq, quality)


def recording(number: int, *pdqs: bytes, quality: int = 50) -> Callable[[Casebook], None]:
    """Return a decision that records an item with these pictures."""
    url = f"https://nl1.example/{number}.jpg"
    files = tuple(looks(pdq, quality) for pdq in pdqs)
    return lambda book: record(book, item(number, *files, url=url))


async def put(store: Store, decide: Callable[[Casebook], None], *items: int) -> None:
    """Let a decision be kept, with these items at hand."""
    needs = Needs(items={item(number).id for number in items})
    await store.cases.transact(needs, NOW_MS, decide)


async def near(store: Store, *pdqs: bytes) -> list[list[str]]:
    """Return the numbers of the items that a decision is shown of each picture."""

    def decide(book: Casebook) -> list[list[str]]:
        return [near_by(book, pdq) for pdq in pdqs]

    found, _ = await store.cases.transact(Needs(pictures=set(pdqs)), NOW_MS, decide)
    return found


def numbered(*numbers: int) -> list[str]:
    """Return the ids of items."""
    return [item(number).id for number in numbers]


def erasing(number: int) -> Callable[[Casebook], None]:
    """Return a decision that erases an item."""

    def decide(book: Casebook) -> None:
        erase(book, item(number).id, ErasureDraft(Cause.ERROR), ids(), POSTBOX)

    return decide


class TestFound:
    """What a decision is shown."""

    async def test_items_that_look_alike_are_found_up_to_31_bits(self, store: Store) -> None:
        """And no further."""
        await put(store, recording(1, flipped(picture(0), range(31))))
        await put(store, recording(2, flipped(picture(0), range(32))))
        await put(store, recording(3, picture(0)))
        assert await near(store, picture(0)) == [numbered(1, 3)]

    async def test_store_without_pictures_finds_nothing(self, store: Store) -> None:
        """The commonest case."""
        assert await near(store, picture(0)) == [[]]
        await put(store, recording(1))
        assert await near(store, picture(0), picture(1)) == [[], []]

    async def test_picture_of_low_quality_is_never_found(self, store: Store) -> None:
        """It would match whatever is plain."""
        await put(store, recording(1, picture(0), quality=49))
        assert await near(store, picture(0)) == [[]]

    async def test_each_file_of_an_item_finds_it(self, store: Store) -> None:
        """Once, though several do."""
        await put(store, recording(1, picture(0), picture(1), flipped(picture(1), [5])))
        assert await near(store, picture(0), picture(1)) == [numbered(1), numbered(1)]

    async def test_hashes_that_came_later_are_found(self, store: Store) -> None:
        """The item was here before."""
        await put(store, recording(1))

        def later(book: Casebook) -> None:
            body = Facts((looks(picture(0)),), None)
            book.record(item(1).id, EventKind.FACTS, body, at_ms=NOW_MS, actor=book.us)

        await put(store, later, 1)
        assert await near(store, picture(0)) == [numbered(1)]

    async def test_what_one_batch_brings_looks_alike_within_it(self, store: Store) -> None:
        """The second of two meets the first, though nothing is kept yet."""
        one, other, third = picture(0), flipped(picture(0), range(20)), picture(2)

        def decide(book: Casebook) -> list[str]:
            recording(1, one)(book)
            recording(2, third)(book)
            return near_by(book, other)

        needs = Needs(pictures={one, other, third})
        assert (await store.cases.transact(needs, NOW_MS, decide))[0] == numbered(1)

    async def test_of_very_many_the_nearest_and_oldest_are_shown(self, store: Store) -> None:
        """Nobody makes a decision load the whole store."""

        def decide(book: Casebook) -> None:
            for number in range(1, lookalikes.AT_MOST + 10):
                recording(number, flipped(picture(0), [1]))(book)
            recording(500, picture(0))(book)

        await put(store, decide)
        (found,) = await near(store, picture(0))
        assert found == numbered(*range(1, lookalikes.AT_MOST), 500)

    @pytest.mark.parametrize("together", [False, True])
    async def test_store_that_was_closed_finds_what_it_found(
        self, place: Place, *, together: bool
    ) -> None:
        """The index is made again from the history; many at once become a segment."""
        store = place.open()
        many = range(2, lookalikes.MANY + 10) if together else range(2, 4)

        def decide(book: Casebook) -> None:
            for number in many:
                recording(number, picture(number))(book)

        await put(store, recording(1, picture(1)))
        await put(store, decide)
        await put(store, erasing(1), 1)
        await store.close()
        again = place.open()
        assert await near(again, picture(1), picture(3)) == [[], numbered(3)]
        await put(again, recording(9_999, picture(1)))
        assert await near(again, picture(1)) == [numbered(9_999)]
        await again.close()

    async def test_what_was_committed_is_found_after_the_power_failed(
        self, place: Place, tmp_path: Path
    ) -> None:
        """Whatever the index had heard of it."""
        store = place.open()
        await put(store, recording(1, picture(1)))
        survivor = place.as_the_power_fails(tmp_path / "survivor").open()
        assert await near(survivor, picture(1)) == [numbered(1)]
        await survivor.close()
        await store.close()


class TestTakenBack:
    """A decision that fails never was."""

    async def test_picture_of_a_decision_that_failed_is_not_found(self, store: Store) -> None:
        """And what is recorded under its number is."""
        await put(store, recording(1, picture(1)))
        await near(store, picture(1))

        def fail(book: Casebook) -> None:
            recording(2, picture(2))(book)
            raise DecidedError

        with pytest.raises(DecidedError):
            await put(store, fail)
        await put(store, recording(3, picture(3)))
        assert await near(store, *map(picture, (1, 2, 3))) == [numbered(1), [], numbered(3)]

    async def test_picture_that_was_written_and_taken_back_is_not_found(self, place: Place) -> None:
        """The disk failed, or the commit, after the index had heard of it."""
        store = place.open()
        await put(store, recording(1, picture(1)))
        await near(store, picture(1))

        def job(connection: object) -> None:
            book = store.cases.open_book(connection, Needs(), NOW_MS)  # type: ignore[arg-type]
            recording(2, picture(2))(book)
            store.cases.save_book(connection, book)  # type: ignore[arg-type]
            raise DecidedError

        with pytest.raises(DecidedError):
            await store.writer.run(job)
        await put(store, recording(3, picture(3)))
        assert await near(store, *map(picture, (1, 2, 3))) == [numbered(1), [], numbered(3)]
        await store.close()

    async def test_erasure_that_was_taken_back_leaves_the_picture_found(self, place: Place) -> None:
        """It had left the index already."""
        store = place.open()
        await put(store, recording(1, picture(1)))
        await near(store, picture(1))

        def job(connection: object) -> None:
            needs = Needs(items={item(1).id})
            book = store.cases.open_book(connection, needs, NOW_MS)  # type: ignore[arg-type]
            erasing(1)(book)
            store.cases.save_book(connection, book)  # type: ignore[arg-type]
            raise DecidedError

        with pytest.raises(DecidedError):
            await store.writer.run(job)
        assert await near(store, picture(1)) == [numbered(1)]
        await store.close()


class TestErased:
    """What was erased is gone from every place."""

    async def test_erased_item_is_not_found(self, store: Store) -> None:
        """Nor its hash."""
        await put(store, recording(1, picture(1)))
        await put(store, recording(2, flipped(picture(1), [3])))
        await near(store, picture(1))
        await put(store, erasing(1), 1)
        assert await near(store, picture(1)) == [numbered(2)]
        assert len(store.lookalikes) == 1

    async def test_erased_item_that_comes_anew_is_found(self, store: Store) -> None:
        """Under the id that it had."""
        await put(store, recording(1, picture(1)))
        await near(store, picture(1))
        await put(store, erasing(1), 1)
        await put(store, recording(1, picture(2)))
        assert await near(store, picture(1), picture(2)) == [[], numbered(1)]


def test_ids_of_the_tests_sort_by_their_number() -> None:
    """Oldest first is then lowest first."""
    assert event_id(9) < event_id(10)
