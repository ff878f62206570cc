"""What lists said and say no more, and what they may not say alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from node.casework.contents.listing import match_lists, unlist
from node.casework.events import EventKind
from node.casework.item import Informant, ItemState, Listing, Review, Suggestion
from node.casework.reports.draft import AssessmentDraft, HashesDraft, ItemDraft, ReportDraft
from node.casework.reports.intake import take_reports
from node.casework.reports.prepare import prepare_report
from node.casework.working import record_assessment
from node.matching.contents import Closeness
from node.matching.lists import Entry, Listed, Provenance, Terms, Trust
from protocol.messages import Outcome
from protocol.vocabulary import Action, OutcomeWhat, Source, Verdict
from tests.builders.cases import (
    FINGERPRINTS,
    OTHER_PLACE,
    PLACE,
    POSTBOX,
    US,
    closed,
    file,
    handed_on,
    item,
    said,
    verdict,
)
from tests.node.casework.contents.listed_items import (
    FILE,
    HELD,
    ITEM,
    later,
    listed,
    load,
    matched,
    same,
)

if TYPE_CHECKING:
    from node.casework.casebook import Casebook


def undone(made: Casebook, *gone: int, standing: tuple[Listed, ...] = ()) -> ItemState:
    """Return the item after these entries ended, while others stand."""
    load(made, *standing)
    unlist(made, later(70), POSTBOX, gone)
    return made.loaded.items[ITEM]


class TestRetracted:
    """The final state is that of a world in which the list never named it."""

    @pytest.mark.parametrize("trust", [Trust.AUTO, Trust.SUGGESTION])
    @pytest.mark.parametrize(
        "state",
        [
            HELD,
            closed(HELD, Action.NOT_ILLEGAL),
            item(1, FILE, assessments=(verdict(member="fr-pdc"),)),
            item(1, FILE, assessments=(verdict(Verdict.NOT_ILLEGAL, member=US),)),
            item(1, FILE, reviews=(Review.SUGGESTED_VERDICT,)),
        ],
        ids=["plain", "closed", "judged", "denied", "suggested"],
    )
    def test_item_is_what_it_was(self, trust: Trust, state: ItemState) -> None:
        """Whatever the entry had brought about."""
        made = matched(state, listed(trust=trust, provenance=Provenance.POLICE))
        assert not same(made.loaded.items[ITEM], state)
        assert same(undone(made, 1), state)

    def test_verdict_is_taken_back_wherever_it_went(self) -> None:
        """From other items with this content, and from who was told."""
        other = item(2, FILE, url=OTHER_PLACE)
        reported = msgspec.structs.replace(HELD, informants=(Informant("gb-iwf", ITEM),))
        made = matched(reported, listed(), more=(other,))
        undone(made, 1)
        assert not made.loaded.items[other.id].known
        told = [m.what for to, m in said(made) if isinstance(m, Outcome)]
        assert told == [OutcomeWhat.ASSESSED, OutcomeWhat.WITHDRAWN]

    def test_what_another_list_says_counts_now(self) -> None:
        """It had nothing to add while the first one stood."""
        second = listed(2, name="ncmec")
        made = matched(HELD, listed(), second)
        state = undone(made, 1, standing=(second,))
        assert [one.list for one in state.listed] == ["ncmec"]
        assert state.known
        assert state.listed[0].verdict == state.assessments[0].event_id

    def test_changed_entry_says_what_it_says_now(self) -> None:
        """Its new word has a new number."""
        new = listed(2, Trust.SUGGESTION)
        state = undone(matched(HELD, listed()), 1, standing=(new,))
        assert (state.known, state.reviews) == (False, (Review.SUGGESTED_VERDICT,))

    def test_persons_word_stays(self) -> None:
        """Who judged it meanwhile did so himself."""
        made = matched(HELD, listed())
        record_assessment(made, ITEM, AssessmentDraft(verdict=Verdict.BASELINE), later(60), POSTBOX)
        state = undone(made, 1)
        assert [one.member for one in state.assessments] == [US]

    def test_person_looks_at_what_was_done_meanwhile(self) -> None:
        """A notice that went out is not unsaid by the node."""
        made = matched(HELD, listed())
        made.loaded.items[ITEM] = closed(made.loaded.items[ITEM])
        assert Review.WITHDRAWAL in undone(made, 1).reviews

    def test_person_looks_at_what_is_closed_whoever_closed_it(self) -> None:
        """It was closed while the verdict stood."""
        made = matched(HELD, listed())
        state = msgspec.structs.replace(closed(made.loaded.items[ITEM]), actions=())
        made.loaded.items[ITEM] = state
        assert Review.WITHDRAWAL in undone(made, 1).reviews

    def test_what_another_item_suggests_stays(self) -> None:
        """It looks alike, whatever the list says."""
        made = matched(HELD, listed(trust=Trust.SUGGESTION))
        alike = Suggestion(item(2).id, Closeness.NEAR_10)
        made.raise_review(ITEM, Review.SUGGESTED_VERDICT, alike)
        assert undone(made, 1).reviews == (Review.SUGGESTED_VERDICT,)

    def test_other_items_are_left_alone(self) -> None:
        """Their entries stand."""
        made = matched(HELD, listed())
        before = list(made.events)
        undone(made, 2, standing=(listed(),))
        assert made.events == before


class TestFullerAccount:
    """An entry of a member's list gave way to another account of the same verdict."""

    EVENT = verdict(member="gb-iwf").event_id

    def of_member(self, number: int = 1, *, part: int = 0, md5: int | None = None) -> Listed:
        """Return what the member says of the file."""
        given = verdict(member="gb-iwf")
        name = f"{given.event_id}/{part}"
        entry = Entry(file(1, md5=md5), "baseline", None, name, given)
        terms = Terms("member/gb-iwf", Provenance.MEMBER)
        return Listed(number, terms, 1, entry, Trust.AUTO)

    def test_verdict_stands_by_the_fuller_account_from_then_on(self) -> None:
        """As if it had come by that one: what becomes of it there decides."""
        made = load(matched(item(1, FILE), self.of_member()), self.of_member(2, md5=5))
        match_lists(made, later(70), POSTBOX, [ITEM])
        unlist(made, later(90), POSTBOX, [1])
        state = made.loaded.items[ITEM]
        assert [(one.entry, one.verdict) for one in state.listed] == [(2, self.EVENT)]
        assert state.known

    def test_entry_that_ends_takes_nothing_from_where_its_author_said_it(self) -> None:
        """Of that item; nothing says that the verdict was taken back."""
        given = (verdict(member="gb-iwf"),)
        told = item(2, FILE, url=OTHER_PLACE, assessments=given)
        carried = item(3, FILE, url=OTHER_PLACE, assessments=given, carried=(self.EVENT,))
        made = matched(item(1, FILE), self.of_member(), more=(told, carried))
        made.loaded.listed = {}
        unlist(made, later(90), POSTBOX, [1])
        assert made.loaded.items[ITEM].assessments == ()
        assert made.loaded.items[told.id].assessments == told.assessments
        assert made.loaded.items[carried.id].assessments == ()


