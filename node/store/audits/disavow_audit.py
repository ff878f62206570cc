"""Raw rows for the verification of what was disavowed, here and by others (protocol §8.15)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from node.store.bulk import stream
from node.store.recovery.disavowing import Place, fits
from node.store.seam import Connection
from protocol.disavowal import Disavow
from protocol.errors import ProtocolError
from protocol.messages import read
from protocol.vocabulary import Kind

_HEADS = (bytes((0x95, 1, Kind.DISAVOW)),)
"""How an entry begins that disavows: an array of five, version and kind."""


class DisavowedRow(NamedTuple):
    """One range of another member's log that it disavows, and the row in which it says so."""

    entry: int
    peer: str
    lane: str
    epoch: bytes
    first: int
    size: int


class DisavowAudit:
    """Reads what was disavowed, on the connection of an audit."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def kept(self) -> list[DisavowedRow]:
        """What is kept as disavowed."""
        rows = self._connection.execute("SELECT * FROM disavowed_in ORDER BY entry")
        return [DisavowedRow(*row) for row in rows]

    def follows(self) -> list[DisavowedRow]:
        """What must be kept, by the entries in custody that were judged."""
        found: list[DisavowedRow] = []
        for seq, place, message in self._judged():
            if fits(self._connection, place, message):
                row = DisavowedRow(seq, *place[:2], message.epoch, message.start, message.end)
                found = [one for one in found if not self._stands_in(one.entry, row)]
                found.append(row)
        return found

    def _judged(self) -> Iterator[tuple[int, Place, Disavow]]:
        # On a server an entry is sealed: what it begins with is known once it is read.
        for seq, *place, entry in stream(
            self._connection,
            "SELECT seq, peer, lane, epoch, idx, entry FROM entries_in"
            " WHERE judged = 1 AND answer IS NULL AND item IS NULL AND entry IS NOT NULL"
            " ORDER BY seq",
        ):
            message = _read(entry) if entry[:3] in _HEADS else None
            if message is not None:
                yield seq, Place(*place), message

    def _stands_in(self, entry: int, row: DisavowedRow) -> bool:
        found = self._connection.execute(
            "SELECT 1 FROM entries_in WHERE seq = ? AND peer = ? AND lane = ? AND epoch = ?"
            " AND idx >= ? AND idx < ?",
            (entry, *row[1:]),
        ).fetchone()
        return found is not None

    def entries(self) -> int:
        """How many entries in custody are disavowed, and were not said again."""
        sql = "SELECT count(DISTINCT seq) FROM disavowed_entries"
        return int(self._connection.execute(sql).fetchone()[0])

    def sent(self) -> list[tuple[str, str, Disavow]]:
        """What we said ourselves: peer, lane, and what we disavowed there."""
        rows = self._connection.execute(
            "SELECT peer, lane, entry FROM messages_out WHERE kind = ? ORDER BY seq",
            (int(Kind.DISAVOW),),
        )
        read_rows = [(peer, lane, _read(entry)) for peer, lane, entry in rows]
        return [(peer, lane, said) for peer, lane, said in read_rows if said is not None]


def _read(entry: bytes) -> Disavow | None:
    try:
        message = read(entry)[1]
    except ProtocolError:
        return None
    return message if isinstance(message, Disavow) else None
