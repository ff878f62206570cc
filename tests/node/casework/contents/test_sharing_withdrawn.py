"""Shared verdicts that are taken back, items that nobody reports, and how far verdicts lead on."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from node.casework.casebook import Casebook, Needs
from node.casework.ending.erasing import Cause, ErasureDraft
from node.casework.events import EventKind
from node.casework.reports.draft import (
    HashesDraft,
    ItemDraft,
    ReportDraft,
)
from node.matching.lists import Trust
from protocol.vocabulary import Lane, OutcomeWhat, Source, Verdict
from tests.builders.cases import file
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import item_from, outcome
from tests.node.casework.contents.offices import IWF, PDC, Office, gone, later, said, shown, told_of


def _is_possible(order: tuple[str, ...]) -> bool:
    return order.index("weak") < order.index("judged")


class TestNobodyReports:
    """All sightings of an item were taken back; it is still here, before a person."""

    async def test_correction_goes_after_the_word_that_stands(self, office: Office) -> None:
        """Though nothing else that lists say comes to it any more."""
        items = [await office.report(1), await office.report(2, sha256=2)]
        await office.hear(said())
        for one in items:
            await office.take_back(one.id)
        await office.hear(later(), said(2, number=902))
        assert [shown(await office.item(one.id))[:2] for one in items] == [
            (True, [(IWF, "baseline"), (IWF, "not_illegal")]),
            (False, []),
        ]

    async def test_verdict_that_came_with_it_goes_when_it_is_taken_back(
        self, office: Office
    ) -> None:
        """Its author says of the file alone that it does not hold any more (§6.4, §6.6.4)."""
        item = await office.report(1)
        given = said()

        def decide(book: Casebook) -> None:
            body = given.assessment
            book.record(item.id, EventKind.ASSESSED, body, at_ms=NOW_MS, actor=IWF)

        await office.store.cases.transact(Needs(items={item.id}), NOW_MS, decide)
        await office.take_back(item.id)
        await office.hear(given)
        await office.hear(gone())
        await office.look()
        assert shown(await office.item(item.id))[:2] == (False, [])


class TestWithdrawn:
    """What was taken back is as if it had never been said."""

    @pytest.mark.parametrize(("by", "known"), [(IWF, False), (PDC, True)])
    async def test_verdict_on_an_item_that_is_erased_here_goes_from_where_it_went(
        self, office: Office, by: str, *, known: bool
    ) -> None:
        """By its author's word alone; that one said it of the item, and of no file to all."""
        judged = await office.found_by(IWF)
        given = said().assessment
        await office.hear(told_of(judged, given), lane=Lane.STATUS)
        copies = [await office.report(number) for number in (1, 2)]
        assert all(one.known for one in copies)
        await office.desk.erase(judged, ErasureDraft(Cause.WITHDRAWAL), actor="anna")
        named = {"author": IWF, "event_id": given.event_id, "assessment": None}
        back = outcome(judged, OutcomeWhat.WITHDRAWN, **named)
        await office.hear(back, by=by, lane=Lane.STATUS)
        assert [(await office.item(one.id)).known for one in copies] == [known] * 2
        assert (await office.report(3)).known is known

    async def test_verdict_that_is_said_of_another_item_too_stands_there(
        self, office: Office
    ) -> None:
        """It is taken back of each."""
        judged, given = await office.found_by(IWF), said().assessment
        other = item_from(IWF, 2, file(1), url="https://nl2.example/2.jpg")
        await office.hear(other, lane=Lane.REPORTS)
        for one in (judged, other.item_id):
            await office.hear(told_of(one, given), lane=Lane.STATUS)
        await office.desk.erase(judged, ErasureDraft(Cause.WITHDRAWAL), actor="anna")
        named = {"author": IWF, "event_id": given.event_id, "assessment": None}
        await office.hear(outcome(judged, OutcomeWhat.WITHDRAWN, **named), lane=Lane.STATUS)
        assert (await office.item(other.item_id)).known

    async def test_items_are_as_if_it_had_not_been_said(self, office: Office) -> None:
        """Of every file that the verdict was about, and for later reports."""
        items = [await office.report(1), await office.report(2, sha256=2)]
        before = [shown(one) for one in items]
        await office.hear(said(), said(2, part=1))
        assert all([(await office.item(one.id)).known for one in items])
        await office.hear(gone())
        await office.look()
        assert [shown(await office.item(one.id)) for one in items] == before
        assert not (await office.report(3)).known
        assert await office.entries() == dict.fromkeys(await office.entries(), 0)

    @pytest.mark.parametrize("trust", [Trust.AUTO, Trust.SUGGESTION, Trust.NONE])
    @pytest.mark.parametrize("shared", [True, False])
    async def test_verdict_that_came_by_another_way_goes_too(
        self, office: Office, trust: Trust, *, shared: bool
    ) -> None:
        """Told of the item itself, and of one whose file was never shared; nobody else's goes."""
        await office.trust(IWF, baseline=trust)
        items = [await office.report(1), await office.report(2, sha256=None)]
        for one in items:
            await office.told(one.id, said().assessment)
            await office.told(one.id, said(by=PDC, number=901).assessment)
        if shared:
            await office.hear(said())
        await office.hear(gone())
        await office.look()
        for one in items:
            after = await office.item(one.id)
            assert [a.member for a in after.assessments] == [PDC]

    async def test_verdict_that_is_told_once_more_goes_when_its_end_is_told_once_more(
        self, office: Office
    ) -> None:
        """Its author went back to a day before it had taken it back."""
        item = await office.report(1)
        await office.hear(said(), gone())
        await office.look()
        await office.told(item.id, said().assessment)
        await office.hear(gone())
        await office.look()
        assert (await office.item(item.id)).assessments == ()

    async def test_verdict_of_an_item_goes_from_what_only_a_third_item_is_like(
        self, office: Office
    ) -> None:
        """It went there from one to the next; its author takes it back of the first alone."""
        given = said().assessment
        first = item_from(IWF, 1, file(1), assessments=(given,))
        await office.hear(first, lane=Lane.REPORTS)
        weak = HashesDraft(md5=f"{5:032x}", length=9_000)
        full = HashesDraft(sha256=f"{1:064x}", md5=f"{5:032x}", length=9_000)
        items = [first.item_id]
        for number, hashes in enumerate((full, weak), 2):
            draft = ItemDraft(url=f"https://gb1.example/{number}.jpg", hashes=hashes)
            report = ReportDraft(items=(draft,), source=Source.PUBLIC)
            (taken,) = await office.desk.submit([report], actor="desk", batch=str(number))
            items.append(taken.items[0].item_id)
        assert [(await office.item(one)).known for one in items] == [True] * 3
        end = outcome(first.item_id, OutcomeWhat.WITHDRAWN, author=IWF, event_id=given.event_id)
        await office.hear(end, lane=Lane.STATUS)
        assert [(await office.item(one)).known for one in items] == [False] * 3

    async def test_what_looks_like_an_item_that_no_list_named_is_suggested_no_more(
        self, office: Office
    ) -> None:
        """Its author had told the verdict with the item alone, and takes it back by its files."""
        given = said().assessment
        first = item_from(IWF, 1, file(1, pdq=0), assessments=(given,))
        await office.hear(first, lane=Lane.REPORTS)
        hashes = HashesDraft(sha256=f"{2:064x}", pdq=f"{7:064x}", pdq_quality=100)
        draft = ItemDraft(url="https://gb1.example/2.jpg", hashes=hashes)
        report = ReportDraft(items=(draft,), source=Source.PUBLIC)
        (taken,) = await office.desk.submit([report], actor="desk", batch="2")
        near = taken.items[0].item_id
        assert (await office.item(near)).reviews == ("suggested_verdict",)
        await office.hear(gone())
        await office.look()
        assert not (await office.item(first.item_id)).known
        assert (await office.item(near)).reviews == ()

    @pytest.mark.parametrize("seen", [True, False])
    async def test_word_that_stands_here_already_is_noted_however_far_its_author_is_followed(
        self, office: Office, *, seen: bool
    ) -> None:
        """For its end; also where nobody reports the item any more."""
        await office.trust(IWF, baseline=Trust.NONE)
        item = await office.report(1)
        await office.told(item.id, said().assessment)
        if not seen:
            await office.take_back(item.id)
        await office.hear(said())
        await office.look()
        after = await office.item(item.id)
        assert [(one.list, str(one.counts_as)) for one in after.listed] == [
            (f"member/{IWF}", "none")
        ]

    async def test_withdrawal_that_comes_first_keeps_the_verdict_out(self, office: Office) -> None:
        """For ever; another verdict on the same file comes in."""
        await office.hear(gone())
        await office.hear(said(), said(2, part=3))
        assert not (await office.report(1)).known
        await office.hear(said(number=901))
        assert (await office.report(2)).known

    async def test_other_verdict_on_the_same_file_stands(self, office: Office) -> None:
        """Of the same member: only one of two was taken back."""
        await office.hear(said(), said(number=901))
        item = await office.report(1)
        await office.hear(gone())
        await office.look()
        after = await office.item(item.id)
        assert (after.known, len(after.assessments)) == (True, 1)


