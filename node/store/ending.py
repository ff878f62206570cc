"""What members say of items that they erased before they came (protocol §8.8, §10.3).

Such an entry would wait for ever. It ends when the log of that member's `reports` lane says, by a
`Tombstone`, that the item was erased: an epoch that has it was opened after the erasure, and closed
all pushes that could still have brought the item.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from node.casework.casebook import Loaded, Needs
from node.casework.events import EventKind
from node.casework.mass import waiting_of
from node.casework.receiving import Judged
from node.store.bulk import select_in
from node.store.seam import Connection
from protocol.errors import ProtocolError
from protocol.messages import Tombstone, read
from protocol.vocabulary import Kind, Lane


def load_ends(connection: Connection, needs: Needs, loaded: Loaded) -> None:
    """Find which of `needs.ends` speak of an item that is not here and has ended, or may have."""
    unknown = {
        one
        for one in needs.ends
        if one[0] not in loaded.items and needs.named[one[0]] not in loaded.by_key
    }
    if not unknown:
        return
    sql = "SELECT item, actor FROM events WHERE kind = ? AND item IN ({})"
    items = {item for item, _ in unknown}
    said = set(select_in(connection, sql, items, (int(EventKind.ERASED_THERE),)))
    loaded.ended = unknown & said
    loaded.entombed = frozenset(_entombed(connection, {peer for _, peer in unknown}))


def _entombed(connection: Connection, peers: Iterable[str]) -> Iterable[tuple[str, int]]:
    """When members erased items that they had not handed over, by the tombstones in their logs."""
    for peer in peers:
        for (entry,) in connection.execute(
            "SELECT entry FROM entries_in WHERE peer = ? AND lane = 'reports' AND judged = 1"
            " AND answer IS NULL AND entry IS NOT NULL",
            (peer,),
        ):
            try:
                _, message = read(entry)
            except ProtocolError:
                continue
            if isinstance(message, Tombstone) and message.entry_kind == Kind.ITEM:
                yield peer, message.erased_ms


def wake_ended(connection: Connection, ended: Sequence[tuple[str, str]]) -> None:
    """Let be judged what these members said of these items, which will not come."""
    connection.executemany(
        "UPDATE entries_in SET judged = 0, waits_for = NULL"
        " WHERE judged = ? AND waits_for = ? AND peer = ?",
        [(int(Judged.PARKED), *one) for one in ended],
    )


def wake_entombed(connection: Connection, peer: str, lane: Lane) -> None:
    """A tombstone has come: what waits for an item of this member may be at its end."""
    if lane is Lane.REPORTS:
        connection.execute(
            "UPDATE entries_in SET judged = 0, waits_for = NULL"
            " WHERE judged = ? AND peer = ? AND waits_for <> ?",
            (int(Judged.PARKED), peer, waiting_of(peer)),
        )
