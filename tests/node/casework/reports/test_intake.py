"""Taking reports in: which line is new, which was here, which only looks new."""

from __future__ import annotations

from typing import Any

import pytest

from node.casework.events import Sighted
from node.casework.folding import evolve
from node.casework.item import Custody, ItemState, Review
from node.casework.reports.draft import (
    AccessDraft,
    AssessmentDraft,
    HashesDraft,
    ItemDraft,
    ReportDraft,
)
from node.casework.reports.intake import ReportTaken, intake_needs, take_reports
from node.casework.reports.prepare import prepare_report
from node.casework.working import withdraw_verdict
from node.ids import Ids
from protocol import messages
from protocol.vocabulary import Action, Disposition, ItemKind, Matter, Source, Verdict
from tests.builders.cases import (
    FINGERPRINTS,
    HOUR_MS,
    PLACE,
    POSTBOX,
    US,
    closed,
    file,
    handed_on,
    happened,
    ids,
    item,
    said,
    verdict,
)
from tests.builders.cases import book as casebook
from tests.builders.network import NOW_MS

SHA = file(1).sha256
HEX = "" if SHA is None else SHA.hex()


class Desk:
    """Hands reports in, one after another, into one casebook."""

    def __init__(self, *known: ItemState, now: int = NOW_MS + 2 * HOUR_MS) -> None:
        self.book = casebook(*known, now=now)
        self.ids: Ids = ids()
        self.lines = 0

    def __call__(
        self,
        url: str | None = PLACE,
        *,
        sha256: str | None = None,
        more: tuple[ItemDraft, ...] = (),
        line: str | None = None,
        **changes: Any,
    ) -> ReportTaken:
        """Hand in a line; each is another unless it has a reference or is named."""
        self.lines += 1
        facts = {
            name: changes.pop(name)
            for name in ("access", "found", "assessments", "kind")
            if name in changes
        }
        hashes = None if sha256 is None else HashesDraft(sha256=sha256)
        draft = ReportDraft(
            items=(ItemDraft(url=url, hashes=hashes, **facts), *more),
            source=changes.pop("source", Source.PUBLIC),
            **changes,
        )
        prepared = prepare_report(draft, FINGERPRINTS, self.book.now, line or f"file:{self.lines}")
        (taken,) = take_reports(self.book, [prepared], self.ids, POSTBOX)
        return taken

    def state(self, item_id: str) -> ItemState:
        """Return an item as it is now."""
        return self.book.loaded.items[item_id]


def only(taken: ReportTaken) -> tuple[str, str]:
    """Return what became of a line's only item: (id, outcome)."""
    assert len(taken.items) == 1
    return taken.items[0].item_id, taken.items[0].outcome


class TestNewLine:
    """Never seen: a new item, to be located."""

    def test_new_item_waits_to_be_located(self) -> None:
        """Nobody is responsible yet."""
        desk = Desk()
        item_id, outcome = only(desk())
        state = desk.state(item_id)
        assert outcome == "new"
        assert (state.custody, state.responsible) == (Custody.LOCATING, None)
        assert state.due_ms == desk.book.now

    def test_item_bears_the_id_of_its_finder(self) -> None:
        """Minted once, carried unchanged."""
        desk = Desk()
        item_id, _ = only(desk())
        assert item_id.startswith(US + ".")
        assert desk.state(item_id).sightings[0].sighting_id == item_id

    def test_time_of_finding_is_when_it_happened(self) -> None:
        """The other time is when we learnt it."""
        desk = Desk()
        desk(found="2026-09-21T00:00:00Z")
        assert desk.book.events[0].at_ms == 1_789_948_800_000
        assert desk.book.events[0].learnt_ms == desk.book.now

    def test_what_is_not_csam_is_counted_and_goes_nowhere(self) -> None:
        """It stays with whoever received it."""
        desk = Desk()
        item_id, _ = only(desk(matter=Matter.SPAM))
        state = desk.state(item_id)
        assert (state.custody, state.responsible, state.due_ms) == (Custody.COUNTED, US, None)

    def test_workuser_and_note_stay_in_the_report(self) -> None:
        """No item, and so no message, has a place for them."""
        desk = Desk()
        desk(workuser="worker@hotline.example", note="free text")
        assert desk.book.new_reports[0].workuser == "worker@hotline.example"
        assert b"worker@" not in repr(desk.book.loaded.items).encode()
        assert "free text" not in repr(desk.book.loaded.items)


