"""An unsure place, from intake to its deadline: first an analyst, then the best candidate."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from node.api.access import Scope
from node.casework.item import Custody, Review
from node.casework.passing_on.routing import DEADLINE_FLAG, LOCATING_URGENT_MS, MEDIUM_FLAG
from node.casework.places.placing import Places
from node.casework.reports.draft import ActionDraft
from node.jurisdiction.locate import LAST_RETRY_MS, Located
from node.jurisdiction.locations import Location
from node.store.items.queries import ItemQuery
from protocol.vocabulary import Action
from tests.node.api.conftest import Client, LocalNode

HOUR_MS = 3_600_000
REPORT = {"source": "public", "reference": "1", "items": [{"url": "https://site7.example/a.jpg"}]}


class Quarrel:
    """Databases that do not agree: two say NL, one says FR; `sure` puts an end to it."""

    def __init__(self) -> None:
        self.answer = self.said("low", "disputed", None)

    def said(self, confidence: Any, state: Any, country: str | None) -> Located:
        """Return a finding over the same ballots."""
        rows = tuple(
            ("ballot", "203.0.113.7", f"db{n}", 1_780_000_000_000, "203.0.113.0/24", c, c)
            for n, c in enumerate(("NL", "FR", "NL"))
        )
        return Located(state, country, confidence, rows, best="NL")

    def sure(self, country: str, confidence: str = "high") -> None:
        """Let all agree from now on."""
        self.answer = self.said(confidence, "country", country)

    def locate_cached(self, location: Location, now_ms: int) -> Located | None:
        """Return what the databases say."""
        del location, now_ms
        return self.answer

    async def locate(self, location: Location, now_ms: int, *, attempts: int = 0) -> Located:
        """Nobody is ever asked."""
        raise AssertionError((location, now_ms, attempts))


@pytest.fixture
def quarrel() -> Quarrel:
    """Give databases that quarrel."""
    return Quarrel()


@pytest.fixture
async def local(tmp_path: Path, quarrel: Quarrel) -> AsyncIterator[LocalNode]:
    """Give a node that places everything by them; people have an hour."""
    node = LocalNode(tmp_path / "node.db", places=Places(quarrel, HOUR_MS))
    node.open()
    yield node
    await node.store.close()


@pytest.fixture
async def taken(
    local: LocalNode, quarrel: Quarrel, aiohttp_client: Callable[..., Awaitable[Client]]
) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Hand in one report and locate; give `taken()`, which returns the item as it stands."""
    client = await aiohttp_client(local.app(), headers=await local.token(Scope.ADMIN))
    answer = await (await client.post("/api/v1/reports", json=REPORT)).json()
    item_id = answer["items"][0]["item_id"]
    await local.desk.locate_due()
    assert quarrel.answer.state == "disputed"

    async def read() -> dict[str, Any]:
        told: dict[str, Any] = await (await client.get(f"/api/v1/items/{item_id}")).json()
        return told

    return read


Taken = Callable[[], Awaitable[dict[str, Any]]]


async def test_it_is_here_first_and_in_front_of_an_analyst(taken: Taken, local: LocalNode) -> None:
    """We are responsible meanwhile; until when stands with it."""
    told = await taken()
    assert (told["custody"], told["review"], told["flag"]) == ("here", "location_uncertain", None)
    assert told["located_again"] is not None
    local.now += HOUR_MS - 1
    assert await local.desk.locate_due() == 0


async def test_at_the_deadline_it_goes_to_the_best_candidate_with_a_flag(
    taken: Taken, local: LocalNode
) -> None:
    """Nothing stands still; it is no longer in front of anybody here."""
    local.now += HOUR_MS
    await local.desk.locate_due()
    told = await taken()
    assert (told["custody"], told["responsible"]) == ("handed_on", "nl-eokm")
    assert (told["flag"], told["review"], told["located_again"]) == (DEADLINE_FLAG, None, None)
    assert told["jurisdiction"]["confidence"] == "low"
    assert await local.desk.locate_due() == 0


async def test_what_became_sure_goes_without_a_flag(
    taken: Taken, local: LocalNode, quarrel: Quarrel
) -> None:
    """High: by itself. Medium: by itself, with a flag."""
    quarrel.sure("NL", "medium")
    local.now += HOUR_MS
    await local.desk.locate_due()
    told = await taken()
    assert (told["custody"], told["flag"]) == ("handed_on", MEDIUM_FLAG)


async def test_what_turns_out_to_be_ours_stays_and_waits_for_nobody(
    taken: Taken, local: LocalNode, quarrel: Quarrel
) -> None:
    """High confidence: no flag."""
    quarrel.sure("GB")
    local.now += HOUR_MS
    await local.desk.locate_due()
    told = await taken()
    assert (told["custody"], told["review"], told["flag"]) == ("here", None, None)
    assert told["jurisdiction"]["country"] == "GB"
    assert told["located_again"] is None


async def test_an_analyst_who_was_quicker_has_the_last_word(taken: Taken, local: LocalNode) -> None:
    """He kept it here, by an action: no deadline moves it any more."""
    (state,) = await local.store.queries.items(ItemQuery())
    await local.desk.act(state.id, ActionDraft(action=Action.HOST_NOTIFIED), actor="analyst-7")
    local.now += HOUR_MS
    await local.desk.locate_due()
    (after,) = await local.store.queries.items(ItemQuery())
    assert (after.custody, after.due_ms) == (Custody.HERE, None)
    assert Review.LOCATION_UNCERTAIN not in after.reviews
    assert (await taken())["custody"] == "here"
    assert await local.desk.locate_due() == 0


