"""Moving a store to a server, while its node writes or while none runs: one and the same way.

1. From now on the file notes which rows change (`Source.begin`).
2. Every table is copied in order of its keys, in short transactions. Broken off, what is gone since
   is taken away, and it goes on after the last key that came.
3. What changed meanwhile is copied again, round by round, each round as of one moment of the file.
4. As of one such moment both sides are compared, row by row, and the head of every log is computed
   from the leaves that came.
5. The **pause**: every writer of the file waits. The last changes are copied and compared, the rows
   of every table counted on both sides, and the file refuses every change from there on.
6. The server's database becomes a store that a node may open.

Between 5 and 6 neither side can be opened by a node; the same command again does 6, and
`--abandon` takes 5 back. What is on the
server then is compared anew first, and what it lacks is copied: between two attempts it may have
been emptied, set back, or promoted from a standby that was behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from math import inf
from typing import Any, Final

from node.store.audits.audit import Audit
from node.store.errors import MoveBehindError, MoveDiffersError, MoveRefusedError
from node.store.moving.heads import check_heads
from node.store.moving.rows import CHUNK
from node.store.moving.source import Source
from node.store.moving.tables import Table
from node.store.moving.target import Target

SHORT_S: Final = 1.0
"""A round that takes no longer is short enough for the pause to follow."""
ROUNDS: Final = 40
"""Rounds before it is given up: the node writes faster than is copied."""
PAUSE_S: Final = 10.0
"""Longest pause; one that would take longer is broken off, and nothing has happened.

