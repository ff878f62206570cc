"""Contract of a store, doubts about ledgers: what was heard waits in turn until it is answered."""

from __future__ import annotations

from node.peer.ledgers.doubting import Asked
from node.peer.ledgers.lineage import SPLIT
from node.store.sqlite import Store
from tests.builders.network import NOW_MS
from tests.contract.stores import Place

OWNER = "gb-iwf"


async def heard(store: Store, speaker: str, note: bytes, at_ms: int) -> None:
    """Hear of a head of gb-iwf's ledger."""
    await store.lineages.doubt(speaker, {OWNER: note, "de-eco": b"other"}, NOW_MS + at_ms)


async def test_what_waits_longest_comes_first_and_once(store: Store) -> None:
    """Whoever spoke of it; another word of one speaker waits in the place of his first."""
    await heard(store, "b", b"late", 2)
    await heard(store, "a", b"early", 1)
    await heard(store, "c", b"late", 3)
    lineages = store.lineages
    assert await lineages.doubts(OWNER, 9) == [(b"early", NOW_MS + 1), (b"late", NOW_MS + 2)]
    await heard(store, "a", b"newer", 4)
    assert await lineages.doubts(OWNER, 1) == [(b"newer", NOW_MS + 1)]


async def test_answers_are_kept_together(store: Store) -> None:
    """What is settled is gone, what was led on waits on from there, what is split alarms once."""
    for at, note in enumerate((b"1", b"2", b"3", b"4")):
        await heard(store, f"m-{at}", note, at)
    asked = Asked(settled=[b"1"], reached={b"2": b"22"}, split=[b"3"])
    await store.lineages.asked(OWNER, asked, SPLIT, NOW_MS)
    left = await store.lineages.doubts(OWNER, 9)
    assert left == [(b"22", NOW_MS + 1), (b"4", NOW_MS + 3)]
    tasks = await store.queries.tasks()
    assert [one[:2] for one in tasks] == [(SPLIT, OWNER)]
    assert len(await store.lineages.doubts("de-eco", 9)) == 1


async def test_doubts_outlive_the_process(place: Place) -> None:
    """Killed without a word."""
    store = place.open()
    await heard(store, "a", b"head", 0)
    await store.close()
    again = place.open()
    assert await again.lineages.doubts(OWNER, 9) == [(b"head", NOW_MS)]
    await again.close()
