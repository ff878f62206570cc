"""Contract of a store, what became part of no item: its body goes in time, its leaf stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from keys.registry import Registry
from node.casework.casebook import Casebook, Needs
from node.casework.ending.retaining import Periods, Retention
from node.casework.events import EventKind, Expiry
from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.naming import Span
from node.casework.incoming.receiving import Answer, Judged
from node.ids import Ids
from node.registry.changes import expel
from node.store.channels import aside, refused
from node.store.sqlite import Store
from protocol.vocabulary import Disposition
from tests.builders.cases import FINGERPRINTS, US, network
from tests.builders.network import NOW_MS
from tests.contract.incoming import PEER, Sender, arrive, take
from tests.contract.stores import Place

PERIOD_MS = 365 * 86_400_000
LATER_MS = NOW_MS + PERIOD_MS
ITEM = "01JD0000000000000000000001"

REFUSALS = (
    Disposition.MALFORMED,
    Disposition.NOT_PERMITTED,
    Disposition.CONFLICT,
    Disposition.UNKNOWN_KIND,
    Disposition.UNKNOWN_VERSION,
)


async def became(
    store: Store,
    judged: Judged,
    answer: Disposition | None,
    *,
    item: str | None = None,
    waits_for: str | None = None,
) -> None:
    """Let every entry that waits become this."""
    waiting = await store.queries.unjudged(1000)

    def decide(_: Casebook) -> list[Answer]:
        return [Answer(one, judged, answer, waits_for, item) for one in waiting]

    await store.cases.judge(Needs(), NOW_MS, decide)


def at(store: Store, now_ms: int, period_ms: int = PERIOD_MS, status: str = "active") -> Retention:
    """Return the retention of a node at that time; the sender's `status` in its registry."""

    async def transact(needs: Needs, decide: Callable[[Casebook], int]) -> int:
        done, _ = await store.cases.transact(needs, now_ms, decide)
        return done

    made = Retention(
        items=store.queries,
        transact=transact,
        fingerprints=FINGERPRINTS,
        ids=Ids(US),
        postbox=lambda: pytest.fail("nobody is told"),
        clock=lambda: now_ms,
        registry=lambda: with_status(status),
        periods=Periods(0, 0, 0, 0, period_ms),
    )
    made.issued_ms = lambda: now_ms
    return made


def with_status(status: str) -> Registry:
    """Return the registry with the sender's membership so."""
    registry = network()
    if status == "expelled":
        return replace(registry, network=expel(registry.network, PEER, {}))
    members = dict(registry.network.members)
    members[PEER] = replace(members[PEER], status=status)  # type: ignore[arg-type]
    return replace(registry, network=replace(registry.network, members=members))


async def walk(made: Retention) -> int:
    """Walk through all entries once; how many lost their bodies."""
    while await made.due():
        pass
    return made.refused


async def kept(store: Store) -> list[bool]:
    """Which of the sender's entries still have a body, without the channel's own."""
    sql = "SELECT entry IS NOT NULL FROM entries_in WHERE idx > 0 ORDER BY seq"
    rows = await store.readers.run(lambda c: c.execute(sql).fetchall())
    return [bool(has) for (has,) in rows]


async def leaves(store: Store) -> list[bytes]:
    """The leaves of all entries."""
    sql = "SELECT leaf FROM entries_in ORDER BY seq"
    return [leaf for (leaf,) in await store.readers.run(lambda c: c.execute(sql).fetchall())]


@pytest.mark.parametrize("answer", REFUSALS)
async def test_what_was_refused_loses_its_body_after_its_period(
    store: Store, answer: Disposition
) -> None:
    """No sooner; its leaf stays, so that logs and proofs verify, and the history names it."""
    await arrive(store, Sender(), 1, 2)
    await became(store, Judged.DONE, answer)
    before = await leaves(store)
    assert await walk(at(store, LATER_MS - 1)) == 0
    assert await kept(store) == [True, True]
    assert await walk(at(store, LATER_MS)) == 2
    assert await kept(store) == [False, False]
    assert await leaves(store) == before
    ((_, event),) = await store.queries.events(0, 9)
    assert (event.item, event.kind, event.actor) == (PEER, EventKind.EXPIRED, f"{US}/retention")
    assert event.body == Expiry(tuple(before[1:]))  # type: ignore[union-attr]
    assert await walk(at(store, LATER_MS)) == 0


