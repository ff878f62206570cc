"""What each event makes of an item: the fold, event by event."""

from __future__ import annotations

import msgspec
import pytest

from node.casework import events, folding
from node.casework.events import (
    Answered,
    Body,
    Burial,
    ErasedThere,
    Erasure,
    Event,
    EventKind,
    Expiry,
    Facts,
    HandedOn,
    Kept,
    Lifted,
    Located,
    LocatedAgain,
    LookDue,
    NoticesDoubted,
    Raised,
    Recorded,
    Reopened,
    Responsible,
    Retracted,
    Settled,
    Sighted,
    Unlisted,
    VerdictWithdrawn,
    Withdrawn,
    decode_body,
)
from node.casework.folding import evolve, lacks
from node.casework.item import (
    Again,
    Cause,
    Custody,
    Hold,
    Informant,
    ItemState,
    KeptMessage,
    Listing,
    Look,
    ProxyNotice,
    ReportFacts,
    Review,
    TakenOff,
    encode,
)
from node.matching.lists import Trust
from protocol.facts import Access, ActionTaken, Content, Hop, Sighting
from protocol.vocabulary import Action, Disposition, HostingState, Matter, Reason, Source, Verdict
from tests.builders.cases import (
    HOUR_MS,
    OTHER_PLACE,
    US,
    at,
    closed,
    country,
    event_id,
    file,
    handed_on,
    item,
    verdict,
)
from tests.builders.network import NOW_MS

REPORT = ReportFacts(
    event_id(5), Source.PUBLIC, "R-1", Matter.CSAM, NOW_MS, "w@hotline.example", None
)
SEEN = Sighting(event_id(2), "fr-pdc", Source.PUBLIC, NOW_MS)


def after(state: ItemState | None, kind: EventKind, body: Body, at_ms: int = NOW_MS) -> ItemState:
    """Return the state after one event that was learnt an hour after it happened."""
    return evolve(state, Event(item().id, kind, at_ms, at_ms + HOUR_MS, US, body))


def acted(action: Action, member: str = US) -> ActionTaken:
    """An action of this member."""
    return ActionTaken(event_id(7, member), member, action, None, NOW_MS)


EVERY: dict[EventKind, Body] = {
    EventKind.RECORDED: Recorded(item(), REPORT),
    EventKind.SIGHTED: Sighted(
        (SEEN,),
        Informant("fr-pdc", event_id(2)),
        child_at_risk=True,
        outcome=Disposition.DUPLICATE,
        also_at=at(),
    ),
    EventKind.FACTS: Facts((file(1),), Access(password="x")),
    EventKind.LOCATED: Located(country(), NOW_MS),
    EventKind.KEPT: Kept(US, orphan=True, hops=(Hop(US, 1),), jurisdiction=country()),
    EventKind.HANDED_ON: HandedOn(
        "fr-pdc", orphan=False, hops=(Hop(US, 1), Hop("fr-pdc", 2)), jurisdiction=country("FR")
    ),
    EventKind.ANSWERED: Answered("fr-pdc", Disposition.NEW, "fr-pdc"),
    EventKind.ASSESSED: verdict(),
    EventKind.CARRIED_OVER: verdict(),
    EventKind.ACTED: acted(Action.REMOVED),
    EventKind.RESPONSIBLE: Responsible(event_id(9), "fr-pdc", country("FR")),
    EventKind.RAISED: Raised(Review.PERHAPS_BACK),
    EventKind.SETTLED: Settled(Review.PERHAPS_BACK),
    EventKind.REOPENED: Reopened(event_id(9)),
    EventKind.WITHDRAWN: Withdrawn("gb-iwf", None),
    EventKind.MESSAGE: KeptMessage(event_id(6, "gb-iwf"), item().id, "gb-iwf", US, "Hello", NOW_MS),
    EventKind.ERASED: Erasure(event_id(9), "withdrawal", (bytes(32),)),
    EventKind.ERASED_THERE: ErasedThere(event_id(9), "gb-iwf"),
    EventKind.BURIED: Burial((bytes(32),)),
    EventKind.EXPIRED: Expiry((bytes(32),)),
    EventKind.HELD: Hold(event_id(9), "legal", "order 12", NOW_MS, NOW_MS + HOUR_MS),
    EventKind.LIFTED: Lifted(event_id(9)),
    EventKind.LISTED: Listing(
        entry=7,
        list="icse",
        version=20261129,
        category="baseline",
        trust=Trust.AUTO,
        police=True,
        external_id="42/a",
        verdict=event_id(9),
        raised=(Review.PERHAPS_BACK,),
    ),
    EventKind.UNLISTED: Unlisted(7, "icse"),
    EventKind.NOTICES_DOUBTED: NoticesDoubted((event_id(7),)),
    EventKind.RETRACTED: Retracted(event_id(7)),
    EventKind.PROXY_NOTIFIED: ProxyNotice(event_id(9), "veil", NOW_MS),
    EventKind.FILE_TAKEN_OFF: TakenOff(0, file(7)),
    EventKind.LOOK_DUE: LookDue(Again(Cause.CHECK, NOW_MS)),
    EventKind.LOCATED_AGAIN: LocatedAgain(
        country(), orphan=True, looked=Look(NOW_MS, HostingState.COUNTRY, "NL"), due_ms=NOW_MS
    ),
    EventKind.VERDICT_WITHDRAWN: VerdictWithdrawn(verdict().event_id, verdict().member),
}


