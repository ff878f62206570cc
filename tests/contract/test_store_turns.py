"""Contract of a store, what waits for a judgement: channels in turns, each in its order (G11)."""

from __future__ import annotations

from collections import Counter

import pytest

from node.casework.casebook import Casebook, Needs
from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.receiving import Answer, Judged
from node.store.sqlite import Store
from protocol.vocabulary import Disposition, Lane
from tests.builders.network import NOW_MS
from tests.contract.incoming import Sender, arrive, entry

GB, FR = "gb-iwf", "fr-pdc"
BACKLOG = range(1, 41)
BATCH = 10


async def answer(
    store: Store, waiting: list[Arrived], judged: Judged, disposition: Disposition | None
) -> None:
    """Judge these all alike."""

    def decide(_: Casebook) -> list[Answer]:
        return [Answer(one, judged, disposition) for one in waiting]

    await store.cases.judge(Needs(), NOW_MS, decide)


async def judge_all(store: Store, batch: int) -> list[list[Arrived]]:
    """Judge until nothing waits; return the batches."""
    batches = []
    while waiting := await store.queries.unjudged(batch):
        batches.append(waiting)
        await answer(store, waiting, Judged.DONE, None)
    return batches


async def test_g11_one_entry_of_a_member_is_judged_first_behind_any_backlog_of_another(
    store: Store,
) -> None:
    """It may be a child at risk; also if the batch is divided, it is in the first part."""
    await arrive(store, Sender(), *BACKLOG)
    await arrive(store, Sender(peer=FR), 99)
    first = await store.queries.unjudged(BATCH)
    assert [one.peer for one in first[:3]] == [GB, FR, GB]
    assert first[1].entry == entry(99)


@pytest.mark.parametrize("lane", [Lane.STATUS, Lane.REPORTS])
async def test_8_7_no_lane_waits_for_another(store: Store, lane: Lane) -> None:
    """Not at the receiver either, whichever has the backlog."""
    (other,) = {Lane.STATUS, Lane.REPORTS} - {lane}
    await arrive(store, Sender(lane), *BACKLOG)
    await arrive(store, Sender(other), 99)
    assert entry(99) in [one.entry for one in await store.queries.unjudged(BATCH)]


async def test_what_is_released_goes_before_nobody_elses_newer_entries(store: Store) -> None:
    """It came earlier, and waited for its sender to be back."""
    await arrive(store, Sender(), *BACKLOG)
    waiting = await store.queries.unjudged(len(BACKLOG))
    await answer(store, waiting, Judged.QUARANTINED, Disposition.QUARANTINED)
    await arrive(store, Sender(peer=FR), 99)
    assert await store.cases.release([GB]) == len(BACKLOG)
    assert FR in [one.peer for one in (await store.queries.unjudged(BATCH))[:2]]


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 10, 200])
async def test_each_channel_keeps_its_order_and_none_starves(store: Store, batch: int) -> None:
    """Whatever the sizes: all is judged once, and each batch has something of each that waits."""
    senders = [
        Sender(Lane.BULK),
        Sender(Lane.STATUS),
        Sender(peer=FR),
        Sender(Lane.STATUS, peer=FR),
    ]
    left: Counter[tuple[str, Lane]] = Counter()
    for count, sender in zip((1, 25, 12, 3), senders, strict=True):
        numbers = [100 * len(left) + number for number in range(count)]
        await arrive(store, sender, *numbers)
        left[sender.peer, sender.lane] = count
    batches = await judge_all(store, batch)
    for judged in batches:
        had = Counter((one.peer, one.lane) for one in judged)
        assert set(had) == set(+left)
        left -= had
    judged_in_order = [one for judged in batches for one in judged]
    assert len(judged_in_order) == 41
    for sender in senders:
        channel = (sender.peer, sender.lane)
        places = [one.index for one in judged_in_order if (one.peer, one.lane) == channel]
        assert places == sorted(set(places))


async def test_what_others_leave_of_a_batch_goes_to_who_has_more(store: Store) -> None:
    """A backlog is judged as fast as ever; no batch is larger than it may be."""
    await arrive(store, Sender(), *BACKLOG)
    await arrive(store, Sender(Lane.STATUS), 98)
    await arrive(store, Sender(peer=FR), 99)
    assert [len(one) for one in await judge_all(store, BATCH)] == [BATCH] * 4 + [2]
