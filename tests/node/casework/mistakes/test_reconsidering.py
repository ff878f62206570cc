"""A mistaken verdict, taken back: the world ends as if it had never been given."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from node.casework.casebook import Casebook
from node.casework.contents.candidates import same_content
from node.casework.contents.listing import match_lists
from node.casework.contents.rejudging import differ, rejudge, watch_verdicts
from node.casework.errors import DraftRejectedError, UnknownVerdictError
from node.casework.events import EventKind, Facts, Recorded
from node.casework.incoming.hearing import hear_outcome
from node.casework.item import Informant, ItemState, Review
from node.casework.mistakes.reconsidering import reconsider
from node.casework.mistakes.withdrawing import hear_verdict_withdrawn
from node.casework.passing_on.routing import Forwarding
from node.casework.reports.draft import ActionDraft, AssessmentDraft, RetractionDraft
from node.casework.reports.intake import carry_over
from node.casework.working import (
    disprove,
    record_action,
    record_assessment,
    record_retraction,
    withdraw_verdict,
)
from node.ids import Ids
from node.matching.duplicates import Incoming, judge
from node.matching.lists import Entry, Listed, Provenance, Terms, Trust
from protocol.facts import Content
from protocol.messages import Outcome
from protocol.vocabulary import Action, OutcomeWhat, Verdict
from tests.builders.cases import (
    POSTBOX,
    US,
    book,
    closed,
    event_id,
    file,
    item,
    looked_up,
    network,
    said,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.builders.pictures import flipped, picture
from tests.node.casework.arriving import outcome
from tests.node.casework.contents.test_listing import listed, load

LOOK = int.from_bytes(picture(1), "big")
NEAR = int.from_bytes(flipped(picture(1), range(5)), "big")
FILES = (file(1), file(2), file(3))
"""Few files in many places: verdicts are carried over, and lists name them."""
PICTURES = (*(file(10 + at, pdq=LOOK if at % 2 else NEAR) for at in range(4)), file(14))
"""Files of their own that look alike: verdicts are suggested. What waits for a person to compare is
not carried over, so the two are shown apart."""
HEARD = ("fr-pdc", "gb-iwf")


def mint(first: int) -> Ids:
    """Return a mint of its own."""
    numbers = count(first)
    return Ids(US, lambda size: next(numbers).to_bytes(size, "big"))


def known(number: int, *content: Content, **changes: Any) -> ItemState:
    """Return an item at a place of its own, of which two members told us."""
    made = item(number, *content, url=f"https://nl{number}.example/{number}.jpg", **changes)
    informants = tuple(Informant(member, made.id) for member in HEARD)
    return msgspec.structs.replace(made, informants=informants)


class World:
    """A casebook of items, in which things happen one after another."""

    def __init__(self, *content: Content, standing: bool = False) -> None:
        self.book: Casebook = book()
        looked_up(self.book, *content)
        if standing:
            load(self.book, listed(), listed(2, Trust.SUGGESTION, file(3), name="other"))
        self.ids = mint(1)
        self.items: list[str] = []
        for number, one in enumerate(content, start=1):
            self.arrives(known(number, one))

    def arrives(self, state: ItemState) -> None:
        """A report of something new."""
        incoming = Incoming(state.location, state.content, state.kind, state.found_ms)
        elsewhere = same_content(self.book, state.location, state.content, ())
        judgement = judge(incoming, [], elsewhere, US, NOW_MS)
        recorded = Recorded(state, None)
        self.book.record(state.id, EventKind.RECORDED, recorded, at_ms=NOW_MS, actor=US)
        looked_up(self.book, *PICTURES)
        carry_over(self.book, POSTBOX, state.id, judgement)
        match_lists(self.book, self.ids, POSTBOX, [state.id])
        self.items.append(state.id)

    def assess(self, at: int, given: Verdict) -> str:
        """A person here judges; the id of the verdict."""
        self.book.now += 1
        draft = AssessmentDraft(verdict=given)
        state = record_assessment(self.book, self.items[at], draft, self.ids, POSTBOX)
        return [one.event_id for one in state.assessments if one.member == US][-1]

    def hear(self, at: int, given: Verdict, member: str, number: int) -> str:
        """Another member judges; the id of its verdict."""
        self.book.now += 1
        said_there = msgspec.structs.replace(verdict(given, member, number), at_ms=self.book.now)
        self._hear(at, member, said_there.event_id, OutcomeWhat.ASSESSED, said_there)
        return said_there.event_id

    def take_back(self, at: int, verdict_id: str, member: str) -> None:
        """Its author takes a verdict back."""
        if member == US:
            withdraw_verdict(self.book, self.items[at], verdict_id, self.ids, POSTBOX)
        else:
            self._hear(at, member, verdict_id, OutcomeWhat.WITHDRAWN, None)

    def _hear(self, at: int, member: str, event: str, what: OutcomeWhat, given: Any) -> None:
        state = self.book.loaded.items[self.items[at]]
        message = outcome(state.id, what, event_id=event, author=member, assessment=given)
        message = msgspec.structs.replace(message, at_ms=self.book.now)
        if what is OutcomeWhat.WITHDRAWN:
            hear_verdict_withdrawn(self.book, POSTBOX, state, member, message)
        else:
            hear_outcome(self.book, Forwarding(network(), self.ids, POSTBOX), member, message)
        reconsider(self.book, self.ids, POSTBOX)

    def state(self, at: int) -> ItemState:
        """Return an item as it is."""
        return self.book.loaded.items[self.items[at]]

    def look(self) -> None:
        """Judge all content again, so that it does not matter when it is next judged by itself."""
        for item_id in self.items:
            rejudge(self.book, POSTBOX, item_id)
            watch_verdicts(self.book, item_id)
            match_lists(self.book, self.ids, POSTBOX, [item_id])

    def end(self) -> list[object]:
        """Return how all items stand, without ids and history."""
        self.look()
        return [_bare(self.book.loaded.items[one]) for one in self.items]


_LOOKS = {Review.WITHDRAWAL}
"""That somebody took a word back is itself for a person to see."""


def _answered(state: ItemState) -> set[Review]:
    """Return the reviews that came to nothing by themselves: a person may still see them."""
    ended = set() if differ(state) else {Review.VERDICTS_DIFFER}
    return ended | ({Review.SUGGESTED_VERDICT} if state.known else set())


def _bare(state: ItemState) -> object:
    return (
        sorted((one.member, one.verdict) for one in state.in_force),
        state.known,
        sorted(set(state.reviews) - _LOOKS - _answered(state)),
        () if state.known else sorted((one.item, one.closeness) for one in state.suggestions),
        sorted((one.entry, one.trust) for one in state.listed),
        state.closed_by,
    )


class Step(NamedTuple):
    """A member judges an item."""

    at: int
    given: Verdict
    member: str


steps = st.builds(
    Step,
    st.integers(0, 4),
    st.sampled_from([Verdict.BASELINE, Verdict.NOT_ILLEGAL]),
    st.sampled_from([US, *HEARD]),
)
"""What others say, who differ from who errs."""


def live(world: World, before: list[Step], number: int) -> None:
    """Let these things happen."""
    for at, step in enumerate(before):
        world.look()
        if step.member == US:
            world.assess(step.at, step.given)
        else:
            world.hear(step.at, step.given, step.member, number + at)


def both_end_the_same(
    content: Sequence[Content],
    before: list[Step],
    after: list[Step],
    mistake: Step,
    *,
    standing: bool,
) -> None:
    """Let the same things happen in two worlds, and one mistake in one, which is taken back."""
    others = [step for step in (*before, *after) if step.member != mistake.member]
    first, then = others[: len(before)], others[len(before) :]
    erring, right = World(*content, standing=standing), World(*content, standing=standing)
    live(erring, first, 100)
    live(right, first, 100)
    if mistake.member == US:
        # who judges has looked, and what he looked at does not wait again
        assume(not erring.state(mistake.at).reviews)
        given_as = erring.assess(mistake.at, mistake.given)
    else:
        given_as = erring.hear(mistake.at, mistake.given, mistake.member, 500)
    live(erring, then, 200)
    live(right, then, 200)
    erring.take_back(mistake.at, given_as, mistake.member)
    assert erring.end() == right.end()


class TestBothWorlds:
    """The world with the mistake, once it is taken back, and the world without it."""

    @given(
        st.lists(st.sampled_from(FILES), min_size=5, max_size=5),
        st.lists(steps, max_size=3),
        st.lists(steps, max_size=3),
        steps,
        st.booleans(),
    )
    @settings(max_examples=100, deadline=None)
    def test_end_is_the_same_where_verdicts_are_carried_over(
        self,
        content: list[Content],
        before: list[Step],
        after: list[Step],
        mistake: Step,
        standing: bool,  # noqa: FBT001 - Hypothesis gives it
    ) -> None:
        """Whoever erred, whatever others say of the same files, lists or none."""
        both_end_the_same(content, before, after, mistake, standing=standing)

    @given(st.lists(steps, max_size=3), st.lists(steps, max_size=3), steps)
    @settings(max_examples=100, deadline=None)
    def test_end_is_the_same_where_verdicts_are_suggested(
        self, before: list[Step], after: list[Step], mistake: Step
    ) -> None:
        """What looks alike no longer waits for a comparison with nothing."""
        both_end_the_same(PICTURES, before, after, mistake, standing=False)


class TestOwn:
    """A person here takes a verdict of ours back."""

    def test_it_goes_from_every_item_and_all_who_heard_it_are_told(self) -> None:
        """Where it went with the content, too."""
        world = World(file(1), file(1))
        given_as = world.assess(0, Verdict.BASELINE)
        assert world.state(1).known
        world.take_back(0, given_as, US)
        assert not any(world.state(at).known for at in (0, 1))
        told = [(to, m.what) for to, m in said(world.book) if isinstance(m, Outcome)]
        assert told.count(("gb-iwf", OutcomeWhat.WITHDRAWN)) == len(world.items)
        assert told.count(("fr-pdc", OutcomeWhat.WITHDRAWN)) == len(world.items)

    @pytest.mark.parametrize("at", [0, 1], ids=["another's", "none"])
    def test_another_members_verdict_is_not_ours_to_take_back(self, at: int) -> None:
        """It says itself that it does."""
        world = World(file(1))
        theirs = world.hear(0, Verdict.BASELINE, "gb-iwf", 7)
        with pytest.raises(UnknownVerdictError):
            world.take_back(0, (theirs, event_id(999))[at], US)

    def test_verdict_of_a_list_does_not_come_back_by_itself(self) -> None:
        """A person took it back; the entry says so still."""
        world = World(file(1), standing=True)
        (given,) = world.state(0).assessments
        world.take_back(0, given.event_id, US)
        world.end()
        assert not world.state(0).known


class TestCorrected:
    """An author says later what it had said otherwise before."""

    def given(self, world: World, at: int) -> list[Verdict]:
        """Return what is in force of an item."""
        return [one.verdict for one in world.state(at).in_force]

    def test_new_word_goes_where_the_old_one_was_carried(self) -> None:
        """Of the item itself everybody hears it; nobody else would say so of the copy."""
        world = World(file(1))
        world.hear(0, Verdict.BASELINE, "gb-iwf", 7)
        world.arrives(known(2, file(1)))
        word = world.hear(0, Verdict.NOT_ILLEGAL, "gb-iwf", 8)
        assert self.given(world, 1) == [Verdict.NOT_ILLEGAL]
        told = [m for to, m in said(world.book) if isinstance(m, Outcome) and to == "fr-pdc"]
        assert [m.event_id for m in told if m.item_id == world.items[1]][-1] == word

    def test_person_looks_where_the_item_was_known_by_the_old_word(self) -> None:
        """What is not illegal where its author is may be here."""
        world = World(file(1))
        world.hear(0, Verdict.BASELINE, "gb-iwf", 7)
        world.arrives(known(2, file(1)))
        world.hear(0, Verdict.NOT_ILLEGAL, "gb-iwf", 8)
        assert Review.WITHDRAWAL in world.state(1).reviews

    def test_new_word_goes_where_its_author_said_the_old_one_too(self) -> None:
        """It need not know that the two are one file."""
        world = World(file(1), file(1))
        for at in (0, 1):
            world.hear(at, Verdict.BASELINE, "gb-iwf", 7)
        world.hear(0, Verdict.NOT_ILLEGAL, "gb-iwf", 8)
        assert self.given(world, 1) == [Verdict.NOT_ILLEGAL]

    def test_new_word_waits_for_an_old_one_that_comes_later(self) -> None:
        """The two came by different ways."""
        world = World(file(1), file(1))
        world.hear(0, Verdict.NOT_ILLEGAL, "gb-iwf", 8)
        world.book.now -= 10
        world.hear(1, Verdict.BASELINE, "gb-iwf", 7)
        assert self.given(world, 1) == [Verdict.NOT_ILLEGAL]

    def test_new_word_comes_over_with_hashes_that_are_known_late(self) -> None:
        """Then the two are found to be one file."""
        world = World(file(1), file(2))
        world.hear(1, Verdict.NATIONAL, "gb-iwf", 7)
        world.hear(0, Verdict.NOT_ILLEGAL, "gb-iwf", 8)
        body = Facts((file(1),), None)
        world.book.record(world.items[1], EventKind.FACTS, body, at_ms=NOW_MS, actor=US)
        rejudge(world.book, POSTBOX, world.items[1])
        assert self.given(world, 1) == [Verdict.NOT_ILLEGAL]

    def test_correction_that_is_older_than_the_word_corrects_nothing(self) -> None:
        """It came late: the newer word is in force."""
        world = World(file(1))
        world.hear(0, Verdict.BASELINE, "gb-iwf", 7)
        world.arrives(known(2, file(1)))
        world.book.now -= 10
        world.hear(0, Verdict.NOT_ILLEGAL, "gb-iwf", 8)
        assert self.given(world, 1) == [Verdict.BASELINE]

    def test_word_goes_nowhere_where_its_author_said_nothing(self) -> None:
        """That it is not illegal under another law spares nobody the look."""
        world = World(file(1), file(1))
        world.hear(0, Verdict.NOT_ILLEGAL, "gb-iwf", 8)
        assert not self.given(world, 1)

    def test_correction_goes_on_from_an_item_of_which_it_is_said_later(self) -> None:
        """Two items have nothing in common but a third, and are not loaded together."""
        world = World(file(1), file(2))
        world.arrives(known(3, file(1), file(2)))
        for at in (0, 1, 2):
            world.hear(at, Verdict.BASELINE, "gb-iwf", 7)
        far = world.book.loaded.items.pop(world.items[1])
        world.hear(0, Verdict.NATIONAL, "gb-iwf", 8)
        world.book.loaded.items[far.id] = far
        world.book.now -= 1
        world.hear(2, Verdict.NATIONAL, "gb-iwf", 8)
        assert self.given(world, 1) == [Verdict.NATIONAL]

    def test_correction_that_contradicts_somebody_on_the_copy_goes_to_a_person(self) -> None:
        """Nobody spoke of the copy itself."""
        world = World(file(1), file(1))
        for at, member, number in ((0, "gb-iwf", 7), (1, "gb-iwf", 7), (1, "fr-pdc", 6)):
            world.hear(at, Verdict.NOT_ILLEGAL, member, number)
        world.book.events.clear()  # the rest is another decision
        world.hear(0, Verdict.BASELINE, "gb-iwf", 8)
        assert Review.VERDICTS_DIFFER in world.state(1).reviews

    def test_own_correction_takes_nobody_to_its_copies(self) -> None:
        """Who corrected it here has looked."""
        world = World(file(1), file(1))
        world.assess(0, Verdict.BASELINE)
        world.assess(0, Verdict.NOT_ILLEGAL)
        assert self.given(world, 1) == [Verdict.NOT_ILLEGAL]
        assert Review.WITHDRAWAL not in world.state(1).reviews

    def test_of_two_words_of_one_moment_the_one_minted_later_stands(self) -> None:
        """Whatever order they come in."""
        for numbers in ((7, 8), (8, 7)):
            world = World(file(1))
            for number in numbers:
                world.book.now = NOW_MS
                verdict_given = Verdict.NOT_ILLEGAL if number == 8 else Verdict.BASELINE
                world.hear(0, verdict_given, "gb-iwf", number)
            assert self.given(world, 0) == [Verdict.NOT_ILLEGAL]


class TestNotices:
    """What was told outside the network."""

    def world(self, *actions: Action) -> tuple[World, str]:
        """Return an item that we judged, and about which this was done; the verdict's id."""
        world = World(file(1))
        given_as = world.assess(0, Verdict.BASELINE)
        for action in actions:
            world.book.now += 1
            draft = ActionDraft(action=action)
            record_action(
                world.book, world.items[0], draft, Forwarding(network(), world.ids, POSTBOX)
            )
        return world, given_as

    def test_each_is_listed_and_stands_before_a_person(self) -> None:
        """No event reaches a hoster, or police."""
        world, given_as = self.world(Action.LEA_NOTIFIED, Action.HOST_NOTIFIED, Action.SEEN_ONLINE)
        world.take_back(0, given_as, US)
        state = world.state(0)
        assert state.to_retract == tuple(one.event_id for one in state.actions[:2])
        assert Review.NOTICE_TO_RETRACT in state.reviews

    def test_without_a_notice_there_is_nothing_to_retract(self) -> None:
        """Or where it rests on another word still."""
        for at, more in enumerate(((), (Action.HOST_NOTIFIED,))):
            world, given_as = self.world(*more)
            if at:
                world.hear(0, Verdict.BASELINE, "gb-iwf", 7)
            world.take_back(0, given_as, US)
            assert not world.state(0).to_retract

    def test_own_correction_lists_them_too(self) -> None:
        """The notice was as wrong."""
        world, _ = self.world(Action.HOST_NOTIFIED)
        world.assess(0, Verdict.NOT_ILLEGAL)
        assert len(world.state(0).to_retract) == 1

    def test_retracted_one_by_one_until_none_is_left(self) -> None:
        """Other actions answer something else."""
        world, given_as = self.world(Action.LEA_NOTIFIED, Action.HOST_NOTIFIED)
        world.take_back(0, given_as, US)
        draft = ActionDraft(action=Action.SEEN_ONLINE)
        record_action(world.book, world.items[0], draft, Forwarding(network(), world.ids, POSTBOX))
        for one in world.state(0).to_retract:
            assert Review.NOTICE_TO_RETRACT in world.state(0).reviews
            record_retraction(world.book, world.items[0], RetractionDraft(action=one))
        state = world.state(0)
        assert (state.to_retract, len(state.retracted), state.reviews) == ((), 2, ())

    def test_only_what_is_due_is_retracted(self) -> None:
        """A slip of the finger, or the second time."""
        world, given_as = self.world(Action.HOST_NOTIFIED)
        (done,) = world.state(0).actions
        with pytest.raises(DraftRejectedError):
            record_retraction(world.book, world.items[0], RetractionDraft(action=done.event_id))
        world.take_back(0, given_as, US)
        record_retraction(world.book, world.items[0], RetractionDraft(action=done.event_id))
        with pytest.raises(DraftRejectedError):
            record_retraction(world.book, world.items[0], RetractionDraft(action=done.event_id))

    def test_judged_illegal_again_it_stands_again(self) -> None:
        """Nothing was retracted, so nothing need be."""
        world, given_as = self.world(Action.HOST_NOTIFIED)
        world.take_back(0, given_as, US)
        world.assess(0, Verdict.BASELINE)
        assert (world.state(0).to_retract, world.state(0).reviews) == ((), (Review.WITHDRAWAL,))

    def test_what_was_retracted_is_not_listed_again(self) -> None:
        """By the next verdict that is taken back."""
        world, given_as = self.world(Action.HOST_NOTIFIED)
        world.take_back(0, given_as, US)
        (due,) = world.state(0).to_retract
        record_retraction(world.book, world.items[0], RetractionDraft(action=due))
        world.take_back(0, world.assess(0, Verdict.BASELINE), US)
        assert world.state(0).to_retract == ()

    def test_of_a_closed_item_too(self) -> None:
        """It was taken down: the hoster may put it back."""
        world, given_as = self.world(Action.HOST_NOTIFIED)
        world.book.loaded.items[world.items[0]] = closed(world.state(0))
        world.take_back(0, given_as, US)
        assert set(world.state(0).reviews) == {Review.WITHDRAWAL, Review.NOTICE_TO_RETRACT}