WITHOUT_FOLD = {EventKind.RECORDED, EventKind.ERASED, EventKind.BURIED, EventKind.EXPIRED}
"""The first and the last, what comes after it, and what is of no item: there is no state."""


def test_erased_item_has_no_state_to_fold() -> None:
    """Whoever folds a history lets go of it."""
    for kind in (EventKind.ERASED, EventKind.BURIED, EventKind.EXPIRED):
        with pytest.raises(ValueError, match="no state"):
            after(item(), kind, EVERY[kind])


def test_every_kind_of_event_has_its_place_in_each_table() -> None:
    """A new one that lacks its reader or its fold is noticed here."""
    assert set(EVERY) == set(EventKind) == set(events._BODIES)
    assert set(folding._FOLD) == set(EventKind) - WITHOUT_FOLD


@pytest.mark.parametrize("kind", EventKind)
def test_stored_body_is_read_back_as_it_was(kind: EventKind) -> None:
    """What is hashed is what is stored."""
    raw = encode(EVERY[kind])
    assert decode_body(kind, raw) == EVERY[kind]
    assert encode(decode_body(kind, raw)) == raw


@pytest.mark.parametrize("kind", set(EventKind) - WITHOUT_FOLD)
def test_every_event_counts_a_revision(kind: EventKind) -> None:
    """So that two readers can tell which state is the later."""
    assert after(item(), kind, EVERY[kind]).revision == 1


@pytest.mark.parametrize("kind", set(EventKind) - WITHOUT_FOLD)
def test_nothing_happens_to_an_item_that_was_never_recorded(kind: EventKind) -> None:
    """A history with its beginning cut off does not fold."""
    with pytest.raises(ValueError, match="never recorded"):
        after(None, kind, EVERY[kind])


def test_item_recorded_twice_does_not_fold() -> None:
    """Else its history could be restarted."""
    with pytest.raises(ValueError, match="once"):
        after(item(), EventKind.RECORDED, EVERY[EventKind.RECORDED])


def test_recorded_gives_the_state_as_it_stands() -> None:
    """Nothing is added by the fold."""
    assert after(None, EventKind.RECORDED, EVERY[EventKind.RECORDED]) == item()


class TestSighted:
    """Another observation."""

    def test_same_sighting_is_kept_once(self) -> None:
        """It may come by two ways."""
        body = Sighted(
            (SEEN, item().sightings[0]), None, child_at_risk=False, outcome=Disposition.DUPLICATE
        )
        once = after(item(), EventKind.SIGHTED, body)
        assert after(once, EventKind.SIGHTED, body).sightings == (*item().sightings, SEEN)

    def test_urgency_only_rises(self) -> None:
        """A calm second report takes no alarm back."""
        alarm = Sighted((SEEN,), None, child_at_risk=True, outcome=Disposition.DUPLICATE)
        calm = Sighted((SEEN,), None, child_at_risk=False, outcome=Disposition.DUPLICATE)
        state = after(after(item(), EventKind.SIGHTED, alarm), EventKind.SIGHTED, calm)
        assert (state.child_at_risk, state.urgency) == (True, 0)

    def test_member_that_told_us_is_an_informant_under_the_id_it_knows(self) -> None:
        """It will be told what becomes of the item."""
        informant = Informant("fr-pdc", event_id(2, "fr-pdc"))
        body = Sighted((SEEN,), informant, child_at_risk=False, outcome=Disposition.DUPLICATE)
        state = after(after(item(), EventKind.SIGHTED, body), EventKind.SIGHTED, body)
        assert state.informants == (informant,)
        assert state.aliases == (informant.item_id,)

    def test_informant_by_the_items_own_id_makes_no_alias(self) -> None:
        """It is no other name."""
        body = Sighted(
            (SEEN,),
            Informant("fr-pdc", item().id),
            child_at_risk=False,
            outcome=Disposition.REVISION,
        )
        assert after(item(), EventKind.SIGHTED, body).aliases == ()

    def test_address_of_an_alias_is_kept_once(self) -> None:
        """Both addresses go into the notice."""
        body = Sighted(
            (SEEN,), None, child_at_risk=False, outcome=Disposition.ALIAS, also_at=at(OTHER_PLACE)
        )
        state = after(after(item(), EventKind.SIGHTED, body), EventKind.SIGHTED, body)
        assert state.also_at == (at(OTHER_PLACE),)


