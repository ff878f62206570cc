"""What analysts record: verdicts, actions, later facts; and who may."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from node.casework.casebook import Casebook
from node.casework.contents.rejudging import bring_verdicts
from node.casework.errors import (
    BeingLocatedError,
    DraftRejectedError,
    ItemClosedError,
    NotResponsibleError,
    UnknownItemError,
)
from node.casework.item import Custody, Informant, ItemState, Review
from node.casework.passing_on.routing import HOP_CAP, Forwarding, place
from node.casework.places.again import FOR_PEOPLE
from node.casework.reports.draft import (
    ActionDraft,
    AssessmentDraft,
    HashesDraft,
    ItemDraft,
    ReportDraft,
)
from node.casework.reports.intake import take_reports
from node.casework.reports.prepare import prepare_report
from node.casework.working import record_action, record_assessment, record_hashes
from protocol.facts import Hop, Sighting
from protocol.fields import MAX_HOPS
from protocol.messages import Outcome, Sighted
from protocol.vocabulary import Action, ItemKind, OutcomeWhat, Source, Verdict
from tests.builders.cases import (
    FINGERPRINTS,
    HOUR_MS,
    OTHER_PLACE,
    PLACE,
    POSTBOX,
    US,
    book,
    closed,
    country,
    event_id,
    file,
    handed_on,
    happened,
    ids,
    item,
    network,
    said,
    verdict,
)
from tests.builders.network import NOW_MS

ITEM = item(1).id
REPORTED = item(1, informants=(Informant("gb-iwf", ITEM),))
LOCATING = item(1, custody=Custody.LOCATING, responsible=None, due_ms=NOW_MS + 9)
HEX = "00" * 31 + "01"


def assess(made: Casebook, given: Verdict = Verdict.BASELINE, item_id: str = ITEM) -> ItemState:
    """Record a verdict of ours."""
    law = "law-1" if given is Verdict.NATIONAL else None
    return record_assessment(made, item_id, AssessmentDraft(verdict=given, law=law), ids(), POSTBOX)


def clock(at_ms: int) -> str:
    """Return a time as a case system writes it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()


def act(
    made: Casebook, action: Action, country: str | None = None, at: str | None = None
) -> ItemState:
    """Record an action of ours."""
    draft = ActionDraft(action=action, country=country, at=at)
    return record_action(made, ITEM, draft, Forwarding(network(), ids(), POSTBOX))


class TestOrder:
    """The latest word of an author counts, so what it says later is later."""

    def test_correction_under_a_slower_clock_is_in_force(self) -> None:
        """The clock was ahead when the first was given."""
        ahead = verdict(member=US, at_ms=NOW_MS + 60_000)
        made = book(item(1, assessments=(ahead,)))
        state = assess(made, Verdict.NOT_ILLEGAL)
        assert [str(one.verdict) for one in state.in_force] == ["not_illegal"]
        assert state.assessments[-1].at_ms == ahead.at_ms + 1

    def test_correction_that_gives_an_earlier_time_is_in_force(self) -> None:
        """The history has the time that the person said."""
        made = book(item(1, file(1)), item(2, file(1), url=OTHER_PLACE))
        mint = ids()
        record_assessment(made, ITEM, AssessmentDraft(verdict=Verdict.BASELINE), mint, POSTBOX)
        draft = AssessmentDraft(verdict=Verdict.NOT_ILLEGAL, at="2020-01-01T00:00:00Z")
        state = record_assessment(made, item(2).id, draft, mint, POSTBOX)
        assert [str(one.verdict) for one in state.in_force] == ["not_illegal"]
        assert 1_577_836_800_000 in [event.at_ms for event in made.events]

    def test_item_that_looks_new_has_its_word_after_those_on_its_file(self) -> None:
        """Whoever knows the file alone compares no items."""
        ahead = verdict(member=US, at_ms=NOW_MS + 60_000)
        other = item(2, file(1), url=OTHER_PLACE, assessments=(ahead,))
        state = assess(book(item(1, file(1)), other), Verdict.NOT_ILLEGAL)
        assert [one.at_ms for one in state.in_force] == [ahead.at_ms + 1]

    def test_words_of_others_move_no_time(self) -> None:
        """Each author has its own order."""
        ahead = verdict(at_ms=NOW_MS + 60_000)
        state = assess(book(item(1, assessments=(ahead,))))
        assert state.assessments[-1].at_ms == NOW_MS