class TestGuarded:
    """What counts unseen, and what does not (`node.matching.lists.weigh`)."""

    STOCK = listed(9, Trust.BENIGN, name="stock")

    def test_harmless_file_gets_no_verdict_by_itself(self) -> None:
        """A person looks, and sees what both lists say."""
        state = matched(HELD, listed(), self.STOCK).loaded.items[ITEM]
        assert (state.known, state.reviews) == (False, (Review.SUGGESTED_VERDICT,))
        assert [(one.list, one.trust) for one in state.listed] == [
            ("iwf", Trust.SUGGESTION),
            ("stock", Trust.BENIGN),
        ]

    def test_benign_list_alone_puts_nothing_before_a_person(self) -> None:
        """Not even where somebody said that it is not illegal."""
        assert matched(HELD, self.STOCK).loaded.items[ITEM].reviews == ()
        denied = item(1, FILE, assessments=(verdict(Verdict.NOT_ILLEGAL, member=US),))
        assert matched(denied, self.STOCK).loaded.items[ITEM].reviews == ()

    def test_verdict_that_was_given_before_is_taken_back_when_lists_are_asked_again(self) -> None:
        """The benign list came later."""
        made = matched(HELD, listed())
        load(made, listed(), self.STOCK)
        match_lists(made, later(50), POSTBOX, [ITEM])
        state = made.loaded.items[ITEM]
        assert (state.known, state.reviews) == (False, (Review.SUGGESTED_VERDICT,))

    def test_without_the_benign_entry_the_list_counts_again(self) -> None:
        """It was taken back: harmless it is not."""
        made = matched(HELD, listed(), self.STOCK)
        state = undone(made, 9, standing=(listed(),))
        assert (state.known, [one.list for one in state.listed]) == (True, ["iwf"])

    def test_harmless_file_beside_it_acquits_nothing(self) -> None:
        """An item may have several; each is judged by what is said of it."""
        both = item(1, FILE, file(2))
        stock = listed(9, Trust.BENIGN, file(2), name="stock")
        assert matched(both, listed(), stock).loaded.items[ITEM].known
        apart = [listed(1, Trust.AUTO_2), listed(2, Trust.AUTO_2, file(2), name="ncmec")]
        assert not matched(both, *apart).loaded.items[ITEM].known

    def test_second_list_makes_the_first_count_and_takes_that_with_it(self) -> None:
        """Two must say it, each for itself."""
        both = (listed(1, Trust.AUTO_2), listed(2, Trust.AUTO_2, name="ncmec"))
        made = matched(HELD, both[0])
        assert not made.loaded.items[ITEM].known
        load(made, *both)
        match_lists(made, later(50), POSTBOX, [ITEM])
        assert made.loaded.items[ITEM].known
        state = undone(made, 2, standing=both[:1])
        assert (state.known, state.reviews) == (False, (Review.SUGGESTED_VERDICT,))


