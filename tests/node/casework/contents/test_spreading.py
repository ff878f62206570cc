"""What a person here says of files is told to every hotline that reads it, once, by its giver."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from keys.member import Capabilities
from keys.network import Status
from keys.registry import Registry
from keys.transfers import TRANSFER_FIELDS, Transfers, TransferTerms
from node.casework.casebook import Casebook, Postbox
from node.casework.ending.erasing import Cause, ErasureDraft, erase
from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.reading import parse
from node.casework.incoming.receiving import Judge
from node.casework.item import Informant, ItemState, Listing, Review
from node.casework.passing_on.permits import Permits
from node.casework.reports.draft import AssessmentDraft, HashesDraft, ItemDraft, ReportDraft
from node.casework.reports.intake import take_reports
from node.casework.reports.prepare import prepare_report
from node.casework.working import disprove, record_assessment, record_hashes, withdraw_verdict
from node.matching.lists import Trust
from protocol import entry as entries
from protocol.messages import Outcome, Sighted, kind_of, to_body
from protocol.verdicts import ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import ItemKind, Kind, Lane, Matter, OutcomeWhat, Reason, Source, Verdict
from tests.builders.cases import (
    FINGERPRINTS,
    HOUR_MS,
    PLACE,
    US,
    book,
    closed,
    event_id,
    file,
    ids,
    item,
    network,
    said,
    verdict,
)
from tests.builders.network import NOW_MS

MINT = ids()


def postbox(registry: Registry | None = None, *, shares: bool = True) -> Postbox:
    """Return the postbox of this member under a registry."""
    return Postbox(bytes(32), permits=Permits(US, registry or network()), shares=shares)


def shared(made: Casebook) -> list[tuple[str, ContentVerdict | ContentVerdictWithdrawn]]:
    """Return what was told of contents, to whom, on the lane for it."""
    kinds = ContentVerdict | ContentVerdictWithdrawn
    found = [(peer, message) for peer, message in said(made) if isinstance(message, kinds)]
    assert [p.peer for p in made.posts if p.lane is Lane.BULK] == [peer for peer, _ in found]
    return found


def told_iwf(made: Casebook) -> list[tuple[str, str | None, int | None]]:
    """Return what one member was told: verdicts with the file's place, and what is taken back."""
    return [
        (message.assessment.event_id, str(message.assessment.verdict), message.part)
        if isinstance(message, ContentVerdict)
        else (message.event_id, None, None)
        for peer, message in shared(made)
        if peer == "gb-iwf" and isinstance(message, ContentVerdict | ContentVerdictWithdrawn)
    ]


def assess(
    made: Casebook,
    given: Verdict = Verdict.BASELINE,
    *,
    by: Postbox | None = None,
    one: ItemState | None = None,
) -> str:
    """Let a person here judge the item; the id of the verdict."""
    reason = Reason.PASSWORD if given is Verdict.UNASSESSABLE else None
    law = "law-1" if given is Verdict.NATIONAL else None
    draft = AssessmentDraft(verdict=given, law=law, reason=reason)
    state = record_assessment(made, (one or item()).id, draft, MINT, by or postbox())
    return state.assessments[-1].event_id


def name_by_iwf(made: Casebook, number: int) -> None:
    """Let another member name a file for the item."""
    message = Sighted(item().id, None, file(number), None, child_at_risk=False)
    made_entry = entries.compose(
        bytes(32), kind_of(message), f"s{number}", 0, "gb-iwf", to_body(message)
    )
    raw = entries.encode(made_entry)
    judge = Judge(made, network(), MINT, postbox())
    arrived = Arrived("gb-iwf", Lane.REPORTS, bytes(8), 1 + number, entries.leaf(raw), raw)
    judge.judge(parse(arrived))
    judge.finish()


