"""Contract of a store, states: what the row of an item does not tell, its history does."""

from __future__ import annotations

import msgspec
import pytest

from node.casework.casebook import Casebook, Needs
from node.casework.events import ErasedThere, Erasure, EventKind, Raised
from node.casework.incoming.bounding import MAX_SAID
from node.casework.incoming.hearing import hear_dispositions, is_plain
from node.casework.incoming.naming import Citation
from node.casework.item import Custody, ItemState, Review, Said
from node.casework.passing_on.routing import Forwarding
from node.store.items.queries import ItemQuery
from node.store.sqlite import Store
from protocol.dispositions import Cited, Dispositions
from protocol.entry import leaf
from protocol.facts import Hop
from protocol.vocabulary import Disposition, Kind, Lane
from tests.builders.cases import FINGERPRINTS, POSTBOX, US, event_id, file, ids, item, network
from tests.builders.network import NOW_MS
from tests.contract.stores import Place, message, post, record
from tests.contract.test_store_citing import LEAVES, SAID
from tests.contract.test_store_outbox import FIRST, PEER, Tenure

FORWARDING = Forwarding(network(), ids(), POSTBOX)
ROWS = "SELECT id, changed_seq, state FROM items ORDER BY id"
LATER_MS = NOW_MS + 60_000
IDS = [item(n).id for n in (1, 2, 3)]


def handed_on(number: int, to: str = PEER) -> ItemState:
    """An item that went to another member."""
    hops = (Hop("gb-iwf", NOW_MS), Hop(US, NOW_MS), Hop(PEER, NOW_MS))
    url = f"https://fr1.example/{number}.jpg"
    return item(number, url=url, custody=Custody.HANDED_ON, responsible=to, hops=hops)


async def say(store: Store) -> Tenure:
    """Hand the items over on a channel of their own."""
    await post(store, *SAID)
    tenure = Tenure(store)
    await tenure.open()
    await tenure.cut()
    return tenure


@pytest.fixture
async def said(store: Store) -> Tenure:
    """Give a channel on which three items were handed over; the third has moved on since."""

    def decide(book: Casebook) -> None:
        for state in (handed_on(1), handed_on(2), handed_on(3, to="gb-iwf")):
            record(book, state)

    await store.cases.transact(Needs(), NOW_MS, decide)
    return await say(store)


async def hear(
    store: Store,
    *places: int,
    disposition: Disposition = Disposition.NEW,
    responsible: str | None = PEER,
    needs: Needs | None = None,
) -> Casebook:
    """Hear one answer to the entries at these places."""
    cited = tuple(Cited(place, LEAVES[place]) for place in places)
    message = Dispositions(Lane.REPORTS, FIRST, disposition, responsible, LATER_MS, cited)
    needs = needs or Needs()
    needs.cited.append(Citation(PEER, Lane.REPORTS, FIRST, cited, is_plain(message, PEER)))
    _, book = await store.cases.transact(
        needs, LATER_MS, lambda book: hear_dispositions(book, FORWARDING, PEER, message)
    )
    return book


async def rows(store: Store) -> list[tuple[str, int, bytes]]:
    """The rows of the items."""
    return await store.readers.run(lambda c: c.execute(ROWS).fetchall())


async def answers(store: Store) -> dict[str, Disposition | None]:
    """What was answered of each item, as a page of items tells it."""
    return {state.id: state.answer for state in await store.queries.items(ItemQuery())}


async def look(store: Store, item_id: str) -> ItemState | None:
    """One item, as the API asks for it."""
    return await store.queries.item(item_id, FINGERPRINTS.item(item_id))


async def test_new_item_is_read_as_its_history_says(store: Store) -> None:
    """Its row has no state yet, whatever else happened to it in the same decision."""

    def decide(book: Casebook) -> None:
        record(book, item(1))
        record(book, item(2, url="https://nl1.example/2.jpg"))
        body = Raised(Review.HOP_CAP)
        book.record(IDS[0], EventKind.RAISED, body, at_ms=LATER_MS, actor=US)

    await store.cases.transact(Needs(), NOW_MS, decide)
    assert [row[1:] for row in await rows(store)] == [(3, b""), (2, b"")]
    first, second = await look(store, IDS[0]), await look(store, IDS[1])
    assert first == msgspec.structs.replace(item(1), reviews=(Review.HOP_CAP,), revision=1)
    assert second == item(2, url="https://nl1.example/2.jpg")


