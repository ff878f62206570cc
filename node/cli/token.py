"""`hotline token create | list | revoke`: who may call the local API. Done by the running node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from node.cli.client import LocalApi
from node.cli.output import Result, table
from node.config import load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PATH = "/api/v1/tokens"


def create(path: Path, name: str, scopes: Sequence[str], expires_days: int | None) -> Result:
    """Make a token and show it, once.

    Raises:
        CliError: the node does not run, or refuses the name, a scope or the time.
    """
    draft: dict[str, Any] = {"name": name, "scopes": list(scopes)}
    if expires_days is not None:
        draft["expires_days"] = expires_days
    with LocalApi(load(path)) as api:
        made = api.post(_PATH, draft)
    text = f"{made['token']}\n"
    text += f"id {made['token_id']}; it is shown only now: put it where the caller reads it"
    return Result(made, text)


def listing(path: Path) -> Result:
    """List the tokens, never their secrets.

    Raises:
        CliError: the node does not run.
    """
    with LocalApi(load(path)) as api:
        found = api.get(_PATH)
    rows = [
        (
            token["token_id"],
            token["name"],
            " ".join(token["scopes"]),
            token["created"],
            token.get("expires"),
            token.get("revoked"),
        )
        for token in found["tokens"]
    ]
    return Result(found, table(("id", "name", "scopes", "created", "expires", "revoked"), rows))


def revoke(path: Path, token_id: str) -> Result:
    """Let a token be refused from now on.

    Raises:
        CliError: the node does not run, or there is no such token.
    """
    with LocalApi(load(path)) as api:
        after = api.delete(f"{_PATH}/{quote(token_id, safe='')}")
    return Result(after, f"{after['token_id']} ({after['name']}) is refused from now on")
