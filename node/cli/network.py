"""`hotline network ...`: the umbrella's verbs. They read the network's own configuration file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from keys.unlock import Unlock
from node.cli.exits import Exit
from node.cli.output import CliError, Result, table
from node.config import load
from node.registry import admit as decisions
from node.registry import staging
from node.registry.admission import is_request
from node.registry.create import (
    NOT_KEPT,
    load_holder_key,
    load_online,
    load_people,
    make_holder_key,
)
from node.registry.directory import RepositoryDirectory
from node.registry.errors import RefusedError, RepositoryStateError
from node.registry.numbers import LIMITS
from node.registry.transport import HttpTransport
from node.setup import secret
from node.setup.network import CONFIG_NAME, make_network
from node.setup.opening import is_a_nodes
from node.setup.rebuilding import rebuild_network

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from keys.network import NetworkDocument
    from keys.registry import Registry
    from node.registry.admit import Decision, Terms
    from node.registry.create import NetworkPlan

MAX_REQUEST_BYTES = 1 << 20
BY_ONE = (
    "WARNING: in this network ONE person alone decides who is a member, and whoever steals that\n"
    "one key is the network. Good for a trial. A real network is signed by three of five holders,\n"
    "umbrella and hotlines mixed: docs/runbooks/root-ceremony.md"
)
WAS_MADE = "an earlier attempt had made it, by what was typed then; only its move was finished now"
MORE_HOLDERS = (
    "waits for more holders: hotline network proposal FILE for those elsewhere, else network sign"
)


def create(
    directory: Path, plan: NetworkPlan, unlock: str | None, listen_host: str, listen_port: int
) -> Result:
    """Make a network.

    Raises:
        SetupError, ConfigError, RegistryError, KeysError: as `make_network`.
    """
    made = make_network(
        directory,
        plan,
        now_ms(),
        unlock=unlock,
        listen_host=listen_host,
        listen_port=listen_port,
    )
    created, config = made.created, made.config
    data = {
        "network": created.network_id,
        "root_sha256": created.root_sha256,
        "waiting_for_signatures": created.waiting,
        "config": str(config.source),
        "unlock": config.member.unlock,
        "signed_by_one": list(made.by_one),
    }
    if created.waiting:
        text = f"made; {MORE_HOLDERS}"
    else:
        text = (
            f"network      {created.network_id}\n"
            f"fingerprint  {created.root_sha256}\n"
            f"config       {config.source}\n\n"
            "tell every member network and fingerprint by voice or on paper, then:\n"
            f"  hotline network admit REQUEST --config {config.source}\n"
            f"  hotline network serve --config {config.source}\n"
            f"keep {config.member.unlock.removeprefix('file:')} apart from the directory"
        )
    if made.was_made:
        text = f"{WAS_MADE}\n{text}"
    if made.by_one:
        text += f"\n\n{BY_ONE}"
    return Result(data, text)


def rebuild(
    directory: Path,
    fingerprint: str,
    mirrors: Sequence[str],
    unlock: str | None,
    listen: tuple[str, int],
) -> Result:
    """Make a network's directory anew, from what mirrors and members have of it.

    Raises:
        SetupError, ConfigError, RegistryError: as `rebuild_network`.
    """
    listen_host, listen_port = listen
    registry = rebuild_network(
        directory,
        fingerprint,
        mirrors,
        HttpTransport(),
        unlock=unlock,
        listen_host=listen_host,
        listen_port=listen_port,
    )
    data = {
        "network": registry.network_id,
        "root_version": registry.root_version,
        "timestamp_version": registry.timestamp_version,
        "issued_ms": registry.issued_ms,
        "members": len(registry.members),
        "config": str(directory.absolute() / CONFIG_NAME),
    }
    text = (
        f"{registry.network_id}: root {registry.root_version}, timestamp"
        f" {registry.timestamp_version}, {len(registry.members)} members\n"
        "compare that with two members (hotline status); then, with the holders of root:\n"
        f"  hotline network rekey --config {data['config']}"
    )
    return Result(data, text)


def admit(path: Path, request: Path, terms: Terms, keys: Sequence[Path] = ()) -> Result:
    """Check an admission request and admit the member.

    Args:
        path: the network's configuration.
        request: the member's file.
        terms: on which the member is admitted.
        keys: key files of holders, beside those in the directory.

    Raises:
        RegistryError: the request or the network with this member breaks a rule.
        CliError: the file of the request cannot be read.
    """
    directory, keepers = keepers_of(path, keys)
    try:
        with request.open("rb") as file:
            raw = file.read(MAX_REQUEST_BYTES)
    except OSError as error:
        message = f"request: cannot be read ({error.strerror})"
        raise CliError("request_unreadable", message, Exit.INPUT) from None
    if not is_request(raw):
        mend = "hand over admission.json as that member's hotline init wrote it, byte for byte"
        raise RefusedError("request", f"{request} is no admission request; {mend}")
    return decided(decisions.admit(directory, raw, terms, keepers, now_ms()))


def sign(path: Path, keys: Sequence[Path] = ()) -> Result:
    """Sign what waits for more holders with the keys at hand.

    Raises:
        RegistryError: nothing waits, or the registry has moved on.
    """
    directory, keepers = keepers_of(path, keys)
    decision = decisions.sign_staged(directory, keepers, now_ms())
    if decision is None:
        return Result({"published": False}, "signed; more holders have to sign")
    return decided(decision)


def drop(path: Path) -> Result:
    """Forget the proposal that waits for signatures.

    Raises:
        RegistryError: the configuration is a node's, which only mirrors a network.
    """
    config = load(path)
    if is_a_nodes(config):  # by its keys: the online keys of a network may have been stolen
        raise RepositoryStateError(NOT_KEPT)
    waited = staging.drop_staged(RepositoryDirectory(config.registry.directory))
    return Result({"dropped": waited}, "forgotten" if waited else "nothing waited")


def set_status(path: Path, member: str, keys: Sequence[Path] = (), *, active: bool) -> Result:
    """Suspend a member, or lift its suspension.

    Raises:
        RegistryError: there is no such member, or it is so already.
    """
    directory, keepers = keepers_of(path, keys)
    return decided(
        decisions.set_status(directory, member, active=active, keepers=keepers, now_ms=now_ms())
    )


def change(
    path: Path,
    member: str,
    decide: Callable[[NetworkDocument], NetworkDocument],
    keys: Sequence[Path] = (),
) -> Result:
    """Change what the network document says of its members (`node.registry.changes`).

    Raises:
        RegistryError: the change breaks a rule; the field is named.
    """
    directory, keepers = keepers_of(path, keys)
    return decided(decisions.govern(directory, decide, keepers, now_ms(), member))


def renew(path: Path, keys: Sequence[Path] = ()) -> Result:
    """Sign root and targets for another year.

    Raises:
        RegistryError: the directory holds no network.
    """
    directory, keepers = keepers_of(path, keys)
    return decided(decisions.renew(directory, keepers, now_ms()))


def holder_key(file: Path, role: str, unlock: str) -> Result:
    """Make the key of a holder of root or targets; show its public half.

    Raises:
        RegistryError: another role.
        KeysError: the file or the unlocking secret cannot be used.
    """
    setting = f"file:{Path(unlock[5:]).absolute()}" if unlock.startswith("file:") else unlock
    with secret.ensured(setting):
        public = make_holder_key(file, role, Unlock.from_config(setting))
    data = {"role": role, "public": public.hex(), "file": str(file)}
    return Result(data, f"{public.hex()}\nthe umbrella takes it: network create --{role}-key")


def status(path: Path) -> Result:
    """Show the network as this directory or node knows it.

    Raises:
        RegistryError: there is no network here.
    """
    config = load(path)
    directory = RepositoryDirectory(config.registry.directory)
    state = directory.open()
    registry = state.registry
    data = {
        "network": registry.network_id,
        "root_sha256": state.first_root_sha256.hex(),
        "root_version": registry.root_version,
        "timestamp_version": registry.timestamp_version,
        "issued_ms": registry.issued_ms,
        "expires_ms": registry.expires_ms,
        "staged": bool(staging.waiting(directory)),
        "members": [
            {
                "member": member,
                "name": entry.name,
                "roles": list(entry.roles),
                "jurisdictions": list(entry.jurisdictions),
                "status": entry.status,
                "successor": entry.successor,
            }
            for member, entry in sorted(registry.network.members.items())
        ],
        "fallback_members": list(registry.network.fallback_members),
        "choice_rules": {code: list(ids) for code, ids in registry.network.choice_rules.items()},
        "transfers": registry.network.transfers.record(),
        "limits": {name: getattr(registry.network.limits, name) for name in LIMITS},
        "policy": dict(registry.network.policy),
    }
    return Result(data, _status_text(registry, data))


def _status_text(registry: Registry, data: dict[str, object]) -> str:
    rows = [
        (member, " ".join(entry.jurisdictions), " ".join(entry.roles), entry.status, entry.name)
        for member, entry in sorted(registry.network.members.items())
    ]
    days = (registry.expires_ms - now_ms()) // 86_400_000
    lines = [
        f"network      {registry.network_id}",
        f"fingerprint  {data['root_sha256']}",
        f"versions     root {registry.root_version}, timestamp {registry.timestamp_version}",
        f"expires      in {days} days",
        "",
        table(("member", "countries", "roles", "status", "name"), rows),
    ]
    lines.append(f"\nitems that nobody covers go to {_fallback(registry)}")
    if data["staged"]:
        lines.append(f"\na proposal {MORE_HOLDERS}")
    return "\n".join(lines)


def _fallback(registry: Registry) -> str:
    network = registry.network
    named = network.fallback_members
    if network.fallback() is not None:
        return ", else ".join(member for member in named if network.is_active(member))
    why = f": {', '.join(named)} is not active" if named else ""
    return f"their finder{why} (hotline network fallback names somebody)"


def keepers_of(path: Path, keys: Sequence[Path]) -> tuple[RepositoryDirectory, decisions.Keepers]:
    """Give the directory of a network and the keys at hand for its decisions."""
    config = load(path)
    directory = RepositoryDirectory(config.registry.directory)
    unlock = Unlock.from_config(config.member.unlock)
    people = [*load_people(directory, unlock), *(load_holder_key(key, unlock) for key in keys)]
    return directory, decisions.Keepers(people, load_online(directory, unlock))


def decided(decision: Decision) -> Result:
    """Show what became of a decision."""
    entry = decision.registry.network.members.get(decision.member)
    data = {
        "member": decision.member,
        "published": decision.published,
        "network": decision.registry.network_id,
    }
    if not decision.published:
        return Result(data, MORE_HOLDERS)
    what, stands = decision.member or "the network", ""
    if entry is not None:  # what the request asked for, where nobody said otherwise
        countries = " ".join(entry.jurisdictions) or "no country"
        stands = f", {entry.status}: {' '.join(entry.roles)} for {countries}"
    more = "" if decision.member else "; hotline network status shows id and fingerprint"
    return Result(data, f"{what}: published{stands}{more}")


def now_ms() -> int:
    """Give this machine's clock, milliseconds UTC."""
    return time.time_ns() // 1_000_000
