"""Options of `hotline keys ...`. Each body imports its room only when it is called."""

from __future__ import annotations

import typer

from node.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from node.cli.output import show

keys_app = typer.Typer(help="The keys of this member.", no_args_is_help=True)


@keys_app.callback()
def keys() -> None:
    """The keys of this member."""


@keys_app.command("status")
def keys_status(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """Show which keys lie here, which of them others see, and until when each serves."""
    from node.cli.keys import status

    return show(status(config), as_json=json)
