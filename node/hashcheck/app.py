"""HashCheck as an aiohttp application, for the public listener."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakValueDictionary

import msgspec
from aiohttp import web
from msgspec import UNSET

from node.api import bodies, openapi
from node.api.access import StoredAnswer
from node.api.app import refuse_by_problem
from node.api.calls import json_answer, respond
from node.api.parameters import NoParameters
from node.api.problems import ApiError
from node.api.room import Room, held_at_most
from node.hashcheck.access import Gate
from node.hashcheck.checking import Checking
from node.hashcheck.contract import ID, Complaint, ComplaintState, Hit, Key, Scope
from node.hashcheck.errors import UnknownComplaintError, UnknownReferenceError
from node.hashcheck.operations import (
    ABOUT,
    OPERATIONS,
    AnswersView,
    AnswerView,
    CheckDraft,
    ComplaintDraft,
    ComplaintTold,
    Entry,
)
from protocol.facts import Content

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler as AnyHandler
    from aiohttp.typedefs import Middleware

    from node.api.operations import Operation

MAX_CHECK_BYTES: Final = 1 << 20
MAX_COMPLAINT_BYTES: Final = 1 << 14
BODY_S: Final = 30
BODIES_BYTES: Final = 1 << 25
"""How much of all bodies of checks together is held at once."""
BODIES_OF_KEY_BYTES: Final = BODIES_BYTES // 4
"""Of those, of one key; a body may take `BODY_S` to come."""
_check_decoder: Final = msgspec.json.Decoder(CheckDraft)
_complaint_decoder: Final = msgspec.json.Decoder(ComplaintDraft)
_NO_HIT: Final = Hit(Content(md5=bytes(16)), (), ())
"""Stands in a complaint until the store puts the hit there that it is about."""


class Rooms:
    """Room for the bodies of each key, a part of that for all: none keeps the others out."""

    def __init__(self) -> None:
        self._rooms: WeakValueDictionary[bytes, Room] = WeakValueDictionary()

    def of(self, key: Key) -> Room:
        """Return the room of a key, which lasts as long as somebody holds it."""
        room = self._rooms.get(key.key_sha256)
        if room is None:
            room = self._rooms[key.key_sha256] = Room(BODIES_OF_KEY_BYTES)
        return room


@dataclass(frozen=True)
class Parts:
    """What handlers work with."""

    checking: Checking
    gate: Gate
    room: Room
    rooms: Rooms


class Asked(NamedTuple):
    """A request that was admitted; `key` says who asks."""

    request: web.Request
    parts: Parts
    key: Key


async def check(asked: Asked) -> web.StreamResponse:
    """Answer a bulk of checks."""
    request, parts = asked.request, asked.parts
    bodies.content_type(request, bodies.JSON)
    size = held_at_most(request, MAX_CHECK_BYTES)
    with parts.rooms.of(asked.key).reserve(size), parts.room.reserve(size):
        draft = bodies.decode(_check_decoder, await _whole(request, MAX_CHECK_BYTES))
        entries = [content_of(one, at) for at, one in enumerate(draft.entries)]
        told = await parts.checking.check(asked.key, entries)
    return respond(json_answer(AnswersView(tuple(AnswerView(*one) for one in told))))


async def complain(asked: Asked) -> web.StreamResponse:
    """Take a complaint in."""
    request, checking, key = asked.request, asked.parts.checking, asked.key
    bodies.content_type(request, bodies.JSON)
    draft = bodies.decode(_complaint_decoder, await _whole(request, MAX_COMPLAINT_BYTES))
    text = None if draft.text is UNSET else draft.text
    state = ComplaintState(key.contract.hoster, key.key_id, draft.why, text, _NO_HIT)
    now_ms = checking.now_ms()
    complaint_id = checking.ids.mint(now_ms)
    opened = await checking.store.complain(key, draft.reference, complaint_id, state, now_ms)
    if opened is None:
        raise UnknownReferenceError
    return respond(json_answer(_told(opened), 201))


async def read_complaint(asked: Asked) -> web.StreamResponse:
    """Say how a complaint stands, to the company whose hit it is about."""
    complaint_id = asked.request.match_info["complaint_id"]
    known = re.match(ID, complaint_id) is not None
    found = await asked.parts.checking.store.complaint(complaint_id) if known else None
    if found is None or found.state.hoster != asked.key.contract.hoster:
        raise UnknownComplaintError
    return respond(json_answer(_told(found)))


HANDLERS: Final[dict[str, Callable[[Asked], Awaitable[web.StreamResponse]]]] = {
    "check": check,
    "complain": complain,
    "read_complaint": read_complaint,
}


def make_public_app(checking: Checking, middlewares: Iterable[Middleware] = ()) -> web.Application:
    """Make the application; `middlewares` run around everything."""
    gate = Gate(checking.store, checking.now_ms)
    parts = Parts(checking, gate, Room(BODIES_BYTES), Rooms())
    app = web.Application(middlewares=[*middlewares, refuse_by_problem])
    for operation in OPERATIONS:
        app.router.add_route(operation.method, operation.path, _endpoint(operation, parts))
    return app


def _endpoint(operation: Operation, parts: Parts) -> AnyHandler:
    if operation.scope is None:
        document = msgspec.json.encode(openapi.document(OPERATIONS, ABOUT))
        described = StoredAnswer(200, bodies.JSON, document)

        async def describe(request: web.Request) -> web.StreamResponse:
            bodies.query(request, NoParameters)
            return respond(described)

        return describe
    scope, handler = Scope(operation.scope), HANDLERS[operation.name]

    async def endpoint(request: web.Request) -> web.StreamResponse:
        key = parts.gate.admit(request.headers.get("Authorization"), scope)
        bodies.query(request, NoParameters)
        return await handler(Asked(request, parts, key))

    return endpoint


def content_of(entry: Entry, place: int) -> Content:
    """Return the hashes of an entry.

    Raises:
        ApiError: there is none, or a PDQ hash without its quality.
    """
    digests = (entry.sha256, entry.sha1, entry.md5, entry.pdq)
    sha256, sha1, md5, pdq = (None if one is None else bytes.fromhex(one) for one in digests)
    if sha256 is None and sha1 is None and md5 is None and pdq is None:
        mend = "give at least one of sha256, sha1, md5, pdq"
        raise ApiError("draft_rejected", mend, f"entries[{place}]")
    if (pdq is None) != (entry.pdq_quality is None):  # nobody knows what it is worth
        mend = "pdq and pdq_quality stand together"
        raise ApiError("draft_rejected", mend, f"entries[{place}].pdq_quality")
    return Content(sha256, sha1, md5, entry.length, pdq, entry.pdq_quality)


async def _whole(request: web.Request, max_bytes: int) -> bytes:
    """Return the whole body, if it comes in time."""
    try:
        async with asyncio.timeout(BODY_S):
            return await bodies.whole(request, max_bytes)
    except TimeoutError:
        mend = f"did not come within {BODY_S} s; send it again"
        raise ApiError("bad_body", mend) from None


def _told(complaint: Complaint) -> ComplaintTold:
    return ComplaintTold(complaint.complaint_id, complaint.reference, complaint.status)
