"""Options of the verbs by which the holders of a network govern who may do what."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from node.cli.network_app import NETWORK_CONFIG, KeyOption, MemberArgument, network_app
from node.cli.options import ConfigOption, JsonOption
from node.cli.output import show

ChoiceOption = Annotated[
    list[str] | None,
    typer.Option("--choice", help="COUNTRY=MEMBER,MEMBER where a country has several; repeatable."),
]


@network_app.command("countries")
def network_countries(
    member: MemberArgument,
    *,
    jurisdiction: Annotated[
        list[str] | None, typer.Option(help="Country it answers for from now on; repeatable.")
    ] = None,
    choice: ChoiceOption = None,
    key: KeyOption = None,
    config: ConfigOption = NETWORK_CONFIG,
    json: JsonOption = False,
) -> int:
    """Change the countries that a member answers for; without any it answers for none."""
    from node.cli import network
    from node.cli.plans import choices
    from node.registry.changes import set_countries

    rules = choices(choice or [])
    countries = tuple(jurisdiction or ())
    decide = partial(set_countries, member=member, countries=countries, choice_rules=rules)
    return show(network.change(config, member, decide, key or ()), as_json=json)


@network_app.command("roles")
def network_roles(
    member: MemberArgument,
    *,
    role: Annotated[list[str], typer.Option(help="Role it has from now on; repeatable.")],
    choice: ChoiceOption = None,
    key: KeyOption = None,
    config: ConfigOption = NETWORK_CONFIG,
    json: JsonOption = False,
) -> int:
    """Change the roles of a member; who is no hotline any more stands in no rule."""
    from node.cli import network
    from node.cli.plans import choices, roles
    from node.registry.changes import set_roles

    rules = choices(choice or [])
    decide = partial(set_roles, member=member, roles=roles(role), choice_rules=rules)
    return show(network.change(config, member, decide, key or ()), as_json=json)


@network_app.command("fallback")
def network_fallback(
    member: Annotated[
        list[str] | None, typer.Argument(help="Member id; all of them, in their order.")
    ] = None,
    *,
    nobody: Annotated[bool, typer.Option("--nobody", help="Its finder has it.")] = False,
    key: KeyOption = None,
    config: ConfigOption = NETWORK_CONFIG,
    json: JsonOption = False,
) -> int:
    """Name the members that take items which nobody covers, in their order."""
    from node.cli import network
    from node.cli.plans import fallback_members
    from node.registry.changes import set_fallback

    decide = partial(set_fallback, members=fallback_members(member or [], nobody=nobody))
    return show(network.change(config, "", decide, key or ()), as_json=json)


@network_app.command("expel")
def network_expel(
    member: MemberArgument,
    *,
    choice: ChoiceOption = None,
    key: KeyOption = None,
    config: ConfigOption = NETWORK_CONFIG,
    json: JsonOption = False,
) -> int:
    """End a membership for good; it comes back only under another id."""
    from node.cli import network
    from node.cli.plans import choices
    from node.registry.changes import expel

    decide = partial(expel, member=member, choice_rules=choices(choice or []))
    return show(network.change(config, member, decide, key or ()), as_json=json)


@network_app.command("merge")
def network_merge(
    member: MemberArgument,
    *,
    into: Annotated[str, typer.Option(help="The member that takes over.")],
    choice: ChoiceOption = None,
    key: KeyOption = None,
    config: ConfigOption = NETWORK_CONFIG,
    json: JsonOption = False,
) -> int:
    """End a membership; another member takes over its countries, duties and ranks."""
    from node.cli import network
    from node.cli.plans import choices
    from node.registry.changes import merge

    rules = choices(choice or [])
    decide = partial(merge, member=member, successor=into, choice_rules=rules)
    return show(network.change(config, member, decide, key or ()), as_json=json)


@network_app.command("terms")
def network_terms(
    basis: Annotated[str, typer.Argument(help="Code of the legal basis; none: nothing is sent.")],
    *,
    permitted: Annotated[
        list[str] | None,
        typer.Option("--field", help="Field that may be sent; repeatable. Default: all."),
    ] = None,
    sender: Annotated[str | None, typer.Option("--from", help="Sender; default: all.")] = None,
    receiver: Annotated[str | None, typer.Option("--to", help="Receiver; default: all.")] = None,
    key: KeyOption = None,
    config: ConfigOption = NETWORK_CONFIG,
    json: JsonOption = False,
) -> int:
    """Say on which basis, and with which fields, members may send to one another."""
    from node.cli import network
    from node.cli.plans import transfer_pair, transfer_terms
    from node.registry.changes import set_terms

    decide = partial(
        set_terms, terms=transfer_terms(basis, permitted), pair=transfer_pair(sender, receiver)
    )
    return show(network.change(config, "", decide, key or ()), as_json=json)


@network_app.command("policy")
def network_policy(
    number: Annotated[
        list[str], typer.Argument(help="NAME=NUMBER; NAME= alone: as programs have it.")
    ],
    *,
    key: KeyOption = None,
    config: ConfigOption = NETWORK_CONFIG,
    json: JsonOption = False,
) -> int:
    """Change limits and policy numbers, which every node of the network keeps."""
    from node.cli import network
    from node.cli.plans import numbers
    from node.registry.numbers import set_numbers

    decide = partial(set_numbers, numbers=numbers(number))
    return show(network.change(config, "", decide, key or ()), as_json=json)
