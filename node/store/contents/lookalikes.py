"""Which pictures look alike among all that the history has brought: an index that follows it.

The number of a hash is that of the event that brought it, so nothing about the index stands in the
database: it is made of events, and can be made again. It is asked and changed on the writer's
thread, which also follows events that are not committed yet. If those are taken back, the chain of
the history tells: the index goes back to the last place that stands, or is made anew.

What is built is kept in a folder, with its place in the history (`near_files`). Whoever opens it
reads on from there; damaged, of another history, or from before a restore, it is not believed.
Building happens on a thread of its own, beside whoever asks. NumPy is loaded with the first PDQ
hash: a node that meets none spends nothing.
"""

from __future__ import annotations

import threading
from array import array
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from node.casework.events import Erasure, Event, EventKind, Facts, Recorded, decode_body
from node.matching.contents import PDQ_NEAR, pictures_of
from node.matching.near.bands import Mark
from node.store.bulk import select_in
from node.store.contents.near_files import Folder
from node.store.sealed_files import UnusableFileError
from node.store.seam import Connection

if TYPE_CHECKING:
    from node.matching.near.index import NearIndex

AT_MOST = 64
"""Pictures, the nearest and of those the oldest, that a decision is shown of each that is asked."""
STRETCH = 10_000
"""Events read at once while following."""
KEEP_AFTER = 100_000
"""Events without pictures after which the place in the history is kept all the same."""
MANY = 4_096
"""Pictures that become a segment at once instead of one after the other."""
STEPS = 256
"""Batches that can be taken back without making the index anew."""
_READ = (
    "SELECT seq, item, kind, body FROM events WHERE seq > ? AND seq <= ?"
    " AND kind IN (1, 3, 15) ORDER BY seq"  # recorded, facts, erased
)
_BROUGHT = "SELECT seq FROM events WHERE item = ? AND kind IN (1, 3)"  # recorded, facts


class Alike(NamedTuple):
    """What was found.

    `near`: of each hash that was asked, the hashes that look alike, itself among them; `items`: by
    hash, the items that have it.
    """

    near: dict[bytes, tuple[bytes, ...]]
    items: dict[bytes, set[str]]


class _Step(NamedTuple):
    before: Mark
    added: Sequence[int]
    removed: bool


class _News:
    """What events say of pictures: those that came, and of which items those go that came before.

    What an erased item had brought is not read again: its events have no body any more.
    """

    def __init__(self) -> None:
        self.ids = array("Q")
        self.pdqs = bytearray()
        self.erased: list[tuple[str, int]] = []

    def read(self, seq: int, item: str, body: object) -> None:
        """Take in one event."""
        if isinstance(body, Recorded | Facts):
            content = body.state.content if isinstance(body, Recorded) else body.content
            for pdq in pictures_of(content):
                self.ids.append(seq)
                self.pdqs += pdq
        elif isinstance(body, Erasure):
            self.erased.append((item, seq))


