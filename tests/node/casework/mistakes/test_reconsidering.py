"""A mistaken verdict, taken back: the world ends as if it had never been given."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from node.casework.errors import UnknownVerdictError
from node.casework.events import EventKind
from node.casework.item import Review
from node.casework.mistakes.reconsidering import reconsider
from node.casework.working import withdraw_verdict
from protocol.messages import Outcome
from protocol.vocabulary import OutcomeWhat, Verdict
from tests.builders.cases import (
    OTHER_PLACE,
    POSTBOX,
    US,
    event_id,
    file,
    item,
    said,
    verdict,
)
from tests.node.casework.arriving import Receiver, item_from
from tests.node.casework.contents.listed_items import later, listed, load
from tests.node.casework.mistakes.both_worlds import HEARD, LOOK, NEAR, PICTURES, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from protocol.facts import Content

FILES = (file(1), file(2), file(3))

"""Few files in many places: verdicts are carried over, and lists name them."""


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


def test_what_a_list_knows_by_one_file_alone_asks_once_nothing_else_suggests_it() -> None:
    """The other file of the item nobody saw."""
    page = item(3, url=OTHER_PLACE, named=(), assessments=(verdict(member=US),))
    receiver = Receiver(page)
    load(receiver.book, listed())
    receiver("gb-iwf", item_from("gb-iwf", 7, file(1), url=OTHER_PLACE))
    both = item_from("gb-iwf", 8, file(2), file(1))
    receiver("gb-iwf", both)
    assert [one.item for one in receiver.state(both.item_id).suggestions] == [page.id]
    withdraw_verdict(receiver.book, page.id, verdict(member=US).event_id, later(50), POSTBOX)
    there = receiver.state(both.item_id)
    assert (there.suggestions, there.reviews) == ((), (Review.SUGGESTED_VERDICT,))


def test_nothing_happens_where_nothing_was_lost() -> None:
    """Asked again, nor ever."""
    world = World(file(1), standing=True)
    given_as = world.hear(0, Verdict.BASELINE, "gb-iwf", 7)
    world.take_back(0, given_as, "gb-iwf")
    happened = len(world.book.events)
    reconsider(world.book, world.ids, POSTBOX)
    assert len(world.book.events) == happened
    assert world.book.events[-1].kind is not EventKind.NOTICES_DOUBTED
