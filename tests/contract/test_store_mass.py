"""Contract of a store: what waits because of its sender, until a person lets it go on."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from node.casework.casebook import Casebook, Needs
from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.receiving import HANDED_OVER, Answer, Judged
from node.casework.mistakes.mass import waiting_of
from node.store.channels.ending import keep_tombstones
from node.store.items.decisions import let_go
from node.store.items.tasks import open_task
from node.store.sqlite import Store
from protocol.vocabulary import Disposition, Lane
from tests.builders.network import NOW_MS
from tests.contract.incoming import PEER, Sender, arrive, entry
from tests.contract.stores import Place

ABSENT, ERASED_MS = "gb-iwf.01J00000000000000000000001", NOW_MS - 5


async def hold(store: Store) -> None:
    """Let what arrived wait for a person; the third says that an item is erased, not here yet."""
    first, second, third = await store.queries.unjudged(10)
    name = waiting_of(PEER)
    answers = [
        Answer(first, Judged.PARKED, waits_for=name),
        Answer(third, Judged.PARKED, Disposition.PARKED, ABSENT, erased_ms=ERASED_MS),
        Answer(second, Judged.PARKED, waits_for=name),
    ]
    await store.cases.judge(Needs(), NOW_MS, lambda _: answers)
    await store.writer.run(lambda c: open_task(c, "mass_withdrawal", PEER, NOW_MS))


async def test_what_waits_for_a_person_outlasts_a_power_cut(place: Place, tmp_path: Path) -> None:
    """It is in custody, and says for whom it waits."""
    store = place.open()
    await arrive(store, Sender(), 1, 2, 3)
    await hold(store)
    survivor = place.as_the_power_fails(tmp_path / "survivor").open()
    assert await survivor.queries.waits_for(waiting_of(PEER))
    assert not await survivor.queries.waits_for(waiting_of("nl-eokm"))
    await survivor.close()
    await store.close()


async def test_only_a_person_lets_it_go_on(store: Store) -> None:
    """Neither a tombstone of its sender, nor its reinstatement; no item is waited for."""
    await arrive(store, Sender(), 1, 2, 3)
    await hold(store)
    assert (await store.queries.oldest_parked())[0] == 1
    await store.cases.release([PEER])
    await store.writer.run(lambda c: keep_tombstones(c, PEER, [ERASED_MS]))
    assert [one.entry for one in await store.queries.unjudged(10)] == [entry(3)]
    assert await store.queries.waits_for(waiting_of(PEER))


async def test_it_goes_on_in_the_order_it_came_and_its_task_is_closed(store: Store) -> None:
    """Once; what another member took back, and what waits for an item, stays."""
    await arrive(store, Sender(), 1, 2, 3)
    await hold(store)
    assert await store.writer.run(lambda c: let_go(c, "nl-eokm", NOW_MS)) == 0
    assert len(await store.queries.tasks()) == 1
    assert await store.writer.run(lambda c: let_go(c, PEER, NOW_MS)) == 2
    going = await store.queries.unjudged(10)
    assert [(one.entry, one.let_go) for one in going] == [(entry(1), True), (entry(2), True)]
    assert await store.queries.tasks() == []
    assert await store.writer.run(lambda c: let_go(c, PEER, NOW_MS)) == 0


async def set_aside(store: Store) -> None:
    """Let two entries lie in quarantine, the second because it made the judge fail."""
    first, second = await store.queries.unjudged(10)
    answers = [
        Answer(first, Judged.QUARANTINED, Disposition.QUARANTINED),
        Answer(second, Judged.QUARANTINED),
    ]
    await store.cases.judge(Needs(), NOW_MS, lambda _: answers)
    await store.writer.run(lambda c: open_task(c, HANDED_OVER, PEER, NOW_MS))


async def test_what_was_handed_over_in_quarantine_goes_on_and_its_task_is_closed(
    store: Store,
) -> None:
    """What cannot be judged stays where it is."""
    await arrive(store, Sender(), 1, 2)
    await set_aside(store)
    assert await store.writer.run(lambda c: let_go(c, "nl-eokm", NOW_MS)) == 0
    assert len(await store.queries.tasks()) == 1
    assert await store.writer.run(lambda c: let_go(c, PEER, NOW_MS)) == 1
    (going,) = await store.queries.unjudged(10)
    assert (going.entry, going.let_go) == (entry(1), True)
    assert await store.queries.tasks() == []


async def test_on_other_lanes_no_person_lets_anything_out_of_quarantine(store: Store) -> None:
    """Outcomes of a member that is gone have no effect."""
    await arrive(store, Sender(Lane.STATUS), 1, 2)
    await set_aside(store)
    assert await store.writer.run(lambda c: let_go(c, PEER, NOW_MS)) == 0


def taken(arrived: Arrived, _: Casebook) -> list[Answer]:
    """Judge an entry."""
    return [Answer(arrived, Judged.DONE, Disposition.NEW)]


async def test_its_reinstatement_closes_the_task_too(store: Store) -> None:
    """All of it is judged then, without anybody's word; until then the task stands."""
    await arrive(store, Sender(), 1, 2, 3)
    first, second, third = await store.queries.unjudged(10)
    aside = [Answer(one, Judged.QUARANTINED, Disposition.QUARANTINED) for one in (first, third)]
    answers = [*aside, Answer(second, Judged.QUARANTINED)]
    await store.cases.judge(Needs(), NOW_MS, lambda _: answers)
    await store.writer.run(lambda c: open_task(c, HANDED_OVER, PEER, NOW_MS))
    assert await store.cases.release([PEER]) == 2
    going = await store.queries.unjudged(10)
    assert [(one.entry, one.let_go) for one in going] == [(entry(1), False), (entry(3), False)]
    for one in going:
        assert len(await store.queries.tasks()) == 1
        await store.cases.judge(Needs(), NOW_MS, partial(taken, one))
    assert await store.queries.tasks() == []
