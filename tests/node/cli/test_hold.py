"""`hotline hold`: what is kept is not erased, until a person says so."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from node.cli.client import LocalApi
from node.cli.exits import Exit

if TYPE_CHECKING:
    from pathlib import Path

    Typed = Any


async def test_item_is_kept_until_its_hold_is_lifted(running: Typed, tmp_path: Path) -> None:
    """A day is enough of a time, and is the last one; the author is named."""
    file = tmp_path / "reports.ndjson"
    file.write_text('{"source": "public", "items": [{"url": "https://pictures.example/a.jpg"}]}\n')
    await running("submit", file)
    with LocalApi(running.config) as api:
        (shown,) = (await asyncio.to_thread(api.get, "/api/v1/items"))["items"]
    item = shown["id"]
    why = ("--reason", "order 12", "--by", "legal")
    code, shown = await running("hold", "put", item, "--until", "2001-01-01", *why)
    assert (code, shown["error"]["code"]) == (Exit.INPUT, "bad_time")
    code, hold = await running("hold", "put", item, "--until", "2033-06-30", *why)
    assert (code, hold["by"], hold["until"]) == (Exit.OK, "legal", "2033-06-30T23:59:59.000Z")
    code, shown = await running("erase", item, "--cause", "error", "--yes")
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "under_legal_hold")
    assert (await running("hold", "lift", item, hold["id"]))[0] == Exit.OK
    assert (await running("erase", item, "--cause", "error", "--yes"))[0] == Exit.OK