def named_by_a_report(state: ItemState, *entries: Listed) -> Casebook:
    """Return what a report makes of a judged item whose other file it names by a SHA-1 hash.

    A list had put the item before a person already.
    """
    made = matched(state, *entries)
    made.record(ITEM, EventKind.ASSESSED, verdict(), at_ms=1, actor="gb-iwf")
    one = ItemDraft(url=PLACE, kind=state.kind, hashes=HashesDraft(sha1="09".zfill(40)))
    draft = ReportDraft(items=(one,), source=Source.PUBLIC)
    take_reports(
        made, [prepare_report(draft, FINGERPRINTS, made.now, "file:1")], later(50), POSTBOX
    )
    return made


def test_entry_that_ends_settles_no_look_that_an_unseen_file_waits_for() -> None:
    """The verdict was given before the file was named: it does not go with it unseen."""
    made = named_by_a_report(HELD, listed(trust=Trust.SUGGESTION))
    made.loaded.listed = {}
    unlist(made, later(70), POSTBOX, {1})
    state = made.loaded.items[ITEM]
    assert (len(state.content), state.listed) == (2, ())
    assert state.reviews == (Review.SUGGESTED_VERDICT,)


def test_entry_that_makes_an_item_known_settles_no_look_that_an_unseen_file_waits_for() -> None:
    """A list knows one of its files; that nobody saw another one is no business of the list."""
    made = named_by_a_report(
        HELD, listed(trust=Trust.SUGGESTION), listed(2, content=file(1, md5=3), name="icse")
    )
    state = made.loaded.items[ITEM]
    assert {one.trust for one in state.listed} == {Trust.SUGGESTION, Trust.AUTO}
    assert state.reviews == (Review.SUGGESTED_VERDICT,)


GIVEN = verdict(member="gb-iwf")


BY_ANOTHER = item(
    1,
    file(1, md5=1),
    assessments=(GIVEN,),
    carried=(GIVEN.event_id,),
    listed=(Listing(1, "member/gb-iwf", 3, "A", Trust.AUTO, police=False, verdict=GIVEN.event_id),),
)

"""A member's verdict stands on it by an entry that turns out to be of another file."""


_ASKED = Review.SUGGESTED_VERDICT


@pytest.mark.parametrize(
    ("state", "raised", "reviews"),
    [
        (BY_ANOTHER, (_ASKED,), (_ASKED,)),
        (msgspec.structs.replace(BY_ANOTHER, reviews=(_ASKED,)), (), (_ASKED,)),
        (handed_on(BY_ANOTHER), (), ()),
    ],
    ids=["ours", "before a person already", "handed on"],
)
def test_verdict_that_stands_by_another_file_is_looked_at_once_where_the_item_is(
    state: ItemState, raised: tuple[Review, ...], reviews: tuple[Review, ...]
) -> None:
    """It is its author's to take back; what stood before a person for something else stays."""
    made = matched(state, listed(content=file(2, md5=1)))
    after = made.loaded.items[ITEM]
    (noted,) = after.listed
    assert (noted.trust, noted.verdict, noted.raised) == (Trust.NONE, GIVEN.event_id, raised)
    assert (after.assessments, after.reviews) == ((GIVEN,), reviews)
