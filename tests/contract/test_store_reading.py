"""Contract of a store, reading: views, work lists, facts, signed heads."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from node.casework.casebook import Casebook, Needs
from node.casework.events import Event, EventKind, Recorded
from node.casework.item import Custody, ItemState, Review
from node.store.errors import StoreError
from node.store.history import Head
from node.store.items import queries
from node.store.items.queries import ItemQuery
from node.store.seam import Connection
from node.store.sqlite import Store
from protocol.vocabulary import Kind, Lane
from tests.builders.cases import FINGERPRINTS, country, event_id, item
from tests.builders.network import NOW_MS
from tests.contract.stores import STORES, Place, message, post, record, record_items


async def keep(store: Store, *states: ItemState) -> None:
    """Record items as they are."""

    def decide(book: Casebook) -> None:
        for state in states:
            record(book, state)

    await store.cases.transact(Needs(), NOW_MS, decide)


def states() -> list[ItemState]:
    """Items that differ in every column that can be asked for."""
    return [
        item(1, jurisdiction=country("NL")),
        item(2, jurisdiction=country("FR"), custody=Custody.HANDED_ON, responsible="fr-pdc"),
        item(3, custody=Custody.LOCATING, responsible=None, due_ms=NOW_MS),
        item(4, reviews=(Review.HOP_CAP,), jurisdiction=country("NL")),
    ]


class TestItems:
    """What the API lists."""

    @pytest.mark.parametrize("limit", [1, 3, 100])
    @pytest.mark.parametrize(
        ("wanted", "numbers"),
        [
            ({"country": "NL"}, [1, 4]),
            ({"custody": "handed_on"}, [2]),
            ({"review": False}, [1, 2, 3]),
            ({"changed_after": 2}, [3, 4]),
            ({"custody": "here", "changed_after": 2}, [4]),
            ({"country": "XX"}, []),
        ],
    )
    async def test_stretch_by_stretch_a_page_is_what_it_is_at_once(
        self,
        store: Store,
        wanted: dict[str, Any],
        numbers: list[int],
        limit: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Whatever lies between those that are meant: a page is as full as it can be."""
        monkeypatch.setattr(queries, "STRETCH", 1)
        for state in states():
            await keep(store, state)
        found = await store.queries.items(ItemQuery(**wanted, limit=limit))
        assert [one.id for one in found] == [event_id(n, "gb-iwf") for n in numbers[:limit]]

    @pytest.mark.parametrize(
        ("wanted", "numbers"),
        [
            ({}, [1, 2, 3, 4]),
            ({"custody": "here"}, [1, 4]),
            ({"custody": "handed_on"}, [2]),
            ({"country": "NL"}, [1, 4]),
            ({"responsible": "fr-pdc"}, [2]),
            ({"review": True}, [4]),
            ({"review": False}, [1, 2, 3]),
            ({"country": "NL", "review": False}, [1]),
            ({"country": "XX"}, []),
            ({"limit": 2}, [1, 2]),
            ({"after": event_id(2, "gb-iwf")}, [3, 4]),
            ({"changed_after": 2}, [3, 4]),
        ],
    )
    async def test_every_filter_that_is_given_must_hold(
        self, store: Store, wanted: dict[str, Any], numbers: list[int]
    ) -> None:
        """In the order of ids."""
        for state in states():
            await keep(store, state)
        found = await store.queries.items(ItemQuery(**wanted))
        assert [one.id for one in found] == [event_id(n, "gb-iwf") for n in numbers]

    async def test_items_that_were_handed_to_a_member_are_found_wherever_they_are_now(
        self, store: Store
    ) -> None:
        """Not by what else was said of them to it, nor by what was handed to others."""
        for state in states():
            await keep(store, state)
        to_it = msgspec.structs.replace(message(1, peer="nl-eokm"), item=event_id(2, "gb-iwf"))
        other = msgspec.structs.replace(message(2, peer="fr-pdc"), item=event_id(1, "gb-iwf"))
        told = msgspec.structs.replace(
            message(3, peer="nl-eokm"), item=event_id(4, "gb-iwf"), kind=int(Kind.OUTCOME)
        )
        await post(store, to_it, other, told)
        found = await store.queries.items(ItemQuery(handed_to="nl-eokm"))
        assert [(one.id, one.responsible) for one in found] == [(event_id(2, "gb-iwf"), "fr-pdc")]
        assert await store.queries.items(ItemQuery(handed_to="nl-eokm", custody="here")) == []

    async def test_item_is_found_by_its_id_and_by_any_alias(self, store: Store) -> None:
        """And by nothing else."""
        alias = event_id(77, "fr-pdc")
        await keep(store, item(1, aliases=(alias,)))

        def index(book: Casebook) -> None:
            book.add_key(FINGERPRINTS.item(alias), item(1).id)

        await store.cases.transact(Needs(), NOW_MS, index)
        for asked in (item(1).id, alias):
            found = await store.queries.item(asked, FINGERPRINTS.item(asked))
            assert found is not None
            assert found.id == item(1).id
        other = event_id(78)
        assert await store.queries.item(other, FINGERPRINTS.item(other)) is None

    async def test_pages_follow_each_other_without_a_gap(self, store: Store) -> None:
        """Each begins after the last id of the one before."""
        await record_items(store, *range(1, 26))
        seen: list[str] = []
        while page := await store.queries.items(ItemQuery(after=seen[-1] if seen else "", limit=7)):
            seen.extend(one.id for one in page)
        assert seen == [item(n).id for n in range(1, 26)]