class TestReports:
    """Lines that share a reference are items of one report."""

    def test_lines_with_one_reference_are_one_report(self) -> None:
        """It is opened once."""
        desk = Desk()
        first = desk(reference="R-1")
        second = desk("https://nl2.example/", reference="R-1")
        assert first.report_id == second.report_id
        assert len(desk.book.new_reports) == 1

    def test_same_reference_of_another_source_is_another_report(self) -> None:
        """Two helplines both begin at 1."""
        desk = Desk()
        first = desk(reference="R-1")
        assert desk(reference="R-1", source=Source.HELPLINE).report_id != first.report_id

    def test_items_of_one_draft_are_one_report_without_any_reference(self) -> None:
        """Wherever each is hosted."""
        desk = Desk()
        taken = desk(more=(ItemDraft(url="https://fr1.example/"),))
        reports = {desk.state(one.item_id).report_id for one in taken.items}
        assert reports == {taken.report_id}
        assert len(desk.book.new_reports) == 1

    def test_two_lines_without_a_reference_are_two_reports(self) -> None:
        """Even in one file."""
        desk = Desk()
        assert desk().report_id != desk("https://nl2.example/").report_id


class TestSameLine:
    """Handed in again: nothing, or a revision of the first."""

    @pytest.mark.parametrize("how", [{"reference": "R-1"}, {"line": "abc:1"}])
    def test_same_line_again_changes_nothing(self, how: dict[str, Any]) -> None:
        """Not even an event."""
        desk = Desk()
        first = desk(**how)
        before = len(desk.book.events)
        again = desk(**how)
        assert only(again) == (first.items[0].item_id, "repeated")
        assert again.report_id == first.report_id
        assert len(desk.book.events) == before

    def test_same_line_is_known_after_its_item_joined_another(self) -> None:
        """A line is not an item."""
        desk = Desk(item(1))
        first = desk(reference="R-1")
        assert only(first)[1] == "duplicate"
        assert only(desk(reference="R-1")) == (item(1).id, "repeated")

    def test_facts_that_were_missing_are_a_revision(self) -> None:
        """They are filled in."""
        desk = Desk()
        item_id, _ = only(desk(reference="R-1"))
        assert only(desk(reference="R-1", sha256=HEX)) == (item_id, "revision")
        assert desk.state(item_id).content == (file(1),)

    @pytest.mark.parametrize("looked", [False, True])
    def test_file_that_comes_after_the_verdict_waits_unless_a_verdict_comes_with_it(
        self, *, looked: bool
    ) -> None:
        """A crawler may find something else there by now, as what stands for a removed file."""
        desk = Desk()
        verdicts = (AssessmentDraft(verdict=Verdict.BASELINE),)
        item_id, _ = only(desk(reference="R-1", assessments=verdicts))
        other, _ = only(desk("https://nl9.example/9.jpg", sha256=HEX))
        again = desk(reference="R-1", sha256=HEX, assessments=verdicts if looked else ())
        assert only(again) == (item_id, "revision")
        assert desk.state(item_id).unseen == (() if looked else (0,))
        assert (Review.SUGGESTED_VERDICT in desk.state(item_id).reviews) is not looked
        assert desk.state(other).known is looked
        assert bool(desk.book.shared) is looked

    def test_revision_follows_an_item_that_was_handed_on(self) -> None:
        """Its holder needs the facts."""
        desk = Desk()
        item_id, _ = only(desk(reference="R-1"))
        desk.book.loaded.items[item_id] = handed_on(desk.state(item_id))
        desk(reference="R-1", access=AccessDraft(password="x"))
        (to, message) = said(desk.book)[0]
        assert isinstance(message, messages.Sighted)
        assert (to, message.sighting) == ("fr-pdc", None)
        assert message.access is not None

    def test_child_found_to_be_at_risk_is_a_revision(self) -> None:
        """Urgency only rises, and its holder hears at once."""
        desk = Desk()
        item_id, _ = only(desk(reference="R-1"))
        desk.book.loaded.items[item_id] = handed_on(desk.state(item_id))
        assert only(desk(reference="R-1", child_at_risk=True))[1] == "revision"
        assert desk.state(item_id).child_at_risk
        assert [post.urgency for post in desk.book.posts] == [0]
        assert only(desk(reference="R-1"))[1] == "repeated"
        assert desk.state(item_id).child_at_risk

    def test_verdict_that_came_later_is_a_revision(self) -> None:
        """Given once, however often the line comes."""
        desk = Desk()
        verdicts = (AssessmentDraft(verdict=Verdict.BASELINE),)
        item_id, _ = only(desk(reference="R-1"))
        assert only(desk(reference="R-1", assessments=verdicts))[1] == "revision"
        assert only(desk(reference="R-1", assessments=verdicts))[1] == "repeated"
        assert len(desk.state(item_id).assessments) == 1

    @pytest.mark.parametrize("how", [{"reference": "R-1"}, {"line": "abc:1"}])
    @pytest.mark.parametrize("without", [0, 1], ids=["with the first", "with a later one"])
    def test_verdict_that_was_taken_back_does_not_come_again_with_its_line(
        self, how: dict[str, Any], without: int
    ) -> None:
        """A file that is handed in each night would undo what a person mended by day."""
        desk = Desk()
        verdicts = (AssessmentDraft(verdict=Verdict.BASELINE),)
        for _ in range(without):
            desk(**how)
        item_id, _ = only(desk(assessments=verdicts, **how))
        given = desk.state(item_id).assessments[0].event_id
        withdraw_verdict(desk.book, item_id, given, desk.ids, POSTBOX)
        assert only(desk(assessments=verdicts, **how)) == (item_id, "repeated")
        assert desk.state(item_id).assessments == ()

    def test_verdict_that_was_taken_back_does_not_come_again_after_a_loss(self) -> None:
        """Which line an item came of is forgotten, and what was said of it is not."""
        desk = Desk()
        verdicts = (AssessmentDraft(verdict=Verdict.BASELINE),)
        item_id, _ = only(desk(reference="R-1", assessments=verdicts))
        given = desk.state(item_id).assessments[0].event_id
        withdraw_verdict(desk.book, item_id, given, desk.ids, POSTBOX)
        desk.book.loaded.lines.clear()
        assert only(desk(reference="R-1", assessments=verdicts)) == (item_id, "duplicate")
        assert desk.state(item_id).assessments == ()

    def test_other_word_under_the_same_line_is_a_verdict_of_its_own(self) -> None:
        """Somebody looked again, and says when."""
        desk = Desk()
        early = AssessmentDraft(verdict=Verdict.BASELINE, at="2026-09-20T10:00:00Z")
        late = AssessmentDraft(verdict=Verdict.BASELINE, at="2026-09-21T10:00:00Z")
        item_id, _ = only(desk(reference="R-1", assessments=(early,)))
        given = desk.state(item_id).assessments[0].event_id
        withdraw_verdict(desk.book, item_id, given, desk.ids, POSTBOX)
        assert only(desk(reference="R-1", assessments=(late,)))[1] == "revision"

    @pytest.mark.parametrize("how", [{"reference": "R-1"}, {"line": "abc:1"}])
    @pytest.mark.parametrize("order", [(Matter.SPAM, Matter.CSAM), (Matter.CSAM, Matter.SPAM)])
    def test_line_of_another_matter_is_an_item_of_its_own(
        self, how: dict[str, Any], order: tuple[Matter, Matter]
    ) -> None:
        """What was counted by mistake, and is CSAM, has to go to somebody."""
        desk = Desk()
        first, second = (only(desk(matter=matter, **how)) for matter in order)
        assert [outcome for _, outcome in (first, second)] == ["new", "new"]
        assert [desk.state(one).matter for one, _ in (first, second)] == [*order]
        before = len(desk.book.events)
        for matter, (item_id, _) in zip(order, (first, second), strict=True):
            assert only(desk(matter=matter, **how)) == (item_id, "repeated")
        assert len(desk.book.events) == before
        assert sorted(desk.book.loaded.lines.values()) == sorted([first[0], second[0]])

    def test_verdicts_on_two_items_of_one_line_are_two(self) -> None:
        """An id is unique in the network: who takes one back leaves the other."""
        desk = Desk()
        for matter in (Matter.SPAM, Matter.CSAM):
            desk(matter=matter, reference="R-1", assessments=(AssessmentDraft(Verdict.BASELINE),))
        given = [one.assessments[0].event_id for one in desk.book.loaded.items.values()]
        assert len(set(given)) == 2

    @pytest.mark.parametrize("how", [{"reference": "R-1"}, {"line": "abc:1"}])
    def test_line_that_an_earlier_release_counted_is_known_by_its_matter(
        self, how: dict[str, Any]
    ) -> None:
        """It knew such a line without the matter."""
        desk = Desk()
        counted, _ = only(desk(matter=Matter.SPAM, **how))
        plain = Desk()
        plain(**how)
        ((line, _),) = plain.book.loaded.lines.items()
        desk.book.loaded.lines = {line: counted}
        assert only(desk(matter=Matter.SPAM, **how)) == (counted, "repeated")
        routed, outcome = only(desk(**how))
        assert (outcome, desk.state(routed).custody) == ("new", Custody.LOCATING)
        assert only(desk(**how)) == (routed, "repeated")
        assert only(desk(matter=Matter.SPAM, **how)) == (counted, "repeated")
        assert sorted(desk.book.loaded.lines.values()) == sorted([counted, routed])

    def test_line_whose_item_was_erased_is_a_new_one(self) -> None:
        """The fingerprint tells that it was there."""
        desk = Desk()
        item_id, _ = only(desk(reference="R-1"))
        del desk.book.loaded.items[item_id]
        again, outcome = only(desk(reference="R-1"))
        assert (again != item_id, outcome) == (True, "new")

    def test_second_of_two_equal_lines_in_one_batch_meets_the_first(self) -> None:
        """Nothing of it is in the store yet."""
        desk = Desk()
        first = desk(reference="R-1")
        assert only(desk(reference="R-1"))[0] == only(first)[0]


