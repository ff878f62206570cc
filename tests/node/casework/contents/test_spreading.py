"""What a person here says of files is told to every hotline that reads it, once, by its giver."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from keys.member import Capabilities
from keys.transfers import TRANSFER_FIELDS, Transfers, TransferTerms
from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.reading import parse
from node.casework.incoming.receiving import Judge
from node.casework.item import Informant, ItemState, Listing, Review
from node.casework.reports.draft import AssessmentDraft, HashesDraft, ItemDraft, ReportDraft
from node.casework.reports.intake import take_reports
from node.casework.reports.prepare import prepare_report
from node.casework.working import record_hashes, withdraw_verdict
from node.matching.lists import Trust
from protocol import entry as entries
from protocol.messages import Sighted, kind_of, to_body
from protocol.verdicts import ContentVerdict
from protocol.vocabulary import ItemKind, Kind, Lane, Matter, Source, Urgency, Verdict
from tests.builders.cases import (
    FINGERPRINTS,
    HOUR_MS,
    PLACE,
    US,
    book,
    file,
    item,
    network,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.contents.spread import MINT, assess, postbox, shared, told_iwf

if TYPE_CHECKING:
    from keys.network import Status
    from node.casework.casebook import Casebook


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

    @pytest.mark.parametrize(
        ("stands", "suggested", "given", "urgency"),
        [
            (None, False, Verdict.BASELINE, Urgency.BULK),
            (None, False, Verdict.NOT_ILLEGAL, Urgency.BULK),
            (Verdict.BASELINE, False, Verdict.BASELINE, Urgency.BULK),
            (Verdict.BASELINE, False, Verdict.NOT_ILLEGAL, Urgency.NORMAL),
            (Verdict.NOT_ILLEGAL, False, Verdict.BASELINE, Urgency.NORMAL),
            (None, True, Verdict.BASELINE, Urgency.BULK),
            (None, True, Verdict.NOT_ILLEGAL, Urgency.NORMAL),
        ],
    )
    def test_8_7_6_what_differs_from_what_was_heard_is_urgent(
        self, stands: Verdict | None, given: Verdict, urgency: Urgency, *, suggested: bool
    ) -> None:
        """Whoever said it, also where it is only suggested here; the rest waits for more."""
        theirs = () if stands is None else (verdict(stands, member="fr-pdc"),)
        by_list = Listing(1, "member/fr-pdc", 1, "baseline", Trust.SUGGESTION, police=False)
        listed = (by_list,) if suggested else ()
        made = book(item(1, file(1), assessments=theirs, listed=listed))
        assess(made, given)
        assert {post.urgency for post in made.posts if post.lane is Lane.BULK} == {urgency}

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
