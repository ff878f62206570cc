"""Groups of verbs, and how their help looks: plain text, verbs under the headings of their panels.

The usual renderer of help (rich) is left out: to load it, with its readers of Markdown and of
programs in colour, takes longer than all else that `hotline --help` does.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command_name

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter
    from typer.models import CommandInfo


class _Verbs(TyperGroup):
    """A group whose help lists its verbs by panel, in the order in which they were added."""

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the verbs and what each does, panel by panel."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            verb = self.get_command(ctx, name)
            if verb is not None and not verb.hidden:
                panel = getattr(verb, "rich_help_panel", None)
                heading = panel if isinstance(panel, str) else "Commands"
                panels.setdefault(heading, []).append((name, verb.get_short_help_str(_WHOLE)))
        for heading, rows in panels.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


_WHOLE = 1000
"""Characters of a verb's first sentence that are shown: all of them."""


def group(help: str, **settings: Any) -> typer.Typer:  # noqa: A002 - typer's own word
    """Return an empty group of verbs; `settings` as `typer.Typer` takes them."""
    return typer.Typer(
        cls=_Verbs, help=help, rich_markup_mode=None, no_args_is_help=True, **settings
    )


def with_only(app: typer.Typer, word: str | None) -> typer.Typer:
    """Return the app with one verb or group alone; the whole app if none has this name.

    Whatever the app has is built from its annotations before a word is read: for seventy verbs,
    more than most of them take to do what they do.
    """
    verbs = [one for one in app.registered_commands if _name(one) == word]
    groups = [one for one in app.registered_groups if one.name == word]
    if not verbs and not groups:
        return app
    made = copy(app)
    made.registered_commands, made.registered_groups = verbs, groups
    return made


def _name(verb: CommandInfo) -> str | None:
    if verb.name is not None or verb.callback is None:
        return verb.name
    return get_command_name(verb.callback.__name__)
