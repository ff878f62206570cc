"""What comes into a list meets what stands there: entries and retractions, a batch at a time.

The rule is `node.matching.lists.settle`; here it is asked for each entry, and what it says is
written. Each function is part of the caller's transaction.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from node.matching.contents import Likeness, compare, likeness, picture_of
from node.matching.corrections import correct, is_new_of, told_by
from node.matching.fingerprints import Fingerprints
from node.matching.lists import (
    Entry,
    Retraction,
    Settled,
    Standing,
    TakenBack,
    named,
    repeated,
    settle,
    settle_retraction,
)
from node.store.bulk import insert_rows, select_in, update_rows
from node.store.contents.list_corrections import beside
from node.store.contents.list_tombstones import Tombstones, said_of
from node.store.contents.lists import (
    ContentList,
    category_ids,
    encode_entry,
    list_named,
    read_entries,
)
from node.store.seam import Connection
from protocol.facts import Content
from protocol.verdicts import MAX_PARTS


def take_in(
    connection: Connection,
    fingerprints: Fingerprints,
    into: str | ContentList,
    version: int,
    batch: Sequence[Entry | Retraction | TakenBack],
    now_ms: int,
    spared: Collection[str] = (),
) -> list[Settled]:
    """Take entries and retractions of one version into a list, in order; what became of each.

    Of entries in `spared` categories no retraction takes any back. `into`: the list's name, or the
    list as it was read in this transaction.

    Raises:
        TooManyCategoriesError
        LookupError: there is no such list.
    """
    known = list_named(connection, into) if isinstance(into, str) else into
    taking = _Taking(connection, fingerprints, known, version, now_ms)
    taking.spared = spared
    settled: list[Settled] = []
    run: list[Entry] = []
    for one in batch:
        if isinstance(one, Entry):
            run.append(one)
            continue
        settled += taking.entries(run)
        run = []
        if isinstance(one, TakenBack):
            settled.append(taking.taking_back(one))
        else:
            settled.append(taking.retraction(one))
    settled += taking.entries(run)
    taking.finish()
    return settled


def take_away(
    connection: Connection,
    fingerprints: Fingerprints,
    into: str,
    version: int,
    numbers: Sequence[int],
    now_ms: int,
) -> int:
    """Take back those of these entries of a list that only older versions name; how many.

    As a retraction of this version would; but what another entry of the list has stays listed.
    """
    known = list_named(connection, into)
    taking = _Taking(connection, fingerprints, known, version, now_ms)
    count = taking.away(numbers)
    taking.finish()
    return count


_WRITTEN: Final = frozenset({Settled.ADDED, Settled.CHANGED})
_ENDED: Final = "INSERT OR FAIL INTO list_ended (number, entry, keys)"


class _Taking:
    """One batch on its way into a list."""

    def __init__(
        self,
        connection: Connection,
        fingerprints: Fingerprints,
        into: ContentList,
        version: int,
        now: int,
    ) -> None:
        self._connection = connection
        self._fingerprints = fingerprints
        self._list = into.row
        self._version = version
        self._now = now
        self._tombs = Tombstones(connection, fingerprints, into.row)
        self.spared: Collection[str] = ()
        self._counts: Counter[str] = Counter()
        self._ids = into.ids
        sql = (
            "SELECT (SELECT coalesce(max(number), 0) FROM list_entries),"
            " (SELECT coalesce(max(entry), 0) FROM list_ended),"
            " (SELECT coalesce(max(number), 0) FROM list_ended)"
        )
        newest, gone, self._ended = connection.execute(sql).fetchone()
        self._last = int(max(newest, gone))

    def entries(self, run: Sequence[Entry]) -> list[Settled]:
        """Take entries in."""
        if not run:
            return []
        if wanted := {one.category for one in run} - self._ids.keys():
            self._ids = category_ids(self._connection, self._list, wanted)
        keys = [self._fingerprints.content(one.content) for one in run]
        names = [self._name(one.external_id, one.content) for one in run]
        standing = self._standing(names)
        events = [self._event(one.given.event_id if one.given else None) for one in run]
        back = self._tombs.newest(zip(run, names, events, keys, strict=True))
        others = self._others(run, names, standing)
        settled, gone, confirmed = [], [], []
        renamed: list[bytes] = []
        fresh: dict[int, tuple[Standing, bytes, Sequence[bytes]]] = {}
        for said, name, retracted, found in zip(run, names, back, keys, strict=True):
            known = standing.get(name)
            again = known is not None and known.version == self._version
            one = repeated(known.entry, said) if known and again else said
            what = settle(known, retracted, one, self._version)
            if what in _WRITTEN and name in others:
                there = {other: standing[other] for other in others[name] if other in standing}
                what, replaced = correct(what, one, self._version, there)
                gone += [standing.pop(other) for other in replaced]
                renamed += replaced
            settled.append(what)
            if what is Settled.CONFIRMED and known is not None:
                confirmed.append((known.number, self._version))
                standing[name] = Standing(known.number, self._version, one)
            if what in _WRITTEN:
                if known and fresh.pop(known.number, None) is None:
                    gone.append(known)
                standing[name] = Standing(self._next(), self._version, one)
                fresh[standing[name].number] = (standing[name], name, found)
        self._end(gone)
        self._unname(renamed)
        self._write(list(fresh.values()))
        update_rows(
            self._connection,
            "UPDATE list_entries SET version = column2 FROM {} WHERE number = column1",
            confirmed,
        )
        return settled

    def _others(
        self, run: Sequence[Entry], names: Sequence[bytes], standing: dict[bytes, Standing]
    ) -> dict[bytes, list[bytes]]:
        """Return under which other names there may be the files of which something new is said.

        They are put beside what stands.
        """
        asked = (
            (name, self._fingerprints.digest(digest))
            for one, name in zip(run, names, strict=True)
            if is_new_of(standing.get(name), one)
            for digest in told_by(one.content)
        )
        others: defaultdict[bytes, list[bytes]] = defaultdict(list)
        for name, other in beside(self._connection, self._list, self._version, asked):
            own = self._name(other.entry.external_id, other.entry.content)
            standing.setdefault(own, other)
            if own != name:
                others[name].append(own)
        return others

    def retraction(self, one: Retraction) -> Settled:
        """Take back what one retraction names, or note that it is not to come in."""
        name = self._name(one.external_id, one.content)
        spared = self.spared
        meant = [t for t in self._targets(one, name) if t.entry.category not in spared]
        oldest = min((target.version for target in meant), default=None)
        targets = [target for target in meant if target.version <= self._version]
        what = settle_retraction(oldest, self._tombs.versions([name]).get(name), self._version)
        if what is Settled.RETRACTED:
            said = None if targets and one.external_id is None else said_of(one.external_id)
            buried: dict[bytes, bytes | None] = {name: said}
            for content in (one.content, *(target.entry.content for target in targets)):
                if content is not None:
                    buried |= dict.fromkeys(self._tombs.of(content, one.content).values())
            buried |= self._names_of(targets)
            self._bury(buried)
            self._end(targets)
            self._unname(self._names_of(targets))
        return what

    def away(self, numbers: Sequence[int]) -> int:
        """Take back the entries that this version does not name."""
        gone = [one for one in self._load(numbers).values() if one.version < self._version]
        ends = {one.number for one in gone}
        found = {key for one in gone for key in self._fingerprints.content(one.entry.content)}
        sql = "SELECT key, entry, category FROM list_keys WHERE key IN ({})"
        ours = set(self._ids.values())
        rows = select_in(self._connection, sql, sorted(found))
        still = {bytes(key) for key, entry, c in rows if c in ours and entry not in ends}
        names = self._names_of(gone)
        graves = [self._tombs.of(one.entry.content) for one in gone]
        buried = {grave for some in graves for key, grave in some.items() if key not in still}
        self._bury({**dict.fromkeys(buried), **names})
        self._end(gone)
        self._unname(names)
        return len(gone)

    def taking_back(self, one: TakenBack) -> Settled:
        """Let go of every entry of a verdict; its event's id keeps out those that come late."""
        names = [self._name(named(one.event_id, part), None) for part in range(MAX_PARTS)]
        gone = list(self._standing(names).values())
        event = self._event(one.event_id)
        self._end_everywhere(one.event_id)  # its author, set back, may have told of it once more
        if not gone and self._tombs.versions([event]):
            return Settled.SAME
        self._bury({event: None})
        self._end(gone)
        self._unname(names)
        return Settled.RETRACTED

    def _end_everywhere(self, event_id: str) -> None:
        """Let items be found on which the verdict stands by another way than an entry."""
        self._ended += 1
        key = self._fingerprints.verdict(event_id)
        row = (self._ended, self._next(), key)
        insert_rows(self._connection, _ENDED, [row])

    def finish(self) -> None:
        """Count, and note which version came last."""
        self._connection.executemany(
            "UPDATE list_categories SET entries = entries + ? WHERE id = ?",
            [(more, self._ids[category]) for category, more in self._counts.items() if more],
        )
        self._connection.execute(
            "UPDATE lists SET version = ?, changed_ms = ? WHERE id = ? AND version < ?",
            (self._version, self._now, self._list, self._version),
        )

    def _next(self) -> int:
        self._last += 1
        return self._last

    def _name(self, external_id: str | None, content: Content | None) -> bytes:
        """The key of an entry's name: its author's id, else its strongest hash."""
        if external_id is not None:
            return self._fingerprints.listed(self._list, b"i" + external_id.encode())
        assert content is not None
        strongest = content.sha256 or content.sha1 or content.md5 or content.pdq
        assert strongest is not None
        return self._fingerprints.listed(self._list, b"h" + strongest)

    def _event(self, event_id: str | None) -> bytes:
        """The key under which a verdict is known that was taken back; empty: there is none."""
        name = b"e" + (event_id or "").encode()
        return b"" if event_id is None else self._fingerprints.listed(self._list, name)

    def _standing(self, names: Iterable[bytes]) -> dict[bytes, Standing]:
        sql = "SELECT key, entry FROM list_names WHERE key IN ({})"
        named = dict(select_in(self._connection, sql, sorted(set(names))))
        found = self._load(named.values())
        return {key: found[number] for key, number in named.items()}

    def _load(self, numbers: Iterable[int]) -> dict[int, Standing]:
        found = read_entries(self._connection, numbers)
        return {number: Standing(number, *one) for number, one in found.items()}

    def _names_of(self, gone: Iterable[Standing]) -> dict[bytes, bytes]:
        """The keys of the names of entries, with what tombstones say of them."""
        entries = [one.entry for one in gone]
        return {self._name(e.external_id, e.content): said_of(e.external_id) for e in entries}

    def _unname(self, names: Iterable[bytes]) -> None:
        sql = "DELETE FROM list_names WHERE key IN ({})"
        _run(select_in(self._connection, sql, sorted(set(names))))

    def _targets(self, one: Retraction, name: bytes) -> list[Standing]:
        """The entries that a retraction means; of hashes, all that may be the file.

        What stands under the id that it gives is what it means. If nothing does, an entry of that
        content may have come without an id; those that have another are not its to take back.
        """
        found = {known.number: known for known in self._standing([name]).values()}
        if one.content is None or (one.external_id is not None and found):
            return list(found.values())
        found |= self._alike([one.content], one.content)
        found |= self._alike([known.entry.content for known in found.values()], one.content)
        if one.external_id is None:
            return list(found.values())
        return [
            known
            for known in found.values()
            if known.entry.external_id is None and known.version <= self._version
        ]

    def _alike(self, contents: Sequence[Content], meant: Content) -> dict[int, Standing]:
        """The entries that may be one of these files, if nothing says they are not what is meant.

        An entry may have a hash in common with another entry of the file, and none with `meant`.
        """
        keys = {key for content in contents for key in self._fingerprints.content(content)}
        sql = "SELECT entry, category FROM list_keys WHERE key IN ({})"
        ours = set(self._ids.values())
        rows = select_in(self._connection, sql, sorted(keys))
        return {
            number: known
            for number, known in self._load(e for e, c in rows if c in ours).items()
            if compare(known.entry.content, meant, pictures=False) is not Likeness.OTHER
            and likeness([known.entry.content], contents, pictures=False) <= Likeness.PERHAPS
        }

    def _bury(self, keys: Mapping[bytes, bytes | None]) -> None:
        self._tombs.bury(keys, self._version, self._now)

    def _end(self, gone: Sequence[Standing]) -> None:
        """Let entries go; what they were found by stays until what followed is undone."""
        rows = []
        for one in gone:
            keys = self._fingerprints.content(one.entry.content)
            self._ended += 1
            near = picture_of(one.entry.content) is not None
            alike = [self._fingerprints.entry(one.number)] if near else []
            rows.append((self._ended, one.number, b"".join([*keys, *alike])))
            self._counts[one.entry.category] -= 1
            self._connection.executemany(
                "DELETE FROM list_keys WHERE key = ? AND entry = ?",
                [(key, one.number) for key in keys],
            )
        numbers = [one.number for one in gone]
        _run(select_in(self._connection, "DELETE FROM list_entries WHERE number IN ({})", numbers))
        insert_rows(self._connection, _ENDED, rows)

    def _write(self, fresh: Sequence[tuple[Standing, bytes, Sequence[bytes]]]) -> None:
        """Write new entries; what is random goes in the order of the tree, to share its pages."""
        ids, rows, names, keys = self._ids, [], [], []
        for one, name, found in fresh:
            category = ids[one.entry.category]
            rows.append((one.number, category, one.version, encode_entry(one.entry)))
            names.append((name, one.number))
            keys += [(key, one.number, category) for key in dict.fromkeys(found)]
            self._counts[one.entry.category] += 1
        connection = self._connection
        into = "INSERT OR FAIL INTO list_entries (number, category, version, state)"
        insert_rows(connection, into, rows)
        insert_rows(connection, "INSERT OR REPLACE INTO list_names (key, entry)", sorted(names))
        into = "INSERT OR FAIL INTO list_keys (key, entry, category)"
        insert_rows(connection, into, sorted(keys))


def _run(statements: Iterator[Any]) -> None:
    """Run statements that yield no rows."""
    for _ in statements:
        pass