class TestFacts:
    """Facts that came later."""

    def test_gaps_are_filled_and_other_files_stand_beside(self) -> None:
        """What is known stays."""
        known = item(1, file(1))
        state = after(known, EventKind.FACTS, Facts((file(1, md5=2), file(3)), None))
        assert state.content == (file(1, md5=2), file(3))

    def test_known_access_is_not_emptied(self) -> None:
        """Facts without access take none away."""
        known = item(1, access=Access(password="x"))
        assert after(known, EventKind.FACTS, Facts((file(1),), None)).access == known.access

    def test_what_is_known_already_is_not_lacking(self) -> None:
        """No event is made of it."""
        beside = ((US, Access(password="y")),)
        known = item(1, file(1, md5=2), access=Access(password="x"), also_access=beside)
        for password in ("x", "y"):
            assert lacks(known, Facts((file(1),), Access(password=password))) is None

    def test_only_what_is_new_is_lacking(self) -> None:
        """The rest is left out of the event."""
        known = item(1, file(1))
        assert lacks(known, Facts((file(1),), Access(password="x"))) == Facts(
            (), Access(password="x")
        )

    @pytest.mark.parametrize("again", [file(pdq=3), file(pdq=3, quality=51)])
    def test_file_that_is_known_by_its_look_alone_is_told_once(self, again: Content) -> None:
        """Else each report of it would be a file more, and no other would go on with the item."""
        assert lacks(item(1, file(pdq=3)), Facts((again,), None)) is None
        beside = lacks(item(1, file(pdq=3)), Facts((again, file(1, pdq=3)), None))
        assert beside == Facts((file(1, pdq=3),), None)


class TestPlacing:
    """Where an item is, and whose it is."""

    def test_unresolved_place_is_asked_for_again(self) -> None:
        """It stays visibly due."""
        state = after(item(1, custody=Custody.LOCATING), EventKind.LOCATED, Located(country(), 77))
        assert (state.custody, state.due_ms) == (Custody.LOCATING, 77)

    def test_kept_item_is_here_and_nothing_is_due(self) -> None:
        """One event places it and gives it to us."""
        state = after(item(1, due_ms=5), EventKind.KEPT, EVERY[EventKind.KEPT])
        assert (state.custody, state.due_ms, state.country) == (Custody.HERE, None, "NL")
        assert state.orphan

    def test_kept_without_a_finding_stays_where_it_was_found(self) -> None:
        """A refusal says nothing about the place."""
        known = item(1, jurisdiction=country("FR"))
        assert (
            after(known, EventKind.KEPT, Kept(US, orphan=False, hops=(), jurisdiction=None)).country
            == "FR"
        )

    def test_handed_on_item_waits_for_a_new_answer(self) -> None:
        """The former holder's is not the next one's."""
        answered = item(1, answer=Disposition.NEW, answered_by="gb-iwf")
        state = after(answered, EventKind.HANDED_ON, EVERY[EventKind.HANDED_ON])
        assert (state.answer, state.answered_by) == (None, None)
        assert (state.custody, state.responsible) == (Custody.HANDED_ON, "fr-pdc")


