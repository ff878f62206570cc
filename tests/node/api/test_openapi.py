"""The OpenAPI document against the running API: schemathesis finds no failure (R5)."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from node.api.access import Scope

if TYPE_CHECKING:
    from aiohttp.test_utils import TestServer

CONFIG = """
# A report may be well-formed and still make no sense (an address that is none): 422 says so.
# A cursor may be one that no history here has given: 410 says from where to read again.
# A tag may be one that the item does not have (any more): 412.
[checks]
positive_data_acceptance.expected-statuses = [200, 201, 404, 409, 410, 412, 422]

# Who judges an item is answered with the item: by its id, not the verdict's, no verdict is found.
[[operations]]
include-path = "/api/v1/items/{item_id}/assessments/{verdict_id}"
checks.ensure_resource_availability.enabled = false
checks.positive_data_acceptance.expected-statuses = [200, 201, 400, 404, 409, 410, 412, 422]

# One generator fills `If-Match` with 0, against its pattern: that is no entity tag, and 400.
[[operations]]
include-path-regex = "^/api/v1/items/.item_id./"
checks.positive_data_acceptance.expected-statuses = [200, 201, 400, 404, 409, 410, 412, 422]
"""


@pytest.mark.parametrize("examples", [6, pytest.param(20, marks=pytest.mark.long)])
async def test_schemathesis_finds_no_failure(
    local: Any,
    aiohttp_server: Callable[..., Awaitable[TestServer]],
    tmp_path: Path,
    log: StringIO,
    examples: int,
) -> None:
    """Generated requests, valid and not: nothing happens that the document does not say."""
    server = await aiohttp_server(local.app())
    await server.app.shutdown()  # a stopping node answers at once where others would wait for news
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    headers = await local.token(Scope.ADMIN)
    command = (
        *("-m", "schemathesis.cli", "--config-file", str(config), "run"),
        str(server.make_url("/api/v1/openapi.json")),
        *("-H", f"Authorization: {headers['Authorization']}", "--seed", "1"),
        *("--max-examples", os.environ.get("SCHEMATHESIS_EXAMPLES", str(examples)), "--no-color"),
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-20000:] + log.getvalue()[-4000:]
