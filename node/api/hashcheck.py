"""`/api/v1/hashcheck`: keys of hosting companies for `admin`; complaints for analysts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import UNSET

from node.api import bodies
from node.api.calls import json_answer, once, once_with_secret, respond
from node.api.hashcheck_bodies import (
    ComplaintsPage,
    ComplaintsParameters,
    DecisionDraft,
    KeyDraft,
    KeysPage,
    complaint_view,
    key_view,
)
from node.api.problems import ApiError
from node.hashcheck.contract import PREFIX, Contract, Counts, Decision

if TYPE_CHECKING:
    from aiohttp import web

    from node.api.access import Reserved, StoredAnswer
    from node.api.calls import Call

MAX_DRAFT_BYTES: Final = 1 << 16
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_SECOND_MS: Final = 1000
_key_decoder: Final = msgspec.json.Decoder(KeyDraft)
_decision_decoder: Final = msgspec.json.Decoder(DecisionDraft)


async def list_hashcheck_keys(call: Call) -> web.StreamResponse:
    """List all keys with what they asked."""
    keys, counts = await call.parts.hashcheck.keys()
    views = tuple(key_view(key, counts.get(key.key_sha256, Counts())) for key in keys)
    return respond(json_answer(KeysPage(views)))


async def make_hashcheck_key(call: Call) -> web.StreamResponse:
    """Make a key and show it, once."""
    bodies.content_type(call.request, bodies.JSON)
    raw = await bodies.whole(call.request, MAX_DRAFT_BYTES)
    draft = bodies.decode(_key_decoder, raw)
    ends_ms = int((draft.ends - _EPOCH).total_seconds()) * _SECOND_MS
    contract = Contract(
        draft.hoster,
        tuple(sorted(set(draft.scopes))),
        tuple(sorted(set(draft.sources))),
        draft.per_minute,
        draft.per_day,
        draft.near_per_day,
        draft.near_reviews_per_day,
    )

    async def make(text: str, now_ms: int) -> tuple[StoredAnswer, bool]:
        if ends_ms <= now_ms:
            raise ApiError("bad_time", "must lie in the future", "ends")
        kept, was_there = await call.parts.hashcheck.keep_key(text, contract, now_ms, ends_ms)
        view = msgspec.structs.replace(key_view(kept, Counts()), key=text)
        return json_answer(view, 201), was_there

    return await once_with_secret(call, raw, PREFIX, make)


async def revoke_hashcheck_key(call: Call) -> web.StreamResponse:
    """Revoke a key by its id."""
    key = await call.parts.hashcheck.revoke_key(call.request.match_info["key_id"])
    return respond(json_answer(key_view(key, Counts())))


async def list_complaints(call: Call) -> web.StreamResponse:
    """List complaints of hosting companies."""
    wanted = bodies.query(call.request, ComplaintsParameters)
    open_only = False if wanted.open is UNSET else wanted.open
    found = await call.parts.hashcheck.complaints(open_only=open_only)
    return respond(json_answer(ComplaintsPage(tuple(map(complaint_view, found)))))


async def decide_complaint(call: Call) -> web.StreamResponse:
    """Uphold or reject a complaint."""
    bodies.content_type(call.request, bodies.JSON)
    raw = await bodies.whole(call.request, MAX_DRAFT_BYTES)
    draft = bodies.decode(_decision_decoder, raw)
    complaint_id, desk = call.request.match_info["complaint_id"], call.parts.hashcheck
    by = call.actor if draft.analyst is UNSET else draft.analyst
    upheld = draft.decision == "uphold"

    async def work(reserved: Reserved | None) -> StoredAnswer:
        if reserved is not None and not reserved.fresh:
            said = Decision(upheld, by, draft.reason, reserved.created_ms)
            stands = await desk.was_overruled(complaint_id, said)
            if stands is not None:
                return json_answer(complaint_view(stands))
        asked_ms = None if reserved is None else reserved.created_ms
        done = await desk.decide(
            complaint_id, upheld=upheld, by=by, reason=draft.reason, asked_ms=asked_ms
        )
        return json_answer(complaint_view(*done))

    return await once(call, raw, work)
