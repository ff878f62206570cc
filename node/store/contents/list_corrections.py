"""What stands in a list under other names, and may be a file of which something new is said.

Part of the caller's transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from node.matching.lists import Standing
from node.store.bulk import select_in
from node.store.contents.lists import category_ids, read_entries
from node.store.seam import Connection

_BY_KEY = "SELECT key, entry, category FROM list_keys WHERE key IN ({})"
_OTHER_VERSIONS = (
    "SELECT 1 FROM lists WHERE id = ? AND version NOT IN (0, ?) UNION ALL"
    " SELECT 1 FROM list_imports WHERE list = ? AND version <> ? LIMIT 1"
)


def beside(
    connection: Connection, row: int, version: int, asked: Iterable[tuple[bytes, bytes]]
) -> list[tuple[bytes, Standing]]:
    """Return which entries of a list have these keys, each asked for by a name.

    Nothing is looked for while all of the list is of this version: each key is a page of a tree
    that may be larger than memory, and a list comes in whole before it is corrected.
    """
    if connection.execute(_OTHER_VERSIONS, (row, version, row, version)).fetchone() is None:
        return []
    wanted: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for name, key in asked:
        wanted[key].append(name)
    categories = set(category_ids(connection, row, ()).values())
    rows = select_in(connection, _BY_KEY, sorted(wanted))
    found = [(bytes(key), entry) for key, entry, category in rows if category in categories]
    read = read_entries(connection, {entry for _, entry in found})
    pairs = dict.fromkeys((name, entry) for key, entry in found for name in wanted[key])
    return [(name, Standing(entry, *read[entry])) for name, entry in pairs if entry in read]
