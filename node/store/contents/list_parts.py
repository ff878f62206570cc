"""A piece of a file goes into its list, with how far the file has come.

Part of the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from node.matching.fingerprints import Fingerprints
from node.matching.lists import Entry, Retraction, Settled
from node.store.contents.list_taking import take_in
from node.store.contents.lists import newest_of_others, note_imported
from node.store.seam import Connection


class Part(NamedTuple):
    """Of a file (by its SHA-256), so many entries have come into a list, as one version of it."""

    into: str
    file: bytes
    version: int
    entries: int
    now_ms: int
    done_ms: int | None


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
