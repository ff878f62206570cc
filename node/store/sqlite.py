"""The store, put together: one database, one writer, readers beside it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from node.matching.fingerprints import Fingerprints
from node.store.channels.forks import Forks
from node.store.channels.inbox import Inbox
from node.store.channels.outbox import Outbox
from node.store.connection import refuse_moved
from node.store.contents.hashcheck import HashChecks
from node.store.contents.known import Known, KnownContent
from node.store.contents.lookalikes import Lookalikes
from node.store.contents.near_files import Folder
from node.store.contents.shared import Shared
from node.store.delta import AT_MOST, Delta
from node.store.errors import AwayError
from node.store.history import History
from node.store.items.access import Access
from node.store.items.cases import Cases
from node.store.items.judged import Judged
from node.store.items.queries import Queries
from node.store.ledgers.crosscheck import Crosschecks
from node.store.ledgers.ledger import Ledger
from node.store.ledgers.lineage import Lineages
from node.store.ledgers.views import Views
from node.store.ledgers.witness import WitnessMemory
from node.store.ledgers.witnessing import Cosignatures
from node.store.opening import Lock, Place, open_locked, open_reader
from node.store.places.hosters import HosterBook
from node.store.places.origins import OriginBook
from node.store.recovery.handing_back import HandingBackStore
from node.store.recovery.recovered import Recovered
from node.store.room import try_room
from node.store.seam import BulkConnection, Connection
from node.store.thread_readers import ThreadReaders
from node.store.upgrade.carrying_over import carry_over
from node.store.upgrade.upgrading import Upgrade
from node.store.writer import (
    GROUP_MAX,
    InlineReaders,
    InlineWriter,
    Readers,
    ThreadWriter,
    Writer,
)

READERS = 3
LIFE_S = 2.0
"""How often a process shows that it lives."""
HANGS_S = 10.0
"""How long a server may take to keep nothing at all, behind whatever it keeps before.