def test_suggestions_of_others_stay() -> None:
    """Two items suggest their verdict; one of them is judged no more."""
    world = World(file(10, pdq=LOOK), file(11, pdq=LOOK), file(12, pdq=NEAR))
    given_as = world.assess(0, Verdict.BASELINE)
    world.assess(1, Verdict.BASELINE)
    assert {one.item for one in world.state(2).suggestions} == set(world.items[:2])
    world.take_back(0, given_as, US)
    state = world.state(2)
    assert ([one.item for one in state.suggestions], state.reviews) == (
        [world.items[1]],
        (Review.SUGGESTED_VERDICT,),
    )


def test_nothing_happens_where_nothing_was_lost() -> None:
    """Asked again, nor ever."""
    world = World(file(1), standing=True)
    given_as = world.hear(0, Verdict.BASELINE, "gb-iwf", 7)
    world.take_back(0, given_as, "gb-iwf")
    happened = len(world.book.events)
    reconsider(world.book, world.ids, POSTBOX)
    assert len(world.book.events) == happened
    assert world.book.events[-1].kind is not EventKind.NOTICES_DOUBTED


class TestAtOnce:
    """What is undone with the verdict itself, before anybody looks at the content again."""

    def test_conflict_that_is_none_any_more_waits_for_nobody(self) -> None:
        """One of the two members took its word back."""
        world = World(file(1))
        world.hear(0, Verdict.NOT_ILLEGAL, "gb-iwf", 7)
        theirs = world.hear(0, Verdict.BASELINE, "fr-pdc", 8)
        assert Review.VERDICTS_DIFFER in world.state(0).reviews
        world.take_back(0, theirs, "fr-pdc")
        assert Review.VERDICTS_DIFFER not in world.state(0).reviews

    def test_list_that_had_nothing_to_add_speaks(self) -> None:
        """It only suggests, and suggested nothing while the item was judged."""
        world = World(file(1))
        given_as = world.assess(0, Verdict.BASELINE)
        load(world.book, listed(1, Trust.SUGGESTION))
        match_lists(world.book, world.ids, POSTBOX, world.items)
        assert world.state(0).reviews == ()
        world.take_back(0, given_as, US)
        assert world.state(0).reviews == (Review.SUGGESTED_VERDICT,)

    def test_what_looks_like_known_material_is_suggested_again(self) -> None:
        """It was judged itself, so nobody needed the comparison."""
        world = World(file(10, pdq=LOOK), file(11, pdq=NEAR))
        given_as = world.assess(0, Verdict.BASELINE)
        world.hear(1, Verdict.BASELINE, "gb-iwf", 7)
        world.take_back(0, given_as, US)
        state = world.state(0)
        assert (
            [one.item for one in state.suggestions],
            Review.SUGGESTED_VERDICT in state.reviews,
        ) == (
            [world.items[1]],
            True,
        )

    def test_members_word_on_a_file_that_is_harmless_is_before_a_person(self) -> None:
        """A complaint was upheld; the word is its author's to take back, not ours in its name."""
        theirs = verdict(Verdict.BASELINE, "gb-iwf", 7)
        terms = Terms("member/gb-iwf", Provenance.MEMBER)
        told = Listed(1, terms, 1, Entry(file(1), "baseline", None, "x/0", theirs), Trust.AUTO)
        world = World(file(1))
        load(world.book, told)
        match_lists(world.book, world.ids, POSTBOX, world.items)
        assert world.state(0).known
        load(world.book, told, listed(0, Trust.BENIGN, name="complaints"))
        disprove(world.book, [file(1)], world.ids, POSTBOX)
        assert world.state(0).in_force == (theirs,)
        assert Review.SUGGESTED_VERDICT in world.state(0).reviews
