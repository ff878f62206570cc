"""With which verdict somebody looked at which of an item's files (§6.6.1): one rule after another.

What follows for whoever reports, asks or is told: `test_files_unnamed.py`, `test_unseen_files.py`.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from node.casework.contents.listing import match_lists
from node.casework.contents.seeing import beside, is_unseen, looked_at, seen, seen_by
from node.casework.events import EventKind, HandedOn, Kept
from node.casework.item import Custody, Informant, ItemState, Review, Step
from node.casework.reports.draft import AssessmentDraft
from node.casework.working import record_assessment, withdraw_verdict
from protocol.facts import Assessment, Content, Hop
from protocol.vocabulary import Verdict
from tests.builders.cases import (
    POSTBOX,
    US,
    country,
    event_id,
    file,
    handed_on,
    item,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, item_from, said_of
from tests.node.casework.contents.listed_items import later, listed, load

THERE = "https://nl9.example/9.jpg"
IWF = Informant("gb-iwf", item(7).id)
UNABLE = verdict(Verdict.UNASSESSABLE, member="fr-pdc", number=901)


def here(*content: Content, **changes: Any) -> ItemState:
    """Return an item of this place, of whose files no member told, unless told otherwise."""
    facts: dict[str, Any] = {"url": THERE, "named": ()} | changes
    return item(3, *content, **facts)


class TestFileThatComes:
    """Whether it waits for a look."""

    JUDGED = here(file(1, md5=1), file(pdq=3), assessments=(verdict(),))

    @pytest.mark.parametrize("known", [file(1), file(1, sha1=2), file(pdq=3)])
    def test_what_is_told_again_waits_for_nobody(self, known: Content) -> None:
        """Also where nothing is known of it but how it looks."""
        assert not is_unseen(self.JUDGED, (known,))

    @pytest.mark.parametrize("comes", [file(2), file(md5=1), file(2, pdq=3), file(pdq=2)])
    def test_what_is_not_for_sure_the_same_waits(self, comes: Content) -> None:
        """By a weak hash, or a picture, nobody saw it."""
        assert is_unseen(self.JUDGED, (file(1), comes))

    def test_it_waits_for_no_look_where_there_is_none_to_be_had(self) -> None:
        """Nobody judged, or nobody will."""
        for state in (
            here(file(1)),
            here(file(1), assessments=(UNABLE,)),
            here(file(1), assessments=(verdict(),), custody=Custody.COUNTED),
        ):
            assert not is_unseen(state, (file(2),))

    def test_it_waits_unless_all_who_judged_have_seen_it(self) -> None:
        """Of two verdicts one is not on it."""
        first, second = verdict(member="gb-iwf"), verdict(member="fr-pdc", number=901)
        state = here(assessments=(first, second, UNABLE))
        assert is_unseen(state, (file(2),), lambda given: given is second)
        assert not is_unseen(state, (file(2),), lambda given: given is not UNABLE)


def test_look_takes_the_place_of_an_earlier_one_at_the_same_file_and_of_no_other() -> None:
    """Whose verdict it is part of is told with that verdict."""
    before = ((0, US, 3), (1, "fr-pdc", 5), (2, US, 4))
    state = here(file(1), file(2), file(3), unseen=(1,), looks=before)
    assert looked_at(state) == {"unseen": (), "looks": (before[0], before[2], (1, "", 0))}


def test_of_which_file_a_verdict_is_that_came_by_one_of_several_nobody_knows_any_more() -> None:
    """Of an only file there is no question."""
    ours, carried = verdict(member=US), verdict(member="fr-pdc", number=901)
    both = here(file(1), file(2), assessments=(ours, carried), carried=(carried.event_id,))
    assert (seen_by(both, ours), seen_by(both, carried)) == (frozenset({0, 1}), None)
    one = msgspec.structs.replace(both, content=(file(1),))
    assert seen_by(one, carried) == frozenset({0})


def judge(receiver: Receiver, first: int) -> None:
    """Let a person here judge the item."""
    draft = AssessmentDraft(verdict=Verdict.BASELINE)
    record_assessment(receiver.book, here().id, draft, later(first), POSTBOX)


def test_verdict_that_follows_from_a_list_is_no_look() -> None:
    """The look was part of a verdict that is taken back; no machine looks in its place."""
    receiver = Receiver(here(file(1), assessments=(verdict(member="fr-pdc"),)))
    receiver("gb-iwf", item_from("gb-iwf", 7, file(1), file(2), url=THERE))
    judge(receiver, 50)
    state = receiver.state(here().id)
    assert (state.unseen, [look[:2] for look in state.looks]) == ((), [(1, US)])
    own = state.assessments[-1].event_id
    withdraw_verdict(receiver.book, state.id, own, later(70), POSTBOX)
    assert receiver.state(state.id).unseen == (1,)
    load(receiver.book, listed(1, content=file(1)))
    match_lists(receiver.book, later(90), POSTBOX, [state.id])
    state = receiver.state(state.id)
    assert [one.member for one in state.assessments] == ["fr-pdc", US]
    assert state.unseen == (1,)
    assert Review.SUGGESTED_VERDICT in state.reviews


class TestFirstVerdict:
    """Which files wait that stood there before somebody judged the item."""

    def test_person_of_ours_saw_them_all_under_whatever_name(self) -> None:
        """A pseudonym stands behind the member's id."""
        given = verdict(member=US)
        state = here(file(1), informants=(IWF,))
        assert beside(state, f"{US}/anna", given) == {}
        assert beside(state, "gb-iwf", verdict())["unseen"] == (0,)

    def test_file_that_waits_is_looked_at_by_nobody_and_another_still_by_who_did(self) -> None:
        """An earlier look is none at what nobody saw with a verdict that stands."""
        before = ((0, US, 3), (1, US, 3))
        state = here(
            file(1), file(2), informants=(IWF,), named=(("gb-iwf", 1),), unseen=(1,), looks=before
        )
        assert beside(state, "gb-iwf", verdict()) == {"unseen": (0, 1), "looks": before[1:]}

    def test_that_another_could_not_judge_them_was_no_verdict(self) -> None:
        """Whoever judges next is the first."""
        receiver = Receiver(here(file(1), assessments=(UNABLE,)))
        receiver("gb-iwf", item_from("gb-iwf", 7, url=THERE, assessments=(verdict(),)))
        assert receiver.state(here().id).unseen == (0,)
        assert Review.SUGGESTED_VERDICT in receiver.state(here().id).reviews


