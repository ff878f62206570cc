"""`hotline network ...`: the umbrella's verbs. They read the network's own configuration file."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from keys.unlock import Unlock
from node.cli.exits import Exit
from node.cli.output import CliError, Result, table
from node.config import load
from node.registry import admit as decisions
from node.registry.create import load_online, load_people
from node.registry.directory import RepositoryDirectory
from node.setup.network import make_network

if TYPE_CHECKING:
    from pathlib import Path

    from keys.registry import Registry
    from node.config import Config
    from node.registry.admit import Decision, Terms
    from node.registry.create import NetworkPlan

MAX_REQUEST_BYTES = 1 << 20


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
    }
    if created.waiting:
        text = "made; more holders have to sign: hotline network sign"
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
    return Result(data, text)


def admit(path: Path, request: Path, terms: Terms) -> Result:
    """Check an admission request and admit the member.

    Raises:
        RegistryError: the request or the network with this member breaks a rule.
        CliError: the file of the request cannot be read.
    """
    config = load(path)
    directory, unlock = _umbrella(config)
    keepers = decisions.Keepers(load_people(directory, unlock), load_online(directory, unlock))
    try:
        with request.open("rb") as file:
            raw = file.read(MAX_REQUEST_BYTES)
    except OSError as error:
        message = f"request: cannot be read ({error.strerror})"
        raise CliError("request_unreadable", message, Exit.INPUT) from None
    return _decided(decisions.admit(directory, raw, terms, keepers, now_ms()))


def sign(path: Path) -> Result:
    """Sign what waits for more holders with the keys that are here.

    Raises:
        RegistryError: nothing waits, or the registry has moved on.
    """
    directory, unlock = _umbrella(load(path))
    keepers = decisions.Keepers(load_people(directory, unlock), load_online(directory, unlock))
    decision = decisions.sign_staged(directory, keepers, now_ms())
    if decision is None:
        return Result({"published": False}, "signed; more holders have to sign")
    return _decided(decision)


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
        "staged": bool(directory.staged),
        "members": [
            {
                "member": member,
                "name": entry.name,
                "roles": list(entry.roles),
                "jurisdictions": list(entry.jurisdictions),
                "status": entry.status,
            }
            for member, entry in sorted(registry.network.members.items())
        ],
        "fallback_members": list(registry.network.fallback_members),
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
    if data["staged"]:
        lines.append("\na proposal waits for signatures: hotline network sign")
    return "\n".join(lines)


def _umbrella(config: Config) -> tuple[RepositoryDirectory, Unlock]:
    return (
        RepositoryDirectory(config.registry.directory),
        Unlock.from_config(config.member.unlock),
    )


def _decided(decision: Decision) -> Result:
    entry = decision.registry.network.members.get(decision.member)
    data = {
        "member": decision.member,
        "published": decision.published,
        "network": decision.registry.network_id,
    }
    if not decision.published:
        return Result(data, "waits for more holders: hotline network sign")
    what = decision.member or "the network"
    where = f" for {' '.join(entry.jurisdictions)}" if entry and entry.jurisdictions else ""
    return Result(data, f"{what}: published{where}")


def now_ms() -> int:
    """Give this machine's clock, milliseconds UTC."""
    return time.time_ns() // 1_000_000