Less than who stands by waits for a sign of life, and than it is asked whether a COMMIT was kept.
"""
SLACK_PAGES = 1024
"""Free pages, of 8 KiB, that stay in the file."""
SHRINK_PAGES = 256
"""Pages given back in one transaction."""


@dataclass(slots=True)
class Store:
    """One open database and the roles it satisfies."""

    writer: Writer
    readers: Readers
    access: Access
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
    lineages: Lineages
    known_content: KnownContent
    hosters: HosterBook
    lookalikes: Lookalikes
    hashchecks: HashChecks
    judged: Judged
    origins: OriginBook
    shared: Shared
    _lock: Lock
    _is_on_server: bool

    @classmethod
    def open(
        cls,
        place: Place,
        key: bytes,
        us: str,
        fingerprints: Fingerprints,
        group_max: int = GROUP_MAX,
        folder: Folder | None = None,
        upgrade: Upgrade | None = None,
    ) -> Store:
        """Open the database of a running node: threads, and no second process beside it.

        `group_max`: most jobs in one transaction. `folder`: where the index of pictures is kept,
        which is ready on return; None: in memory, made when it is asked. `upgrade`: is told how
        far it is, and may break it off.

        Raises:
            BrokenOffError: it was; the next start goes on where it was.
            UnknownDatabaseError, WrongKeyError, NewerDatabaseError, AlreadyOpenError; of a
                server, AwayError, RefusedByServerError, UnsafeServerError, NoDriverError too
        """
        upgrade = upgrade or Upgrade()
        connection, lock = open_locked(place, key, upgrade)
        try:
            carry_over(connection, fingerprints, upgrade)
            alive = partial(_still_here, connection)
            readers = ThreadReaders(lambda: open_reader(place, key), READERS)
            lookalikes = Lookalikes(folder)
            if folder is not None:
                lookalikes.follow(connection, alive)
            known = Known(fingerprints)
            known.pictures.open(connection, alive=alive)
        except BaseException:
            connection.close()
            lock.release()
            raise
        lookalikes.start()
        writer = ThreadWriter(connection, group_max).start()
        return _assemble(
            writer, readers, us, fingerprints, lock, lookalikes=lookalikes, known=known
        )

    @classmethod
    def inline(cls, place: Place, key: bytes, us: str, fingerprints: Fingerprints) -> Store:
        """Open it without threads: for the command line and for simulated worlds.

        Raises:
            StoreError: as `open`.
        """
        connection, lock = open_locked(place, key)
        try:
            carry_over(connection, fingerprints, Upgrade())
            readers = InlineReaders(open_reader(place, key))
        except BaseException:
            connection.close()
            lock.release()
            raise
        return _assemble(InlineWriter(connection), readers, us, fingerprints, lock)

    async def shrink(self, pages: int = SHRINK_PAGES) -> int:
        """Give up to `pages` free pages at the end of the file back to the disk; how many.

        Some stay, for what comes next. A database that was made before files could shrink gives
        nothing back; one that is restored from a backup does. A server sees to its own room.

        Raises:
            StoreError: nothing was given back.
        """
        free = self.readers.look_up(_free_pages)
        if free <= SLACK_PAGES:
            return 0

        def job(connection: Connection) -> int:
            before = _free_pages(connection)
            step = min(pages, before - SLACK_PAGES)
            connection.execute(f"PRAGMA incremental_vacuum({max(1, step)})").fetchall()
            return before - _free_pages(connection)

        return await self.writer.run(job)

    async def show_life(self) -> None:
        """See whether the store still stands here and is ours, every `LIFE_S`.

        A node that writes nothing would not notice that it moved, nor that there is room again. On
        a server this raises the number of commits, by which those who stand by see that this
        process lives.

        Raises:
            MovedDatabaseError: it went to a server.
            AlreadyOpenError: another process took over.
            StoreError: it cannot be read or written.
        """
        if self._is_on_server:
            await self._write_nothing()
        else:
            await self.readers.run(refuse_moved)
        if self.writer.room.is_full:
            await self.writer.run(try_room)
            self.writer.room.is_full = False

    async def _write_nothing(self) -> None:
        late = asyncio.get_running_loop().call_later(HANGS_S, self._call_away)
        try:
            await self.writer.run(_nothing)
        finally:
            late.cancel()

    def _call_away(self) -> None:
        """Say of a server that neither keeps nor refuses that it is away; until it keeps again."""
        self.writer.room.out_of_reach = AwayError.code

    async def close(self) -> None:
        """Finish what was handed in, close, and let the next process in."""
        await self.writer.close()
        await asyncio.to_thread(self.lookalikes.close)
        self.readers.close()
        self._lock.release()


def _is_on_server(connection: Connection) -> bool:
    return isinstance(connection, BulkConnection)


def _still_here(connection: Connection) -> None:
    """Show who stands by that this process lives, though it takes long to open its store."""
    if _is_on_server(connection):
        InlineWriter(connection).run_now(_nothing)


def _nothing(_: Connection) -> None:
    """To begin and to commit is all."""


def _free_pages(connection: Connection) -> int:
    """How many pages of the file nothing stands on; of a server: none."""
    if isinstance(connection, BulkConnection):
        return 0
    return int(connection.execute("PRAGMA freelist_count").fetchone()[0])


def _assemble(
    writer: Writer,
    readers: Readers,
    us: str,
    fingerprints: Fingerprints,
    lock: Lock,
    delta_rows: int = AT_MOST,
    lookalikes: Lookalikes | None = None,
    known: Known | None = None,
) -> Store:
    lookalikes = Lookalikes() if lookalikes is None else lookalikes
    keys = Delta("item_keys", ("key", "item"), delta_rows)
    entry_ids = Delta("entry_ids_in", ("entry_id", "peer", "digest"), delta_rows)
    known = Known(fingerprints) if known is None else known
    cases = Cases(writer, us, fingerprints, keys, entry_ids, lookalikes, known)
    writer.on_rollback(lookalikes.forget)
    writer.on_rollback(known.pictures.forget)
    for delta in (keys, entry_ids):
        writer.on_rollback(delta.forget)
    return Store(
        writer,
        readers,
        Access(writer, readers),
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
        Lineages(writer, readers),
        KnownContent(writer, readers, fingerprints, known, lookalikes),
        HosterBook(writer, readers),
        lookalikes,
        HashChecks(writer, readers, fingerprints),
        Judged(readers),
        OriginBook(writer, readers, fingerprints),
        Shared(writer, readers),
        lock,
        readers.look_up(_is_on_server),
    )
