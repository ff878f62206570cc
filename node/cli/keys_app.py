"""Options of `hotline keys ...`. Each body imports its room only when it is called."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from node.cli.options import (
    DEFAULT_CONFIG,
    TIME_FORMATS,
    ConfigOption,
    JsonOption,
    UmbrellaOption,
)
from node.cli.output import show
from node.cli.verbs import group

keys_app = group("The keys of this member.")


@keys_app.command("status")
def keys_status(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """Show which keys lie here, which of them others see, and until when each serves."""
    from node.cli.keys import status

    return show(status(config), as_json=json)


@keys_app.command("rotate")
def keys_rotate(
    purpose: Annotated[str, typer.Argument(help="log, receipt, transport, tls or witness.")],
    after_h: Annotated[
        int, typer.Option(min=0, max=8760, help="Hours until it is used: time for others to hear.")
    ] = 24,
    umbrella: UmbrellaOption = None,
    after_restore: Annotated[
        bool, typer.Option(help="witness: what this node cosigned and forgot counts for nothing.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Publish the successor of a key; the running node uses it when its time has come."""
    from node.cli.keys import rotate

    done = rotate(config, purpose, after_h, umbrella, after_restore=after_restore)
    return show(done, as_json=json)


@keys_app.command("revoke")
def keys_revoke(
    key_id: Annotated[str, typer.Argument(help="Id of the key, from keys status.")],
    compromised_at: Annotated[
        datetime | None,
        typer.Option(
            formats=TIME_FORMATS,
            help="Since when it may have been another's, UTC; published (needs member.key).",
        ),
    ] = None,
    later: Annotated[
        bool, typer.Option("--later", help="Also if an earlier time is published.")
    ] = False,
    umbrella: UmbrellaOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Revoke a key that may be stolen, for ever, and tell everybody."""
    from node.cli.keys import revoke

    done = revoke(config, key_id, compromised_at, umbrella, later=later)
    return show(done, as_json=json)