class TestSightings:
    """The same place under another reference: one more observation."""

    def test_second_report_is_a_sighting_of_the_first(self) -> None:
        """Its time and source are kept."""
        desk = Desk()
        first, _ = only(desk(reference="R-1"))
        again = desk(reference="R-2", source=Source.HELPLINE)
        assert only(again) == (first, "duplicate")
        assert again.items[0].same_as == first
        assert [s.source for s in desk.state(first).sightings] == [Source.PUBLIC, Source.HELPLINE]

    def test_sighting_of_what_was_handed_on_goes_along_the_chain(self) -> None:
        """With all that this report brings."""
        desk = Desk(handed_on(item(1)))
        desk(sha256=HEX, access=AccessDraft(referrer="https://nl1.example/"))
        (to, message) = said(desk.book)[0]
        assert isinstance(message, messages.Sighted)
        assert (to, message.content) == ("fr-pdc", file(1))
        assert message.sighting is not None
        assert message.sighting.member == US
        assert message.access is not None

    def test_sighting_of_what_is_here_is_told_to_nobody(self) -> None:
        """Only outcomes are."""
        desk = Desk(item(1))
        desk()
        assert said(desk.book) == []

    def test_alarm_in_a_second_report_makes_the_item_urgent(self) -> None:
        """And nothing takes it back."""
        desk = Desk(item(1))
        desk(child_at_risk=True)
        desk()
        assert desk.state(item(1).id).urgency == 0

    @pytest.mark.parametrize(
        ("by", "review"),
        [
            (Action.REMOVED, Review.PERHAPS_BACK),
            (Action.NOT_ILLEGAL, Review.NOT_ILLEGAL_DOUBTED),
        ],
    )
    def test_alarm_about_what_was_closed_is_looked_at_whatever_the_table_says(
        self, by: Action, review: Review
    ) -> None:
        """Found before it was gone, or only counted: nobody else would hear of the child."""
        desk = Desk(closed(item(1, file(1)), by))
        desk(sha256=HEX, found="2026-09-21T00:00:00Z")
        assert desk.state(item(1).id).reviews == ()
        desk(sha256=HEX, found="2026-09-21T00:00:00Z", child_at_risk=True)
        assert desk.state(item(1).id).reviews == (review,)

    def test_report_of_what_was_removed_puts_it_in_front_of_a_person(self) -> None:
        """Found after the end."""
        desk = Desk(closed(item(1)))
        desk(found="2026-09-21T15:13:21Z")
        state = desk.state(item(1).id)
        assert state.review is Review.PERHAPS_BACK
        assert state.closed_ms is not None

    def test_alias_keeps_its_address_and_is_found_by_it(self) -> None:
        """The third report, of that address alone, joins by it."""
        desk = Desk(item(1, file(1)))
        alias = PLACE + "?size=large"
        assert only(desk(alias, sha256=HEX)) == (item(1).id, "duplicate")
        assert desk.state(item(1).id).also_at[0].canonical == alias
        assert only(desk(alias)) == (item(1).id, "duplicate")

    def test_line_that_joined_an_item_at_another_address_is_one_line(self) -> None:
        """As many are kept as the history tells of, or `verify` takes them for planted."""
        desk = Desk(item(1, file(1)))
        for outcome in ("duplicate", "repeated", "repeated"):
            assert only(desk(PLACE + "?b=2", sha256=HEX, line="abc:1")) == (item(1).id, outcome)
        assert only(desk("https://nl7.example/", line="abc:1"))[1] == "new"
        assert only(desk("https://nl7.example/", line="abc:1"))[1] == "repeated"
        assert happened(desk.book) == ["sighted", "recorded"]
        assert len(desk.book.loaded.lines) == 2

    def test_sightings_of_one_item_have_ids_of_their_own(self) -> None:
        """They can be withdrawn one by one."""
        desk = Desk(item(1))
        desk()
        desk()
        seen = [s.sighting_id for s in desk.state(item(1).id).sightings]
        assert len(set(seen)) == 3

    def test_outcome_of_the_table_is_recorded(self) -> None:
        """The change feed tells it."""
        desk = Desk(closed(item(1, file(1)), Action.NOT_ILLEGAL))
        desk(sha256=HEX)
        body = desk.book.events[0].body
        assert isinstance(body, Sighted)
        assert body.outcome is Disposition.COUNTED


