"""Look-ups: a slow name server holds up only what it was asked for, a failing one nothing."""

from __future__ import annotations

import asyncio

from node.casework.item import ItemState
from node.casework.places.lookups import AT_ONCE, LOOK_AGAIN_MS, Found, LookUps
from protocol.facts import Jurisdiction, Location
from protocol.vocabulary import HostingState
from tests.builders.cases import country, item
from tests.builders.network import NOW_MS


class NameServers:
    """Answers at once, never until told, or with a failure, by the item's number."""

    def __init__(self, *, slow: set[str] = frozenset(), broken: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        self.slow, self.broken = slow, broken
        self.gate = asyncio.Event()
        self.asked: list[str] = []

    async def locate(self, state: ItemState, now_ms: int) -> Found:
        """Return the Netherlands."""
        del now_ms
        self.asked.append(state.id)
        if state.id in self.broken:
            raise RuntimeError
        if state.id in self.slow:
            await self.gate.wait()
        return country("NL"), None

    def known(self, location: Location | None, now_ms: int) -> Jurisdiction | None:
        """Know nothing."""
        del location, now_ms
        return None


async def test_nothing_due_asks_nobody() -> None:
    """And returns at once."""
    assert await LookUps(NameServers()).answers([], NOW_MS) == {}


async def test_slow_answer_holds_up_no_other() -> None:
    """It comes when it comes."""
    servers = NameServers(slow={item(1).id})
    look_ups = LookUps(servers)
    first = await look_ups.answers([item(1), item(2)], NOW_MS)
    assert set(first) == {item(2).id}
    servers.gate.set()
    assert set(await look_ups.answers([], NOW_MS)) == {item(1).id}


async def test_item_under_way_is_not_asked_for_again() -> None:
    """However often it is found due."""
    servers = NameServers(slow={item(1).id})
    look_ups = LookUps(servers)
    for _ in range(3):
        await look_ups.answers([item(1)], NOW_MS)
    assert servers.asked == [item(1).id]
    servers.gate.set()
    await look_ups.answers([], NOW_MS)


async def test_failing_look_up_is_unresolved_and_tried_again_later() -> None:
    """It is neither `none` nor an end of all placing."""
    servers = NameServers(broken={item(1).id})
    found = await LookUps(servers).answers([item(1), item(2)], NOW_MS)
    assert found[item(2).id] == (country("NL"), None)
    jurisdiction, retry_ms = found[item(1).id]
    assert (jurisdiction.state, retry_ms) == (HostingState.UNRESOLVED, NOW_MS + LOOK_AGAIN_MS)


async def test_few_are_asked_for_at_once() -> None:
    """An urgent item does not queue behind thousands."""
    many = [item(n) for n in range(1, AT_ONCE + 50)]
    servers = NameServers(slow={one.id for one in many})
    look_ups = LookUps(servers)
    await look_ups.answers(many, NOW_MS)
    assert len(servers.asked) == AT_ONCE
    servers.gate.set()
    await look_ups.answers([], NOW_MS)