The clock is looked at after each part and each table: what it goes beyond is one of these. While
no node runs nobody waits, and it may take as long as it does: every row is counted in it.
"""
COMPARED: Final = 200
"""Rows that are compared in the pause between two looks at the clock, each by a question."""

Row = tuple[Any, ...]
Tell = Callable[[str, int], None]
"""Told now and then: what is being done, and how many rows of it."""


@dataclass
class Moved:
    """What was moved: rows of each table, heads of logs computed, the pause in seconds.

    `pause_s` is None if the pause was over before, in an earlier attempt.
    """

    rows: dict[str, int] = field(default_factory=dict)
    heads: int = 0
    pause_s: float | None = None


def move(source: Source, target: Target, now_ms: Callable[[], int], tell: Tell) -> Moved:
    """Move a store whose move has begun (`Source.begin`).

    Raises:
        MoveDiffersError: the two sides are not the same; the file goes on as it was.
        MoveBehindError: the node writes faster than is copied; the same again goes on.
        StoreError: one side cannot be read or written; the same again goes on.
    """
    began = source.moving()
    assert began is not None
    if began.done_ms is not None:
        moved = Moved() if target.is_done else _end_again(source, target, tell)
        moved.rows = {table.name: source.rows.count(table) for table in source.tables}
    elif target.is_done:
        raise MoveRefusedError("--to: a store is there already; name an empty database")
    else:
        target.check_tables(source.tables)
        for table in source.tables:
            _take_away(source, target, table)
            _copy(source, target, table, tell)
        _catch_up(source, target, tell)
        moved = _verify(source, target, tell)
        _catch_up(source, target, tell)
        _pause(source, target, now_ms, moved)
    _end(source, target)
    return moved


def _end(source: Source, target: Target) -> None:
    """Open the server to nodes, once nobody can open the file again (`Source.abandon`).

    In that order: whoever is killed between the two leaves no two stores that a node may open.

    Raises:
        MoveRefusedError: somebody did before.
    """
    source.settle()
    try:
        if not target.is_done:
            target.finish()
    except BaseException:
        if not target.may_be_open():
            source.unsettle()
        raise
    source.end()


def _take_away(source: Source, target: Target, table: Table) -> None:
    """Delete what an earlier attempt copied and is gone: what came since may have its place.

    A source's number of a report that was erased, for one. It stays noted, and so is what came.
    """
    with target.transaction():
        for keys in source.rows.deleted(table):
            target.delete(table, keys)


def _copy(source: Source, target: Target, table: Table, tell: Tell) -> None:
    """Copy the rows after the last that is there."""
    last, done = target.last(table), 0
    while rows := source.rows.after(table, last):
        with target.transaction():
            target.put(table, rows)
        done += len(rows)
        tell(f"copying {table.name}", done)
        last = tuple(rows[-1][at] for at in table.key_places)


def _catch_up(source: Source, target: Target, tell: Tell) -> None:
    """Copy what changed, until a round is short.

    Raises:
        MoveBehindError: none was, of many.
    """
    for number in range(ROUNDS):
        began = time.monotonic()
        _round(source, target)
        tell("catching up, rounds", number + 1)
        if time.monotonic() - began <= SHORT_S:
            return
    raise MoveBehindError(MoveBehindError.__doc__)


def _round(source: Source, target: Target) -> None:
    """Bring the server to one moment of the file, and forget what was noted until then."""
    source.look()
    try:
        noted = _follow(source, target)
    finally:
        source.let_go()
    source.lock()
    for table, number in noted:
        source.rows.forget(table, number)
    source.keep()


def _follow(
    source: Source, target: Target, in_time: Callable[[], None] = lambda: None
) -> list[tuple[Table, int]]:
    """Copy what was noted, as of the moment of the file; return how far of each table.

    `in_time` is asked after each part, and may break it off.
    """
    noted = [(table, number) for table in source.tables if (number := source.rows.noted(table))]
    with target.transaction():
        for table, _ in noted:
            for keys in source.rows.deleted(table):
                target.delete(table, keys)
                in_time()
            for rows in source.rows.changed(table):
                target.put(table, rows)
                in_time()
    return noted


def _verify(source: Source, target: Target, tell: Tell) -> Moved:
    """Compare both sides as of one moment, row by row, and compute the heads of the logs.

    Raises:
        MoveDiffersError: they are not the same.
    """
    target.analyse()
    moved = Moved()
    source.look()
    try:
        _follow(source, target)
        for table in source.tables:
            moved.rows[table.name] = _compare(source, target, table, tell)
        moved.heads = _heads(target, tell)
    finally:
        source.let_go()
    return moved


def _heads(target: Target, tell: Tell) -> int:
    tell("computing heads of logs", 0)
    audit = Audit(target.connection)
    audit.begin()
    heads = check_heads(audit)
    audit.end()
    return heads


def _end_again(source: Source, target: Target, tell: Tell) -> Moved:
    """Bring the server to what the file was at its end, whatever has become of it since.

    Nobody writes any more, so the rest of the file is one moment and no change is noted.

    Raises:
        MoveDiffersError: they are not the same; the file stays closed, and the same again goes on.
    """
    target.check_tables(source.tables)
    for table in source.tables:
        try:
            _compare(source, target, table, tell)
        except MoveDiffersError:
            _clear(source, target, table)
            _copy(source, target, table, tell)
            _fill(source, target, table)
            _compare(source, target, table, tell)
    target.analyse()
    return Moved(heads=_heads(target, tell))


def _clear(source: Source, target: Target, table: Table) -> None:
    """Delete what the server has alone or otherwise: it may be in the way of what is right."""
    with target.transaction():
        wrong = (
            table.key_of(theirs)
            for ours, theirs in _side_by_side(source, target, table)
            if theirs is not None and ours != theirs
        )
        while keys := list(islice(wrong, CHUNK)):
            target.delete(table, keys)


def _fill(source: Source, target: Target, table: Table) -> None:
    """Copy what the server lacks before the last row that it has."""
    with target.transaction():
        lacking = (
            ours
            for ours, theirs in _side_by_side(source, target, table)
            if ours is not None and theirs is None
        )
        while rows := list(islice(lacking, CHUNK)):
            target.put(table, rows)


def _side_by_side(
    source: Source, target: Target, table: Table
) -> Iterator[tuple[Row | None, Row | None]]:
    """Yield the rows of both sides in order of keys, those with one key together."""
    left, right = source.rows.all(table), target.rows(table)
    ours, theirs = next(left, None), next(right, None)
    while ours is not None or theirs is not None:
        if theirs is None or (ours is not None and table.key_of(ours) < table.key_of(theirs)):
            yield ours, None
            ours = next(left, None)
        elif ours is None or table.key_of(theirs) < table.key_of(ours):
            yield None, theirs
            theirs = next(right, None)
        else:
            yield tuple(ours), tuple(theirs)
            ours, theirs = next(left, None), next(right, None)


def _compare(source: Source, target: Target, table: Table, tell: Tell) -> int:
    count = 0
    with target.transaction():
        for ours, theirs in zip_longest(source.rows.all(table), target.rows(table)):
            if ours is None or theirs is None or tuple(ours) != tuple(theirs):
                mend = "empty that database and begin again"
                raise MoveDiffersError(f"--to: {table.name} is not the same; {mend}")
            count += 1
            if not count % 10_000:
                tell(f"comparing {table.name}", count)
    return count


def _pause(source: Source, target: Target, now_ms: Callable[[], int], moved: Moved) -> None:
    """Copy and compare the last changes while nobody writes, and end the file.

    Raises:
        MoveDiffersError: the two sides are not the same; the file goes on as it was.
        MoveBehindError: it would take too long; the file goes on as it was.
    """
    with source.kept_to_itself() as no_node_runs:
        _pause_at_most(inf if no_node_runs else PAUSE_S, source, target, now_ms, moved)


def _pause_at_most(
    most_s: float, source: Source, target: Target, now_ms: Callable[[], int], moved: Moved
) -> None:
    source.lock()
    began = time.monotonic()

    def in_time() -> None:
        if time.monotonic() - began > most_s:
            raise MoveBehindError(MoveBehindError.__doc__)

    try:
        _follow(source, target, in_time)
        moved.rows = _agreed(source, target, in_time)
        source.freeze(now_ms())
        source.keep()
    except BaseException:
        source.let_go()
        raise
    moved.pause_s = time.monotonic() - began


def _agreed(source: Source, target: Target, in_time: Callable[[], None]) -> dict[str, int]:
    """Compare what changed last, and return how many rows both sides have.

    Raises:
        MoveDiffersError: they are not the same.
        MoveBehindError: `in_time` broke it off.
    """
    for table in source.tables:
        for rows in source.rows.changed(table):
            for start in range(0, len(rows), COMPARED):
                if not target.has(table, rows[start : start + COMPARED]):
                    raise MoveDiffersError(MoveDiffersError.__doc__)
                in_time()
    here = {}
    with ThreadPoolExecutor(1) as other:
        for table in source.tables:
            there = other.submit(target.count, table)
            here[table.name] = source.rows.count(table)
            if there.result() != here[table.name]:
                raise MoveDiffersError(MoveDiffersError.__doc__)
            in_time()
    return here
