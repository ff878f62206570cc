"""What a lost node makes of what it had said: own messages become cases again, once."""

from __future__ import annotations

import msgspec
import pytest

from node.casework.casebook import Casebook
from node.casework.item import Custody, Informant, ItemState
from node.casework.rebuilt.own_erasure import OwnErasure
from node.casework.rebuilt.recovered import (
    OTHERS,
    OWN_ITEMS,
    Rebuilder,
    answer_key,
    key_of,
    read_said,
    said_key,
)
from node.casework.rebuilt.words import said_by_us
from protocol import entry as entries
from protocol.correspondence import PeerMessage
from protocol.dispositions import Cited, Dispositions
from protocol.entry import leaf
from protocol.errors import MalformedError
from protocol.facts import ActionTaken, Hop, Moved, Sighting
from protocol.messages import (
    DispositionNote,
    EpochOpen,
    Message,
    Sighted,
    Withdrawal,
    form_of,
    to_body,
)
from protocol.vocabulary import (
    Action,
    Disposition,
    Kind,
    Lane,
    OutcomeWhat,
    Source,
)
from tests.builders.cases import HOUR_MS, US, book, event_id, file, item, network, verdict
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import item_from, outcome

PEER = "fr-pdc"
SECRET = b"\x07" * 32


def raw(message: Message, kind: Kind, subject: str = "x", revision: int = 0) -> bytes:
    """The entry by which we had said it to the peer."""
    version = form_of(message).version
    body = to_body(message)
    return entries.encode(entries.compose(SECRET, kind, subject, revision, PEER, body, version))


def rebuilt(
    came: list[tuple[Message, Kind]], *states: ItemState
) -> tuple[Casebook, list[str | None]]:
    """A casebook after these messages came back, and the item that each is about.

    Who has had them is told of each item that was here before.
    """
    known = [
        msgspec.structs.replace(one, informants=(*one.informants, Informant(PEER, one.id)))
        for one in states
    ]
    made = book(*known)
    rebuilder = Rebuilder(made, network())
    return made, [rebuilder.take(PEER, raw(message, kind)) for message, kind in came]


OURS = msgspec.structs.replace(item_from(US, 1), custody=(Hop(US, NOW_MS),))
THEIRS = msgspec.structs.replace(
    item_from("gb-iwf", 2), custody=(Hop("gb-iwf", NOW_MS), Hop(US, NOW_MS + 5))
)


class TestItems:
    """An item that we handed on stands in our own message."""

    def test_item_that_we_had_found_is_handed_on_again(self) -> None:
        """By the chain that the message holds; nobody is told, nothing is sent."""
        made, (about,) = rebuilt([(OURS, Kind.ITEM)])
        state = made.loaded.items[OURS.item_id]
        assert about == state.id
        assert (state.custody, state.responsible, state.came_from) == (
            Custody.HANDED_ON,
            PEER,
            None,
        )
        assert [hop.member for hop in state.hops] == [US, PEER]
        assert made.posts == []

    def test_item_that_came_from_another_knows_who_has_to_hear_of_it(self) -> None:
        """The member before us in the chain."""
        made, _ = rebuilt([(THEIRS, Kind.ITEM)])
        state = made.loaded.items[THEIRS.item_id]
        assert state.came_from == "gb-iwf"
        assert [one.member for one in state.informants] == ["gb-iwf"]

    def test_item_said_twice_is_one(self) -> None:
        """Appended again after a restore, or said as a revision."""
        made, about = rebuilt([(OURS, Kind.ITEM), (OURS, Kind.ITEM)])
        assert about == [OURS.item_id] * 2
        assert len(made.loaded.items[OURS.item_id].hops) == 2

    def test_what_speaks_of_an_item_that_is_not_here_has_no_effect(self) -> None:
        """It stands in the log all the same, under the id that it bears: erased with its item."""
        made, about = rebuilt([(outcome(event_id(9, "gb-iwf")), Kind.OUTCOME)])
        assert (about, made.events) == ([event_id(9, "gb-iwf")], [])


