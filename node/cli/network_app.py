"""Options of `hotline network ...`. Each body imports its room only when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli.options import ConfigOption, JsonOption
from node.cli.output import show
from node.cli.verbs import group

network_app = group("Keep a network's registry: the umbrella's verbs.")
NETWORK_CONFIG = Path("network.toml")
KeyOption = Annotated[
    list[Path] | None, typer.Option("--key", help="Key file of a holder; repeatable.")
]
MemberArgument = Annotated[str, typer.Argument(help="Member id.")]


@network_app.command("create")
def network_create(
    *,
    name: Annotated[str, typer.Option(help="Name: lower-case letters, digits, hyphens.")],
    directory: Annotated[Path, typer.Option("--dir", help="Where it is made; empty or new.")],
    root_holders: Annotated[
        int | None, typer.Option(help="Root keys to make here; default: none.")
    ] = None,
    root_threshold: Annotated[
        int | None, typer.Option(help="How many must sign root; default: three of five or more.")
    ] = None,
    root_key: Annotated[
        list[str] | None, typer.Option(help="Public root key made elsewhere (hex); repeatable.")
    ] = None,
    targets_holders: Annotated[
        int | None, typer.Option(help="Targets keys to make here; default: none.")
    ] = None,
    targets_threshold: Annotated[
        int | None,
        typer.Option(help="How many must sign admissions; default: three of five or more."),
    ] = None,
    targets_key: Annotated[
        list[str] | None, typer.Option(help="Public targets key made elsewhere (hex); repeatable.")
    ] = None,
    trial: Annotated[
        bool, typer.Option(help="For a trial: one key of each made here, and ONE person signs.")
    ] = False,
    unlock: Annotated[
        str | None, typer.Option(help="Secret of the key files; default: file:DIR.unlock, made.")
    ] = None,
    listen_host: Annotated[str, typer.Option(help="Address network serve binds to.")] = "127.0.0.1",
    listen_port: Annotated[int, typer.Option(help="Port of network serve.")] = 8440,
    config: ConfigOption = NETWORK_CONFIG,  # noqa: ARG001 - it is made in --dir
    json: JsonOption = False,
) -> int:
    """Make a network: keys of its holders, the first root, an empty list of members."""
    from node.cli import network
    from node.cli.plans import network_plan

    plan = network_plan(
        name,
        (root_holders, root_threshold, root_key or []),
        (targets_holders, targets_threshold, targets_key or []),
        trial=trial,
    )
    return show(network.create(directory, plan, unlock, listen_host, listen_port), as_json=json)


@network_app.command("rebuild")
def network_rebuild(
    *,
    directory: Annotated[Path, typer.Option("--dir", help="Where it is made; empty or new.")],
    root: Annotated[str, typer.Option(help="The network's fingerprint, as people were told it.")],
    mirror: Annotated[
        list[str], typer.Option(help="Address of a mirror, or of a member; repeatable.")
    ],
    unlock: Annotated[
        str | None, typer.Option(help="Secret of the key files; default: file:DIR.unlock.")
    ] = None,
    listen_host: Annotated[str, typer.Option(help="Address network serve binds to.")] = "127.0.0.1",
    listen_port: Annotated[int, typer.Option(help="Port of network serve.")] = 8440,
    config: ConfigOption = NETWORK_CONFIG,  # noqa: ARG001 - it is made in --dir
    json: JsonOption = False,
) -> int:
    """Make a lost network's directory anew, from the newest that a mirror or member has of it."""
    from node.cli import network

    listen = (listen_host, listen_port)
    return show(network.rebuild(directory, root, mirror, unlock, listen), as_json=json)


