"""`/api/v1/tokens`: making, listing and revoking tokens; for `admin` only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import UNSET

from node.api import bodies
from node.api.access import PREFIX, token_of
from node.api.calls import json_answer, once_with_secret, respond
from node.api.operations import TokenDraft, TokensPage, TokenView
from node.api.problems import ApiError

if TYPE_CHECKING:
    from aiohttp import web

    from node.api.access import StoredAnswer, TokenRecord
    from node.api.calls import Call

MAX_DRAFT_BYTES: Final = 1 << 14
DAY_MS: Final = 86_400_000
_decoder: Final = msgspec.json.Decoder(TokenDraft)


async def list_tokens(call: Call) -> web.StreamResponse:
    """List all tokens."""
    tokens = await call.parts.store.list_tokens()
    return respond(json_answer(TokensPage(tuple(token_view(token) for token in tokens))))


async def make_token(call: Call) -> web.StreamResponse:
    """Make a token and show it, once."""
    bodies.content_type(call.request, bodies.JSON)
    raw = await bodies.whole(call.request, MAX_DRAFT_BYTES)
    draft, store = bodies.decode(_decoder, raw), call.parts.store

    async def make(text: str, now_ms: int) -> tuple[StoredAnswer, bool]:
        expires = None if draft.expires_days is UNSET else now_ms + draft.expires_days * DAY_MS
        _, record = token_of(text, draft.name, frozenset(draft.scopes), now_ms, expires)
        known = await store.find_token(record.token_sha256)
        if known is None:
            await store.add_token(record)
        view = msgspec.structs.replace(token_view(known or record), token=text)
        return json_answer(view, 201), known is not None

    return await once_with_secret(call, raw, PREFIX, make)


async def revoke_token(call: Call) -> web.StreamResponse:
    """Revoke a token by its id."""
    token_id = call.request.match_info["token_id"]
    tokens = await call.parts.store.list_tokens()
    token = next((one for one in tokens if one.token_id == token_id), None)
    if token is None:
        raise ApiError("unknown_token", "no such token; see hotline token list", "token_id")
    if token.token_sha256 == call.token.token_sha256:
        mend = "is the token you call with; revoke it with another"
        raise ApiError("token_in_use", mend, "token_id")
    await call.parts.store.revoke_token(token.token_sha256, call.parts.now_ms())
    call.parts.gate.forget(token.token_sha256)
    after = await call.parts.store.find_token(token.token_sha256)
    return respond(json_answer(token_view(after or token)))


def token_view(token: TokenRecord) -> TokenView:
    """Return what is shown of a token."""
    return TokenView(
        token_id=token.token_id,
        name=token.name,
        scopes=tuple(sorted(token.scopes)),
        created=_time(token.created_ms),
        expires=None if token.expires_ms is None else _time(token.expires_ms),
        revoked=None if token.revoked_ms is None else _time(token.revoked_ms),
    )


def _time(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}Z"
