"""What an item is now: the state in its row, and the answers that have come since it was written.

Most items that are handed on get one answer, which changes nothing but that it came. Such an event
is appended to the history like any other, and the row of `items` stays as it is: a page more for
each few of them, encrypted, authenticated and flushed, would say what the history says. So a row
stands for the event in `changed_seq`; events of the item after that one are folded whenever the
item is read (the view `item_states`), and go into the row with its next change.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from node.casework.events import Event, EventKind, decode_body
from node.casework.folding import evolve
from node.casework.item import ItemState, decode_state

STATES_BY_ID = (
    "SELECT id, state, seq, kind, at_ms, learnt_ms, actor, body FROM item_states WHERE id IN ({})"
)


def states_of(where: str) -> str:
    """Return the query for the items of a condition; it may end with an order and a limit."""
    return (
        "SELECT id, state, seq, kind, at_ms, learnt_ms, actor, body FROM item_states"  # noqa: S608 - own words
        f" WHERE id IN (SELECT id FROM items WHERE {where})"
    )


def states(rows: Iterable[tuple[Any, ...]]) -> dict[str, ItemState]:
    """Return the state of each item that `rows` of `item_states` tell of, in the order of ids."""
    found: dict[str, ItemState] = {}
    later: list[tuple[int, Event]] = []
    for item, state, seq, kind, at_ms, learnt_ms, actor, body in rows:
        if item not in found:
            found[item] = decode_state(state)
        if body is not None:
            read = decode_body(EventKind(kind), body)
            later.append((seq, Event(item, EventKind(kind), at_ms, learnt_ms, actor, read)))
    later.sort(key=lambda one: one[0])
    for _, event in later:
        found[event.item] = evolve(found[event.item], event)
    return {item: found[item] for item in sorted(found)}