@pytest.mark.parametrize("status", ["active", "suspended"])
@pytest.mark.parametrize(
    ("judged", "answer", "waits_for"),
    [
        (Judged.WAITING, None, None),
        (Judged.PARKED, Disposition.PARKED, ITEM),
        (Judged.QUARANTINED, None, None),
        (Judged.QUARANTINED, Disposition.CONFLICT, None),
        (Judged.QUARANTINED, Disposition.QUARANTINED, None),
    ],
)
async def test_what_may_still_be_judged_stays_however_old(
    store: Store, judged: Judged, answer: Disposition | None, waits_for: str | None, status: str
) -> None:
    """A member may be readmitted, an item may come, a person may look."""
    await arrive(store, Sender(), 1)
    await became(store, judged, answer, waits_for=waits_for)
    assert await walk(at(store, 9 * LATER_MS, status=status)) == 0
    assert await kept(store) == [True]


@pytest.mark.parametrize("answer", [None, Disposition.NEW, Disposition.NOT_PERMITTED])
async def test_what_became_part_of_an_item_goes_with_the_item_alone(
    store: Store, answer: Disposition | None
) -> None:
    """Whatever it was answered."""
    await arrive(store, Sender(), 1)
    await became(store, Judged.DONE, answer, item=ITEM)
    assert await walk(at(store, LATER_MS)) == 0
    assert await kept(store) == [True]


async def test_what_an_expelled_member_said_meanwhile_goes_too(store: Store) -> None:
    """It is expelled for good, so nobody judges it any more."""
    await arrive(store, Sender(), 1)
    await became(store, Judged.QUARANTINED, Disposition.QUARANTINED)
    assert await walk(at(store, LATER_MS, status="suspended")) == 0
    assert await walk(at(store, LATER_MS, status="expelled")) == 1
    assert await kept(store) == [False]


async def test_a_repeat_goes_after_what_it_repeats(store: Store) -> None:
    """One of an item's entry stays with the item."""
    sender = Sender()
    await arrive(store, sender, 1)
    await became(store, Judged.DONE, Disposition.MALFORMED)
    await arrive(store, sender, 2)
    await became(store, Judged.DONE, Disposition.NEW, item=ITEM)
    await arrive(store, sender, 1, 2)
    assert await walk(at(store, LATER_MS)) == 2
    assert await kept(store) == [False, True, False, True]


async def test_what_was_erased_is_not_kept_when_it_comes_again(store: Store) -> None:
    """It is a repeat as before, by its leaf."""
    sender = Sender()
    await arrive(store, sender, 1)
    await became(store, Judged.DONE, Disposition.MALFORMED)
    await walk(at(store, LATER_MS))
    await arrive(store, sender, 1)
    assert await kept(store) == [False, False]
    sql = "SELECT answer FROM entries_in WHERE idx = 2"
    assert await store.readers.run(lambda c: c.execute(sql).fetchone()) == ("repeat",)


async def test_other_content_under_its_id_is_a_conflict_as_before(store: Store) -> None:
    """Ids are taken once, for ever; what is remembered of the content is its leaf."""
    sender = Sender()
    await arrive(store, sender, 1)
    await became(store, Judged.DONE, Disposition.MALFORMED)
    await walk(at(store, LATER_MS))
    await take(store, sender.push(1, body=b"\xc2"))
    (again,) = await store.queries.unjudged(9)
    assert again.conflict


async def test_what_was_learnt_meanwhile_is_not_taken_away(store: Store) -> None:
    """It is looked at again in the transaction that erases it."""
    await arrive(store, Sender(), 1)
    await became(store, Judged.DONE, Disposition.UNKNOWN_KIND)
    made = at(store, LATER_MS)
    found = await store.queries.refused(0, NOW_MS, frozenset())
    assert found is not None
    await store.cases.relearn(lambda _: True, "1/1", LATER_MS)
    made._items = _Told(store, found)  # type: ignore[assignment]
    assert await made.due()
    assert (made.refused, await kept(store)) == (0, [True])
    assert await store.queries.events(0, 9) == []


class _Told:
    """Who looked a moment ago."""

    def __init__(self, store: Store, found: object) -> None:
        self._found = found
        self.aged, self.unplaced = store.queries.aged, store.queries.unplaced

    async def refused(self, *_: object) -> object:
        """Say what was there then."""
        return self._found


