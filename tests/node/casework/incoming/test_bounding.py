"""G11: what one member says of one item has a bound, and so has what it makes a node tell."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from node.casework.contents.rejudging import bring_verdicts
from node.casework.incoming.bounding import MAX_IDS, MAX_SAID, REASON
from node.casework.item import Informant, ItemState, Said
from node.casework.reports.draft import AssessmentDraft
from node.casework.working import record_assessment
from protocol.correspondence import PeerMessage
from protocol.facts import ActionTaken, Sighting
from protocol.messages import DispositionNote, Message, Outcome, Sighted, Withdrawal
from protocol.vocabulary import Action, Disposition, OutcomeWhat, Source, Verdict
from tests.builders.cases import (
    POSTBOX,
    US,
    book,
    event_id,
    file,
    handed_on,
    ids,
    item,
    said,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, item_from, outcome

HERE = item(1, informants=(Informant("gb-iwf", item(1).id), Informant("fr-pdc", item(1).id)))
"""Two members told us of it under one id."""
ID = HERE.id
TASK = ("said_over_bound", f"gb-iwf/{ID}")


def full(state: ItemState = HERE, member: str = "gb-iwf") -> ItemState:
    """The item once a member has said of it all that counts."""
    return msgspec.structs.replace(state, said=(Said(member, MAX_SAID),))


def judged(number: int, author: str = "gb-iwf", item_id: str = ID) -> Outcome:
    """A verdict of `author`."""
    given = verdict(member=author, number=number)
    return outcome(
        item_id,
        OutcomeWhat.ASSESSED,
        author=author,
        event_id=given.event_id,
        assessment=given,
    )


def acted(action: Action, author: str = "fr-pdc") -> Outcome:
    """What `author` did."""
    done = ActionTaken(event_id(44, author), author, action, None, NOW_MS)
    return outcome(ID, OutcomeWhat.ACTED, author=author, event_id=done.event_id, action=done)


def seen_by(member: str, number: int) -> Sighted:
    """Another member saw it."""
    seen = Sighting(event_id(number, member), member, Source.PUBLIC, NOW_MS)
    return Sighted(ID, seen, None, None, child_at_risk=False)


def sighted(number: int) -> Sighted:
    """It was seen once more."""
    return seen_by("gb-iwf", number)


def written(number: int) -> PeerMessage:
    """A person writes."""
    return PeerMessage(ID, event_id(number, "gb-iwf"), "text", NOW_MS)


SAYINGS: dict[str, Callable[[int], Message]] = {
    "own verdicts": judged,
    "another's verdicts": lambda number: judged(number, "pl-dyz"),
    "what another did": lambda number: msgspec.structs.replace(
        acted(Action.LEA_NOTIFIED, "pl-dyz"),
        event_id=event_id(number, "pl-dyz"),
        action=ActionTaken(event_id(number, "pl-dyz"), "pl-dyz", Action.LEA_NOTIFIED, None, NOW_MS),
    ),
    "sightings": sighted,
    "hashes": lambda number: Sighted(ID, None, file(number), None, child_at_risk=False),
    "messages": written,
    "withdrawals of nothing": lambda number: outcome(
        ID, OutcomeWhat.WITHDRAWN, author="gb-iwf", event_id=event_id(number, "gb-iwf")
    ),
    "hand-overs of others": lambda number: outcome(
        ID,
        OutcomeWhat.RESPONSIBLE_CHANGED,
        author="gb-iwf",
        event_id=event_id(number, "gb-iwf"),
        responsible=US,
    ),
}


class TestOneMember:
    """One member says of one item what it likes, for as long as it likes."""

    @pytest.mark.parametrize("kind", SAYINGS)
    def test_g11_item_does_not_grow_without_bound(self, kind: str) -> None:
        """Whatever it is, and in whosever name: the bound is the sender's."""
        receiver = Receiver(HERE)
        for number in range(10, 30 + MAX_SAID):
            receiver("gb-iwf", SAYINGS[kind](number))
        state, events = receiver.state(ID), len(receiver.book.events)
        assert events <= 2 * MAX_SAID
        receiver("gb-iwf", SAYINGS[kind](9_999))
        assert (receiver.state(ID), len(receiver.book.events)) == (state, events)
        assert set(receiver.book.tasks) >= {TASK}

    def test_what_is_beyond_is_before_a_person_and_told_to_nobody(self) -> None:
        """Kept, and without an effect."""
        receiver = Receiver(full())
        found = receiver("gb-iwf", judged(9))
        assert (found.disposition, found.item) == (Disposition.NOT_PERMITTED, ID)
        assert (receiver.state(ID), said(receiver.book)) == (full(), [])
        assert receiver.book.tasks == [TASK]

    @pytest.mark.parametrize("message", [sighted(9), item_from("gb-iwf", 1)])
    def test_sender_of_what_is_answered_hears_that_it_has_no_effect(self, message: Message) -> None:
        """So the item stays with it, before its people."""
        receiver = Receiver(full())
        receiver("gb-iwf", message)
        ((to, note),) = said(receiver.book)
        assert isinstance(note, DispositionNote)
        assert (to, note.disposition) == ("gb-iwf", Disposition.NOT_PERMITTED)
        assert note.reason == REASON

    def test_another_member_is_heard_as_ever(self) -> None:
        """Nobody uses up what is another's."""
        receiver = Receiver(full())
        receiver("fr-pdc", judged(9, "fr-pdc"))
        assert [one.member for one in receiver.state(ID).assessments] == ["fr-pdc"]

    def test_another_member_brings_the_same_authors_word(self) -> None:
        """What is told in an author's name counts as its teller's."""
        receiver = Receiver(HERE)
        for number in range(10, 20 + MAX_SAID):
            receiver("gb-iwf", judged(number, "pl-dyz"))
        receiver("fr-pdc", judged(9, "pl-dyz"))
        assert receiver.state(ID).assessments[-1].event_id == event_id(9, "pl-dyz")

    @pytest.mark.parametrize(
        "passed",
        [
            SAYINGS["another's verdicts"],
            SAYINGS["what another did"],
            lambda n: seen_by("pl-dyz", n),
        ],
        ids=["verdicts", "actions", "reports"],
    )
    def test_what_a_member_passes_on_leaves_its_own_words_their_room(
        self, passed: Callable[[int], Message]
    ) -> None:
        """It is told of a place by all, and corrects a verdict of its own; bounded alike."""
        receiver = Receiver(HERE)
        for number in range(10, 30 + MAX_SAID):
            receiver("gb-iwf", passed(number))
        assert receiver("gb-iwf", passed(9_999)).disposition is Disposition.NOT_PERMITTED
        assert set(receiver.book.tasks) == {TASK}
        receiver("gb-iwf", judged(9))
        assert receiver.state(ID).assessments[-1].member == "gb-iwf"

    def test_people_here_are_not_bound(self) -> None:
        """Theirs is the item."""
        made = book(full(member=US))
        draft = AssessmentDraft(verdict=Verdict.BASELINE)
        record_assessment(made, ID, draft, ids(), POSTBOX)
        assert [one.member for one in made.loaded.items[ID].assessments] == [US]

    def test_verdicts_carried_from_other_items_are_bound(self) -> None:
        """Else it says them of one item after the other that has the content."""
        content = file(7)
        here = full(item(1, content))
        other = item(2, content, assessments=(verdict(number=9),), url=None)
        made = book(here, other)
        bring_verdicts(made, POSTBOX, ID)
        assert made.loaded.items[ID].assessments == ()


