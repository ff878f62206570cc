"""Contract of a store, questions to proxies: by host, with a task while they wait."""

from __future__ import annotations

import msgspec

from node.jurisdiction.origins import FORGET_MS, Question
from node.store.places.origins import GIVEN_UP, SUBJECT, TO_ASK, UNANSWERED
from node.store.places.origins import TOLD as TOLD_TASK
from node.store.sqlite import Store
from tests.builders.network import NOW_MS
from tests.contract.stores import Place

WAITS = Question("shop.site7.example", "veil", NOW_MS, NOW_MS)
TOLD = msgspec.structs.replace(
    WAITS, addresses=("192.0.2.7",), answered_ms=NOW_MS, expires_ms=NOW_MS + 1000
)
OTHER = Question("other.site8.example", "veil", NOW_MS - 5, NOW_MS)


async def tasks(store: Store) -> list[tuple[str, str]]:
    """Return what waits for a person."""
    return [(code, subject) for code, subject, _ in await store.queries.tasks()]


async def test_a_host_has_one_question_and_the_longest_waiting_comes_first(store: Store) -> None:
    """What is kept again takes its place."""
    await store.origins.keep([WAITS, OTHER], {"veil": 2}, NOW_MS)
    await store.origins.keep([TOLD], {"veil": 1}, NOW_MS)
    assert await store.origins.questions() == [OTHER, TOLD]
    assert await store.queries.origins() == [OTHER, TOLD]


async def test_a_proxy_stands_before_a_person_while_questions_wait(store: Store) -> None:
    """Once, and no longer when all are answered; other proxies are not meant."""
    await store.origins.keep([WAITS], {"veil": 1, "mask": 0}, NOW_MS)
    await store.origins.keep([OTHER], {"veil": 2, "mask": 0}, NOW_MS + 1)
    assert await tasks(store) == [(UNANSWERED, "veil")]
    await store.origins.keep([TOLD], {"veil": 0, "mask": 0}, NOW_MS + 2)
    assert await tasks(store) == []


async def test_answers_long_over_are_forgotten_and_questions_are_not(store: Store) -> None:
    """A question goes on until it is answered."""
    await store.origins.keep([OTHER, TOLD], {}, NOW_MS)
    later = NOW_MS + 1000 + FORGET_MS
    await store.origins.keep([], {}, later)
    assert len(await store.origins.questions()) == 2
    await store.origins.keep([], {}, later + 1)
    assert await store.origins.questions() == [OTHER]


async def test_what_was_given_up_stands_before_a_person_until_he_closes_it(store: Store) -> None:
    """The proxy is named; the question is shown for a month, as an answer is."""
    over = msgspec.structs.replace(WAITS, given_up_ms=NOW_MS, expires_ms=NOW_MS)
    await store.origins.keep([over], {"veil": 0}, NOW_MS + 7)
    await store.origins.keep([], {"veil": 0}, NOW_MS + FORGET_MS)
    assert await tasks(store) == [(GIVEN_UP, "veil")]
    assert await store.origins.questions() == [over]
    await store.origins.keep([], {"veil": 0}, NOW_MS + FORGET_MS + 1)
    assert await store.origins.questions() == []
    assert await tasks(store) == [(GIVEN_UP, "veil")]


BY_HAND = msgspec.structs.replace(WAITS, by_hand=True)
RECORDED = msgspec.structs.replace(TOLD, by_hand=True, told_by="analyst-7")


async def test_a_proxy_that_people_ask_has_a_task_of_its_own(store: Store) -> None:
    """Until all that is asked by hand is answered."""
    await store.origins.keep([BY_HAND], {}, NOW_MS, {"veil": 1})
    assert await tasks(store) == [(TO_ASK, "veil")]
    await store.origins.keep([RECORDED], {}, NOW_MS, {"veil": 0})
    assert await tasks(store) == []


async def test_what_a_person_recorded_is_told_until_it_is_heard(store: Store) -> None:
    """The process may die in between."""
    assert await store.origins.told() == []
    await store.origins.tell(RECORDED, NOW_MS)
    assert await store.origins.told() == [RECORDED]
    assert await tasks(store) == [(TOLD_TASK, SUBJECT)]
    await store.origins.heard([RECORDED], NOW_MS)
    assert (await store.origins.told(), await tasks(store)) == ([], [])
    assert await store.origins.questions() == [RECORDED]


async def test_what_is_recorded_while_another_is_heard_is_told_too(store: Store) -> None:
    """Nothing waits for the next restart."""
    await store.origins.tell(RECORDED, NOW_MS)
    heard = await store.origins.told()
    second = msgspec.structs.replace(RECORDED, host="b.site7.example")
    await store.origins.tell(second, NOW_MS)
    await store.origins.heard(heard, NOW_MS)
    assert second in await store.origins.told()


async def test_process_that_has_not_heard_it_does_not_write_over_it(store: Store) -> None:
    """It still thinks that the question waits."""
    await store.origins.tell(RECORDED, NOW_MS)
    await store.origins.keep([BY_HAND, OTHER], {}, NOW_MS, {"veil": 2})
    assert await store.origins.questions() == [OTHER, RECORDED]


async def test_questions_outlive_the_process_and_hosts_are_not_in_clear(place: Place) -> None:
    """The key is a keyed fingerprint."""
    store = place.open()
    await store.origins.keep([WAITS], {"veil": 1}, NOW_MS)
    await store.close()
    again = place.open()
    assert await again.origins.questions() == [WAITS]
    (key,) = await again.readers.run(
        lambda c: c.execute("SELECT key FROM origin_questions").fetchone()
    )
    assert b"site7" not in key
    await again.close()
