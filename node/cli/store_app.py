"""Options of `hotline store ...`. Each body imports its room only when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from node.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from node.cli.output import show
from node.cli.verbs import group

store_app = group("Where the database stands.")


@store_app.command("migrate")
def store_migrate(
    *,
    to: Annotated[
        str | None, typer.Option(help="postgresql://... of an empty database.", show_default=False)
    ] = None,
    password: Annotated[
        str | None, typer.Option(help="Where its password is: file:, env: or command:.")
    ] = None,
    abandon: Annotated[
        bool, typer.Option("--abandon", help="Forget a move that is not done.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Move the database to a PostgreSQL server, while the node runs or not."""
    from node.cli.store import migrate

    return show(migrate(config, to, password, abandon=abandon), as_json=json)