class TestAlarm:
    """That a child is at risk is heard whatever else was said."""

    ALARMS = (
        msgspec.structs.replace(sighted(9), child_at_risk=True),
        Sighted(ID, None, None, None, child_at_risk=True),
        item_from("gb-iwf", 1, child_at_risk=True),
    )

    @pytest.mark.parametrize("alarm", ALARMS)
    def test_alarm_is_heard_beyond_the_bound_once(self, alarm: Message) -> None:
        """It makes the item urgent; said again it is one word too many."""
        receiver = Receiver(full())
        found = receiver("gb-iwf", alarm)
        assert found.disposition is not Disposition.NOT_PERMITTED
        assert (receiver.state(ID).child_at_risk, receiver.state(ID).urgency) == (True, 0)
        assert receiver.book.tasks == []
        found = receiver("gb-iwf", alarm, revision=1)
        assert found.disposition is Disposition.NOT_PERMITTED
        assert receiver.book.tasks == [TASK]


class TestEndings:
    """What takes away what stands is heard beyond the bound."""

    def test_verdict_is_taken_back(self) -> None:
        """No notice rests on a word that its author gave up."""
        given = verdict(number=9)
        receiver = Receiver(msgspec.structs.replace(full(), assessments=(given,)))
        news = outcome(ID, OutcomeWhat.WITHDRAWN, author="gb-iwf", event_id=given.event_id)
        receiver("gb-iwf", news)
        assert receiver.state(ID).assessments == ()

    def test_report_is_taken_back(self) -> None:
        """Whole, with its sightings."""
        seen = Sighting(event_id(9, "gb-iwf"), "gb-iwf", Source.PUBLIC, NOW_MS)
        receiver = Receiver(msgspec.structs.replace(full(), sightings=(seen,)))
        found = receiver("gb-iwf", Withdrawal(ID, None, NOW_MS))
        assert found.disposition is Disposition.FOR_A_PERSON
        assert receiver.state(ID).sightings == ()

    def test_g11_report_is_taken_back_again_and_again(self) -> None:
        """What takes nothing back leaves nothing, and is answered as the first was."""
        seen = Sighting(event_id(9, "gb-iwf"), "gb-iwf", Source.PUBLIC, NOW_MS)
        receiver = Receiver(msgspec.structs.replace(HERE, sightings=(seen,)))
        first = receiver("gb-iwf", Withdrawal(ID, None, NOW_MS))
        events = len(receiver.book.events)
        for number in range(1, 9):
            again = receiver("gb-iwf", Withdrawal(ID, None, NOW_MS + number))
            assert again.disposition is first.disposition
        assert len(receiver.book.events) == events

    def test_member_erased_it_once(self) -> None:
        """Said again under another id it is one word too many."""
        receiver = Receiver(full())
        for number in (8, 9):
            news = outcome(
                ID, OutcomeWhat.ERASED, author="gb-iwf", event_id=event_id(number, "gb-iwf")
            )
            receiver("gb-iwf", news)
        assert receiver.state(ID).erased_at == ("gb-iwf",)
        assert receiver.book.tasks == [TASK]

    def test_content_is_gone(self) -> None:
        """Who has the item says so; that it is back again is one word too many."""
        receiver = Receiver(full(handed_on(HERE), "fr-pdc"))
        receiver("fr-pdc", acted(Action.REMOVED))
        assert receiver.state(ID).closed_by is Action.REMOVED
        back = ActionTaken(event_id(45, "fr-pdc"), "fr-pdc", Action.SEEN_ONLINE, None, NOW_MS)
        news = outcome(ID, OutcomeWhat.ACTED, author="fr-pdc", event_id=back.event_id, action=back)
        receiver("fr-pdc", news)
        assert receiver.state(ID).closed_by is Action.REMOVED

    def test_what_was_said_before_is_no_word_too_many(self) -> None:
        """It has no effect again, and troubles nobody."""
        given = verdict(number=9)
        receiver = Receiver(msgspec.structs.replace(full(), assessments=(given,)))
        receiver("gb-iwf", judged(9))
        assert receiver.book.tasks == []


