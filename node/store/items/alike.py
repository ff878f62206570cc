"""Loads items by id, and those that have a file in common with others, by whatever hash of it."""

from __future__ import annotations

from collections.abc import Iterable

from node.casework.casebook import Loaded, Needs
from node.matching.fingerprints import Fingerprints, content_keys
from node.store.bulk import select_in
from node.store.delta import Delta
from node.store.items.states import STATES_BY_ID, states
from node.store.recent import Recent
from node.store.seam import Connection


def load_alike(
    connection: Connection,
    needs: Needs,
    loaded: Loaded,
    recent: Recent,
    by_key: Delta,
    fingerprints: Fingerprints,
) -> set[bytes]:
    """Read the items with a content of those in `needs.alike` or `alike_by`, by whatever hash.

    Returns their keys: what has one hash of a file may name another, by which others have it.
    """
    fresh: set[bytes] = set()
    for name in needs.alike.union(*(loaded.by_key.get(key, ()) for key in needs.alike_by)):
        ids = [name, *loaded.by_key.get(needs.named.get(name, b""), ())]
        state = next((loaded.items[one] for one in ids if one in loaded.items), None)
        if state is not None:
            fresh.update(content_keys(fingerprints, state.content))
    keys: set[bytes] = set()
    while fresh:
        note_found(loaded, by_key.find(connection, fresh - loaded.by_key.keys()))
        wanted = {item for key in fresh for item in loaded.by_key.get(key, ())}
        load_items(connection, loaded, wanted, recent)
        keys |= fresh
        files = {
            file for one in wanted if one in loaded.items for file in loaded.items[one].content
        }
        named = (set(content_keys(fingerprints, (file,))) for file in files)
        fresh = {key for of_file in named if of_file & keys for key in of_file - keys}
    return keys


def note_found(loaded: Loaded, rows: Iterable[tuple[bytes, str]]) -> None:
    """Note to which items keys lead, each once; one file may stand at very many places."""
    for key, item in dict.fromkeys((key, item) for key, item in rows):
        loaded.by_key.setdefault(key, []).append(item)


def load_items(connection: Connection, loaded: Loaded, ids: Iterable[str], recent: Recent) -> None:
    """Read the items with these ids, as far as they are neither loaded nor among the `recent`."""
    missing = []
    for item in ids:
        if item not in loaded.items:
            known = recent.get(item)
            if known is None:
                missing.append(item)
            else:
                loaded.items[item] = known
    loaded.items.update(states(select_in(connection, STATES_BY_ID, missing)))
