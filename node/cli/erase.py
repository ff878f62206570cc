"""`hotline erase ITEM`: a person ends an item, at the running node."""

from __future__ import annotations

from typing import TYPE_CHECKING
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
    if not sure:
        raise CliError("not_confirmed", "item: nothing brings it back; repeat with --yes")
    with LocalApi(load(path)) as api:
        told = api.post(f"/api/v1/items/{quote(item, safe='')}/erasure", {"cause": cause})
    return Result(told, f"erased {told['item_id']} and {told['entries']} entries about it")