class TestWayOn:
    """An item that went on from here, and to others from there."""

    AWAY = handed_on(here(file(1), informants=(IWF,)))
    ON = msgspec.structs.replace(
        AWAY, steps=(Step(event_id(90, US), US, "fr-pdc"), Step(event_id(91), "fr-pdc", "de-eco"))
    )

    @staticmethod
    def waiting(state: ItemState, given: Assessment) -> tuple[int, ...]:
        """Return which files wait once a member says itself that it judged the item."""
        return tuple(beside(state, given.member, given).get("unseen", ()))

    @pytest.mark.parametrize("to", ["fr-pdc", "de-eco"])
    def test_who_has_it_or_had_it_on_the_way_saw_what_stands_here(self, to: str) -> None:
        """It went there with all files."""
        given = verdict(member=to)
        assert self.waiting(self.ON, given) == ()
        after = msgspec.structs.replace(self.ON, **beside(self.ON, to, given))
        assert seen(after, given) == frozenset({0})
        assert after.named == ((to, 0),)

    @pytest.mark.parametrize("state", [AWAY, ON], ids=["one_step", "two_steps"])
    def test_who_was_never_on_the_way_saw_what_it_told_of(self, state: ItemState) -> None:
        """It had reported the page alone."""
        assert self.waiting(state, verdict(member="gb-iwf")) == (0,)


@pytest.mark.parametrize("judged_here", [False, True])
def test_who_had_the_item_saw_all_of_it_whoever_else_had_judged_it(*, judged_here: bool) -> None:
    """It had told of a page without a file; the item was taken back before it judged."""
    given = (verdict(member="de-eco", number=902),) if judged_here else ()
    state, other = here(file(1), assessments=given), item(4, file(1), url="https://nl4.example/4")
    receiver = Receiver(state, other)
    page = item_from("fr-pdc", 7, url=THERE)
    receiver("fr-pdc", page)
    hops = (*state.hops, Hop("fr-pdc", NOW_MS))
    there = HandedOn("fr-pdc", orphan=False, hops=hops, jurisdiction=country("FR"))
    back = Kept(US, orphan=False, hops=(*hops, Hop(US, NOW_MS)), jurisdiction=None)
    receiver.book.record(state.id, EventKind.HANDED_ON, there, at_ms=NOW_MS, actor=US)
    receiver.book.record(state.id, EventKind.KEPT, back, at_ms=NOW_MS, actor=US)
    receiver("fr-pdc", said_of(page.item_id, verdict(member="fr-pdc")))
    assert receiver.state(state.id).unseen == ()
    assert "fr-pdc" in {one.member for one in receiver.state(other.id).assessments}