@pytest.mark.parametrize(
    "order",
    [one for one in permutations(("weak", "strong", "both", "judged")) if _is_possible(one)],
)
async def test_verdict_reaches_what_only_a_third_item_shows_to_be_the_same_file(
    office: Office, order: tuple[str, ...]
) -> None:
    """And goes from it again, in whatever order the items and the verdict came."""
    forms: dict[str, dict[str, Any]] = {
        "weak": {"sha256": None, "md5": f"{5:032x}", "length": 9_000},
        "strong": {"sha256": 1},
        "both": {"sha256": 1, "md5": f"{5:032x}", "length": 9_000},
    }
    items: dict[str, str] = {}
    for number, one in enumerate(order):
        if one == "judged":
            await office.assess(items["weak"], Verdict.BASELINE)
        else:
            items[one] = (await office.report(number, **forms[one])).id
    assert [(await office.item(one)).known for one in items.values()] == [True] * 3
    (given,) = (await office.item(items["strong"])).assessments
    await office.desk.correcting.withdraw(items["strong"], given.id, actor="analyst")
    assert [(await office.item(one)).known for one in items.values()] == [False] * 3


async def test_verdict_that_is_heard_of_an_item_goes_on_as_far_as_hashes_lead(
    office: Office,
) -> None:
    """From one account of the file to the next, of which the first has no hash of the last."""
    weak = item_from(IWF, 1, file(md5=5, length=9_000))
    await office.hear(weak, lane=Lane.REPORTS)
    both, strong = (
        await office.report(1, md5=f"{5:032x}", length=9_000),
        await office.report(2),
    )
    await office.hear(told_of(weak.item_id), lane=Lane.STATUS)
    items = (weak.item_id, both.id, strong.id)
    assert [(await office.item(one)).known for one in items] == [True] * 3
