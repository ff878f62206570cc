"""Lists of known content in the store: what stands in them, what came in, what was taken back.

Entries are rows that are appended; what an entry is found by are keyed fingerprints, those by which
items are found too (`node.matching.fingerprints`). An entry that changes or is taken back leaves,
its hashes with it; a row says that it went, and by what it was found until what followed from it
has been undone (`list_taking`).

Outside a list is known by its name, and an entry by its number (`node.matching.lists.Hit`).

Each function is part of the caller's transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from node.matching.fingerprints import BYTES
from node.matching.lists import ANY, MIN_BYTES, Entry, Listed, Provenance, Terms, Trust
from node.store.bulk import select_in, stream
from node.store.contents.matching_again import match_again
from node.store.errors import TooManyCategoriesError
from node.store.seam import Connection

MAX_CATEGORIES = 256
"""Of one list: a file that names more is not what it is taken for."""
encode_entry = msgspec.msgpack.Encoder().encode
decode_entry = msgspec.msgpack.Decoder(Entry).decode
_LEAST = "lists_min_bytes"
_LISTS = (
    "SELECT id, name, provenance, license, may_use, may_share, weak, version, changed_ms FROM lists"
)
_CATEGORIES = "SELECT list, category, trust, entries, id FROM list_categories"
_ENTRIES = "SELECT number, version, state, category FROM list_entries WHERE number IN ({})"


class ContentList(NamedTuple):
    """A list, with how far each of its categories is followed, and how many entries it has.

    `row` and `ids` are its number in the store, and those of its categories.
    """

    terms: Terms
    version: int
    changed_ms: int
    trusts: dict[str, Trust]
    entries: dict[str, int]
    row: int
    ids: dict[str, int]


def all_lists(connection: Connection) -> list[ContentList]:
    """Return every list, by name."""
    return list(lists_by_id(connection).values())


def lists_by_id(connection: Connection) -> dict[int, ContentList]:
    """Return every list by its row, in the order of their names."""
    lists = connection.execute(f"{_LISTS} ORDER BY name").fetchall()
    return _assemble(lists, connection.execute(f"{_CATEGORIES} ORDER BY category"))


def _assemble(
    lists: Iterable[Sequence[Any]], categories: Iterable[Sequence[Any]]
) -> dict[int, ContentList]:
    """Return lists by their rows, made of rows as `_LISTS` and `_CATEGORIES` give them."""
    found = {}
    for row, name, provenance, licence, use, share, weak, version, at in lists:
        terms = Terms(name, Provenance(provenance), licence, bool(use), bool(share), bool(weak))
        found[row] = ContentList(terms, version, at, {}, {}, row, {})
    for row, category, trust, entries, number in categories:
        found[row].ids[category] = number
        if trust is not None:
            found[row].trusts[category] = Trust(trust)
        if entries:
            found[row].entries[category] = entries
    return found


def list_id(connection: Connection, name: str) -> int:
    """Return the row of the list of this name.

    Raises:
        LookupError: there is none.
    """
    row = connection.execute("SELECT id FROM lists WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise LookupError("there is no list of this name")
    return int(row[0])


def list_named(connection: Connection, name: str) -> ContentList:
    """Return the list of this name.

    Raises:
        LookupError: there is none.
    """
    known = find_list(connection, name)
    if known is None:
        raise LookupError("there is no list of this name")
    return known


def find_list(connection: Connection, name: str) -> ContentList | None:
    """Return the list of this name, if there is one."""
    lists = connection.execute(f"{_LISTS} WHERE name = ?", (name,)).fetchall()
    if not lists:
        return None
    sql = f"{_CATEGORIES} WHERE list = ? ORDER BY category"
    (found,) = _assemble(lists, connection.execute(sql, (lists[0][0],))).values()
    return found


def keep_terms(
    connection: Connection, terms: Terms, trusts: Mapping[str, Trust], now_ms: int
) -> None:
    """Make a list, or change the terms of the one of this name.

    `trusts` says of some categories how far they are followed; the others stay as they were. Items
    are asked again about the entries that count for more or less by it.
    """
    before = _counting(connection, terms.name)
    known = connection.execute("SELECT id FROM lists WHERE name = ?", (terms.name,)).fetchone()
    said = (terms.provenance.value, terms.license, *map(int, _flags(terms)), now_ms)
    if known is None:
        number = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM lists").fetchone()[0]
        connection.execute(
            "INSERT INTO lists (id, name, provenance, license, may_use, may_share, weak,"
            " changed_ms, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)",
            (number, terms.name, *said),
        )
    else:
        number = known[0]
        connection.execute(
            "UPDATE lists SET provenance = ?, license = ?, may_use = ?, may_share = ?, weak = ?,"
            " changed_ms = ? WHERE id = ?",
            (*said, number),
        )
    ids = category_ids(connection, number, trusts)
    connection.executemany(
        "UPDATE list_categories SET trust = ? WHERE id = ?",
        [(str(trust), ids[category]) for category, trust in trusts.items()],
    )
    after = _counting(connection, terms.name) if before else {}
    match_again(connection, [one for one, counts in before.items() if after[one] != counts])


def _counting(connection: Connection, name: str) -> dict[int, tuple[object, ...]]:
    """Return of the categories of a list that have entries what says how far these count."""
    known = find_list(connection, name)
    if known is None or not known.entries:
        return {}
    terms = (known.terms.provenance, known.terms.may_use, known.terms.trusts_weak)
    ids = category_ids(connection, list_id(connection, name), ())
    return {ids[one]: (trust_of(known.trusts, one), *terms) for one in known.entries}


def min_bytes_of(connection: Connection) -> int:
    """Return from which size of a file on lists count unseen, as items were asked last."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (_LEAST,)).fetchone()
    return MIN_BYTES if row is None else int(row[0])


