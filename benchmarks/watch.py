"""Seeing the end of a measurement without disturbing it: a read-only look at a node's database.

Nothing of the public face says to the millisecond when a receipt was verified: the change feed
tells dispositions, which come later, and asking `/metrics` that often would cost the node more than
the report. So the watcher opens the database beside the node, as `hotline verify` does, and looks
every half millisecond whether something was committed (`PRAGMA data_version`: some microseconds,
none of them the node's). A receipt is seen only when it was verified **and** kept durably.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from examples.demo.members import Member
from keys.keyring import MemberKeys
from keys.unlock import Unlock
from node.config import load
from node.setup.opening import store_place
from node.store.opening import Place, open_reader
from node.store.seam import Connection

LOOK_S = 0.0005

_TRAVELLED = """
SELECT NOT EXISTS (SELECT 1 FROM waiting_out WHERE peer = ?1 AND lane = ?2)
   AND NOT EXISTS (SELECT 1 FROM items WHERE due_ms IS NOT NULL)
   AND NOT EXISTS (SELECT 1 FROM channels_out
                   WHERE peer = ?1 AND lane = ?2 AND (epoch IS NULL OR receipted < size))
"""
_JUDGED = "SELECT NOT EXISTS (SELECT 1 FROM entries_in WHERE judged = 0)"
_LOCATED = "SELECT NOT EXISTS (SELECT 1 FROM items WHERE custody = 'locating')"
_RECEIPTED = "SELECT epoch, receipted FROM channels_out WHERE peer = ? AND lane = 'reports'"
_ITEMS = """
SELECT m.item FROM log_out l JOIN messages_out m ON m.seq = l.message
WHERE l.peer = ? AND l.lane = 'reports' AND l.epoch = ? AND l.idx >= ? AND l.idx < ?
"""
_ENTRY_BYTES = "SELECT avg(length(entry)) FROM messages_out WHERE lane = 'reports'"


def database_of(member: Member) -> tuple[Place, bytes]:
    """Return where a member's database is, and its key."""
    config = load(member.config)
    keys = MemberKeys.load(config.member.keys_dir, Unlock.from_config(config.member.unlock))
    return store_place(config), keys.database_key


@dataclass
class Watch:
    """Looks at one member's database; not to be shared by threads."""

    connection: Connection

    @classmethod
    def open(cls, member: Member) -> Watch:
        """Open the database of a member that runs."""
        return cls(open_reader(*database_of(member)))

    def travelled(self, peer: str, lane: str) -> bool:
        """Whether everything for `peer` stands under a verified receipt."""
        return bool(self.connection.execute(_TRAVELLED, (peer, lane)).fetchone()[0])

    def judged(self) -> bool:
        """Whether no entry waits for a judgement."""
        return bool(self.connection.execute(_JUDGED).fetchone()[0])

    def located(self) -> bool:
        """Whether every item has been given to a member."""
        return bool(self.connection.execute(_LOCATED).fetchone()[0])

    def receipted(self, peer: str) -> tuple[bytes | None, int]:
        """Return the epoch of the reports to `peer`, and how many entries of it are receipted."""
        row = self.connection.execute(_RECEIPTED, (peer,)).fetchone()
        return (None, 0) if row is None else (row[0], row[1])

    def items(self, peer: str, epoch: bytes, start: int, end: int) -> list[str]:
        """Return the items that stand in this part of the log."""
        return [row[0] for row in self.connection.execute(_ITEMS, (peer, epoch, start, end))]

    def version(self) -> int:
        """Return a number that changes with each commit of the node."""
        return int(self.connection.execute("PRAGMA data_version").fetchone()[0])

    def last_event(self) -> int:
        """Return where the change feed stands."""
        return int(
            self.connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
        )

    def entry_bytes(self) -> float:
        """Return the mean size of the entries that say reports, in bytes."""
        return float(self.connection.execute(_ENTRY_BYTES).fetchone()[0] or 0)

    def close(self) -> None:
        """Close the database."""
        self.connection.close()


@dataclass
class ReceiptWatcher:
    """Notes when each item's receipt was seen, on a thread of its own (`time.perf_counter`)."""

    member: Member
    peer: str
    seen: dict[str, float] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _ready: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; what is receipted already is not noted."""
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        watch = Watch.open(self.member)
        version, held = watch.version(), watch.receipted(self.peer)
        self._ready.set()
        while not self._stop.is_set():
            time.sleep(LOOK_S)
            if (now := watch.version()) != version:
                version, held = now, self._note(watch, held)
        watch.close()

    def _note(self, watch: Watch, held: tuple[bytes | None, int]) -> tuple[bytes | None, int]:
        epoch, count = watch.receipted(self.peer)
        at = time.perf_counter()
        if epoch is not None and (epoch, count) != held:
            start = held[1] if epoch == held[0] else 0
            for item in watch.items(self.peer, epoch, start, count):
                self.seen.setdefault(item, at)
        return epoch, count
