"""Retention: which items are over, and when."""

from __future__ import annotations

import msgspec
import pytest

from node.casework.ending.retaining import Periods, is_over, period_of
from node.casework.item import Custody, Hold, ItemState
from protocol.facts import ActionTaken
from protocol.vocabulary import Action
from tests.builders.cases import US, closed, event_id, handed_on, item
from tests.builders.network import NOW_MS

PERIODS = Periods(closed_ms=1000, not_illegal_ms=2000, counted_ms=3000, handed_on_ms=4000)
FOR_EVER = Periods(0, 0, 0, 0)
LEA = ActionTaken(event_id(7), US, Action.LEA_NOTIFIED, None, NOW_MS)
HOLD = Hold(event_id(9), "legal", "order 12", NOW_MS, NOW_MS + 10_000)
GONE = closed(item(1), when_ms=NOW_MS)
CLASSES = [
    pytest.param(GONE, 1000, id="closed as gone"),
    pytest.param(closed(item(1), Action.NOT_ILLEGAL, NOW_MS), 2000, id="closed as not illegal"),
    pytest.param(item(1, custody=Custody.COUNTED), 3000, id="counted"),
    pytest.param(handed_on(item(1)), 4000, id="handed on"),
    pytest.param(handed_on(GONE), 1000, id="handed on and closed"),
]


@pytest.mark.parametrize(("state", "period_ms"), CLASSES)
def test_item_is_kept_for_the_period_of_its_class(state: ItemState, period_ms: int) -> None:
    """After the last thing that happened to it, to the millisecond."""
    assert period_of(state, PERIODS) == period_ms
    assert not is_over(state, NOW_MS, PERIODS, NOW_MS + period_ms - 1)
    assert is_over(state, NOW_MS, PERIODS, NOW_MS + period_ms)


@pytest.mark.parametrize(("state", "period_ms"), CLASSES)
def test_class_without_a_period_is_kept_for_ever(state: ItemState, period_ms: int) -> None:
    """Whoever writes 0 means it."""
    assert not is_over(state, NOW_MS, FOR_EVER, NOW_MS + period_ms * 1_000_000)


@pytest.mark.parametrize(
    "state",
    [
        item(1),
        item(1, custody=Custody.LOCATING),
        msgspec.structs.replace(GONE, holds=(HOLD,)),
        handed_on(item(1, actions=(LEA,))),
    ],
    ids=["open here", "not placed yet", "under legal hold", "under referral"],
)
def test_rule_10_what_somebody_needs_is_never_over(state: ItemState) -> None:
    """However old it is."""
    assert not is_over(state, NOW_MS - 1_000_000, PERIODS, NOW_MS)


def test_what_happened_in_the_future_is_not_over() -> None:
    """By a clock that was ahead: kept for longer, never for less."""
    assert not is_over(GONE, NOW_MS + 1, PERIODS, NOW_MS + 1000)
