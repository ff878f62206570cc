"""Views of the registry: what each version is said to contain, by us and by others."""

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


def remember_view(
    connection: Connection,
    member: str,
    view: tuple[int, int, bytes],
    now_ms: int,
    kept: int = KEPT,
) -> None:
    """Remember what a member says; one version with two contents opens a task for both."""
    root, timestamp, snapshot = view
    connection.execute(
        "INSERT OR IGNORE INTO registry_views VALUES (?, ?, ?, ?)",
        (timestamp, root, snapshot, member),
    )
    connection.execute(_FORGET, (member, member, kept))
    first = connection.execute(
        "SELECT root_version, snapshot_sha256, member FROM registry_views"
        " WHERE timestamp_version = ?",
        (timestamp,),
    ).fetchone()
    if first is None or (first[0], first[1]) == (root, snapshot):
        return
    for one in sorted({member, first[2]}):
        open_task(connection, SPLIT, one, now_ms)


class Views:
    """What a node remembers of registries outside of the pushes that it takes."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def in_force(self, us: str, view: tuple[int, int, bytes], now_ms: int) -> None:
        """Remember what we work under: who is told of that version later may be told another.

        Raises:
            StoreError: it could not be kept.
        """
        await self._writer.run(lambda connection: remember_view(connection, us, view, now_ms))
