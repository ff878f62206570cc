"""Verbs about hosters and their contacts. Each body imports its room only when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from node.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from node.cli.output import show
from node.cli.verbs import group

hoster_app = group("Who hosts where, and whom to tell there.")


@hoster_app.command("show")
def hoster_show(
    target: Annotated[
        str, typer.Argument(help="URL or IP address.", metavar="URL|IP", show_default=False)
    ],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Show who hosts a place and whom to tell; registers are asked if [hosters] rdap is on."""
    from node.cli import hoster

    return show(hoster.show(config, target), as_json=json)


@hoster_app.command("contacts")
def hoster_contacts(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """List the hosters that are known with their contacts; what waits longest comes first."""
    from node.cli import hoster

    return show(hoster.contacts(config), as_json=json)


@hoster_app.command("origins")
def hoster_origins(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """List the hosts that hide behind a proxy, who asks it, and what it said of each."""
    from node.cli import origins

    return show(origins.listing(config), as_json=json)


@hoster_app.command("origin")
def hoster_origin(
    host: Annotated[str, typer.Argument(help="Host that hides: its name, address or a URL.")],
    addresses: Annotated[list[str], typer.Argument(help="Where it stands, as the proxy told.")],
    *,
    by: Annotated[str, typer.Option(help="Pseudonym of who was told.")],
    proxy: Annotated[str | None, typer.Option(help="Who told it, if nobody had asked.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Record where a host behind a proxy stands: its items are located again."""
    from node.cli import origins

    return show(origins.record(config, host, addresses, by, proxy), as_json=json)


@hoster_app.command("verify")
def hoster_verify(
    key: Annotated[str, typer.Argument(help="Handle of the hoster, from hoster contacts.")],
    address: Annotated[str, typer.Argument(help="The contact.")],
    *,
    by: Annotated[str, typer.Option(help="Pseudonym of who verified it.")],
    refuse: Annotated[bool, typer.Option("--refuse", help="Never use it.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Say that a person has verified a contact: from now on it may be used."""
    from node.cli import hoster

    return show(hoster.verify(config, key, address, by, refuse=refuse), as_json=json)