class TestToLocate:
    """The work list of placing."""

    def due(self, number: int, due_ms: int | None, *, alarm: bool = False) -> ItemState:
        """An item that is to be located then."""
        return item(
            number,
            custody=Custody.LOCATING,
            responsible=None,
            due_ms=due_ms,
            child_at_risk=alarm,
        )

    async def test_urgent_items_are_located_first_then_the_longest_due(self, store: Store) -> None:
        """A child at risk bypasses the queue."""
        await keep(
            store,
            self.due(1, NOW_MS - 1),
            self.due(2, NOW_MS - 5),
            self.due(3, NOW_MS, alarm=True),
            self.due(4, NOW_MS + 1),
            self.due(5, None),
        )
        found = await store.queries.to_locate(NOW_MS, 10)
        assert [one.id for one in found] == [item(n).id for n in (3, 2, 1)]

    async def test_what_a_wrong_clock_put_off_for_days_is_due(self, store: Store) -> None:
        """No look-up is put off by more than an hour: the clock has been put back since."""
        hour = 3_600_000
        await keep(store, self.due(1, NOW_MS + hour), self.due(2, NOW_MS + hour + 1))
        found = await store.queries.to_locate(NOW_MS, 10)
        assert [one.id for one in found] == [item(2).id]

    async def test_what_is_here_may_wait_for_days_until_it_is_located_again(
        self, store: Store
    ) -> None:
        """A person has time to look; what a wrong clock put off for longer is due."""
        day = 86_400_000
        here = [
            item(number, custody=Custody.HERE, due_ms=NOW_MS + days * day)
            for number, days in ((1, 0), (2, 1), (3, 31), (4, 32))
        ]
        await keep(store, *here)
        found = await store.queries.to_locate(NOW_MS, 10)
        assert [one.id for one in found] == [item(1).id, item(4).id]
        assert (await store.queries.figures())["items_locating"] == 0

    async def test_nothing_is_due_where_nothing_is_to_be_located(self, store: Store) -> None:
        """An idle node has nothing to wake for."""
        await keep(store, self.due(1, None))
        assert await store.queries.to_locate(NOW_MS, 10) == []


class TestAged:
    """What retention walks through."""

    async def test_items_come_in_order_with_states_where_they_are_old_enough(
        self, store: Store
    ) -> None:
        """The age is that of the last event, not of the item."""
        made = states()
        await keep(store, *made)

        def raised(book: Casebook) -> None:
            book.raise_review(made[1].id, Review.PERHAPS_BACK)

        await store.cases.transact(Needs(items={made[1].id}), NOW_MS + 5, raised)
        found = await store.queries.aged("", 3, NOW_MS)
        assert [(one.id, one.state is None, one.changed_ms) for one in found] == [
            (made[0].id, False, NOW_MS),
            (made[1].id, True, NOW_MS + 5),
            (made[2].id, False, NOW_MS),
        ]
        assert [one.state for one in await store.queries.aged(made[2].id, 3, NOW_MS)] == [made[3]]