class TestAnswered:
    """The receiver's disposition."""

    def test_first_answer_is_the_items(self) -> None:
        """Later ones are about later sightings of it."""
        first = after(handed_on(item()), EventKind.ANSWERED, EVERY[EventKind.ANSWERED])
        later = Answered("fr-pdc", Disposition.DUPLICATE, None)
        assert after(first, EventKind.ANSWERED, later).answer is Disposition.NEW

    def test_refusal_is_not_the_last_word(self) -> None:
        """A later answer replaces it."""
        refused = handed_on(item(1, answer=Disposition.NOT_PERMITTED))
        state = after(refused, EventKind.ANSWERED, EVERY[EventKind.ANSWERED])
        assert state.answer is Disposition.NEW

    def test_answer_names_who_is_responsible_now(self) -> None:
        """The receiver may have handed it on long ago."""
        body = Answered("fr-pdc", Disposition.FORWARDED, "gb-iwf")
        assert after(handed_on(item()), EventKind.ANSWERED, body).responsible == "gb-iwf"

    def test_late_answer_takes_no_item_away_from_us(self) -> None:
        """It came home since."""
        body = Answered("fr-pdc", Disposition.NEW, "fr-pdc")
        assert after(item(), EventKind.ANSWERED, body).responsible == US


class TestActed:
    """What was done."""

    @pytest.mark.parametrize("action", [Action.REMOVED, Action.UNAVAILABLE, Action.NOT_ILLEGAL])
    def test_final_action_closes_at_the_time_it_happened(self, action: Action) -> None:
        """Not when we learnt it."""
        state = after(item(), EventKind.ACTED, acted(action), NOW_MS - 5)
        assert (state.closed_ms, state.closed_by) == (NOW_MS - 5, action)

    @pytest.mark.parametrize(
        "action",
        [
            Action.LEA_NOTIFIED,
            Action.HOST_NOTIFIED,
            Action.HOST_CLAIMED,
            Action.INACCESSIBLE,
            Action.MOVED,
        ],
    )
    def test_intermediate_action_closes_nothing(self, action: Action) -> None:
        """A hoster's claim, too."""
        assert after(item(), EventKind.ACTED, acted(action)).closed_ms is None

    def test_what_is_seen_online_is_open_again(self) -> None:
        """A positive check undoes any closure."""
        state = after(closed(item(), when_ms=NOW_MS), EventKind.ACTED, acted(Action.SEEN_ONLINE))
        assert (state.closed_ms, state.closed_by) == (None, None)

    def test_nobody_else_closes_what_is_ours(self) -> None:
        """Only the responsible member acts (rule 1)."""
        state = after(item(), EventKind.ACTED, acted(Action.REMOVED, "gb-iwf"))
        assert state.closed_ms is None
        assert len(state.actions) == 1

    def test_its_holder_closes_what_we_handed_on(self) -> None:
        """We believe whom we gave it to."""
        state = after(handed_on(item()), EventKind.ACTED, acted(Action.REMOVED, "fr-pdc"))
        assert state.closed_by is Action.REMOVED

    def test_moved_item_of_ours_is_located_again_at_once(self) -> None:
        """Until then it stays ours."""
        state = after(item(), EventKind.ACTED, acted(Action.MOVED))
        assert (state.custody, state.due_ms) == (Custody.LOCATING, NOW_MS + HOUR_MS)
        assert state.responsible == US

    def test_word_of_another_that_it_moved_changes_no_custody(self) -> None:
        """Its own event says who has it."""
        state = after(handed_on(item()), EventKind.ACTED, acted(Action.MOVED, "fr-pdc"))
        assert state.custody is Custody.HANDED_ON


class TestHeardFromTheChain:
    """Who has it now, further along."""

    def test_new_holder_and_place_are_learnt(self) -> None:
        """And the event is remembered."""
        state = after(handed_on(item()), EventKind.RESPONSIBLE, EVERY[EventKind.RESPONSIBLE])
        assert (state.responsible, state.country) == ("fr-pdc", "FR")
        assert state.has_heard(event_id(9))

    def test_old_news_takes_no_item_away_from_us(self) -> None:
        """It came home since."""
        state = after(item(), EventKind.RESPONSIBLE, EVERY[EventKind.RESPONSIBLE])
        assert state.responsible == US
        assert state.has_heard(event_id(9))

    def test_reopened_is_open_and_remembered(self) -> None:
        """Heard twice has no effect."""
        state = after(closed(item()), EventKind.REOPENED, EVERY[EventKind.REOPENED])
        assert state.closed_ms is None
        assert state.has_heard(event_id(9))


