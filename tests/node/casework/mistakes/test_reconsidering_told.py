"""Mistaken verdicts that were corrected, or told outside: what a person must still do."""

from __future__ import annotations

import pytest

from node.casework.contents.listing import match_lists
from node.casework.contents.rejudging import rejudge
from node.casework.errors import DraftRejectedError
from node.casework.events import EventKind, Facts
from node.casework.item import Review
from node.casework.passing_on.routing import Forwarding
from node.casework.reports.draft import ActionDraft, RetractionDraft
from node.casework.working import (
    disprove,
    record_action,
    record_retraction,
)
from node.matching.lists import Entry, Listed, Provenance, Terms, Trust
from protocol.messages import Outcome
from protocol.vocabulary import Action, Verdict
from tests.builders.cases import (
    POSTBOX,
    US,
    closed,
    file,
    network,
    said,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.contents.listed_items import listed, load
from tests.node.casework.mistakes.both_worlds import LOOK, NEAR, World, known


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

    @pytest.mark.parametrize("action", [Action.HOST_NOTIFIED, Action.LEA_NOTIFIED])
    def test_one_that_is_recorded_after_the_correction_is_listed(self, action: Action) -> None:
        """It was under way while a colleague judged anew."""
        world, _ = self.world()
        world.assess(0, Verdict.NOT_ILLEGAL)
        draft = ActionDraft(action=action)
        record_action(world.book, world.items[0], draft, Forwarding(network(), world.ids, POSTBOX))
        assert world.state(0).to_retract == (world.state(0).actions[-1].event_id,)
        assert Review.NOTICE_TO_RETRACT in world.state(0).reviews

    def test_one_of_an_item_that_nobody_judged_is_not(self) -> None:
        """No verdict speaks against it."""
        world = World(file(1))
        draft = ActionDraft(action=Action.LEA_NOTIFIED)
        record_action(world.book, world.items[0], draft, Forwarding(network(), world.ids, POSTBOX))
        assert world.state(0).to_retract == ()

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
