"""Options of `hotline tasks ...`. Each body imports its room only when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from node.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from node.cli.output import show
from node.cli.verbs import group

tasks_app = group("What waits for a person.")


@tasks_app.command("list")
def tasks_list(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """List what waits for a person, the oldest first."""
    from node.cli import tasks

    return show(tasks.listing(config), as_json=json)


@tasks_app.command("close")
def tasks_close(
    code: Annotated[str, typer.Argument(help="Code of the task.")],
    subject: Annotated[str, typer.Argument(help="Its subject.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Close a task that a person has dealt with."""
    from node.cli import tasks

    return show(tasks.close(config, code, subject), as_json=json)


@tasks_app.command("release")
def tasks_release(
    member: Annotated[str, typer.Argument(help="Member id, the subject of the task.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Let what a member took back at once, or handed over before it was gone, have its effect."""
    from node.cli import tasks

    return show(tasks.release(config, member), as_json=json)