@pytest.mark.parametrize("action", [Action.LEA_NOTIFIED, Action.SEEN_ONLINE])
async def test_who_tells_police_or_checks_ends_no_deadline(
    taken: Taken, local: LocalNode, action: Action
) -> None:
    """Both are due at once, wherever it is: it would have stood still here, before nobody."""
    (state,) = await local.store.queries.items(ItemQuery())
    await local.desk.act(state.id, ActionDraft(action=action), actor="analyst-7")
    assert (await taken())["review"] == "location_uncertain"
    local.now += HOUR_MS
    await local.desk.locate_due()
    assert (await taken())["responsible"] == "nl-eokm"


async def test_what_is_gone_is_not_handed_on(taken: Taken, local: LocalNode) -> None:
    """It was removed while it waited."""
    (state,) = await local.store.queries.items(ItemQuery())
    await local.desk.act(state.id, ActionDraft(action=Action.REMOVED), actor="analyst-7")
    local.now += HOUR_MS
    await local.desk.locate_due()
    assert (await taken())["custody"] == "here"
    assert await local.desk.locate_due() == 0


async def test_notice_is_refused_where_the_item_turns_out_to_be_elsewhere(
    local: LocalNode, quarrel: Quarrel, aiohttp_client: Callable[..., Awaitable[Client]]
) -> None:
    """The answer says who has it now, and nothing was recorded."""
    quarrel.sure("GB")
    client = await aiohttp_client(local.app(), headers=await local.token(Scope.ADMIN))
    taken = await (await client.post("/api/v1/reports", json=REPORT)).json()
    path = f"/api/v1/items/{taken['items'][0]['item_id']}"
    await local.desk.locate_due()
    local.now += 25 * HOUR_MS
    quarrel.sure("NL")
    answer = await client.post(f"{path}/actions", json={"action": "host_notified"})
    told = await answer.json()
    assert (answer.status, told["code"]) == (409, "item_moved")
    assert "nl-eokm" in told["detail"]
    now = await (await client.get(path)).json()
    assert (now["custody"], now["actions"]) == ("handed_on", [])


async def test_what_was_found_here_last_is_shown(taken: Taken, local: LocalNode) -> None:
    """With its time; why it is to be located again, where it has a place already."""
    told = await taken()
    assert told["looked"]["state"] == "disputed"
    assert told["located_again_for"] is None


class Silence:
    """No name server says anything, until `answer` is set."""

    def __init__(self) -> None:
        self.answer: Located | None = None

    def locate_cached(self, location: Location, now_ms: int) -> Located | None:
        """Nothing is remembered."""
        del location, now_ms
        return None

    async def locate(self, location: Location, now_ms: int, *, attempts: int = 0) -> Located:
        """Fail, and say when to ask again."""
        del location, attempts
        silent = Located("unresolved", None, "low", (), retry_ms=now_ms + LAST_RETRY_MS)
        return self.answer or silent


class TestNothingAnswers:
    """A name whose servers always fail, of a report that says that a child is at risk."""

    @pytest.fixture
    def silence(self) -> Silence:
        """Give name servers that say nothing."""
        return Silence()

    @pytest.fixture
    async def local(self, tmp_path: Path, silence: Silence) -> AsyncIterator[LocalNode]:
        """Give a node that asks them."""
        node = LocalNode(tmp_path / "node.db", places=Places(silence, HOUR_MS))
        node.open()
        yield node
        await node.store.close()

    @pytest.fixture
    async def path(self, local: LocalNode, client: Client) -> str:
        """Hand the report in, look once, and give where its item is read."""
        answer = await client.post("/api/v1/reports", json={**REPORT, "child_at_risk": True})
        await local.desk.locate_due()
        return f"/api/v1/items/{(await answer.json())['items'][0]['item_id']}"

    async def test_police_are_told_at_once(self, client: Client, path: str) -> None:
        """And this hotline is responsible from then on."""
        assert (await (await client.get(path)).json())["custody"] == "locating"
        told = await client.post(f"{path}/actions", json={"action": "lea_notified"})
        body = await told.json()
        assert (told.status, body["custody"], body["responsible"]) == (201, "here", "gb-iwf")

    async def test_minutes_later_a_person_looks_and_once_it_answers_it_goes_on(
        self, client: Client, path: str, local: LocalNode, silence: Silence
    ) -> None:
        """It is looked for all the while, also after a restart."""
        local.now += LOCATING_URGENT_MS
        assert await local.desk.locate_due() == 1
        told = await (await client.get(path)).json()
        assert (told["custody"], told["review"]) == ("here", "location_uncertain")
        assert told["responsible"] == "gb-iwf"
        silence.answer = Located("country", "NL", "high", ())
        local.now += LAST_RETRY_MS
        assert await local.desk.locate_due() == 1
        told = await (await client.get(path)).json()
        assert (told["responsible"], told["review"]) == ("nl-eokm", None)

    async def test_so_it_is_where_that_is_said_of_the_child_later(
        self, client: Client, local: LocalNode
    ) -> None:
        """The next look need not be due for a quarter of an hour."""
        answer = await client.post("/api/v1/reports", json=REPORT)
        path = f"/api/v1/items/{(await answer.json())['items'][0]['item_id']}"
        await local.desk.locate_due()
        local.now += LOCATING_URGENT_MS
        assert await local.desk.locate_due() == 0
        await client.post("/api/v1/reports", json={**REPORT, "child_at_risk": True})
        await local.desk.locate_due()
        told = await (await client.get(path)).json()
        assert (told["custody"], told["review"]) == ("here", "location_uncertain")
