"""Contract of a store, contacts that are looked for: by block, most urgent first."""

from __future__ import annotations

import msgspec

from node.jurisdiction.sought import GIVE_UP_MS, TELL_AFTER, Sought
from node.store.places.sought import UNKNOWN
from node.store.sqlite import Store
from tests.builders.network import NOW_MS
from tests.contract.stores import Place

ONE = Sought("192.0.2.0/24", "192.0.2.7", 1, NOW_MS, NOW_MS)
OTHER = Sought("2001:db8:1::/48", "2001:db8:1::7", 1, NOW_MS + 1, NOW_MS + 1)
UNKNOWN_THERE = msgspec.structs.replace(ONE, outcome="not_found", attempts=1, next_ms=NOW_MS + 9)


async def tasks(store: Store) -> list[tuple[str, str]]:
    """Return what waits for a person."""
    return [(code, subject) for code, subject, _ in await store.queries.tasks()]


async def test_what_is_urgent_is_due_first_and_only_what_is_due(store: Store) -> None:
    """A block that is looked for already becomes urgent with the first urgent item in it."""
    book = store.hosters.sought
    await book.begin(1, [ONE, OTHER])
    assert await book.due(NOW_MS, 8) == [ONE]
    urgent = msgspec.structs.replace(OTHER, urgency=0)
    await book.begin(2, [msgspec.structs.replace(urgent, since_ms=NOW_MS + 5), ONE])
    assert await book.due(NOW_MS + 1, 8) == [urgent, ONE]
    assert await book.due(NOW_MS + 1, 1) == [urgent]
    assert await book.due(NOW_MS + 1, 0) == ()


async def test_an_empty_history_has_no_news(store: Store) -> None:
    """Nothing is written for nothing."""
    assert await store.hosters.sought.news(10) == (0, ())


async def test_nobody_known_stands_before_a_person_until_somebody_is(store: Store) -> None:
    """The age of the task is that of the state."""
    book = store.hosters.sought
    await book.begin(1, [ONE])
    await book.settle(ONE, UNKNOWN_THERE, NOW_MS)
    assert await book.due(NOW_MS + 9, 8) == [UNKNOWN_THERE]
    assert await tasks(store) == [(UNKNOWN, ONE.block)]
    await book.settle(UNKNOWN_THERE, None, NOW_MS + 9)
    assert await tasks(store) == []
    assert await store.queries.sought() == []


async def test_failures_stand_before_a_person_after_a_few(store: Store) -> None:
    """One is no news."""
    book = store.hosters.sought
    await book.begin(1, [ONE])
    failing = msgspec.structs.replace(ONE, outcome="failed", attempts=TELL_AFTER - 1)
    await book.settle(ONE, failing, NOW_MS)
    assert await tasks(store) == []
    await book.settle(failing, msgspec.structs.replace(failing, attempts=TELL_AFTER), NOW_MS)
    assert await tasks(store) == [(UNKNOWN, ONE.block)]


async def test_what_is_given_up_leaves_the_task_and_nothing_else(store: Store) -> None:
    """A person has it; the store does not grow with it."""
    book = store.hosters.sought
    await book.begin(1, [ONE])
    await book.settle(ONE, UNKNOWN_THERE, NOW_MS + GIVE_UP_MS)
    assert await store.queries.sought() == []
    assert await tasks(store) == [(UNKNOWN, ONE.block)]
    await book.end(ONE.block, NOW_MS + GIVE_UP_MS)
    assert await tasks(store) == []


async def test_it_outlives_the_process(place: Place) -> None:
    """With how far the history was read: nothing is looked for twice, nothing is left out."""
    store = place.open()
    await store.hosters.sought.begin(7, [ONE])
    await store.close()
    again = place.open()
    assert await again.queries.sought() == [ONE]
    assert await again.history.fact("contacts_sought_to") == "7"
    await again.close()
