"""`hotline erase ITEM`: a person ends an item, at the running node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from node.cli.client import LocalApi
from node.cli.output import CliError, Result
from node.config import load

if TYPE_CHECKING:
    from pathlib import Path

    from node.cli.options import Cause


def erase(path: Path, item: str, cause: Cause, *, sure: bool) -> Result:
    """Erase an item and tell the members concerned; nothing brings it back.

    Raises:
        CliError: it was not confirmed, or the node does not run, or refuses.
        ConfigError, KeysError: the configuration or the token can't be read.
    """
    with LocalApi(load(path)) as api:
        if not sure:
            mend = f"item: nothing brings it back{_follows(api, item)}; repeat with --yes"
            raise CliError("not_confirmed", mend)
        told = api.post(f"/api/v1/items/{quote(item, safe='')}/erasure", {"cause": cause})
    return Result(told, f"erased {told['item_id']} and {told['entries']} entries about it")


def _follows(api: LocalApi, item: str) -> str:
    try:
        return what_follows(api.get(f"/api/v1/items/{quote(item, safe='')}"))
    except CliError:
        return ""  # it is said when it is to be erased


def what_follows(shown: dict[str, Any]) -> str:
    """Say who has an item again, if it is open here and another member handed it over."""
    open_here = shown["custody"] in ("here", "locating") and shown["closed"] is None
    if not open_here or shown["came_from"] is None or not shown["sightings"]:
        return ""
    before = shown["chain"][-2]["member"]
    return f"; it is open, and {before}, which handed it over, has it again, before its people"
