"""`Idempotency-Key`: the same request again has one effect and gets the same answer, to the byte.

The key is reserved, durably, before the work is done, and the answer is kept after it. A crash in
between leaves a reserved key without an answer: the same request under it is worked on again, and
the work itself makes sure that nothing happens twice (lines have an identity that follows from the
key; what an analyst recorded is found again). Another request under the same key is refused (409).

What shows an item is kept no longer than the item: after its erasure there is nothing to repeat.

A request that was refused had no effect: nothing is kept of it, and it may be sent again. Were its
key still reserved, what a colleague recorded meanwhile would be taken for its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

from node.api.access import StoredAnswer
from node.api.problems import ApiError, of_error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from node.api.access import AccessStore, Reserved

MAX_KEY: Final = 255
_KEY: Final = re.compile(rf"[\x21-\x7e]{{1,{MAX_KEY}}}")


class Answered(NamedTuple):
    """An answer, and whether it was given before."""

    answer: StoredAnswer
    replayed: bool


def read_key(headers: Sequence[str]) -> str | None:
    """Return the key of a request, if it has one; `headers` are all its `Idempotency-Key`.

    Raises:
        ApiError: there are two, or it is empty, too long, or not visible ASCII.
    """
    if not headers:
        return None
    if len(headers) > 1:
        mend = "stands twice; send one key for one request"
        raise ApiError("bad_idempotency_key", mend, "Idempotency-Key")
    key = headers[0].strip()
    if _KEY.fullmatch(key) is None:
        mend = f"must be 1 to {MAX_KEY} visible ASCII characters, such as a UUID"
        raise ApiError("bad_idempotency_key", mend, "Idempotency-Key")
    return key


def fingerprint(method: str, path: str, content_type: str, body: bytes) -> bytes:
    """Return what makes two requests the same request."""
    head = f"{method}\0{path}\0{content_type}\0".encode("utf-8", errors="surrogateescape")
    return hashlib.sha256(head + body).digest()


def line_identity(token_sha256: bytes, key: str) -> str:
    """Return the identity, without line number, of reports that are handed in under a key."""
    return "key:" + hashlib.sha256(token_sha256 + key.encode("ascii")).hexdigest()


class Replays:
    """Answers requests that have a key: one at a time for each key."""

    def __init__(self, store: AccessStore, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms
        self._running: dict[tuple[bytes, str], asyncio.Event] = {}

    async def once(
        self,
        token_sha256: bytes,
        key: str,
        request: bytes,
        work: Callable[[Reserved], Awaitable[StoredAnswer]],
        item: str | None = None,
        *,
        keeps: bool = True,
    ) -> Answered:
        """Do `work` unless its answer is known; `request` is the request's fingerprint.

        `item`: which one the answer shows, and goes with. `keeps`: unless its answer shows a
        secret: it is worked on again, each time.

        Raises:
            ApiError: the key was used for another request.
        """
        slot = (token_sha256, key)
        while (running := self._running.get(slot)) is not None:
            await running.wait()
        done = self._running[slot] = asyncio.Event()
        try:
            return await self._once(token_sha256, key, request, work, item, keeps=keeps)
        finally:
            del self._running[slot]
            done.set()

    async def _once(
        self,
        token_sha256: bytes,
        key: str,
        request: bytes,
        work: Callable[[Reserved], Awaitable[StoredAnswer]],
        item: str | None,
        *,
        keeps: bool,
    ) -> Answered:
        reserved = await self._store.reserve(token_sha256, key, request, self._now_ms(), item)
        if reserved.body_sha256 != request:
            mend = "was used for another request; use a new key for a new request"
            raise ApiError("idempotency_conflict", mend, "Idempotency-Key")
        if reserved.answer is not None:
            return Answered(reserved.answer, replayed=True)
        try:
            answer = await work(reserved)
        except Exception as error:
            if reserved.fresh and of_error(error).status < HTTPStatus.INTERNAL_SERVER_ERROR:
                await self._store.release(token_sha256, key)
            raise
        if keeps:
            await self._store.answered(token_sha256, key, answer)
        return Answered(answer, replayed=False)
