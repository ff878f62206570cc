"""The registry over HTTP: any node serves the files it last verified.

    GET /registry/v1/metadata/{file}      GET /registry/v1/targets/{path}

Nothing is looked up on a disk by what somebody asks for: a name either is one of the known files or
it is not there. Readers verify every byte, so nobody has to be authenticated here.
"""

from __future__ import annotations

import asyncio
import hashlib

from aiohttp import web

from keys.registry import TIMESTAMP_NAME
from node.registry.kept import PREFIX, Lookup


def mirror_routes(lookup: Lookup) -> web.RouteTableDef:
    """The two routes; GET and HEAD only.

    Args:
        lookup: where the files come from; called in a thread.
    """
    routes = web.RouteTableDef()

    async def serve(request: web.Request, folder: str) -> web.Response:
        name = f"{folder}/{request.match_info['name']}"
        raw = await asyncio.to_thread(lookup, name)
        if raw is None:
            raise web.HTTPNotFound
        return _answer(request, name, raw)

    @routes.get(PREFIX + "/metadata/{name}")
    async def metadata(request: web.Request) -> web.Response:
        return await serve(request, "metadata")

    @routes.get(PREFIX + "/targets/{name:.+}")
    async def target(request: web.Request) -> web.Response:
        return await serve(request, "targets")

    return routes


def _answer(request: web.Request, name: str, raw: bytes) -> web.Response:
    """A file with its entity tag; what has a version or hash in its name never changes."""
    etag = hashlib.sha256(raw).hexdigest()
    lasting = "no-cache" if name == TIMESTAMP_NAME else "public, max-age=86400, immutable"
    headers = {"Cache-Control": lasting, "ETag": f'"{etag}"', "X-Content-Type-Options": "nosniff"}
    asked = request.if_none_match or ()
    if any(tag.value in {etag, "*"} for tag in asked):
        return web.Response(status=304, headers=headers)
    return web.Response(body=raw, content_type="application/json", headers=headers)
