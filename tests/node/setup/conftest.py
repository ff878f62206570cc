"""Worlds of one umbrella and one member."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
from pytest_aiohttp.plugin import AiohttpServer

from tests.builders import umbrella
from tests.builders.umbrella import World


@pytest.fixture
def make_world(tmp_path: Path, aiohttp_server: AiohttpServer) -> Callable[[], Awaitable[World]]:
    """Give what makes the world of these tests."""
    return partial(umbrella.make_world, tmp_path, aiohttp_server)