def keep_min_bytes(connection: Connection, min_bytes: int) -> None:
    """Keep from which size of a file on lists count unseen; if it is another, items are asked."""
    if min_bytes == min_bytes_of(connection):
        return
    sql = "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)"
    connection.execute(sql, (_LEAST, str(min_bytes)))
    sql = "SELECT id FROM list_categories WHERE entries > 0"
    match_again(connection, [row[0] for row in connection.execute(sql)])


def change_terms(
    connection: Connection,
    name: str,
    change: Callable[[Terms | None], Terms | None],
    trusts: Mapping[str, Trust],
    now_ms: int,
) -> None:
    """Make a list, or change it, from the terms that it has: None of none; None stays as it is."""
    known = find_list(connection, name)
    terms = change(None if known is None else known.terms)
    if terms is not None:
        keep_terms(connection, terms, trusts, now_ms)


def _flags(terms: Terms) -> tuple[bool, bool, bool]:
    return terms.may_use, terms.may_share, terms.trusts_weak


def category_ids(connection: Connection, number: int, wanted: Iterable[str]) -> dict[str, int]:
    """Return the ids of all categories of a list, those wanted made where they are missing.

    Raises:
        TooManyCategoriesError
    """
    sql = "SELECT category, id FROM list_categories WHERE list = ?"
    ids = dict(connection.execute(sql, (number,)).fetchall())
    missing = sorted({*wanted} - ids.keys())
    if len(ids) + len(missing) > MAX_CATEGORIES:
        raise TooManyCategoriesError(TooManyCategoriesError.__doc__)
    if missing:
        last = "SELECT coalesce(max(id), 0) FROM list_categories"
        first = connection.execute(last).fetchone()[0] + 1
        for at, category in enumerate(missing, first):
            ids[category] = at
            connection.execute(
                "INSERT INTO list_categories (id, list, category, trust, entries)"
                " VALUES (?, ?, ?, NULL, 0)",
                (at, number, category),
            )
    return ids


def imported(connection: Connection, into: str, file: bytes, version: int) -> tuple[int, bool]:
    """Return how many entries of a file were taken into a list, and whether that is all of it."""
    row = connection.execute(
        "SELECT entries, done_ms FROM list_imports WHERE list = ? AND file = ? AND version = ?",
        (list_id(connection, into), file, version),
    ).fetchone()
    return (0, False) if row is None else (row[0], row[1] is not None)


def note_imported(
    connection: Connection, into: str, file: bytes, version: int, entries: int, done_ms: int | None
) -> None:
    """Note how far a file has been taken into a list, with the entries of which that is so."""
    connection.execute(
        "INSERT OR REPLACE INTO list_imports (list, file, version, entries, done_ms)"
        " VALUES (?, ?, ?, ?, ?)",
        (list_id(connection, into), file, version, entries, done_ms),
    )


def entries_of(connection: Connection, name: str) -> Iterator[tuple[int, Entry]]:
    """Yield what stands in a list, in the order it came: version and entry."""
    sql = (
        "SELECT e.version, e.state FROM list_entries e JOIN list_categories c ON c.id = e.category"
        " WHERE c.list = ? ORDER BY e.number"
    )
    for version, state in stream(connection, sql, (list_id(connection, name),)):
        yield version, decode_entry(state)


