"""Options of `hotline wrongfile`. The body imports its room only when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from node.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from node.cli.output import show


def wrong_file(
    item: Annotated[str, typer.Argument(help="Id of the item.", show_default=False)],
    *,
    place: Annotated[
        int | None, typer.Option(help="Place of the file, as the item shows it.", min=0)
    ] = None,
    hash_: Annotated[
        str | None, typer.Option("--hash", help="A hash of the file, in hexadecimal.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who says so; else the token's name.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Say that a file does not belong to an item, at the running node; what followed is undone."""
    from node.cli.wrong_file import take_off

    return show(take_off(config, item, place, hash_, by), as_json=json)
