"""The verbs and their options. Each body imports its room only when it is called."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from node.cli import ceremony_app, governing_app  # noqa: F401 - verbs that join network_app's
from node.cli.evidence_app import evidence_app
from node.cli.geo_app import geo_app, locate
from node.cli.hashcheck_app import hashcheck_app
from node.cli.hold_app import hold_app
from node.cli.hoster_app import hoster_app
from node.cli.keys_app import keys_app
from node.cli.list_app import list_app
from node.cli.network_app import network_app
from node.cli.options import (
    DEFAULT_CONFIG,
    TIME_FORMATS,
    BeforeOption,
    Cause,
    ConfigOption,
    CountriesOption,
    EndpointOption,
    FileEncoding,
    FileForm,
    HsmOption,
    HsmPinOption,
    JsonOption,
    NewConfigOption,
    NewUnlockOption,
    SequenceOption,
    StoreOption,
    StorePasswordOption,
    UmbrellaOption,
    utc_ms,
)
from node.cli.output import show
from node.cli.recover_app import recover_app
from node.cli.store_app import store_app
from node.cli.tasks_app import tasks_app
from node.cli.verbs import group
from node.cli.wrong_file_app import wrong_file

app = group(
    "The federated hotline exchange node.",
    name="hotline",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Errors are one line; --debug before or after the verb adds the traceback.",
)
app.add_typer(network_app, name="network", rich_help_panel="Setting up")
app.add_typer(keys_app, name="keys", rich_help_panel="Running it")
config_app = group("Look at the configuration.")
app.add_typer(config_app, name="config", rich_help_panel="Running it")
token_app = group("Who may call the local API.")
app.add_typer(token_app, name="token", rich_help_panel="Running it")
app.add_typer(tasks_app, name="tasks", rich_help_panel="Running it")
app.add_typer(geo_app, name="geo", rich_help_panel="Running it")
app.add_typer(hoster_app, name="hoster", rich_help_panel="Reports")
app.add_typer(hashcheck_app, name="hashcheck", rich_help_panel="Running it")
app.add_typer(hold_app, name="hold", rich_help_panel="Reports")
app.add_typer(list_app, name="list", rich_help_panel="Reports")
app.add_typer(recover_app, name="recover", rich_help_panel="Keeping it")
app.add_typer(store_app, name="store", rich_help_panel="Keeping it")
app.add_typer(evidence_app, name="evidence", rich_help_panel="Checking it")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("hotline-exchange"))
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """The federated hotline exchange node."""


@app.command(rich_help_panel="Setting up")
def init(
    *,
    member: Annotated[str, typer.Option(help="Member id to ask for, such as gb-iwf.")],
    network: Annotated[str, typer.Option(help="Network id, as the umbrella tells it.")],
    directory: Annotated[Path, typer.Option("--dir", help="Where all is made; empty or new.")],
    jurisdiction: CountriesOption = None,
    name: Annotated[str | None, typer.Option(help="What people call it; default: the id.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="Role; default: hotline.")] = None,
    unlock: NewUnlockOption = None,
    hsm: HsmOption = None,
    hsm_pin: HsmPinOption = None,
    store: StoreOption = None,
    store_password: StorePasswordOption = None,
    endpoint: EndpointOption = None,
    peer_host: Annotated[str | None, typer.Option(help="Address the peer listener binds.")] = None,
    peer_port: Annotated[int, typer.Option(help="Port of the peer listener.")] = 8441,
    api_port: Annotated[int, typer.Option(help="Port of the local listener.")] = 8442,
    sequence: SequenceOption = 1,
    role_version: SequenceOption = 1,
    before: BeforeOption = None,
    config: NewConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Make a member: keys, encrypted database, configuration, admission request."""
    from node.cli.init import init as make
    from node.cli.plans import roles
    from node.setup.member import NewMember

    new = NewMember(
        directory=directory,
        member=member,
        name=name or member,
        network=network,
        jurisdictions=tuple(jurisdiction or ()),
        roles=roles(role or ["hotline"]),
        unlock=unlock,
        hsm=hsm,
        hsm_pin=hsm_pin,
        store=store,
        store_password=store_password,
        endpoint=endpoint,
        config=config,
        peer_host=peer_host,
        peer_port=peer_port,
        api_port=api_port,
        sequence=sequence,
        role_version=role_version,
        before=before,
    )
    return show(make(new), as_json=json)


