"""Custody was given; this is what becomes of each entry, and no entry holds up the next."""

from __future__ import annotations

import pytest

from node.casework.events import ids_now_known
from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.needing import judging_needs
from node.casework.incoming.reading import Parsed
from node.casework.incoming.receiving import Judged, set_aside
from protocol import entry as entries
from protocol.encoding import pack
from protocol.facts import Sighting
from protocol.messages import (
    Contents,
    DispositionNote,
    Sighted,
    Withdrawal,
    to_body,
)
from protocol.vocabulary import Disposition, Kind, Lane, OutcomeWhat, Source, Verdict
from tests.builders.cases import (
    FINGERPRINTS,
    event_id,
    expelled,
    file,
    happened,
    item,
    said,
    suspended,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, answer, item_from, outcome


def entry_of(kind: int, body: bytes, version: int = 1) -> bytes:
    """An entry as a hostile member would write it."""
    if version == 1 and kind < 128:
        return entries.encode(entries.Entry(1, kind, bytes(32), bytes(16), body))
    return pack([version, kind, bytes(32), bytes(16), None])


class TestAnswers:
    """Each entry of an answered kind gets one disposition."""

    def test_answer_cites_the_leaf_and_its_place(self) -> None:
        """So that the sender can tell which entry is meant."""
        receiver = Receiver()
        receiver("gb-iwf", item_from())
        ((to, note),) = said(receiver.book)
        assert isinstance(note, DispositionNote)
        assert (to, note.origin_lane, note.origin_index) == ("gb-iwf", Lane.REPORTS, 3)
        assert (note.disposition, note.item_id) == (Disposition.NEW, item_from().item_id)

    @pytest.mark.parametrize(
        "message",
        [answer(item(1).id, Disposition.NEW), outcome(item(1).id)],
        ids=["disposition", "outcome"],
    )
    def test_what_is_not_answered_gets_no_answer(self, message: DispositionNote) -> None:
        """Else answers would be answered for ever."""
        receiver = Receiver(item(1))
        receiver("gb-iwf", message)
        assert said(receiver.book) == []

    def test_entry_belongs_to_the_item_it_turned_out_to_be_about(self) -> None:
        """Also where it came under another id."""
        receiver = Receiver(item(1))
        assert receiver("fr-pdc", item_from("fr-pdc", 2)).item == item(1).id


class TestMalformed:
    """What cannot be read is answered by field, and shown."""

    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (b"", "entry"),
            (b"\xc1", "entry"),
            (entry_of(Kind.ITEM, pack([1, 2, 3])), None),
            (entry_of(Kind.SIGHTED, b"\x95"), None),
            (entry_of(Kind.ITEM, to_body(item_from()) + b"\x00"), None),
        ],
        ids=["nothing", "no messagepack", "too short an array", "cut off", "trailing bytes"],
    )
    def test_unreadable_entry_is_answered_malformed(self, raw: bytes, reason: str | None) -> None:
        """With the field, and a task for a person."""
        receiver = Receiver()
        assert receiver.raw("gb-iwf", raw).disposition is Disposition.MALFORMED
        ((_, note),) = said(receiver.book)
        assert isinstance(note, DispositionNote)
        assert note.reason is not None
        assert reason in (None, note.reason)
        assert receiver.book.tasks == [("entry_malformed", "gb-iwf")]

    def test_malformed_entry_has_no_effect(self) -> None:
        """None at all."""
        receiver = Receiver(item(1))
        receiver.raw("gb-iwf", entry_of(Kind.WITHDRAWAL, b"\x91"), Lane.STATUS)
        assert happened(receiver.book) == []

    @pytest.mark.parametrize(
        ("raw", "word"),
        [
            (entry_of(99, pack([1])), Disposition.UNKNOWN_KIND),
            (entry_of(Kind.ITEM, b"", version=7), Disposition.UNKNOWN_VERSION),
        ],
        ids=["kind", "version"],
    )
    def test_unknown_entry_is_kept_answered_and_shown(self, raw: bytes, word: Disposition) -> None:
        """Never dropped: a later version will know it."""
        receiver = Receiver()
        assert receiver.raw("gb-iwf", raw).disposition is word
        assert [type(note) for _, note in said(receiver.book)] == [DispositionNote]
        assert receiver.book.tasks == [("entry_unknown_kind", "gb-iwf")]


class TestPermission:
    """One table: from-role, to-role, lane, kind."""

    @pytest.mark.parametrize("lane", [Lane.STATUS, Lane.BULK])
    def test_item_on_another_lane_is_not_permitted(self, lane: Lane) -> None:
        """It would overtake, or hide."""
        receiver = Receiver()
        assert receiver("gb-iwf", item_from(), lane).disposition is Disposition.NOT_PERMITTED
        assert happened(receiver.book) == []
        assert receiver.book.tasks == [("entry_not_permitted", "gb-iwf")]

    def test_one_refused_entry_refuses_no_other_kind(self) -> None:
        """The table is asked for each lane and kind."""
        receiver = Receiver()
        receiver("gb-iwf", item_from(), Lane.STATUS)
        assert receiver("gb-iwf", item_from(), Lane.REPORTS).disposition is Disposition.NEW

    def test_shared_contents_have_no_effect_yet(self) -> None:
        """They are kept until somebody imports them."""
        receiver = Receiver()
        contents = item_from("gb-iwf", 1, file(1)).content
        known = [(contents[0], "gb-iwf", "baseline", None, ())]
        part = Contents("list-1", 1, 1, tuple(known), NOW_MS)  # type: ignore[arg-type]
        assert receiver("gb-iwf", part, Lane.BULK).judged is Judged.DONE
        assert said(receiver.book) == []


