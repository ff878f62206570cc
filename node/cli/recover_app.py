"""Options of `hotline recover ...`. Each body imports its room only when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from node.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, UmbrellaOption
from node.cli.output import show
from node.cli.verbs import group

recover_app = group("A lost node comes back, here or at a peer.")
MemberArgument = Annotated[str, typer.Argument(help="The member that lost its node.")]


@recover_app.command("begin")
def recover_begin(
    umbrella: UmbrellaOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Make an empty database for keys that came back, and publish that this member recovers."""
    from node.cli.recover import begin

    return show(begin(config, umbrella), as_json=json)


@recover_app.command("status")
def recover_status(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """Show what comes back to this member, and what others ask back from it."""
    from node.cli.recover import status

    return show(status(config), as_json=json)


@recover_app.command("allow")
def recover_allow(
    member: MemberArgument,
    *,
    again: Annotated[
        bool, typer.Option("--again", help="Also if it was allowed another one lately.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Hand a member back what it had said here, after a telephone call."""
    from node.cli.recover import decide

    return show(decide(config, member, allowed=True, again=again), as_json=json)


@recover_app.command("refuse")
def recover_refuse(
    member: MemberArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Hand a member nothing back: nobody there knows of it."""
    from node.cli.recover import decide

    return show(decide(config, member, allowed=False), as_json=json)


@recover_app.command("finish")
def recover_finish(
    *,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Although some channels are not back.")
    ] = False,
    umbrella: UmbrellaOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """End the asking: publish that it is over, and let the node rebuild."""
    from node.cli.recover import finish

    return show(finish(config, umbrella, incomplete=incomplete), as_json=json)
