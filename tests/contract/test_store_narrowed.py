"""Contract of a store, outbox under limits or roles that were narrowed: nothing blocks or is lost.

What was said before and is larger than an entry may be now would be refused with all that goes with
it, and its channel would stop: it waits before a person, and what is behind it goes. So does what
its receiver may not have any more.
"""

from __future__ import annotations

import pytest

from node.casework.passing_on.post import Post
from node.peer.channels.outgoing import Limits, OwnEntry
from node.store import opening
from node.store.audits.audit import Audit
from node.store.sqlite import Store
from protocol import entry as entries
from protocol.vocabulary import Kind, Lane
from tests.builders.network import NOW_MS
from tests.contract.stores import KEY, Place, message, post
from tests.contract.test_store_outbox import LANE, LIMITS, PEER, Tenure, waiting

NARROW = Limits(1000, 1 << 20, 2000)
NO_ITEMS = LIMITS._replace(withheld=frozenset({int(Kind.ITEM)}))
FORBIDDEN = ("no_longer_permitted", f"{PEER}/{LANE}", NOW_MS)
TASK = ("entry_too_large", f"{PEER}/{LANE}", NOW_MS)


@pytest.fixture
async def tenure(store: Store) -> Tenure:
    """Give a tenure that has opened its epoch."""
    made = Tenure(store)
    await made.open()
    return made


async def urgencies(store: Store) -> tuple[int | None, dict[tuple[str, Lane], int]]:
    """What the channel, and all channels, have to send now."""
    found = await store.outbox.waiting({(PEER, LANE)})
    return await store.outbox.urgency(PEER, LANE), dict(found)


@pytest.mark.parametrize("urgency", [0, 1, 2])
async def test_g1_what_became_too_large_holds_nothing_up(tenure: Tenure, urgency: int) -> None:
    """However urgent it is: the others go, and a person hears of it."""
    large, small = message(1, size=3000, urgency=urgency), message(2)
    await post(tenure.store, large, small)
    push = await tenure.cut(limits=NARROW)
    assert push is not None
    assert push.entries == [small.entry]
    assert await tenure.store.queries.tasks() == [TASK]
    assert await waiting(tenure.store) == 1


async def test_what_is_held_back_asks_for_nothing(tenure: Tenure) -> None:
    """No work is seen where none can be done, again and again."""
    await post(tenure.store, message(1, size=3000))
    assert await tenure.cut(limits=NARROW) is None
    assert await urgencies(tenure.store) == (None, {})
    await post(tenure.store, message(2))
    assert await urgencies(tenure.store) == (1, {(PEER, LANE): 1})


async def test_g1_what_is_permitted_again_goes_by_itself(tenure: Tenure) -> None:
    """The keepers of the network were asked, and permit more: once, with its task ended."""
    large, small = message(1, size=3000), message(2)
    await post(tenure.store, large, small)
    await tenure.cut(limits=NARROW)
    push = await tenure.cut(OwnEntry(b"another registry"), limits=LIMITS)
    assert push is not None
    assert push.entries == [b"another registry", large.entry]
    assert (await waiting(tenure.store), await tenure.store.queries.tasks()) == (0, [])


async def test_g1_of_several_only_those_go_that_are_permitted(tenure: Tenure) -> None:
    """The first of them being still too large takes none of the others with it."""
    larger, large = message(1, size=5000), message(2, size=3000)
    await post(tenure.store, larger, large)
    assert await tenure.cut(limits=NARROW) is None
    push = await tenure.cut(limits=NARROW._replace(entry_bytes=4000))
    assert push is not None
    assert push.entries == [large.entry]
    assert (await waiting(tenure.store), await tenure.store.queries.tasks()) == (1, [TASK])


async def test_more_of_them_than_are_looked_at_leave_room_for_what_is_behind(
    tenure: Tenure,
) -> None:
    """Ten that are too large, where two are looked at at once."""
    small = message(11)
    await post(tenure.store, *(message(n, size=3000) for n in range(1, 11)), small)
    push = await tenure.cut(limits=NARROW._replace(push_entries=2))
    assert push is not None
    assert push.entries == [small.entry]


