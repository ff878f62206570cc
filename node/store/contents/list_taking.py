"""What comes into a list meets what stands there: entries and retractions, a batch at a time.

The rule is `node.matching.lists.settle`; here it is asked for each entry, and what it says is
written. Each function is part of the caller's transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from node.matching.contents import Likeness, compare, likeness, picture_of
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
from node.store.contents.lists import (
    ContentList,
    category_ids,
    encode_entry,
    list_named,
    newest_of_others,
    note_imported,
    read_entries,
)
from node.store.seam import Connection
from protocol.facts import Content
from protocol.verdicts import MAX_PARTS


class Part(NamedTuple):
    """Of a file (by its SHA-256), so many entries have come into a list, as one version of it."""

    into: str
    file: bytes
    version: int
    entries: int
    now_ms: int
    done_ms: int | None


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


def take_part(
    connection: Connection,
    fingerprints: Fingerprints,
    part: Part,
    batch: Sequence[Entry | Retraction],
    refuse: Callable[[Sequence[Settled]], None],
    meet: Callable[[int], None] = lambda _: None,
) -> list[Settled]:
    """Take the next entries of a file into its list, and note how far it has come, at once.

    `refuse` is told what became of each before that is durable; `meet`, before anything is taken,
    as which newest version another file came (0: none did), so that it may raise.
    """
    if batch:
        meet(newest_of_others(connection, part.into, part.file))
    settled = take_in(connection, fingerprints, part.into, part.version, batch, part.now_ms)
    note_imported(connection, part.into, part.file, part.version, part.entries, part.done_ms)
    refuse(settled)
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
        tombs = self._tombs({*names, *events, *(key for some in keys for key in some)} - {b""})
        settled, gone, confirmed = [], [], []
        fresh: dict[int, tuple[Standing, bytes, Sequence[bytes]]] = {}
        for said, name, event, found in zip(run, names, events, keys, strict=True):
            taken_back = [tombs[key] for key in (name, event, *found) if key in tombs]
            known = standing.get(name)
            again = known is not None and known.version == self._version
            one = repeated(known.entry, said) if known and again else said
            what = settle(known, max(taken_back, default=None), one, self._version)
            settled.append(what)
            if what is Settled.CONFIRMED and known is not None:
                confirmed.append((known.number, self._version))
            if what is Settled.CHANGED and known and fresh.pop(known.number, None) is None:
                gone.append(known)
            if what in (Settled.CONFIRMED, Settled.CHANGED, Settled.ADDED):
                number = known.number if known and what is Settled.CONFIRMED else self._next()
                standing[name] = Standing(number, self._version, one)
            if what in (Settled.CHANGED, Settled.ADDED):
                fresh[standing[name].number] = (standing[name], name, found)
        self._end(gone)
        self._write(list(fresh.values()))
        update_rows(
            self._connection,
            "UPDATE list_entries SET version = column2 FROM {} WHERE number = column1",
            confirmed,
        )
        return settled

    def retraction(self, one: Retraction) -> Settled:
        """Take back what one retraction names, or note that it is not to come in."""
        keys = [] if one.content is None else list(self._fingerprints.content(one.content))
        name = self._name(one.external_id, one.content)
        spared = self.spared
        meant = [t for t in self._targets(one, name) if t.entry.category not in spared]
        tombs = self._tombs({name, *keys})
        oldest = min((target.version for target in meant), default=None)
        targets = [target for target in meant if target.version <= self._version]
        what = settle_retraction(oldest, tombs.get(name), self._version)
        if what is Settled.RETRACTED:
            said = None if one.external_id is None else one.external_id.encode()
            buried: dict[bytes, bytes | None] = dict.fromkeys(keys)
            for target in targets:
                entry = target.entry
                buried |= dict.fromkeys(self._fingerprints.content(entry.content))
                own = None if entry.external_id is None else entry.external_id.encode()
                buried[self._name(entry.external_id, entry.content)] = own
            buried[name] = said
            self._bury(buried)
            self._end(targets)
            names = [self._name(t.entry.external_id, t.entry.content) for t in targets]
            _run(select_in(self._connection, "DELETE FROM list_names WHERE key IN ({})", names))
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
        names: dict[bytes, bytes | None] = {}
        for one in gone:
            own = one.entry.external_id
            name = self._name(own, one.entry.content)
            names[name] = None if own is None else own.encode()
        self._bury({**dict.fromkeys(found - still), **names})
        self._end(gone)
        _run(select_in(self._connection, "DELETE FROM list_names WHERE key IN ({})", sorted(names)))
        return len(gone)

    def taking_back(self, one: TakenBack) -> Settled:
        """Let go of every entry of a verdict; its event's id keeps out those that come late."""
        names = [self._name(named(one.event_id, part), None) for part in range(MAX_PARTS)]
        gone = list(self._standing(names).values())
        event = self._event(one.event_id)
        self._end_everywhere(one.event_id)  # its author, set back, may have told of it once more
        if not gone and self._tombs({event}):
            return Settled.SAME
        self._bury({event: None})
        self._end(gone)
        _run(select_in(self._connection, "DELETE FROM list_names WHERE key IN ({})", names))
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

    def _tombs(self, keys: Iterable[bytes]) -> dict[bytes, int]:
        any_sql = "SELECT 1 FROM list_tombstones WHERE list = ? LIMIT 1"
        if self._connection.execute(any_sql, (self._list,)).fetchone() is None:
            return {}
        sql = "SELECT key, version FROM list_tombstones WHERE list = ? AND key IN ({})"
        return dict(select_in(self._connection, sql, sorted(keys), (self._list,)))

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
        newer = {key for key, when in self._tombs(keys).items() if when > self._version}
        insert_rows(
            self._connection,
            "INSERT OR REPLACE INTO list_tombstones (list, key, version, retracted_ms, said)",
            [
                (self._list, key, self._version, self._now, said)
                for key, said in keys.items()
                if key not in newer
            ],
        )

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
