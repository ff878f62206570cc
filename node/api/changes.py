"""`GET /api/v1/changes`: what changed, in order and without gaps; waits for news if asked to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from node.api import bodies
from node.api.calls import json_answer, respond
from node.api.parameters import ChangesParameters
from node.api.service import ChangesPage

if TYPE_CHECKING:
    from aiohttp import web

    from node.api.calls import Call


async def read_changes(call: Call) -> web.StreamResponse:
    """Answer with what there is; a node that stops does not let its readers wait."""
    asked = bodies.query(call.request, ChangesParameters)
    found = await _until_stopping(call, asked)
    return respond(json_answer(found or ChangesPage((), asked.after)))


async def _until_stopping(call: Call, asked: ChangesParameters) -> ChangesPage | None:
    stop = asyncio.ensure_future(call.parts.stopping.wait())
    feed = asyncio.ensure_future(_read(call, asked))
    try:
        await asyncio.wait({feed, stop}, return_when=asyncio.FIRST_COMPLETED)
        return feed.result() if feed.done() else None
    finally:
        stop.cancel()
        feed.cancel()


async def _read(call: Call, asked: ChangesParameters) -> ChangesPage:
    found = await call.parts.desk.changes(asked.after, asked.limit, float(asked.wait))
    return ChangesPage(tuple(found.changes), found.cursor)