class TestActions:
    """Only the responsible member acts."""

    def test_action_is_recorded_and_told_to_who_reported(self) -> None:
        """With the time it happened."""
        made = book(REPORTED)
        state = act(made, Action.REMOVED, at="2026-09-21T10:00:00Z")
        assert state.closed_ms == 1_789_984_800_000
        ((to, message),) = said(made)
        assert isinstance(message, Outcome)
        assert (to, message.what, message.at_ms) == ("gb-iwf", OutcomeWhat.ACTED, state.closed_ms)

    @pytest.mark.parametrize(
        "state",
        [
            handed_on(item(1)),
            item(1, custody=Custody.COUNTED),
        ],
        ids=["handed on", "only counted"],
    )
    def test_nobody_acts_on_what_is_not_theirs(self, state: ItemState) -> None:
        """They may add an assessment instead."""
        made = book(state)
        with pytest.raises(NotResponsibleError):
            act(made, Action.REMOVED)
        assert made.events == []

    def test_what_can_wait_waits_until_it_is_known_whose_the_item_is(self) -> None:
        """A notice from here may be another member's to give."""
        made = book(LOCATING)
        for action in set(Action) - {Action.LEA_NOTIFIED, Action.MOVED}:
            with pytest.raises((BeingLocatedError, DraftRejectedError)):
                act(made, action)
        assert made.events == []

    def test_police_are_told_while_nothing_answers_for_the_place(self) -> None:
        """The item is ours from then on, and is looked for as before."""
        made = book(LOCATING)
        state = act(made, Action.LEA_NOTIFIED)
        assert happened(made) == ["kept", "acted"]
        assert (state.custody, state.responsible, state.due_ms) == (Custody.HERE, US, NOW_MS + 9)
        place(made, ITEM, country("FR"), None, Forwarding(network(), ids(), POSTBOX))
        assert made.loaded.items[ITEM].responsible == "fr-pdc"

    def test_a_person_says_where_it_is_while_nothing_answers(self) -> None:
        """It goes there at once."""
        made = book(LOCATING)
        assert act(made, Action.MOVED, "FR").responsible == "fr-pdc"
        assert happened(made) == ["kept", "acted", "handed_on"]

    def test_unknown_item_is_said_to_be_unknown(self) -> None:
        """Not silently created."""
        with pytest.raises(UnknownItemError):
            act(book(), Action.REMOVED)

    def test_closed_item_is_not_moved(self) -> None:
        """What is gone is nowhere; it has to be seen again first."""
        with pytest.raises(ItemClosedError):
            act(book(closed(item(1))), Action.MOVED, "FR")

    @pytest.mark.parametrize("action", [Action.UNAVAILABLE, Action.SEEN_ONLINE, Action.NOT_ILLEGAL])
    def test_author_corrects_a_closure(self, action: Action) -> None:
        """Any of its own (rule 3)."""
        state = act(book(closed(item(1))), action)
        assert state.closed_by is (None if action is Action.SEEN_ONLINE else action)

    def test_moved_item_goes_to_the_country_that_the_analyst_names(self) -> None:
        """With the whole chain, at once."""
        made = book(REPORTED)
        state = act(made, Action.MOVED, "FR")
        assert (state.custody, state.responsible) == (Custody.HANDED_ON, "fr-pdc")
        assert happened(made) == ["acted", "handed_on"]

    def test_holder_that_reported_it_before_hears_verdicts_under_both_ids(self) -> None:
        """It need not have joined what it reported and what it was handed."""
        reporter = Informant("fr-pdc", event_id(2, "fr-pdc"))
        made = book(handed_on(item(1, informants=(reporter,))))
        assess(made)
        told = [(to, m.item_id) for to, m in said(made) if isinstance(m, Outcome)]
        assert told == [("fr-pdc", reporter.item_id), ("fr-pdc", ITEM)]

    def test_moved_item_without_a_country_is_located_again(self) -> None:
        """By the node, and is ours until then."""
        state = act(book(REPORTED), Action.MOVED)
        assert (state.custody, state.responsible, state.due_ms) == (Custody.LOCATING, US, NOW_MS)

    def test_item_that_would_move_back_to_its_finder_stays_for_a_person(self) -> None:
        """The chain has been there."""
        state = act(book(REPORTED), Action.MOVED, "GB")
        assert (state.custody, state.review) == (Custody.HERE, Review.CAME_BACK)

    @pytest.mark.parametrize(
        ("hops", "custody", "reviews"),
        [
            (HOP_CAP, Custody.HANDED_ON, ()),
            (MAX_HOPS - 1, Custody.HANDED_ON, ()),
            (MAX_HOPS, Custody.HERE, (Review.CANNOT_BE_SENT,)),
        ],
    )
    def test_person_hands_on_what_was_handed_on_too_often_for_machines(
        self, hops: int, custody: Custody, reviews: tuple[Review, ...]
    ) -> None:
        """Content that moves every few days is somebody's; what a chain holds is the end."""
        between = [Hop(f"aa-m{n}x", NOW_MS) for n in range(hops - 1)]
        chain = (Hop("gb-iwf", NOW_MS), *between, Hop(US, NOW_MS))
        made = book(item(1, hops=chain, reviews=(Review.HOP_CAP,)))
        state = act(made, Action.MOVED, "FR")
        assert (state.custody, state.reviews) == (custody, reviews)

    @pytest.mark.parametrize("when", ["2099-01-01T00:00:00Z", "1999-01-01T00:00:00Z"])
    def test_action_outside_of_time_is_rejected(self, when: str) -> None:
        """Clocks are facts."""
        with pytest.raises(DraftRejectedError):
            act(book(item(1)), Action.REMOVED, at=when)

    def test_action_answers_why_the_item_stood_in_front_of_a_person(self) -> None:
        """But not what only a verdict answers."""
        waiting = item(1, reviews=(Review.PERHAPS_BACK, Review.SUGGESTED_VERDICT))
        assert act(book(waiting), Action.SEEN_ONLINE).reviews == (Review.SUGGESTED_VERDICT,)

    @pytest.mark.parametrize(
        "action", [Action.LEA_NOTIFIED, Action.SEEN_ONLINE, Action.INACCESSIBLE]
    )
    @pytest.mark.parametrize("review", sorted(FOR_PEOPLE | {Review.LOCATION_UNCERTAIN}))
    def test_who_tells_police_or_checks_has_not_decided_whose_it_is(
        self, action: Action, review: Review
    ) -> None:
        """Systems do so of each item by themselves; who gives notice knows where it is."""
        made = book(item(1, reviews=(review,)))
        assert act(made, action).reviews == (review,)
        assert act(made, Action.HOST_NOTIFIED).reviews == ()


