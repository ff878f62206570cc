"""A verdict on one file of an item spares no look at another beside it, whatever came first.

It stands; of a file that nobody saw, a person is asked (docs/threat-model.md).
"""

from __future__ import annotations

import pytest

from node.casework.casebook import Casebook
from node.casework.contents.listing import match_lists, unlist
from node.casework.contents.rejudging import rejudge
from node.casework.item import Custody, ItemState, Review
from node.casework.reports.draft import AssessmentDraft, HashesDraft
from node.casework.working import record_assessment, record_hashes, withdraw_verdict
from node.matching.lists import Trust
from protocol.facts import Content
from protocol.vocabulary import Disposition, Verdict
from tests.builders.cases import POSTBOX, US, book, closed, file, handed_on, item, verdict
from tests.node.casework.arriving import Receiver, item_from
from tests.node.casework.contents.listed_items import later, listed, load

ASKED = (Review.SUGGESTED_VERDICT,)
JUDGED = verdict(member="fr-pdc")


def at_number(number: int, *content: Content, judged: bool = False) -> ItemState:
    """Return an item at a place of its own."""
    url = f"https://nl{number}.example/{number}.jpg"
    return item(number, *content, url=url, assessments=(JUDGED,) if judged else ())


A, B = at_number(1, file(1), judged=True), item(2, file(2), url="https://nl2.example/2.jpg")
BOTH = at_number(3, file(1), file(2))


def judge(made: Casebook, state: ItemState, first: int) -> None:
    """Let a person here judge an item."""
    draft = AssessmentDraft(verdict=Verdict.BASELINE)
    record_assessment(made, state.id, draft, later(first), POSTBOX)


def both(made: Casebook) -> tuple[bool, tuple[Review, ...]]:
    """Return what is held of the item of two files."""
    state = made.loaded.items[BOTH.id]
    return state.known, state.reviews


def test_attack_new_file_beside_a_known_one_waits_for_a_look() -> None:
    """Known by the other item, and a person is asked all the same."""
    receiver = Receiver(A)
    said = receiver("gb-iwf", item_from("gb-iwf", 7, file(1), file(2), url="https://nl9.example/9"))
    state = receiver.state(item_from("gb-iwf", 7).item_id)
    assert (said.disposition, state.known, state.reviews) == (Disposition.NEW_KNOWN, True, ASKED)


def test_attack_file_that_a_person_adds_beside_a_known_one_waits_for_a_look() -> None:
    """Whichever came first: nobody had looked at the item."""
    known = at_number(3, file(1))
    made = book(A, known)
    rejudge(made, POSTBOX, known.id)
    assert both(made) == (True, ())
    sha256 = file(2).sha256
    assert sha256 is not None
    record_hashes(made, known.id, HashesDraft(sha256=sha256.hex()), later(50), POSTBOX)
    assert both(made) == (True, ASKED)


def test_attack_verdict_that_comes_later_spares_no_look_at_the_other_file() -> None:
    """The items stood here before anybody judged the one file."""
    made = book(at_number(1, file(1)), BOTH)
    judge(made, A, 50)
    assert both(made) == (True, ASKED)


@pytest.mark.parametrize("order", [(A, B), (B, A)], ids=["one", "other"])
def test_nobody_is_asked_once_each_file_is_judged_somewhere(
    order: tuple[ItemState, ItemState],
) -> None:
    """In whatever order that was."""
    made = book(at_number(1, file(1)), B, BOTH)
    judge(made, order[0], 50)
    assert both(made) == (True, ASKED)
    judge(made, order[1], 70)
    assert both(made) == (True, ())


def test_another_word_on_one_file_asks_nobody_of_what_is_judged() -> None:
    """What a decision does not see of the other file says nothing against it."""
    more = at_number(4, file(1))
    made = book(at_number(1, file(1)), B, BOTH, more)
    judge(made, A, 50)
    judge(made, B, 70)
    judge(made, more, 90)
    assert both(made) == (True, ())


@pytest.mark.parametrize("trust", [Trust.AUTO, Trust.BENIGN, Trust.PLACEHOLDER])
def test_nobody_is_asked_of_a_file_that_lists_know(trust: Trust) -> None:
    """Or call harmless."""
    made = load(book(A, BOTH), listed(1, trust, file(2)))
    rejudge(made, POSTBOX, BOTH.id)
    assert both(made) == (True, ())


@pytest.mark.parametrize("state", [closed(BOTH), handed_on(BOTH)], ids=["closed", "elsewhere"])
def test_nobody_is_asked_of_what_is_not_to_be_worked_on_here(state: ItemState) -> None:
    """Who has it looks."""
    made = book(A, state)
    rejudge(made, POSTBOX, BOTH.id)
    assert both(made) == (True, ())


def test_person_who_judges_the_item_has_looked() -> None:
    """And is asked no more, whatever is carried over later."""
    made = book(A, BOTH)
    rejudge(made, POSTBOX, BOTH.id)
    assert both(made) == (True, ASKED)
    judge(made, BOTH, 50)
    rejudge(made, POSTBOX, BOTH.id)
    assert both(made) == (True, ())


def test_look_is_asked_for_once_the_verdict_on_the_other_file_is_taken_back() -> None:
    """By that verdict alone nobody had to look."""
    made = book(A, B, BOTH)
    judge(made, B, 50)
    rejudge(made, POSTBOX, BOTH.id)
    given = next(one for one in made.loaded.items[B.id].assessments if one.member == US)
    withdraw_verdict(made, B.id, given.event_id, later(70), POSTBOX)
    assert both(made) == (True, ASKED)


def test_what_was_asked_goes_with_the_verdict_by_which_it_was() -> None:
    """The item is then as if nobody had judged the other one."""
    one = at_number(1, file(1))
    made = book(one, BOTH)
    judge(made, one, 50)
    given = made.loaded.items[one.id].assessments[0]
    withdraw_verdict(made, one.id, given.event_id, later(70), POSTBOX)
    assert both(made) == (False, ())
    assert made.loaded.items[BOTH.id].custody is Custody.HERE


def test_entry_that_goes_takes_no_look_along_that_another_item_asks_for() -> None:
    """The list had asked first."""
    made = load(book(at_number(1, file(1)), BOTH), listed())
    match_lists(made, later(40), POSTBOX, [BOTH.id])
    judge(made, A, 50)
    made.loaded.listed = {}
    unlist(made, later(70), POSTBOX, {1})
    assert both(made) == (True, ASKED)


def test_attack_file_whose_finder_could_not_assess_it_waits_for_a_look_all_the_same() -> None:
    """That somebody cannot say is no verdict that had made the item known before."""
    unable = verdict(Verdict.UNASSESSABLE, member="gb-iwf")
    receiver = Receiver(
        item(3, file(1), file(2), url="https://nl3.example/3.jpg", assessments=(unable,))
    )
    brought = item_from("fr-pdc", 7, file(1), url="https://nl9.example/9", assessments=(JUDGED,))
    receiver("fr-pdc", brought)
    assert both(receiver.book) == (True, ASKED)