def test_verdict_is_told_to_every_hotline_by_each_file() -> None:
    """With its law, labels and time, and without the item or its address."""
    made = book(item(1, file(1, md5=1), file(2)))
    given = assess(made, Verdict.NATIONAL)
    assessment = next(
        one for one in made.loaded.items[item().id].assessments if one.event_id == given
    )
    expected = [
        ContentVerdict(assessment, 0, file(1, md5=1)),
        ContentVerdict(assessment, 1, file(2)),
    ]
    assert [m for peer, m in shared(made) if peer == "gb-iwf"] == expected
    assert [m for peer, m in shared(made) if peer == "fr-pdc"] == expected
    bulk = [post for post in made.posts if post.lane is Lane.BULK]
    assert all(post.item is None and item().id.encode() not in post.entry for post in bulk)
    assert b"nl1.example" not in b"".join(post.entry for post in bulk)


def test_g1_verdict_larger_than_the_network_permits_leaves_a_task() -> None:
    """The verdict itself stands; who is not told of the file is named to a person."""
    registry = network()
    limits = replace(registry.network.limits, entry_bytes=100)
    narrow = replace(registry, network=replace(registry.network, limits=limits))
    made = book(item(1, file(1)))
    assert assess(made, by=postbox(narrow))
    assert shared(made) == []
    assert {("too_large_to_say", "gb-iwf"), ("too_large_to_say", "fr-pdc")} <= set(made.tasks)


@pytest.mark.parametrize(
    "state",
    [
        item(1),
        item(1, file(1), matter=Matter.SPAM),
        item(1, file(pdq=1), kind=ItemKind.VIDEO),
    ],
    ids=["no hashes", "another matter", "a video by its picture alone"],
)
def test_what_says_nothing_of_a_file_is_not_told(state: ItemState) -> None:
    """PDQ says nothing of videos; what is not CSAM is counted."""
    made = book(state)
    assess(made)
    assert shared(made) == []


def test_verdict_on_a_video_goes_without_its_picture() -> None:
    """By its digests."""
    made = book(item(1, file(1, pdq=1), kind=ItemKind.VIDEO))
    assess(made)
    assert {m.content for _, m in shared(made) if isinstance(m, ContentVerdict)} == {file(1)}


class TestReaders:
    """Only who reads it, and may have it."""

    def test_earlier_version_is_not_disturbed(self) -> None:
        """Its document does not list the kind."""
        registry = network()
        old = tuple(int(kind) for kind in Kind if kind is not Kind.CONTENT_VERDICT)
        document = replace(registry.members["gb-iwf"], capabilities=Capabilities((1, 2), old))
        earlier = replace(registry, members={**registry.members, "gb-iwf": document})
        made = book(item(1, file(1)))
        assess(made, by=postbox(earlier))
        assert {peer for peer, _ in shared(made)} == {"fr-pdc"}

    @pytest.mark.parametrize(("status", "told"), [("suspended", True), ("expelled", False)])
    def test_word_waits_for_who_may_come_back(self, status: Status, *, told: bool) -> None:
        """Nobody would say it again; for who is gone for good nothing need wait."""
        registry = network()
        members = dict(registry.network.members)
        ended = replace(members["gb-iwf"], status=status, jurisdictions=())
        members["gb-iwf"] = ended
        registry = replace(registry, network=replace(registry.network, members=members))
        made = book(item(1, file(1)))
        assess(made, by=postbox(registry))
        assert ("gb-iwf" in {peer for peer, _ in shared(made)}) is told

    @pytest.mark.parametrize("withheld", ["content", "assessments", "basis"])
    def test_terms_that_withhold_it_leave_no_task(self, withheld: str) -> None:
        """It is as agreed; the others are told."""
        registry = network()
        fields = tuple(one for one in TRANSFER_FIELDS if one != withheld)
        basis = "none" if withheld == "basis" else "law"
        terms = Transfers(pairs={(US, "gb-iwf"): TransferTerms(basis, fields)})
        document = replace(registry.network, transfers=terms)
        made = book(item(1, file(1)))
        assess(made, by=postbox(replace(registry, network=document)))
        assert {peer for peer, _ in shared(made)} == {"fr-pdc"}
        assert made.tasks == []

    def test_hotline_that_shares_nothing_tells_nobody(self) -> None:
        """Its own setting."""
        made = book(item(1, file(1)))
        assess(made, by=postbox(shares=False))
        assert shared(made) == []

    def test_what_was_told_once_is_taken_back_by_who_shares_no_more(self) -> None:
        """Else it would stand at the others for ever."""
        made = book(item(1, file(1)))
        given = assess(made)
        withdraw_verdict(made, item().id, given, MINT, postbox(shares=False))
        assert told_iwf(made)[-1] == (given, None, None)