class TestPerhapsBack:
    """A closed item was reported again: only a look says whether it is there."""

    WAITING = closed(msgspec.structs.replace(REPORTED, reviews=(Review.PERHAPS_BACK,)))

    def test_item_that_another_saw_meanwhile_is_not_opened_twice(self) -> None:
        """All have heard that it is open."""
        seen = msgspec.structs.replace(self.WAITING, closed_ms=None, closed_by=None)
        made = book(seen)
        assert act(made, Action.INACCESSIBLE).reviews == ()
        told = [message for _, message in said(made) if isinstance(message, Outcome)]
        assert [one.what for one in told] == [OutcomeWhat.ACTED]

    def test_item_that_cannot_be_checked_is_open_again(self) -> None:
        """`inaccessible` is not final: nobody would look at it any more (rule 3)."""
        made = book(self.WAITING)
        state = act(made, Action.INACCESSIBLE)
        assert (state.closed_ms, state.closed_by, state.reviews) == (None, None, ())
        told = [message for _, message in said(made) if isinstance(message, Outcome)]
        assert [one.what for one in told] == [OutcomeWhat.ACTED, OutcomeWhat.REOPENED]
        assert len({one.event_id for one in told}) == 2

    def test_closed_item_that_nobody_told_of_stays_closed_when_a_check_fails(self) -> None:
        """A site that answers with an error is not back by that."""
        assert act(book(closed(REPORTED)), Action.INACCESSIBLE).closed_by is Action.REMOVED

    def test_referral_is_no_look(self) -> None:
        """Police may know it; whether it is there is still to be seen."""
        state = act(book(self.WAITING), Action.LEA_NOTIFIED)
        assert (state.closed_by, state.reviews) == (Action.REMOVED, (Review.PERHAPS_BACK,))

    @pytest.mark.parametrize("action", [Action.REMOVED, Action.UNAVAILABLE])
    def test_item_that_was_found_after_it_was_gone_is_looked_at_whatever_came_first(
        self, action: Action
    ) -> None:
        """The action was recorded hours later, and the report had come meanwhile."""
        later = Sighting(event_id(70), US, Source.PUBLIC, NOW_MS + 2 * HOUR_MS)
        made = book(item(1, sightings=(*REPORTED.sightings, later)), now=NOW_MS + 3 * HOUR_MS)
        state = act(made, action, at=clock(NOW_MS + HOUR_MS))
        assert (state.closed_ms, state.review) == (NOW_MS + HOUR_MS, Review.PERHAPS_BACK)
        made.now += 1
        assert act(made, action).review is None

    def test_item_that_was_seen_after_it_was_gone_is_looked_at_whatever_came_first(self) -> None:
        """A check of noon, and the removal of the morning recorded in the evening."""
        made = book(REPORTED, now=NOW_MS + 3 * HOUR_MS)
        act(made, Action.SEEN_ONLINE, at=clock(NOW_MS + 2 * HOUR_MS))
        made.now += 1
        assert act(made, Action.REMOVED, at=clock(NOW_MS + HOUR_MS)).review is Review.PERHAPS_BACK

    def test_rule_3_look_of_before_it_was_gone_opens_nothing_and_is_no_look(self) -> None:
        """A check of the morning, recorded in the evening: it was gone at noon."""
        made = book(self.WAITING, now=NOW_MS + HOUR_MS)
        state = act(made, Action.SEEN_ONLINE, at=clock(NOW_MS - HOUR_MS))
        assert (state.closed_by, state.reviews) == (Action.REMOVED, (Review.PERHAPS_BACK,))
        assert state.last_seen_online_ms == NOW_MS - HOUR_MS
        assert act(made, Action.SEEN_ONLINE, at=clock(NOW_MS + HOUR_MS)).closed_by is None

    def test_what_was_gone_by_a_clock_ahead_of_ours_is_opened_for_all(self) -> None:
        """Whoever hears of it later by a clock of its own cannot tell that it was so."""
        made = book(closed(REPORTED, when_ms=NOW_MS + HOUR_MS))
        assert act(made, Action.SEEN_ONLINE).closed_by is None
        told = [message for _, message in said(made) if isinstance(message, Outcome)]
        assert [one.what for one in told] == [OutcomeWhat.ACTED, OutcomeWhat.REOPENED]

    def test_sighting_from_the_future_keeps_nothing_before_a_person(self) -> None:
        """A wrong clock says nothing of before and after."""
        ahead = Sighting(event_id(70), US, Source.PUBLIC, NOW_MS + 2 * HOUR_MS)
        made = book(item(1, sightings=(*REPORTED.sightings, ahead)))
        assert act(made, Action.REMOVED).review is None


