"""How the epochs of ledgers go on, on the store.

Implements `node.peer.ledgers.lineage.LineageStore`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from node.peer.ledgers.doubting import Asked
from node.peer.ledgers.lineage import FORKED
from node.store.channels.forks import insert_fork
from node.store.items.tasks import open_task
from node.store.ledgers.doubts import end_doubts, go_on_from, keep_doubts, oldest_doubts
from node.store.ledgers.ledger import leaf_hashes
from node.store.seam import Connection
from node.store.writer import Readers, Writer
from protocol.fork import ForkEvidence
from protocol.lineage import MAX_LINKS, Followed, Lineage, Link, Remembered, SeenHead
from protocol.merkle import consistency_path, inclusion_path

LEAVES_AT_ONCE = 65_536
"""Leaves at most that are hashed for one answer, but those of its first two links: whoever says
that he remembers our first head does not have us hash everything. The chain goes on next time."""
PATHS_KEPT = 1024

_LAST = (
    "SELECT epoch, size, note FROM ledger_heads h WHERE number = (SELECT max(number)"
    " FROM ledger_heads WHERE epoch = h.epoch) AND number >= ? ORDER BY number LIMIT ?"
)
"""The last head of each epoch that was signed at a number or after it, in their order."""


class Lineages:
    """The chain of our own epochs, and what we remember of others' ledgers.

    `leaves_at_once`: as `LEAVES_AT_ONCE`; `links_at_once`: in one answer.
    """

    def __init__(
        self,
        writer: Writer,
        readers: Readers,
        leaves_at_once: int = LEAVES_AT_ONCE,
        links_at_once: int = MAX_LINKS,
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._leaves_at_once = leaves_at_once
        self._links_at_once = links_at_once
        self._paths: dict[tuple[bytes, int], tuple[bytes, ...]] = {}

    async def ours(self, told: SeenHead | None, counts: Callable[[bytes], bool]) -> Lineage:
        """See `LineageStore.ours`."""
        return await self._readers.run(lambda c: self._ours(c, told, counts))

    async def remembered(self, member: str) -> Remembered | None:
        """See `LineageStore.remembered`."""
        return await self._readers.run(lambda c: remembered(c, member))

    async def follow(
        self,
        member: str,
        before: Remembered | None,
        followed: Followed,
        alarm: str,
        now_ms: int,
    ) -> None:
        """See `LineageStore.follow`."""
        after = followed.remembered

        def job(connection: Connection) -> None:
            if remembered(connection, member) != before or after is None:
                return
            connection.execute(
                "INSERT INTO ledgers_seen (member, epoch, size, root, note) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (member) DO UPDATE SET epoch = excluded.epoch, size = excluded.size,"
                " root = excluded.root, note = excluded.note",
                (member, *after),
            )
            if not followed.goes_on:
                open_task(connection, alarm, member, now_ms)

        await self._writer.run(job)

    async def others(self, but: str, after: int, limit: int) -> list[bytes]:
        """See `LineageStore.others`."""
        rows = await self._readers.run(
            lambda c: c.execute(
                "SELECT note FROM ledgers_seen WHERE member <> ? ORDER BY member", (but,)
            ).fetchall()
        )
        notes = [note for (note,) in rows]
        start = after % len(notes) if notes else 0
        return [*notes[start:], *notes[:start]][:limit]

    async def keep_fork(self, member: str, evidence: ForkEvidence, now_ms: int) -> None:
        """See `LineageStore.keep_fork`."""

        def job(connection: Connection) -> None:
            if insert_fork(connection, member, evidence, now_ms):
                open_task(connection, FORKED, member, now_ms)

        await self._writer.run(job)

    async def doubt(self, speaker: str, heads: Mapping[str, bytes], now_ms: int) -> None:
        """See `LineageStore.doubt`."""
        await self._writer.run(lambda c: keep_doubts(c, speaker, heads, now_ms))

    async def doubts(self, member: str, limit: int) -> list[tuple[bytes, int]]:
        """See `LineageStore.doubts`."""
        return await self._readers.run(lambda c: oldest_doubts(c, member, limit))

    async def asked(self, member: str, asked: Asked, alarm: str, now_ms: int) -> None:
        """See `LineageStore.asked`."""

        def job(connection: Connection) -> None:
            end_doubts(connection, member, [*asked.settled, *asked.split])
            go_on_from(connection, member, asked.reached)
            if asked.split:
                open_task(connection, alarm, member, now_ms)

        await self._writer.run(job)

    def _ours(
        self, connection: Connection, told: SeenHead | None, counts: Callable[[bytes], bool]
    ) -> Lineage:
        number = None if told is None else _number_of(connection, told)
        if told is None or number is None:
            return _newest_alone(connection)
        rows = connection.execute(_LAST, (number, self._links_at_once)).fetchall()
        links = self._chain(connection, rows, counts)
        size = rows[0][1]
        nodes = consistency_path(leaf_hashes(connection, told.epoch, size), told.size, size)
        return Lineage(1, None, told, tuple(nodes), tuple(links), ())

    def _chain(
        self,
        connection: Connection,
        rows: Sequence[tuple[bytes, int, bytes]],
        counts: Callable[[bytes], bool],
    ) -> list[Link]:
        """Give one link for each epoch, until they cost too much and the last of them counts."""
        links = [Link(rows[0][2], ())]
        leaves_left = self._leaves_at_once - rows[0][1]
        for epoch, size, note in rows[1:]:
            path = self._paths.get((epoch, size))
            if path is None:
                leaves_left -= size
                if leaves_left < 0 and len(links) > 1 and counts(links[-1].note):
                    break
                path = tuple(inclusion_path(leaf_hashes(connection, epoch, size), 0, size))
                self._keep_path((epoch, size), path)
            links.append(Link(note, path))
        return links

    def _keep_path(self, place: tuple[bytes, int], path: tuple[bytes, ...]) -> None:
        """An epoch that is over never changes: its path is hashed once for all who ask."""
        while len(self._paths) >= PATHS_KEPT:
            self._paths.pop(next(iter(self._paths)), None)
        self._paths[place] = path


def remembered(connection: Connection, member: str) -> Remembered | None:
    """Return the last head of a member's ledger that was shown to us."""
    row = connection.execute(
        "SELECT epoch, size, root, note FROM ledgers_seen WHERE member = ?", (member,)
    ).fetchone()
    return None if row is None else Remembered(*row)


def all_remembered(connection: Connection) -> list[tuple[str, Remembered]]:
    """Return what we remember of every member's ledger."""
    rows = connection.execute(
        "SELECT member, epoch, size, root, note FROM ledgers_seen ORDER BY member"
    )
    return [(row[0], Remembered(*row[1:])) for row in rows]


def _newest_alone(connection: Connection) -> Lineage:
    row = connection.execute("SELECT max(number) FROM ledger_heads").fetchone()
    rows = [] if row[0] is None else connection.execute(_LAST, (row[0], 1)).fetchall()
    return Lineage(1, None, None, (), tuple(Link(note, ()) for _, _, note in rows), ())


def _number_of(connection: Connection, told: SeenHead) -> int | None:
    """The number of the head that we signed of an epoch at a size; None: we remember none."""
    row = connection.execute(
        "SELECT number FROM ledger_heads WHERE epoch = ? AND size = ?", (told.epoch, told.size)
    ).fetchone()
    return None if row is None else int(row[0])
