"""What this member's people say of contents to all (docs/protocol.md §6.6), as it stands now.

It outlives the items that it was said of, which retention erases: so it can be taken back by its id
alone, and told to whoever comes later. What was taken back stays known as that, without its files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from node.casework.contents.introducing import START, Behind, Place
from node.casework.events import EventKind
from node.casework.working import Given
from node.ids import time_of
from node.store.bulk import insert_rows, select_in
from node.store.recovery.said import was_lost
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
    """Implements `node.casework.contents.introducing.SharedStore`."""

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
    words = [one for one in said if isinstance(one, ContentVerdict | ContentVerdictWithdrawn)]
    known = _known(connection, {_id_of(one) for one in words})
    kept: dict[tuple[str, int], bytes | None] = {}
    for one in words:
        event_id = _id_of(one)
        here = known.setdefault(event_id, {})
        if isinstance(one, ContentVerdictWithdrawn):
            here.clear()
            here[0] = kept[event_id, 0] = None
        elif None not in here.values() and _is_fuller(one, here.get(one.part)):
            here[one.part] = kept[event_id, one.part] = msgspec.msgpack.encode(one)
    gone = sorted({event_id for (event_id, _), raw in kept.items() if raw is None})
    sql = "DELETE FROM shared_verdicts WHERE event_id = ?"
    connection.executemany(sql, [(event_id,) for event_id in gone])
    insert_rows(
        connection,
        "INSERT OR REPLACE INTO shared_verdicts (event_id, part, message)",
        [
            (event_id, part, known[event_id][part])
            for event_id, part in kept
            if part in known[event_id]
        ],
    )


def _id_of(one: ContentVerdict | ContentVerdictWithdrawn) -> str:
    return one.event_id if isinstance(one, ContentVerdictWithdrawn) else one.assessment.event_id


def _is_fuller(one: ContentVerdict, before: bytes | None) -> bool:
    return before is None or _said.decode(before).fullness < one.fullness


def given(connection: Connection, event_id: str) -> Given:
    """Return what is known here of a verdict of ours, by its id."""
    known = _known(connection, {event_id}).get(event_id, {})
    said = tuple(_said.decode(raw).content for _, raw in sorted(known.items()) if raw is not None)
    is_gone = None in known.values()
    items = _items(connection, event_id, " AND learnt_ms = ?", (time_of(event_id),))
    if not items and was_lost(connection):  # then it was learnt when it came back
        items = _items(connection, event_id)
    return Given(said, tuple(items), is_gone)


def _items(
    connection: Connection, event_id: str, when: str = "", values: tuple[int, ...] = ()
) -> list[str]:
    rows = connection.execute(_GIVEN + when, values)
    return sorted({item for item, body in rows if _given.decode(body).event_id == event_id})


def _known(connection: Connection, event_ids: set[str]) -> dict[str, dict[int, bytes | None]]:
    """What is kept of these verdicts, by id and file."""
    sql = "SELECT event_id, part, message FROM shared_verdicts WHERE event_id IN ({})"
    found: dict[str, dict[int, bytes | None]] = {}
    for event_id, part, raw in select_in(connection, sql, sorted(event_ids)):
        found.setdefault(event_id, {})[part] = raw
    return found


def _has_room(connection: Connection, peer: str, limit: int) -> bool:
    """Whether less than `limit` of such waits for a member: who is away gets it bit by bit."""
    rows = connection.execute(
        "SELECT 1 FROM waiting_out WHERE peer = ? AND lane = ? AND urgency <= ? LIMIT ?",
        (peer, str(Lane.BULK), int(Urgency.BULK), limit),
    ).fetchall()
    return len(rows) < limit


def _forget(connection: Connection, peers: Iterable[str]) -> None:
    sql = "DELETE FROM shared_to WHERE peer = ?"
    connection.executemany(sql, [(peer,) for peer in sorted(peers)])
