"""A file on its way into a list: batch after batch, each durable with how far the file has come.

So an import that is killed goes on where it was when the same file is handed in again, and a file
that was taken whole is not read again. What is refused is noted by place and field. Beside a
running node batches are small, and between them the node has its turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from node.cli.output import CliError
from node.interchange.errors import InterchangeError
from node.interchange.lines import Rejection
from node.matching.lists import Entry, Settled
from node.store.contents.list_parts import Part, take_part
from node.store.contents.list_taking import take_away
from node.store.contents.list_whole import begin_whole, count_older, end_whole, older
from node.store.contents.lists import imported, newest_of_others

if TYPE_CHECKING:
    from node.interchange.lists.fields import ListLine
    from node.interchange.lists.files import ListFile, ListRejects
    from node.matching.fingerprints import Fingerprints
    from node.store.beside import Beside

BATCH: Final = 50_000
"""Entries in one transaction: the more, the more of them share a page of the tree."""
BATCH_BESIDE: Final = 5_000
AWAY: Final = 4
"""What goes costs so many times what comes: each of its hashes is looked for by itself."""
PAUSE_BESIDE_S: Final = 0.15
"""Longer than a connection waits before it looks again whether the store is free."""
_CONFLICT: Final = Rejection(
    Settled.CONFLICTING, None, "another entry of this version says another thing; the first stands"
)


@dataclass(frozen=True)
class Into:
    """Where a file goes: the store, the list by its name, and the version that the file is."""

    store: Beside
    fingerprints: Fingerprints
    name: str
    version: int
    clock: Callable[[], int]
    batch: int = BATCH
    pause: Callable[[], None] = lambda: None
    may_go: int | None = None
    """The file is the whole list, and so many percent of what stood before may go by it."""


@dataclass
class Counts:
    """What became of the entries of a file.

    Attributes:
        before: were taken by an earlier run.
        refused_before: of those, how many cannot be read.
        gone: entries of the list that went since the file is the whole of it.
    """

    before: int = 0
    entries: int = 0
    rejected: int = 0
    refused_before: int = 0
    gone: int = 0
    partly: int = 0
    """Of those that were taken: without a field that cannot be read."""
    pdq_alone: int = 0
    """Of those that were read: with nothing but a PDQ hash, by which nothing is ever known."""
    unrated: int = 0
    """Of those that were read: without their PDQ hash, of which the file tells no quality."""
    settled: Counter[Settled] = field(default_factory=Counter)


def take_file(
    into: Into, opened: ListFile, rejects: ListRejects, tell: Callable[[int, str], None]
) -> Counts:
    """Take a file into a list.

    `tell` is called with bytes read and words now and then.

    Raises:
        InterchangeError: the file is broken; what stands before the place was taken.
        StoreError: what was taken before is kept.
        CliError: the file is the whole list, and nothing can be taken back by it; it was taken.
    """
    done, whole = into.store.read(imported, into.name, opened.sha256, into.version)
    counts = Counts(before=done)
    if whole and into.may_go is None:
        return counts
    stood = 0
    if into.may_go is not None:
        _refuse_other(into.store.read(newest_of_others, into.name, opened.sha256), into.version)
        stood = into.store.write(begin_whole, into.name, into.version)
    taking = _Taking(into, opened, rejects, counts)
    try:
        for place, line in enumerate(opened.lines, start=1):
            if place <= done:
                counts.refused_before += isinstance(line.what, Rejection)
                if place % into.batch == 0:
                    tell(opened.file.tell(), f"{place} entries")
            elif taking.add(line):
                tell(opened.file.tell(), f"{place} entries")
                into.pause()
    except InterchangeError:
        taking.write(done_ms=None)
        raise
    if into.may_go is not None:
        taking.write(done_ms=None)
        _take_rest_away(into, counts, stood)
    taking.write(done_ms=into.clock())
    return counts


def _refuse_other(newest: int, version: int) -> None:
    """Say no where what this version names could not be told from what another file named."""
    if newest >= version:
        mend = (
            f"--version: the whole list needs a newer version than any other file, after {newest}"
        )
        raise CliError("version_not_newer", mend)


def _take_rest_away(into: Into, counts: Counts, stood: int) -> None:
    """Take back what only older versions named; `stood` of them did before this one came."""
    store, name, version = into.store, into.name, into.version
    refused = counts.rejected + counts.refused_before
    rest = store.read(count_older, name, version)
    if refused:
        mend = (
            f"FILE: {refused} of its entries were refused (FILE.rejects.ndjson) and may be among"
            f" the {rest} that it does not name; mend them, and hand it in again with a newer"
            " --version. Nothing was taken back"
        )
        raise CliError("not_whole", mend)
    if into.may_go is not None and rest * 100 > into.may_go * stood:
        mend = (
            f"--allow-shrink: {rest} of {stood} entries that stood before are not in the file, more"
            f" than {into.may_go} percent. If that is so, say how many percent may go. Nothing was"
            " taken back"
        )
        raise CliError("list_shrinks", mend)
    after = 0
    while numbers := store.read(older, name, version, after, into.batch // AWAY):
        now = into.clock()
        counts.gone += store.write(take_away, into.fingerprints, name, version, numbers, now)
        after = numbers[-1]
        into.pause()
    store.write(end_whole, name)


def _is_pdq_alone(one: Entry) -> bool:
    content = one.content
    return content.sha256 is content.sha1 is content.md5 is None


class _Taking:
    """One file, and what of it waits to be written."""

    def __init__(self, into: Into, opened: ListFile, rejects: ListRejects, counts: Counts) -> None:
        self._into = into
        self._file = opened.sha256
        self._rejects = rejects
        self._counts = counts
        self._waiting: list[ListLine] = []

    def add(self, line: ListLine) -> bool:
        """Take one more; whether a batch was written."""
        self._waiting.append(line)
        if len(self._waiting) < self._into.batch:
            return False
        self.write(done_ms=None)
        return True

    def write(self, *, done_ms: int | None) -> None:
        """Write what waits; `done_ms`: that was all. A file of which nothing was taken is none."""
        into, counts, waiting = self._into, self._counts, self._waiting
        if not waiting and done_ms is None:
            return
        things = [line.what for line in waiting if not isinstance(line.what, Rejection)]
        place = counts.before + counts.entries + len(waiting)
        part = Part(into.name, self._file, into.version, place, into.clock(), done_ms)
        settled = into.store.write(
            take_part, into.fingerprints, part, things, self._refuse, self._meet
        )
        told = Counter(settled)
        counts.rejected += len(waiting) - len(things) + told.pop(Settled.CONFLICTING, 0)
        counts.partly += sum(line.without is not None for line in waiting)
        counts.unrated += sum(line.unrated for line in waiting)
        counts.pdq_alone += sum(isinstance(one, Entry) and _is_pdq_alone(one) for one in things)
        counts.settled += told
        counts.entries += len(waiting)
        self._waiting = []

    def _meet(self, newest: int) -> None:
        """Take no more of a whole list that another file overtook: it may be whole by now."""
        if self._into.may_go is not None:
            _refuse_other(newest, self._into.version)

    def _refuse(self, settled: Sequence[Settled]) -> None:
        """Note what is refused of what waits, on the disk before the file counts as read so far.

        Killed in between, a refusal is noted twice; the other way round it would be lost.
        """
        became = iter(settled)
        for line in self._waiting:
            if isinstance(line.what, Rejection):
                self._rejects.write(line.number, line.what)
            elif next(became) is Settled.CONFLICTING:
                self._rejects.write(line.number, _CONFLICT)
            if line.without is not None:
                self._rejects.write(line.number, line.without)
        self._rejects.keep()
