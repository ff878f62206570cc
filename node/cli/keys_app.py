"""Options of `hotline keys ...`. Each body imports its room only when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from node.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from node.cli.output import show

keys_app = typer.Typer(help="The keys of this member.", no_args_is_help=True)


@keys_app.command("status")
def keys_status(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """Show which keys lie here, which of them others see, and until when each serves."""
    from node.cli.keys import status

    return show(status(config), as_json=json)


@keys_app.command("revoke")
def keys_revoke(
    key_id: Annotated[str, typer.Argument(help="Id of the key, from keys status.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Revoke a key that may be stolen, for ever, and tell everybody."""
    from node.cli.keys import revoke

    return show(revoke(config, key_id), as_json=json)
