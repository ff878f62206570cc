"""`hotline wrongfile ITEM`: a person says that a file does not belong to an item."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from node.cli.client import LocalApi
from node.cli.output import Result
from node.config import load

if TYPE_CHECKING:
    from pathlib import Path


def take_off(
    path: Path, item: str, place: int | None, digest: str | None, by: str | None
) -> Result:
    """Take the file at `place`, or with this hash (hexadecimal), off an item.

    Raises:
        CliError: the node does not run, or refuses.
        ConfigError, KeysError: the configuration or the token can't be read.
    """
    said = {"place": place, "hash": digest, "analyst": by}
    draft = {name: value for name, value in said.items() if value is not None}
    with LocalApi(load(path)) as api:
        shown = api.post(f"/api/v1/items/{quote(item, safe='')}/wrong-files", draft)
    return Result(shown, f"{item} has {len(shown['hashes'])} files left")
