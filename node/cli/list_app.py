"""Options of `hotline list ...`. Each body imports its room only when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from node.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from node.cli.output import show
from node.cli.verbs import group

list_app = group("Lists of known content.")

MAY_GO = 10
"""Percent of a list that may go by a file that is the whole of it, unless it is said."""
Form = Literal["vics-2.0", "vics-1.3", "icse", "ncmec", "csv"]
NameOption = Annotated[
    str, typer.Option("--list", help="Name of the list here.", show_default=False)
]
ProvenanceOption = Annotated[
    str | None, typer.Option(help="Who vouches for it: police, hotline, industry, own; member.")
]
UseOption = Annotated[
    bool | None, typer.Option("--may-use/--may-not-use", help="Match with it here.")
]
ShareOption = Annotated[
    bool | None, typer.Option("--may-share/--may-not-share", help="Answer others from it.")
]
WeakOption = Annotated[
    bool | None, typer.Option("--trust-weak/--distrust-weak", help="Take one MD5 or SHA-1 for all.")
]
TrustOption = Annotated[
    list[str] | None,
    typer.Option(
        help="CATEGORY=WORD (auto, auto:2, auto:3, suggestion, none, benign, placeholder);"
        " * is the rest.",
        show_default=False,
    ),
]
VersionOption = Annotated[
    str | None, typer.Option("--version", help="Number or date, growing; default: as said in docs.")
]


@list_app.command("import")
def list_import(
    file: Annotated[Path, typer.Argument(help="File with the list.", show_default=False)],
    *,
    name: NameOption,
    form: Annotated[
        Form | None, typer.Option("--format", help="Recognised where it is not said.")
    ] = None,
    version: VersionOption = None,
    full: Annotated[
        bool, typer.Option("--full", help="It is the whole list: what it does not name goes.")
    ] = False,
    allow_shrink: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=100,
            metavar="PERCENT",
            help=f"With --full: of the entries so much may go; {MAY_GO} unless it is said.",
        ),
    ] = None,
    provenance: ProvenanceOption = None,
    license_: Annotated[
        str | None, typer.Option("--license", help="Under which it was given.")
    ] = None,
    may_use: UseOption = None,
    may_share: ShareOption = None,
    weak: WeakOption = None,
    trust: TrustOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Take a file into a list; the same again changes nothing, and goes on after a crash."""
    from node.cli.list_words import may_go_of
    from node.cli.lists import Wish, import_file

    said = tuple(trust or ())
    wish = Wish(name, provenance, license_, may_use, may_share, weak, said)
    may_go = may_go_of(MAY_GO if allow_shrink is None and full else allow_shrink, full=full)
    return show(import_file(config, file, wish, form, version, may_go), as_json=json)


@list_app.command("export")
def list_export(
    file: Annotated[Path, typer.Argument(help="File to make.", show_default=False)],
    *,
    name: NameOption,
    form: Annotated[Form, typer.Option("--format", help="Format to write.")] = "csv",
    own_use: Annotated[
        bool, typer.Option("--own-use", help="It stays here, whatever its terms are.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Write a list into a new file."""
    from node.cli.list_export import export_file

    return show(export_file(config, file, name, form, own_use=own_use), as_json=json)


@list_app.command("status")
def list_status(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """Show every list with its terms, version, categories, and how far each is followed."""
    from node.cli.lists import status

    return show(status(config), as_json=json)


@list_app.command("set")
def list_set(
    *,
    name: NameOption,
    provenance: ProvenanceOption = None,
    license_: Annotated[
        str | None, typer.Option("--license", help="Under which it was given.")
    ] = None,
    may_use: UseOption = None,
    may_share: ShareOption = None,
    weak: WeakOption = None,
    trust: TrustOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Make a list, or change its terms and how far its categories are followed."""
    from node.cli.lists import Wish, set_terms

    said = tuple(trust or ())
    wish = Wish(name, provenance, license_, may_use, may_share, weak, said)
    return show(set_terms(config, wish), as_json=json)


@list_app.command("retract")
def list_retract(
    *,
    name: NameOption,
    external_id: Annotated[str | None, typer.Option("--id", help="Its author's id.")] = None,
    sha256: Annotated[str | None, typer.Option(help="64 hexadecimal digits.")] = None,
    sha1: Annotated[str | None, typer.Option(help="40 hexadecimal digits.")] = None,
    md5: Annotated[str | None, typer.Option(help="32 hexadecimal digits.")] = None,
    version: VersionOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Take entries of a list back: no version up to this one lists them again."""
    from node.cli.lists import retract
    from node.interchange.lists.fields import Fields

    fields = Fields(sha256=sha256, sha1=sha1, md5=md5, external_id=external_id)
    return show(retract(config, name, fields, version), as_json=json)
