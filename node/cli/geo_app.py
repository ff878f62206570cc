"""Verbs about where things are hosted. Each body imports its room only when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from node.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from node.cli.output import show
from node.cli.verbs import group

geo_app = group("Data by which locations are placed.")


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


@geo_app.command("status")
def geo_status(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """Show each data file with digest, build date and age, and the overrides in force."""
    import time

    from node.cli.geo import status

    return show(status(config, time.time_ns() // 1_000_000), as_json=json)