class TestNotIllegalDoubted:
    """What was closed as not illegal, and is held illegal since, stands before a person."""

    CLOSED = closed(item(1), Action.NOT_ILLEGAL)

    def test_own_verdict_that_it_is_illegal_waits_for_an_action(self) -> None:
        """A verdict opens nothing, and each report of it would only be counted."""
        made = book(self.CLOSED)
        for _ in range(2):
            made.now += 1
            state = assess(made)
            assert (state.closed_by, state.reviews) == (
                Action.NOT_ILLEGAL,
                (Review.NOT_ILLEGAL_DOUBTED,),
            )
        assert act(made, Action.SEEN_ONLINE).reviews == ()

    def test_item_that_is_closed_against_the_own_verdict_waits_for_another_verdict(self) -> None:
        """Every hotline still hears that it is illegal, and hosting companies are told so."""
        made = book(item(1))
        assess(made)
        for _ in range(2):
            made.now += 1
            state = act(made, Action.NOT_ILLEGAL)
            assert (state.closed_by, state.review) == (
                Action.NOT_ILLEGAL,
                Review.NOT_ILLEGAL_DOUBTED,
            )
        made.now += 1
        assert assess(made, Verdict.NOT_ILLEGAL).reviews == ()

    def test_item_that_is_closed_against_the_verdict_of_another_is_closed(self) -> None:
        """That is for each member to say."""
        made = book(item(1, assessments=(verdict(),)))
        assert act(made, Action.NOT_ILLEGAL).reviews == ()

    def test_own_correction_answers_it(self) -> None:
        """It was right to close it."""
        made = book(self.CLOSED)
        assess(made)
        made.now += 1
        assert assess(made, Verdict.NOT_ILLEGAL).reviews == ()

    def test_verdict_that_comes_with_the_content_is_looked_at(self) -> None:
        """Somebody abroad judged the file at another place."""
        other = item(2, file(1), url=OTHER_PLACE)
        made = book(closed(item(1, file(1)), Action.NOT_ILLEGAL), other)
        assess(made, item_id=other.id)
        assert made.loaded.items[ITEM].reviews == (Review.NOT_ILLEGAL_DOUBTED,)

    @pytest.mark.parametrize(
        "state",
        [closed(item(1)), handed_on(CLOSED), item(1)],
        ids=["gone", "who has it looks", "open"],
    )
    def test_no_other_item_is_doubted(self, state: ItemState) -> None:
        """It is looked at anyhow, or is nothing to look at."""
        assert assess(book(state)).reviews == ()


