"""Exact look-ups in all lists at once: which entries have this hash.

The store answers by itself, by a tree of keyed fingerprints, at some ten thousand look-ups a
second: each reads a page that must be decrypted and authenticated. So the keys are held in memory
too, sorted, 16 bytes each: the first eight of a key, the entry, its category. Fingerprints are
evenly spread, so where a key would stand is known to within a few thousand places before the first
comparison. (That another key of 10^7 begins with the same eight bytes happens once in 10^12
look-ups; whoever acts on a hit reads the entry itself.)

Memory is only a cache: it answers while the store holds exactly what it was read from, which two
numbers tell in the same transaction; else the store does. `refresh` brings it up to date: by what
came since, or anew.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from node.casework.casebook import Loaded
from node.matching.contents import PDQ_NEAR, pictures_of
from node.matching.fingerprints import Fingerprints, content_keys
from node.matching.linked import by_entries, said_of
from node.matching.lists import (
    MIN_BYTES,
    Entry,
    Hit,
    Listed,
    Provenance,
    Terms,
    Trust,
)
from node.store.bulk import select_in, stream
from node.store.contents.hashcheck import disproved
from node.store.contents.listed_pictures import ListedPictures
from node.store.contents.lists import (
    categories_where,
    keep_min_bytes,
    read_entries,
    read_listed,
)
from node.store.contents.lookalikes import Lookalikes
from node.store.contents.newcomers import Newcomers
from node.store.seam import Connection
from node.store.writer import Readers, Writer
from protocol.facts import Content

FEW = 20_000
"""Entries that came since, up to which memory is filled up instead of read anew."""
MOST_SUGGESTED = 16
"""Entries that are suggested of one picture, the nearest: a person need not read more."""
MOST_LOOKED_AT = 4_096
"""Entries that are looked through for those that count, among very many that look alike."""
_BITS = 64
_HEAD_BYTES = 8
_SPREAD = 6
"""Standard deviations around where a key is expected; beyond them all is searched."""
_BY_KEY = "SELECT key, entry, category FROM list_keys WHERE key IN ({})"
_MARKS = (
    "SELECT (SELECT coalesce(max(number), 0) FROM list_entries),"
    " (SELECT coalesce(max(number), 0) FROM list_ended)"
)

_UPHELD_TERMS = Terms("hashcheck complaints", Provenance.OWN, trusts_weak=True)

Counts: TypeAlias = Callable[[Terms, Trust], bool]
"""Whether a category counts: by the terms of its list, and how far it is followed."""
Found = tuple[tuple[int, int], ...]
"""Entries that have a key: number and category of each."""


class Marks(NamedTuple):
    """What stands in all lists together, told by two numbers that grow with every change."""

    newest: int
    ended: int


class _Sorted:
    """Keys in order, as they stood at one moment; never changed."""

    def __init__(self, heads: array[int], entries: array[int], categories: array[int]) -> None:
        self._heads = heads
        self._entries = entries
        self._categories = categories
        self._window = int(_SPREAD * (len(heads) / 4) ** 0.5) + 2

    def find(self, key: bytes) -> Found:
        """Return the entries whose keys begin as this one."""
        heads, head = self._heads, int.from_bytes(key[:_HEAD_BYTES], "big")
        size = len(heads)
        expected = head * size >> _BITS
        low, high = max(0, expected - self._window), min(size, expected + self._window)
        at = bisect_left(heads, head, low, high)
        if at in (low, high):  # perhaps it lies beyond
            at = bisect_left(heads, head)
        if at == size or heads[at] != head:
            return ()
        end = at + 1
        while end < size and heads[end] == head:
            end += 1
        return tuple(zip(self._entries[at:end], self._categories[at:end], strict=True))


class _Memory(NamedTuple):
    marks: Marks
    base: _Sorted
    more: Mapping[bytes, Found]
    dead: frozenset[int]

    def find(self, key: bytes) -> Found:
        found = self.base.find(key)
        if self.more:
            found += self.more.get(key, ())
        if found and self.dead:
            found = tuple(one for one in found if one[0] not in self.dead)
        return found


class Known:
    """The look-up of one node, on whichever connection its caller has.

    `min_bytes`: of a smaller file no list counts unseen (`node.matching.lists.weigh`).
    """

    def __init__(self, fingerprints: Fingerprints) -> None:
        self.min_bytes = MIN_BYTES
        self.pictures = ListedPictures()
        self._fingerprints = fingerprints
        self._memory: _Memory | None = None
        self._seen: Marks | None = None

    def find(self, connection: Connection, keys: Iterable[bytes]) -> dict[bytes, Found]:
        """Return which of these keys (`Fingerprints.content`) lists have, with the entries."""
        marks = _marks(connection)
        if not marks.newest:
            return {}
        memory = self._memory
        if memory is not None and memory.marks == marks:
            look = memory.find
            return {key: found for key in keys if (found := look(key))}
        stored: dict[bytes, Found] = {}
        for key, entry, category in select_in(connection, _BY_KEY, sorted(set(keys))):
            stored[key] = (*stored.get(key, ()), (entry, category))
        return {key: tuple(dict.fromkeys(found)) for key, found in stored.items()}

    def hits(
        self, connection: Connection, contents: Iterable[Content], counts: Counts | None = None
    ) -> dict[Content, tuple[Hit, ...]]:
        """Return what lists say of each of these files: by the entries themselves, oldest first.

        `counts`: of lists, and of their categories, for which this does not hold nothing is read,
        nor has it any weight. Nor have upheld complaints: who asks so knows of them (HashCheck).
        """
        wanted = tuple(contents)
        listed = self.listed(connection, content_keys(self._fingerprints, wanted), counts)

        def named(files: Sequence[Content]) -> Iterator[Listed]:
            for key in dict.fromkeys(content_keys(self._fingerprints, files)):
                yield from listed.get(key, ())

        asked = wanted if listed else ()
        said = ((one, said_of(one, named([one]), named, self.min_bytes)) for one in asked)
        return {one: tuple(hits) for one, hits in said if hits}

    def listed(
        self, connection: Connection, keys: Iterable[bytes], counts: Counts | None = None
    ) -> dict[bytes, tuple[Listed, ...]]:
        """Return the entries that have one of these keys, read from the store, by key.

        And unless it is asked what `counts`, those that share a hash with one that would hold a
        file illegal unseen: see `linked`.
        """
        wanted = set(keys)
        found = self.find(connection, wanted)
        if counts is not None:
            found = _counting(connection, found, counts)
        standing = read_listed(
            connection, {number for some in found.values() for number, _ in some}
        )
        if counts is None:
            linked = by_entries(standing.values())
            more = set(content_keys(self._fingerprints, linked)) - wanted
            found |= self.find(connection, more) if more else {}
            wanted |= more
            fresh = {number for some in found.values() for number, _ in some} - standing.keys()
            standing |= read_listed(connection, fresh)
        told = {
            key: tuple(standing[number] for number, _ in some if number in standing)
            for key, some in found.items()
        }
        upheld = _upheld(connection, self._fingerprints, wanted) if counts is None else {}
        return told | {key: (*told.get(key, ()), *some) for key, some in upheld.items()}

    def asked_of(
        self, connection: Connection, keys: Iterable[bytes], pdqs: Iterable[bytes], loaded: Loaded
    ) -> dict[bytes, tuple[Listed, ...]]:
        """Return what a decision needs of lists: see `Loaded.listed`.

        Of items that are loaded for another's sake, and of which something spoke, what else does.
        """
        spoken = [state for state in loaded.items.values() if state.listed]
        before = read_listed(connection, {one.entry for state in spoken for one in state.listed})
        files = {file for state in spoken for file in state.content}
        beside = content_keys(self._fingerprints, [*files, *by_entries(before.values())])
        of = self._fingerprints.entry
        return {
            **self.listed(connection, {*keys, *beside}),
            **self.alike(connection, pdqs, MOST_SUGGESTED, _suggests),
            **{of(number): (one,) for number, one in before.items()},
        }

    def alike(
        self,
        connection: Connection,
        pdqs: Iterable[bytes],
        most: int,
        counts: Callable[[Listed], bool],
        within: Callable[[bytes], int] | None = None,
    ) -> dict[bytes, tuple[Listed, ...]]:
        """Return the entries that look like these PDQ hashes and count, the nearest first.

        At most so many of each; of a picture that very many look like, `MOST_LOOKED_AT` are read.
        `within`: in how many bits each hash may differ; what is farther is not read.
        """
        found: dict[bytes, tuple[Listed, ...]] = {}
        read: dict[int, Listed | None] = {}
        for pdq in pdqs if len(self.pictures) else ():
            looked = most
            while True:
                numbers = self.pictures.near(pdq, looked, within(pdq) if within else PDQ_NEAR)
                fresh = [number for number in numbers if number not in read]
                read.update(dict.fromkeys(fresh))
                read.update(read_listed(connection, fresh))
                near = [one for number in dict.fromkeys(numbers) if (one := read[number])]
                told = [one for one in near if counts(one)][:most]
                if len(told) == most or len(numbers) < looked or looked >= MOST_LOOKED_AT:
                    break
                looked *= 8
            if told:
                found[pdq] = tuple(told)
        return found

    def refresh(self, connection: Connection, *, calm: bool = False) -> bool:
        """Bring memory up to date with the store; whether anything was done.

        `connection` is not in a transaction. `calm`: read anew only what has stood still since the
        last call, not in the middle of an import.
        """
        connection.execute("BEGIN")
        try:
            return self._brought_up(connection, calm=calm)
        finally:
            connection.execute("COMMIT")

    def _brought_up(self, connection: Connection, *, calm: bool) -> bool:
        marks, before, seen = _marks(connection), self._memory, self._seen
        self._seen = marks
        if before is not None and before.marks == marks:
            return False
        if before is None and not marks.newest:
            return False
        few = before is not None and marks.newest - before.marks.newest <= FEW
        small = few and before is not None and marks.ended - before.marks.ended <= FEW
        if small and before is not None and len(before.more) + len(before.dead) <= FEW:
            self._memory = self._filled_up(connection, before, marks)
        elif calm and seen != marks:
            return False
        else:
            self._memory = _read(connection, marks)
        return True

    def _filled_up(self, connection: Connection, before: _Memory, marks: Marks) -> _Memory:
        more = dict(before.more)
        sql = "SELECT number, category FROM list_entries WHERE number > ? ORDER BY number"
        fresh = dict(connection.execute(sql, (before.marks.newest,)).fetchall())
        for number, (_, entry) in read_entries(connection, fresh).items():
            for key in self._fingerprints.content(entry.content):
                more[key] = (*more.get(key, ()), (number, fresh[number]))
        sql = "SELECT entry FROM list_ended WHERE number > ?"
        gone = {row[0] for row in connection.execute(sql, (before.marks.ended,))}
        return _Memory(marks, before.base, more, before.dead | gone)


def _counting(
    connection: Connection, found: Mapping[bytes, Found], counts: Counts
) -> dict[bytes, Found]:
    """Leave out the entries of categories that do not count, before any of them is read."""
    wanted = categories_where(connection, counts)
    kept = {key: tuple(one for one in some if one[1] in wanted) for key, some in found.items()}
    return {key: some for key, some in kept.items() if some}


def _upheld(
    connection: Connection, fingerprints: Fingerprints, keys: set[bytes]
) -> dict[bytes, tuple[Listed, ...]]:
    """Return the contents of upheld complaints as entries, without a number, of a benign list."""
    found: dict[bytes, tuple[Listed, ...]] = {}
    for at, content in enumerate(disproved(connection, keys)):
        entry = Listed(-at, _UPHELD_TERMS, 0, Entry(content, "upheld"), Trust.BENIGN)
        for key in fingerprints.content(content):
            if key in keys:
                found[key] = (*found.get(key, ()), entry)
    return found


def _suggests(one: Listed) -> bool:
    """Whether the entry's word is suggested of what looks like it."""
    return one.counts_near is Trust.SUGGESTION