class TestManyIds:
    """One member hands one place over under many ids; what is told goes to each."""

    def handed_over(self) -> Receiver:
        """The place under more ids than count."""
        receiver = Receiver()
        for number in range(1, MAX_IDS + 20):
            receiver("gb-iwf", item_from("gb-iwf", number))
        return receiver

    def test_g11_ids_of_a_member_are_bounded(self) -> None:
        """Beyond the bound the hand-over has no effect, and stands before a person once."""
        receiver = self.handed_over()
        first = event_id(1, "gb-iwf")
        assert len(receiver.state(first).informants) == MAX_IDS
        assert len(receiver.book.loaded.items) == 1
        assert set(receiver.book.tasks) == {("said_over_bound", f"gb-iwf/{first}")}
        found = receiver("gb-iwf", item_from("gb-iwf", 1), revision=1)
        assert found.disposition is Disposition.ECHO or found.disposition is Disposition.REVISION

    def test_g11_one_word_is_told_back_under_few_ids(self) -> None:
        """N hand-overs and M verdicts make no N times M messages."""
        receiver = self.handed_over()
        receiver.book.posts.clear()
        for number in range(100, 200):
            receiver("gb-iwf", judged(number, "pl-dyz", event_id(1, "gb-iwf")))
        assert len(receiver.book.posts) == 100 * (MAX_IDS - 1)

    def test_first_alarm_under_yet_another_id_joins(self) -> None:
        """A child at risk is no bound's to silence; the next one is an id too many again."""
        receiver = self.handed_over()
        found = receiver("gb-iwf", item_from("gb-iwf", 400, child_at_risk=True))
        assert found.disposition is Disposition.DUPLICATE
        assert receiver.state(event_id(1, "gb-iwf")).child_at_risk
        found = receiver("gb-iwf", item_from("gb-iwf", 401, child_at_risk=True))
        assert found.disposition is Disposition.NOT_PERMITTED

    def test_another_member_hands_it_over_still(self) -> None:
        """And is told what becomes of it."""
        receiver = self.handed_over()
        found = receiver("fr-pdc", item_from("fr-pdc", 1))
        assert found.disposition is Disposition.DUPLICATE
        informant = Informant("fr-pdc", event_id(1, "fr-pdc"))
        assert informant in receiver.state(event_id(1, "gb-iwf")).informants
