"""Whose answer counts: that of the member which has the item from us now, and how often."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from node.casework.incoming.bounding import MAX_SAID
from node.casework.item import Custody, Informant, Review, Said
from node.casework.passing_on.custody import take_custody
from node.casework.passing_on.routing import Choice, Forwarding, route
from node.casework.telling import handed_on_to
from protocol.dispositions import Cited, Dispositions
from protocol.messages import Message
from protocol.vocabulary import Disposition, Lane
from tests.builders.cases import (
    POSTBOX,
    country,
    event_id,
    handed_on,
    ids,
    item,
    network,
)
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, answer

GB, FR = "gb-iwf", "fr-pdc"
ITEM = event_id(1, GB)
AWAY = handed_on(item(1, informants=(Informant(GB, ITEM),)))
Form = Callable[[Disposition, str | None], Message]
LEAF = b"\x01" * 32
TASK = ("said_over_bound", f"{FR}/{ITEM}")


def refused_and_handed_to_another() -> Receiver:
    """Our item once FR had refused it, and a person handed it to GB."""
    receiver = Receiver(AWAY)
    receiver(FR, answer(ITEM, Disposition.NOT_HERE))
    receiver.book.now += 60_000
    forwarding = Forwarding(network(), ids(), POSTBOX)
    route(receiver.book, ITEM, country("GB"), None, forwarding, chosen=Choice(GB))
    assert handed_on_to(receiver.book, receiver.state(ITEM)) == GB
    return receiver


def alone(word: Disposition, responsible: str | None) -> Message:
    """The answer to one entry."""
    return answer(ITEM, word, responsible=responsible)


def crowd(word: Disposition, responsible: str | None) -> Message:
    """The answer to several entries, one of them our item."""
    return Dispositions(Lane.REPORTS, bytes(8), word, responsible, NOW_MS, (Cited(0, LEAF),))


def test_10_1_who_never_was_handed_it_answers_nothing() -> None:
    """And has nobody looked for: anybody could say so."""
    receiver = Receiver(handed_on(item(1)))
    found = receiver(GB, answer(ITEM, Disposition.NEW))
    assert (found.disposition, receiver.book.tasks) == (Disposition.NOT_PERMITTED, [])


@pytest.mark.parametrize("form", [alone, crowd])
class TestFormerHolder:
    """It refused the item, and answers once more after that went to another."""

    def told(self, form: Form, responsible: str | None = FR) -> Receiver:
        """What becomes of it."""
        receiver = refused_and_handed_to_another()
        receiver.book.loaded.cited = {(FR, LEAF): ITEM}
        found = receiver(FR, form(Disposition.NEW, responsible), revision=1)
        assert found.disposition is Disposition.NOT_PERMITTED
        return receiver

    def test_10_1_it_does_not_answer_for_who_has_it(self, form: Form) -> None:
        """Nor is it responsible again."""
        state = self.told(form).state(ITEM)
        assert (state.answer, state.answered_by, state.responsible) == (None, None, GB)

    def test_10_1_refusal_of_who_has_it_brings_it_back(self, form: Form) -> None:
        """As if nobody had spoken before."""
        receiver = self.told(form)
        receiver(GB, answer(ITEM, Disposition.NOT_HERE))
        state = receiver.state(ITEM)
        assert (state.custody, state.answered_by) == (Custody.HERE, GB)


def test_10_1_answer_that_comes_late_says_nothing_of_what_is_here_again() -> None:
    """The item went round meanwhile, and is ours."""
    receiver = Receiver(AWAY)
    take_custody(receiver.book, POSTBOX, ids(), ITEM)
    receiver(FR, answer(ITEM, Disposition.FORWARDED, responsible=GB))
    state = receiver.state(ITEM)
    assert (state.custody, state.answer, state.reviews) == (Custody.HERE, None, ())


@pytest.mark.parametrize("form", [alone, crowd])
def test_10_1_who_is_no_member_is_responsible_for_nothing(form: Form) -> None:
    """The answer counts, and the item is where it went."""
    receiver = Receiver(AWAY)
    receiver.book.loaded.cited = {(FR, LEAF): ITEM}
    receiver(FR, form(Disposition.FORWARDED, "zz-nobody"))
    state = receiver.state(ITEM)
    assert (state.answer, state.responsible) == (Disposition.FORWARDED, FR)


class TestManyAnswers:
    """One member answers one item for as long as it likes (§10.8)."""

    def test_g11_answers_of_a_member_leave_no_more_events_than_count(self) -> None:
        """What is beyond has no effect, and is before a person."""
        receiver = Receiver(AWAY)
        for number in range(MAX_SAID + 20):
            named = (FR, GB)[number % 2]
            note = answer(ITEM, Disposition.DUPLICATE, responsible=named, at_ms=NOW_MS + number)
            receiver(FR, note, revision=number)
        assert len(receiver.book.events) <= MAX_SAID
        assert set(receiver.book.tasks) == {TASK}

    def test_answers_leave_its_other_words_their_room(self) -> None:
        """An honest member answers each sighting of a place that is reported everywhere."""
        receiver = Receiver(AWAY)
        receiver(FR, answer(ITEM, Disposition.NEW))
        assert receiver.state(ITEM).said == (Said(FR, 0, 1),)

    def test_refusal_of_the_item_is_heard_beyond_the_bound(self) -> None:
        """It ends something: the item comes back."""
        receiver = refused_and_handed_to_another()
        state = receiver.state(ITEM)
        full = (Said(GB, 0, MAX_SAID),)
        receiver.book.loaded.items[ITEM] = msgspec.structs.replace(state, said=full)
        receiver(GB, answer(ITEM, Disposition.NOT_PERMITTED))
        after = receiver.state(ITEM)
        assert after.custody is Custody.HERE
        assert Review.REFUSED_BY_PEER in after.reviews
