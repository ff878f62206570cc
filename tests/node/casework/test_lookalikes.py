"""Pictures that look alike: a verdict is suggested to a person, with its source, never more."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from node.casework.casebook import Casebook, Needs
from node.casework.contents.wanting import want_alike
from node.casework.events import EventKind, Raised, Settled
from node.casework.folding import evolve
from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.needing import judging_needs
from node.casework.incoming.reading import parse
from node.casework.item import MAX_SUGGESTIONS, Custody, ItemState, Review, Suggestion
from node.casework.passing_on.routing import Forwarding, route
from node.casework.reports.draft import AssessmentDraft, HashesDraft, ItemDraft, ReportDraft
from node.casework.reports.intake import ItemTaken, intake_needs, take_report
from node.casework.reports.prepare import prepare_report
from node.casework.working import record_assessment, record_hashes
from node.matching.contents import Closeness
from protocol.entry import compose, encode, leaf
from protocol.facts import Content
from protocol.messages import Item, Sighted, form_of, to_body
from protocol.vocabulary import Action, Disposition, ItemKind, Lane, Matter, Source, Verdict
from tests.builders.cases import (
    FINGERPRINTS,
    OTHER_PLACE,
    PLACE,
    POSTBOX,
    book,
    closed,
    country,
    event_id,
    file,
    handed_on,
    ids,
    item,
    looked_up,
    network,
    said,
    verdict,
)
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, item_from

JUDGED = item(1, file(1, pdq=0), url=OTHER_PLACE, assessments=(verdict(),))
NEAR = file(2, pdq=(1 << 20) - 1)
"""Another file of a picture that differs from that of `JUDGED` in 20 bits."""
FAR = file(2, pdq=(1 << 32) - 1)
SUGGESTED = (Suggestion(JUDGED.id, Closeness.NEAR_20),)


def hand_in(made: Casebook, content: Content, *, kind: ItemKind = ItemKind.IMAGE) -> ItemTaken:
    """Hand in a line with the hashes of one file."""
    assert content.sha256 is not None
    assert content.pdq is not None
    hashes = HashesDraft(
        sha256=content.sha256.hex(), pdq=content.pdq.hex(), pdq_quality=content.pdq_quality
    )
    draft = ReportDraft(
        items=(ItemDraft(url=PLACE, hashes=hashes, kind=kind),), source=Source.PUBLIC
    )
    prepared = prepare_report(draft, FINGERPRINTS, NOW_MS, "line")
    return take_report(made, prepared, ids(), POSTBOX).items[0]


def only_new(made: Casebook) -> ItemState:
    """Return the one item that a decision recorded."""
    (event,) = (one for one in made.events if one.kind is EventKind.RECORDED)
    return made.loaded.items[event.item]


class TestHandedIn:
    """Other place, near content: a new item, and a suggestion."""

    def test_verdict_on_a_near_picture_is_suggested_and_says_of_which_item(self) -> None:
        """An analyst compares; nothing is carried over."""
        made = looked_up(book(JUDGED), NEAR)
        assert hand_in(made, NEAR).outcome == "new"
        state = only_new(made)
        assert state.reviews == (Review.SUGGESTED_VERDICT,)
        assert state.suggestions == SUGGESTED
        assert state.assessments == ()
        assert not state.known

    def test_picture_that_is_far_is_a_plain_new_item(self) -> None:
        """Thirty-two bits."""
        made = looked_up(book(JUDGED), FAR)
        hand_in(made, FAR)
        assert only_new(made).reviews == ()

    @pytest.mark.parametrize("side", ["ours", "theirs"])
    def test_near_hash_of_a_video_suggests_nothing(self, side: str) -> None:
        """A frame is not a film."""
        kinds = {"ours": ItemKind.IMAGE, "theirs": ItemKind.IMAGE} | {side: ItemKind.VIDEO}
        made = looked_up(book(msgspec.structs.replace(JUDGED, kind=kinds["ours"])), NEAR)
        hand_in(made, NEAR, kind=kinds["theirs"])
        assert only_new(made).reviews == ()

    def test_near_picture_that_nobody_judged_suggests_nothing(self) -> None:
        """There is no verdict."""
        made = looked_up(book(msgspec.structs.replace(JUDGED, assessments=())), NEAR)
        hand_in(made, NEAR)
        assert only_new(made).reviews == ()

    def test_suggestion_names_the_nearest_of_several(self) -> None:
        """Whatever their ids."""
        nearer = item(2, file(3, pdq=(1 << 19) - 1), url=OTHER_PLACE, assessments=(verdict(),))
        made = looked_up(book(JUDGED, nearer), NEAR)
        hand_in(made, NEAR)
        assert only_new(made).suggestions == (Suggestion(nearer.id, Closeness.NEAR_10),)

    def test_same_file_elsewhere_carries_its_verdict_over_whoever_looks_alike(self) -> None:
        """The stronger row."""
        same = item(2, NEAR, url=OTHER_PLACE, assessments=(verdict(),))
        made = looked_up(book(JUDGED, same), NEAR)
        assert hand_in(made, NEAR).outcome == "known"

    def test_what_is_handed_in_asks_for_its_hashes_and_pictures(self) -> None:
        """Else nothing would be loaded."""
        hashes = HashesDraft(pdq="00" * 32, pdq_quality=50)
        draft = ReportDraft(items=(ItemDraft(url=PLACE, hashes=hashes),), source=Source.PUBLIC)
        prepared = prepare_report(draft, FINGERPRINTS, NOW_MS, "line")
        assert intake_needs([prepared], FINGERPRINTS).pictures == {bytes(32)}

    def test_picture_of_low_quality_is_not_asked_for(self) -> None:
        """It says nothing."""
        needs = Needs()
        want_alike(needs, [file(1, pdq=0, quality=49), file(2)], FINGERPRINTS)
        assert needs.pictures == set()
        assert len(needs.keys) == 2


class TestVariant:
    """Same place, near content: a variant of the same item."""

    def test_variant_of_a_judged_item_names_that_item(self) -> None:
        """Its own verdict is suggested for what its address serves now."""
        judged = msgspec.structs.replace(JUDGED, location=item(1).location)
        made = looked_up(book(judged), NEAR)
        assert hand_in(made, NEAR).item_id == judged.id
        state = made.loaded.items[judged.id]
        assert state.reviews == (Review.SUGGESTED_VERDICT,)
        assert state.suggestions == SUGGESTED
        assert len(state.content) == 2

    def test_variant_that_another_member_reports_does_the_same(self) -> None:
        """By the same table."""
        receiver = Receiver(msgspec.structs.replace(JUDGED, location=item(1).location))
        looked_up(receiver.book, NEAR)
        answer = receiver("fr-pdc", item_from("fr-pdc", 7, NEAR))
        assert answer.disposition is Disposition.VARIANT
        assert receiver.state(JUDGED.id).suggestions == SUGGESTED

    def test_variant_that_a_later_sighting_brings_does_the_same(self) -> None:
        """The item was joined before the hand-over."""
        receiver = Receiver()
        receiver("gb-iwf", item_from("gb-iwf", 1, file(1, pdq=0), assessments=(verdict(),)))
        looked_up(receiver.book, NEAR)
        seen = item_from("gb-iwf", 1).sightings[0]
        later = msgspec.structs.replace(seen, sighting_id=event_id(44, "gb-iwf"))
        answer = receiver(
            "gb-iwf", Sighted(event_id(1, "gb-iwf"), later, NEAR, None, child_at_risk=False)
        )
        assert answer.disposition is Disposition.VARIANT
        assert receiver.state(event_id(1, "gb-iwf")).suggestions[0].closeness is Closeness.NEAR_20


class TestReceived:
    """Another member hands over what looks like something that is judged here."""

    def test_verdict_is_suggested_here_and_the_answer_names_nothing(self) -> None:
        """The sender hears that there is a suggestion, not of what."""
        receiver = Receiver(JUDGED)
        looked_up(receiver.book, NEAR)
        answer = receiver("fr-pdc", item_from("fr-pdc", 7, NEAR))
        assert answer.disposition is Disposition.NEW_SUGGESTED
        state = receiver.state(event_id(7, "fr-pdc"))
        assert state.suggestions == SUGGESTED
        assert state.assessments == ()
        assert JUDGED.id not in repr(said(receiver.book))

    def test_what_arrives_asks_for_its_pictures(self) -> None:
        """Items, and hashes that come later."""
        hashes = Sighted(event_id(1, "gb-iwf"), None, NEAR, None, child_at_risk=False)
        for message in (item_from("gb-iwf", 1, NEAR), hashes):
            version, kind = form_of(message)
            entry = compose(bytes(32), kind, b"", 0, "nl-eokm", to_body(message), version)
            raw = encode(entry)
            came = Arrived("gb-iwf", Lane.REPORTS, bytes(8), 1, leaf(raw), raw)
            needs = judging_needs([parse(came)], FINGERPRINTS)
            assert needs.pictures == {NEAR.pdq}


class TestLater:
    """Hashes and verdicts that come later re-run the matching."""

    def test_hashes_that_come_later_bring_the_suggestion(self) -> None:
        """As if they had been there at first."""
        made = looked_up(book(JUDGED, item(2)), NEAR)
        assert NEAR.pdq is not None
        draft = HashesDraft(pdq=NEAR.pdq.hex(), pdq_quality=80)
        state = record_hashes(made, item(2).id, draft, ids(), POSTBOX)
        assert state.reviews == (Review.SUGGESTED_VERDICT,)
        assert state.suggestions == SUGGESTED

    def test_hashes_that_another_member_sends_later_bring_it_too(self) -> None:
        """By the same way."""
        receiver = Receiver(JUDGED)
        receiver("fr-pdc", item_from("fr-pdc", 7))
        looked_up(receiver.book, NEAR)
        receiver("fr-pdc", Sighted(event_id(7, "fr-pdc"), None, NEAR, None, child_at_risk=False))
        assert receiver.state(event_id(7, "fr-pdc")).suggestions == SUGGESTED

    def test_verdict_that_is_given_is_suggested_where_something_looks_alike(self) -> None:
        """A colleague is about to view the same picture."""
        waiting = item(2, NEAR)
        judged = msgspec.structs.replace(JUDGED, assessments=())
        made = looked_up(book(judged, waiting), *judged.content)
        draft = AssessmentDraft(verdict=Verdict.BASELINE)
        record_assessment(made, judged.id, draft, ids(), POSTBOX)
        state = made.loaded.items[waiting.id]
        assert state.suggestions == SUGGESTED
        assert state.assessments == ()
        assert said(made) == []

    @pytest.mark.parametrize(
        "waiting",
        [
            closed(item(2, NEAR)),
            handed_on(item(2, NEAR)),
            item(2, NEAR, custody=Custody.COUNTED, matter=Matter.SPAM),
            item(2, NEAR, sightings=()),
            item(2, NEAR, kind=ItemKind.VIDEO),
            item(2, FAR),
            item(2, file(2, pdq=0, quality=49)),
            item(2, NEAR, assessments=(verdict(number=901),)),
        ],
        ids=["closed", "handed on", "counted", "withdrawn", "video", "far", "plain", "judged"],
    )
    def test_verdict_is_suggested_to_nothing_that_nobody_has_to_judge_here(
        self, waiting: ItemState
    ) -> None:
        """A person's time is what this is to spare."""
        judged = msgspec.structs.replace(JUDGED, assessments=())
        made = looked_up(book(judged, waiting), *judged.content)
        record_assessment(
            made, judged.id, AssessmentDraft(verdict=Verdict.BASELINE), ids(), POSTBOX
        )
        assert made.loaded.items[waiting.id].reviews == ()

    def test_same_suggestion_is_made_once_and_others_beside_it(self) -> None:
        """A verdict may be corrected again and again."""
        waiting = item(9, NEAR)
        judged = [msgspec.structs.replace(JUDGED, assessments=()), item(2, file(3, pdq=1))]
        made = looked_up(book(waiting, *judged), *(one.content[0] for one in judged))
        for one in (*judged, *judged):
            draft = AssessmentDraft(verdict=Verdict.BASELINE)
            record_assessment(made, one.id, draft, ids(), POSTBOX)
        state = made.loaded.items[waiting.id]
        assert state.reviews == (Review.SUGGESTED_VERDICT,)
        assert [one.item for one in state.suggestions] == [one.id for one in judged]


