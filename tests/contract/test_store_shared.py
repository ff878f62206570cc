"""Contract of a store, what all are told of contents: as it stands, and who was told so far."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from node.casework.casebook import Casebook, Needs
from node.casework.contents.introducing import START, Behind
from node.casework.events import EventKind
from node.casework.working import UNKNOWN, Given
from node.ids import Ids
from node.store.sqlite import Store
from protocol.facts import Assessment
from protocol.messages import Message
from protocol.verdicts import ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import Kind, Lane, Urgency
from tests.builders.cases import US, file, item, verdict
from tests.builders.network import NOW_MS
from tests.contract.stores import message, post, record

IDS = Ids(US)
PEERS = ("fr-pdc", "gb-iwf")


def given(minted: str | None = None) -> Assessment:
    """Return a verdict of ours with an id that was minted now."""
    one = verdict(member=US)
    return msgspec.structs.replace(one, event_id=minted or IDS.mint(NOW_MS))


def word(one: Assessment, part: int = 0, **hashes: int) -> ContentVerdict:
    """Return what all are told of one file."""
    return ContentVerdict(one, part, file(part + 1, **hashes))


def back(one: Assessment) -> ContentVerdictWithdrawn:
    """Return that it is taken back."""
    return ContentVerdictWithdrawn(one.event_id, NOW_MS)


async def tell(store: Store, *said: Message) -> None:
    """Tell all, in one transaction."""
    await store.cases.transact(Needs(), NOW_MS, lambda book: book.shared.extend(said))


async def test_what_stands_is_read_piece_by_piece_in_the_order_of_ids(store: Store) -> None:
    """From any place on, and nothing twice."""
    first, second = sorted((given(), given()), key=lambda one: one.event_id)
    said = [word(first), word(first, 1), word(second)]
    await tell(store, *reversed(said))
    assert await store.shared.standing(START, 2) == said[:2]
    assert await store.shared.standing((first.event_id, 1), 2) == said[2:]
    assert await store.shared.standing((second.event_id, 0), 2) == []


async def test_the_fuller_word_stands_whatever_came_last(store: Store) -> None:
    """A poorer one says nothing new."""
    one = given()
    await tell(store, word(one), word(one, md5=1), word(one))
    assert await store.shared.standing(START, 9) == [word(one, md5=1)]


async def test_what_is_taken_back_is_gone_with_all_its_files_for_ever(store: Store) -> None:
    """Also if it came first, as it may when a lost node comes back."""
    one, other = given(), given()
    await tell(store, word(one), word(one, 1), back(one), word(one, 2), back(other), word(other))
    assert await store.shared.standing(START, 9) == []
    assert await store.queries.given(one.event_id) == Given((), (), is_gone=True)


async def test_what_was_never_told_is_unknown(store: Store) -> None:
    """An id with a time at the end of all times, too."""
    for event_id in (given().event_id, f"{US}.7ZZZZZZZZZZZZZZZZZZZZZZZZZ"):
        assert await store.queries.given(event_id) == UNKNOWN


async def test_item_of_a_verdict_is_found_by_its_id(store: Store) -> None:
    """One that was given in the same millisecond of another item is another."""
    one, other = given(), given()

    def decide(book: Casebook) -> None:
        for number, of in ((1, one), (2, other)):
            record(book, item(number))
            book.record(item(number).id, EventKind.ASSESSED, of, at_ms=NOW_MS, actor=US)

    await store.cases.transact(Needs(), NOW_MS, decide)
    await tell(store, word(one), word(one, 1))
    found = await store.queries.given(one.event_id)
    assert found == Given((file(1), file(2)), (item(1).id,), is_gone=False)


async def test_each_that_hears_it_is_behind_until_it_was_told_all(store: Store) -> None:
    """In pieces; who does not hear it any more begins anew."""
    shared = store.shared
    assert await shared.behind(PEERS, 9) == Behind("fr-pdc", START)
    await shared.note("fr-pdc", ("x", 3))
    assert await shared.behind(PEERS, 9) == Behind("fr-pdc", ("x", 3))
    await shared.note("fr-pdc", None)
    assert await shared.behind(PEERS, 9) == Behind("gb-iwf", START)
    await shared.note("gb-iwf", None)
    assert await shared.behind(PEERS, 9) is None
    assert await shared.behind(PEERS[1:], 9) is None
    assert await shared.behind(PEERS, 9) == Behind("fr-pdc", START)


async def test_who_has_enough_waiting_for_it_holds_up_no_other(store: Store) -> None:
    """Pieces that were told it before, and what all are told; not what is on another lane."""
    bulk = [message(n, lane=Lane.BULK, urgency=u) for n, u in enumerate((1, Urgency.BULK))]
    await post(store, message(9, urgency=Urgency.BULK), *bulk)
    assert await store.shared.behind(PEERS, 3) == Behind("fr-pdc", START)
    assert await store.shared.behind(PEERS, 2) == Behind("gb-iwf", START)
    assert await store.shared.behind(PEERS[:1], 2) is None
    assert bulk[0].kind == Kind.ITEM


async def test_a_decision_that_fails_keeps_no_word(store: Store) -> None:
    """It is part of the transaction."""

    def decide(book: Casebook) -> None:
        book.shared.append(word(given()))
        raise ZeroDivisionError

    with suppress(ZeroDivisionError):
        await store.cases.transact(Needs(), NOW_MS, decide)
    assert await store.shared.standing(START, 9) == []
