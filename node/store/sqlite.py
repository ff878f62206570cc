"""The embedded store, put together: one encrypted file, one writer, readers beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from node.matching.fingerprints import Fingerprints
from node.store.backup import keep_older
from node.store.cases import Cases
from node.store.connection import Connection, ProcessLock, open_reader, open_writer
from node.store.crosscheck import Crosschecks
from node.store.delta import AT_MOST, Delta
from node.store.forks import Forks
from node.store.handing_back import HandingBackStore
from node.store.history import History
from node.store.inbox import Inbox
from node.store.ledger import Ledger
from node.store.outbox import Outbox
from node.store.queries import Queries
from node.store.recovered import Recovered
from node.store.views import Views
from node.store.witness import WitnessMemory
from node.store.witnessing import Cosignatures
from node.store.writer import (
    GROUP_MAX,
    InlineReaders,
    InlineWriter,
    Readers,
    ThreadReaders,
    ThreadWriter,
    Writer,
)

READERS = 3
SLACK_PAGES = 1024
"""Free pages, of 8 KiB, that stay in the file."""
SHRINK_PAGES = 256
"""Pages given back in one transaction."""


@dataclass(slots=True)
class Store:
    """One open database and the roles it satisfies."""

    writer: Writer
    readers: Readers
    cases: Cases
    queries: Queries
    outbox: Outbox
    inbox: Inbox
    history: History
    forks: Forks
    ledger: Ledger
    views: Views
    witness: WitnessMemory
    cosignatures: Cosignatures
    recovered: Recovered
    handing_back: HandingBackStore
    crosschecks: Crosschecks
    _lock: ProcessLock | None

    @classmethod
    def open(
        cls,
        path: Path,
        key: bytes,
        us: str,
        fingerprints: Fingerprints,
        group_max: int = GROUP_MAX,
    ) -> Store:
        """Open the database of a running node: threads, and no second process beside it.

        `group_max`: most jobs in one transaction.

        Raises:
            UnknownDatabaseError, WrongKeyError, NewerDatabaseError, AlreadyOpenError
        """
        lock = ProcessLock(path)
        try:
            keep_older(path, key)
            writer = ThreadWriter(open_writer(path, key), group_max).start()
            readers = ThreadReaders(lambda: open_reader(path, key), READERS)
        except BaseException:
            lock.release()
            raise
        return _assemble(writer, readers, us, fingerprints, lock)

    @classmethod
    def inline(cls, path: Path, key: bytes, us: str, fingerprints: Fingerprints) -> Store:
        """Open it without threads: for the command line and for simulated worlds.

        Raises:
            UnknownDatabaseError, WrongKeyError, NewerDatabaseError, AlreadyOpenError
        """
        lock = ProcessLock(path)
        try:
            keep_older(path, key)
            writer = InlineWriter(open_writer(path, key))
            readers = InlineReaders(open_reader(path, key))
        except BaseException:
            lock.release()
            raise
        return _assemble(writer, readers, us, fingerprints, lock)

    async def shrink(self, pages: int = SHRINK_PAGES) -> int:
        """Give up to `pages` free pages at the end of the file back to the disk; how many.

        Some stay, for what comes next. A database that was made before files could shrink gives
        nothing back; one that is restored from a backup does.

        Raises:
            StoreError: nothing was given back.
        """
        free = self.readers.look_up(lambda c: c.execute("PRAGMA freelist_count").fetchone()[0])
        if free <= SLACK_PAGES:
            return 0

        def job(connection: Connection) -> int:
            before = connection.execute("PRAGMA freelist_count").fetchone()[0]
            step = min(pages, before - SLACK_PAGES)
            connection.execute(f"PRAGMA incremental_vacuum({max(1, step)})").fetchall()
            return int(before - connection.execute("PRAGMA freelist_count").fetchone()[0])

        return await self.writer.run(job)

    async def close(self) -> None:
        """Finish what was handed in, close, and let the next process in."""
        await self.writer.close()
        self.readers.close()
        if self._lock is not None:
            self._lock.release()


def _assemble(
    writer: Writer,
    readers: Readers,
    us: str,
    fingerprints: Fingerprints,
    lock: ProcessLock,
    delta_rows: int = AT_MOST,
) -> Store:
    keys = Delta("item_keys", ("key", "item"), delta_rows)
    entry_ids = Delta("entry_ids_in", ("entry_id", "peer", "digest"), delta_rows)
    cases = Cases(writer, us, fingerprints, keys, entry_ids)
    for delta in (keys, entry_ids):
        writer.on_rollback(delta.forget)
    return Store(
        writer,
        readers,
        cases,
        Queries(readers),
        Outbox(writer, readers),
        Inbox(writer, readers, entry_ids),
        History(writer, readers),
        Forks(writer, readers),
        Ledger(writer, readers),
        Views(writer),
        WitnessMemory(writer, readers),
        Cosignatures(writer, readers),
        Recovered(writer, readers, cases.open_book, cases.save_book),
        HandingBackStore(writer, readers),
        Crosschecks(writer, readers),
        lock,
    )