class TestKnownContent:
    """Known content at a new place."""

    KNOWN = item(1, file(1), url="https://nl2.example/a.jpg", assessments=(verdict(),))

    def test_verdict_comes_with_the_content_and_says_from_whom(self) -> None:
        """A new item nevertheless."""
        desk = Desk(self.KNOWN)
        taken = desk(sha256=HEX)
        state = desk.state(taken.items[0].item_id)
        assert (taken.items[0].outcome, taken.items[0].same_as) == ("known", self.KNOWN.id)
        assert state.assessments == self.KNOWN.assessments

    def test_suggested_verdict_is_not_recorded(self) -> None:
        """An analyst confirms it first."""
        foreign = item(
            1,
            file(1),
            url="https://nl2.example/a.jpg",
            assessments=(verdict(Verdict.NATIONAL, "fr-pdc"),),
        )
        desk = Desk(foreign)
        state = desk.state(only(desk(sha256=HEX))[0])
        assert state.assessments == ()
        assert state.review is Review.SUGGESTED_VERDICT

    def test_verdicts_that_contradict_each_other_go_to_a_person(self) -> None:
        """Both are carried over."""
        ours = item(
            2,
            file(1),
            url="https://nl3.example/a.jpg",
            assessments=(verdict(Verdict.NOT_ILLEGAL, US, 5),),
        )
        desk = Desk(self.KNOWN, ours)
        state = desk.state(only(desk(sha256=HEX))[0])
        assert len(state.assessments) == 2
        assert state.review is Review.VERDICTS_DIFFER

    def test_replaced_item_says_so_if_it_is_ours_and_open(self) -> None:
        """Its content is perhaps gone."""
        desk = Desk(item(1, file(9)))
        new, outcome = only(desk(sha256=HEX))
        assert outcome == "new"
        assert desk.state(item(1).id).review is Review.REPLACED
        assert desk.state(new).review is None

    @pytest.mark.parametrize("other", [handed_on(item(1, file(9))), closed(item(1, file(9)))])
    def test_replaced_item_of_another_or_closed_is_left_alone(self, other: ItemState) -> None:
        """Its holder judges for itself; a closed one is gone already."""
        desk = Desk(other)
        desk(sha256=HEX)
        assert desk.state(other.id).reviews == ()

    def test_verdict_handed_in_with_a_line_spreads_to_the_same_content(self) -> None:
        """Nobody views it twice, at whatever address it was found first."""
        unjudged = item(1, file(1), url="https://nl2.example/a.jpg")
        desk = Desk(unjudged)
        desk(sha256=HEX, assessments=(AssessmentDraft(verdict=Verdict.BASELINE),))
        assert [a.member for a in desk.state(unjudged.id).assessments] == [US]


