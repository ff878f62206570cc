"""Asking proxies where a host stands: an HTTP API for each, named in the configuration.

`GET` of the configured address, `{host}` replaced by the name; the answer is a JSON object with
addresses under `addresses`, `originIPv4` or `originIPv6`, each one text or a list. 200 without any,
202 and 404 mean "not told yet". The proxy learns which host is looked at: nothing is asked unless
the operator configured it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import quote

import msgspec

from node.asking.errors import AskingError, PutOffError
from node.asking.https import Https
from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.origins import Origins, Question, answered, failed

EVERY_S: Final = 5.0
AT_ONCE: Final = 8
MAX_DUE: Final = 64
_FIELDS: Final = ("addresses", "originIPv4", "originIPv6")
_OK: Final = 200
_NOT_YET: Final = frozenset({202, 404})


class OriginStore(Protocol):
    """Keeps questions."""

    async def questions(self) -> Sequence[Question]:
        """Return all that are kept."""
        ...

    async def keep(
        self,
        questions: Sequence[Question],
        waiting: Mapping[str, int],
        now_ms: int,
        by_hand: Mapping[str, int] | None = None,
    ) -> None:
        """Keep these, and put proxies before a person while questions wait for them.

        `by_hand`: those that people ask. An answer that a person recorded meanwhile stands.
        """
        ...

    async def told(self) -> Sequence[Question]:
        """Return the answers that people recorded beside this process; empty: none since."""
        ...

    async def heard(self, questions: Sequence[Question], now_ms: int) -> None:
        """Say that this process goes by what `told` returned; what came since comes again."""
        ...


@dataclass(frozen=True, slots=True)
class OriginApi:
    """How one proxy is asked: `url` with `{host}`, and secret headers."""

    provider: str
    url: str
    headers: Mapping[str, str]


def read_origin(body: bytes) -> tuple[str, ...]:
    """Return the addresses of an answer, as they stand there; none of a body that is no answer."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return ()
    if not isinstance(found, dict):
        return ()
    told: list[Any] = []
    for name in _FIELDS:
        value = found.get(name)
        told += value if isinstance(value, list) else [value]
    return tuple(one for one in told if isinstance(one, str))


async def _nobody(hosts: Collection[str]) -> None:
    """Nobody has items at these hosts."""
    del hosts


class OriginAsker:
    """Works at the questions of `origins`; use from one event loop.

    `on_told` is called with the hosts of which a person has recorded the origin.
    """

    def __init__(
        self,
        origins: Origins,
        apis: Collection[OriginApi],
        https: Https,
        store: OriginStore,
        policy: AddressPolicy,
        keep_ms: int,
        forget: Callable[[str], None],
    ) -> None:
        self._origins = origins
        self._apis = {one.provider: one for one in apis}
        self._https = https
        self._store = store
        self._policy = policy
        self._keep_ms = keep_ms
        self._forget = forget
        self._filled = False
        self.on_told: Callable[[Collection[str]], Awaitable[None]] = _nobody

    async def work_due(self, now_ms: int) -> int:
        """Ask what is due, keep what came of it; return how many were answered.

        Raises:
            StoreError: what was found could not be kept; it is kept the next time.
        """
        if not self._filled:
            self._origins.fill(await self._store.questions())
            self._filled = True
        await self._hear(now_ms)
        due = self._origins.due(now_ms, MAX_DUE)
        slots = asyncio.Semaphore(AT_ONCE)
        asked = await asyncio.gather(*(self._ask(one, slots, now_ms) for one in due))
        for question in asked:
            self._origins.keep(question)
            self._forget(question.host)
        fresh = self._origins.take_fresh()
        if fresh:
            try:
                by_hand = self._origins.by_hand()
                await self._store.keep(fresh, self._origins.waiting(), now_ms, by_hand)
            except BaseException:
                self._origins.give_back(fresh)
                raise
        return sum(not one.waits for one in asked)

    async def _hear(self, now_ms: int) -> None:
        """Go by what people recorded; it counts as heard once the items are due."""
        told = await self._store.told()
        if not told:
            return
        for question in told:
            self._origins.keep(question)
            self._forget(question.host)
        await self.on_told([one.host for one in told])
        await self._store.heard(told, now_ms)

    async def _ask(self, question: Question, slots: asyncio.Semaphore, now_ms: int) -> Question:
        api = self._apis.get(question.provider)
        if api is None:
            return failed(question, "not_configured", now_ms)
        url = api.url.replace("{host}", quote(question.host, safe=""))
        try:
            async with slots:
                reply = await self._https.get(url, api.headers, now_ms)
        except PutOffError as error:
            return failed(question, error.code, now_ms, error.retry_ms)
        except AskingError as error:
            return failed(question, error.code, now_ms)
        if reply.status == _OK:
            return answered(question, read_origin(reply.body), self._policy, now_ms, self._keep_ms)
        return failed(question, "no_origin" if reply.status in _NOT_YET else "refused", now_ms)

    async def close(self) -> None:
        """Close what is open."""
        await self._https.close()


def keep_asking(asker: OriginAsker, clock: Callable[[], int]) -> Callable[[], Awaitable[None]]:
    """Return the step of a loop that asks what is due, then waits."""

    async def step() -> None:
        await asker.work_due(clock())
        await asyncio.sleep(EVERY_S)

    return step
