"""What an item is now: the state in its row, and the events that have come since it was written.

The history says what each state is, and most states are never asked for: an item comes, goes to
another member and gets one answer, which changes nothing but that it came. So a row of `items` is
made without a state; with the next decision that changes the item it gets one. Answers that leave
an item where it is do not count: they are events like any other, and the row stays as it is. To
write each state twice would cost as much as the history does: encoded, encrypted, authenticated,
flushed, copied.

What a row does not tell is folded whenever an item is read (the view `items_told`): all events of
a row without a state, else those after its `changed_seq`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from node.casework.events import Event, EventKind, Recorded, decode_body
from node.casework.folding import evolve
from node.casework.item import ItemState, decode_state

UNWRITTEN = b""
"""The state of a row that has none: of an item that nothing has changed since it was recorded."""
STATES_BY_ID = (
    "SELECT id, state, seq, kind, at_ms, learnt_ms, actor, body FROM items_told WHERE id IN ({})"
)


def states_of(where: str) -> str:
    """Return the query for the items of a condition; it may end with an order and a limit."""
    return (
        "SELECT id, state, seq, kind, at_ms, learnt_ms, actor, body FROM items_told"  # noqa: S608 - own words
        f" WHERE id IN (SELECT id FROM items WHERE {where})"
    )


def states(rows: Iterable[tuple[Any, ...]]) -> dict[str, ItemState]:
    """Return the state of each item that `rows` of `items_told` tell of, in the order of ids."""
    found: dict[str, ItemState] = {}
    events: dict[int, Event] = {}
    for item, state, seq, number, at_ms, learnt_ms, actor, body in rows:
        if state and item not in found:
            found[item] = decode_state(state)
        if body is not None:
            kind = EventKind(number)
            read = decode_body(kind, body)
            events[seq] = Event(item, kind, at_ms, learnt_ms, actor, read)
    for seq in sorted(events):
        event = events[seq]
        if isinstance(event.body, Recorded):
            found[event.item] = event.body.state
        elif event.item in found:  # else it ended before it was recorded anew
            found[event.item] = evolve(found[event.item], event)
    return {item: found[item] for item in sorted(found)}
