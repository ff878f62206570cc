"""Legal hold: what a person keeps, nothing and nobody erases."""

from __future__ import annotations

import msgspec
import pytest

from node.casework.ending.erasing import Cause, check_erasable
from node.casework.ending.holding import LONGEST_MS, MAX_HOLDS, is_held, lift_hold, put_hold
from node.casework.errors import (
    DraftRejectedError,
    UnderLegalHoldError,
    UnknownHoldError,
    UnknownItemError,
)
from node.casework.item import Hold, Informant, ItemState, Review
from node.casework.reports.draft import HoldDraft
from node.casework.showing.views import moment
from protocol.facts import ActionTaken
from protocol.messages import Withdrawal
from protocol.vocabulary import Action, Disposition
from tests.builders.cases import US, book, closed, event_id, happened, ids, item
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver

DAY_MS = 86_400_000
UNTIL = moment(NOW_MS + DAY_MS)
HOLD = Hold(event_id(9), "legal", "order 12", NOW_MS - DAY_MS, NOW_MS + DAY_MS)
HELD = item(1, holds=(HOLD,), informants=(Informant("gb-iwf", item(1).id),))


def draft(reason: str = "order 12", until: str = UNTIL) -> HoldDraft:
    """What a person says."""
    return HoldDraft(reason=reason, until=until)


class TestPutting:
    """A person puts a hold."""

    def test_hold_bears_its_author_reason_and_end(self) -> None:
        """Whoever wants to erase it later must know whom to ask."""
        made = book(item(1))
        made.by = "legal"
        hold = put_hold(made, item(1).id, draft(), "legal", ids())
        assert made.loaded.items[item(1).id].holds == (hold,)
        assert (hold.by, hold.reason, hold.until_ms) == ("legal", "order 12", NOW_MS + DAY_MS)
        assert (happened(made), made.events[0].actor) == (["held"], f"{US}/legal")
        assert made.posts == []

    @pytest.mark.parametrize("until_ms", [NOW_MS, NOW_MS - 1, NOW_MS + LONGEST_MS + 1000])
    def test_hold_ends_in_the_ten_years_to_come(self, until_ms: int) -> None:
        """Silence extends none, and a slip of the finger makes none for ever."""
        made = book(item(1))
        with pytest.raises(DraftRejectedError, match="until"):
            put_hold(made, item(1).id, draft(until=moment(until_ms)), "legal", ids())
        assert made.events == []

    def test_day_that_does_not_exist_is_refused(self) -> None:
        """By the name of the field."""
        with pytest.raises(DraftRejectedError, match="until"):
            put_hold(book(item(1)), item(1).id, draft(until="2027-02-30T00:00:00Z"), "x", ids())

    @pytest.mark.parametrize("reason", ["  ", "a\nb", "\x1b[2J"])
    def test_reason_is_a_line_of_text(self, reason: str) -> None:
        """It is shown on terminals."""
        with pytest.raises(DraftRejectedError, match="reason"):
            put_hold(book(item(1)), item(1).id, draft(reason), "legal", ids())

    def test_item_has_no_more_holds_than_it_can_have(self) -> None:
        """A loop in a script fills no state."""
        many = tuple(msgspec.structs.replace(HOLD, hold_id=event_id(n)) for n in range(MAX_HOLDS))
        with pytest.raises(DraftRejectedError, match="lift"):
            put_hold(book(item(1, holds=many)), item(1).id, draft(), "legal", ids())

    def test_unknown_item_is_said_to_be_unknown(self) -> None:
        """It cannot be kept."""
        with pytest.raises(UnknownItemError):
            put_hold(book(), item(1).id, draft(), "legal", ids())


class TestLifting:
    """A person lifts a hold."""

    def test_lifted_hold_holds_no_more_and_others_do(self) -> None:
        """Each by its id."""
        other = msgspec.structs.replace(HOLD, hold_id=event_id(8))
        made = book(item(1, holds=(HOLD, other)))
        assert lift_hold(made, item(1).id, HOLD.hold_id) == HOLD
        assert made.loaded.items[item(1).id].holds == (other,)
        assert happened(made) == ["lifted"]

    def test_hold_that_is_not_there_is_said_to_be_unknown(self) -> None:
        """Nothing is lifted by a slip."""
        made = book(HELD)
        with pytest.raises(UnknownHoldError):
            lift_hold(made, item(1).id, event_id(8))
        assert made.events == []


@pytest.mark.parametrize(("ms", "held"), [(-1, True), (0, False), (1, False)])
def test_hold_is_over_at_its_end(ms: int, *, held: bool) -> None:
    """To the millisecond."""
    assert is_held(HELD, HOLD.until_ms + ms) is held


class TestRestricted:
    """What is kept is restricted, not erased."""

    @pytest.mark.parametrize("cause", Cause)
    @pytest.mark.parametrize("state", [HELD, closed(HELD)], ids=["open", "closed"])
    def test_rule_10_held_item_is_erased_for_no_cause(self, state: ItemState, cause: Cause) -> None:
        """Neither by command nor because its time is over."""
        with pytest.raises(UnderLegalHoldError):
            check_erasable(state, cause, NOW_MS)

    def test_item_is_erased_when_its_hold_is_over(self) -> None:
        """Silence extends none."""
        check_erasable(closed(HELD), Cause.RETENTION, HOLD.until_ms)

    def test_rule_10_withdrawal_of_a_held_item_is_answered_restricted(self) -> None:
        """A person looks all the same."""
        receiver = Receiver(HELD)
        given = receiver("gb-iwf", Withdrawal(item(1).id, None, NOW_MS))
        assert given.disposition is Disposition.RESTRICTED
        state = receiver.state(item(1).id)
        assert (state.holds, state.review) == ((HOLD,), Review.WITHDRAWAL)

    def test_rule_10_withdrawal_of_what_is_under_referral_is_answered_restricted(self) -> None:
        """The police have it in hand."""
        told = ActionTaken(event_id(7), US, Action.LEA_NOTIFIED, None, NOW_MS)
        state = item(1, actions=(told,), informants=HELD.informants)
        receiver = Receiver(state)
        given = receiver("gb-iwf", Withdrawal(item(1).id, None, NOW_MS))
        assert given.disposition is Disposition.RESTRICTED
