"""The notice to a proxy, over the local API: recorded once, and shown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from node.api.access import Scope
from node.casework.item import ItemState
from node.casework.places.hidden import asked
from protocol.facts import Evidence, Jurisdiction, Location
from protocol.vocabulary import Confidence, HostingState
from tests.builders.network import NOW_MS
from tests.node.api.conftest import Client, LocalNode

REPORT = {"source": "public", "reference": "1", "items": [{"url": "https://shop.site7.example/a"}]}


class Veiled:
    """Places everything behind a proxy that people ask."""

    async def locate(self, state: ItemState, now_ms: int) -> tuple[Jurisdiction, int | None]:
        """Return a hidden place."""
        del state
        line = Evidence("203.0.113.5 in 203.0.113.0/24", "proxies", "1", "veil")
        found = Jurisdiction(HostingState.HIDDEN, None, Confidence.HIGH, (line,))
        told = asked(found, "shop.site7.example", "veil", NOW_MS, overdue=False)
        return told, now_ms + 3_600_000

    def known(self, location: Location | None, now_ms: int) -> Jurisdiction | None:
        """Have somebody asked first, always."""
        del location, now_ms
        return None


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[LocalNode]:
    """Give a node to which everything is hidden."""
    node = LocalNode(tmp_path / "node.db", places=Veiled())
    node.open()
    yield node
    await node.store.close()


@pytest.fixture
async def path(local: LocalNode, client: Client) -> str:
    """Give the path of a hidden item that is held illegal."""
    answer = await (await client.post("/api/v1/reports", json=REPORT)).json()
    await local.desk.locate_due()
    made = f"/api/v1/items/{answer['items'][0]['item_id']}"
    await client.post(f"{made}/assessments", json={"verdict": "baseline"})
    return made


@pytest.fixture
async def client(local: LocalNode, aiohttp_client: Callable[..., Awaitable[Client]]) -> Client:
    """Give a client of the node's API that may do everything."""
    return await aiohttp_client(local.app(), headers=await local.token(Scope.ADMIN))


async def read(client: Client, path: str) -> Any:
    """Return the item as it stands."""
    return await (await client.get(path)).json()


async def test_it_is_found_in_the_list_of_what_waits_for_people(client: Client, path: str) -> None:
    """With whom it is asked of, and since when."""
    listed = await read(client, "/api/v1/items?review=true")
    (told,) = listed["items"]
    assert path.endswith(told["id"])
    assert told["reviews"] == ["proxy_to_notify"]
    line = told["jurisdiction"]["evidence"][0]
    assert (line["source"], line["version"], line["answer"]) == ("origin:asked", "waits", "veil")


async def test_recorded_it_is_shown_and_waits_no_more(client: Client, path: str) -> None:
    """With its id, which a retraction names."""
    answer = await client.post(f"{path}/proxy-notices", json={"analyst": "a7"})
    told = await answer.json()
    assert answer.status == 201
    (notice,) = told["proxy_notices"]
    assert (notice["proxy"], notice["retraction"], told["reviews"]) == ("veil", None, [])
    changes = (await read(client, "/api/v1/changes?after=0"))["changes"]
    (change,) = [one for one in changes if one["what"] == "proxy_notified"]
    assert (change["by"], change["detail"]["proxy"]) == ("gb-iwf/a7", "veil")


async def test_it_is_recorded_once(client: Client, path: str) -> None:
    """A second one is refused; the same request under its key is answered as the first was."""
    key = {"Idempotency-Key": "k1"}
    first = await client.post(f"{path}/proxy-notices", json={}, headers=key)
    again = await client.post(f"{path}/proxy-notices", json={}, headers=key)
    other = await client.post(f"{path}/proxy-notices", json={})
    assert (first.status, again.status, other.status) == (201, 201, 409)
    assert (await other.json())["code"] == "already_notified"
    assert len((await read(client, path))["proxy_notices"]) == 1


async def test_it_is_retracted_as_other_notices_are(client: Client, path: str) -> None:
    """Once the verdict that it rests on is gone."""
    await client.post(f"{path}/proxy-notices", json={})
    (given,) = (await read(client, path))["assessments"]
    await client.delete(f"{path}/assessments/{given['id']}")
    (notice,) = (await read(client, path))["proxy_notices"]
    assert notice["retraction"] == "due"
    answer = await client.post(f"{path}/retractions", json={"action": notice["id"]})
    (notice,) = (await answer.json())["proxy_notices"]
    assert notice["retraction"] == "done"


@pytest.mark.parametrize("at", [{}, {"at": "2026-09-01T10:00:00+02:00"}])
async def test_crash_before_the_answer_was_kept_records_nothing_twice(
    client: Client, local: LocalNode, path: str, at: dict[str, str]
) -> None:
    """The retry finds what was recorded under its key, and so does that of its retraction."""
    key = {"Idempotency-Key": "k1"}
    await client.post(f"{path}/proxy-notices", json=at, headers=key)
    await lose_answers(local)
    again = await client.post(f"{path}/proxy-notices", json=at, headers=key)
    (notice,) = (await again.json())["proxy_notices"]
    assert again.status == 201
    (given,) = (await read(client, path))["assessments"]
    await client.delete(f"{path}/assessments/{given['id']}")
    key = {"Idempotency-Key": "k2"}
    await client.post(f"{path}/retractions", json={"action": notice["id"]}, headers=key)
    await lose_answers(local)
    told = await client.post(f"{path}/retractions", json={"action": notice["id"]}, headers=key)
    assert told.status == 201


async def lose_answers(local: LocalNode) -> None:
    """Die between the work and the answer; time goes by."""
    await local.store.writer.run(
        lambda c: c.execute("UPDATE idempotency SET status = NULL, response = NULL")
    )
    local.now += 60_000