class TestSuspended:
    """A suspended member's entries are receipted into quarantine."""

    def test_entry_of_a_suspended_member_is_not_judged(self) -> None:
        """Nothing happens, and nothing is sent to it."""
        receiver = Receiver(item(1), registry=suspended("gb-iwf"))
        found = receiver("gb-iwf", item_from("gb-iwf", 2))
        assert (found.judged, found.disposition) == (Judged.QUARANTINED, Disposition.QUARANTINED)
        assert (happened(receiver.book), said(receiver.book)) == ([], [])

    def test_unreadable_entry_of_a_suspended_member_is_quarantined_too(self) -> None:
        """It is not even read."""
        receiver = Receiver(registry=suspended("gb-iwf"))
        assert receiver.raw("gb-iwf", b"\xc1").judged is Judged.QUARANTINED


class TestLetGo:
    """A person lets be judged what a member handed over that is gone now, and nothing else."""

    def test_item_of_an_expelled_member_is_judged(self) -> None:
        """As any hand-over; the one that is gone hears nothing."""
        receiver = Receiver(registry=expelled("gb-iwf"))
        found = receiver("gb-iwf", item_from(), let_go=True)
        assert (found.judged, found.disposition) == (Judged.DONE, Disposition.NEW)

    def test_item_that_nobody_let_go_is_before_a_person(self) -> None:
        """Its sender says that it has it no more."""
        receiver = Receiver(registry=expelled("gb-iwf"))
        assert receiver("gb-iwf", item_from()).judged is Judged.QUARANTINED
        assert receiver.book.tasks == [("handed_over_in_quarantine", "gb-iwf")]

    def test_item_of_a_suspended_member_is_set_aside_again(self) -> None:
        """The registry says whether it comes back."""
        receiver = Receiver(registry=suspended("gb-iwf"))
        assert receiver("gb-iwf", item_from(), let_go=True).judged is Judged.QUARANTINED

    def test_sighting_of_an_expelled_member_stays_where_it_is(self) -> None:
        """It comes by the same lane, and is no hand-over."""
        receiver = Receiver(item(1), registry=expelled("gb-iwf"))
        seen = Sighting(event_id(9, "gb-iwf"), "gb-iwf", Source.PUBLIC, NOW_MS)
        more = Sighted(item(1).id, seen, file(1), None, child_at_risk=False)
        assert receiver("gb-iwf", more, let_go=True).judged is Judged.QUARANTINED
        assert happened(receiver.book) == []


class TestParking:
    """Lanes may overtake each other."""

    @pytest.mark.parametrize(
        "message",
        [
            Sighted(item(1).id, None, file(1), None, child_at_risk=False),
            Withdrawal(item(1).id, None, NOW_MS),
            outcome(item(1).id),
            answer(item(1).id, Disposition.NEW),
        ],
        ids=["sighting", "withdrawal", "outcome", "disposition"],
    )
    def test_what_speaks_of_an_unknown_item_waits_for_it(self, message: Withdrawal) -> None:
        """It is not answered, and not refused."""
        receiver = Receiver()
        found = receiver("gb-iwf", message)
        assert (found.judged, found.waits_for) == (Judged.PARKED, item(1).id)
        assert said(receiver.book) == []

    def test_item_that_becomes_known_wakes_what_waits_by_any_of_its_ids(self) -> None:
        """Also by the alias of a joined one."""
        receiver = Receiver(item(9, url="https://nl9.example/"))
        receiver("gb-iwf", item_from("gb-iwf", 1))
        receiver("fr-pdc", item_from("fr-pdc", 2))
        assert ids_now_known(receiver.book.events)[0] == item_from("gb-iwf", 1).item_id
        assert item_from("fr-pdc", 2).item_id in ids_now_known(receiver.book.events)


def test_needs_name_every_item_key_and_file() -> None:
    """What is not loaded is not found, and a duplicate would come in as new."""
    arrived = Arrived("gb-iwf", Lane.REPORTS, bytes(8), 1, bytes(32), b"")
    over = item_from("gb-iwf", 1, file(1, sha1=2, md5=3))
    seen = Sighted(item(2).id, None, file(5), None, child_at_risk=False)
    parsed = [Parsed(arrived, 16, None, over), Parsed(arrived, 17, None, seen)]
    needs = judging_needs(parsed, FINGERPRINTS)
    assert needs.named == {i: FINGERPRINTS.item(i) for i in (over.item_id, seen.item_id)}
    assert FINGERPRINTS.location(over.location) in needs.keys
    assert set(FINGERPRINTS.content(over.content[0])) <= needs.keys
    assert set(FINGERPRINTS.content(file(5))) <= needs.keys


@pytest.mark.parametrize("given", [Verdict.BASELINE, Verdict.NOT_ILLEGAL])
def test_verdict_needs_what_else_has_the_file(given: Verdict) -> None:
    """It may be corrected there, or correct what is said there."""
    arrived = Arrived("gb-iwf", Lane.STATUS, bytes(8), 1, bytes(32), b"")
    word = verdict(given)
    words = {"event_id": word.event_id, "author": word.member, "assessment": word}
    message = outcome(item(1).id, OutcomeWhat.ASSESSED, **words)
    assert judging_needs([Parsed(arrived, 18, None, message)], FINGERPRINTS).alike == {item(1).id}


def test_entry_that_cannot_be_judged_is_set_aside_in_front_of_a_person() -> None:
    """A later version will judge it."""
    receiver = Receiver()
    arrived = Arrived("gb-iwf", Lane.REPORTS, bytes(8), 1, bytes(32), b"")
    (found,) = set_aside(arrived, receiver.book)
    assert (found.arrived, found.judged) == (arrived, Judged.QUARANTINED)
    assert receiver.book.tasks == [("entry_not_judged", "gb-iwf")]
