"""`/healthz`, `/readyz` and `/metrics` on the local listener, and the counting of requests.

They need no token: they tell ids, codes and counts to whoever may already reach the local listener.
`/healthz` says that the process answers; `/readyz` says 503 with codes while something is missing
that the node needs to do its work (open database, keys, a verified registry).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware
    from prometheus_client import Counter, Histogram

    from node.store.upgrade.upgrading import Step
    from node.telemetry.metrics import Metrics, Snapshot

TakeSnapshot = Callable[[], Awaitable["Snapshot"]]
Missing = Callable[[], Sequence[str]]
"""Gives codes of what the node still needs; empty: it is ready."""

At = Callable[[], "Step | None"]

UNAVAILABLE = 503


def ready_routes(missing: Missing, step: At = lambda: None) -> web.RouteTableDef:
    """Give `/healthz` and `/readyz`.

    Args:
        missing: asked at each `/readyz`.
        step: likewise, what a store that is opened is at; None: nothing that takes long.
    """
    routes = web.RouteTableDef()

    @routes.get("/healthz")
    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    @routes.get("/readyz")
    async def readyz(_: web.Request) -> web.Response:
        codes = list(missing())
        body: dict[str, Any] = {"status": "waiting" if codes else "ready", "missing": codes}
        if (at := step()) is not None:
            body["step"] = at._asdict()
        return web.json_response(body, status=UNAVAILABLE if codes else 200)

    return routes


def health_routes(metrics: Metrics, snapshot: TakeSnapshot, missing: Missing) -> web.RouteTableDef:
    """Give the three routes.

    Args:
        metrics: the node's collectors.
        snapshot: asked at each scrape for what the gauges show.
        missing: asked at each `/readyz`.
    """
    routes = ready_routes(missing)

    @routes.get("/metrics")
    async def show_metrics(_: web.Request) -> web.Response:
        metrics.show(await snapshot())
        return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return routes


def count_requests(metrics: Metrics, listener: str, now_s: Callable[[], float]) -> Middleware:
    """Give a middleware that counts and times requests by route template, never by path.

    Args:
        metrics: the node's collectors.
        listener: `peer`, `local` or `public`.
        now_s: a clock that only goes forward, such as `time.monotonic`.
    """
    counters: dict[tuple[str, str, int], Counter] = {}
    timers: dict[str, Histogram] = {}

    def answered(method: str, route: str, status: int, took_s: float) -> None:
        """Move the two metrics; to find one by its labels costs more than to move it."""
        series = (method, route, status)
        counter, timer = counters.get(series), timers.get(route)
        if counter is None or timer is None:
            counter = metrics.http_requests.labels(listener, method, route, str(status))
            timer = metrics.http_seconds.labels(listener, route)
            counters[series], timers[route] = counter, timer
        counter.inc()
        timer.observe(took_s)

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        started, status = now_s(), 500
        try:
            response = await handler(request)
            status = response.status
        except web.HTTPException as refusal:
            status = refusal.status
            raise
        else:
            return response
        finally:
            route = _template(request)
            method = request.method if request.method in _METHODS else "other"
            answered(method, route, status, now_s() - started)

    return count


_METHODS = {"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"}


def _template(request: web.Request) -> str:
    """Give the route's template; everything that has no route is one series."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"