@app.command(rich_help_panel="Setting up")
def join(
    *,
    root: Annotated[str, typer.Option(help="Fingerprint of the network, told by a person.")],
    mirror: Annotated[
        list[str] | None, typer.Option(help="Where to fetch the registry; repeatable.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Pin the network, fetch its registry, see that this member is admitted."""
    from node.cli.join import join as enter

    return show(enter(config, root, mirror or []), as_json=json)


@app.command(rich_help_panel="Running it")
def run(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """Run the node until it is told to stop."""
    from node.cli.run import run as run_node

    return show(run_node(config), as_json=json)


@app.command(rich_help_panel="Running it")
def status(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """Show whether the node runs and what stands in it."""
    from node.cli.status import status as look

    return show(look(config), as_json=json)


@app.command(rich_help_panel="Running it")
def doctor(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """Say what is wrong, and the command that mends it."""
    from node.cli.doctor import doctor as examine

    return show(examine(config), as_json=json)


@app.command(rich_help_panel="Running it")
def peers(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """Show the members of the network and the channels to them."""
    from node.cli.status import peers as look

    return show(look(config), as_json=json)


@app.command(rich_help_panel="Running it")
def resume(
    peer: Annotated[str, typer.Argument(help="Member at the other end.")],
    lane: Annotated[str, typer.Argument(help="reports, status or bulk.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Let a stopped channel run again, after a person has looked; the node must not run."""
    from node.cli import tasks

    return show(tasks.resume(config, peer, lane), as_json=json)


@config_app.command("check")
def config_check(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """Read the configuration, list every problem, show what is in force."""
    from node.cli.config import check

    return show(check(config), as_json=json)


@token_app.command("create")
def token_create(
    name: Annotated[str, typer.Option(help="Who will call with it, such as case-system.")],
    scope: Annotated[list[str], typer.Option(help="What it permits; repeatable.")],
    expires_days: Annotated[int | None, typer.Option(help="Days until it expires.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Make a token for the local API and show it, once.

    Scopes: reports:write, items:read, items:write, changes:read, admin.
    """
    from node.cli import token

    return show(token.create(config, name, scope, expires_days), as_json=json)


@token_app.command("list")
def token_list(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """List the tokens, never their secrets."""
    from node.cli import token

    return show(token.listing(config), as_json=json)


@token_app.command("revoke")
def token_revoke(
    token_id: Annotated[str, typer.Argument(help="Id of the token, from token list.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Refuse a token from now on."""
    from node.cli import token

    return show(token.revoke(config, token_id), as_json=json)


@app.command(rich_help_panel="Reports")
def submit(
    file: Annotated[Path, typer.Argument(help="CSV, NDJSON or JSON.", show_default=False)],
    *,
    form: Annotated[
        FileForm | None, typer.Option("--format", help="Format, if it is not recognised.")
    ] = None,
    encoding: Annotated[FileEncoding, typer.Option(help="Encoding of a CSV file.")] = "utf-8",
    source: Annotated[
        str | None, typer.Option(help="Source of CSV lines that name none, such as website.")
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Where refused lines go; FILE.rejects.csv.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Hand a file of reports to the running node; the same file again changes nothing."""
    from node.cli.submit import Wish
    from node.cli.submit import submit as hand_in

    wish = Wish(file, form, encoding, source, rejects)
    return show(hand_in(config, wish), as_json=json)


@app.command("hash", rich_help_panel="Reports")
def hash_(
    files: Annotated[list[Path], typer.Argument(help="Files to hash.", show_default=False)],
    config: ConfigOption = DEFAULT_CONFIG,  # noqa: ARG001 - every verb takes it; this one needs none
    json: JsonOption = False,
) -> int:
    """Print the content hashes of files that somebody holds; nothing is stored or sent."""
    from node.cli.hash import hash_files

    return show(hash_files(files), as_json=json)


app.command(rich_help_panel="Reports")(locate)
app.command("wrongfile", rich_help_panel="Reports")(wrong_file)


@app.command(rich_help_panel="Reports")
def erase(
    item: Annotated[str, typer.Argument(help="Id of the item.")],
    cause: Annotated[Cause, typer.Option(help="Why it is erased.", show_default=False)],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="It is meant so.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Erase an item for ever, at the running node; the members concerned are told."""
    from node.cli.erase import erase as end

    return show(end(config, item, cause, sure=yes), as_json=json)


@app.command(rich_help_panel="Reports")
def withdraw(
    verdict: Annotated[str, typer.Argument(help="Id of the verdict.", show_default=False)],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="It is meant so.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Take a verdict of yours back by its id, though its item is gone; all members hear so."""
    from node.cli.withdraw import withdraw as take_back

    return show(take_back(config, verdict, sure=yes), as_json=json)


@app.command(rich_help_panel="Keeping it")
def backup(
    destination: Annotated[Path, typer.Argument(help="File to make; its key: FILE.key.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Copy the database, while the node runs or not, under a key of its own."""
    from node.cli.backup import backup as copy

    return show(copy(config, destination), as_json=json)


@app.command(rich_help_panel="Keeping it")
def restore(
    source: Annotated[Path, typer.Argument(help="A file made by backup.")],
    key: Annotated[Path | None, typer.Option(help="Its key; default: FILE.key.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Put a backup in the database's place, marked as restored."""
    from node.cli.backup import restore as bring_back

    return show(bring_back(config, source, key), as_json=json)


@app.command(rich_help_panel="Keeping it")
def restored(
    snapshot: Annotated[
        datetime | None, typer.Option(formats=TIME_FORMATS, help="When it was taken, UTC.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Say that the database was set back by a snapshot or copy; never if a key may be stolen."""
    from node.cli.tasks import restored as say

    return show(say(config, 0 if snapshot is None else utc_ms(snapshot)), as_json=json)


@app.command(rich_help_panel="Keeping it")
def compromised(
    peer: Annotated[str, typer.Argument(help="Member id.")],
    lane: Annotated[str, typer.Argument(help="reports, status or bulk.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Say that a thief signed on a channel that stopped; first revoke and rotate the log key."""
    from node.cli.tasks import compromised as say

    return show(say(config, peer, lane), as_json=json)


@app.command(rich_help_panel="Keeping it")
def publish(
    *,
    rotate: Annotated[bool, typer.Option("--rotate", help="Make a new sealing key.")] = False,
    umbrella: UmbrellaOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Publish this member's endpoint and keys anew, signed by the member key."""
    from node.cli.publish import publish as send

    return show(send(config, umbrella, rotate=rotate), as_json=json)


@app.command(rich_help_panel="Checking it")
def verify(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """Walk logs, checkpoints, receipts and history, and say what holds."""
    from node.cli.verify import verify as walk

    return show(walk(config), as_json=json)
