"""Metrics: declared once, bounded, served to whoever scrapes."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING

from aiohttp import web

from node.telemetry.metrics import Metrics, Snapshot, documented_metrics
from node.telemetry.routes import count_requests, health_routes

if TYPE_CHECKING:
    from pytest_aiohttp.plugin import AiohttpClient

CANARY = "canary.example"


async def _empty() -> Snapshot:
    return Snapshot()


def test_every_name_has_the_prefix_and_a_meaning() -> None:
    """The prefix is part of the public face."""
    rows = documented_metrics()
    assert all(re.fullmatch(r"hotline_[a-z_]+", row.name) for row in rows)
    assert all(row.meaning.endswith(".") for row in rows)
    assert len({row.name for row in rows}) == len(rows)


def test_documented_names_are_those_served() -> None:
    """The table can't lag behind the collectors."""
    served = set(re.findall(r"^# HELP (hotline_\w+)", Metrics().render().decode(), re.MULTILINE))
    assert served == {row.name for row in documented_metrics()}


def test_two_nodes_fit_in_one_process() -> None:
    """Collectors are not global: simulations and tests run many nodes."""
    first, second = Metrics(), Metrics()
    first.lines_rejected.labels("url_missing").inc()
    assert b'code="url_missing"' not in second.render()


def test_gauges_show_the_snapshot_and_forget_the_last_one() -> None:
    """A channel that is empty again does not keep its old figure."""
    metrics = Metrics()
    metrics.show(Snapshot(waiting={("nl-eokm", "reports"): 3}, tasks={"fork": 1}, review=2))
    text = metrics.render().decode()
    assert 'hotline_outbox_entries{lane="reports",peer="nl-eokm"} 3.0' in text
    assert "hotline_items_review 2.0" in text
    metrics.show(Snapshot())
    assert "nl-eokm" not in metrics.render().decode()


def test_registry_never_seen_is_not_zero() -> None:
    """No registry is NaN: age zero would look perfectly fresh."""
    metrics = Metrics()
    metrics.show(Snapshot())
    assert "hotline_registry_age_seconds NaN" in metrics.render().decode()


def test_news_of_members_that_are_held_back_are_counted() -> None:
    """By code, so that an alarm can be set on replaced member keys."""
    metrics = Metrics()
    metrics.show(Snapshot(registry_alarms={"member_key_replaced": 1}))
    text = metrics.render().decode()
    assert 'hotline_registry_alarms{code="member_key_replaced"} 1.0' in text


async def test_metrics_are_served(aiohttp_client: AiohttpClient) -> None:
    """A scraper gets the text exposition format without a token."""
    app = web.Application()
    app.add_routes(health_routes(Metrics(), _empty, list))
    client = await aiohttp_client(app)
    response = await client.get("/metrics")
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    assert "hotline_store_bytes" in await response.text()


async def test_ready_says_what_is_missing(aiohttp_client: AiohttpClient) -> None:
    """503 with codes until all is there, then 200."""
    codes = ["registry_missing"]
    app = web.Application()
    app.add_routes(health_routes(Metrics(), _empty, lambda: codes))
    client = await aiohttp_client(app)
    waiting = await client.get("/readyz")
    assert (waiting.status, (await waiting.json())["missing"]) == (503, ["registry_missing"])
    codes.clear()
    assert (await client.get("/readyz")).status == 200
    assert (await client.get("/healthz")).status == 200


async def test_requests_are_counted_by_template(aiohttp_client: AiohttpClient) -> None:
    """Neither a path nor an invented method becomes a label."""
    metrics, ticks = Metrics(), count()
    app = web.Application(middlewares=[count_requests(metrics, "local", lambda: next(ticks))])
    app.add_routes(health_routes(metrics, _empty, list))

    async def item(_: web.Request) -> web.Response:
        raise web.HTTPForbidden

    app.router.add_get("/api/v1/items/{item}", item)
    client = await aiohttp_client(app)
    await client.get(f"/api/v1/items/{CANARY}?q={CANARY}")
    await client.get(f"/{CANARY}")
    await client.request("BREW", "/healthz")
    text = metrics.render().decode()
    assert CANARY not in text
    assert 'method="GET",route="/api/v1/items/{item}",status="403"' in text
    assert 'route="none",status="404"' in text
    assert "BREW" not in text
