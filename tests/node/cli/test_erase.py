"""`hotline erase`: nothing is erased by a slip, and what is erased is gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from node.cli.client import LocalApi
from node.cli.exits import Exit

if TYPE_CHECKING:
    from pathlib import Path

    Typed = Any


async def test_erasing_is_confirmed_first_and_then_for_ever(running: Typed, tmp_path: Path) -> None:
    """Without --yes nothing happens; the second time there is nothing to erase."""
    file = tmp_path / "reports.ndjson"
    file.write_text('{"source": "public", "items": [{"url": "https://pictures.example/a.jpg"}]}\n')
    await running("submit", file)
    with LocalApi(running.config) as api:
        (shown,) = (await asyncio.to_thread(api.get, "/api/v1/items"))["items"]
    item = shown["id"]
    code, shown = await running("erase", item, "--cause", "error")
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "not_confirmed")
    code, shown = await running("erase", item, "--cause", "error", "--yes")
    assert (code, shown["item_id"]) == (Exit.OK, item)
    code, shown = await running("erase", item, "--cause", "error", "--yes")
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "unknown_item")
