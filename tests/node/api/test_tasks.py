"""`GET /api/v1/tasks`: what waits for a person, with its age."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from node.api.access import Scope
from node.store.items.tasks import close_task, open_task
from tests.node.api.conftest import Client


async def test_open_tasks_are_listed_oldest_first_with_their_age(
    local: Any, aiohttp_client: Callable[..., Awaitable[Client]]
) -> None:
    """Those that are closed are not; an age is never negative."""

    def fill(connection: Any) -> None:
        open_task(connection, "contact_unverified", "ORG-2", local.now + 5000)
        open_task(connection, "contact_unverified", "ORG-1", local.now - 7_200_999)
        open_task(connection, "contact_unknown", "ORG-3", local.now - 9_000_000)
        close_task(connection, "contact_unknown", "ORG-3", local.now)

    await local.store.writer.run(fill)
    client = await aiohttp_client(local.app())
    headers = await local.token(Scope.ITEMS_READ)
    told = await (await client.get("/api/v1/tasks", headers=headers)).json()
    assert [(one["code"], one["subject"], one["age_s"]) for one in told["tasks"]] == [
        ("contact_unverified", "ORG-1", 7200),
        ("contact_unverified", "ORG-2", 0),
    ]
    assert told["tasks"][0]["opened"].endswith("Z")
