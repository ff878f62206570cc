"""A list speaks of the files that it names: who made an item known by one spares no look at others.

The verdict stands; of a file that no list knows, a person is asked.
"""

from __future__ import annotations

import pytest

from node.casework.contents.listing import match_lists, unlist
from node.casework.item import ItemState, Review
from node.casework.reports.draft import AssessmentDraft, HashesDraft
from node.casework.working import record_assessment, record_hashes
from node.matching.lists import Listed, Trust
from protocol.vocabulary import Reason, Verdict
from tests.builders.cases import POSTBOX, closed, file, handed_on, item, verdict
from tests.node.casework.contents.listed_items import FILE, HELD, ITEM, later, listed, load, matched

OTHER = file(2)
BOTH = item(1, FILE, OTHER)
ASKED = (Review.SUGGESTED_VERDICT,)


def of_the_other(trust: Trust, number: int = 2) -> Listed:
    """Return what another list says of the other file."""
    return listed(number, trust, OTHER, name="other")


def test_attack_new_file_beside_a_listed_one_waits_for_a_look() -> None:
    """Known by the list, and a person is asked all the same."""
    state = matched(BOTH, listed()).loaded.items[ITEM]
    assert (state.known, state.reviews) == (True, ASKED)


def test_attack_file_that_a_person_adds_later_waits_for_a_look() -> None:
    """Whichever came first: nobody had looked at the item."""
    made = matched(HELD, listed())
    assert made.loaded.items[ITEM].reviews == ()
    sha256 = OTHER.sha256
    assert sha256 is not None
    record_hashes(made, ITEM, HashesDraft(sha256=sha256.hex()), later(50), POSTBOX)
    assert made.loaded.items[ITEM].reviews == ASKED


@pytest.mark.parametrize("trust", [Trust.AUTO, Trust.BENIGN, Trust.PLACEHOLDER])
@pytest.mark.parametrize("first", [2, 0], ids=["after", "before"])
def test_nobody_is_asked_where_lists_know_each_file_or_it_is_harmless(
    trust: Trust, first: int
) -> None:
    """In whatever order the entries are asked."""
    entry = listed(1)
    other = of_the_other(trust, first + 1 if first else 3)
    state = matched(BOTH, entry, other).loaded.items[ITEM]
    assert (state.known, state.reviews) == (True, ())


@pytest.mark.parametrize("trust", [Trust.SUGGESTION, Trust.AUTO_2])
def test_list_that_only_suggests_spares_no_look_at_its_file(trust: Trust) -> None:
    """Suggested first, or not: what makes the item known by the other file settles nothing."""
    for one, other in ((listed(1), of_the_other(trust)), (listed(3), of_the_other(trust))):
        assert matched(BOTH, one, other).loaded.items[ITEM].reviews == ASKED


def test_person_who_judged_the_item_is_not_asked_again() -> None:
    """Nor who could not."""
    for given in (Verdict.BASELINE, Verdict.UNASSESSABLE):
        made = matched(BOTH, listed())
        reason = Reason.LOGIN if given is Verdict.UNASSESSABLE else None
        draft = AssessmentDraft(verdict=given, reason=reason)
        record_assessment(made, ITEM, draft, later(50), POSTBOX)
        match_lists(made, later(70), POSTBOX, [ITEM])
        assert made.loaded.items[ITEM].reviews == ()


@pytest.mark.parametrize(
    "state",
    [
        item(1, FILE, OTHER, assessments=(verdict(member="fr-pdc"),)),
        closed(BOTH),
        handed_on(BOTH),
    ],
    ids=["judged", "closed", "elsewhere"],
)
def test_nobody_is_asked_of_what_somebody_judged_or_has(state: ItemState) -> None:
    """A person looked at the item, or who has it looks."""
    assert matched(state, listed()).loaded.items[ITEM].reviews == ()


def test_look_is_asked_for_once_the_word_on_the_other_file_ends() -> None:
    """Harmless it was by that entry alone."""
    made = matched(BOTH, listed(), of_the_other(Trust.BENIGN))
    load(made, listed())
    unlist(made, later(50), POSTBOX, {2})
    state = made.loaded.items[ITEM]
    assert (state.known, state.reviews) == (True, ASKED)


def test_what_was_asked_goes_with_the_entry_by_which_it_was() -> None:
    """The item is then as if the list had never named it."""
    made = matched(BOTH, listed())
    made.loaded.listed = {}
    unlist(made, later(50), POSTBOX, {1})
    state = made.loaded.items[ITEM]
    assert (state.known, state.reviews, state.listed) == (False, (), ())


def test_list_that_comes_to_know_the_other_file_settles_the_look() -> None:
    """Nobody need view either now."""
    made = matched(BOTH, listed())
    load(made, listed(), of_the_other(Trust.AUTO))
    match_lists(made, later(50), POSTBOX, [ITEM])
    assert made.loaded.items[ITEM].reviews == ()


@pytest.mark.parametrize(("pdq", "reviews"), [(3, ()), (4, ASKED)])
def test_picture_that_was_named_by_its_pdq_alone_is_the_one_of_which_all_is_said(
    pdq: int, reviews: tuple[Review, ...]
) -> None:
    """One that looks ever so little different is another."""
    made = matched(item(1, file(pdq=pdq), file(1, pdq=3)), listed())
    assert made.loaded.items[ITEM].known
    assert made.loaded.items[ITEM].reviews == reviews
