"""Batches are read a stretch at a time: the event loop has others to serve."""

from __future__ import annotations

import asyncio
from time import thread_time

import pytest

from node.casework.reports.draft import ItemDraft, ReportDraft
from node.casework.reports.prepare import PreparedReport, prepare_report
from node.casework.reports.submitting import STRETCH, TURN_S, Preparing, SubmitResult, in_stretches
from node.matching.fingerprints import Fingerprints
from protocol.vocabulary import Source
from tests.builders.network import NOW_MS

FINGERPRINTS = Fingerprints(bytes(32))


class Noting:
    """Prepares batches and notes whose turn it was, draft by draft."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self._preparing = Preparing()

    async def all(self, name: str, count: int, wrong: int = -1) -> list[object]:
        """Prepare a batch; the draft at `wrong` makes no sense."""

        def prepare(number: int, draft: ReportDraft) -> PreparedReport:
            self.noted.append(name)
            return prepare_report(draft, FINGERPRINTS, NOW_MS, f"{name}:{number}")

        drafts = [
            draft("nowhere" if n == wrong else f"https://h{n}.example/") for n in range(count)
        ]
        return list(await self._preparing.all(drafts, prepare))

    async def others(self) -> None:
        """Whatever else the event loop has to serve."""
        while True:
            self.noted.append("others")
            await asyncio.sleep(0)


def draft(url: str) -> ReportDraft:
    """Return a report of one address."""
    return ReportDraft(source=Source.PUBLIC, items=(ItemDraft(url=url),))


async def test_others_have_their_turn_while_a_batch_is_prepared() -> None:
    """At least after each stretch."""
    noting = Noting()
    others = asyncio.create_task(noting.others())
    await noting.all("bulk", STRETCH * 3)
    others.cancel()
    turns = " ".join(noting.noted).split("others")
    assert [len(turn.split()) for turn in turns if turn.strip()] == [STRETCH] * 3


async def test_g11_others_have_their_turn_before_a_stretch_of_dear_ones_is_over() -> None:
    """Who sends them chooses how long one takes."""
    noting = Noting()
    others = asyncio.create_task(noting.others())

    def dear(number: int) -> None:
        noting.noted.append("dear")
        until = thread_time() + TURN_S
        while thread_time() < until:
            pass

    await in_stretches(range(3), dear)
    others.cancel()
    assert noting.noted == ["dear", "others", "dear", "others", "dear"]


async def test_batches_are_prepared_in_the_order_in_which_they_came() -> None:
    """A short one does not overtake: of two equal lines the first is the first."""
    noting = Noting()
    await asyncio.gather(noting.all("first", STRETCH * 3), noting.all("second", STRETCH + 1))
    assert noting.noted == ["first"] * STRETCH * 3 + ["second"] * (STRETCH + 1)


async def test_few_drafts_wait_for_no_batch() -> None:
    """A person who hands in one report does not wait for the bulk of a machine."""
    noting = Noting()
    await asyncio.gather(noting.all("bulk", STRETCH * 3), noting.all("one", 1))
    assert noting.noted.index("one") == STRETCH


async def test_draft_that_makes_no_sense_is_rejected_in_its_place() -> None:
    """In whatever stretch; the others are prepared."""
    made = await Noting().all("bulk", STRETCH * 2 + 1, wrong=STRETCH * 2)
    assert all(isinstance(one, PreparedReport) for one in made[:-1])
    assert isinstance(made[-1], SubmitResult)
    assert made[-1].status == "rejected"


async def test_batch_that_fails_gives_its_turn_back() -> None:
    """Whatever went wrong in it."""

    def broken(_number: int, _draft: ReportDraft) -> PreparedReport:
        raise ZeroDivisionError

    preparing = Preparing()
    drafts = [draft("https://h.example/")] * (STRETCH + 1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(preparing.all(drafts, broken), 10)
