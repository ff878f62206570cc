"""R11, for every store: the first start after an upgrade is killed again and again.

What it fills (`node.store.upgrade.carrying_over`) it fills in pieces. Here a process does it, one
row to a
piece, and is killed with -9 as soon as it has done one: wherever it is in the next.
"""

from __future__ import annotations

import multiprocessing
import signal
from functools import cache, partial
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import ForkServerContext
from typing import Any, Final

import msgspec

from node.casework.casebook import Casebook, Needs
from node.casework.item import ItemState
from node.casework.mistakes.mass import waiting_of
from node.peer.channels.outgoing import Buried, tombstone
from node.store import opening
from node.store.seam import Connection
from node.store.sqlite import Store
from node.store.upgrade.carrying_over import NAMES, CarryingOver
from protocol.vocabulary import Kind
from tests.builders.cases import FINGERPRINTS, US, item, verdict
from tests.builders.network import NOW_MS
from tests.contract.incoming import PEER, Sender, take
from tests.contract.stores import FILES, KEY, STORES, Place, post, record
from tests.contract.test_store_shared import back, given, word
from tests.contract.test_store_upgrade import as_of, parked, told

BEFORE: Final = 8
ITEMS: Final = range(1, 3)
FILLED: Final = (
    "SELECT peer, erased_ms, entry FROM erased_unsent ORDER BY 1, 2, 3",
    "SELECT event_id, part, message FROM shared_verdicts ORDER BY 1, 2",
    "SELECT judged, waits_for FROM entries_in ORDER BY seq",
    "SELECT key, item FROM item_keys UNION SELECT key, item FROM item_keys_delta ORDER BY 1, 2",
)
OPEN: Final = "open"
MEANT: Final = (FILES[0], *(one for one in STORES if one.on_server))
"""Threads change nothing: the node has none until it is done."""


async def kept(store: Store) -> set[bytes]:
    """Keep something of every sort; return the keys of the verdicts."""
    sender, verdicts = Sender(), [verdict(member=US, number=900 + n) for n in ITEMS]
    for number, one in zip(ITEMS, verdicts, strict=True):
        state = msgspec.structs.replace(item(number), assessments=(one,))
        await store.cases.transact(Needs(), NOW_MS, partial(_record, state))
        await take(store, sender.push_raw(stone(number)))
    await parked(store, sender, item(99).id, 90)
    await parked(store, sender, item(98).id, 91)
    await parked(store, sender, waiting_of(PEER), 92)
    first, other = given(), given()
    said: list[Any] = [word(first), word(first, md5=1), word(first, 1), word(other), back(other)]
    kinds = [Kind.CONTENT_VERDICT] * 4 + [Kind.CONTENT_VERDICT_WITHDRAWN]
    await post(store, *[told(n, *one) for n, one in enumerate(zip(kinds, said, strict=True))])
    return {FINGERPRINTS.verdict(one.event_id) for one in verdicts}


def stone(number: int) -> bytes:
    """Return that the peer erased an item which never came."""
    buried = Buried(US, number.to_bytes(32, "big"), Kind.ITEM, bytes(32), NOW_MS - number)
    return tombstone(bytes(32), buried)[1]


def _record(state: ItemState, book: Casebook) -> None:
    record(book, state)


def _run(sql: str, rows: list[tuple[Any, ...]], connection: Connection) -> None:
    connection.executemany(sql, rows)


async def as_before(place: Place, keys: set[bytes]) -> None:
    """Leave the store as a program did that filled nothing yet."""
    store = place.open()
    for table in ("item_keys", "item_keys_delta"):
        sql = f"DELETE FROM {table} WHERE key = ?"
        await store.writer.run(partial(_run, sql, [(key,) for key in keys]))
    sql = "UPDATE entries_in SET judged = 2, waits_for = ? WHERE idx = ?"
    await store.writer.run(partial(_run, sql, [(item(99).id, 3), (item(98).id, 4)]))
    await store.close()
    as_of(place, BEFORE)


async def test_r11_killed_at_every_piece_it_fills_what_it_fills_undisturbed(place: Place) -> None:
    """It goes through the rest, never from the beginning, and wakes and keeps nothing twice."""
    store = place.open()
    keys = await kept(store)
    await store.close()
    await as_before(place, keys)
    undisturbed = filled(place)
    assert [len(rows) > 0 for rows in undisturbed] == [True] * len(FILLED)
    await as_before(place, keys)
    kills = 0
    while killed(place):
        kills += 1
    assert kills > len(NAMES)
    assert filled(place) == undisturbed


def killed(place: Place) -> bool:
    """Let a process fill one piece, and kill it; False: it was done and ended by itself."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = _context().Process(target=fill, args=(place.where, theirs))
    process.start()
    theirs.close()
    try:
        assert ours.recv() == OPEN
        more: bool = ours.recv()
        return more
    finally:
        process.kill()
        process.join()
        ours.close()
        process.close()


def fill(where: opening.Place, told: Pipe) -> None:
    """Fill a piece of the store, say whether there may be more, and begin no other but the next."""
    connection, lock = opening.open_locked(where, KEY)
    told.send(OPEN)
    carrying = CarryingOver(FINGERPRINTS, rows=1, items=1)
    told.send(carrying.go_on(connection))
    if carrying.go_on(connection):
        signal.pause()  # until it is killed
    connection.close()
    lock.release()


def filled(place: Place) -> list[list[Any]]:
    """Fill what is not filled yet; return what stands there then, of every sort."""
    connection, lock = opening.open_locked(place.where, KEY)
    carrying = CarryingOver(FINGERPRINTS)
    while carrying.go_on(connection):
        pass
    found = [connection.execute(sql).fetchall() for sql in FILLED]
    connection.close()
    lock.release()
    return found


@cache
def _context() -> ForkServerContext:
    """Where processes are forked, with what they load loaded."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload([__name__])
    return made