class TestAssessments:
    """Anybody assesses, wherever the item is."""

    def test_verdict_on_a_handed_on_item_goes_to_its_holder(self) -> None:
        """And to everybody who reported it."""
        made = book(handed_on(REPORTED))
        assess(made)
        assert [to for to, _ in said(made)] == ["gb-iwf", "fr-pdc"]

    @pytest.mark.parametrize(
        ("waiting", "left"),
        [
            ((Review.SUGGESTED_VERDICT,), ()),
            ((Review.NOT_ILLEGAL_DOUBTED, Review.PERHAPS_BACK), (Review.PERHAPS_BACK,)),
        ],
    )
    def test_verdict_answers_what_waited_for_one(
        self, waiting: tuple[Review, ...], left: tuple[Review, ...]
    ) -> None:
        """And leaves the rest."""
        assert assess(book(item(1, reviews=waiting))).reviews == left

    def test_verdict_against_anothers_goes_to_a_person_once(self) -> None:
        """The second look settles it, though they still differ."""
        made = book(item(1, assessments=(verdict(member="gb-iwf"),)))
        assert assess(made, Verdict.NOT_ILLEGAL).review is Review.VERDICTS_DIFFER
        assert assess(made, Verdict.NOT_ILLEGAL).review is None

    def test_verdict_spreads_to_the_same_content_at_other_places(self) -> None:
        """Nobody views the same picture twice; and their reporters hear."""
        same = item(2, file(1), url=OTHER_PLACE, informants=(Informant("fr-pdc", event_id(2)),))
        made = book(item(1, file(1)), same)
        assess(made)
        assert [a.member for a in made.loaded.items[same.id].assessments] == [US]
        assert [to for to, _ in said(made)] == ["fr-pdc"]

    @pytest.mark.parametrize(
        "other",
        [
            item(2, file(2), url=OTHER_PLACE),
            item(2, file(md5=1), url=OTHER_PLACE),
            item(2, file(1, md5=1), url=OTHER_PLACE, sightings=()),
        ],
        ids=["other content", "a weak hash alone", "withdrawn"],
    )
    def test_verdict_spreads_to_nothing_else(self, other: ItemState) -> None:
        """Only the same content, only what still stands."""
        made = book(item(1, file(1, md5=1)), other)
        assess(made)
        assert made.loaded.items[other.id].assessments == ()

    @pytest.mark.parametrize("judged", [1, 2], ids=["the other is judged", "it is judged itself"])
    def test_later_word_reaches_an_item_that_nobody_reports_any_more(self, judged: int) -> None:
        """Our earlier one stands on it, so it would say what we say no more."""
        early = verdict(member=US, at_ms=NOW_MS - 60_000)
        gone = item(2, file(1), url=OTHER_PLACE, assessments=(early,), sightings=())
        other = item(1, file(1), assessments=(early,), carried=(early.event_id,))
        made = book(other, gone)
        record_assessment(
            made, item(judged).id, AssessmentDraft(verdict=Verdict.NOT_ILLEGAL), ids(), POSTBOX
        )
        for one in made.loaded.items.values():
            assert [a.verdict for a in one.in_force] == [Verdict.NOT_ILLEGAL]

    def test_verdict_of_an_item_that_nobody_reports_any_more_reaches_no_other(self) -> None:
        """But for one that goes after an earlier word, what it says is not said again."""
        early = verdict(member="gb-iwf")
        gone = item(2, file(1), url=OTHER_PLACE, assessments=(early,), sightings=())
        made = book(item(1, file(1)), gone)
        bring_verdicts(made, POSTBOX, item(1).id)
        assess(made)
        assert [a.member for a in made.loaded.items[item(1).id].assessments] == [US]

    def test_verdict_goes_by_a_page_to_none_of_the_other_files_on_it(self) -> None:
        """Neither when it is given, nor when the page, or the other file, is looked at again."""
        page = item(2, file(1), file(2), url=OTHER_PLACE)
        logo = item(3, file(2), url="https://nl3.example/logo.png")
        made = book(item(1, file(1)), page, logo)
        assess(made)
        record_hashes(
            made, page.id, HashesDraft(sha256=f"{1:064x}", md5=f"{1:032x}"), ids(), POSTBOX
        )
        bring_verdicts(made, POSTBOX, logo.id)
        known = [made.loaded.items[one].known for one in (item(1).id, page.id, logo.id)]
        assert known == [True, True, False]

    def test_verdict_on_a_page_goes_with_each_of_its_files(self) -> None:
        """Who gave it saw them."""
        logo = item(3, file(2), url="https://nl3.example/logo.png")
        made = book(item(1, file(1), file(2)), logo)
        assess(made)
        assert made.loaded.items[logo.id].known

    def test_unassessable_does_not_spread(self) -> None:
        """Another place may show it."""
        made = book(item(1, file(1)), item(2, file(1), url=OTHER_PLACE))
        draft = AssessmentDraft(verdict=Verdict.UNASSESSABLE, reason="geoblocked")  # type: ignore[arg-type]
        record_assessment(made, ITEM, draft, ids(), POSTBOX)
        assert made.loaded.items[item(2).id].assessments == ()

    def test_national_verdict_needs_its_law(self) -> None:
        """Elsewhere it is only a suggestion."""
        with pytest.raises(DraftRejectedError, match=r"^assessment\.law: "):
            record_assessment(
                book(item(1)), ITEM, AssessmentDraft(verdict=Verdict.NATIONAL), ids(), POSTBOX
            )


