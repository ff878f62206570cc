"""From what was typed to what the rooms take: plans, terms, roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from keys.errors import KeysError
from keys.network import ROLES, Role
from keys.transfers import TRANSFER_FIELDS, TransferTerms
from node.cli.exits import Exit
from node.cli.output import CliError
from node.jurisdiction.codes import country_mend
from node.registry.admit import Terms
from node.registry.create import HolderPlan, NetworkPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

HOLDERS, SIGNING = 5, 3
"""Who keeps a real network, and how many of them sign: two lost keys lose nothing, two stolen ones
decide nothing."""

_DIGITS = 18
"""More than any number of a network has."""
Holders = tuple["int | None", "int | None", "Sequence[str]"]
"""Keys to make here, threshold, public keys (hex) made elsewhere."""


def network_plan(name: str, root: Holders, targets: Holders, *, trial: bool) -> NetworkPlan:
    """Give the plan of a network.

    What is not said is three of five holders, whose keys were made elsewhere; in a `trial` one key
    made here, that signs alone.

    Raises:
        CliError: a public key is not hexadecimal; or there are fewer than five holders, and it was
            not said how many of them sign.
    """
    return NetworkPlan(
        name, _holders("root", root, trial=trial), _holders("targets", targets, trial=trial)
    )


def terms(  # noqa: D417 - the arguments are those of `Terms`
    name: str | None,
    role_names: Sequence[str] | None,
    jurisdictions: Sequence[str] | None,
    choice: Sequence[str],
    *,
    fallback: bool,
    replace_key: bool,
    without_old_keys: bool = False,
) -> Terms:
    """Give the terms of an admission.

    Args:
        choice: `COUNTRY=MEMBER,MEMBER` each.

    Raises:
        CliError: a role or a choice is written wrongly.
    """
    return Terms(
        name=name,
        roles=roles(role_names) if role_names else None,
        jurisdictions=tuple(jurisdictions) if jurisdictions else None,
        choice_rules=choices(choice),
        fallback=fallback,
        replace_key=replace_key,
        without_old_keys=without_old_keys,
    )


def choices(entries: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read rules of choice, `COUNTRY=MEMBER,MEMBER` each; one that names nobody takes a rule back.

    Raises:
        CliError: one is written wrongly, or of no country: what it means would go to nobody.
    """
    return dict(_choice(entry) for entry in entries)


def numbers(entries: Sequence[str]) -> dict[str, int | None]:
    """Read numbers of a network, `NAME=NUMBER` each; without a number: as programs have it.

    Raises:
        CliError: one is written wrongly.
    """
    found: dict[str, int | None] = {}
    for entry in entries:
        name, said, number = entry.partition("=")
        is_number = number.isascii() and number.isdecimal() and len(number) <= _DIGITS
        if not said or (number and not is_number):
            message = "NAME=NUMBER: write such as peer_withdrawals=100; NAME= takes it back"
            raise CliError("usage", message, Exit.USAGE)
        found[name] = int(number) if number else None
    return found


def transfer_terms(basis: str, permitted: Sequence[str] | None) -> TransferTerms:
    """Read on which terms something may be sent; no fields named: all of them.

    Raises:
        CliError: a field or the basis is written wrongly.
    """
    if not set(permitted or ()) <= set(TRANSFER_FIELDS):
        raise CliError("usage", f"--field: write one of {', '.join(TRANSFER_FIELDS)}", Exit.USAGE)
    named = tuple(one for one in TRANSFER_FIELDS if permitted is None or one in permitted)
    try:
        return TransferTerms(basis, named)
    except KeysError:
        message = "BASIS: write a code of 1 to 64 of a-z 0-9 _ . : -, or none"
        raise CliError("usage", message, Exit.USAGE) from None


def transfer_pair(sender: str | None, receiver: str | None) -> tuple[str, str] | None:
    """Read of whom terms are: both named, or neither: then of all that have none of their own.

    Raises:
        CliError: only one is named.
    """
    if sender is None and receiver is None:
        return None
    if sender is None or receiver is None:
        raise CliError("usage", "--from and --to: write both, or neither", Exit.USAGE)
    return sender, receiver


def fallback_members(named: Sequence[str], *, nobody: bool) -> tuple[str, ...]:
    """Read who takes what nobody covers; that nobody does is said and not left out.

    Raises:
        CliError: neither is said, or both.
    """
    if bool(named) == nobody:
        message = "MEMBER: name all that take such items, in their order, or write --nobody"
        raise CliError("usage", message, Exit.USAGE)
    return tuple(named)


def roles(names: Sequence[str]) -> tuple[Role, ...]:
    """Check the names of roles.

    Raises:
        CliError: one is unknown.
    """
    if not set(names) <= set(ROLES):
        raise CliError("usage", f"--role: write one of {', '.join(ROLES)}", Exit.USAGE)
    return cast("tuple[Role, ...]", tuple(names))


def _holders(role: str, holders: Holders, *, trial: bool) -> HolderPlan:
    made, signing, public = holders
    try:
        elsewhere = tuple(bytes.fromhex(key) for key in public)
    except ValueError:
        message = f"--{role}-key: write the public key as 64 hexadecimal digits"
        raise CliError("usage", message, Exit.USAGE) from None
    here = made if made is not None else int(trial)
    if signing is None and not trial and here + len(elsewhere) < HOLDERS:
        mend = (
            f"name {HOLDERS} holders' public keys, of whom {SIGNING} sign (hotline network key"
            f" makes one); or say --{role}-threshold; or --trial, where one person decides alone"
        )
        raise CliError("usage", f"--{role}-key: {mend}", Exit.USAGE)
    threshold = signing if signing is not None else 1 if trial else SIGNING
    return HolderPlan(here=here, elsewhere=elsewhere, threshold=threshold)


def _choice(entry: str) -> tuple[str, tuple[str, ...]]:
    country, found, members = entry.partition("=")
    listed = tuple(member for member in members.split(",") if member)
    if not found or (members and not listed):
        message = "--choice: write COUNTRY=MEMBER,MEMBER such as DE=de-eco,de-fsm; DE= for no rule"
        raise CliError("usage", message, Exit.USAGE)
    if listed and (mend := country_mend(country)) is not None:
        raise CliError("usage", f"--choice: {mend}, not {country!r}", Exit.USAGE)
    return country, listed
