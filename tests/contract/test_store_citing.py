"""Contract of a store, citations: an answer of a crowd is about just what we said, at its place."""

from __future__ import annotations

import msgspec
import pytest

from node.casework.casebook import Casebook, Loaded, Needs
from node.casework.incoming.naming import Citation
from node.casework.passing_on.post import Post
from node.store.backup import mark_restored
from node.store.channels.citing import _placed, load_cited, words_on
from node.store.seam import Connection
from node.store.sqlite import Store
from protocol import entry as entries
from protocol.correspondence import PeerMessage
from protocol.dispositions import Cited
from protocol.entry import leaf
from protocol.messages import Message, kind_of, to_body
from protocol.verdicts import ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import Kind, Lane
from tests.builders.cases import file, item, verdict
from tests.builders.network import NOW_MS
from tests.contract.incoming import Sender, take
from tests.contract.stores import FILES, message, post, record_items
from tests.contract.test_store_outbox import FIRST, LANE, PEER, SECOND, Tenure

SAID = [msgspec.structs.replace(message(n), item=item(n).id) for n in (1, 2, 3)]
LEAVES = [leaf(one.entry) for one in SAID]


@pytest.fixture
async def said(store: Store) -> Tenure:
    """Give a channel on which three items were handed over, at places 0 to 2."""
    await record_items(store, 1, 2, 3)
    await post(store, *SAID)
    tenure = Tenure(store)
    await tenure.open()
    await tenure.cut()
    return tenure


async def cited(
    store: Store, *places: tuple[int, bytes], epoch: bytes = FIRST, peer: str = PEER
) -> dict[bytes, str]:
    """Load what an answer of `peer` cites; give the items by leaf."""
    citation = Citation(peer, Lane(LANE), epoch, tuple(Cited(*one) for one in places))

    def decide(book: Casebook) -> dict[bytes, str]:
        assert set(book.loaded.cited.values()) <= book.loaded.items.keys()
        assert book.loaded.answered == set()
        assert {who for who, _ in book.loaded.cited} <= {peer}
        return {one: i for (_, one), i in book.loaded.cited.items()}

    found, _ = await store.cases.transact(Needs(cited=[citation]), NOW_MS, decide)
    return found


async def test_items_are_found_by_the_places_of_their_entries(said: Tenure) -> None:
    """And loaded with them."""
    found = await cited(said.store, (0, LEAVES[0]), (2, LEAVES[2]))
    assert found == {LEAVES[0]: item(1).id, LEAVES[2]: item(3).id}


async def test_place_with_another_leaf_is_no_citation(said: Tenure) -> None:
    """Nobody answers what he has not read."""
    assert await cited(said.store, (0, LEAVES[1]), (1, bytes(32)), (7, LEAVES[0])) == {}


async def test_log_of_another_member_or_epoch_is_not_looked_at(said: Tenure) -> None:
    """The entry may stand there; it was not said to the one who answers."""
    assert await cited(said.store, (0, LEAVES[0]), peer="gb-iwf") == {}
    assert await cited(said.store, (0, LEAVES[0]), epoch=SECOND) == {}


async def test_entry_of_no_item_is_none(store: Store) -> None:
    """What was said about the channel, or about nothing that is here."""
    await post(store, message(1))
    tenure = Tenure(store)
    await tenure.open()
    await tenure.cut()
    assert await cited(store, (0, leaf(message(1).entry))) == {}


async def test_member_that_was_restored_finds_its_entry_where_it_stands_now(said: Tenure) -> None:
    """The place that is cited was forgotten with the log; the leaf is the same."""
    await said.store.writer.run(lambda connection: mark_restored(connection, NOW_MS))
    assert await cited(said.store, (5, LEAVES[1]), epoch=SECOND) == {LEAVES[1]: item(2).id}


async def test_member_that_was_restored_finds_what_still_waits(store: Store) -> None:
    """The answer to the former self may come before the entry has its new place."""
    await record_items(store, 1, 2, 3)
    await post(store, *SAID)
    await store.writer.run(lambda connection: mark_restored(connection, NOW_MS))
    assert await cited(store, (5, LEAVES[1]), epoch=SECOND) == {LEAVES[1]: item(2).id}


