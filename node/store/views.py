"""Views of the registry on the embedded store. Implements `node.peer.views.ViewStore`."""

from __future__ import annotations

from node.store.seam import Connection
from node.store.tasks import open_task
from node.store.writer import Writer

KEPT = 10_000
"""Versions remembered of each member: months of a registry that is signed every hour or two."""

SPLIT = "registry_split"

# Of each member its own: who says a version far ahead, or very many, makes nobody else forgotten.
_FORGET = (
    "DELETE FROM registry_views WHERE member = ? AND timestamp_version <= (SELECT"
    " timestamp_version FROM registry_views WHERE member = ? ORDER BY timestamp_version DESC"
    " LIMIT 1 OFFSET ?)"
)


class Views:
    """Remembers what each version of the registry is said to contain."""

    def __init__(self, writer: Writer, kept: int = KEPT) -> None:
        self._writer = writer
        self._kept = kept

    async def said(self, member: str, view: tuple[int, int, bytes], now_ms: int) -> bool:
        """See `ViewStore.said`."""

        def job(connection: Connection) -> bool:
            root, timestamp, snapshot = view
            connection.execute(
                "INSERT OR IGNORE INTO registry_views VALUES (?, ?, ?, ?)",
                (timestamp, root, snapshot, member),
            )
            connection.execute(_FORGET, (member, member, self._kept))
            first = connection.execute(
                "SELECT root_version, snapshot_sha256, member FROM registry_views"
                " WHERE timestamp_version = ?",
                (timestamp,),
            ).fetchone()
            if first is None or (first[0], first[1]) == (root, snapshot):
                return True
            for one in sorted({member, first[2]}):
                open_task(connection, SPLIT, one, now_ms)
            return False

        return await self._writer.run(job)