async def test_what_fits_into_no_push_is_held_back_as_well(tenure: Tenure) -> None:
    """Limits that an earlier version took over may permit an entry that no push can carry."""
    large, small = message(1, size=5000), message(2)
    await post(tenure.store, large, small)
    push = await tenure.cut(limits=Limits(1000, 4096, 65_536))
    assert push is not None
    assert push.entries == [small.entry]


async def test_what_is_held_back_is_found_in_its_place(tenure: Tenure, place: Place) -> None:
    """`hotline verify` takes it for what it is: a message that waits."""
    await post(tenure.store, message(1, size=3000))
    await tenure.cut(limits=NARROW)
    connection = opening.open_reader(place.where, KEY)
    try:
        audit = Audit(connection)
        assert audit.misplaced() == []
        assert [row.waiting for row in audit.messages()] == [1]
    finally:
        connection.close()


def sighted(number: int) -> Post:
    """Return a message of a kind that is permitted still."""
    entry = entries.Entry(1, Kind.SIGHTED, number.to_bytes(32, "big"), bytes(16), bytes(8))
    return Post(PEER, LANE, 1, Kind.SIGHTED, None, entry.id, entries.encode(entry))


@pytest.mark.parametrize("urgency", [0, 1, 2])
async def test_11_1_what_is_not_permitted_any_more_waits_and_holds_nothing_up(
    tenure: Tenure, urgency: int
) -> None:
    """However urgent it is: it is not signed, the others go, and a person hears of it."""
    item, other = message(1, urgency=urgency), sighted(2)
    await post(tenure.store, item, other)
    push = await tenure.cut(limits=NO_ITEMS)
    assert push is not None
    assert push.entries == [other.entry]
    assert await tenure.store.queries.tasks() == [FORBIDDEN]
    assert await waiting(tenure.store) == 1
    assert (await urgencies(tenure.store)) == (None, {})


async def test_11_1_what_is_permitted_again_goes_by_itself(tenure: Tenure) -> None:
    """Once, with its task ended."""
    item = message(1)
    await post(tenure.store, item)
    assert await tenure.cut(limits=NO_ITEMS) is None
    push = await tenure.cut(OwnEntry(b"another registry"), limits=LIMITS)
    assert push is not None
    assert push.entries == [b"another registry", item.entry]
    assert (await waiting(tenure.store), await tenure.store.queries.tasks()) == (0, [])


async def test_11_1_what_is_not_permitted_still_hides_nothing_that_is(tenure: Tenure) -> None:
    """Ten items, where two messages are looked at at once, and another kind is permitted again."""
    neither = NO_ITEMS._replace(withheld=frozenset({int(Kind.ITEM), int(Kind.SIGHTED)}))
    other = sighted(11)
    await post(tenure.store, *(message(n) for n in range(1, 11)), other)
    assert await tenure.cut(limits=neither) is None
    push = await tenure.cut(limits=NO_ITEMS._replace(push_entries=2))
    assert push is not None
    assert push.entries == [other.entry]
    assert await tenure.store.queries.tasks() == [FORBIDDEN]


async def test_11_1_what_waits_on_a_closed_channel_has_a_task_until_it_is_open(
    tenure: Tenure,
) -> None:
    """Also where it is held back on a channel that is open: that task is not ended here."""
    store, nobody, channel = tenure.store, frozenset[str](), f"{PEER}/{LANE}"
    await post(store, message(1))
    assert await store.outbox.note_closed({(PEER, LANE)}, nobody, NOW_MS) == nobody
    assert await store.queries.tasks() == []
    for _ in range(2):
        assert await store.outbox.note_closed(set(), nobody, NOW_MS) == {channel}
        assert await store.queries.tasks() == [FORBIDDEN]
    assert await tenure.cut(limits=NO_ITEMS) is None  # held back now
    await store.outbox.note_closed({(PEER, LANE)}, nobody, NOW_MS)
    assert await store.queries.tasks() == [FORBIDDEN]
    assert await tenure.cut() is not None
    assert await store.queries.tasks() == []
    await post(store, message(2))
    assert await store.outbox.note_closed(set(), frozenset({channel}), NOW_MS) == {channel}
    assert await store.queries.tasks() == []  # a person has closed it
    await store.outbox.note_closed(set(), nobody, NOW_MS)
    await store.outbox.note_closed({(PEER, LANE)}, nobody, NOW_MS)
    assert await store.queries.tasks() == []
