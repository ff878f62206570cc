"""Lists at work: what they say of items, whose word it is, and how all of it is undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from node.casework.contents.listing import match_lists
from node.casework.events import EventKind
from node.casework.item import Informant, ItemState, Listing, Review
from node.casework.reports.draft import HashesDraft
from node.casework.working import record_hashes
from node.matching.lists import Provenance, Trust
from protocol.messages import Outcome
from protocol.vocabulary import Action, Matter, OutcomeWhat, Verdict
from tests.builders.cases import (
    OTHER_PLACE,
    POSTBOX,
    US,
    book,
    closed,
    file,
    ids,
    item,
    said,
    verdict,
)
from tests.node.casework.arriving import Receiver, item_from
from tests.node.casework.contents.listed_items import FILE, HELD, ITEM, later, listed, load, matched
from tests.node.casework.reports.test_intake import HEX, Desk, only

if TYPE_CHECKING:
    from node.casework.casebook import Casebook
    from protocol.facts import Content


def kinds(made: Casebook) -> list[EventKind]:
    """Return the kinds of what was recorded."""
    return [event.kind for event in made.events]


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
            place=0,
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

    @pytest.mark.parametrize("others", [(file(2),), (file(2), file(3))])
    def test_attack_a_new_file_beside_one_that_police_have_is_new_to_them(
        self, others: tuple[Content, ...]
    ) -> None:
        """Else a known picture beside new ones on a page would keep them from police."""
        files = (FILE, *others)
        held = [
            listed(number, Trust.NONE, one, provenance=Provenance.POLICE)
            for number, one in enumerate(files, 1)
        ]
        assert matched(item(1, *files), held[0]).loaded.items[ITEM].new_to_police is True
        assert matched(item(1, *files), *held).loaded.items[ITEM].new_to_police is False

    def test_file_that_comes_to_one_that_police_have_makes_the_item_new_to_them(self) -> None:
        """Whenever it becomes known, and whatever the list had said before."""
        made = matched(HELD, listed(provenance=Provenance.POLICE))
        before = made.loaded.items[ITEM]
        record_hashes(made, ITEM, HashesDraft(sha256="02" * 32), ids(), POSTBOX)
        after = made.loaded.items[ITEM]
        assert (before.new_to_police, after.new_to_police) == (False, True)

    def test_what_older_versions_noted_of_a_single_file_still_answers(self) -> None:
        """They did not say of which file it was."""
        state = matched(HELD, listed(provenance=Provenance.POLICE)).loaded.items[ITEM]
        (said_by,) = state.listed
        old = (msgspec.structs.replace(said_by, place=None),)
        two = (*state.content, file(2))
        assert msgspec.structs.replace(state, listed=old).new_to_police is False
        assert msgspec.structs.replace(state, listed=old, content=two).new_to_police is True

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
