"""One request on its way: who calls, with what parts of the node, and the answer that goes back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from aiohttp import web

from node.api import bodies
from node.api.access import StoredAnswer, new_secret
from node.api.idempotency import Answered, Replays, fingerprint, read_key
from node.telemetry.logs import logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from node.api.access import AccessStore, Gate, Mint, Reserved, TokenRecord
    from node.api.gathering import Gathering
    from node.api.room import Room
    from node.api.service import Desk
    from node.hashcheck.desk import HashCheckDesk

SERVER_ERROR: Final = 500
encode: Final = msgspec.json.Encoder().encode
_ALWAYS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True)
class Parts:
    """What handlers work with. `member` is this node's own id, `stopping` is set at its end."""

    desk: Desk
    store: AccessStore
    hashcheck: HashCheckDesk
    gate: Gate
    gathering: Gathering
    replays: Replays
    mint: Mint
    member: str
    now_ms: Callable[[], int]
    room: Room
    max_body_bytes: int
    document: bytes
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


class Call(NamedTuple):
    """A request that was admitted; `token` says who acts."""

    request: web.Request
    parts: Parts
    token: TokenRecord

    @property
    def actor(self) -> str:
        """The name under which the work is recorded."""
        return self.token.name


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


def json_answer(value: Any, status: int = 200) -> StoredAnswer:
    """Return `value` as an answer."""
    return StoredAnswer(status, bodies.JSON, encode(value))


def log_failure(request: web.Request, error: Exception, status: int) -> None:
    """Log an error that is ours: where it came from, never what was handed in."""
    if status >= SERVER_ERROR:
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "none"
        logger().error("request_failed", route=route, status=status, exc_info=error)


def headers_of(content_type: str) -> dict[str, str]:
    """Return the headers that every answer has."""
    return {"Content-Type": content_type, **_ALWAYS}


def respond(answer: StoredAnswer, headers: Mapping[str, str] | None = None) -> web.Response:
    """Turn an answer into a response."""
    fields = headers_of(answer.content_type) | dict(headers or {})
    return web.Response(status=answer.status, body=answer.body, headers=fields)


async def once(
    call: Call,
    body: bytes,
    work: Callable[[Reserved | None], Awaitable[StoredAnswer]],
    shown: Callable[[Call], Awaitable[str]] | None = None,
) -> web.Response:
    """Do `work` and answer; under an `Idempotency-Key` at most once.

    `work` is given what was reserved: None without a key; not `fresh` if an earlier attempt may
    have got as far as the work, but not to its answer. `shown` finds the id of the item that the
    answer shows; it raises if there is none any more.

    Raises:
        ApiError: the key is malformed, or was used for another request.
    """
    request = call.request
    key = read_key(request.headers.getall("Idempotency-Key", []))
    if key is None:
        return respond(await work(None))
    media_type, _ = bodies.read_content_type(request.headers.get("Content-Type", ""))
    mark = fingerprint(request.method, request.path, media_type, body)
    item = None if shown is None else await shown(call)
    done = await call.parts.replays.once(call.token.token_sha256, key, mark, work, item)
    return _told(done)


async def once_with_secret(
    call: Call,
    body: bytes,
    prefix: str,
    make: Callable[[str, int], Awaitable[tuple[StoredAnswer, bool]]],
) -> web.Response:
    """Answer with a new secret; under an `Idempotency-Key` with the same one again.

    `make` is given the text and the time of the request, and says whether there is one of this text
    already. Its answer is not kept: the secret in it is nowhere but with the caller.

    Raises:
        ApiError: the key is malformed, or was used for another request.
    """
    request, parts, token_sha256 = call.request, call.parts, call.token.token_sha256
    key = read_key(request.headers.getall("Idempotency-Key", []))
    if key is None:
        answer, _ = await make(new_secret(prefix), parts.now_ms())
        return respond(answer)
    was_there = False

    async def work(reserved: Reserved) -> StoredAnswer:
        nonlocal was_there
        text = parts.mint.secret(prefix, token_sha256, key, reserved)
        answer, was_there = await make(text, reserved.created_ms)
        return answer

    mark = fingerprint(request.method, request.path, bodies.JSON, body)
    done = await parts.replays.once(token_sha256, key, mark, work, keeps=False)
    return _told(done._replace(replayed=was_there))


def _told(done: Answered) -> web.Response:
    return respond(done.answer, {"Idempotency-Replayed": "true"} if done.replayed else None)