class TestUnseenFile:
    """A report names a file for an item that was judged before anybody knew its hashes."""

    def judged(self, **changes: Any) -> Desk:
        """Return a desk with an item without hashes that a person here judged."""
        return Desk(item(1, assessments=(verdict(member=US),), **changes))

    def test_person_looks_whether_it_is_what_was_judged(self) -> None:
        """Something else may stand there by now, or the report may lie."""
        desk = self.judged()
        desk(sha256=HEX)
        assert desk.book.loaded.items[item(1).id].reviews == (Review.SUGGESTED_VERDICT,)

    def test_verdict_does_not_go_with_it_to_another_place(self) -> None:
        """Else anybody makes any file known as illegal."""
        desk = self.judged()
        desk(sha256=HEX)
        other = desk("https://nl9.example/9.jpg", sha256=HEX).items[0].item_id
        assert desk.book.loaded.items[other].assessments == ()

    def test_verdict_of_a_person_lets_it_go(self) -> None:
        """That somebody who knows the hashes judges is the look that it waited for."""
        desk = self.judged()
        desk(sha256=HEX, assessments=(AssessmentDraft(verdict=Verdict.BASELINE),))
        other = desk("https://nl9.example/9.jpg", sha256=HEX).items[0].item_id
        assert desk.book.loaded.items[other].known

    def test_same_file_again_is_nothing_to_look_at(self) -> None:
        """It is what was judged."""
        desk = Desk(item(1, file(1), assessments=(verdict(member=US),)))
        desk(sha256=HEX)
        assert desk.book.loaded.items[item(1).id].reviews == ()

    def test_item_that_nobody_judged_just_gets_its_hashes(self) -> None:
        """There is no verdict that could go astray."""
        desk = Desk(item(1))
        desk(sha256=HEX)
        assert desk.book.loaded.items[item(1).id].reviews == ()

    def test_item_that_went_on_is_looked_at_where_it_is(self) -> None:
        """The file goes along the chain with the sighting."""
        desk = Desk(handed_on(item(1, assessments=(verdict(member=US),))))
        desk(sha256=HEX)
        assert desk.book.loaded.items[item(1).id].reviews == ()