async def test_item_that_comes_again_after_its_erasure_begins_anew(store: Store) -> None:
    """What stands in the history from before its end is not folded into it."""

    def erase(book: Casebook) -> None:
        book.erase(book.loaded.items[IDS[0]], Erasure(event_id(7), "error", ()))
        book.note_erased_there(IDS[0], ErasedThere(event_id(8, PEER), PEER))

    await store.cases.transact(Needs(), NOW_MS, lambda book: record(book, item(1)))
    await store.cases.transact(Needs(items={IDS[0]}), LATER_MS, erase)
    await store.cases.transact(Needs(), LATER_MS, lambda book: record(book, item(1, file(7))))
    assert await look(store, IDS[0]) == item(1, file(7))


async def test_answer_about_an_item_that_is_loaded_for_its_file_stands_in_its_state(
    store: Store,
) -> None:
    """What else the decision changes of it would be written without the answer."""
    with_file = msgspec.structs.replace(handed_on(1), content=(file(7),))
    beside = item(4, file(7), url="https://nl1.example/4.jpg")

    def arrive(book: Casebook) -> None:
        for one in (with_file, beside):
            record(book, one)

    await store.cases.transact(Needs(), NOW_MS, arrive)
    await say(store)
    cited = (Cited(0, LEAVES[0]),)
    message = Dispositions(Lane.REPORTS, FIRST, Disposition.NEW, PEER, LATER_MS, cited)
    citation = Citation(PEER, Lane.REPORTS, FIRST, cited, is_plain(message, PEER))

    def decide(book: Casebook) -> None:
        book.raise_review(IDS[0], Review.HOP_CAP)
        hear_dispositions(book, FORWARDING, PEER, message)

    needs = Needs(items={beside.id}, alike={beside.id}, cited=[citation])
    await store.cases.transact(needs, LATER_MS, decide)
    seen = await look(store, IDS[0])
    assert seen is not None
    assert (seen.answer, seen.reviews) == (Disposition.NEW, (Review.HOP_CAP,))


async def test_work_comes_in_the_order_of_urgency(store: Store) -> None:
    """And within it in that of time, whatever the ids say."""

    def decide(book: Casebook) -> None:
        for number, at_ms, risk in ((1, 3, False), (2, 2, False), (3, 4, True)):
            url = f"https://nl1.example/{number}.jpg"
            waits = {"custody": Custody.LOCATING, "responsible": None, "due_ms": at_ms}
            record(book, item(number, url=url, child_at_risk=risk, **waits))

    await store.cases.transact(Needs(), NOW_MS, decide)
    due = await store.queries.to_locate(NOW_MS, 2)
    assert [state.id for state in due] == [IDS[2], IDS[1]]


async def test_answer_is_an_event_and_the_row_stays(said: Tenure) -> None:
    """The history grows; no row of an item is written for it."""
    before = await rows(said.store)
    await hear(said.store, 0, 1)
    assert await rows(said.store) == before
    events = await said.store.queries.events(3, 10)
    assert [(event.item, event.kind) for _, event in events] == [
        (IDS[0], EventKind.ANSWERED),
        (IDS[1], EventKind.ANSWERED),
    ]


async def test_g11_answers_of_crowds_are_counted_from_the_second_on(said: Tenure) -> None:
    """One entry is cited again and again: the first is an event, then the item is looked at."""
    books = [await hear(said.store, 0) for _ in range(MAX_SAID + 2)]
    assert books[-1].tasks == [("said_over_bound", f"{PEER}/{IDS[0]}")]
    state = await look(said.store, IDS[0])
    assert state is not None
    assert state.said == (Said(PEER, 0, MAX_SAID),)


async def test_answered_item_is_read_with_its_answer(said: Tenure) -> None:
    """Alone and in a page; the others are as they were."""
    await hear(said.store, 0)
    state = await look(said.store, IDS[0])
    assert state is not None
    assert (state.answer, state.answered_by, state.revision) == (Disposition.NEW, PEER, 1)
    assert await answers(said.store) == {IDS[0]: Disposition.NEW, IDS[1]: None, IDS[2]: None}


async def test_first_answer_stays_the_answer(said: Tenure) -> None:
    """Later ones are about later sightings."""
    await hear(said.store, 0)
    await hear(said.store, 0, disposition=Disposition.DUPLICATE)
    state = await look(said.store, IDS[0])
    assert state is not None
    assert (state.answer, state.revision) == (Disposition.NEW, 2)


async def test_next_change_brings_the_answer_into_the_row(said: Tenure) -> None:
    """What a decision loads has the answer, and what it writes has both."""
    await hear(said.store, 0)

    def decide(book: Casebook) -> Disposition | None:
        answer = book.loaded.items[IDS[0]].answer
        body = Raised(Review.HOP_CAP)
        book.record(IDS[0], EventKind.RAISED, body, at_ms=LATER_MS, actor=US)
        return answer

    found, _ = await said.store.cases.transact(Needs(items={IDS[0]}), LATER_MS, decide)
    assert found is Disposition.NEW
    assert [(seq, bool(state)) for _, seq, state in await rows(said.store)] == [
        (5, True),
        (2, False),
        (3, False),
    ]
    state = await look(said.store, IDS[0])
    assert state is not None
    assert (state.answer, state.reviews) == (Disposition.NEW, (Review.HOP_CAP,))


