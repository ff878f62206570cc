"""Items and sightings from others: by id, joined, or new; and what goes on along the chain."""

from __future__ import annotations

import msgspec
import pytest

from node.casework.folding import MAX_ACCESS
from node.casework.item import Cause, Custody, Informant, ItemState, Review
from node.casework.showing.views import item_view
from protocol.facts import Access, ActionTaken, Hop
from protocol.messages import DispositionNote, Outcome, Sighted, Withdrawal
from protocol.vocabulary import (
    Action,
    Confidence,
    Disposition,
    Matter,
    OutcomeWhat,
    Verdict,
)
from tests.builders.cases import (
    PLACE,
    US,
    at,
    closed,
    country,
    event_id,
    file,
    handed_on,
    item,
    said,
    suspended,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, item_from
from tests.node.casework.incoming.handing_over import SEEN, told


class TestNewItem:
    """Nothing like it is here."""

    def test_item_hosted_here_is_ours_at_once(self) -> None:
        """Under the id its finder gave it."""
        receiver = Receiver()
        assert receiver("gb-iwf", item_from()).disposition is Disposition.NEW
        state = receiver.state(item_from().item_id)
        assert (state.custody, state.responsible, state.came_from) == (Custody.HERE, US, "gb-iwf")
        assert state.informants == (Informant("gb-iwf", state.id),)

    def test_receiver_adds_itself_to_the_chain(self) -> None:
        """At the time it took the item over."""
        receiver = Receiver()
        receiver("gb-iwf", item_from())
        state = receiver.state(item_from().item_id)
        assert state.hops == (Hop("gb-iwf", NOW_MS), Hop(US, NOW_MS))

    def test_misrouted_item_is_located_again(self) -> None:
        """The sender's registry was older than ours, or it erred."""
        receiver = Receiver()
        receiver("gb-iwf", item_from(hosted=country("FR")))
        state = receiver.state(item_from().item_id)
        assert (state.custody, state.responsible) == (Custody.LOCATING, None)
        assert state.due_ms == NOW_MS

    def test_item_for_a_suspended_member_is_not_ours_unless_we_take_orphans(self) -> None:
        """It goes to whom the registry names."""
        receiver = Receiver(registry=suspended("fr-pdc"))
        receiver("gb-iwf", item_from(hosted=country("FR")))
        assert receiver.state(item_from().item_id).custody is Custody.LOCATING

    def test_item_that_no_country_answers_for_is_whose_it_is_given_to(self) -> None:
        """`none`, `hidden` and `disputed` have no member of their own."""
        receiver = Receiver()
        nowhere = msgspec.structs.replace(country(), state="none", country=None)
        receiver("gb-iwf", item_from(hosted=nowhere))
        assert receiver.state(item_from().item_id).custody is Custody.HERE

    def test_what_is_not_csam_is_counted(self) -> None:
        """It should not have been sent; nothing is lost by it."""
        receiver = Receiver()
        receiver("gb-iwf", item_from(matter=Matter.SPAM))
        assert receiver.state(item_from().item_id).custody is Custody.COUNTED

    def test_what_the_sender_knows_is_not_told_back_to_it(self) -> None:
        """Neither verdicts nor actions."""
        action = closed(item()).actions[0]
        known = item_from(assessments=(verdict(member="fr-pdc"),), actions=(action,))
        receiver = Receiver()
        receiver("gb-iwf", known)
        assert told(receiver) == []
        assert receiver.state(known.item_id).assessments == known.assessments

    def test_5_3_what_it_brings_to_an_item_that_is_here_is_not_told_back_to_it(self) -> None:
        """Once said before of an erased item, it would be other words under one id."""
        moved = ActionTaken(event_id(9, "fr-pdc"), "fr-pdc", Action.MOVED, None, NOW_MS)
        receiver = Receiver(item(2))
        receiver("gb-iwf", item_from(actions=(moved,)))
        assert moved in receiver.state(item(2).id).actions
        assert [to for to, _ in told(receiver)] == []

    def test_old_actions_of_former_holders_close_nothing_here(self) -> None:
        """They were about another place."""
        receiver = Receiver()
        receiver("gb-iwf", item_from(actions=closed(item()).actions))
        assert receiver.state(item_from().item_id).closed_ms is None

    def test_finder_of_known_content_hears_the_verdict(self) -> None:
        """It need not look either."""
        known = item(1, file(1), url="https://nl2.example/a.jpg", assessments=(verdict(),))
        receiver = Receiver(known)
        found = receiver("fr-pdc", item_from("fr-pdc", 2, file(1)))
        assert found.disposition is Disposition.NEW_KNOWN
        ((to, message),) = told(receiver)
        assert isinstance(message, Outcome)
        assert (to, message.what, message.item_id) == (
            "fr-pdc",
            OutcomeWhat.ASSESSED,
            event_id(2, "fr-pdc"),
        )

    @pytest.mark.parametrize("turned", [False, True])
    def test_verdict_that_it_brings_is_of_the_files_that_are_here(self, *, turned: bool) -> None:
        """Whichever came first; what looks alike stands before a person by it."""
        picture, near = (file(n, pdq=int.from_bytes(bytes(range(100, 132))) ^ n) for n in (1, 2))
        brings = item_from("gb-iwf", 1, picture, assessments=(verdict(),))
        others = [
            item_from("fr-pdc", 2, picture, url="https://nl2.example/"),
            item_from("fr-pdc", 3, near, url="https://nl3.example/"),
        ]
        receiver = Receiver()
        pictures = (picture.pdq or b"", near.pdq or b"")
        receiver.book.loaded.near = dict.fromkeys(pictures, pictures)
        for one in [brings, *others] if turned else [*others, brings]:
            receiver(one.item_id.partition(".")[0], one)
        same, alike = (receiver.state(one.item_id) for one in others)
        assert [a.event_id for a in same.assessments] == [verdict().event_id]
        assert (alike.known, alike.reviews) == (False, (Review.SUGGESTED_VERDICT,))

    def test_alarm_of_the_sender_is_ours(self) -> None:
        """It bypasses every queue here, too."""
        receiver = Receiver()
        receiver("gb-iwf", item_from(child_at_risk=True))
        assert receiver.state(item_from().item_id).urgency == 0
        assert receiver.book.posts[0].urgency == 0


class TestJoined:
    """The same place is here already."""

    def test_second_reporter_joins_and_keeps_its_own_id(self) -> None:
        """Statuses use the id that the addressee knows."""
        receiver = Receiver(item(1))
        assert receiver("fr-pdc", item_from("fr-pdc", 2)).disposition is Disposition.DUPLICATE
        state = receiver.state(event_id(2, "fr-pdc"))
        assert state.id == item(1).id
        assert state.aliases == (event_id(2, "fr-pdc"),)
        ((_, answer),) = said(receiver.book)
        assert isinstance(answer, DispositionNote)
        assert (answer.item_id, answer.responsible) == (event_id(2, "fr-pdc"), US)

    def test_second_reporter_hears_what_the_first_has_heard(self) -> None:
        """Verdicts and actions, but its own."""
        known = item(
            1, assessments=(verdict(member="gb-iwf"), verdict(member="fr-pdc"), verdict(member=US))
        )
        receiver = Receiver(closed(known))
        receiver("fr-pdc", item_from("fr-pdc", 2))
        heard = [m for _, m in told(receiver) if isinstance(m, Outcome)]
        assert [(m.what, m.author) for m in heard] == [
            (OutcomeWhat.ASSESSED, "gb-iwf"),
            (OutcomeWhat.ASSESSED, US),
            (OutcomeWhat.ACTED, US),
        ]

    def test_verdict_that_the_sender_brings_is_told_to_the_others(self) -> None:
        """Never back to where it came from."""
        receiver = Receiver(item(1, informants=(Informant("gb-iwf", item(1).id),)))
        receiver("fr-pdc", item_from("fr-pdc", 2, assessments=(verdict(member="fr-pdc"),)))
        assert [(to, type(m)) for to, m in told(receiver)] == [("gb-iwf", Outcome)]

    @pytest.mark.parametrize("answer", [None, Disposition.FORWARDED])
    def test_hand_overs_that_may_have_crossed_wait_for_what_the_other_tells(
        self, answer: Disposition | None
    ) -> None:
        """Two members hand one place to each other at once: else both would take it, or neither."""
        receiver = Receiver(handed_on(item(1, answer=answer)))
        found = receiver("fr-pdc", item_from("fr-pdc", 2))
        state = receiver.state(item(1).id)
        assert found.disposition is Disposition.FORWARDED
        assert state.custody is Custody.HANDED_ON

    def test_answered_hand_over_that_comes_back_has_moved(self) -> None:
        """The other has judged ours before it handed it back: nobody need look but the node."""
        answered = handed_on(item(1, answer=Disposition.JOINED, jurisdiction=country("FR")))
        receiver = Receiver(answered)
        receiver("fr-pdc", item_from("fr-pdc", 2))
        state = receiver.state(item(1).id)
        assert (state.custody, state.reviews, state.country) == (Custody.HERE, (), "NL")
        assert state.again is not None
        assert state.again.cause is Cause.ACCEPTED

    @pytest.mark.parametrize("word", [d for d in Disposition if d.value.startswith("new")])
    def test_what_the_holder_tells_apart_from_ours_is_not_joined_to_it(
        self, word: Disposition
    ) -> None:
        """It holds ours for itself, and hands over another one: ours is not taken back from it."""
        receiver = Receiver(handed_on(item(1, answer=word, answered_by="fr-pdc")))
        assert receiver("fr-pdc", item_from("fr-pdc", 2)).disposition is Disposition.NEW
        assert receiver.state(item(1).id).custody is Custody.HANDED_ON
        assert receiver.state(event_id(2, "fr-pdc")).custody is Custody.HERE

    @pytest.mark.parametrize(
        ("sender", "answered_by", "word"),
        [
            ("fr-pdc", "fr-pdc", Disposition.FORWARDED),
            ("fr-pdc", "gb-iwf", Disposition.NEW),
            ("gb-iwf", "fr-pdc", Disposition.NEW),
        ],
        ids=["joined there", "answered by a former holder", "reported by another"],
    )
    def test_what_nobody_told_apart_is_joined(
        self, sender: str, answered_by: str, word: Disposition
    ) -> None:
        """One place is one item, unless its holder has said that it is not."""
        receiver = Receiver(handed_on(item(1, answer=word, answered_by=answered_by)))
        receiver(sender, item_from(sender, 2))
        assert receiver.state(event_id(2, sender)).id == item(1).id

    def test_verdict_that_came_with_one_of_two_ids_is_told_under_the_other(self) -> None:
        """What we joined is two items at the sender: of the first one it does not know it yet."""
        receiver = Receiver(item(1, informants=(Informant("fr-pdc", item(1).id),)))
        receiver("fr-pdc", item_from("fr-pdc", 2, assessments=(verdict(member="gb-iwf"),)))
        assert [(to, m.item_id) for to, m in told(receiver) if isinstance(m, Outcome)] == [
            ("fr-pdc", item(1).id)
        ]

    def test_notice_that_the_sender_gave_is_known_of_the_joined_item(self) -> None:
        """Else the same hoster is written to twice. What ended the sender's item ends nothing."""
        done = tuple(
            msgspec.structs.replace(closed(item(), what).actions[0], event_id=event_id(n, "fr-pdc"))
            for n, what in enumerate((Action.HOST_NOTIFIED, Action.REMOVED, Action.SEEN_ONLINE), 70)
        )
        done = tuple(msgspec.structs.replace(one, member="fr-pdc") for one in done)
        receiver = Receiver(item(1))
        receiver("fr-pdc", item_from("fr-pdc", 2, actions=done))
        state = receiver.state(item(1).id)
        assert (state.actions, state.closed_ms) == (done[:1], None)

    def test_verdict_that_contradicts_ours_goes_to_a_person(self) -> None:
        """Whatever the table says of the rest."""
        decided = closed(
            item(1, assessments=(verdict(Verdict.NOT_ILLEGAL, US),)), Action.NOT_ILLEGAL
        )
        receiver = Receiver(decided)
        receiver("fr-pdc", item_from("fr-pdc", 2, assessments=(verdict(member="fr-pdc"),)))
        state = receiver.state(item(1).id)
        assert state.review is Review.VERDICTS_DIFFER
        assert state.closed_by is Action.NOT_ILLEGAL

    def test_facts_that_the_sender_brings_are_merged(self) -> None:
        """And matching runs again."""
        receiver = Receiver(item(1))
        receiver("fr-pdc", item_from("fr-pdc", 2, file(1), access=Access(password="x")))
        state = receiver.state(item(1).id)
        assert state.content == (file(1),)
        assert state.access == Access(password="x")

    def test_other_ways_to_see_it_stand_beside_the_first(self) -> None:
        """A disguised site shows an innocent page to whoever comes by the wrong one."""
        receiver = Receiver(item(1, access=Access(password="wrong")))
        receiver("fr-pdc", item_from("fr-pdc", 2, access=Access(password="x")))
        state = receiver.state(item(1).id)
        assert state.access == Access(password="wrong")
        assert [one.password for one in item_view(state).also_access] == ["x"]

    def test_g11_nobody_crowds_out_the_way_that_another_told(self) -> None:
        """Of each the newest few are kept."""
        receiver = Receiver(item(1, access=Access(password="wrong")))
        receiver("fr-pdc", item_from("fr-pdc", 2, access=Access(password="x")))
        for number in range(3, 3 + 3 * MAX_ACCESS):
            decoy = item_from("gb-iwf", number, access=Access(password=f"decoy {number}"))
            receiver("gb-iwf", decoy)
        told = [one.password for one in item_view(receiver.state(item(1).id)).also_access]
        assert "x" in told
        assert len(told) == 1 + MAX_ACCESS

    def test_alias_keeps_the_address_it_was_found_at(self) -> None:
        """One item, two addresses in the notice."""
        receiver = Receiver(item(1, file(1)))
        other = PLACE + "?size=large"
        found = receiver("fr-pdc", item_from("fr-pdc", 2, file(1), url=other))
        assert found.disposition is Disposition.ALIAS
        assert receiver.state(item(1).id).also_at == (at(other),)

    def test_item_that_was_handed_on_forwards_the_sighting(self) -> None:
        """To whom it was handed, under the id that member knows."""
        receiver = Receiver(handed_on(item(1)))
        found = receiver("gb-iwf", item_from("gb-iwf", 2, file(1), child_at_risk=True))
        assert found.disposition is Disposition.FORWARDED
        ((to, message),) = told(receiver)
        assert isinstance(message, Sighted)
        assert (to, message.item_id, message.child_at_risk) == ("fr-pdc", item(1).id, True)
        assert message.content == file(1)

    def test_item_that_moves_to_its_second_reporter_is_taken_back(self) -> None:
        """One item under two ids, going home."""
        away = handed_on(item(1, answer=Disposition.DUPLICATE))
        receiver = Receiver(away)
        receiver("fr-pdc", item_from("fr-pdc", 2))
        state = receiver.state(item(1).id)
        assert (state.custody, state.responsible) == (Custody.HERE, US)
        assert [hop.member for hop in state.hops] == ["gb-iwf", US, "fr-pdc", US]

    @pytest.mark.parametrize("here", [item(1), handed_on(item(1))], ids=["here", "handed on"])
    def test_item_that_nobody_reports_any_more_joins_as_well(self, here: ItemState) -> None:
        """It says nothing that could be told on; who handed it over is answered all the same."""
        receiver = Receiver(here)
        found = receiver("gb-iwf", item_from("gb-iwf", 2, sightings=()))
        assert found.disposition in (Disposition.DUPLICATE, Disposition.FORWARDED)
        assert Informant("gb-iwf", event_id(2, "gb-iwf")) in receiver.state(item(1).id).informants
        assert told(receiver) == []

    def test_sighting_that_comes_again_is_another_entry(self) -> None:
        """Of another item, or once it was taken back: one entry id says one thing (§5.3)."""
        away = [
            handed_on(item(1, informants=(Informant("gb-iwf", item(1).id),))),
            handed_on(item(2, url="https://nl2.example/", informants=())),
        ]
        receiver = Receiver(*away)
        seen = item_from("gb-iwf", 3, sightings=(SEEN,))
        receiver("gb-iwf", seen)
        receiver("gb-iwf", Withdrawal(item(1).id, SEEN.sighting_id, NOW_MS))
        receiver("gb-iwf", item_from("gb-iwf", 4, sightings=(SEEN,)))
        receiver("gb-iwf", Withdrawal(item(1).id, SEEN.sighting_id, NOW_MS + 1))
        receiver("gb-iwf", item_from("gb-iwf", 5, sightings=(SEEN,), url="https://nl2.example/"))
        on = [post for post in receiver.book.posts if post.peer == "fr-pdc"]
        assert len(on) >= 5
        assert len({post.entry_id for post in on}) == len(on)


def test_finding_of_low_confidence_is_believed_from_a_member() -> None:
    """It handed the item over knowing that; we are nearer."""
    receiver = Receiver()
    receiver("gb-iwf", item_from(hosted=country("NL", Confidence.LOW)))
    assert receiver.state(item_from().item_id).custody is Custody.HERE
