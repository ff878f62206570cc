"""A verdict that a member gave before it had a file of an item, on such a file elsewhere.

It goes with the content to the item once the file is there (rule 2), and is told of it at its old
time. Whoever hears of it would take it for one on the page alone, which a report overtook.
"""

from __future__ import annotations

from node.casework.casebook import Casebook
from node.casework.contents import seeing
from node.casework.events import EventKind, Sighted
from node.casework.item import ItemState
from protocol.facts import Assessment
from protocol.vocabulary import Disposition


def had_before(book: Casebook, state: ItemState, given: Assessment, told_ms: int) -> None:
    """Record of which files an author gave the verdict that it told itself at `told_ms`."""
    if state.has_heard(given.event_id) and given.event_id not in state.carried:
        return
    if places := seeing.given_elsewhere(state, given, told_ms):
        body = Sighted(
            (),
            None,
            child_at_risk=False,
            outcome=Disposition.FACTS_ADDED,
            named=places,
            since_ms=seeing.recorded_ms(given),
        )
        book.record(state.id, EventKind.SIGHTED, body, at_ms=book.now, actor=given.member)