class TestHashes:
    """Hashes that were computed later."""

    def test_known_content_brings_its_verdict_when_its_hash_becomes_known(self) -> None:
        """Matching runs again, and who reported it hears."""
        known = item(2, file(1), url=OTHER_PLACE, assessments=(verdict(member="fr-pdc"),))
        made = book(REPORTED, known)
        state = record_hashes(made, ITEM, HashesDraft(sha256=HEX), ids(), POSTBOX)
        assert state.known
        assert [(to, type(m)) for to, m in said(made)] == [("gb-iwf", Outcome)]

    def test_verdict_waits_for_a_hash_and_then_spreads(self) -> None:
        """In the other direction, too."""
        judged = item(1, assessments=(verdict(member=US),))
        same = item(2, file(1), url=OTHER_PLACE)
        made = book(judged, same)
        record_hashes(made, ITEM, HashesDraft(sha256=HEX), ids(), POSTBOX)
        assert made.loaded.items[same.id].known

    def test_collision_brings_nothing(self) -> None:
        """Equal MD5 and SHA-1, another SHA-256."""
        known = item(
            2, file(9, md5=1, sha1=1), url=OTHER_PLACE, assessments=(verdict(member="fr-pdc"),)
        )
        made = book(item(1), known)
        draft = HashesDraft(sha256=HEX, md5="0" * 31 + "1", sha1="0" * 39 + "1")
        assert not record_hashes(made, ITEM, draft, ids(), POSTBOX).known

    def test_hashes_of_a_handed_on_item_follow_it(self) -> None:
        """Its holder matches them, too."""
        made = book(handed_on(item(1)))
        record_hashes(made, ITEM, HashesDraft(sha256=HEX), ids(), POSTBOX)
        ((to, message),) = said(made)
        assert isinstance(message, Sighted)
        assert (to, message.content, message.sighting) == ("fr-pdc", file(1), None)

    def test_hashes_that_are_known_change_nothing(self) -> None:
        """Not even an event."""
        made = book(item(1, file(1)))
        record_hashes(made, ITEM, HashesDraft(sha256=HEX), ids(), POSTBOX)
        assert made.events == []

    def test_item_is_worked_on_by_any_of_its_ids(self) -> None:
        """The reporter's id is as good."""
        alias = event_id(5, "fr-pdc")
        made = book(msgspec.structs.replace(item(1), aliases=(alias,)))
        assert assess(made, item_id=alias).id == ITEM


