"""What a peer says in a recovery that it erased, and whether it had said so before.

Who erases an item tells every member that told of it (docs/protocol.md §8.8.3), with the very time
of the erasure (§8.8.6), in its own signed log; and a member that lost its node is told it again. Of
which item an entry of ours on the reports lane was, the peer's answer to it says, or its id, which
we alone can make. So a place that comes back as erased and is of no item that its peer says it
erased by then is one that the peer keeps back: a person asks (§8.13.6). News on the status lane is
not answered, and bears ids of events that are lost with it: there the time must be one of a word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cached_property

from node.store.seam import Connection
from protocol.errors import ProtocolError
from protocol.messages import DispositionNote, Outcome, read
from protocol.vocabulary import Disposition, Lane, OutcomeWhat

_REFUSED = frozenset(
    {
        Disposition.MALFORMED,
        Disposition.NOT_PERMITTED,
        Disposition.CONFLICT,
        Disposition.UNKNOWN_KIND,
        Disposition.UNKNOWN_VERSION,
    }
)
ItemIds = Callable[[str, str], Iterable[bytes]]
"""The ids that our hand-overs of an item (first) to a member (second) can have."""


def without_word(connection: Connection, item_ids: ItemIds) -> dict[str, int]:
    """Return how many places came back as erased without a word, by channel (`peer/lane`)."""
    found: Counter[str] = Counter()
    words: dict[str, _Words] = {}
    for peer, lane, at_ms, leaf, entry_id in connection.execute(
        "SELECT peer, lane, at_ms, leaf, entry_id FROM recovered_entries"
        " WHERE kind IS NULL AND length(entry_id) > 0"
    ).fetchall():
        if peer not in words:
            words[peer] = _Words(connection, peer, item_ids)
        if not words[peer].explain(lane, at_ms, leaf, entry_id):
            found[f"{peer}/{lane}"] += 1
    return dict(found)


class _Words:
    """What one peer told us of its erasures, and of which items our entries were."""

    def __init__(self, connection: Connection, peer: str, item_ids: ItemIds) -> None:
        self._peer = peer
        self._item_ids = item_ids
        self._times: set[int] = set()
        self._erased: dict[str, int] = {}
        """When it erased an item for the first time (ms UTC)."""
        self._answered: dict[bytes, str | None] = {}
        """By leaf, the item that it answered about."""
        self._refused: set[bytes] = set()
        """Leaves of what it answered as of no use: it keeps that for a time only (§8.8.7)."""
        for (entry,) in connection.execute(
            "SELECT entry FROM entries_in WHERE peer = ? AND lane = ? AND entry IS NOT NULL",
            (peer, str(Lane.STATUS)),
        ):
            self._hear(entry)

    def _hear(self, entry: bytes) -> None:
        try:
            message = read(entry)[1]
        except ProtocolError:
            return
        if isinstance(message, DispositionNote):
            self._answered[message.leaf] = message.item_id
            if message.disposition in _REFUSED:
                self._refused.add(message.leaf)
        elif isinstance(message, Outcome) and message.what is OutcomeWhat.ERASED:
            self._times.add(message.at_ms)
            before = self._erased.get(message.item_id, message.at_ms)
            self._erased[message.item_id] = min(before, message.at_ms)

    @cached_property
    def _handed(self) -> dict[bytes, str]:
        """The items that it erased, by the ids that our hand-overs of them can have."""
        return {one: item for item in self._erased for one in self._item_ids(item, self._peer)}

    def explain(self, lane: str, at_ms: int, leaf: bytes, entry_id: bytes) -> bool:
        """Whether a word of this peer is about the entry that it says it erased then."""
        if leaf in self._refused:
            return True
        if lane == Lane.STATUS:
            return at_ms in self._times
        item = self._answered.get(leaf) or self._handed.get(entry_id)
        return item is not None and self._erased.get(item, at_ms + 1) <= at_ms