SIGHTING = Sighting(event_id(6), US, Source.PROACTIVE, NOW_MS)
FORGED: dict[str, tuple[Message, Kind]] = {
    "verdict": (
        outcome(
            OURS.item_id,
            OutcomeWhat.ASSESSED,
            author=US,
            event_id=verdict(member=US).event_id,
            assessment=verdict(member=US),
        ),
        Kind.OUTCOME,
    ),
    "withdrawal": (Withdrawal(OURS.item_id, None, NOW_MS), Kind.WITHDRAWAL),
    "sighting": (Sighted(OURS.item_id, SIGHTING, None, None, child_at_risk=True), Kind.SIGHTED),
    "message": (PeerMessage(OURS.item_id, event_id(5), "Closed.", NOW_MS), Kind.PEER_MESSAGE),
}


class TestStrangers:
    """A thief of every key, node secret too, and a member that receipts what he signs (§8.13.7)."""

    @pytest.mark.parametrize(("message", "kind"), FORGED.values(), ids=list(FORGED))
    def test_g7_what_was_said_to_one_outside_of_the_story_has_no_effect(
        self, message: Message, kind: Kind
    ) -> None:
        """We tell those whose item it is; a person looks at what came from elsewhere."""
        made = book()
        rebuilder = Rebuilder(made, network())
        rebuilder.take(PEER, raw(OURS, Kind.ITEM))
        before = made.loaded.items[OURS.item_id]
        assert rebuilder.take("at-sol", raw(message, kind)) == OURS.item_id
        assert made.loaded.items[OURS.item_id] == before
        assert made.tasks == [("entry_not_rebuilt", "at-sol")]

    @pytest.mark.parametrize(("message", "kind"), FORGED.values(), ids=list(FORGED))
    def test_g9_what_was_said_to_who_has_the_item_has_its_effect(
        self, message: Message, kind: Kind
    ) -> None:
        """The same, by the member that it was handed to."""
        made, _ = rebuilt([(OURS, Kind.ITEM)])
        before = made.loaded.items[OURS.item_id]
        Rebuilder(made, network()).take(PEER, raw(message, kind))
        assert made.loaded.items[OURS.item_id] != before or kind is Kind.WITHDRAWAL
        assert made.tasks == []


class TestErasures:
    """What we erased before a disk was lost is erased again when it has come again, and no more."""

    WORD = OwnErasure(item().id, event_id(8), NOW_MS)

    @pytest.mark.parametrize("known_as", [item().id, "gb-iwf.01M34V2Q00AAAAAAAAAAAAAAAA"])
    def test_item_as_it_was_is_all_that_was_erased(self, known_as: str) -> None:
        """Also one of ours, of which the other member knows another id."""
        word = self.WORD._replace(item_id=known_as)
        assert word.is_about_all(item(), US, "gb-iwf")

    def test_what_was_found_later_is_not_erased_with_it(self) -> None:
        """A report that was joined to it since; nobody erased that."""
        later = Sighting(event_id(9), PEER, Source.PUBLIC, NOW_MS + 1)
        state = msgspec.structs.replace(item(), sightings=(*item().sightings, later))
        assert not self.WORD.is_about_all(state, US, PEER)

    def test_item_of_a_third_member_is_not_erased_for_one_that_was_joined_to_it(self) -> None:
        """It came first after the loss, and the erased one was taken for another report of it."""
        state = msgspec.structs.replace(item(), id="de-eco.01M34V2Q00AAAAAAAAAAAAAAAA")
        assert not self.WORD.is_about_all(state, US, PEER)