class TestOnce:
    """Nothing echoes, nothing is told twice."""

    def test_what_was_carried_over_is_not_told(self) -> None:
        """The giver has told it, of the item it was given on."""
        made = book(item(1, file(1)), item(2, file(1), url="https://nl2.example/"))
        assess(made)
        assert len([m for peer, m in shared(made) if peer == "gb-iwf"]) == 1

    def test_taken_back_where_it_was_carried_to_it_is_taken_back_from_all(self) -> None:
        """It is the same verdict, and whoever heard of it heard of its file."""
        made = book(item(1, file(1)), item(2, file(1), url="https://nl2.example/"))
        given = assess(made)
        withdraw_verdict(made, item(2).id, given, MINT, postbox())
        assert not any(state.assessments for state in made.loaded.items.values())
        assert told_iwf(made) == [(given, "baseline", 0), (given, None, None)]

    def test_what_follows_from_a_list_is_not_told(self) -> None:
        """Its terms may forbid it; only the person's own word goes."""
        ours = verdict(member=US, number=7)
        by_list = Listing(1, "icse", 1, "A", Trust.AUTO, police=False, verdict=ours.event_id)
        made = book(item(1, file(1), assessments=(ours,), listed=(by_list,)))
        record_hashes(made, item().id, HashesDraft(md5=f"{9:032x}"), MINT, postbox())
        assert shared(made) == []

    def test_same_verdict_again_is_told_as_a_word_of_its_own(self) -> None:
        """Of another item with the file something else may stand at the others meanwhile."""
        made = book(item(1, file(1)))
        given = [assess(made), assess(made)]
        assert told_iwf(made) == [(one, "baseline", 0) for one in given]

    def test_hashes_that_people_here_compute_later_are_told(self) -> None:
        """Of the file that they belong to, under its place, and of a new one."""
        made = book(item(1, file(1)))
        given = assess(made)
        for number, hashes in enumerate(
            (HashesDraft(sha256=f"{1:064x}", md5=f"{1:032x}"), HashesDraft(sha256=f"{2:064x}"))
        ):
            before = len(told_iwf(made))
            record_hashes(made, item().id, hashes, MINT, postbox())
            assert told_iwf(made)[before:] == [(given, "baseline", number)]
        ids_ = [post.entry_id for post in made.posts if post.lane is Lane.BULK]
        assert len(set(ids_)) == len(ids_)

    def test_hashes_that_another_member_adds_later_are_not_told(self) -> None:
        """Nobody here saw that file: it would be a verdict in our name by its word."""
        made = book(item(1, file(1), informants=(Informant("gb-iwf", item().id),)))
        assess(made)
        before = len(told_iwf(made))
        name_by_iwf(made, 2)
        state = made.loaded.items[item().id]
        assert (state.content, state.reviews) == (
            (file(1), file(2)),
            (Review.SUGGESTED_VERDICT,),
        )
        assert len(told_iwf(made)) == before

    def test_file_that_waited_is_told_once_somebody_looked(self) -> None:
        """The same verdict again is then a word on that file as well."""
        state = item(1, file(1), file(2), reviews=(Review.SUGGESTED_VERDICT,))
        given = verdict(member=US)
        made = book(msgspec.structs.replace(state, assessments=(given,)))
        assess(made)
        again = told_iwf(made)
        assert [(verdict, part) for _, verdict, part in again] == [("baseline", 0), ("baseline", 1)]
        assert given.event_id not in {event for event, _, _ in again}


