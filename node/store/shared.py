"""What this member's people say of contents to all (docs/protocol.md §6.6), as it stands now.

It outlives the items that it was said of, which retention erases: so it can be taken back by its id
alone, and told to whoever comes later. What was taken back stays known as that, without its files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from node.casework.events import EventKind
from node.casework.introducing import START, Behind, Place
from node.casework.working import Given
from node.ids import time_of
from node.store.recovered import was_lost
from node.store.seam import Connection
from node.store.writer import Readers, Writer
from protocol.facts import Assessment
from protocol.messages import Message
from protocol.verdicts import ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import Lane, Urgency

_ASSESSED: Final = int(EventKind.ASSESSED)
_GIVEN: Final = f"SELECT item, body FROM events WHERE kind = {_ASSESSED} AND body IS NOT NULL"  # noqa: S608 -- own number
_said: Final = msgspec.msgpack.Decoder(ContentVerdict)
_given: Final = msgspec.msgpack.Decoder(Assessment)


class Shared:
    """Implements `node.casework.introducing.SharedStore`."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def behind(self, listeners: Sequence[str], limit: int) -> Behind | None:
        """See `SharedStore.behind`."""

        def query(connection: Connection) -> tuple[Behind | None, set[str]]:
            rows = connection.execute("SELECT peer, event_id, part FROM shared_to").fetchall()
            told = {peer: None if after is None else (after, part) for peer, after, part in rows}
            late = {one: told.get(one, START) for one in listeners}
            open_still = ((one, place) for one, place in late.items() if place is not None)
            found = (Behind(*one) for one in open_still if _has_room(connection, one[0], limit))
            return next(found, None), told.keys() - late.keys()

        found, gone = await self._readers.run(query)
        if gone:
            await self._writer.run(lambda c: _forget(c, gone))
        return found

    async def standing(self, after: Place, limit: int) -> list[ContentVerdict]:
        """See `SharedStore.standing`."""
        rows = await self._readers.run(
            lambda c: c.execute(
                "SELECT message FROM shared_verdicts WHERE (event_id, part) > (?, ?)"
                " AND message IS NOT NULL ORDER BY event_id, part LIMIT ?",
                (*after, limit),
            ).fetchall()
        )
        return [_said.decode(raw) for (raw,) in rows]

    async def note(self, peer: str, told: Place | None) -> None:
        """See `SharedStore.note`."""
        event_id, part = (None, 0) if told is None else told

        def job(connection: Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO shared_to (peer, event_id, part) VALUES (?, ?, ?)",
                (peer, event_id, part),
            )

        await self._writer.run(job)


def keep_shared(connection: Connection, said: Iterable[Message]) -> None:
    """Keep what all are told, in this order: the fuller of two, and nothing that is taken back."""
    for one in said:
        if isinstance(one, ContentVerdictWithdrawn):
            sql = "DELETE FROM shared_verdicts WHERE event_id = ?"
            connection.execute(sql, (one.event_id,))
            _keep(connection, one.event_id, 0, None)
        elif isinstance(one, ContentVerdict):
            _keep_said(connection, one)


def _keep_said(connection: Connection, one: ContentVerdict) -> None:
    event_id = one.assessment.event_id
    known = dict(_known(connection, event_id))
    before = known.get(one.part)
    fuller = before is None or _said.decode(before).fullness < one.fullness
    if None not in known.values() and fuller:
        _keep(connection, event_id, one.part, msgspec.msgpack.encode(one))


def given(connection: Connection, event_id: str) -> Given:
    """Return what is known here of a verdict of ours, by its id."""
    known = _known(connection, event_id)
    said = tuple(_said.decode(raw).content for _, raw in known if raw is not None)
    is_gone = any(raw is None for _, raw in known)
    items = _items(connection, event_id, " AND learnt_ms = ?", (time_of(event_id),))
    if not items and was_lost(connection):  # then it was learnt when it came back
        items = _items(connection, event_id)
    return Given(said, tuple(items), is_gone)


def _items(
    connection: Connection, event_id: str, when: str = "", values: tuple[int, ...] = ()
) -> list[str]:
    rows = connection.execute(_GIVEN + when, values)
    return sorted({item for item, body in rows if _given.decode(body).event_id == event_id})


def _known(connection: Connection, event_id: str) -> list[tuple[int, bytes | None]]:
    sql = "SELECT part, message FROM shared_verdicts WHERE event_id = ? ORDER BY part"
    return [(row[0], row[1]) for row in connection.execute(sql, (event_id,))]


def _keep(connection: Connection, event_id: str, part: int, message: bytes | None) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO shared_verdicts (event_id, part, message) VALUES (?, ?, ?)",
        (event_id, part, message),
    )


def _has_room(connection: Connection, peer: str, limit: int) -> bool:
    """Whether less than `limit` of such waits for a member: who is away gets it bit by bit."""
    rows = connection.execute(
        "SELECT 1 FROM waiting_out WHERE peer = ? AND lane = ? AND urgency = ? LIMIT ?",
        (peer, str(Lane.BULK), int(Urgency.BULK), limit),
    ).fetchall()
    return len(rows) < limit


def _forget(connection: Connection, peers: Iterable[str]) -> None:
    sql = "DELETE FROM shared_to WHERE peer = ?"
    connection.executemany(sql, [(peer,) for peer in sorted(peers)])