@network_app.command("admit")
def network_admit(
    request: Annotated[Path, typer.Argument(help="The member's admission.json.")],
    *,
    name: Annotated[str | None, typer.Option(help="Name instead of the one asked for.")] = None,
    role: Annotated[
        list[str] | None, typer.Option(help="Role instead of those asked for; repeatable.")
    ] = None,
    jurisdiction: Annotated[
        list[str] | None, typer.Option(help="Country instead of those asked for; repeatable.")
    ] = None,
    choice: Annotated[
        list[str] | None,
        typer.Option(help="COUNTRY=MEMBER,MEMBER where a country has several; repeatable."),
    ] = None,
    fallback: Annotated[bool, typer.Option(help="It takes items that nobody covers.")] = False,
    replace_key: Annotated[bool, typer.Option(help="It is a member; its key changes.")] = False,
    without_old_keys: Annotated[
        bool, typer.Option(help="Let it leave out keys; what they signed verifies no more.")
    ] = False,
    key: KeyOption = None,
    config: ConfigOption = NETWORK_CONFIG,
    json: JsonOption = False,
) -> int:
    """Check an admission request and admit the member."""
    from node.cli import network
    from node.cli.plans import terms

    granted = terms(
        name,
        role,
        jurisdiction,
        choice or [],
        fallback=fallback,
        replace_key=replace_key,
        without_old_keys=without_old_keys,
    )
    return show(network.admit(config, request, granted, key or ()), as_json=json)


@network_app.command("sign")
def network_sign(
    key: KeyOption = None, config: ConfigOption = NETWORK_CONFIG, json: JsonOption = False
) -> int:
    """Sign what waits for more holders, with the keys at hand."""
    from node.cli import network

    return show(network.sign(config, key or ()), as_json=json)


@network_app.command("drop")
def network_drop(config: ConfigOption = NETWORK_CONFIG, json: JsonOption = False) -> int:
    """Forget the proposal that waits for signatures."""
    from node.cli import network

    return show(network.drop(config), as_json=json)


@network_app.command("suspend")
def network_suspend(
    member: MemberArgument,
    key: KeyOption = None,
    config: ConfigOption = NETWORK_CONFIG,
    json: JsonOption = False,
) -> int:
    """Suspend a member: what it sends goes to quarantine, nothing is sent to it."""
    from node.cli import network

    return show(network.set_status(config, member, key or (), active=False), as_json=json)


@network_app.command("reinstate")
def network_reinstate(
    member: MemberArgument,
    key: KeyOption = None,
    config: ConfigOption = NETWORK_CONFIG,
    json: JsonOption = False,
) -> int:
    """Lift the suspension of a member."""
    from node.cli import network

    return show(network.set_status(config, member, key or (), active=True), as_json=json)


@network_app.command("renew")
def network_renew(
    key: KeyOption = None, config: ConfigOption = NETWORK_CONFIG, json: JsonOption = False
) -> int:
    """Sign root and targets for another year; they expire otherwise."""
    from node.cli import network

    return show(network.renew(config, key or ()), as_json=json)


@network_app.command("key")
def network_key(
    file: Annotated[Path, typer.Argument(help="File to make: root-... or targets-....key.")],
    *,
    role: Annotated[str, typer.Option(help="root or targets.")],
    unlock: Annotated[str, typer.Option(help="Secret of the file; file:PATH is made.")],
    config: ConfigOption = NETWORK_CONFIG,  # noqa: ARG001 - a holder elsewhere has none
    json: JsonOption = False,
) -> int:
    """Make the key of a holder elsewhere; show its public half."""
    from node.cli import network

    return show(network.holder_key(file, role, unlock), as_json=json)


@network_app.command("status")
def network_status(config: ConfigOption = NETWORK_CONFIG, json: JsonOption = False) -> int:
    """Show members, versions and expiry of the network."""
    from node.cli import network

    return show(network.status(config), as_json=json)


@network_app.command("serve")
def network_serve(config: ConfigOption = NETWORK_CONFIG, json: JsonOption = False) -> int:
    """Publish the registry, take members' own changes, sign unattended; runs until stopped."""
    from node.cli.serve import serve

    return show(serve(config), as_json=json)