class TestAnswered:
    """An analyst compares and judges."""

    def test_verdict_of_a_person_takes_the_suggestions_away(self) -> None:
        """They have been looked at."""
        waiting = item(2, NEAR, reviews=(Review.SUGGESTED_VERDICT,), suggestions=SUGGESTED)
        made = looked_up(book(waiting, JUDGED), NEAR)
        draft = AssessmentDraft(verdict=Verdict.NOT_ILLEGAL)
        state = record_assessment(made, waiting.id, draft, ids(), POSTBOX)
        assert (state.reviews, state.suggestions) == ((), ())

    def test_other_reasons_leave_the_suggestions(self) -> None:
        """Each is settled by itself."""
        state = item(2, reviews=(Review.SUGGESTED_VERDICT,), suggestions=SUGGESTED)
        made = book(state)
        made.raise_review(state.id, Review.HOP_CAP)
        body = Settled(Review.HOP_CAP)
        after = made.record(state.id, EventKind.SETTLED, body, at_ms=NOW_MS, actor="nl-eokm")
        assert after.suggestions == SUGGESTED

    def test_suggestions_of_one_item_are_bounded(self) -> None:
        """The first ones; a person need not compare with more."""
        made = book(item(1))
        for number in range(2, MAX_SUGGESTIONS + 10):
            by = Suggestion(event_id(number), Closeness.NEAR_31)
            made.raise_review(item(1).id, Review.SUGGESTED_VERDICT, by)
        state = made.loaded.items[item(1).id]
        assert len(state.suggestions) == MAX_SUGGESTIONS
        assert state.suggestions[0].item == event_id(2)
        assert state.reviews == (Review.SUGGESTED_VERDICT,)

    def test_history_of_an_earlier_version_has_reasons_without_suggestions(self) -> None:
        """Its events and states are shorter."""
        raw = msgspec.msgpack.encode((Review.SUGGESTED_VERDICT,))
        body = msgspec.msgpack.decode(raw, type=Raised)
        made = book(item(1))
        made.record(item(1).id, EventKind.RAISED, body, at_ms=NOW_MS, actor="nl-eokm")
        assert evolve(item(1), made.events[0]).suggestions == ()


