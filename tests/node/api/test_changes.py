"""`GET /api/v1/changes`: ordered, gap-free, resumable, and patient."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from aiohttp.test_utils import TestClient
    from aiohttp.web import Application, Request

    Client = TestClient[Request, Application]

PATH = "/api/v1/changes"


async def submit(client: Client, host: str) -> None:
    """Hand in a report of one item."""
    draft = {"source": "public", "items": [{"url": f"https://{host}.example/x"}]}
    assert (await client.post("/api/v1/reports", json=draft)).status == 201


async def read(client: Client, query: str = "") -> dict[str, Any]:
    """Read one answer of the feed."""
    response = await client.get(f"{PATH}?{query}")
    assert response.status == 200
    body: dict[str, Any] = await response.json()
    return body


async def test_an_empty_node_has_no_changes(client: Client) -> None:
    """The cursor stays where one began."""
    assert await read(client) == {"changes": [], "cursor": 0}


async def test_following_the_cursor_gives_every_change_once(client: Client) -> None:
    """In order, without gaps, whatever the page size."""
    for number in range(5):
        await submit(client, f"h{number}")
    seen: list[int] = []
    cursor = 0
    while (page := await read(client, f"after={cursor}&limit=2"))["changes"]:
        seen += [change["cursor"] for change in page["changes"]]
        cursor = page["cursor"]
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) >= 5


async def test_a_waiting_reader_hears_of_the_next_change(client: Client) -> None:
    """The answer comes when something happens, not when the time is over."""
    waiting = asyncio.ensure_future(read(client, "wait=30"))
    await read(client)
    await submit(client, "a")
    async with asyncio.timeout(5):
        page = await waiting
    assert page["changes"][0]["what"] == "recorded"


async def test_a_stopping_node_lets_nobody_wait(client: Client) -> None:
    """The answer is empty, the cursor unchanged: the reader resumes when the node is back."""
    await submit(client, "a")
    newest = (await read(client))["cursor"]
    waiting = asyncio.ensure_future(read(client, f"after={newest}&wait=30"))
    await read(client)
    async with asyncio.timeout(5):
        await client.app.shutdown()
        assert await waiting == {"changes": [], "cursor": newest}


@pytest.mark.parametrize("wait", [0, 30])
async def test_a_cursor_past_the_newest_change_is_refused(client: Client, wait: int) -> None:
    """It is of another node: its reader would hear nothing, for ever, and not know why."""
    await submit(client, "a")
    newest = (await read(client))["cursor"]
    response = await client.get(f"{PATH}?after={newest + 1}&wait={wait}")
    problem = await response.json()
    assert (response.status, problem["code"]) == (422, "unknown_cursor")
    assert problem["field"] == "after"


async def test_the_newest_cursor_is_right_and_has_nothing_after_it(client: Client) -> None:
    """Who has read everything asks so every time."""
    await submit(client, "a")
    newest = (await read(client))["cursor"]
    assert await read(client, f"after={newest}") == {"changes": [], "cursor": newest}


async def test_changes_name_no_address_and_no_hash(client: Client) -> None:
    """Ids and codes; whoever may read items reads the rest there."""
    await submit(client, "canary")
    assert "canary" not in str(await read(client))


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "wait=31", "wait=-1", "x=1"])
async def test_a_wrong_parameter_is_refused(client: Client, query: str) -> None:
    """400, at once."""
    assert (await client.get(f"{PATH}?{query}")).status == 400