async def test_zero_days_keep_for_ever(store: Store) -> None:
    """As with items."""
    await arrive(store, Sender(), 1)
    await became(store, Judged.DONE, Disposition.MALFORMED)
    assert await walk(at(store, 9 * LATER_MS, period_ms=0)) == 0


async def test_walk_goes_window_by_window(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """No step looks at more rows than that, and none is passed over."""
    monkeypatch.setattr(refused, "WINDOW", 3)
    await arrive(store, Sender(), *range(1, 11))
    await became(store, Judged.DONE, Disposition.MALFORMED)
    made = at(store, LATER_MS)
    steps = 0
    while await made.due():
        steps += 1
    assert (made.refused, steps) == (10, 4)
    assert await kept(store) == [False] * 10


async def test_walk_goes_on_where_it_was(store: Store) -> None:
    """No row is looked at each hour; what is young is, once it is old."""
    sender = Sender()
    await arrive(store, sender, 1, 2)
    await became(store, Judged.DONE, Disposition.MALFORMED)
    made = at(store, LATER_MS)
    made._items = watched = _Watched(store)
    assert await walk(made) == 2
    assert [found is None for found in watched.found] == [False, True]
    await arrive(store, sender, 3)
    await became(store, Judged.DONE, Disposition.MALFORMED)
    assert await walk(made) == 3
    assert await kept(store) == [False] * 3
    assert [span.after for span in watched.spans] == [0, watched.spans[0].to]


async def test_walk_stops_before_what_is_too_young(store: Store) -> None:
    """Though it stands in the same window: it is not passed over."""
    await arrive(store, Sender(), 1, 2)
    await became(store, Judged.DONE, Disposition.MALFORMED)
    younger = "UPDATE entries_in SET taken_ms = taken_ms + 5 WHERE idx = 2"
    await store.writer.run(lambda c: c.execute(younger))
    now_ms = LATER_MS
    made = at(store, LATER_MS)
    made._clock = lambda: now_ms
    assert await walk(made) == 1
    now_ms += 5
    assert await walk(made) == 2


async def test_walk_begins_anew_when_a_member_is_expelled(store: Store) -> None:
    """What it had said is passed already."""
    await arrive(store, Sender(), 1)
    await became(store, Judged.QUARANTINED, Disposition.QUARANTINED)
    made = at(store, LATER_MS, status="suspended")
    assert await walk(made) == 0
    made._registry = lambda: with_status("expelled")
    assert await walk(made) == 1


class _Watched:
    """Who looks, and remembers what was found."""

    def __init__(self, store: Store) -> None:
        self.found: list[tuple[Span, int] | None] = []
        self.aged, self.unplaced = store.queries.aged, store.queries.unplaced
        self._store = store

    @property
    def spans(self) -> list[Span]:
        """What was looked at."""
        return [found[0] for found in self.found if found is not None]

    async def refused(
        self, after: int, before_ms: int, expelled: frozenset[str]
    ) -> tuple[Span, int] | None:
        """As the store does."""
        self.found.append(await self._store.queries.refused(after, before_ms, expelled))
        return self.found[-1]


async def test_erased_entry_stays_erased_on_disk(place: Place) -> None:
    """And what unknown kinds there are is counted without it."""
    store = place.open()
    await arrive(store, Sender(), 1)
    await became(store, Judged.DONE, Disposition.UNKNOWN_KIND)
    assert (await store.queries.figures())["entries_unknown"] == 1
    await walk(at(store, LATER_MS))
    await store.close()
    again = place.open()
    assert await kept(again) == [False]
    assert (await again.queries.figures())["entries_unknown"] == 0
    learnt: list[Arrived] = []
    assert await again.cases.relearn(lambda raw: learnt.append(raw) is None, "1/1", LATER_MS) == 0  # type: ignore[func-returns-value,arg-type]
    await again.close()


async def test_11_5_what_waits_for_another_registry_is_bounded_and_goes_in_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound it is refused; released it waits to be judged; later it has no body."""
    monkeypatch.setattr(aside, "MOST_ASIDE", 2)
    await arrive(store, Sender(), 1, 2, 3)
    await became(store, Judged.QUARANTINED, Disposition.NOT_PERMITTED)
    assert await store.cases.release([PEER]) == 2
    assert len(await store.queries.unjudged(10)) == 2
    await became(store, Judged.QUARANTINED, Disposition.NOT_PERMITTED)
    assert await walk(at(store, LATER_MS)) == 3
    assert await store.cases.release([PEER]) == 0
