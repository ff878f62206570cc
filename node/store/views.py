"""Views of the registry on the embedded store. Implements `node.peer.views.ViewStore`."""

from __future__ import annotations

from node.store.seam import Connection
from node.store.tasks import open_task
from node.store.writer import Writer

KEPT = 10_000
"""Versions that are remembered: some months of a registry that is signed every hour or two."""

SPLIT = "registry_split"


class Views:
    """Remembers what each version of the registry is said to contain."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def said(self, member: str, view: tuple[int, int, bytes], now_ms: int) -> bool:
        """See `ViewStore.said`."""

        def job(connection: Connection) -> bool:
            root, timestamp, snapshot = view
            connection.execute(
                "INSERT OR IGNORE INTO registry_views VALUES (?, ?, ?, ?)",
                (timestamp, root, snapshot, member),
            )
            connection.execute(
                "DELETE FROM registry_views WHERE timestamp_version <= ?", (timestamp - KEPT,)
            )
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
