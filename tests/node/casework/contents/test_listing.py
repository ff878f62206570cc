"""Lists at work: what they say of items, whose word it is, and how all of it is undone."""

from __future__ import annotations

from itertools import count

import msgspec
import pytest

from node.casework.casebook import Casebook
from node.casework.contents.listing import match_lists, unlist
from node.casework.events import EventKind
from node.casework.item import Informant, ItemState, Listing, Review, Suggestion
from node.casework.reports.draft import AssessmentDraft, HashesDraft, ItemDraft, ReportDraft
from node.casework.reports.intake import take_reports
from node.casework.reports.prepare import prepare_report
from node.casework.working import record_assessment, record_hashes
from node.ids import Ids
from node.matching.contents import Closeness
from node.matching.lists import Entry, Listed, Provenance, Terms, Trust
from protocol.facts import Content
from protocol.messages import Outcome
from protocol.vocabulary import Action, Matter, OutcomeWhat, Source, Verdict
from tests.builders.cases import (
    FINGERPRINTS,
    OTHER_PLACE,
    PLACE,
    POSTBOX,
    US,
    book,
    closed,
    file,
    handed_on,
    ids,
    item,
    said,
    verdict,
)
from tests.node.casework.arriving import Receiver, item_from
from tests.node.casework.reports.test_intake import HEX, Desk, only

ITEM = item(1).id
FILE = file(1)


def later(first: int) -> Ids:
    """Return a mint whose ids are none of an earlier one."""
    numbers = count(first)
    return Ids(US, lambda size: next(numbers).to_bytes(size, "big"))


def listed(
    number: int = 1,
    trust: Trust = Trust.AUTO,
    content: Content = FILE,
    *,
    provenance: Provenance = Provenance.HOTLINE,
    name: str = "iwf",
    may_use: bool = True,
    trusts_weak: bool = False,
) -> Listed:
    """Return an entry that stands."""
    entry = Entry(content, "A", None, "42/a")
    terms = Terms(name, provenance, may_use=may_use, trusts_weak=trusts_weak)
    return Listed(number, terms, 3, entry, trust)


def load(made: Casebook, *entries: Listed) -> Casebook:
    """Let these entries stand in the lists that a decision sees."""
    found: dict[bytes, tuple[Listed, ...]] = {}
    for one in entries:
        for key in FINGERPRINTS.content(one.entry.content):
            found[key] = (*found.get(key, ()), one)
    made.loaded.listed = found
    return made


def matched(state: ItemState, *entries: Listed, more: tuple[ItemState, ...] = ()) -> Casebook:
    """Return what lists make of an item."""
    made = load(book(state, *more), *entries)
    match_lists(made, ids(), POSTBOX, [state.id])
    return made


def kinds(made: Casebook) -> list[EventKind]:
    """Return the kinds of what was recorded."""
    return [event.kind for event in made.events]


HELD = item(1, FILE)


class TestAuto:
    """A list that is followed."""

    def test_verdict_is_ours_and_the_event_says_by_which_list(self) -> None:
        """And by which version and category of it."""
        made = matched(HELD, listed())
        state = made.loaded.items[ITEM]
        (given,) = state.assessments
        assert (given.member, given.verdict) == (US, Verdict.BASELINE)
        (said_by,) = state.listed
        assert said_by == Listing(
            entry=1,
            list="iwf",
            version=3,
            category="A",
            trust=Trust.AUTO,
            police=False,
            external_id="42/a",
            verdict=given.event_id,
        )
        assert kinds(made) == [EventKind.LISTED, EventKind.ASSESSED]

    def test_who_reported_it_hears(self) -> None:
        """As of any verdict."""
        reported = msgspec.structs.replace(HELD, informants=(Informant("gb-iwf", ITEM),))
        ((to, told),) = said(matched(reported, listed()))
        assert (to, isinstance(told, Outcome)) == ("gb-iwf", True)

    def test_once_is_enough(self) -> None:
        """Asked again, nothing happens; nor when a second list says so."""
        made = matched(HELD, listed(), listed(2, name="ncmec"))
        match_lists(made, ids(), POSTBOX, [ITEM])
        assert kinds(made) == [EventKind.LISTED, EventKind.ASSESSED, EventKind.LISTED]

    def test_verdict_goes_with_the_content_to_other_items(self) -> None:
        """As ours do."""
        other = item(2, FILE, url=OTHER_PLACE)
        made = matched(HELD, listed(), more=(other,))
        assert made.loaded.items[other.id].known

    def test_our_own_verdict_is_not_given_twice(self) -> None:
        """A person has judged it."""
        made = matched(item(1, FILE, assessments=(verdict(member=US),)), listed())
        assert kinds(made) == [EventKind.LISTED]

    def test_who_could_not_judge_it_is_answered_by_the_list(self) -> None:
        """Unassessable is no verdict."""
        given = verdict(Verdict.UNASSESSABLE, member=US)
        assert matched(item(1, FILE, assessments=(given,)), listed()).loaded.items[ITEM].known

    def test_verdicts_that_contradict_go_to_a_person(self) -> None:
        """Another member says that it is not illegal."""
        denied = item(1, FILE, assessments=(verdict(Verdict.NOT_ILLEGAL, member="fr-pdc"),))
        state = matched(denied, listed()).loaded.items[ITEM]
        assert Review.VERDICTS_DIFFER in state.reviews

    @pytest.mark.parametrize(
        "denied",
        [
            closed(HELD, Action.NOT_ILLEGAL),
            item(1, FILE, assessments=(verdict(Verdict.NOT_ILLEGAL, member=US),)),
        ],
    )
    def test_list_never_overrules_a_person(self, denied: ItemState) -> None:
        """A person looks once more."""
        state = matched(denied, listed()).loaded.items[ITEM]
        assert state.reviews == (Review.NOT_ILLEGAL_DOUBTED,)
        assert state.assessments == denied.assessments


