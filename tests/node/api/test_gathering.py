"""Single reports that arrive at once are taken in together, and none suffers for another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from node.api.gathering import Gathering
from node.api.service import Desk, Submitted
from node.casework.reports.draft import ItemDraft, ReportDraft
from node.store.errors import StoreFullError
from protocol.vocabulary import Source


@dataclass(frozen=True)
class Taken:
    """A desk's answer to one draft."""

    report_id: str
    status: str = "accepted"
    items: Sequence[Any] = ()
    code: str | None = None
    field: str | None = None
    detail: str | None = None


@dataclass
class Counter:
    """A desk that notes its batches, waits to be let on, and fails on what a test names."""

    batches: list[list[str]] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    poison: str = ""
    full: bool = False

    async def submit(self, drafts: Sequence[ReportDraft], *, actor: str) -> list[Submitted]:
        """Note the batch and answer with the references."""
        del actor
        references = [draft.reference or "" for draft in drafts]
        self.batches.append(references)
        await self.go.wait()
        if self.full:
            raise StoreFullError(StoreFullError.__doc__)
        if self.poison in references:
            raise RuntimeError("a mistake of ours")
        return [Taken(reference) for reference in references]


def draft(reference: str) -> ReportDraft:
    """A report of one item."""
    item = ItemDraft(url="https://a.example/")
    return ReportDraft(items=(item,), source=Source.PUBLIC, reference=reference)


async def hand_in(desk: Counter, *references: str, actor: str = "a") -> list[Any]:
    """Hand in reports at once; results and errors in order."""
    gathering = Gathering(cast("Desk", desk))
    calls = [asyncio.ensure_future(gathering.submit(draft(r), actor)) for r in references]
    for _ in range(3):
        await asyncio.sleep(0)
    desk.go.set()
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_what_arrives_while_one_is_in_flight_is_the_next_batch() -> None:
    """The first waits for nobody; each hears its own answer."""
    desk = Counter()
    gathering = Gathering(cast("Desk", desk))
    first = asyncio.ensure_future(gathering.submit(draft("1"), "a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rest = [asyncio.ensure_future(gathering.submit(draft(r), "a")) for r in "234"]
    await asyncio.sleep(0)
    desk.go.set()
    results = await asyncio.gather(first, *rest)
    assert [result.report_id for result in results] == ["1", "2", "3", "4"]
    assert desk.batches == [["1"], ["2", "3", "4"]]


async def test_reports_of_different_callers_are_not_mixed() -> None:
    """Each batch is recorded under one name."""
    desk = Counter()
    gathering = Gathering(cast("Desk", desk))
    calls = [
        asyncio.ensure_future(gathering.submit(draft(reference), actor))
        for reference, actor in (("1", "a"), ("2", "b"), ("3", "a"))
    ]
    desk.go.set()
    await asyncio.gather(*calls)
    assert desk.batches == [["1", "3"], ["2"]]


async def test_a_draft_that_breaks_us_harms_no_other() -> None:
    """Each of a broken batch is tried by itself; only the one gets the error."""
    results = await hand_in(Counter(poison="2"), "1", "2", "3")
    assert [type(result) for result in results] == [Taken, RuntimeError, Taken]


async def test_a_full_store_is_told_to_all_at_once() -> None:
    """Trying one by one would only wait longer."""
    desk = Counter(full=True)
    results = await hand_in(desk, "1", "2", "3")
    assert [type(result) for result in results] == [StoreFullError] * 3
    assert len(desk.batches) == 1


async def test_a_caller_that_went_away_harms_no_other() -> None:
    """Its report is taken in all the same."""
    desk = Counter()
    gathering = Gathering(cast("Desk", desk))
    gone = asyncio.ensure_future(gathering.submit(draft("1"), "a"))
    stays = asyncio.ensure_future(gathering.submit(draft("2"), "a"))
    await asyncio.sleep(0)
    gone.cancel()
    desk.go.set()
    assert (await stays).report_id == "2"
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert desk.batches == [["1", "2"]]


async def test_half_a_crowd_waits_for_the_other_half() -> None:
    """Those who were answered come again at once: from then on one flush serves all."""
    desk = Counter()
    gathering = Gathering(cast("Desk", desk))

    async def client(name: str) -> None:
        for number in range(3):
            await gathering.submit(draft(f"{name}{number}"), "a")

    early = [asyncio.ensure_future(client(name)) for name in "ab"]
    for _ in range(3):
        await asyncio.sleep(0)
    late = [asyncio.ensure_future(client(name)) for name in "cd"]
    await asyncio.sleep(0)
    desk.go.set()
    await asyncio.gather(*early, *late)
    assert [len(batch) for batch in desk.batches] == [2, 4, 4, 2]


async def test_who_waits_is_taken_in_though_nobody_comes_again() -> None:
    """The wait for others is a moment, and ends by itself."""
    desk = Counter()
    gathering = Gathering(cast("Desk", desk))
    first = [asyncio.ensure_future(gathering.submit(draft(r), "a")) for r in "12"]
    for _ in range(3):
        await asyncio.sleep(0)
    last = asyncio.ensure_future(gathering.submit(draft("3"), "a"))
    await asyncio.sleep(0)
    desk.go.set()
    await asyncio.gather(*first, last)
    assert desk.batches == [["1", "2"], ["3"]]


async def test_one_client_alone_waits_for_nobody() -> None:
    """After a batch of one the next goes at once."""
    desk = Counter()
    desk.go.set()
    gathering = Gathering(cast("Desk", desk))
    for reference in "123":
        await gathering.submit(draft(reference), "a")
    assert not gathering.waits
    assert desk.batches == [["1"], ["2"], ["3"]]
