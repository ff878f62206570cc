"""Options of `hotline hashcheck ...`. Each body imports its room only when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from node.cli.output import show
from node.cli.verbs import group

hashcheck_app = group("What hosting companies are answered about files, and their complaints.")
key_app = group("Who may ask, of what, how much, until when.")
hashcheck_app.add_typer(key_app, name="key")


@key_app.command("create")
def key_create(
    *,
    hoster: Annotated[str, typer.Option(help="Who will ask with it, in lower case.")],
    ends: Annotated[str, typer.Option(help="Last day of the contract, as 2027-06-30.")],
    source: Annotated[
        list[str] | None, typer.Option(help="own, network or list:NAME; repeatable; own.")
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="check or complain; repeatable; both.")
    ] = None,
    per_minute: Annotated[int | None, typer.Option(help="Checks in a minute; 60000.")] = None,
    per_day: Annotated[int | None, typer.Option(help="Checks in a day; 10000000.")] = None,
    near_per_day: Annotated[int | None, typer.Option(help="With a PDQ hash; 0.")] = None,
    near_reviews_per_day: Annotated[
        int | None, typer.Option(help="Answered review for one, until a person looks; 100.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Make a key for a hosting company and show it, once."""
    from node.cli.hashcheck import Agreed, create

    quotas = {
        "per_minute": per_minute,
        "per_day": per_day,
        "near_per_day": near_per_day,
        "near_reviews_per_day": near_reviews_per_day,
    }
    agreed = Agreed(hoster, ends, source or (), scope or (), quotas)
    return show(create(config, agreed), as_json=json)


@key_app.command("list")
def key_list(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """List the keys, never themselves, with what each asked in the last 30 days."""
    from node.cli.hashcheck import listing

    return show(listing(config), as_json=json)


@key_app.command("revoke")
def key_revoke(
    key_id: Annotated[str, typer.Argument(help="Id of the key, from key list.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Refuse a key from now on."""
    from node.cli.hashcheck import revoke

    return show(revoke(config, key_id), as_json=json)


@hashcheck_app.command("complaints")
def complaints(
    *,
    uphold: Annotated[str | None, typer.Option(help="Complaint that is right.")] = None,
    reject: Annotated[str | None, typer.Option(help="Complaint that is wrong.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why; it stays at this node.")] = None,
    by: Annotated[str | None, typer.Option(help="Who says so; else the token's name.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Decided ones too.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """List complaints about hits, or decide one: what is upheld is a hit no more, at once."""
    from node.cli.hashcheck import Said, complaints

    said = Said(uphold, reject, reason, by)
    return show(complaints(config, said, everything=everything), as_json=json)


@hashcheck_app.command("send")
def send(
    files: Annotated[list[Path], typer.Argument(help="Files to ask about.", show_default=False)],
    *,
    service: Annotated[str, typer.Option(help="Where to ask, https://HOST[:PORT].")],
    key_file: Annotated[Path, typer.Option(help="File (mode 0600) with the key.")],
    ca: Annotated[Path | None, typer.Option(help="Certificates that count (PEM).")] = None,
    config: ConfigOption = DEFAULT_CONFIG,  # noqa: ARG001 - every verb takes it; this one needs none
    json: JsonOption = False,
) -> int:
    """Ask a HashCheck service about files; hashes are sent, files and names are not."""
    from node.cli.hashcheck_send import Service
    from node.cli.hashcheck_send import send as ask

    return show(ask(files, Service(service, key_file, ca)), as_json=json)
