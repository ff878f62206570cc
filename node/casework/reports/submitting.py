"""What becomes of drafts that are handed in, in the words that their source is answered with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from time import perf_counter, thread_time
from typing import TypeVar

import msgspec

from node.casework.errors import DraftRejectedError
from node.casework.reports.draft import ReportDraft
from node.casework.reports.intake import ItemTaken, ReportTaken
from node.casework.reports.prepare import PreparedReport

STRETCH = 100
"""Drafts or entries that are read before others have their turn on the event loop: some 5 ms."""
TURN_S = 0.03
"""So much of a processor they get at most, and one more: who sends them chooses what one takes."""

A = TypeVar("A")
B = TypeVar("B")


class SubmitResult(msgspec.Struct, frozen=True, gc=False):
    """What became of one draft."""

    status: str
    report_id: str | None = None
    items: tuple[ItemTaken, ...] = ()
    code: str | None = None
    field: str | None = None
    detail: str | None = None


def rejected(error: DraftRejectedError) -> SubmitResult:
    """It makes no sense: which field, and the mend."""
    return SubmitResult("rejected", code=error.reason, field=error.field, detail=error.mend)


def accepted(taken: ReportTaken) -> SubmitResult:
    """It is in, or it was in already."""
    repeated = all(item.outcome == "repeated" for item in taken.items)
    status = "repeated" if repeated else "accepted"
    return SubmitResult(status, taken.report_id, taken.items)


async def in_stretches(values: Iterable[A], do: Callable[[A], B]) -> list[B]:
    """Do something with each value; after each stretch, or `TURN_S`, others have their turn.

    A thread has had no more of a processor than went by on the clock, which costs less to ask.
    """
    done: list[B] = []
    begun_s, look_s = thread_time(), perf_counter() + TURN_S
    for value in values:
        is_over = bool(done) and len(done) % STRETCH == 0
        if not is_over and done and perf_counter() > look_s:
            had_s = thread_time() - begun_s
            is_over, look_s = had_s > TURN_S, perf_counter() + TURN_S - had_s
        if is_over:
            await asyncio.sleep(0)
            begun_s, look_s = thread_time(), perf_counter() + TURN_S
        done.append(do(value))
    return done


class Preparing:
    """Prepares batches of drafts a stretch at a time, one batch after the other.

    In their order, so that of two equal lines the one that was handed in first is the first. A few
    drafts wait for no batch.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def all(
        self, drafts: Sequence[ReportDraft], prepare: Callable[[int, ReportDraft], PreparedReport]
    ) -> list[PreparedReport | SubmitResult]:
        """Prepare each draft, given its number from 0; one that makes no sense is rejected."""

        def one(numbered: tuple[int, ReportDraft]) -> PreparedReport | SubmitResult:
            try:
                return prepare(*numbered)
            except DraftRejectedError as error:
                return rejected(error)

        async with self._turn if len(drafts) > STRETCH else nullcontext():
            return await in_stretches(enumerate(drafts), one)