class TestWithoutAPlace:
    """A report of hashes alone."""

    def test_same_hashes_without_a_place_are_one_item(self) -> None:
        """Two references, one picture."""
        desk = Desk()
        first, _ = only(desk(None, sha256=HEX, reference="R-1"))
        assert only(desk(None, sha256=HEX, reference="R-2")) == (first, "duplicate")

    def test_other_hashes_without_a_place_are_another_item(self) -> None:
        """Nothing joins them but that both lack a place."""
        desk = Desk()
        first, _ = only(desk(None, sha256=HEX))
        assert only(desk(None, sha256="9" * 64))[0] != first


def test_needs_name_everything_that_a_decision_looks_at() -> None:
    """What is not loaded is not found, and a duplicate would come in as new."""
    hashes = HashesDraft(sha256=HEX, sha1="1" * 40, md5="2" * 32)
    draft = ReportDraft(
        items=(ItemDraft(url=PLACE, hashes=hashes), ItemDraft(url="https://nl2.example/")),
        source=Source.PUBLIC,
        reference="R-1",
    )
    report = prepare_report(draft, FINGERPRINTS, NOW_MS, "file:1")
    needs = intake_needs([report], FINGERPRINTS)
    assert needs.references == {(Source.PUBLIC, "R-1")}
    assert needs.lines == {one.line for one in report.items}
    assert len(needs.keys) == 5


def test_needs_name_lines_by_their_matter_and_as_earlier_releases_knew_them() -> None:
    """Else what was counted before would be counted again."""
    draft = ReportDraft(items=(ItemDraft(url=PLACE),), source=Source.PUBLIC, matter=Matter.SPAM)
    report = prepare_report(draft, FINGERPRINTS, NOW_MS, "file:1")
    lines = {report.items[0].line, report.items[0].line_here}
    needs = intake_needs([report], FINGERPRINTS)
    assert needs.lines == lines | {(one or b"") + b"\0spam" for one in lines}


def test_everything_that_is_recorded_can_be_folded_again() -> None:
    """The states in the casebook are those of its events."""
    desk = Desk()
    desk(reference="R-1", kind=ItemKind.PAGE)
    desk(reference="R-2", sha256=HEX)
    desk(PLACE + "?x", sha256=HEX, child_at_risk=True)
    states: dict[str, ItemState] = {}
    for event in desk.book.events:
        states[event.item] = evolve(states.get(event.item), event)
    assert happened(desk.book) == ["recorded", "sighted", "facts", "sighted"]
    assert states == desk.book.loaded.items
