"""The verbs and their options. Each body imports its room only when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from node.cli.output import show

app = typer.Typer(
    name="hotline",
    help="The federated hotline exchange node.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Errors are one line; --debug before or after the verb adds the traceback.",
)
config_app = typer.Typer(help="Look at the configuration.", no_args_is_help=True)
app.add_typer(config_app, name="config", rich_help_panel="Running it")


@config_app.command("check")
def config_check(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """Read the configuration, list every problem, show what is in force."""
    from node.cli.config import check

    return show(check(config), as_json=json)


@app.command("hash", rich_help_panel="Reports")
def hash_(
    files: Annotated[list[Path], typer.Argument(help="Files to hash.", show_default=False)],
    config: ConfigOption = DEFAULT_CONFIG,  # noqa: ARG001 - every verb takes it; this one needs none
    json: JsonOption = False,
) -> int:
    """Print the content hashes of files that somebody holds; nothing is stored or sent."""
    from node.cli.hash import hash_files

    return show(hash_files(files), as_json=json)