class TestLess:
    """Lists that are followed less."""

    def test_suggestion_puts_the_item_before_a_person(self) -> None:
        """Who confirms."""
        state = matched(HELD, listed(trust=Trust.SUGGESTION)).loaded.items[ITEM]
        assert (state.known, state.reviews) == (False, (Review.SUGGESTED_VERDICT,))

    def test_nothing_is_suggested_of_what_is_judged(self) -> None:
        """It spares nobody anything."""
        judged = item(1, FILE, assessments=(verdict(member="fr-pdc"),))
        state = matched(judged, listed(trust=Trust.SUGGESTION)).loaded.items[ITEM]
        assert (state.reviews, len(state.listed)) == ((), 1)

    def test_list_that_is_not_followed_says_nothing(self) -> None:
        """Not even an event."""
        assert matched(HELD, listed(trust=Trust.NONE)).events == []
        assert matched(HELD, listed(may_use=False, provenance=Provenance.POLICE)).events == []

    def test_one_weak_hash_only_suggests(self) -> None:
        """Unless the list is trusted for it."""
        weak = file(md5=7)
        state = matched(item(1, weak), listed(content=weak)).loaded.items[ITEM]
        assert (state.known, state.reviews) == (False, (Review.SUGGESTED_VERDICT,))
        trusted = listed(content=weak, trusts_weak=True)
        assert matched(item(1, weak), trusted).loaded.items[ITEM].known

    def test_stronger_hash_that_comes_later_makes_it_sure(self) -> None:
        """The suggestion goes, the verdict comes."""
        both = file(md5=7, sha1=8)
        made = load(book(item(1, file(md5=7))), listed(content=both))
        match_lists(made, ids(), POSTBOX, [ITEM])
        assert made.loaded.items[ITEM].reviews == (Review.SUGGESTED_VERDICT,)
        draft = HashesDraft(sha1=(8).to_bytes(20, "big").hex(), md5=(7).to_bytes(16, "big").hex())
        record_hashes(made, ITEM, draft, later(50), POSTBOX)
        state = made.loaded.items[ITEM]
        assert (state.known, state.reviews, len(state.listed)) == (True, (), 1)

    @pytest.mark.parametrize(
        "state",
        [item(1, FILE, matter=Matter.SPAM), item(1, FILE, sightings=())],
        ids=["other matter", "withdrawn"],
    )
    def test_what_is_no_open_case_is_left_alone(self, state: ItemState) -> None:
        """What is only counted, or was taken back."""
        assert matched(state, listed()).events == []


class TestPolice:
    """New to police, or not: independent of known."""

    def test_what_police_list_is_not_new_to_them_whatever_the_list_is_trusted_for(self) -> None:
        """Nothing else follows from it."""
        made = matched(HELD, listed(trust=Trust.NONE, provenance=Provenance.POLICE))
        state = made.loaded.items[ITEM]
        assert (state.new_to_police, state.known, state.reviews) == (False, False, ())

    def test_other_lists_do_not_answer_it(self) -> None:
        """A hotline's list is not in the hands of police."""
        assert matched(HELD, listed()).loaded.items[ITEM].new_to_police is True

    def test_without_hashes_nobody_can_tell(self) -> None:
        """Unknown is not new."""
        assert item(1).new_to_police is None

    def test_one_weak_hash_does_not_make_it_old(self) -> None:
        """Police would never hear of it."""
        weak = file(md5=7)
        entry = listed(content=weak, provenance=Provenance.POLICE)
        assert matched(item(1, weak), entry).loaded.items[ITEM].new_to_police is True


class TestWhere:
    """Wherever content becomes known."""

    def test_at_intake(self) -> None:
        """Whoever hands it in is told at once."""
        desk = Desk()
        load(desk.book, listed())
        item_id, outcome = only(desk(sha256=HEX))
        assert (outcome, desk.state(item_id).known) == ("known", True)

    def test_when_another_member_hands_it_over(self) -> None:
        """And it hears the verdict."""
        receiver = Receiver()
        load(receiver.book, listed())
        sent = item_from("gb-iwf", 1, FILE)
        receiver("gb-iwf", sent)
        assert receiver.state(sent.item_id).known
        told = [m for to, m in said(receiver.book) if isinstance(m, Outcome)]
        assert [one.what for one in told] == [OutcomeWhat.ASSESSED]

    def test_when_hashes_come_later(self) -> None:
        """Matching runs again."""
        made = load(book(item(1)), listed())
        assert record_hashes(made, ITEM, HashesDraft(sha256=HEX), ids(), POSTBOX).known

    def test_in_nobodys_name(self) -> None:
        """It was not the analyst who happened to add the hash."""
        made = load(book(item(1)), listed())
        made.by = "analyst-7"
        record_hashes(made, ITEM, HashesDraft(sha256=HEX), ids(), POSTBOX)
        assert [event.actor for event in made.events][-2:] == [US, US]
        assert made.by == "analyst-7"


def same(one: ItemState, other: ItemState) -> bool:
    """Whether two items are the same but for counts of what happened, and what was heard."""
    without = {"revision": 0, "heard": (), "said": ()}
    bare = [msgspec.structs.replace(state, **without) for state in (one, other)]
    return bare[0] == bare[1]


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
