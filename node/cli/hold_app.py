"""Options of `hotline hold ...`. Each body imports its room only when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from node.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from node.cli.output import show
from node.cli.verbs import group

hold_app = group("Keep an item, whoever wants it erased.")
ItemArgument = Annotated[str, typer.Argument(help="Id of the item.", show_default=False)]


@hold_app.command("put")
def hold_put(
    item: ItemArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why; it stays at this node.", show_default=False)],
    until: Annotated[str, typer.Option(help="Last day, as 2027-06-30, or a time with its offset.")],
    by: Annotated[str | None, typer.Option(help="Who says so; else the token's name.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Put a legal hold on an item, at the running node: nothing erases it while it lasts."""
    from node.cli.hold import put

    return show(put(config, item, reason, until, by), as_json=json)


@hold_app.command("lift")
def hold_lift(
    item: ItemArgument,
    hold: Annotated[str, typer.Argument(help="Id of the hold.", show_default=False)],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Lift one legal hold of an item, at the running node."""
    from node.cli.hold import lift

    return show(lift(config, item, hold), as_json=json)
