"""The edge: problems, the document, and that no error ever repeats what was handed in."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Awaitable, Callable
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import pytest

from node.api import openapi, problems
from node.api.app import HANDLERS
from node.api.operations import OPERATIONS
from node.telemetry.logs import configure
from tests.node.api.conftest import US

if TYPE_CHECKING:
    from aiohttp.test_utils import TestClient
    from aiohttp.web import Application, Request

    Client = TestClient[Request, Application]

CANARY = "canary-7f3e"


def log_at(path: str) -> TextIO:
    """Open where log lines go."""
    return Path(path).open("w")


class TestProblems:
    """One form for every error."""

    async def test_an_unknown_path_is_a_problem(self, client: Client) -> None:
        """404 in the same form as everything else; the path is not repeated."""
        response = await client.get(f"/api/v1/{CANARY}")
        body = await response.json()
        assert response.content_type == "application/problem+json"
        assert (response.status, body["code"], body["status"]) == (404, "unknown_path", 404)
        assert CANARY not in str(body)

    async def test_a_wrong_method_names_the_right_ones(self, client: Client) -> None:
        """405 with `Allow`."""
        response = await client.put("/api/v1/reports")
        assert (response.status, response.headers["Allow"]) == (405, "POST")
        assert (await response.json())["code"] == "method_not_allowed"

    async def test_a_mistake_of_ours_says_nothing(
        self, local: Any, aiohttp_client: Callable[..., Awaitable[Client]], log: StringIO
    ) -> None:
        """500, a code, no detail; the log has class and place, not the text."""
        app = local.app()

        async def fail(_: Request) -> Any:
            raise RuntimeError(CANARY)

        app.router.add_get("/api/v1/broken", fail)
        client = await aiohttp_client(app)
        response = await client.get("/api/v1/broken")
        assert await response.json() == {
            "title": "Internal Server Error",
            "status": 500,
            "code": "internal",
        }
        assert "RuntimeError" in log.getvalue()
        assert CANARY not in log.getvalue()

    @pytest.mark.parametrize("is_log_full", [False, True], ids=["log", "no log"])
    async def test_a_store_that_is_full_asks_to_come_again(
        self,
        client: Client,
        local: Any,
        is_log_full: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        """503 with `Retry-After`: nothing was kept. So too where the log lies on the same disk."""
        from node.store.errors import StoreFullError  # noqa: PLC0415

        def refuse(_: object) -> None:
            raise StoreFullError(StoreFullError.__doc__)

        local.desk._store = _Refusing(refuse)
        draft = {"source": "public", "items": [{"url": "https://a.example/"}]}
        with log_at("/dev/full" if is_log_full else os.devnull) as log:
            configure("debug", "json", US, log)
            response = await client.post("/api/v1/reports", json=draft)
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
        assert (await response.json())["code"] == "store_full"

    def test_every_code_has_a_status_and_a_meaning(self) -> None:
        """The two tables have the same rows."""
        assert problems.STATUS.keys() == problems.MEANING.keys()


class _Refusing:
    """A store that can keep nothing."""

    def __init__(self, refuse: Callable[[object], None]) -> None:
        self._refuse = refuse

    async def transact(self, needs: object, now_ms: int, decide: object) -> None:
        """Refuse."""
        del now_ms, decide
        self._refuse(needs)


class TestDocument:
    """The OpenAPI document."""

    async def test_it_is_served_to_whoever_reaches_the_listener(self, client: Client) -> None:
        """It holds nothing secret."""
        response = await client.get("/api/v1/openapi.json", headers={"Authorization": ""})
        assert (await response.json())["openapi"] == "3.1.0"

    def test_every_operation_has_a_handler_and_a_place_in_it(self) -> None:
        """The table, the handlers and the document agree."""
        described = {
            operation["operationId"]
            for path in openapi.document()["paths"].values()
            for operation in path.values()
        }
        assert described == {operation.name for operation in OPERATIONS}
        assert set(HANDLERS) == described - {"describe_api"}

    def test_the_words_of_closed_lists_stand_in_it(self) -> None:
        """A client can check before it sends."""
        schemas = openapi.document()["components"]["schemas"]
        assert "helpline" in schemas["Source"]["enum"]
        assert schemas["ReportDraft"]["additionalProperties"] is False


URL = f"https://{CANARY}.example/{CANARY}?{CANARY}"
HASH = "c0ffee" * 11
BAD_BODIES = [
    f'{{"source":"{CANARY}","items":[{{"url":"{URL}"}}]}}',
    f'{{"source":"public","items":[{{"url":"{CANARY}"}}]}}',
    f'{{"source":"public","items":[{{"url":"ht!tp://{CANARY}"}}]}}',
    f'{{"source":"public","items":[{{"url":"http://{CANARY}.local/"}}]}}',
    f'{{"source":"public","items":[{{"url":"http://[{CANARY}]/"}}]}}',
    f'{{"source":"public","items":[{{"url":"{URL}","kind":"{CANARY}"}}]}}',
    f'{{"source":"public","items":[{{"url":"{URL}","hashes":{{"sha256":"{HASH}"}}}}]}}',
    f'{{"source":"public","items":[{{"url":"{URL}","found":"{CANARY}"}}]}}',
    f'{{"source":"public","items":[{{"url":"{URL}","found":"2026-13-01T00:00:00Z"}}]}}',
    f'{{"source":"public","items":[{{"service":"{CANARY}"}}]}}',
    f'{{"source":"public","items":[{{"{URL}":1}}]}}',
    f'{{"source":"public","items":[{{"{HASH[:32]}":1}}]}}',
    f'{{"source":"public","items":[],"note":"{CANARY}"}}',
    f'{{"source":"public","items":[{{"url":"{URL}"}}],"workuser":"{CANARY * 40}"}}',
    f'{{"source":"public","items":[{{"url":"{URL}","access":{{"vantage":"{CANARY}"}}}}]}}',
    f'{{"source":"public","items":[{{"url":"{URL}\\u0000{CANARY}"}}]}}',
    f'{{"note":"{CANARY}',
    f"{CANARY}",
    f'"{CANARY}"',
]


@pytest.mark.parametrize("body", BAD_BODIES)
async def test_no_error_repeats_what_was_handed_in(
    client: Client, body: str, caplog: pytest.LogCaptureFixture, log: StringIO
) -> None:
    """Neither the answer nor any log: as a single report, as a line, as an assessment."""
    caplog.set_level(logging.DEBUG)
    single = await client.post(
        "/api/v1/reports", data=body, headers={"Content-Type": "application/json"}
    )
    line = await client.post(
        "/api/v1/reports", data=body, headers={"Content-Type": "application/x-ndjson"}
    )
    said = await single.text() + await line.text()
    logged = log.getvalue() + "".join(
        record.getMessage() for record in caplog.records if record.name.startswith("aiohttp")
    )
    assert single.status in {400, 422}
    assert json.loads(await line.text())["status"] == "rejected"
    for trace in (CANARY, HASH[:32]):
        assert trace not in said
        assert trace not in logged
