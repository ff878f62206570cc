"""`hotline erase`: nothing is erased by a slip, and what is erased is gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from node.cli.client import LocalApi
from node.cli.erase import what_follows
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


HANDED_OVER: dict[str, Any] = {
    "custody": "here",
    "closed": None,
    "came_from": "nl-eokm",
    "sightings": [{}],
    "chain": [{"member": "nl-eokm"}, {"member": "gb-iwf"}],
}


def test_who_has_an_open_item_again_is_said_first() -> None:
    """Another member handed it over and did not take it back."""
    assert "nl-eokm, which handed it over, has it again" in what_follows(HANDED_OVER)


@pytest.mark.parametrize(
    "other",
    [{"closed": "2026-01-01"}, {"came_from": None}, {"sightings": []}, {"custody": "handed_on"}],
    ids=["closed", "found here", "withdrawn", "handed on"],
)
def test_what_is_nobodys_again_is_erased_without_a_warning(other: dict[str, Any]) -> None:
    """Nothing follows of it."""
    assert what_follows(HANDED_OVER | other) == ""
