"""How much a member may take back in a day before a person looks (rule 10)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from keys.registry import Registry
from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.reading import Parsed
from node.casework.incoming.receiving import Judged
from node.casework.mistakes.mass import (
    ALL,
    DAY_MS,
    PASSED_ON,
    POLICY,
    UNLISTED,
    Bound,
    hold,
    may_wait_for,
    taken_back,
    tasks_of,
    waiting_of,
)
from protocol.messages import Message, Withdrawal, kind_of
from protocol.verdicts import ContentVerdictWithdrawn
from protocol.vocabulary import Lane, OutcomeWhat
from tests.builders.cases import event_id, item, network, suspended
from tests.builders.network import NOW_MS, make_network
from tests.node.casework.arriving import outcome

GB, FR = "gb-iwf", "fr-pdc"


def bounded(at_most: int = 2, registry: Registry | None = None) -> Registry:
    """Return a network in which a member may take back so much in a day."""
    registry = registry or network()
    return replace(registry, network=replace(registry.network, policy={POLICY: at_most}))


def verdict(number: int) -> ContentVerdictWithdrawn:
    """Return that gb-iwf takes back the verdict of this number."""
    return ContentVerdictWithdrawn(event_id(number, GB), NOW_MS)


def said(*messages: Message, by: str = GB, mark: str | None = None) -> list[Parsed]:
    """Return entries of a member, as they are judged."""
    marks = {} if mark is None else {mark: True}
    return [
        Parsed(
            Arrived(by, Lane.STATUS, bytes(8), index, bytes(32), b"", **marks),
            int(kind_of(one)),
            bytes(32),
            one,
        )
        for index, one in enumerate(messages)
    ]


class Counter:
    """A bound over a store in which what waits is remembered."""

    def __init__(self, *, coming_back: bool = False) -> None:
        self.waiting: set[str] = set()
        self.bound = Bound(self._holds, coming_back=lambda: coming_back)

    async def _holds(self, name: str) -> bool:
        return name in self.waiting

    async def __call__(
        self, parsed: list[Parsed], registry: Registry | None = None, now_ms: int = NOW_MS
    ) -> list[int]:
        """Return which of these wait; the others are judged."""
        held, counts = await self.bound.over(parsed, registry or bounded(), now_ms)
        self.bound.keep(counts, now_ms)
        self.waiting.update(waiting_of(taker) for taker in held.values())
        return sorted(held)


def verdicts(numbers: Iterable[int]) -> list[Parsed]:
    """Return that gb-iwf takes back these verdicts."""
    return said(*(verdict(number) for number in numbers))


async def test_what_goes_beyond_the_bound_waits() -> None:
    """The first ones have their effect."""
    assert await Counter()(verdicts(range(4))) == [2, 3]


async def test_bound_is_fifty_unless_the_network_says_otherwise() -> None:
    """Over several batches."""
    counter = Counter()
    assert await counter(verdicts(range(30)), network()) == []
    assert await counter(verdicts(range(30, 51)), network()) == [20]


@pytest.mark.parametrize(
    "message",
    [
        verdict(9),
        outcome(item(1).id, OutcomeWhat.WITHDRAWN, event_id=event_id(9, GB)),
        Withdrawal(item(1).id, None, NOW_MS),
        Withdrawal(item(1).id, event_id(2, GB), NOW_MS),
    ],
)
async def test_every_way_to_take_something_back_is_counted(message: Message) -> None:
    """Verdicts of items, verdicts of contents, whole reports and sightings."""
    assert await Counter()(verdicts(range(2)) + said(message)) == [2]


async def test_what_speaks_of_other_things_goes_on() -> None:
    """That it was reopened, or erased there: neither takes anything back here."""
    others = [outcome(item(1).id), outcome(item(1).id, OutcomeWhat.ERASED)]
    assert await Counter()(verdicts(range(3)) + said(*others)) == [2]
    assert [taken_back(one) for one in others] == [None, None]


async def test_one_verdict_counts_once_however_many_items_it_goes_from() -> None:
    """Who corrects one mistake is no thief."""
    one = [outcome(item(n).id, OutcomeWhat.WITHDRAWN, event_id=event_id(9, GB)) for n in range(9)]
    assert await Counter()(said(verdict(9), *one[:5], verdict(8), *one[5:])) == []


async def test_while_something_waits_all_else_that_is_taken_back_waits_too() -> None:
    """A day later, and after a restart: nothing overtakes what a person is to look at."""
    counter = Counter()
    await counter(verdicts(range(3)))
    assert await counter(verdicts([7]), now_ms=NOW_MS + 2 * DAY_MS) == [0]
    again = Counter()
    again.waiting = counter.waiting
    assert await again(verdicts([8])) == [0]


async def test_members_do_not_share_a_bound() -> None:
    """One thief stops no other member."""
    counter = Counter()
    await counter(verdicts(range(3)))
    gone = ContentVerdictWithdrawn(event_id(1, FR), NOW_MS)
    assert await counter(said(gone, by=FR)) == []


def many() -> Registry:
    """Return a network with more members than one may pass on the bound of."""
    letters = "abcdefghijklm"
    return bounded(registry=make_network([GB, *(f"{one}{one}-hotline" for one in letters)])[0])


def passed_on(numbers: Iterable[int], author: str = FR) -> list[Parsed]:
    """Return that gb-iwf passes on that `author` takes back these sightings."""
    return said(*(Withdrawal(item(n).id, event_id(n, author), NOW_MS) for n in numbers))


async def test_who_passes_on_what_another_takes_back_is_not_stopped_by_it() -> None:
    """It is no thief's doing that its reporter took back what it might."""
    counter = Counter()
    assert await counter(passed_on(range(3)) + said(verdict(1), verdict(2))) == [2]
    assert counter.waiting == {"mass_withdrawal/gb-iwf/fr-pdc"}
    assert await counter(passed_on([7])) == [0]
    assert await counter(verdicts([1, 2])) == []


