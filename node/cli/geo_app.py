"""Verbs about where things are hosted. Each body imports its room only when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from node.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from node.cli.output import show


def locate(
    target: Annotated[
        str,
        typer.Argument(
            help="URL, IP address or service:NAME/ACCOUNT.", metavar="URL|IP", show_default=False
        ),
    ],
    *,
    offline: Annotated[bool, typer.Option("--offline", help="Look no names up.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Explain where a location is hosted, what says so, and which member would have it."""
    from node.cli.locate import locate as explain

    return show(explain(config, target, offline=offline), as_json=json)
