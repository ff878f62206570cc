"""What a server keeps sealed is found all the same: by what it is once it was opened."""

from __future__ import annotations

from node.casework.incoming.receiving import Judged
from node.peer.channels.inbox import digest_of
from node.store.audits.disavow_audit import DisavowAudit
from node.store.seam import Connection
from node.store.sqlite import Store
from protocol import entry as entries
from protocol.disavowal import Disavow
from protocol.merkle import EMPTY_ROOT
from protocol.messages import to_body
from protocol.vocabulary import Disposition, Kind
from tests.builders.cases import US
from tests.contract.incoming import Sender, arrive, take
from tests.contract.test_store_refused import LATER_MS, at, became, walk


async def test_8_15_a_disavowal_that_was_judged_is_found_by_verify(store: Store) -> None:
    """Else every one that is kept is told as kept without having been said."""
    sender = Sender()
    await arrive(store, sender, 1, 2)
    told = Disavow(b"epoch--1", 0, EMPTY_ROOT, sender.state.size, sender.state.root)
    body = to_body(told)
    raw = entries.encode(entries.compose(bytes(32), Kind.DISAVOW, b"x", 0, US, body))
    await take(store, sender.next_epoch(b"epoch--2").push_raw(raw))
    await store.writer.run(lambda c: c.execute("UPDATE entries_in SET judged = 1").rowcount)
    found = await store.readers.run(lambda c: DisavowAudit(c).follows())
    assert [(row.epoch, row.first, row.size) for row in found] == [(b"epoch--1", 0, told.end)]


async def test_8_8_the_digest_of_a_body_goes_with_the_body(store: Store) -> None:
    """It could be tried against guesses of what stood there."""

    def digested(connection: Connection) -> bytes:
        ((raw,),) = connection.execute("SELECT entry FROM entries_in WHERE idx > 0").fetchall()
        parts = entries.decode(raw)
        sql = "UPDATE entry_ids_in_delta SET digest = ? WHERE entry_id = ?"
        connection.execute(sql, (digest_of(parts), parts.id))
        return digest_of(parts)

    def kept(connection: Connection) -> list[bytes]:
        return [row[0] for row in connection.execute("SELECT digest FROM entry_ids_in_delta")]

    await arrive(store, Sender(), 1)
    digest = await store.writer.run(digested)
    await became(store, Judged.DONE, Disposition.NOT_PERMITTED)
    assert digest in await store.readers.run(kept)
    assert await walk(at(store, LATER_MS)) == 1
    assert digest not in await store.readers.run(kept)