class TestLook:
    """The look at a file that came late is part of the verdict with which somebody looked."""

    def judged(self) -> Casebook:
        """Return an item that was judged before another member named a file for it."""
        made = book(item(1, file(1), informants=(Informant("gb-iwf", item().id),)))
        assess(made)
        name_by_iwf(made, 2)
        return made

    def waits(self, made: Casebook) -> bool:
        """Whether the late file, and nothing else, waits for a look."""
        state = made.loaded.items[item().id]
        assert (Review.SUGGESTED_VERDICT in state.reviews) is bool(state.unseen)
        return state.unseen == (1,)

    @pytest.mark.parametrize("mistake", [Verdict.NOT_ILLEGAL, Verdict.UNASSESSABLE])
    def test_goes_with_the_verdict(self, mistake: Verdict) -> None:
        """What was said before the file came never counts of it: it waits as if never looked at."""
        made = self.judged()
        wrong = assess(made, mistake)
        before = len(told_iwf(made))
        withdraw_verdict(made, item().id, wrong, MINT, postbox())
        assert self.waits(made)
        assert [one for one in told_iwf(made)[before:] if one[2] == 1] == []

    def test_goes_with_the_verdict_to_no_other_item_of_the_file(self) -> None:
        """Nobody's item of it is known by a verdict that was given without it."""
        made = self.judged()
        withdraw_verdict(made, item().id, assess(made, Verdict.NOT_ILLEGAL), MINT, postbox())
        sha256 = file(2).sha256
        assert sha256 is not None
        draft = ItemDraft(url="https://nl3.example/", hashes=HashesDraft(sha256=sha256.hex()))
        report = ReportDraft(items=(draft,), source=Source.PUBLIC)
        prepared = prepare_report(report, FINGERPRINTS, made.now, "file:1")
        (taken,) = take_reports(made, [prepared], MINT, postbox())
        assert not made.loaded.items[taken.items[0].item_id].known

    def test_stays_while_a_later_verdict_looked_too(self) -> None:
        """Whoever judges the item sees all of its files; with the last such verdict it goes."""
        made = self.judged()
        first, second = assess(made), assess(made)
        withdraw_verdict(made, item().id, first, MINT, postbox())
        assert not self.waits(made)
        withdraw_verdict(made, item().id, second, MINT, postbox())
        assert self.waits(made)

    def test_new_look_is_part_of_the_new_verdict(self) -> None:
        """The file is told with that, and waits again once that goes, too."""
        made = self.judged()
        withdraw_verdict(made, item().id, assess(made, Verdict.NOT_ILLEGAL), MINT, postbox())
        before = len(told_iwf(made))
        given = assess(made)
        assert (given, "baseline", 1) in told_iwf(made)[before:]
        withdraw_verdict(made, item().id, given, MINT, postbox())
        assert self.waits(made)

    def test_file_that_came_while_nobody_could_assess_waits(self) -> None:
        """The verdict before counts again, and was given without that file."""
        made = book(item(1, file(1), informants=(Informant("gb-iwf", item().id),)))
        assess(made)
        unassessable = assess(made, Verdict.UNASSESSABLE)
        name_by_iwf(made, 2)
        withdraw_verdict(made, item().id, unassessable, MINT, postbox())
        assert self.waits(made)

    def test_of_a_report_that_brings_verdict_and_file_goes_with_its_verdict(self) -> None:
        """The verdict that was there before is not told of the file meanwhile either."""
        made = book(item(1), now=NOW_MS + HOUR_MS)
        first = assess(made)
        sha256 = file(1).sha256
        assert sha256 is not None
        draft = ItemDraft(
            url=PLACE,
            hashes=HashesDraft(sha256=sha256.hex()),
            assessments=(AssessmentDraft(verdict=Verdict.NOT_ILLEGAL),),
        )
        report = ReportDraft(items=(draft,), source=Source.PUBLIC)
        take_reports(
            made, [prepare_report(report, FINGERPRINTS, made.now, "file:1")], MINT, postbox()
        )
        second = made.loaded.items[item().id].assessments[-1].event_id
        assert told_iwf(made) == [(second, "not_illegal", 0)]
        withdraw_verdict(made, item().id, second, MINT, postbox())
        assert made.loaded.items[item().id].unseen == (0,)
        assert first not in {event for event, _, _ in told_iwf(made)}


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
