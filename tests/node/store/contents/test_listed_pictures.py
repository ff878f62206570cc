"""An item that comes in while an entry that it looks like does: one of them finds the other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

from node.casework.casebook import Casebook, Needs
from node.matching.lists import Entry, Provenance, Terms, Trust
from node.store.contents.list_taking import take_in
from node.store.contents.lists import keep_terms
from node.store.contents.newcomers import Newcomers
from node.store.opening import create_database
from node.store.seam import Connection
from node.store.sqlite import Store
from node.store.writer import Job, R, Writer
from protocol.facts import Content
from tests.builders.cases import FINGERPRINTS, US, item
from tests.builders.network import NOW_MS
from tests.builders.pictures import picture
from tests.contract.stores import KEY, record

PICTURE = Content(None, None, None, None, picture(1), 90)


class Noticing:
    """The writer of a store, which says when somebody hands it a job."""

    def __init__(self, writer: Writer, notice: Callable[[], None]) -> None:
        self._writer = writer
        self._notice = notice
        self.room = writer.room

    def on_rollback(self, forget: Callable[[], None]) -> None:
        """See `Writer.on_rollback`."""
        self._writer.on_rollback(forget)

    async def run(self, job: Job[R], *, ahead: bool = False) -> R:
        """See `Writer.run`."""
        self._notice()
        return await self._writer.run(job, ahead=ahead)

    async def close(self) -> None:
        """See `Writer.close`."""


async def test_item_that_asked_before_the_index_had_the_entry_is_found_by_the_entry(
    tmp_path: Path,
) -> None:
    """It asked, found nothing, and is not written yet when items are looked for."""
    create_database(tmp_path / "node.db", KEY)
    store = Store.open(tmp_path / "node.db", KEY, US, FINGERPRINTS)
    terms = Terms("icse", Provenance.POLICE)
    await store.writer.run(lambda c: keep_terms(c, terms, {"*": Trust.AUTO}, NOW_MS))
    entry = Entry(PICTURE, "A", None, "1")
    await store.writer.run(lambda c: take_in(c, FINGERPRINTS, "icse", 1, [entry], NOW_MS))
    asked, go_on = threading.Event(), threading.Event()

    def come_in(connection: Connection) -> int:
        book = store.cases.open_book(connection, Needs(pictures={picture(1)}), NOW_MS)
        found = len(book.loaded.listed)
        asked.set()
        go_on.wait()
        _put(book)
        store.cases.save_book(connection, book)
        return found

    coming = asyncio.create_task(store.writer.run(come_in))
    await asyncio.to_thread(asked.wait)
    known = store.known_content
    writer = Noticing(store.writer, go_on.set)
    looking = Newcomers(writer, store.readers, FINGERPRINTS, known.pictures, store.lookalikes)
    piece = await looking.newcomers(9)
    go_on.set()
    assert await coming == 0
    assert piece is not None
    assert piece.alike == {item(1).id}
    _, later = await store.cases.transact(Needs(pictures={picture(1)}), NOW_MS, lambda _: None)
    assert len(later.loaded.listed) == 1
    await store.close()


def _put(book: Casebook) -> None:
    record(book, item(1, PICTURE))
