"""Which items the entries are about that an answer of a crowd cites (docs/protocol.md §10.4).

A peer cites entries of ours by place and leaf. They stand in our logs at just that place, unless
this database was restored or the node was rebuilt: then the place may be one that is forgotten, and
the same entry, with the same leaf, stands elsewhere or waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from node.casework.casebook import Loaded, Needs
from node.casework.naming import Citation
from node.store.bulk import select_in
from node.store.seam import Connection
from protocol import entry as entries
from protocol.dispositions import Dispositions
from protocol.errors import ProtocolError
from protocol.messages import read
from protocol.vocabulary import Kind, Lane

Place = tuple[str, str, str, bytes, int]
"""Of an entry: `sent` or `held`, peer, lane, epoch, index."""


_CITED = (
    "SELECT l.idx, l.leaf, m.item, EXISTS (SELECT 1 FROM items i WHERE i.id = m.item"  # noqa: S608 - own words
    f" AND m.kind = {int(Kind.ITEM)} AND i.custody = 'handed_on' AND i.responsible = l.peer)"
    " FROM log_out l JOIN messages_out m ON m.seq = l.message"
    " WHERE l.peer = ? AND l.lane = ? AND l.epoch = ? AND l.idx IN ({})"
)


def load_cited(connection: Connection, needs: Needs, loaded: Loaded) -> set[str]:
    """Find the items of cited entries; return those of which the state must be loaded.

    The others are with the member that answers, by the very entry that it cites, and learn nothing
    but their answer: neither their state nor their row is looked at.
    """
    whole: set[str] = set()
    for citation in needs.cited:
        peer = citation.peer
        for leaf, (item, is_there) in _placed(connection, citation).items():
            loaded.cited[peer, leaf] = item
            if citation.plain and is_there:
                loaded.answered.add((peer, item))
            else:
                whole.add(item)
    loaded.answered = {one for one in loaded.answered if one[1] not in whole}
    return whole


def _placed(connection: Connection, citation: Citation) -> dict[bytes, tuple[str, bool]]:
    """Return the items of cited entries by leaf, and whether each is there where it was sent."""
    peer, lane, epoch = citation.peer, citation.lane, citation.epoch
    leaves = {one.index: one.leaf for one in citation.cited}
    rows = select_in(connection, _CITED, leaves, (peer, str(lane), epoch))
    items = {
        leaf: (item, bool(there))
        for index, leaf, item, there in rows
        if item and leaves[index] == leaf
    }
    lacking = [leaf for leaf in leaves.values() if leaf not in items]
    if lacking and _was_restored(connection):
        found = _elsewhere(connection, peer, lane, lacking)
        items |= {leaf: (item, False) for leaf, item in found.items()}
    return items


def _was_restored(connection: Connection) -> bool:
    row = connection.execute("SELECT 1 FROM meta WHERE name = 'restored_ms'").fetchone()
    return row is not None


def _elsewhere(
    connection: Connection, peer: str, lane: Lane, lacking: Sequence[bytes]
) -> dict[bytes, str]:
    """Look for the leaves where a database that was set back has the same entries."""
    items: dict[bytes, str] = {}
    for table in ("log_out", "recovered_entries"):
        sql = (
            f"SELECT t.leaf, m.item FROM {table} t JOIN messages_out m ON m.seq = t.message"  # noqa: S608
            " WHERE t.peer = ? AND t.lane = ? AND m.item IS NOT NULL AND t.leaf IN ({})"
        )
        items.update(select_in(connection, sql, lacking, (peer, str(lane))))
    wanted = set(lacking) - items.keys()
    waiting = connection.execute(
        "SELECT m.entry, m.item FROM waiting_out w JOIN messages_out m ON m.seq = w.message"
        " WHERE w.peer = ? AND w.lane = ? AND m.item IS NOT NULL AND m.entry IS NOT NULL",
        (peer, str(lane)),
    )
    items.update((leaf, item) for raw, item in waiting if (leaf := entries.leaf(raw)) in wanted)
    return items


def answers_to(connection: Connection, places: Iterable[Place]) -> list[Place]:
    """Return where the answers of crowds stand that cite entries at these places."""
    found = []
    for direction, peer, lane, epoch, index in places:
        back = _held(connection, peer) if direction == "sent" else _sent(connection, peer)
        for place, raw in back:
            message = _read(raw)
            if message is None or (message.origin_lane, message.origin_epoch) != (lane, epoch):
                continue
            if any(one.index == index for one in message.cited):
                found.append(place)
    return found


def _held(connection: Connection, peer: str) -> Iterator[tuple[Place, bytes]]:
    for row in connection.execute(
        "SELECT epoch, idx, entry FROM entries_in WHERE peer = ? AND lane = 'status'"
        " AND item IS NULL AND entry IS NOT NULL",
        (peer,),
    ):
        yield ("held", peer, "status", row[0], row[1]), row[2]


def _sent(connection: Connection, peer: str) -> Iterator[tuple[Place, bytes]]:
    for row in connection.execute(
        "SELECT l.epoch, l.idx, m.entry FROM log_out l JOIN messages_out m ON m.seq = l.message"
        " WHERE l.peer = ? AND l.lane = 'status' AND m.kind = ? AND m.entry IS NOT NULL",
        (peer, int(Kind.DISPOSITIONS)),
    ):
        yield ("sent", peer, "status", row[0], row[1]), row[2]


def _read(raw: bytes) -> Dispositions | None:
    try:
        _, message = read(raw)
    except ProtocolError:
        return None
    return message if isinstance(message, Dispositions) else None


def answered(connection: Connection, peer: str, message: Dispositions) -> list[str]:
    """Return the items that an answer of `peer` to a crowd is about."""
    citation = Citation(peer, message.origin_lane, message.origin_epoch, message.cited)
    return [item for item, _ in _placed(connection, citation).values()]