class TestFeed:
    """What changed, in order."""

    async def test_events_come_back_as_they_were_recorded(self, store: Store) -> None:
        """Kind, times, actor and body."""
        await record_items(store, 1)
        ((seq, event),) = await store.queries.events(0, 10)
        assert isinstance(event, Event)
        assert (seq, event.kind, event.at_ms) == (1, EventKind.RECORDED, NOW_MS)
        assert event.body == Recorded(item(1, url="https://nl1.example/1.jpg"), None)

    async def test_feed_is_resumed_after_any_cursor(self, store: Store) -> None:
        """In pages of any size."""
        await record_items(store, *range(1, 11))
        for after in range(11):
            found = [seq for seq, _ in await store.queries.events(after, 3)]
            assert found == list(range(after + 1, 11))[:3]
        assert await store.queries.last_event() == 10


class TestHistory:
    """Signed heads, and facts about the database."""

    async def test_head_covers_everything_that_happened(self, store: Store) -> None:
        """And is signed once."""
        signed: list[Head] = []

        def sign(head: Head) -> bytes:
            signed.append(head)
            return b"signed"

        assert await store.history.sign_head(sign) is None
        await record_items(store, 1, 2)
        assert await store.history.sign_head(sign) == signed[0]
        assert await store.history.sign_head(sign) is None
        await record_items(store, 3)
        await store.history.sign_head(sign)
        assert [head.size for head in signed] == [2, 3]

    async def test_head_that_could_not_be_signed_is_not_kept(self, store: Store) -> None:
        """The next time it is signed."""
        await record_items(store, 1)

        def fail(_: Head) -> bytes:
            raise RuntimeError

        with pytest.raises(RuntimeError):
            await store.history.sign_head(fail)
        assert await store.history.sign_head(lambda _: b"signed") is not None

    async def test_fact_is_kept_changed_and_forgotten(self, place: Place) -> None:
        """Over restarts."""
        store = place.open()
        assert await store.history.fact("tenure") is None
        await store.history.set_fact("tenure", "1")
        await store.history.set_fact("tenure", "2")
        await store.close()
        store = place.open()
        assert await store.history.fact("tenure") == "2"
        await store.history.set_fact("tenure", None)
        assert await store.history.fact("tenure") is None
        await store.close()


class TestFigures:
    """What operators see."""

    async def test_channels_show_what_waits_and_since_when(self, store: Store) -> None:
        """The oldest of the most urgent."""
        await store.outbox.take_over("fr-pdc", Lane.REPORTS)
        await post(store, message(1), message(2))
        (figures,) = await store.queries.channels()
        assert (figures.peer, figures.lane, figures.waiting) == ("fr-pdc", "reports", 2)
        assert figures.oldest_waiting_ms == NOW_MS

    async def test_figures_count_what_is_there(self, store: Store) -> None:
        """Items by what they wait for."""
        for state in states():
            await keep(store, state)
        figures = await store.queries.figures()
        assert {name: figures[name] for name in ("items", "items_locating", "items_in_review")} == {
            "items": 4,
            "items_locating": 1,
            "items_in_review": 1,
        }
        assert figures["events"] == 4


def test_state_of_a_row_is_the_whole_state() -> None:
    """Columns are for filters; nothing is only in them."""
    state = states()[3]
    assert msgspec.structs.asdict(state)["reviews"] == (Review.HOP_CAP,)


def fails_on_the_way(connection: Connection) -> None:
    """Begin to look at one moment of the store, and break off."""
    connection.execute("BEGIN")
    connection.execute("SELECT 1 FROM items").fetchall()
    connection.execute("SELECT 1 FROM there_is_no_such_table")


class TestReaders:
    """Connections that one query after the other gets."""

    MEANT = STORES[1:]

    async def test_query_that_fails_half_way_spoils_no_later_one(self, store: Store) -> None:
        """A server refuses all else in its transaction; a file would answer from the past."""
        for _ in range(3):
            with pytest.raises(StoreError):
                await store.readers.run(fails_on_the_way)
        await record_items(store, 1)
        counted = [(await store.queries.figures())["items"] for _ in range(3)]
        assert counted == [1, 1, 1]
