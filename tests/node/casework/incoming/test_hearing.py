"""What the status lane brings: heard once, told on, and believed only from who is in the story."""

from __future__ import annotations

import msgspec
import pytest

from node.casework.events import Erasure
from node.casework.incoming.receiving import Answer, Judged
from node.casework.item import REFUSALS, Custody, Informant, ItemState, Review
from protocol import entry as entries
from protocol.dispositions import ALONE, Cited, Dispositions
from protocol.facts import ActionTaken, Evidence, Hop, Moved
from protocol.messages import Outcome
from protocol.vocabulary import Action, Disposition, Kind, Lane, OutcomeWhat, Verdict
from tests.builders.cases import (
    US,
    closed,
    event_id,
    file,
    handed_on,
    happened,
    item,
    said,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, answer, outcome

ITEM = item(1).id
ALIAS = event_id(2, "gb-iwf")
AWAY = handed_on(item(1, informants=(Informant("gb-iwf", ALIAS),), aliases=(ALIAS,)))
"""Came from gb-iwf, which knows it under another id; handed on to fr-pdc."""
REMOVED = ActionTaken(event_id(71, "fr-pdc"), "fr-pdc", Action.REMOVED, None, NOW_MS)


def said_to_fr(kind: Kind, revision: int) -> list[bytes]:
    """Ids of what was said of the item to the member that has it, in the forms that it may read."""
    said_so = (ITEM, revision, "fr-pdc")
    return [entries.entry_id(bytes(32), kind, *said_so, version) for version in entries.VERSIONS]


def removed(item_id: str = ITEM, author: str = "fr-pdc") -> Outcome:
    """The news that it was removed."""
    minted = REMOVED.event_id.replace(REMOVED.member, author)
    action = msgspec.structs.replace(REMOVED, member=author, event_id=minted)
    return outcome(
        item_id, OutcomeWhat.ACTED, action=action, author=author, event_id=action.event_id
    )


def told(receiver: Receiver) -> list[tuple[str, str]]:
    """To whom what is told: (member, item id it knows)."""
    return [(to, m.item_id) for to, m in said(receiver.book) if isinstance(m, Outcome)]


class TestOutcomes:
    """Recorded, and told on along the chain."""

    def test_outcome_goes_to_everybody_but_where_it_came_from(self) -> None:
        """Each under the id it knows."""
        receiver = Receiver(AWAY)
        receiver("fr-pdc", removed())
        assert told(receiver) == [("gb-iwf", ALIAS)]
        assert receiver.state(ITEM).closed_by is Action.REMOVED

    def test_what_is_one_item_here_and_two_there_is_heard_of_both(self) -> None:
        """Under the other id the sender has not heard it, though it told us."""
        known = (Informant("gb-iwf", ITEM), Informant("gb-iwf", ALIAS))
        receiver = Receiver(item(1, informants=known, aliases=(ALIAS,)))
        given = verdict(member="fr-pdc")
        news = outcome(
            ITEM, OutcomeWhat.ASSESSED, assessment=given, event_id=given.event_id, author="fr-pdc"
        )
        receiver("gb-iwf", news)
        assert told(receiver) == [("gb-iwf", ALIAS)]

    def test_outcome_from_upstream_goes_down_the_chain(self) -> None:
        """The finder's verdict reaches the holder."""
        receiver = Receiver(AWAY)
        given = verdict(member="gb-iwf")
        news = outcome(
            ALIAS,
            OutcomeWhat.ASSESSED,
            assessment=given,
            author="gb-iwf",
            event_id=given.event_id,
        )
        receiver("gb-iwf", news)
        assert told(receiver) == [("fr-pdc", ITEM)]

    def test_verdict_that_is_heard_goes_to_what_waits_with_the_same_file(self) -> None:
        """As it would if that had come a moment later: nobody need view it (rule 2)."""
        heard = item(1, file(1), informants=(Informant("gb-iwf", ITEM),))
        waits = item(2, file(1), url="https://nl2.example/2.jpg")
        receiver = Receiver(heard, waits)
        given = verdict(member="gb-iwf")
        news = outcome(
            ITEM, OutcomeWhat.ASSESSED, assessment=given, event_id=given.event_id, author="gb-iwf"
        )
        receiver("gb-iwf", news)
        assert receiver.state(waits.id).assessments == (given,)

    def test_author_is_not_told_its_own_news(self) -> None:
        """It comes round by another way."""
        receiver = Receiver(AWAY)
        news = outcome(
            ITEM, OutcomeWhat.ASSESSED, assessment=verdict(member="gb-iwf"), author="gb-iwf"
        )
        receiver("fr-pdc", news)
        assert told(receiver) == []

    @pytest.mark.parametrize(
        "news",
        [
            removed(),
            outcome(
                ITEM,
                OutcomeWhat.ASSESSED,
                assessment=verdict(member="fr-pdc"),
                event_id=verdict(member="fr-pdc").event_id,
            ),
            outcome(ITEM),
            outcome(ITEM, OutcomeWhat.RESPONSIBLE_CHANGED, responsible="fr-pdc"),
            outcome(ITEM, OutcomeWhat.MOVED, moved=Moved("gb-iwf", "GB", ())),
        ],
        ids=["acted", "assessed", "reopened", "responsible", "moved"],
    )
    def test_same_news_heard_twice_has_one_effect_and_is_told_once(self, news: Outcome) -> None:
        """It may come by two ways, under two ids."""
        receiver = Receiver(AWAY)
        receiver("fr-pdc", news)
        events, messages = happened(receiver.book), said(receiver.book)
        receiver("fr-pdc", msgspec.structs.replace(news, item_id=ALIAS), revision=2)
        assert happened(receiver.book) == events
        assert said(receiver.book) == messages

    def test_new_holder_and_its_evidence_are_learnt(self) -> None:
        """And the finder hears of both."""
        receiver = Receiver(AWAY)
        proof = Evidence("203.0.113.9", "world", "2", "GB")
        receiver("fr-pdc", outcome(ITEM, OutcomeWhat.MOVED, moved=Moved("gb-iwf", "GB", (proof,))))
        state = receiver.state(ITEM)
        assert (state.responsible, state.country) == ("gb-iwf", "GB")
        assert state.jurisdiction is not None
        assert state.jurisdiction.evidence == (proof,)

    def test_contradicting_verdicts_go_to_a_person(self) -> None:
        """Whatever order they come in."""
        receiver = Receiver(handed_on(item(1, assessments=(verdict(member="gb-iwf"),))))
        other = verdict(Verdict.NOT_ILLEGAL, "fr-pdc", 5)
        receiver(
            "fr-pdc",
            outcome(ITEM, OutcomeWhat.ASSESSED, assessment=other, event_id=other.event_id),
        )
        assert receiver.state(ITEM).review is Review.VERDICTS_DIFFER

    def test_corrected_verdict_is_no_contradiction(self) -> None:
        """An author may change its mind."""
        receiver = Receiver(handed_on(item(1, assessments=(verdict(member="fr-pdc"),))))
        corrected = msgspec.structs.replace(
            verdict(Verdict.NOT_ILLEGAL, "fr-pdc", 5), at_ms=NOW_MS + 1
        )
        receiver(
            "fr-pdc",
            outcome(ITEM, OutcomeWhat.ASSESSED, assessment=corrected, event_id=corrected.event_id),
        )
        assert receiver.state(ITEM).review is None

    def test_member_outside_of_the_story_is_not_heard(self) -> None:
        """Whoever learnt the id cannot close anything."""
        receiver = Receiver(item(1))
        assert receiver("fr-pdc", removed()).disposition is Disposition.NOT_PERMITTED
        assert happened(receiver.book) == []

    @pytest.mark.parametrize(
        "forged",
        [
            outcome(
                ITEM,
                OutcomeWhat.ASSESSED,
                assessment=verdict(Verdict.NOT_ILLEGAL, US),
                author=US,
                event_id=verdict(Verdict.NOT_ILLEGAL, US).event_id,
            ),
            outcome(
                ITEM,
                OutcomeWhat.ASSESSED,
                assessment=verdict(Verdict.NOT_ILLEGAL, US),
                author="fr-pdc",
                event_id=verdict(Verdict.NOT_ILLEGAL, "fr-pdc").event_id,
            ),
            msgspec.structs.replace(removed(), author="de-eco"),
        ],
        ids=["our own verdict", "our verdict under its name", "another author than the id says"],
    )
    def test_words_put_into_anothers_mouth_are_refused(self, forged: Outcome) -> None:
        """An event bears its author's name; what we did nobody tells us."""
        receiver = Receiver(AWAY)
        assert receiver("fr-pdc", forged).disposition is Disposition.NOT_PERMITTED
        assert happened(receiver.book) == []

    @pytest.mark.parametrize(
        "news",
        [
            removed(ALIAS),
            outcome(ALIAS),
            outcome(ALIAS, OutcomeWhat.RESPONSIBLE_CHANGED, responsible="gb-iwf"),
            outcome(ALIAS, OutcomeWhat.MOVED, moved=Moved("gb-iwf", "GB", ())),
        ],
        ids=["acted", "reopened", "responsible", "moved"],
    )
    def test_reporter_cannot_speak_for_the_holder(self, news: Outcome) -> None:
        """What was done comes from those to whom the item went, not from where it came."""
        receiver = Receiver(AWAY)
        assert receiver("gb-iwf", news).disposition is Disposition.NOT_PERMITTED
        assert happened(receiver.book) == []

    def test_notice_that_a_reporter_gave_goes_down_the_chain(self) -> None:
        """Whoever has the item would write to the same hoster once more."""
        receiver = Receiver(AWAY)
        news = removed(ALIAS, "gb-iwf")
        assert news.action is not None
        action = msgspec.structs.replace(news.action, action=Action.HOST_NOTIFIED)
        receiver("gb-iwf", msgspec.structs.replace(news, action=action))
        assert receiver.state(ITEM).actions == (action,)
        assert told(receiver) == [("fr-pdc", ITEM)]

    def test_word_of_a_reporter_does_not_close_what_is_ours(self) -> None:
        """We look for ourselves; so a stolen key stops no notice."""
        receiver = Receiver(item(1, informants=(Informant("gb-iwf", ITEM),)))
        receiver("gb-iwf", removed(author="gb-iwf"))
        state = receiver.state(ITEM)
        assert (state.closed_ms, state.review) == (None, Review.PERHAPS_GONE)


class TestDispositions:
    """Answers to our entries."""

    def test_answer_is_recorded_with_who_is_responsible(self) -> None:
        """The receiver may have handed it on at once."""
        receiver = Receiver(AWAY)
        receiver("fr-pdc", answer(ITEM, Disposition.NEW, responsible="gb-iwf"))
        state = receiver.state(ITEM)
        assert (state.answer, state.answered_by) == (Disposition.NEW, "fr-pdc")
        assert state.responsible == "gb-iwf"

    @pytest.mark.parametrize(
        "word",
        [Disposition.NOT_PERMITTED, Disposition.MALFORMED, Disposition.UNKNOWN_KIND],
    )
    def test_refused_item_stays_with_us_in_front_of_a_person(self, word: Disposition) -> None:
        """Who refuses it is not responsible for it."""
        receiver = Receiver(AWAY)
        receiver("fr-pdc", answer(ITEM, word))
        state = receiver.state(ITEM)
        assert (state.custody, state.responsible) == (Custody.HERE, US)
        assert state.review is Review.REFUSED_BY_PEER

    def test_refused_sighting_takes_no_item_back(self) -> None:
        """The item itself was accepted before."""
        receiver = Receiver(AWAY)
        receiver("fr-pdc", answer(ITEM, Disposition.NEW))
        receiver("fr-pdc", answer(ITEM, Disposition.NOT_PERMITTED), revision=2)
        state = receiver.state(ITEM)
        assert (state.custody, state.answer) == (Custody.HANDED_ON, Disposition.NEW)
        assert state.review is Review.REFUSED_BY_PEER

    @pytest.mark.parametrize("peer", ["gb-iwf", "fr-pdc"])
    def test_answer_by_a_member_that_never_got_the_item_is_not_permitted(self, peer: str) -> None:
        """A reporter cannot name itself responsible."""
        receiver = Receiver(item(1, informants=(Informant("gb-iwf", ITEM),)))
        note = answer(ITEM, Disposition.NEW, responsible=peer)
        assert receiver(peer, note).disposition is Disposition.NOT_PERMITTED
        assert happened(receiver.book) == []

    @pytest.mark.parametrize("word", [Disposition.NOT_PERMITTED, Disposition.FORWARDED])
    def test_late_answer_to_what_was_said_before_a_hand_over_is_none_to_that(
        self, word: Disposition
    ) -> None:
        """The item came back and went there anew: else two have it, or nobody once refused."""
        back = msgspec.structs.replace(AWAY, hops=(*AWAY.hops, Hop(US, NOW_MS)))
        receiver = Receiver(handed_on(back))
        earlier = {*said_to_fr(Kind.SIGHTED, 0), *said_to_fr(Kind.ITEM, len(AWAY.hops))}
        for number, entry in enumerate(earlier):
            receiver("fr-pdc", answer(ITEM, word, entry_id=entry), revision=number)
        state = receiver.state(ITEM)
        assert (state.custody, state.answer) == (Custody.HANDED_ON, None)
        _, entry = said_to_fr(Kind.ITEM, len(receiver.state(ITEM).hops))
        receiver("fr-pdc", answer(ITEM, Disposition.NOT_PERMITTED, entry_id=entry), revision=9)
        assert receiver.state(ITEM).custody is Custody.HERE

    def test_refusal_of_something_without_an_item_is_a_task(self) -> None:
        """Ids only."""
        receiver = Receiver()
        receiver("fr-pdc", answer(None, Disposition.MALFORMED))
        assert receiver.book.tasks == [("entry_refused", "fr-pdc")]

    def test_answer_is_told_to_nobody(self) -> None:
        """It is between the two of us."""
        receiver = Receiver(AWAY)
        receiver("fr-pdc", answer(ITEM, Disposition.NEW))
        assert said(receiver.book) == []


def test_closed_item_is_reopened_by_its_holders_word() -> None:
    """The finder shows it as open again."""
    receiver = Receiver(closed(AWAY))
    receiver("fr-pdc", outcome(ITEM))
    assert receiver.state(ITEM).closed_ms is None


def test_rule_3_look_of_before_it_was_gone_that_is_heard_later_opens_nothing() -> None:
    """Found before it was seen offline: it stays closed, here as at its holder."""
    receiver = Receiver(closed(AWAY, when_ms=NOW_MS))
    for number, (at_ms, by) in enumerate(((NOW_MS - 1, Action.REMOVED), (NOW_MS, None)), 72):
        seen = event_id(number, "fr-pdc")
        action = ActionTaken(seen, "fr-pdc", Action.SEEN_ONLINE, None, at_ms)
        news = outcome(ITEM, OutcomeWhat.ACTED, action=action, event_id=seen, at_ms=at_ms)
        receiver("fr-pdc", news)
        assert receiver.state(ITEM).closed_by is by


class TestErased:
    """A member says of itself alone that it erased an item."""

    def test_erased_changes_nothing_of_what_is_over_and_is_not_told_on(self) -> None:
        """Each member keeps or erases its own."""
        receiver = Receiver(closed(AWAY))
        receiver("fr-pdc", outcome(ITEM, OutcomeWhat.ERASED))
        assert happened(receiver.book) == ["erased_there"]
        assert (told(receiver), receiver.state(ITEM).custody) == ([], Custody.HANDED_ON)

    def test_erased_that_is_said_again_is_one(self) -> None:
        """As every outcome, by its id."""
        receiver = Receiver(AWAY)
        receiver("fr-pdc", outcome(ITEM, OutcomeWhat.ERASED))
        receiver("fr-pdc", outcome(ITEM, OutcomeWhat.ERASED), revision=1)
        assert happened(receiver.book) == ["erased_there", "kept", "raised"]

    @pytest.mark.parametrize(
        "forged",
        [{"author": "gb-iwf"}, {"event_id": event_id(70, "gb-iwf")}],
        ids=["by another", "under another's id"],
    )
    def test_nobody_says_erased_in_anothers_name(self, forged: dict[str, str]) -> None:
        """It would be a confirmation that never was given."""
        receiver = Receiver(AWAY)
        given = receiver("fr-pdc", outcome(ITEM, OutcomeWhat.ERASED, **forged))
        assert given.disposition is Disposition.NOT_PERMITTED
        assert happened(receiver.book) == []

    def test_who_never_had_it_confirms_nothing(self) -> None:
        """An id alone makes nobody part of the story."""
        receiver = Receiver(item(1))
        given = receiver("fr-pdc", outcome(ITEM, OutcomeWhat.ERASED))
        assert given.disposition is Disposition.NOT_PERMITTED

    @pytest.mark.parametrize(
        ("forged", "kept"),
        [({}, ["erased_there"]), ({"event_id": event_id(70, "gb-iwf")}, [])],
        ids=["its own", "another's"],
    )
    def test_confirmation_of_what_is_erased_here_too_is_kept_if_it_is_credible(
        self, forged: dict[str, str], kept: list[str]
    ) -> None:
        """The item itself does not come back by it."""
        receiver = Receiver(AWAY)
        receiver.book.erase(AWAY, Erasure(event_id(9), "withdrawal", ()))
        receiver("fr-pdc", outcome(ITEM, OutcomeWhat.ERASED, **forged))
        assert happened(receiver.book) == ["erased", *kept]
        assert receiver.book.find(ITEM) is None


class TestAnswersToCrowds:
    """One message answers many entries, each at its item (§10.4)."""

    LEAVES = tuple(bytes([n]) * 32 for n in range(1, 5))

    def crowd(self, receiver: Receiver, *leaves: bytes, peer: str = "fr-pdc") -> Answer:
        """Hear that all of these are new to `peer`."""
        cited = tuple(Cited(n, leaf) for n, leaf in enumerate(leaves))
        message = Dispositions(Lane.REPORTS, bytes(8), Disposition.NEW, "fr-pdc", NOW_MS, cited)
        return receiver(peer, message)

    def heard(self, *states: ItemState, peer: str = "fr-pdc") -> Receiver:
        """A member whose log with `peer` has these items at the leaves, in this order."""
        receiver = Receiver(*states)
        receiver.book.loaded.cited = {
            (peer, leaf): state.id for leaf, state in zip(self.LEAVES, states, strict=False)
        }
        return receiver

    def test_each_item_hears_its_answer(self) -> None:
        """As if it had been answered alone."""
        states = [handed_on(item(n, url=f"https://nl1.example/{n}")) for n in (1, 2, 3)]
        receiver = self.heard(*states)
        assert self.crowd(receiver, *self.LEAVES[:2]).disposition is None
        answers = [(receiver.state(s.id).answer, receiver.state(s.id).answered_by) for s in states]
        assert answers == [(Disposition.NEW, "fr-pdc")] * 2 + [(None, None)]
        assert happened(receiver.book) == ["answered", "answered"]
        assert receiver.book.tasks == []

    def test_late_answer_is_none_to_the_hand_over_that_followed(self) -> None:
        """Else a refusal of that one is not its first word, and nobody has the item."""
        back = msgspec.structs.replace(AWAY, hops=(*AWAY.hops, Hop(US, NOW_MS)))
        state = handed_on(back)
        receiver = self.heard(state)
        earlier, *_ = said_to_fr(Kind.ITEM, len(AWAY.hops))
        _, this = said_to_fr(Kind.ITEM, len(state.hops))
        receiver.book.loaded.cited_ids = {("fr-pdc", self.LEAVES[0]): earlier}
        self.crowd(receiver, self.LEAVES[0])
        assert receiver.state(ITEM).answer is None
        receiver("fr-pdc", answer(ITEM, Disposition.NOT_PERMITTED, entry_id=this), revision=1)
        assert receiver.state(ITEM).custody is Custody.HERE

    def test_citation_of_what_we_never_said_goes_before_a_person(self) -> None:
        """And holds up no other."""
        receiver = self.heard(handed_on(item(1)))
        self.crowd(receiver, self.LEAVES[3], self.LEAVES[0])
        assert receiver.book.tasks == [("answer_to_nothing", "fr-pdc")]
        assert receiver.state(ITEM).answer is Disposition.NEW

    def test_one_that_is_with_another_by_now_refuses_no_other(self) -> None:
        """The answer proves that the member has the rest; a person looks who has that one."""
        was = handed_on(item(2, url="https://nl1.example/2"))
        hops = (*was.hops, Hop(US, NOW_MS), Hop("de-eco", NOW_MS))
        gone = msgspec.structs.replace(was, hops=hops, responsible="de-eco")
        receiver = self.heard(handed_on(item(1)), gone)
        assert self.crowd(receiver, *self.LEAVES[:2]).disposition is None
        assert receiver.state(ITEM).answer is Disposition.NEW
        assert receiver.state(gone.id).answer is None
        assert receiver.book.tasks == [("held_twice", f"fr-pdc/{gone.id}")]

    def test_nobody_answers_what_was_said_to_another(self) -> None:
        """Only the log with the one who answers counts."""
        receiver = self.heard(handed_on(item(1)))
        self.crowd(receiver, self.LEAVES[0], peer="gb-iwf")
        assert receiver.state(ITEM).answer is None
        assert receiver.book.tasks == [("answer_to_nothing", "gb-iwf")]

    def test_item_that_was_not_handed_to_it_is_not_its_to_answer(self) -> None:
        """Other entries about it went there, the item did not."""
        receiver = self.heard(item(1), handed_on(item(2, url="https://nl1.example/2")))
        heard = self.crowd(receiver, *self.LEAVES[:2])
        assert heard.disposition is Disposition.NOT_PERMITTED
        assert receiver.state(ITEM).answer is None
        assert receiver.state(item(2).id).answer is Disposition.NEW

    def test_item_that_was_erased_since_hears_nothing(self) -> None:
        """Its id is all that is left; nobody has to look."""
        receiver = self.heard(handed_on(item(1)))
        del receiver.book.loaded.items[ITEM]
        self.crowd(receiver, self.LEAVES[0])
        assert (receiver.book.tasks, happened(receiver.book)) == ([], [])

    def test_refusal_is_never_told_of_a_crowd(self) -> None:
        """It brings the item back, and needs its state: an answer to a crowd may do without."""
        assert REFUSALS <= ALONE


def test_g11_ids_that_we_never_minted_open_no_task_each() -> None:
    """Nobody but who invents them knows them; a node that lost nothing waits for them as ever."""
    receiver = Receiver()
    for number in range(900, 903):
        heard = receiver("fr-pdc", outcome(event_id(number, US)))
        assert heard.judged is Judged.PARKED
    assert receiver.book.tasks == []