class Lookalikes:
    """The index of one store; in memory alone where it has no folder."""

    def __init__(self, folder: Folder | None = None) -> None:
        self._folder = folder
        self._index: NearIndex | None = None
        self._mark: Mark | None = None
        self._kept = Mark()
        self._sure = True
        self._steps: deque[_Step] = deque(maxlen=STEPS)
        self._due = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    def __len__(self) -> int:
        """How many hashes there are."""
        return 0 if self._index is None else len(self._index)

    def forget(self) -> None:
        """Something was rolled back: what is followed may not stand."""
        self._sure = False

    def find(self, connection: Connection, pdqs: Collection[bytes]) -> Alike:
        """Return what looks like these, among everything up to now and among themselves."""
        if not pdqs:
            return Alike({}, {})
        self.follow(connection)
        near = {pdq: {pdq} for pdq in pdqs}
        brought: defaultdict[int, set[bytes]] = defaultdict(set)
        if self._index is not None:
            for pdq in pdqs:
                for one in self._index.search(pdq, AT_MOST):
                    near[pdq].add(one.pdq)
                    brought[one.id].add(one.pdq)
        if len(pdqs) > 1:
            _compare(near)
        items: defaultdict[bytes, set[str]] = defaultdict(set)
        for seq, item in select_in(
            connection, "SELECT seq, item FROM events WHERE seq IN ({})", sorted(brought)
        ):
            for pdq in brought[seq]:
                items[pdq].add(item)
        return Alike({pdq: tuple(sorted(those)) for pdq, those in near.items()}, dict(items))

    def complete(self, connection: Connection) -> NearIndex | None:
        """Return the index, which holds every picture up to now; None: there is none."""
        self.follow(connection)
        return self._index

    def follow(self, connection: Connection, alive: Callable[[], None] = lambda: None) -> None:
        """Read what the history holds beyond the mark; `alive` is called after each stretch."""
        if not self._sure:
            self._go_back(connection)
        if self._mark is None:
            self._open(connection)
        assert self._mark is not None
        end = connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
        if self._mark.seq == end:
            return
        news = _News()
        for after in range(self._mark.seq, end, STRETCH):
            rows = connection.execute(_READ, (after, min(after + STRETCH, end))).fetchall()
            for seq, item, kind, body in rows:
                if body is not None:
                    news.read(seq, item, decode_body(EventKind(kind), body))
            alive()
        chain = connection.execute("SELECT chain FROM events WHERE seq = ?", (end,)).fetchone()
        self._take(connection, news, Mark(end, bytes(chain[0])))

    def note(self, connection: Connection, events: Sequence[Event], last: Mark) -> None:
        """Take in the events that were just written, the last of them at `last`.

        If others are missing between, they are read when somebody asks.
        """
        before = last.seq - len(events)
        if not events or not self._sure or self._mark is None or self._mark.seq != before:
            return
        news = _News()
        for seq, event in enumerate(events, before + 1):
            news.read(seq, event.item, event.body)
        self._take(connection, news, last)

    def _take(self, connection: Connection, news: _News, last: Mark) -> None:
        assert self._mark is not None
        for item, before in news.erased if self._index is not None else ():
            self._remove(connection, item, before)
        if news.ids:
            self._add(news)
        self._steps.append(_Step(self._mark, news.ids, bool(news.erased)))
        self._mark = last
        if self._index is not None:
            self._index.mark = last
        due = self._index is not None and self._index.is_due
        if due or last.seq - self._kept.seq > KEEP_AFTER:
            self._build()

    def _add(self, news: _News) -> None:
        index = self._opened()
        if len(news.ids) > MANY:
            index.extend(news.ids, bytes(news.pdqs))
            return
        for place, seq in enumerate(news.ids):
            index.add(seq, bytes(news.pdqs[32 * place : 32 * place + 32]))

    def _build(self) -> None:
        if self._thread is None:
            self.tidy()
        else:
            self._due.set()

    def _remove(self, connection: Connection, item: str, before: int) -> None:
        for (seq,) in connection.execute(_BROUGHT, (item,)).fetchall():
            if seq < before:  # after an erasure it may have come anew
                self._opened().remove(seq)

    def _opened(self) -> NearIndex:
        if self._index is None:
            from node.matching.near.index import NearIndex  # noqa: PLC0415 - see above

            self._index = NearIndex(mark=self._mark or Mark())
        return self._index

    def _go_back(self, connection: Connection) -> None:
        """Go back to the last mark that stands; without one, or to undo a removal, begin anew."""
        while self._mark is not None and not _stands(connection, self._mark):
            step = self._steps.pop() if self._steps else None
            if step is None or step.removed:
                self._mark = None
                break
            for seq in step.added:
                self._opened().remove(seq)
            self._mark = step.before
        self._sure = True

    def _open(self, connection: Connection) -> None:
        """Begin with what was kept, if it is of this history."""
        self._index, self._mark = None, Mark()
        self._steps.clear()
        if self._folder is None:
            return
        with suppress(UnusableFileError):
            segments, mark = self._folder.load()
            if _stands(connection, mark):
                self._mark = self._kept = mark
                if segments:
                    from node.matching.near.index import NearIndex  # noqa: PLC0415 - see above

                    self._index = NearIndex(segments, mark)

    def start(self) -> None:
        """Build what is due on a thread of its own, until `close`."""
        self._thread = threading.Thread(target=self._work, name="lookalikes", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while not self._closed:
            self._due.wait()
            self._due.clear()
            self.tidy()

    def tidy(self, *, everything: bool = False) -> None:
        """Build what is due, and keep it; a disk that takes nothing is tried again later."""
        index, mark = self._index, self._mark
        if index is not None:
            while index.tidy(everything=everything):
                everything = False
            segments, mark = index.standing()
        else:
            segments = ()
        if self._folder is None or mark is None or mark == self._kept:
            return
        with suppress(OSError):
            self._folder.save(segments, mark)
            self._kept = mark

    def close(self) -> None:
        """Build and keep everything, so that the next start reads little; nobody asks any more."""
        self._closed = True
        if self._thread is not None:
            self._due.set()
            self._thread.join()
        if self._sure:
            self.tidy(everything=True)


def _stands(connection: Connection, mark: Mark) -> bool:
    """Whether this history has that place."""
    if mark.seq == 0:
        return True
    row = connection.execute("SELECT chain FROM events WHERE seq = ?", (mark.seq,)).fetchone()
    return row is not None and bytes(row[0]) == mark.chain


def _compare(near: dict[bytes, set[bytes]]) -> None:
    """Note which of the hashes that are asked together look alike."""
    import numpy as np  # noqa: PLC0415 - see above

    asked = list(near)
    hashes = np.frombuffer(b"".join(asked), np.uint64).reshape(-1, 4)
    for number, pdq in enumerate(asked):
        apart = np.bitwise_count(hashes[number + 1 :] ^ hashes[number]).sum(axis=1, dtype=np.int64)
        for place in np.flatnonzero(apart <= PDQ_NEAR):
            other = asked[number + 1 + int(place)]
            near[pdq].add(other)
            near[other].add(pdq)
