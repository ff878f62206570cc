"""Views of the registry: what each version is said to contain, by us and by others.

A version is judged by what we verified ourselves, once we have it: only who says something else of
it is named then. So nobody can make others one side of a split by what it says before they could.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from keys.registry import OF_ONE_ROOT
from node.store.items.tasks import open_task
from node.store.seam import Connection
from node.store.writer import Writer

KEPT = 1_000
"""Versions remembered of each member: weeks of a registry that is signed every hour or two."""
AHEAD = 24
"""So far beyond our own newest version we remember what others say: about a day of them; and so
many of the next roots, with the first versions of each under new online keys."""

SPLIT = "registry_split"

# Of each member its own: who says very many versions makes nobody else forgotten.
_FORGET = (
    "DELETE FROM registry_said WHERE member = ? AND (root_version, timestamp_version) <= (SELECT"
    " root_version, timestamp_version FROM registry_said WHERE member = ?"
    " ORDER BY root_version DESC, timestamp_version DESC LIMIT 1 OFFSET ?)"
)

_Content = tuple[int, bytes]


def remember_view(
    connection: Connection,
    us: str,
    member: str,
    view: tuple[int, int, bytes],
    now_ms: int,
    kept: int = KEPT,
) -> None:
    """Remember what a member says, `us` included; who differs stands before a person.

    What is said of a version that is newer than ours waits until ours is as new.
    """
    root, timestamp, snapshot = view
    newest = _newest(connection, us)
    if member != us and newest is not None and _is_far(newest, root, timestamp):
        return
    connection.execute(
        "INSERT OR IGNORE INTO registry_said VALUES (?, ?, ?, ?)",
        (member, timestamp, root, snapshot),
    )
    connection.execute(_FORGET, (member, member, kept))
    named: set[str] = set()
    if member == us and (newest is None or newest < (root, timestamp)):
        before = -1 if newest is None else min(newest[1], timestamp - 1)  # a thief's may be higher
        for version in _versions(connection, before, timestamp):
            named |= _differ(_said(connection, version), us)
    said = _said(connection, timestamp)
    if said.setdefault(member, (root, snapshot)) != (root, snapshot):
        named.add(member)  # it said another content before
    elif member != us and newest is not None and timestamp <= newest[1]:
        named |= _differ(said, us) & ({member} if us in said else said.keys())
    for one in sorted(named):
        open_task(connection, SPLIT, one, now_ms)


def _is_far(newest: tuple[int, int], root: int, timestamp: int) -> bool:
    """Whether a version is so far ahead of ours that whoever says it need not be remembered."""
    first = OF_ONE_ROOT * root
    is_first = newest[0] < root <= newest[0] + AHEAD and first <= timestamp <= first + AHEAD
    return timestamp > newest[1] + AHEAD and not is_first


def _differ(said: Mapping[str, _Content], us: str) -> set[str]:
    """Name who says something else of a version than we verified; if we never had it, than most.

    All of them where no content is said by most: one lies, or was shown another registry.
    """
    counts = Counter(said.values())
    most = [content for content, count in counts.items() if count == max(counts.values())]
    right = said.get(us, most[0] if len(most) == 1 else None)
    return {member for member, content in said.items() if content != right}


def _newest(connection: Connection, us: str) -> tuple[int, int] | None:
    """Our own newest root and timestamp version; None: we never had any.

    A later root comes after whatever a thief of the timestamp key had raised the version to.
    """
    sql = (
        "SELECT root_version, timestamp_version FROM registry_said WHERE member = ?"
        " ORDER BY root_version DESC, timestamp_version DESC LIMIT 1"
    )
    row = connection.execute(sql, (us,)).fetchone()
    return None if row is None else (int(row[0]), int(row[1]))


def _versions(connection: Connection, before: int, timestamp: int) -> list[int]:
    """The versions after `before`, up to `timestamp`, that somebody said something of."""
    rows = connection.execute(
        "SELECT DISTINCT timestamp_version FROM registry_said"
        " WHERE timestamp_version > ? AND timestamp_version <= ? ORDER BY timestamp_version",
        (before, timestamp),
    )
    return [version for (version,) in rows]


def _said(connection: Connection, timestamp: int) -> dict[str, _Content]:
    """What each member says of one version."""
    rows = connection.execute(
        "SELECT member, root_version, snapshot_sha256 FROM registry_said"
        " WHERE timestamp_version = ?",
        (timestamp,),
    )
    return {member: (root, snapshot) for member, root, snapshot in rows}


class Views:
    """What a node remembers of registries outside of the pushes that it takes."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def in_force(self, us: str, view: tuple[int, int, bytes], now_ms: int) -> None:
        """Remember what we work under: who is told of that version later may be told another.

        Raises:
            StoreError: it could not be kept.
        """
        await self._writer.run(lambda connection: remember_view(connection, us, us, view, now_ms))