class TestCourse:
    """What we had judged and done stands in the outcomes that we told."""

    def test_own_verdict_and_action_come_back_once(self) -> None:
        """However many members were told."""
        given = verdict(member=US, number=5)
        done = ActionTaken(event_id(6), US, Action.REMOVED, None, NOW_MS)
        told = [
            outcome(item().id, OutcomeWhat.ASSESSED, author=US, event_id=given.event_id,
                    assessment=given),
            outcome(item().id, OutcomeWhat.ACTED, author=US, event_id=done.event_id, action=done),
        ] * 2  # fmt: skip
        made, _ = rebuilt([(one, Kind.OUTCOME) for one in told], item())
        state = made.loaded.items[item().id]
        assert (state.assessments, state.actions) == ((given,), (done,))
        assert state.closed_by is Action.REMOVED
        assert made.posts == []

    def test_item_that_was_seen_after_we_had_closed_it_is_open(self) -> None:
        """The word of the peer came back first, ours later: time decides, not the order."""
        seen = ActionTaken(event_id(7, PEER), PEER, Action.SEEN_ONLINE, None, NOW_MS + HOUR_MS)
        done = ActionTaken(event_id(6), US, Action.REMOVED, None, NOW_MS)
        told = outcome(item().id, OutcomeWhat.ACTED, author=US, event_id=done.event_id, action=done)
        made, _ = rebuilt([(told, Kind.OUTCOME)], item(actions=(seen,)))
        assert made.loaded.items[item().id].closed_ms is None

    def test_item_whose_new_holder_hands_nothing_back_is_handed_on(self) -> None:
        """We had told its finder that it moved."""
        moved = Moved(PEER, "FR", ())
        told = outcome(item().id, OutcomeWhat.MOVED, author=US, event_id=event_id(8), moved=moved)
        made, _ = rebuilt([(told, Kind.OUTCOME)], item())
        state = made.loaded.items[item().id]
        assert (state.custody, state.responsible, state.country) == (
            Custody.HANDED_ON,
            PEER,
            "FR",
        )

    def test_reopening_of_ours_comes_back(self) -> None:
        """Nobody else had said so."""
        told = outcome(item().id, author=US, event_id=event_id(8))
        made, _ = rebuilt([(told, Kind.OUTCOME)], item(closed_ms=NOW_MS, closed_by=Action.REMOVED))
        assert made.loaded.items[item().id].closed_ms is None

    def test_sighting_that_we_had_passed_along_comes_back(self) -> None:
        """Once, and as one of ours."""
        sighting = Sighting(event_id(3), US, Source.VICTIM, NOW_MS)
        said = Sighted(item().id, sighting, None, None, child_at_risk=True)
        made, _ = rebuilt([(said, Kind.SIGHTED)] * 2, item())
        state = made.loaded.items[item().id]
        assert state.sightings[1:] == (sighting,)
        assert state.child_at_risk

    def test_withdrawal_of_ours_comes_back(self) -> None:
        """The sighting goes, and nobody hears of it again."""
        sighting = Sighting(event_id(3), US, Source.VICTIM, NOW_MS)
        state = item(sightings=(*item().sightings, sighting))
        said = Withdrawal(state.id, sighting.sighting_id, NOW_MS)
        made, _ = rebuilt([(said, Kind.WITHDRAWAL)], state)
        assert made.loaded.items[state.id].sightings == item().sightings
        assert made.posts == []

    def test_verdict_of_which_we_told_that_it_was_taken_back_is_gone_again(self) -> None:
        """Whichever of the two comes first."""
        given = verdict(member=PEER)
        names = {"author": PEER, "event_id": given.event_id}
        judged = outcome(item().id, OutcomeWhat.ASSESSED, assessment=given, **names)
        back = outcome(item().id, OutcomeWhat.WITHDRAWN, **names)
        for said in ([judged, back, back], [back, judged]):
            made, _ = rebuilt([(one, Kind.OUTCOME) for one in said], item())
            assert made.loaded.items[item().id].assessments == ()

    def test_message_that_a_person_wrote_comes_back_once(self) -> None:
        """With its addressee."""
        said = PeerMessage(item().id, event_id(4), "Is this the same album?", NOW_MS)
        made, _ = rebuilt([(said, Kind.PEER_MESSAGE)] * 2, item())
        (kept,) = made.loaded.items[item().id].messages
        assert (kept.author, kept.to, kept.text) == (US, PEER, said.text)


def note(disposition: Disposition = Disposition.NEW) -> DispositionNote:
    """An answer that we had given."""
    return DispositionNote(
        Lane.REPORTS, b"\x01" * 8, 3, b"\x05" * 32, None, disposition, None, None, None, NOW_MS
    )


