"""Legal hold: an item is kept by a person's word, whoever wants it erased (rule 10).

While a hold is in force the item is restricted, not erased: not by a command here, not because its
time is over, not because a member takes back what it said. A hold has an end: silence extends none.
Author and reason stay at this node.
"""

from __future__ import annotations

from datetime import datetime

from node.casework.casebook import Casebook
from node.casework.errors import DraftRejectedError, UnknownHoldError, UnknownItemError
from node.casework.events import EventKind, Lifted
from node.casework.item import Hold, ItemState
from node.casework.reports.draft import HoldDraft
from node.ids import Ids
from protocol.vocabulary import Action

LONGEST_MS = 3_653 * 86_400_000
"""Ten years: a later end is a slip of the finger."""
MAX_HOLDS = 16
"""Holds of one item at one time."""


def put_hold(book: Casebook, item_id: str, draft: HoldDraft, by: str, ids: Ids) -> Hold:
    """Put a hold on an item; it may have several, of several authors.

    Raises:
        UnknownItemError: no such item here.
        DraftRejectedError: the end is not in the ten years to come, the reason is no line of text,
            or the item has as many holds as it can have.
    """
    state = _known(book, item_id)
    until_ms = _until(draft.until, book.now)
    if not draft.reason.isprintable() or not draft.reason.strip():
        raise DraftRejectedError("reason", "must be one line of text")
    if len(state.holds) >= MAX_HOLDS:
        raise DraftRejectedError("item", f"has {MAX_HOLDS} holds already; lift one that is over")
    hold = Hold(ids.mint(book.now), by, draft.reason, book.now, until_ms)
    book.record(state.id, EventKind.HELD, hold, at_ms=book.now, actor=book.us)
    return hold


def lift_hold(book: Casebook, item_id: str, hold_id: str) -> Hold:
    """Lift one hold of an item, in force or over; return it as it was.

    Raises:
        UnknownItemError, UnknownHoldError
    """
    state = _known(book, item_id)
    hold = next((one for one in state.holds if one.hold_id == hold_id), None)
    if hold is None:
        raise UnknownHoldError
    book.record(state.id, EventKind.LIFTED, Lifted(hold_id), at_ms=book.now, actor=book.us)
    return hold


def is_held(state: ItemState, now_ms: int) -> bool:
    """Whether a hold on the item is in force."""
    return any(now_ms < hold.until_ms for hold in state.holds)


def is_under_referral(state: ItemState) -> bool:
    """Whether the police were told of it, and it is open."""
    referred = any(one.action is Action.LEA_NOTIFIED for one in state.actions)
    return referred and state.closed_ms is None


def _known(book: Casebook, item_id: str) -> ItemState:
    state = book.find(item_id)
    if state is None:
        raise UnknownItemError
    return state


def _until(text: str, now_ms: int) -> int:
    try:
        value = int(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise DraftRejectedError("until", "no such date or time", "bad_time") from None
    if not now_ms < value <= now_ms + LONGEST_MS:
        raise DraftRejectedError("until", "must lie in the ten years to come", "bad_time")
    return value
