"""The OpenAPI document of HashCheck against the running service: schemathesis finds no failure."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from aiohttp.test_utils import TestServer

CONFIG = """
# An entry may be well-formed and hold no hash at all: 422 says so. References are of earlier hits.
[checks]
positive_data_acceptance.expected-statuses = [200, 201, 404, 422, 429]
"""


@pytest.mark.parametrize("examples", [6, pytest.param(20, marks=pytest.mark.long)])
async def test_schemathesis_finds_no_failure(
    service: Any,
    aiohttp_server: Callable[..., Awaitable[TestServer]],
    tmp_path: Path,
    log: StringIO,
    examples: int,
) -> None:
    """Generated requests, valid and not: nothing happens that the document does not say."""
    server = await aiohttp_server(service.app())
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    headers = await service.key(per_day=10**9, per_minute=10**9, near_per_day=10**9)
    command = (
        *("-m", "schemathesis.cli", "--config-file", str(config), "run"),
        str(server.make_url("/hashcheck/v1/openapi.json")),
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