def read_entries(connection: Connection, numbers: Iterable[int]) -> dict[int, tuple[int, Entry]]:
    """Return version and entry of these numbers, as far as they stand."""
    rows = select_in(connection, _ENTRIES, sorted(set(numbers)))
    return {number: (version, decode_entry(state)) for number, version, state, _ in rows}


def read_listed(connection: Connection, numbers: Iterable[int]) -> dict[int, Listed]:
    """Return the entries of these numbers as they stand, with their lists, by number."""
    wanted = sorted(set(numbers))
    if not wanted:
        return {}
    rows = list(select_in(connection, _ENTRIES, wanted))
    lists = _by_category(connection, {category for *_, category in rows})
    found = {}
    for number, version, state, category in rows:
        here, entry = lists[category], decode_entry(state)
        trust = trust_of(here.trusts, entry.category)
        found[number] = Listed(number, here.terms, version, entry, trust)
    return found


def _by_category(connection: Connection, wanted: Iterable[int]) -> dict[int, ContentList]:
    """Return the list of each of these categories, by the number of the category.

    Each member that tells its verdicts has a list: no other is read than those that are asked for.
    """
    sql = "SELECT id, list FROM list_categories WHERE id IN ({})"
    of = dict(select_in(connection, sql, sorted(wanted)))
    rows = sorted(set(of.values()))
    lists = select_in(connection, f"{_LISTS} WHERE id IN ({{}})", rows)
    sql = f"{_CATEGORIES} WHERE list IN ({{}}) ORDER BY category"
    found = _assemble(lists, select_in(connection, sql, rows))
    return {category: found[row] for category, row in of.items()}


def categories_where(connection: Connection, counts: Callable[[Terms, Trust], bool]) -> set[int]:
    """Return the numbers of the categories that count, by their list's terms and their trust."""
    lists = lists_by_id(connection)
    sql = "SELECT id, list, category FROM list_categories"
    found = ((number, lists[row], name) for number, row, name in connection.execute(sql))
    return {
        number for number, here, name in found if counts(here.terms, trust_of(here.trusts, name))
    }


def keys_in(joined: bytes) -> list[bytes]:
    """Cut the keys of an ended entry apart."""
    return [joined[at : at + BYTES] for at in range(0, len(joined), BYTES)]


def trust_of(trusts: Mapping[str, Trust], category: str) -> Trust:
    """How far a category is followed: as was said of it, else of all, else not at all."""
    return trusts.get(category, trusts.get(ANY, Trust.NONE))


def version_of(connection: Connection, into: str, file: bytes) -> int | None:
    """Return the version as which a file was taken into a list last; None: never."""
    sql = "SELECT max(version) FROM list_imports WHERE list = ? AND file = ?"
    found: int | None = connection.execute(sql, (list_id(connection, into), file)).fetchone()[0]
    return found


def newest_of_others(connection: Connection, into: str, file: bytes) -> int:
    """Return the newest version as which any other file came into a list; 0: none did."""
    sql = "SELECT coalesce(max(version), 0) FROM list_imports WHERE list = ? AND file <> ?"
    return int(connection.execute(sql, (list_id(connection, into), file)).fetchone()[0])


def of_one_file(connection: Connection) -> list[tuple[str, ...]]:
    """Return which lists the very same file was taken into, to its end; each such set once."""
    sql = (
        "SELECT DISTINCT i.file, l.name FROM list_imports i JOIN lists l ON l.id = i.list"
        " WHERE i.done_ms IS NOT NULL AND i.file IN (SELECT file FROM list_imports"
        " WHERE done_ms IS NOT NULL GROUP BY file HAVING count(DISTINCT list) > 1)"
    )
    names: defaultdict[bytes, list[str]] = defaultdict(list)
    for file, name in connection.execute(sql):
        names[bytes(file)].append(name)
    return sorted({tuple(sorted(some)) for some in names.values()})


def retracted(connection: Connection, name: str) -> tuple[int, bool]:
    """Return how many keys of a list are taken back, and whether an import of it is unfinished."""
    sql = (
        "SELECT (SELECT count(*) FROM list_tombstones WHERE list = ?),"
        " (SELECT count(*) FROM list_imports WHERE list = ? AND done_ms IS NULL)"
    )
    row = list_id(connection, name)
    keys, unfinished = connection.execute(sql, (row, row)).fetchone()
    return int(keys), bool(unfinished)


def forget_ended(connection: Connection, entries: Iterable[int]) -> None:
    """Note of entries that ended that nothing follows from them any more."""
    connection.executemany(
        "UPDATE list_ended SET keys = NULL WHERE entry = ?", [(entry,) for entry in entries]
    )