class TestNeverAcrossTheBorder:
    """What looks alike is our own business."""

    def test_item_with_a_suggestion_is_handed_on_without_it(self) -> None:
        """Neither the verdict nor the other item's name travels."""
        made = looked_up(book(JUDGED), NEAR)
        hand_in(made, NEAR)
        state = only_new(made)
        route(made, state.id, country("FR"), None, Forwarding(network(), ids(), POSTBOX))
        ((to, message),) = said(made)
        assert to == "fr-pdc"
        assert isinstance(message, Item)
        assert message.assessments == ()
        assert JUDGED.id not in repr(message)
        assert Closeness.NEAR_20 not in repr(message)


def test_near_hashes_of_two_items_in_one_batch_meet() -> None:
    """The first was judged when it was handed in."""
    made = looked_up(book(), NEAR, file(1, pdq=0))
    first = hand_in(made, file(1, pdq=0))
    draft = AssessmentDraft(verdict=Verdict.BASELINE)
    record_assessment(made, first.item_id, draft, ids(), POSTBOX)
    content: dict[str, Any] = {"url": OTHER_PLACE}
    assert NEAR.pdq is not None
    hashes = HashesDraft(pdq=NEAR.pdq.hex(), pdq_quality=80)
    report = ReportDraft(items=(ItemDraft(hashes=hashes, **content),), source=Source.PUBLIC)
    prepared = prepare_report(report, FINGERPRINTS, NOW_MS, "other line")
    second = take_report(made, prepared, ids("fr-pdc"), POSTBOX).items[0]
    suggestions = made.loaded.items[second.item_id].suggestions
    assert suggestions == (Suggestion(first.item_id, Closeness.NEAR_20),)


def test_action_that_closes_does_not_hide_a_suggestion() -> None:
    """Verdicts are looked at by who assesses."""
    state = closed(item(1, reviews=(Review.SUGGESTED_VERDICT,)), Action.REMOVED)
    assert state.reviews == (Review.SUGGESTED_VERDICT,)