async def test_age_counts_from_the_answer(said: Tenure) -> None:
    """It is the last that happened (retention)."""
    await hear(said.store, 0)
    aged = await said.store.queries.aged("", 10, NOW_MS)
    assert [(one.id, one.changed_ms, one.state is None) for one in aged] == [
        (IDS[0], LATER_MS, True),
        (IDS[1], NOW_MS, False),
        (IDS[2], NOW_MS, False),
    ]
    old = (await said.store.queries.aged("", 10, LATER_MS))[0].state
    assert old is not None
    assert old.answer is Disposition.NEW


async def test_answer_that_moves_the_item_writes_its_row(said: Tenure) -> None:
    """Another is responsible: the column says so."""
    before = await rows(said.store)
    await hear(said.store, 0, responsible="gb-iwf")
    after = await rows(said.store)
    assert (after[0] != before[0], after[1:]) == (True, before[1:])
    found = await said.store.queries.items(ItemQuery(responsible="gb-iwf"))
    assert [(state.id, state.answer) for state in found] == [
        (IDS[0], Disposition.NEW),
        (IDS[2], None),
    ]


async def test_item_that_is_elsewhere_by_now_is_looked_at_whole(said: Tenure) -> None:
    """The third has another holder: who answers late becomes responsible in its row again."""
    await hear(said.store, 2)
    assert [row[1] for row in await rows(said.store)] == [1, 2, 4]


async def test_answer_to_another_entry_about_the_item_is_looked_at_whole(said: Tenure) -> None:
    """Only what handed it over says for certain that it went to the member that answers."""
    sighted = msgspec.structs.replace(message(4), kind=Kind.SIGHTED, item=IDS[0])
    await post(said.store, sighted)
    await said.cut()
    cited = (Cited(3, leaf(sighted.entry)),)
    citation = Citation(PEER, Lane.REPORTS, FIRST, cited, plain=True)

    def decide(book: Casebook) -> tuple[list[str], set[tuple[str, str]]]:
        return sorted(book.loaded.items), book.loaded.answered

    found, _ = await said.store.cases.transact(Needs(cited=[citation]), LATER_MS, decide)
    assert found == ([IDS[0]], set())


async def test_answer_to_an_earlier_hand_over_of_the_item_is_looked_at_whole(said: Tenure) -> None:
    """It came back and went there anew: its state tells which of the two is answered."""
    await post(said.store, msgspec.structs.replace(message(4), item=IDS[0]))
    cited = (Cited(0, LEAVES[0]),)
    citation = Citation(PEER, Lane.REPORTS, FIRST, cited, plain=True)

    def decide(book: Casebook) -> tuple[list[str], dict[tuple[str, bytes], bytes]]:
        return sorted(book.loaded.items), book.loaded.cited_ids

    found, _ = await said.store.cases.transact(Needs(cited=[citation]), LATER_MS, decide)
    assert found == ([IDS[0]], {(PEER, LEAVES[0]): SAID[0].entry_id})


async def test_item_that_the_batch_needs_anyhow_is_written_once_and_whole(said: Tenure) -> None:
    """Two decisions about it in one batch meet in one state."""
    book = await hear(said.store, 0, 1, needs=Needs(items={IDS[0]}))
    assert (list(book.changed), book.answered) == ([IDS[0]], [IDS[1]])
    assert await answers(said.store) == {
        IDS[0]: Disposition.NEW,
        IDS[1]: Disposition.NEW,
        IDS[2]: None,
    }


async def test_item_that_was_erased_since_hears_nothing(said: Tenure) -> None:
    """Its row is gone, and no event follows."""

    def erase(book: Casebook) -> None:
        book.erase(book.loaded.items[IDS[0]], Erasure(event_id(7), "error", ()))

    await said.store.cases.transact(Needs(items={IDS[0]}), LATER_MS, erase)
    book = await hear(said.store, 0, 1)
    assert [event.item for event in book.events] == [IDS[1]]
    assert book.tasks == []


async def test_answer_survives_a_restart(said: Tenure, place: Place) -> None:
    """Nothing of it was only in memory."""
    await hear(said.store, 1)
    await said.store.close()
    store = place.open()
    assert (await answers(store))[IDS[1]] is Disposition.NEW
    await store.close()