class TestManyAnswers:
    """What a member cites that stands nowhere is looked for in whole logs."""

    MEANT = FILES

    async def test_g11_the_log_is_walked_through_once_for_all_of_a_batch(
        self, said: Tenure
    ) -> None:
        """At a node that was restored; anybody can cite what there never was, a word at a time."""
        store, walks = said.store, list[str]()
        await store.writer.run(lambda connection: mark_restored(connection, NOW_MS))
        nothing = [bytes([n]) * 32 for n in range(100)]
        needs = Needs(
            cited=[Citation(PEER, Lane(LANE), SECOND, (Cited(5, one),)) for one in nothing]
            + [Citation(PEER, Lane(LANE), SECOND, (Cited(5, LEAVES[1]),))]
        )

        def job(connection: Connection) -> dict[tuple[str, bytes], str]:
            loaded = Loaded()
            connection.set_trace_callback(walks.append)  # type: ignore[attr-defined]
            load_cited(connection, needs, loaded)
            connection.set_trace_callback(None)  # type: ignore[attr-defined]
            return loaded.cited

        found = await store.writer.run(job)
        assert found == {(PEER, LEAVES[1]): item(2).id}
        assert len([sql for sql in walks if "FROM log_out t" in sql]) == 1
        assert len([sql for sql in walks if "FROM waiting_out" in sql]) == 1


async def test_leaf_that_stands_in_its_place_is_that_whatever_others_cite(said: Tenure) -> None:
    """One that cites another place for it does not make it one of before."""
    await said.store.writer.run(lambda connection: mark_restored(connection, NOW_MS))
    there = "UPDATE items SET custody = 'handed_on', responsible = ?"
    await said.store.writer.run(lambda connection: connection.execute(there, (PEER,)))
    right, wrong = (
        Citation(PEER, Lane(LANE), epoch, (Cited(1, LEAVES[1]),)) for epoch in (FIRST, SECOND)
    )

    def load(connection: Connection) -> list[tuple[str, bool]]:
        return [found[LEAVES[1]][:2] for _, found in _placed(connection, [right, wrong])]

    assert await said.store.writer.run(load) == [(item(2).id, True), (item(2).id, False)]


async def test_member_that_was_set_back_by_a_snapshot_finds_it_before_anybody_says_so(
    said: Tenure,
) -> None:
    """Its channel stopped because the peer holds more of it than is known here."""
    await said.store.outbox.stop(PEER, LANE, "unknown_history", NOW_MS)
    assert await cited(said.store, (5, LEAVES[1]), epoch=SECOND) == {LEAVES[1]: item(2).id}


async def test_places_far_apart_are_found_as_well(said: Tenure) -> None:
    """They are looked up one by one, not by a walk through the log between them."""
    found = await cited(said.store, (0, LEAVES[0]), (2, LEAVES[2]), (4000, bytes(32)))
    assert found == {LEAVES[0]: item(1).id, LEAVES[2]: item(3).id}


async def test_words_on_a_verdict_are_found_by_its_id(store: Store) -> None:
    """Said and heard, given and taken back; nothing else that only names it."""
    one, other = (verdict(number=number) for number in (1, 2))
    words: list[Message] = [
        ContentVerdict(one, 0, file(1)),
        ContentVerdict(other, 0, file(1)),
        ContentVerdictWithdrawn(one.event_id, NOW_MS),
        PeerMessage(item(1).id, other.event_id, one.event_id, NOW_MS),
    ]
    posts = [spoken(word) for word in words]
    await post(store, *posts)
    tenure, sender = Tenure(store), Sender(Lane.BULK)
    await tenure.open()
    await tenure.cut()
    await take(store, sender.push_raw(*(said.entry for said in posts)))
    found = await store.writer.run(lambda connection: words_on(connection, one.event_id))
    assert found == [
        *(("sent", PEER, LANE, FIRST, index) for index in (0, 2)),
        *(("held", "gb-iwf", Lane.BULK, sender.epoch, index) for index in (1, 3)),
    ]


def spoken(word: Message) -> Post:
    """Return a word as it stands in the outbox."""
    kind = Kind(kind_of(word))
    entry = entries.compose(bytes(32), kind, repr(word), 0, PEER, to_body(word))
    return Post(PEER, LANE, 1, kind, None, entry.id, entries.encode(entry))