class TestReviews:
    """In front of a person, for one reason or several."""

    def test_second_reason_does_not_replace_the_first(self) -> None:
        """Both have to be looked at."""
        state = after(item(), EventKind.RAISED, Raised(Review.LOCATION_UNCERTAIN))
        state = after(state, EventKind.RAISED, Raised(Review.SUGGESTED_VERDICT))
        assert state.reviews == (Review.LOCATION_UNCERTAIN, Review.SUGGESTED_VERDICT)
        assert state.review is Review.LOCATION_UNCERTAIN

    def test_settling_one_reason_leaves_the_other(self) -> None:
        """Who compared pictures has not looked at the map."""
        state = item(1, reviews=(Review.LOCATION_UNCERTAIN, Review.SUGGESTED_VERDICT))
        state = after(state, EventKind.SETTLED, Settled(Review.LOCATION_UNCERTAIN))
        assert state.review is Review.SUGGESTED_VERDICT


class TestWithdrawn:
    """A member takes its word back (rule 10)."""

    KNOWN = item(
        1,
        sightings=(
            Sighting(event_id(1, "gb-iwf"), "gb-iwf", Source.PUBLIC, NOW_MS),
            Sighting(event_id(2, "gb-iwf"), "gb-iwf", Source.PUBLIC, NOW_MS),
            SEEN,
        ),
        assessments=(verdict(member="gb-iwf"), verdict(member="fr-pdc")),
    )

    def test_one_sighting_is_taken_back(self) -> None:
        """Its author's others, and its verdict, stay."""
        body = Withdrawn("gb-iwf", event_id(1, "gb-iwf"))
        state = after(self.KNOWN, EventKind.WITHDRAWN, body)
        assert len(state.sightings) == 2
        assert len(state.assessments) == 2

    def test_whole_report_is_taken_back_without_its_verdict(self) -> None:
        """What others saw stays; a verdict may stand on the file, and goes by a word of its own."""
        state = after(self.KNOWN, EventKind.WITHDRAWN, Withdrawn("gb-iwf", None))
        assert state.sightings == (SEEN,)
        assert state.assessments == self.KNOWN.assessments

    def test_nobody_takes_back_what_another_saw(self) -> None:
        """The id alone is not enough."""
        body = Withdrawn("gb-iwf", SEEN.sighting_id)
        assert after(self.KNOWN, EventKind.WITHDRAWN, body).sightings == self.KNOWN.sightings


class TestVerdictWithdrawn:
    """A verdict goes; of one that an `unassessable` took back it stays known."""

    def test_what_unassessable_took_back_stays_silent_once_it_is_withdrawn(self) -> None:
        """Its author's words before it, and nobody else's, nor a later one."""
        first, unseen, last = (verdict(number=number, member=US) for number in (1, 2, 3))
        unseen = msgspec.structs.replace(
            unseen, verdict=Verdict.UNASSESSABLE, reason=Reason.PASSWORD
        )
        given = (first, verdict(member="gb-iwf", number=4), unseen, last)
        body = VerdictWithdrawn(unseen.event_id, US)
        state = after(item(1, assessments=given), EventKind.VERDICT_WITHDRAWN, body)
        assert (state.assessments, state.silent) == (
            (given[0], given[1], given[3]),
            (first.event_id,),
        )
        gone = VerdictWithdrawn(first.event_id, US)
        assert after(state, EventKind.VERDICT_WITHDRAWN, gone).silent == ()


class TestState:
    """What is derived from a state."""

    def test_state_is_stored_and_read_back(self) -> None:
        """To the last field."""
        state = closed(item(1, file(1, pdq=3), assessments=(verdict(),), reviews=(Review.HOP_CAP,)))
        raw = encode(state)
        assert msgspec.msgpack.decode(raw, type=ItemState) == state

    def test_author_corrects_itself(self) -> None:
        """The later of its verdicts is in force, in whatever order they came."""
        early = verdict(Verdict.BASELINE, number=1)
        late = msgspec.structs.replace(verdict(Verdict.NOT_ILLEGAL, number=2), at_ms=NOW_MS + 1)
        assert item(1, assessments=(late, early)).in_force == (late,)

    def test_unassessable_content_is_not_known(self) -> None:
        """Somebody will have to look."""
        assert not item(1, assessments=(verdict(Verdict.UNASSESSABLE),)).known

    def test_word_that_its_author_corrected_makes_nothing_known(self) -> None:
        """It could not be assessed after all: somebody has to view it."""
        first, then = verdict(number=1), verdict(Verdict.UNASSESSABLE, number=2)
        assert not item(1, assessments=(first, then)).known
