"""An index of hashes that grows and shrinks while it is asked.

What is added stands in a *delta* at once: a few thousand rows, all looked at. A full delta waits,
still looked at, until `tidy` makes a *segment* of it, or one together with segments that are not
much larger: so there are few, each built a few times at most. Only then are removed rows dropped;
until then they are marked. Nothing waits for `tidy`, which may run on a thread of its own: it
builds beside what stands and puts the new segment in its place in one step.

Of segments and deltas whoever searches takes what stands at that moment: always complete.

A *mark* says up to where the index follows what it was made of (for the node: a place in its
history). `built` is the mark up to which everything stands in segments, which can be kept in files.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from node.matching.near.bands import MOST_ROWS, Mark, Near, plan_for
from node.matching.near.compiled import Finder, finder
from node.matching.near.tables import (
    WORDS,
    Ids,
    Tables,
    Words,
    lay_out,
    make,
    words_of,
)

_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")
DELTA_ROWS = 4_096
MERGE_UP_TO = 4
"""A segment is merged with younger ones unless it is more than so many times as large."""
DROP_FROM = 4
"""A segment of whose rows one in so many is removed is built anew."""


class Segment:
    """Rows that no longer change, but for being removed."""

    def __init__(self, tables: Tables, dead: NDArray[np.bool_] | None = None) -> None:
        self.tables = tables
        self._dead = dead

    @property
    def dead_rows(self) -> NDArray[np.int64]:
        """The rows that are removed."""
        return np.flatnonzero(self._marks())

    def _marks(self) -> NDArray[np.bool_]:
        return np.zeros(0, np.bool_) if self._dead is None else self._dead

    def remove(self, number: int) -> int:
        """Mark the rows with this number; returns how many were not marked before."""
        ids = self.tables.ids
        first, last = (int(ids.searchsorted(np.uint64(number), side)) for side in _SIDES)
        if first == last:
            return 0
        if self._dead is None:
            self._dead = np.zeros(len(ids), np.bool_)
        fresh = last - first - int(self._dead[first:last].sum())
        self._dead[first:last] = True
        return fresh

    def alive(self) -> tuple[Ids, Words]:
        """Return the rows that are not removed; others may be removed meanwhile."""
        if self._dead is None:
            return self.tables.ids, self.tables.hashes
        keep = ~self._dead
        return self.tables.ids[keep], self.tables.hashes[keep]

    def find(self, pdq: bytes, find: Finder, at_most: int | None = None) -> list[Near]:
        """Return what is near; of more than `at_most` the nearest, then the first."""
        rows, distances = find(self.tables, pdq)
        if self._dead is not None:
            keep = ~self._dead[rows]
            rows, distances = rows[keep], distances[keep]
        if at_most is not None and len(rows) > at_most:
            nearest = np.lexsort((self.tables.ids[rows], distances))[:at_most]
            rows, distances = rows[nearest], distances[nearest]
        ids, hashes = self.tables.ids[rows], self.tables.hashes[rows]
        return [
            Near(int(number), hashes[place].tobytes(), int(distance))
            for place, (number, distance) in enumerate(zip(ids, distances, strict=True))
        ]


class Delta:
    """Rows that came last, in the order they came."""

    def __init__(self, capacity: int) -> None:
        self._tables = lay_out(plan_for(0), capacity)
        self._dead = np.zeros(capacity, np.bool_)
        self.rows = 0

    @property
    def is_full(self) -> bool:
        """Whether nothing more goes in."""
        return self.rows == len(self._dead)

    def add(self, number: int, pdq: bytes) -> None:
        """Put in one row; it is seen once it stands."""
        self._tables.ids[self.rows] = number
        self._tables.hashes[self.rows] = words_of(pdq)
        self.rows += 1

    def remove(self, number: int) -> int:
        """As `Segment.remove`."""
        rows = np.flatnonzero(self._tables.ids[: self.rows] == np.uint64(number))
        fresh = len(rows) - int(self._dead[rows].sum())
        self._dead[rows] = True
        return fresh

    def alive(self) -> tuple[Ids, Words]:
        """As `Segment.alive`."""
        rows = self.rows
        keep = ~self._dead[:rows]
        return self._tables.ids[:rows][keep], self._tables.hashes[:rows][keep]

    def find(self, pdq: bytes, find: Finder, at_most: int | None = None) -> list[Near]:
        """As `Segment.find`."""
        rows = self.rows
        if not rows:
            return []
        part = Tables(
            self._tables.plan, self._tables.memory, self._tables.ids[:rows],
            self._tables.hashes[:rows], self._tables.directory, self._tables.low,
            self._tables.high,
        )  # fmt: skip
        return Segment(part, self._dead).find(pdq, find, at_most)


class NearIndex:
    """Numbers with hashes, and what is near a hash among them.

    One thread adds and removes; any may search, and one more may `tidy`.
    """

    def __init__(
        self,
        segments: Sequence[Segment] = (),
        mark: Mark = Mark(),  # noqa: B008 - immutable
        delta_rows: int = DELTA_ROWS,
        find: Finder | None = None,
    ) -> None:
        """`find`: how to look in a segment; None: the quickest way there is."""
        self._find = find or finder()
        self._lock = threading.Lock()
        self._delta_rows = delta_rows
        self.segments: tuple[Segment, ...] = tuple(segments)
        """Largest and oldest first."""
        self._waiting: tuple[Delta, ...] = ()
        self._delta = Delta(delta_rows)
        self._removed: list[int] | None = None
        """What was removed since `tidy` began to build; None: it does not."""
        self.mark = self.built = mark
        self.rows = sum(one.tables.rows - len(one.dead_rows) for one in segments)

    def __len__(self) -> int:
        """How many hashes there are."""
        return self.rows

    def add(self, number: int, pdq: bytes) -> None:
        """Add a hash of 32 bytes under a number below 2^64; a number may have several."""
        with self._lock:
            if self._delta.is_full:
                self._seal()
            self._delta.add(number, pdq)
            self.rows += 1

    @property
    def is_due(self) -> bool:
        """Whether `tidy` has something to build."""
        return bool(self._waiting)

    def _parts(self) -> list[Segment | Delta]:
        return [*self.segments, *self._waiting, self._delta]

    def _seal(self) -> None:
        self._waiting = (*self._waiting, self._delta)
        self._delta = Delta(self._delta_rows)

    def remove(self, number: int) -> None:
        """Remove every hash with this number."""
        with self._lock:
            parts = self._parts()
            self.rows -= sum(part.remove(number) for part in parts)
            if self._removed is not None:
                self._removed.append(number)

    def search(self, pdq: bytes, at_most: int | None = None) -> list[Near]:
        """Return every hash within `bands.RADIUS`, the nearest first, then by number.

        `at_most`: so many of the first, where somebody may have put in very many.
        """
        with self._lock:
            parts = self._parts()
        found = {one for part in parts for one in part.find(pdq, self._find, at_most)}
        return sorted(found, key=lambda one: (one.distance, one.id))[:at_most]

    def extend(self, ids: Iterable[int], pdqs: bytes) -> None:
        """Add very many at once: numbers, and their hashes behind each other, 32 bytes each."""
        numbers = np.fromiter(ids, np.uint64)
        hashes = np.frombuffer(pdqs, "<u8").reshape(-1, WORDS)
        made = []
        for start in range(0, len(numbers), MOST_ROWS):
            part = slice(start, start + MOST_ROWS)
            plan = plan_for(len(numbers[part]))
            made.append(Segment(make(plan, numbers[part], hashes[part])))
        with self._lock:
            self.segments = _largest_first([*self.segments, *made])
            self.rows += len(numbers)

    def tidy(self, *, everything: bool = False) -> bool:
        """Build what is due; returns whether anything was. Not to be called twice at a time.

        `everything`: also of a delta that is not full.
        """
        with self._lock:
            if self._delta.rows and (everything or self._waiting):
                self._seal()
            waiting, mark = self._waiting, self.mark
            old = self._to_merge(sum(delta.rows for delta in waiting))
            if not waiting and not old:
                self.built = mark if not self._delta.rows else self.built
                return False
            self._removed = []
        old_and_new: list[Segment | Delta] = [*old, *waiting]
        built = _built([part.alive() for part in old_and_new])
        with self._lock:
            for number in self._removed:
                built.remove(number)
            self._removed = None
            kept = [one for one in self.segments if one not in old]
            self.segments = _largest_first([*kept, built] if built.tables.rows else kept)
            self._waiting = self._waiting[len(waiting) :]
            self.built = mark
        return True

    def standing(self) -> tuple[tuple[Segment, ...], Mark]:
        """Return the segments, and the mark up to which they hold everything."""
        with self._lock:
            return self.segments, self.built

    def _to_merge(self, rows: int) -> list[Segment]:
        """Segments to be built anew together with so many rows that wait."""
        merged: list[Segment] = []
        for one in reversed(self.segments):
            size = one.tables.rows
            worn = len(one.dead_rows) * DROP_FROM > size
            small = bool(rows) and size <= MERGE_UP_TO * rows
            if (small or worn) and rows + size <= MOST_ROWS:
                merged.append(one)
                rows += size
        return merged


def _built(parts: Sequence[tuple[Ids, Words]]) -> Segment:
    ids = np.concatenate([ids for ids, _ in parts])
    hashes = np.concatenate([hashes for _, hashes in parts])
    return Segment(make(plan_for(len(ids)), ids, hashes))


def _largest_first(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    return tuple(sorted(segments, key=lambda one: -one.tables.rows))
