"""What a member said to us, for a member that lost its node; a person has to allow it first.

Each recovery is known by the fresh sealing key that the member's document names. The first request
opens a task; a permission lasts some days, and a new one is not given lightly.
"""

from __future__ import annotations

from typing import NamedTuple

from node.peer.recovery.handing_back import HeldPage, Permission
from node.store.bulk import select_in
from node.store.items.tasks import open_task
from node.store.seam import Connection
from node.store.writer import Readers, Writer
from protocol import push as pushes
from protocol.recovery import Element, Recover, StandingCode
from protocol.vocabulary import Lane

TASK = "peer_recovering"
DAY_MS = 86_400_000
LASTS_MS = 7 * DAY_MS
"""How long a permission lasts; and how soon another one needs a second word (`again`)."""


class HandedBack(NamedTuple):
    """One recovery of a member, as people see it."""

    peer: str
    sealing_key: str
    asked_ms: int
    decided_ms: int | None
    allowed: bool
    entries: int


class HandingBackStore:
    """Implements `node.peer.recovery.handing_back.HandingBackStore`."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def permission(self, peer: str, sealing_key: str, now_ms: int) -> Permission:
        """Return what a person has decided; the first question, or one long after, opens a task."""
        row = self._readers.look_up(lambda c: _row(c, peer, sealing_key))
        if row is not None and (row[0] is None or 0 <= now_ms - row[0] <= LASTS_MS):
            return _permission(row)

        def job(connection: Connection) -> None:
            connection.execute(
                "INSERT INTO handed_back VALUES (?, ?, ?, NULL, 0, 0, 0)"
                " ON CONFLICT (peer, sealing_key) DO UPDATE SET decided_ms = NULL, allowed = 0,"
                " asked_ms = ?",
                (peer, sealing_key, now_ms, now_ms),
            )
            open_task(connection, TASK, peer, now_ms)

        await self._writer.run(job)
        return Permission.WAITS

    async def page(
        self, peer: str, lane: Lane, asked: Recover, limits: tuple[int, int]
    ) -> HeldPage | StandingCode:
        """See `HandingBackStore.page`."""
        return await self._readers.run(lambda c: _page(c, peer, lane, asked, limits))

    async def given(self, peer: str, sealing_key: str, entries: int) -> None:
        """Count what was handed back."""

        def job(connection: Connection) -> None:
            connection.execute(
                "UPDATE handed_back SET entries = entries + ?, pages = pages + 1"
                " WHERE peer = ? AND sealing_key = ?",
                (entries, peer, sealing_key),
            )

        await self._writer.run(job)


def _row(connection: Connection, peer: str, sealing_key: str) -> tuple[int | None, int] | None:
    found: tuple[int | None, int] | None = connection.execute(
        "SELECT decided_ms, allowed FROM handed_back WHERE peer = ? AND sealing_key = ?",
        (peer, sealing_key),
    ).fetchone()
    return found


def _permission(row: tuple[int | None, int]) -> Permission:
    if row[0] is None:
        return Permission.WAITS
    return Permission.GIVEN if row[1] else Permission.DENIED


def _page(
    connection: Connection, peer: str, lane: Lane, asked: Recover, limits: tuple[int, int]
) -> HeldPage | StandingCode:
    chain = _chain(connection, peer, lane)
    if asked.epoch is None:
        place = 0
    elif asked.epoch in chain:
        place = chain.index(asked.epoch)
    else:
        return StandingCode.UNKNOWN_POSITION
    for epoch in chain[place:]:
        start = asked.size if epoch == asked.epoch else 0
        found = _next(connection, (peer, str(lane), epoch), start, limits)
        if found is not None:
            return found
    return StandingCode.END


def _chain(connection: Connection, peer: str, lane: Lane) -> list[bytes]:
    """The epochs of a channel, oldest first, as their openings chain them."""
    before = dict(
        connection.execute(
            "SELECT epoch, prev_epoch FROM epochs_in WHERE peer = ? AND lane = ?",
            (peer, str(lane)),
        ).fetchall()
    )
    row = connection.execute(
        "SELECT epoch FROM channels_in WHERE peer = ? AND lane = ?", (peer, str(lane))
    ).fetchone()
    chain: list[bytes] = []
    epoch = None if row is None else row[0]
    while epoch is not None and epoch in before:
        chain.append(epoch)
        epoch = before.pop(epoch)
    return chain[::-1]


def _next(
    connection: Connection, place: tuple[str, str, bytes], start: int, limits: tuple[int, int]
) -> HeldPage | None:
    """The page after `start`, up to the last receipt that fits into `limits`: entries, bytes."""
    sizes = [
        row[0]
        for row in connection.execute(
            "SELECT size FROM receipts_in WHERE peer = ? AND lane = ? AND epoch = ? AND size > ?"
            " ORDER BY size LIMIT ?",
            (*place, start, limits[0]),
        )
    ]
    if not sizes:
        return None
    end = max((size for size in sizes if size - start <= limits[0]), default=sizes[0])
    elements = _elements(connection, place, start, end)
    lengths = [len(one.to_bytes()) for one in elements]
    fits = start + pushes.fit(lengths, limits[0], limits[1])
    size = max((size for size in sizes if size <= min(end, fits)), default=sizes[0])
    note, receipt = connection.execute(
        "SELECT checkpoint, receipt FROM receipts_in WHERE peer = ? AND lane = ? AND epoch = ?"
        " AND size = ?",
        (*place, size),
    ).fetchone()
    return HeldPage(place[2], start, size, note, receipt, elements[: size - start])


def _elements(
    connection: Connection, place: tuple[str, str, bytes], start: int, end: int
) -> list[Element]:
    rows = connection.execute(
        "SELECT leaf, entry FROM entries_in WHERE peer = ? AND lane = ? AND epoch = ?"
        " AND idx >= ? AND idx < ? ORDER BY idx",
        (*place, start, end),
    ).fetchall()
    bare = [leaf for leaf, entry in rows if entry is None]
    sql = "SELECT leaf, entry_id, erased_ms FROM tombstones WHERE sent = 0 AND peer = ?"
    sql += " AND leaf IN ({})"
    buried = {row[0]: row[1:] for row in select_in(connection, sql, bare, (place[0],))}
    return [
        Element(leaf, entry) if entry is not None else Element(leaf, None, *buried.get(leaf, ()))
        for leaf, entry in rows
    ]


def decide(
    connection: Connection, peer: str, now_ms: int, *, allowed: bool, again: bool = False
) -> str:
    """Keep a person's word on a member's newest recovery; return what became of it.

    `decided`; `not_asked`: it has asked for nothing; `recovered_lately`: it was allowed another
    recovery some days ago, and `again` was not said.
    """
    row = connection.execute(
        "SELECT sealing_key FROM handed_back WHERE peer = ? ORDER BY asked_ms DESC LIMIT 1",
        (peer,),
    ).fetchone()
    if row is None:
        return "not_asked"
    lately = connection.execute(
        "SELECT 1 FROM handed_back WHERE peer = ? AND sealing_key <> ? AND allowed = 1"
        " AND decided_ms > ?",
        (peer, row[0], now_ms - LASTS_MS),
    ).fetchone()
    if allowed and lately is not None and not again:
        return "recovered_lately"
    connection.execute(
        "UPDATE handed_back SET decided_ms = ?, allowed = ? WHERE peer = ? AND sealing_key = ?",
        (now_ms, int(allowed), peer, row[0]),
    )
    connection.execute(
        "UPDATE tasks SET closed_ms = ? WHERE code = ? AND subject = ? AND closed_ms IS NULL",
        (now_ms, TASK, peer),
    )
    return "decided"


def handed_back(connection: Connection) -> list[HandedBack]:
    """Return the recoveries of other members, newest first."""
    rows = connection.execute(
        "SELECT peer, sealing_key, asked_ms, decided_ms, allowed, entries FROM handed_back"
        " ORDER BY asked_ms DESC, peer"
    ).fetchall()
    return [HandedBack(row[0], row[1], row[2], row[3], row[4] == 1, row[5]) for row in rows]
