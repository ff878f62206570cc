"""`hotline hold put` and `hotline hold lift`: legal holds, at the running node."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from node.cli.client import LocalApi
from node.cli.output import Result
from node.config import load

if TYPE_CHECKING:
    from pathlib import Path


def put(path: Path, item: str, reason: str, until: str, by: str | None) -> Result:
    """Put a legal hold on an item; `until` is the last day, or a time with its offset.

    Raises:
        CliError: the node does not run, or refuses.
        ConfigError, KeysError: the configuration or the token can't be read.
    """
    moment = until if "T" in until else f"{until}T23:59:59Z"
    draft = {"reason": reason, "until": moment} | ({} if by is None else {"analyst": by})
    with LocalApi(load(path)) as api:
        hold = api.post(_holds(item), draft)
    return Result(hold, f"{item} is kept until {hold['until']}: hold {hold['id']} by {hold['by']}")


def lift(path: Path, item: str, hold: str) -> Result:
    """Lift one legal hold of an item.

    Raises:
        CliError: the node does not run, or refuses.
        ConfigError, KeysError: the configuration or the token can't be read.
    """
    with LocalApi(load(path)) as api:
        lifted = api.delete(f"{_holds(item)}/{quote(hold, safe='')}")
    return Result(lifted, f"lifted hold {lifted['id']} of {item}")


def _holds(item: str) -> str:
    return f"/api/v1/items/{quote(item, safe='')}/holds"
