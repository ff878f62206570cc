"""`hotline withdraw VERDICT`: a verdict of ours is taken back, at the running node."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from node.cli.client import LocalApi
from node.cli.output import CliError, Result
from node.config import load

if TYPE_CHECKING:
    from pathlib import Path


def withdraw(path: Path, verdict: str, *, sure: bool) -> Result:
    """Take a verdict of this hotline back by its id, from all who were told.

    An id as lists have it, with the place of the file after it, is one of the verdict.

    Raises:
        CliError: it was not confirmed, or the node does not run, or refuses.
        ConfigError, KeysError: the configuration or the token can't be read.
    """
    if not sure:
        mend = "it ends for ever, at every member that heard it; repeat with --yes"
        raise CliError("not_confirmed", f"verdict: {mend}")
    with LocalApi(load(path)) as api:
        event_id = verdict.partition("/")[0]
        done = api.delete(f"/api/v1/assessments/{quote(event_id, safe='')}")
    items, told = len(done["items"]), done["told"]
    text = f"taken back from {items} items here; {told} members hear so"
    if not done["known"]:
        text += "\nnothing was known of it here: see that the id is the one that you mean"
    return Result(done, text)
