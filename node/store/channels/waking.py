"""Waking entries that wait for something: a bounded number of rows in one transaction.

One member can let any number of entries wait for one item, for a person, or for its reinstatement.
What is left over when a transaction has woken its share stands in a row of `meta`, in the same
transaction, and is woken by the next ones. Nothing is judged before all of it is awake
(`node.casework.incoming.judging`): so entries are judged in the order they came, as if all had been
woken at once.

A newer program may have left over what this one cannot read: one that stood by is older, and took
over between two shares. That stays in the row for a program that knows it, and holds up nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from node.casework.mistakes.mass import TASK, waiting_of
from node.store.bulk import select_in
from node.store.channels.custody import LET_GO
from node.store.seam import Connection

ROWS: Final = 2_000
"""Rows that are woken in one transaction: some hundredths of a second."""
QUEUED: Final = "SELECT 1 FROM meta WHERE name IN ('waking', 'naming') LIMIT 1"
"""Whether there is more to wake, or to name of what was disavowed (`disavowing`)."""
_NAME: Final = "waking"
_ITEM, _ENDED, _TOMBSTONE = "item", "ended", "tombstone"
_LET_GO, _HANDED_OVER, _BACK, _SAID_BY = "let_go", "handed_over", "back", "said_by"
_WAITING: Final = {
    _ITEM: "SELECT seq FROM entries_in WHERE judged = 2 AND waits_for = ? LIMIT ?",
    _ENDED: "SELECT seq FROM entries_in WHERE judged = 2 AND waits_for = ? AND peer = ? LIMIT ?",
    _TOMBSTONE: "SELECT e.seq FROM erased_unsent u JOIN entries_in e ON e.seq = u.entry"
    " WHERE u.peer = ? AND u.erased_ms = ? AND e.judged = 2 LIMIT ?",
    # Of what is parked alone: by its sender it would be all that the member ever said.
    _SAID_BY: "SELECT seq FROM entries_in WHERE judged = 2 AND waits_for > ''"  # noqa: S608 - own words
    f" AND waits_for NOT LIKE '{TASK}/%' AND peer || '' = ? LIMIT ?",
    _LET_GO: "SELECT seq FROM entries_in WHERE judged = 2 AND waits_for = ? AND seq > ?"
    " AND entry IS NOT NULL ORDER BY seq LIMIT ?",
    _HANDED_OVER: "SELECT seq FROM entries_in WHERE judged = 3 AND peer = ? AND seq > ?"
    " AND lane = 'reports' AND answer = 'quarantined' AND entry IS NOT NULL ORDER BY seq LIMIT ?",
    _BACK: "SELECT seq FROM entries_in WHERE judged = 3 AND peer = ? AND seq > ?"
    " AND answer IN ('quarantined', 'not_permitted') AND entry IS NOT NULL ORDER BY seq LIMIT ?",
}
_ANSWER: Final = {_LET_GO: f"'{LET_GO}'", _HANDED_OVER: f"'{LET_GO}'", _BACK: "answer"}
"""What becomes of the answer of those that are woken so: these pass over rows that stay as they
are, so the last of their values is the row after which the next share begins. What comes back says
until it is judged why it stood before a person."""

_Wake = tuple[str, tuple[str | int, ...]]
"""What is woken: which of these, and its values."""


def wake_items(connection: Connection, ids: Iterable[str]) -> None:
    """Let be judged what waited for these items; hardly ever does anything wait."""
    # Numbers in the text: with marks for them the statement is planned anew at every call.
    if connection.execute("SELECT 1 FROM entries_in WHERE judged = 2 LIMIT 1").fetchone():
        sql = "SELECT DISTINCT waits_for FROM entries_in WHERE judged = 2 AND waits_for IN ({})"
        found = sorted(name for (name,) in select_in(connection, sql, sorted(set(ids))))
        if found:
            _wake(connection, [(_ITEM, (name,)) for name in found])


def wake_known(connection: Connection) -> None:
    """Let be judged what waits for an item that is here, now that all is known of who has it."""
    found = connection.execute(
        "SELECT DISTINCT waits_for FROM entries_in WHERE judged = 2"
        " AND waits_for IN (SELECT id FROM items) ORDER BY waits_for"
    )
    _wake(connection, [(_ITEM, (item,)) for (item,) in found.fetchall()])


def wake_ended(connection: Connection, ended: Sequence[tuple[str, str]]) -> None:
    """Let be judged what these members said of these items, (item, member): they won't come."""
    if ended:
        _wake(connection, [(_ENDED, one) for one in ended])


def wake_entombed(connection: Connection, peer: str, erased_ms: int) -> None:
    """Let be judged what this member said of items that it erased then."""
    _wake(connection, [(_TOMBSTONE, (peer, erased_ms))])


def wake_let_go(connection: Connection, peer: str) -> int:
    """Let be judged what waits for a person because of `peer` (`decisions.let_go`).

    Returns how many entries this transaction woke.
    """
    return _wake(connection, [(_LET_GO, (waiting_of(peer), 0)), (_HANDED_OVER, (peer, 0))])


def wake_back(connection: Connection, peers: Iterable[str]) -> int:
    """Let be judged what these members said and might not; returns how much so far."""
    return _wake(connection, [(_BACK, (peer, 0)) for peer in peers])


def wake_said_by(connection: Connection, peers: Iterable[str]) -> int:
    """Let be judged what these members said of items; returns how many were woken so far."""
    return _wake(connection, [(_SAID_BY, (peer,)) for peer in peers])


def go_on(connection: Connection) -> int:
    """Wake the next of what was left over; returns how many."""
    return _wake(connection, [])


def waking(connection: Connection) -> set[str]:
    """Return the items for which entries still stand as waiting that are to be woken."""
    return {str(values[0]) for kind, values in _queue(connection)[0] if kind == _ITEM}


def _wake(connection: Connection, added: Sequence[_Wake]) -> int:
    """Wake what is left over, then what is added, as much as one transaction may."""
    queued, unknown = _queue(connection)
    left, woken = [*queued, *added], 0
    while left and woken < ROWS:
        kind, values = left[0]
        sql = (
            f"UPDATE entries_in SET judged = 0, waits_for = NULL, answer = {_ANSWER.get(kind, 'answer')}"  # noqa: S608, E501 - own words
            f" WHERE seq IN ({_WAITING[kind]}) RETURNING seq"
        )
        share = ROWS - woken
        found = [seq for (seq,) in connection.execute(sql, (*values, share)).fetchall()]
        woken += len(found)
        if len(found) < share:
            left = left[1:]
        elif kind in _ANSWER:
            left[0] = (kind, (values[0], max(found)))
    if left or (queued and unknown):
        connection.execute(
            "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)",
            (_NAME, msgspec.json.encode([*left, *unknown]).decode()),
        )
    elif queued:
        connection.execute("DELETE FROM meta WHERE name = ?", (_NAME,))
    return woken


def _queue(connection: Connection) -> tuple[list[_Wake], list[Any]]:
    """What is left over, and what is left to a newer program."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (_NAME,)).fetchone()
    queued, unknown = list[_Wake](), []
    for one in [] if row is None else msgspec.json.decode(row[0], type=list[Any]):
        try:
            wake = msgspec.convert(one, _Wake)
        except msgspec.ValidationError:
            wake = ("", ())
        if wake[0] in _WAITING:
            queued.append(wake)
        else:
            unknown.append(one)
    return queued, unknown