async def test_in_all_names_together_one_member_passes_on_so_much() -> None:
    """Who has its keys could speak in the name of every member."""
    counter, registry = Counter(), many()
    authors = [name for name in registry.network.members if name != GB]
    for number, author in enumerate(authors[:PASSED_ON]):
        assert await counter(passed_on([number, 50 + number], author), registry) == []
    assert await counter(passed_on([20, 21], authors[-1]), registry) == [0, 1]
    assert counter.waiting == {waiting_of(f"{GB}/{ALL}")}
    assert await counter(verdicts([1, 2]), registry) == []
    counter.waiting.clear()
    assert await counter(passed_on([22], authors[-1]), registry, NOW_MS + DAY_MS) == []


async def test_while_some_of_all_names_waits_whatever_is_passed_on_waits() -> None:
    """A day later, and after a restart."""
    counter = Counter()
    counter.waiting.add(waiting_of(f"{GB}/{ALL}"))
    assert await counter(passed_on([1])) == [0]
    assert await counter(passed_on([2], "zz-nobody")) == [0]
    assert await counter(verdicts([1])) == []


async def test_what_a_person_let_go_on_of_all_names_is_counted_anew() -> None:
    """As what one member took back is."""
    counter, registry = Counter(), many()
    authors = [name for name in registry.network.members if name != GB]
    for number, author in enumerate(authors[:PASSED_ON]):
        await counter(passed_on([number, 50 + number], author), registry)
    last = passed_on([20], authors[-1])
    assert await counter(last, registry) == [0]
    counter.waiting.clear()
    (one,) = last
    assert one.message is not None
    assert await counter(said(one.message, mark="let_go"), registry) == []
    assert await counter(passed_on([21], authors[-1]), registry) == []


