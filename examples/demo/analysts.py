"""Scripted analysts: each works at one hotline, through the local API of its node alone.

They follow the change feed from their cursor, across restarts and kills of the node, and keep an
index of the items they were told of. Their work stands in the ledger; each step is sent under an
`Idempotency-Key`, so a step whose answer did not come is simply sent again.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aiohttp

from examples.demo.checker_facts import Index
from examples.demo.members import ApiProblemError, Member
from examples.demo.processes import DemoError

if TYPE_CHECKING:
    from collections.abc import Sequence

WAIT_S = 10
PAGE = 1000
ITEMS_PAGE = 500
AT_ONCE = 6
APPEARS_S = 40.0
PATIENCE_S = 30.0
PAUSE_S = 0.2
_VERBS = {"assess": "assessments", "act": "actions", "hashes": "hashes"}


class Analyst:
    """The analyst of one hotline."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.changes: list[dict[str, Any]] = []
        self.index = Index()
        self.done: Counter[str] = Counter()
        self._cursor = 0
        self._news = asyncio.Condition()
        self._following: asyncio.Task[None] | None = None

    @property
    def cursor(self) -> int:
        """How far the change feed was read."""
        return self._cursor

    def begin(self) -> None:
        """Begin to follow the change feed."""
        self._following = asyncio.create_task(self._follow(), name=f"feed {self.member.id}")

    async def end(self) -> None:
        """Stop following.

        Raises:
            DemoError: following had failed before.
        """
        if self._following is not None:
            following, self._following = self._following, None
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

    async def _follow(self) -> None:
        while True:
            try:
                await self._read(WAIT_S)
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(0.2)

    async def _read(self, wait_s: int) -> None:
        """Read on in the feed, and look at the items that changed."""
        page = await self.member.api.get(
            "/api/v1/changes", after=self._cursor, limit=PAGE, wait=wait_s
        )
        if not page["changes"]:
            return
        for item in await self.items(changed_after=self._cursor):
            self.index.put(item)
        self.changes += page["changes"]
        self._cursor = page["cursor"]
        async with self._news:
            self._news.notify_all()

    async def items(self, **wanted: int) -> list[dict[str, Any]]:
        """Return all items, or those that changed, page by page."""
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            page = await self.member.api.get(
                "/api/v1/items", after=after, limit=ITEMS_PAGE, **wanted
            )
            found += page["items"]
            after = page.get("next")
            if after is None:
                return found

    async def work(self, tasks: Sequence[dict[str, Any]], items: dict[str, Any]) -> None:
        """Do one task after another, several at a time.

        Raises:
            DemoError: an item did not come, or the node refused a step.
        """
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(task: dict[str, Any]) -> None:
            async with gate:
                await self._task(task, items[task["item"]])

        await asyncio.gather(*(one(task) for task in tasks))

    async def _task(self, task: dict[str, Any], wanted: dict[str, Any]) -> None:
        item_id = await self._find(task["item"], wanted)
        for number, step in enumerate(task["steps"]):
            ((verb, body),) = step.items()
            key = f"{task['item']}-{task['half']}-{task['member']}-{number}"
            await self._post(f"/api/v1/items/{item_id}/{_VERBS[verb]}", body, key)
            self.done[body.get("action", verb)] += 1

    async def _find(self, key: str, wanted: dict[str, Any]) -> str:
        """Wait until the item is here, and return its id."""
        try:
            async with asyncio.timeout(APPEARS_S), self._news:
                while not (found := self.index.find(wanted)):
                    await self._news.wait()
        except TimeoutError:
            raise DemoError(f"{self.member.id}: item {key} of the ledger never came") from None
        return str(found[0]["id"])

    async def _post(self, path: str, body: dict[str, Any], key: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                await self.member.api.post(path, body, key)
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(PAUSE_S)
            except ApiProblemError as problem:
                raise DemoError(f"{problem} ({path.rpartition('/')[2]}: {body})") from None
            else:
                return
        raise DemoError(f"{self.member.id}: no answer to {path.rpartition('/')[2]}")
