"""What members heard of files is taken back, wherever it went."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from keys.member import Capabilities
from keys.transfers import Transfers, TransferTerms
from node.casework.ending.erasing import Cause, ErasureDraft, erase
from node.casework.item import Informant
from node.casework.reports.draft import HashesDraft, ItemDraft, ReportDraft
from node.casework.reports.intake import take_reports
from node.casework.reports.prepare import prepare_report
from node.casework.working import disprove, record_hashes, withdraw_verdict
from protocol.messages import Outcome
from protocol.vocabulary import Kind, OutcomeWhat, Source, Verdict
from tests.builders.cases import (
    FINGERPRINTS,
    HOUR_MS,
    PLACE,
    US,
    book,
    closed,
    event_id,
    file,
    item,
    network,
    said,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.contents.spread import MINT, assess, postbox, shared, told_iwf


class TestTakenBack:
    """What does not stand any more is taken back from everybody."""

    def test_correction_is_told_and_takes_nothing_back(self) -> None:
        """The latest counts; what is taken back could never count again."""
        made = book(item(1, file(1)))
        first = assess(made)
        second = assess(made, Verdict.NOT_ILLEGAL)
        assert told_iwf(made) == [(first, "baseline", 0), (second, "not_illegal", 0)]

    def test_withdrawn_correction_is_taken_back_alone(self) -> None:
        """What it corrected counts again, and is told of the files that came meanwhile."""
        made = book(item(1, file(1)))
        first = assess(made)
        second = assess(made, Verdict.NOT_ILLEGAL)
        before = len(told_iwf(made))
        withdraw_verdict(made, item().id, second, MINT, postbox())
        assert told_iwf(made)[before:] == [(second, None, None), (first, "baseline", 0)]

    def test_word_that_was_corrected_can_be_withdrawn_still(self) -> None:
        """Else it would count once the correction is gone."""
        made = book(item(1, file(1)))
        first = assess(made)
        assess(made, Verdict.NOT_ILLEGAL)
        before = len(told_iwf(made))
        withdraw_verdict(made, item().id, first, MINT, postbox())
        assert told_iwf(made)[before:] == [(first, None, None)]

    def test_correction_on_another_item_with_the_file_is_told(self) -> None:
        """And the first word once more after it is a word of its own."""
        made = book(item(1, file(1)), item(2, file(1), url="https://nl2.example/"))
        first = assess(made)
        second = assess(made, Verdict.NOT_ILLEGAL, one=item(2))
        third = assess(made)
        assert told_iwf(made) == [
            (first, "baseline", 0),
            (second, "not_illegal", 0),
            (third, "baseline", 0),
        ]

    def test_unassessable_takes_every_word_back(self) -> None:
        """Those that were corrected, and of other items with the file: else one would count."""
        made = book(item(1, file(1)), item(2, file(1), url="https://nl2.example/"))
        given = [assess(made), assess(made, Verdict.NOT_ILLEGAL), assess(made, one=item(2))]
        before = len(told_iwf(made))
        assess(made, Verdict.UNASSESSABLE, one=item(2))
        gone = {(one, None, None) for one in given}
        assert sorted(told_iwf(made)[before:]) == sorted(gone)

    def test_unassessable_takes_back_what_was_said_of_an_item_that_nobody_reports_any_more(
        self,
    ) -> None:
        """The others hold it against the file, whatever became of the item."""
        gone = item(1, file(1), sightings=())
        made = book(gone, item(2, file(1), url="https://nl2.example/"))
        given = assess(made)
        before = len(told_iwf(made))
        assess(made, Verdict.UNASSESSABLE, one=item(2))
        assert told_iwf(made)[before:] == [(given, None, None)]

    def test_what_unassessable_took_back_is_never_told_nor_taken_back_again(self) -> None:
        """Not of fuller hashes either: to those who hear it then it would stand."""
        made = book(item(1, file(1)))
        first = assess(made)
        unseen = assess(made, Verdict.UNASSESSABLE)
        before = len(told_iwf(made))
        withdraw_verdict(made, item().id, unseen, MINT, postbox())
        record_hashes(made, item().id, HashesDraft(md5=f"{9:032x}"), MINT, postbox())
        withdraw_verdict(made, item().id, first, MINT, postbox())
        assert told_iwf(made)[before:] == []

    def test_verdict_is_taken_back_in_the_same_words_whenever_that_is(self) -> None:
        """An entry has one body for ever; who lost a disk does not know what it has said."""
        given = verdict(member=US)
        entries_made = set()
        for now in (NOW_MS, NOW_MS + HOUR_MS):
            made = book(item(1, file(1), assessments=(given,)), now=now)
            withdraw_verdict(made, item().id, given.event_id, MINT, postbox())
            entries_made |= {post.entry for post in made.posts if post.peer == "gb-iwf"}
        assert len(entries_made) == 1

    def test_verdict_is_told_anew_once_unassessable_is_withdrawn(self) -> None:
        """Given again: under the id that was taken back nobody hears it any more."""
        made = book(item(1, file(1)))
        assess(made)
        unseen = assess(made, Verdict.UNASSESSABLE)
        withdraw_verdict(made, item().id, unseen, MINT, postbox())
        before = len(told_iwf(made))
        again = assess(made)
        assert told_iwf(made)[before:] == [(again, "baseline", 0)]

    def test_what_cannot_be_assessed_after_all_takes_it_back(self) -> None:
        """And says nothing in its place; the next verdict is told anew."""
        made = book(item(1, file(1)))
        first = assess(made)
        assess(made, Verdict.UNASSESSABLE)
        assert told_iwf(made)[1:] == [(first, None, None)]
        third = assess(made)
        assert told_iwf(made)[2:] == [(third, "baseline", 0)]

    @pytest.mark.parametrize(
        ("cause", "goes"),
        [(Cause.ERROR, True), (Cause.WITHDRAWAL, True), (Cause.RETENTION, False)],
    )
    def test_erased_item_takes_its_verdict_with_it_unless_its_time_was_over(
        self, cause: Cause, *, goes: bool
    ) -> None:
        """What was judged stays known when the item has done its time."""
        made = book(item(1, file(1)))
        given = assess(made)
        made.loaded.items[item().id] = closed(made.loaded.items[item().id])
        before = len(told_iwf(made))
        erase(made, item().id, ErasureDraft(cause), MINT, postbox())
        assert told_iwf(made)[before:] == ([(given, None, None)] if goes else [])

    def test_erased_item_takes_back_no_word_that_was_said_of_another(self) -> None:
        """It was carried over to it, and stands where it was given."""
        made = book(item(1, file(1)))
        assess(made)
        told_us = (Informant("gb-iwf", item(2).id),)
        other = item(2, file(1), url="https://nl2.example/2.jpg", informants=told_us)
        given = made.loaded.items[item(1).id].assessments
        carried = {"assessments": given, "carried": (given[0].event_id,)}
        made.loaded.items[other.id] = msgspec.structs.replace(other, **carried)
        before = len(made.posts)
        erase(made, other.id, ErasureDraft(Cause.ERROR), MINT, postbox())
        told = [m.what for _, m in said(made)[before:] if isinstance(m, Outcome)]
        assert told == [OutcomeWhat.ERASED]
        assert made.loaded.items[item(1).id].assessments == given

    @pytest.mark.parametrize("withheld", [False, True])
    def test_who_hears_nothing_of_the_file_hears_it_of_the_erased_item(
        self, *, withheld: bool
    ) -> None:
        """Of that item nobody could say later that the verdict is gone."""
        registry = network()
        old = tuple(int(kind) for kind in Kind if kind is not Kind.CONTENT_VERDICT)
        document = replace(registry.members["gb-iwf"], capabilities=Capabilities((1, 2), old))
        registry = replace(registry, members={**registry.members, "gb-iwf": document})
        pairs = {(US, "fr-pdc"): TransferTerms("law", ("assessments",))} if withheld else {}
        terms = replace(registry.network, transfers=Transfers(pairs=pairs))
        by = postbox(replace(registry, network=terms))
        made = book(item(1, file(1)))
        assess(made, by=by)
        given = made.loaded.items[item(1).id].assessments
        told_us = (Informant("gb-iwf", item(2).id), Informant("fr-pdc", item(2).id))
        other = item(2, file(1), url="https://nl2.example/2.jpg", informants=told_us)
        carried = {"assessments": given, "carried": (given[0].event_id,)}
        made.loaded.items[other.id] = msgspec.structs.replace(other, **carried)
        before = len(made.posts)
        erase(made, other.id, ErasureDraft(Cause.ERROR), MINT, by)
        news = [(to, m) for to, m in said(made)[before:] if isinstance(m, Outcome)]
        told = {to for to, m in news if m.what is OutcomeWhat.WITHDRAWN}
        assert told == ({"gb-iwf", "fr-pdc"} if withheld else {"gb-iwf"})
        assert made.loaded.items[item(1).id].assessments == given

    def test_item_that_was_never_judged_here_takes_nothing_back(self) -> None:
        """Nor one that others judged."""
        state = item(1, file(1), assessments=(verdict(number=9),))
        made = book(msgspec.structs.replace(state, aliases=(event_id(3),)))
        erase(made, item().id, ErasureDraft(Cause.ERROR), MINT, postbox())
        assert shared(made) == []

    def test_verdict_on_a_file_that_is_harmless_is_taken_back_from_everybody(self) -> None:
        """A complaint was upheld; each item's verdict was told for itself."""
        other = item(2, file(1), url=None)
        made = book(item(1, file(1)), other)
        given = {assess(made), assess(made, Verdict.NATIONAL, one=other)}
        made.posts.clear()
        assert disprove(made, [file(1)], MINT, postbox()) == [item().id, other.id]
        told = told_iwf(made)
        assert told
        assert all(event in given and verdict is None for event, verdict, _ in told)

    def test_verdict_that_a_person_withdraws_is_taken_back_from_everybody(self) -> None:
        """What was carried over from it to another item here says nothing twice."""
        made = book(item(1, file(1)), item(2, file(1), url="https://nl2.example/"))
        given = assess(made)
        before = len(told_iwf(made))
        withdraw_verdict(made, item().id, given, MINT, postbox())
        assert told_iwf(made)[before:] == [(given, None, None)]


def test_file_that_a_report_names_for_a_judged_item_is_not_told() -> None:
    """Whoever judged it saw what stood there then; the report may lie."""
    made = book(item(1, assessments=(verdict(member=US),)), now=NOW_MS + HOUR_MS)
    sha256 = file(1).sha256
    assert sha256 is not None
    hashes = HashesDraft(sha256=sha256.hex())
    draft = ReportDraft(items=(ItemDraft(url=PLACE, hashes=hashes),), source=Source.PUBLIC)
    report = prepare_report(draft, FINGERPRINTS, made.now, "file:1")
    take_reports(made, [report], MINT, postbox())
    assert made.loaded.items[item(1).id].content
    assert not shared(made)