class TestPages:
    """Hashes are of a file, and a page is none, whenever they come."""

    def test_page_that_a_report_said_to_be_one_takes_no_hashes(self) -> None:
        """As at intake; nothing changes."""
        made = book(item(1, kind=ItemKind.PAGE, kind_said=True))
        with pytest.raises(DraftRejectedError) as caught:
            record_hashes(made, ITEM, HashesDraft(sha256=HEX), ids(), POSTBOX)
        assert (caught.value.field, made.events) == ("hashes", [])

    def test_what_was_guessed_to_be_a_page_is_an_image_once_it_has_hashes(self) -> None:
        """The guess is the one of intake; access data alone tells nothing."""
        made = book(item(1, kind=ItemKind.PAGE))
        assert (
            record_hashes(made, ITEM, HashesDraft(sha256=HEX), ids(), POSTBOX).kind
            is ItemKind.IMAGE
        )

    def test_what_is_something_else_stays_that(self) -> None:
        """A video has frames."""
        made = book(item(1, kind=ItemKind.VIDEO, kind_said=True))
        assert (
            record_hashes(made, ITEM, HashesDraft(sha256=HEX), ids(), POSTBOX).kind
            is ItemKind.VIDEO
        )

    def test_report_of_the_file_at_that_address_says_what_it_is(self) -> None:
        """Whoever said that it is a page was wrong, or it is one no more."""
        made = book(item(1, kind=ItemKind.PAGE, kind_said=True))
        one = ItemDraft(url=PLACE, kind=ItemKind.VIDEO, hashes=HashesDraft(sha256=HEX))
        draft = ReportDraft(items=(one,), source=Source.PUBLIC)
        report = prepare_report(draft, FINGERPRINTS, made.now, "file:1")
        (taken,) = take_reports(made, [report], ids(), POSTBOX)
        state = made.loaded.items[ITEM]
        assert taken.items[0].item_id == ITEM
        assert (state.kind, state.content) == (ItemKind.VIDEO, (file(1),))

    def test_kind_is_said_by_reports_that_say_it(self) -> None:
        """Else it was guessed."""
        for kind in (ItemKind.PAGE, None):
            made = book()
            one = ItemDraft(url="https://nl1.example/thread", kind=kind)
            draft = ReportDraft(items=(one,), source=Source.PUBLIC)
            report = prepare_report(draft, FINGERPRINTS, made.now, "file:1")
            take_reports(made, [report], ids(), POSTBOX)
            (state,) = made.loaded.items.values()
            assert (state.kind, state.kind_said) == (ItemKind.PAGE, kind is not None)
