"""What was taken back from a list, and whom that keeps out.

A tombstone is the key of a name or of a hash, with the version that took it back. Two files may
have one MD5, so a weak hash lies under another key for each set of stronger ones that stood beside
it: it keeps out what has none of these, and what has one is told apart by that.

Nothing here can be turned back into a hash. The name of an entry that its author gave no id says
that it had none (`NAMELESS`), so that exports can count what no file tells on.

Each function is part of the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from node.matching.fingerprints import Fingerprints
from node.matching.lists import Entry
from node.store.bulk import insert_rows, select_in, stream
from node.store.contents.lists import list_id
from node.store.seam import Connection
from protocol.facts import Content

NAMELESS: Final = b""
_SHA256, _SHA1, _MD5 = 1, 2, 4
_NAMES_AWAY: Final = (
    "SELECT t.version, t.said, t.retracted_ms FROM list_tombstones t"
    " WHERE t.list = ? AND t.said IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM list_names n WHERE n.key = t.key) ORDER BY t.key"
)
"""But of what a newer version listed again under its name: who reads it is to have it."""


class Tombstones:
    """Those of one list, by its row."""

    def __init__(self, connection: Connection, fingerprints: Fingerprints, into: int) -> None:
        self._connection = connection
        self._fingerprints = fingerprints
        self._list = into

    def versions(self, keys: Iterable[bytes]) -> dict[bytes, int]:
        """Return with which version each of these keys was taken back."""
        if not self._any():
            return {}
        sql = "SELECT key, version FROM list_tombstones WHERE list = ? AND key IN ({})"
        return dict(select_in(self._connection, sql, sorted(keys), (self._list,)))

    def newest(
        self, run: Iterable[tuple[Entry, bytes, bytes, Sequence[bytes]]]
    ) -> Iterator[int | None]:
        """Yield which newest version took each of these back: by a name, or as perhaps the file.

        Each comes with the keys of its name, of its event (empty: none) and of its hashes.
        """
        if not self._any():
            yield from (None for _ in run)
            return
        keys = [
            (name, *filter(None, (event,)), *found, *self._beside(entry.content))
            for entry, name, event, found in run
        ]
        when = self.versions({key for some in keys for key in some})
        for some in keys:
            yield max((when[key] for key in some if key in when), default=None)

    def of(self, content: Content, meant: Content | None = None) -> dict[bytes, bytes]:
        """Return under which key each hash of a file lies, by the key by which it is found.

        `meant`: what a retraction says of the file that is a mistake. Another it leaves alone.
        """
        told = _sorts(content) | (0 if meant is None else _sorts(meant))
        return {
            self._fingerprints.digest(digest): self._key(digest, told & (sort - 1))
            for sort, digest in _hashes(content)
        }

    def bury(self, keys: Mapping[bytes, bytes | None], version: int, now_ms: int) -> None:
        """Take keys back with a version, but those that a newer one did; what is said of each."""
        newer = {key for key, when in self.versions(keys).items() if when > version}
        insert_rows(
            self._connection,
            "INSERT OR REPLACE INTO list_tombstones (list, key, version, retracted_ms, said)",
            [
                (self._list, key, version, now_ms, said)
                for key, said in keys.items()
                if key not in newer
            ],
        )

    def _any(self) -> bool:
        sql = "SELECT 1 FROM list_tombstones WHERE list = ? LIMIT 1"
        return self._connection.execute(sql, (self._list,)).fetchone() is not None

    def _beside(self, content: Content) -> Iterator[bytes]:
        """Yield keys of weak hashes that stood beside stronger ones that this file has none of."""
        told = _sorts(content)
        for sort, digest in _hashes(content):
            for beside in range(1, sort):
                if not beside & told:
                    yield self._key(digest, beside)

    def _key(self, digest: bytes, beside: int) -> bytes:
        """The key of a hash that stood beside these stronger ones."""
        if not beside:
            return self._fingerprints.digest(digest)
        return self._fingerprints.listed(self._list, b"w%d" % beside + digest)


def said_of(external_id: str | None) -> bytes:
    """Return what the tombstone of a name says: its author's id, or that there was none."""
    return NAMELESS if external_id is None else external_id.encode()


def _hashes(content: Content) -> Iterator[tuple[int, bytes]]:
    """Yield the hashes of a file by their sorts: of the bits below one are the stronger ones."""
    for sort, digest in ((_SHA256, content.sha256), (_SHA1, content.sha1), (_MD5, content.md5)):
        if digest is not None:
            yield sort, digest


def _sorts(content: Content) -> int:
    return sum(sort for sort, _ in _hashes(content))


def retractions_of(connection: Connection, name: str) -> Iterator[tuple[int, str, int]]:
    """Yield what was taken back by its author's id: version, that id, and when it came here."""
    for version, said, at_ms in _told(connection, name):
        if said != NAMELESS:
            yield version, said.decode(), at_ms


def nameless_retracted(connection: Connection, name: str) -> int:
    """Return how many retractions were of what has no id: no file can tell them on."""
    return sum(said == NAMELESS for _, said, _ in _told(connection, name))


def _told(connection: Connection, name: str) -> Iterator[tuple[int, bytes, int]]:
    """Yield version, word and time of every name that was taken back and does not stand again."""
    for version, said, at_ms in stream(connection, _NAMES_AWAY, (list_id(connection, name),)):
        yield version, bytes(said), at_ms