def _marks(connection: Connection) -> Marks:
    return Marks(*connection.execute(_MARKS).fetchone())


def _read(connection: Connection, marks: Marks) -> _Memory:
    """Read every key, in order."""
    heads, entries, categories = array("Q"), array("I"), array("I")
    sql = "SELECT key, entry, category FROM list_keys ORDER BY key, entry"
    from_bytes = int.from_bytes
    for key, entry, category in stream(connection, sql):
        heads.append(from_bytes(key[:_HEAD_BYTES], "big"))
        entries.append(entry)
        categories.append(category)
    return _Memory(marks, _Sorted(heads, entries, categories), {}, frozenset())


class KnownContent(Newcomers):
    """Look-ups on a reader of their own, for whoever is asked from outside."""

    def __init__(
        self,
        writer: Writer,
        readers: Readers,
        fingerprints: Fingerprints,
        known: Known,
        lookalikes: Lookalikes,
    ) -> None:
        super().__init__(writer, readers, fingerprints, known.pictures, lookalikes)
        self._known = known

    async def judge_unseen_from(self, min_bytes: int) -> None:
        """Let lists count unseen from this size of a file on; asked again is what that changes.

        Raises:
            StoreError: nothing was kept.
        """
        self._known.min_bytes = min_bytes
        await self._writer.run(lambda connection: keep_min_bytes(connection, min_bytes))

    def look_up(self, digests: Iterable[bytes]) -> set[bytes]:
        """Return which of these hashes (SHA-256, SHA-1, MD5, mixed) lists have.

        Raises:
            KeyError: one is of another length.
        """
        of = self._fingerprints.digest
        keys = {of(digest): digest for digest in digests}
        found = self._readers.look_up(lambda connection: self._known.find(connection, keys))
        return {keys[key] for key in found}

    async def hits(
        self, contents: Iterable[Content], counts: Counts | None = None
    ) -> dict[Content, tuple[Hit, ...]]:
        """See `Known.hits`."""
        wanted = tuple(contents)
        return await self._readers.run(
            lambda connection: self._known.hits(connection, wanted, counts)
        )

    async def alike(
        self,
        contents: Iterable[Content],
        most: int,
        counts: Callable[[Listed], bool],
        within: Callable[[bytes], int],
    ) -> dict[Content, Sequence[Listed]]:
        """Return the entries that look like each of these files: see `Known.alike`."""
        if not len(self.pictures):
            return {}
        pdqs = {one: pdq for one in contents for pdq in pictures_of([one])}
        wanted = dict.fromkeys(pdqs.values())
        found = await self._readers.run(
            lambda connection: self._known.alike(connection, wanted, most, counts, within)
        )
        return {one: found[pdq] for one, pdq in pdqs.items() if pdq in found}

    async def refresh(self, *, calm: bool = False) -> bool:
        """See `Known.refresh`; and of what looks alike a stretch is taken up."""
        more = await self._readers.run(self._known.pictures.follow)
        return await self._readers.run(lambda c: self._known.refresh(c, calm=calm)) or more