async def test_attack_authors_that_nobody_listed_count_as_one() -> None:
    """Whoever invents them, however many: one name waits, one task stands before a person."""
    counter = Counter()
    for number in range(40):
        held = await counter(passed_on([number], f"zz-{number:03d}"))
        assert held == ([0] if number >= 2 else [])
    assert counter.waiting == {waiting_of(f"{GB}/{UNLISTED}")}
    assert await counter(passed_on([1, 2]) + said(verdict(1), verdict(2))) == []


async def test_attack_no_more_is_remembered_than_the_registry_has_names() -> None:
    """And of nobody for longer than a day."""
    counter, registry = Counter(), bounded(10_000)
    for number in range(40):
        await counter(passed_on([number], f"zz-{number:03d}"), registry)
    assert len(counter.bound._counted) == 2
    await counter(said(ContentVerdictWithdrawn(event_id(1, FR), NOW_MS), by=FR), registry)
    await counter([], registry, NOW_MS + DAY_MS)
    assert counter.bound._counted == {}


async def test_day_is_that_of_the_receivers_clock() -> None:
    """What was taken back a day ago counts no more."""
    counter = Counter()
    await counter(verdicts(range(2)))
    assert await counter(verdicts([3]), now_ms=NOW_MS + DAY_MS) == []
    assert await counter(verdicts([4]), now_ms=NOW_MS + DAY_MS) == []
    assert await counter(verdicts([5]), now_ms=NOW_MS + 2 * DAY_MS - 1) == [0]


async def test_what_was_not_kept_is_not_counted() -> None:
    """A batch that failed is judged again, one by one."""
    counter = Counter()
    await counter.bound.over(verdicts(range(2)), bounded(), NOW_MS)
    assert await counter(verdicts([7, 8])) == []


async def test_what_a_person_let_go_on_passes_and_the_count_begins_anew() -> None:
    """An honest hotline is not stopped again an hour later."""
    counter = Counter()
    await counter(verdicts(range(5)))
    counter.waiting.clear()
    assert await counter(said(verdict(2), verdict(3), verdict(4), mark="let_go")) == []
    assert await counter(verdicts([7, 8, 9])) == [2]


@pytest.mark.parametrize("mark", ["disavowed", "conflict"])
async def test_what_has_no_effect_anyhow_is_not_counted(mark: str) -> None:
    """It is set aside as ever."""
    counter = Counter()
    assert await counter(said(*map(verdict, range(5)), mark=mark)) == []
    assert await counter(verdicts([7, 8])) == []


async def test_suspended_member_is_quarantined_as_ever() -> None:
    """When it is back, what it took back is counted."""
    assert await Counter()(verdicts(range(5)), suspended(GB)) == []


async def test_node_that_comes_back_hears_again_what_it_had_heard() -> None:
    """Years of it, in an hour."""
    assert await Counter(coming_back=True)(verdicts(range(5))) == []


def test_what_waits_has_no_answer_and_stands_before_a_person_once() -> None:
    """It waits as what comes before its item does."""
    first, second = verdicts([1, 2])
    answer = hold(first, GB)
    assert (answer.judged, answer.disposition) == (Judged.PARKED, None)
    assert answer.waits_for == hold(second, GB).waits_for == "mass_withdrawal/gb-iwf"
    assert tasks_of([GB, GB]) == [("mass_withdrawal", GB)]


@pytest.mark.parametrize("taker", [GB, f"{GB}/{FR}", f"{GB}/{UNLISTED}", f"{GB}/{ALL}"])
def test_what_is_passed_on_waits_for_its_author_the_unlisted_or_all(taker: str) -> None:
    """Whatever the registry listed when it came: so the audit finds it right."""
    (one,) = passed_on([1])
    assert waiting_of(taker) in may_wait_for(GB, one.message)
    own = taker == GB
    assert (waiting_of(taker) in may_wait_for(GB, verdict(1))) == own
