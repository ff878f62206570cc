"""When an item is looked up once more, and when what was found counts no more."""

from __future__ import annotations

import pytest

from node.casework.events import EventKind
from node.casework.item import Cause, ItemState, Look, Review
from node.casework.places.again import (
    BACK_AGAIN_MS,
    is_stale,
    look_after,
    look_behind,
    raise_judged,
)
from protocol.vocabulary import Action, Confidence, HostingState
from tests.builders.cases import (
    HOUR_MS,
    book,
    closed,
    handed_on,
    item,
)
from tests.builders.network import NOW_MS
from tests.node.casework.places.looked_up import HIDDEN, HIGH, LOW, due, told


class TestStale:
    """Whether the last look is too old."""

    def test_look_is_fresh_for_so_long(self) -> None:
        """To the millisecond."""
        state = item(looked=Look(NOW_MS, HostingState.COUNTRY, "NL"))
        assert not is_stale(state, NOW_MS + HOUR_MS, NOW_MS + HOUR_MS, HOUR_MS)
        assert is_stale(state, NOW_MS + HOUR_MS + 1, NOW_MS + HOUR_MS + 1, HOUR_MS)

    def test_what_was_never_looked_up_here_is_stale(self) -> None:
        """Another member's look is not ours."""
        assert is_stale(item(), NOW_MS, NOW_MS, HOUR_MS)

    def test_what_was_done_while_the_look_was_fresh_is_not_held_against_it(self) -> None:
        """A notice that is recorded days later was sent then."""
        state = item(looked=Look(NOW_MS, HostingState.COUNTRY, "NL"))
        assert not is_stale(state, NOW_MS + 1, NOW_MS + 99 * HOUR_MS, HOUR_MS)

    def test_look_in_the_future_counts_for_nothing(self) -> None:
        """A clock was wrong."""
        state = item(looked=Look(NOW_MS + 1, HostingState.COUNTRY, "NL"))
        assert is_stale(state, NOW_MS, NOW_MS, HOUR_MS)

    def test_operator_can_have_every_look_count(self) -> None:
        """0: however old."""
        assert not is_stale(item(), NOW_MS, NOW_MS, 0)


class TestCheck:
    """What was recorded may be a reason to look."""

    @pytest.mark.parametrize(
        ("action", "cause"),
        [
            (Action.SEEN_ONLINE, Cause.CHECK),
            (Action.INACCESSIBLE, Cause.CHECK),
            (Action.LEA_NOTIFIED, Cause.REFERRAL),
            (Action.HOST_NOTIFIED, None),
            (Action.HOST_CLAIMED, None),
        ],
    )
    def test_check_and_referral_are(self, action: Action, cause: Cause | None) -> None:
        """After the fact: neither waits for a name server."""
        state = item(jurisdiction=told())
        made = book(state)
        look_after(made, state, action, HOUR_MS)
        assert due(made, state) is cause

    def test_fresh_look_is_enough(self) -> None:
        """Checks may come every hour."""
        state = item(jurisdiction=told(), looked=Look(NOW_MS, HostingState.COUNTRY, "NL"))
        made = book(state)
        look_after(made, state, Action.SEEN_ONLINE, HOUR_MS)
        assert made.events == []

    def test_what_is_open_again_is_looked_up_however_fresh_the_look(self) -> None:
        """While it was closed, no finding moved it."""
        looked = Look(NOW_MS, HostingState.COUNTRY, "FR")
        state = item(jurisdiction=told(), looked=looked)
        made = book(state)
        look_after(made, closed(state), Action.SEEN_ONLINE, HOUR_MS)
        assert due(made, state) is Cause.CHECK

    @pytest.mark.parametrize("sure", [LOW, HIGH])
    def test_what_is_open_again_within_its_deadline_waits_for_a_person_again(
        self, sure: Confidence
    ) -> None:
        """Its end answered that; now nobody would have said where it is when the time is up."""
        state = item(jurisdiction=told(sure=sure), due_ms=NOW_MS + HOUR_MS)
        made = book(state)
        look_after(made, closed(state), Action.SEEN_ONLINE, HOUR_MS)
        reviews = made.loaded.items[state.id].reviews
        assert reviews == ((Review.LOCATION_UNCERTAIN,) if sure is LOW else ())

    def test_what_is_due_anyway_is_not_made_due_again(self) -> None:
        """A deadline would be cut short."""
        state = item(jurisdiction=told(), due_ms=NOW_MS + HOUR_MS)
        made = book(state)
        look_after(made, state, Action.SEEN_ONLINE, HOUR_MS)
        assert made.events == []


class TestPerhapsBack:
    """It was reported again after it was gone."""

    def test_it_is_located_at_once(self) -> None:
        """And stands before a person."""
        state = closed(item(jurisdiction=told()))
        made = book(state)
        raise_judged(made, state.id, Review.PERHAPS_BACK, None)
        assert due(made, state) is Cause.PERHAPS_BACK
        assert made.loaded.items[state.id].reviews == (Review.PERHAPS_BACK,)
        assert made.loaded.items[state.id].due_ms == NOW_MS

    def test_crowd_of_reports_makes_one_look(self) -> None:
        """Nobody can have a name asked for at every report."""
        looked = Look(NOW_MS - BACK_AGAIN_MS, HostingState.COUNTRY, "NL")
        state = closed(item(jurisdiction=told(), looked=looked))
        made = book(state)
        raise_judged(made, state.id, Review.PERHAPS_BACK, None)
        assert [event.kind for event in made.events] == [EventKind.RAISED]

    @pytest.mark.parametrize("review", [None, Review.SUGGESTED_VERDICT])
    def test_other_reasons_are_none_to_look(self, review: Review | None) -> None:
        """A verdict does not depend on the place."""
        state = item(jurisdiction=told())
        made = book(state)
        raise_judged(made, state.id, review, None)
        assert due(made, state) is None

    def test_item_that_another_member_has_is_located_there(self) -> None:
        """The sighting goes along the chain, and who has it looks."""
        state = handed_on(item(jurisdiction=told()))
        made = book(state)
        raise_judged(made, state.id, Review.PERHAPS_BACK, None)
        assert due(made, state) is None


class TestBehind:
    """Somebody was told where a hidden host stands."""

    def test_hidden_item_is_due_at_once(self) -> None:
        """Though it was to wait for half a day."""
        state = item(jurisdiction=HIDDEN, due_ms=NOW_MS + HOUR_MS)
        made = book(state)
        look_behind(made, state.id)
        now = made.loaded.items[state.id]
        assert (now.due_ms, due(made, state)) == (NOW_MS, Cause.ORIGIN_TOLD)

    @pytest.mark.parametrize(
        "state",
        [item(jurisdiction=told()), item(), handed_on(item(jurisdiction=HIDDEN))],
        ids=["found", "nowhere", "elsewhere"],
    )
    def test_what_is_hidden_no_more_is_left_alone(self, state: ItemState) -> None:
        """It moved, or was found, meanwhile; or it was erased."""
        made = book(state)
        look_behind(made, state.id)
        look_behind(made, "gb-iwf.unknown")
        assert made.events == []
