"""Contract of a store, what a node had said and has back: it is erased with what it is about."""

from __future__ import annotations

from typing import Final

from node.casework.casebook import Casebook, Needs
from node.casework.ending.erasing import Cause, ErasureDraft, ErasureView, erase
from node.casework.passing_on.post import Post
from node.casework.rebuilt.recovered import OTHERS, read_said
from node.peer.recovery.recovering import KeptPage
from node.store.recovery.recovered import begin
from node.store.sqlite import Store
from protocol import entry as entries
from protocol.channel import NOTHING
from protocol.correspondence import PeerMessage
from protocol.merkle import CompactRange
from protocol.messages import form_of, to_body
from protocol.recovery import Element, Held
from protocol.vocabulary import Kind, Lane
from tests.builders.cases import POSTBOX, event_id, ids, item
from tests.builders.network import NOW_MS
from tests.contract.stores import record

SECRET: Final = bytes(32)
PEER: Final = "gb-iwf"
THERE: Final = item(2).id
"""The id by which the peer knows the item that is here under another."""


def word(number: int) -> bytes:
    """Return the entry of what a person of ours wrote about the peer's item."""
    said = PeerMessage(THERE, event_id(number), "The whole album?", NOW_MS)
    version, kind = form_of(said)
    made = entries.compose(SECRET, kind, f"word {number}", 0, PEER, to_body(said), version)
    return entries.encode(made)


async def have_back(store: Store, *said: bytes) -> None:
    """Let the peer hand back what had been said to it, before the item is here."""
    await store.writer.run(lambda c: begin(c, NOW_MS))
    elements = [(Element(entries.leaf(raw), raw), read_said(raw, SECRET)) for raw in said]
    edge = CompactRange().extend([one.leaf for one, _ in elements])
    page = KeptPage(bytes(8), 0, b"note", None, NOTHING, elements)
    recovered = store.recovered
    assert await recovered.keep(PEER, Lane.STATUS, Held(), Held(bytes(8), edge), page)
    took = await recovered.take(
        OTHERS, len(said), NOW_MS, lambda _: Needs(), lambda _, came: [THERE] * len(came)
    )
    assert took == len(said)


async def joined(store: Store, *more: Post, also: tuple[int, ...] = ()) -> None:
    """Let an item be here that the peer knows by its own id; `also`: these are here, too."""

    def decide(book: Casebook) -> None:
        record(book, item(1, aliases=(THERE,)))
        for number in also:
            record(book, item(number, url=f"https://nl1.example/{number}.jpg"))
        book.posts.extend(more)

    await store.cases.transact(Needs(), NOW_MS, decide)


async def erased(store: Store, number: int) -> int:
    """Erase an item; returns how many entries the history names."""
    name = item(number).id

    def decide(book: Casebook) -> ErasureView:
        return erase(book, name, ErasureDraft(Cause.ERROR), ids(), POSTBOX)

    view, _ = await store.cases.transact(Needs(items={name}, leaves_of=name), NOW_MS, decide)
    return view.entries


async def bodies(store: Store) -> list[bytes]:
    """Return what is kept of the words about the peer's item."""
    sql = "SELECT entry FROM messages_out WHERE item = ? AND kind = ? AND entry IS NOT NULL"
    values = (THERE, int(Kind.PEER_MESSAGE))
    found = await store.readers.run(lambda c: c.execute(sql, values).fetchall())
    return [row[0] for row in found]


async def buried(store: Store) -> set[tuple[str, bytes]]:
    """Return what stands for erased entries: under which id, which leaf."""
    sql = "SELECT item, leaf FROM tombstones"
    return set(await store.readers.run(lambda c: [tuple(row) for row in c.execute(sql)]))


async def test_8_8_what_came_back_under_another_id_is_erased_with_the_item(store: Store) -> None:
    """The history names its leaf; what stands for it bears the id of its row, which is signed."""
    said = [word(3), word(4)]
    await have_back(store, *said)
    await joined(store)
    assert await bodies(store) == said
    assert await erased(store, 1) == len(said)
    assert await bodies(store) == []
    assert await buried(store) == {(THERE, entries.leaf(raw)) for raw in said}


async def test_8_8_what_came_back_under_the_id_of_another_item_here_stays(store: Store) -> None:
    """Two items are here that a member told apart: it goes with its own."""
    await have_back(store, word(3))
    await joined(store, also=(2,))
    assert await erased(store, 1) == 0
    assert await bodies(store) == [word(3)]
    assert await erased(store, 2) == 1
    assert await bodies(store) == []


async def test_8_8_what_was_said_since_under_another_id_stays(store: Store) -> None:
    """Such an id was that of an item of its own here, which has ended."""
    await have_back(store, word(4))
    raw = word(3)
    post = Post(PEER, Lane.STATUS, 1, Kind.PEER_MESSAGE, THERE, entries.decode(raw).id, raw)
    await joined(store, post)
    assert await erased(store, 1) == 1
    assert await bodies(store) == [raw]