class TestSaid:
    """What was said is known by what it says, whatever its bytes."""

    def test_same_thing_in_another_form_and_revision_is_known(self) -> None:
        """An item by its hops, an outcome by its event."""
        later = msgspec.structs.replace(OURS, received_ms=NOW_MS + 9)
        first, again = raw(OURS, Kind.ITEM, "x"), raw(later, Kind.ITEM, "x", NOW_MS)
        assert leaf(first) != leaf(again)
        assert key_of(first) == key_of(again) is not None

    def test_another_thing_is_another(self) -> None:
        """The same item handed on once more, another event, another leaf."""
        more = msgspec.structs.replace(OURS, custody=(*OURS.custody, Hop(PEER, NOW_MS)))
        one, other = outcome(item().id), outcome(item().id, event_id=event_id(71, PEER))
        back = outcome(item().id, OutcomeWhat.WITHDRAWN)
        keys = [said_key(m) for m in (OURS, more, one, other, back, note())]
        assert len(set(keys)) == len(keys)

    def test_report_that_is_told_with_another_file_is_another_thing(self) -> None:
        """Each file goes by itself; what was said of one is not said of the next."""
        told = [
            Sighted(item().id, SIGHTING, content, None, child_at_risk=False)
            for content in (None, file(1), file(2))
        ]
        assert len({said_key(one) for one in told}) == len(told)

    def test_answer_is_known_by_the_leaf_that_it_answers(self) -> None:
        """Whatever it says: the one that was told stays the answer."""
        said = read_said(raw(note(), Kind.DISPOSITION), SECRET)
        assert (said.key, said.answer, said.step) == (answer_key(b"\x05" * 32), "new", OTHERS)
        assert said_key(note(Disposition.DUPLICATE)) == said.key

    def test_answer_to_a_crowd_is_known_by_each_leaf_that_it_answers(self) -> None:
        """As if each had been answered alone."""
        cited = (Cited(3, b"\x05" * 32), Cited(4, b"\x06" * 32))
        crowd = Dispositions(Lane.REPORTS, bytes(8), Disposition.NEW, US, NOW_MS, cited)
        said = read_said(raw(crowd, Kind.DISPOSITIONS), SECRET)
        keys = (answer_key(b"\x05" * 32), answer_key(b"\x06" * 32))
        assert (said.key, said.answer, said.answers) == (None, "new", keys)
        assert read_said(raw(note(), Kind.DISPOSITION), SECRET).answers == ()

    def test_answer_that_a_form_is_unknown_may_be_followed_by_another(self) -> None:
        """We may have learnt it since."""
        said = read_said(raw(note(Disposition.UNKNOWN_KIND), Kind.DISPOSITION), SECRET)
        assert (said.key, said.answer) == (None, None)

    def test_items_come_first_and_the_channels_own_have_no_step(self) -> None:
        """All else speaks of items."""
        opening = EpochOpen(None, 0, bytes.fromhex(
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        ))  # fmt: skip
        steps = [
            read_said(raw(opening, Kind.EPOCH_OPEN), SECRET).step,
            read_said(raw(OURS, Kind.ITEM), SECRET).step,
            read_said(raw(outcome(item().id), Kind.OUTCOME), SECRET).step,
        ]
        assert steps == [None, OWN_ITEMS, OTHERS]

    def test_word_without_our_salt_is_not_ours_whoever_signed_the_log(self) -> None:
        """A thief of the log key can append to our log, and cannot salt: nothing follows."""
        said = read_said(raw(OURS, Kind.ITEM), b"\x08" * 32)
        assert (said.step, said.key, said.answer) == (None, None, None)
        assert said.kind == Kind.ITEM

    def test_what_is_no_entry_we_never_made(self) -> None:
        """A page with it is refused as a whole."""
        with pytest.raises(MalformedError):
            read_said(b"\xc0", SECRET)

    def test_only_our_own_word_erases(self) -> None:
        """What we passed on of another's is none."""
        ours = outcome(item().id, OutcomeWhat.ERASED, author=US, event_id=event_id(8))
        theirs = outcome(item().id, OutcomeWhat.ERASED)
        erased = OutcomeWhat.ERASED
        assert said_by_us(US, raw(ours, Kind.OUTCOME), erased) == ours
        assert said_by_us(US, raw(ours, Kind.OUTCOME), OutcomeWhat.WITHDRAWN) is None
        assert said_by_us(US, raw(theirs, Kind.OUTCOME), erased) is None
        assert said_by_us(US, raw(OURS, Kind.ITEM), erased) is None
        assert said_by_us(US, b"\xc0", erased) is None
