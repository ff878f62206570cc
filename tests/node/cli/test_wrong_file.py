"""`hotline wrongfile`: a person takes a file off an item to which it does not belong."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from node.cli.client import LocalApi
from node.cli.exits import Exit

if TYPE_CHECKING:
    from pathlib import Path

    Typed = Any


async def test_file_is_named_by_its_place_or_a_hash(running: Typed, tmp_path: Path) -> None:
    """What is no file of the item is refused with the field."""
    item = {"url": "https://pictures.example/a.jpg", "hashes": {"sha256": "ab" * 32}}
    file = tmp_path / "reports.ndjson"
    file.write_text(json.dumps({"source": "public", "items": [item]}) + "\n")
    await running("submit", file)
    with LocalApi(running.config) as api:
        (shown,) = (await asyncio.to_thread(api.get, "/api/v1/items"))["items"]
    item_id = shown["id"]
    code, shown = await running("wrongfile", item_id, "--place", 1)
    assert (code, shown["error"]["code"]) == (Exit.INPUT, "draft_rejected")
    code, shown = await running("wrongfile", item_id, "--hash", "ab" * 32, "--by", "bert")
    assert (code, shown["hashes"]) == (Exit.OK, [])
    assert [one["place"] for one in shown["wrong_files"]] == [0]
