"""`hotline status` and `hotline peers`: what stands where, for people and scripts."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from keys.transfers import NOTHING, TRANSFER_FIELDS
from node.cli.exits import Exit
from node.cli.looking import Running, probe, store_of
from node.cli.output import Result, table
from node.config import load
from node.doctor.contacts import figures as contact_figures
from node.doctor.findings import span
from node.peer.ledgers.witnessing import candidates, counting, standing, times_of
from node.setup.joining import joined

if TYPE_CHECKING:
    from pathlib import Path

    from keys.registry import Registry
    from node.config import Config
    from node.registry.updater import RegistryClient
    from node.store.items.queries import ChannelFigures
    from node.store.ledgers.witnessing import LedgerFigures

NAMES = {
    "items": "items here",
    "items_locating": "being located",
    "items_in_review": "in front of an analyst",
    "messages_waiting": "waiting for other members",
    "entries_waiting": "taken, not judged yet",
    "entries_parked": "parked until their item is known, or for a person",
    "entries_quarantined": "in quarantine, or set aside",
    "entries_unknown": "of a kind or version not known here",
    "tasks_open": "tasks for a person",
    "events": "events in the history",
}


def status(path: Path) -> Result:
    """Show what this node is, whether it runs, and what stands in it.

    Raises:
        ConfigError, KeysError, StoreError, RegistryError: it cannot be read.
    """
    config, now_ms = load(path), time.time_ns() // 1_000_000
    running, client = probe(config), joined(config)
    with store_of(config) as queries:
        figures = asyncio.run(queries.figures())
        tasks = asyncio.run(queries.tasks())
        ledger = asyncio.run(queries.ledger())
        contacts = contact_figures(asyncio.run(queries.hosters()), now_ms)
        asked = [one for one in asyncio.run(queries.origins()) if one.waits]
        sought = asyncio.run(queries.sought())
    data: dict[str, Any] = {
        "member": config.member.id,
        "running": running.answers,
        "missing": list(running.missing),
        "upgrades": running.upgrades,
        "registry": _registry(config, client, now_ms),
        "ledger": _ledger(config, client, ledger),
        "figures": figures,
        "contacts": contacts._asdict(),
        "sought": {
            "blocks": len(sought),
            "oldest_ms": min((one.since_ms for one in sought), default=None),
        },
        "origins": {
            "waiting": len(asked),
            "oldest_ms": min((one.asked_ms for one in asked), default=None),
        },
        "tasks": [
            {"code": code, "subject": subject, "opened_ms": opened_ms}
            for code, subject, opened_ms in tasks
        ],
    }
    return Result(data, _text(data, running, now_ms), Exit.OK)


def _registry(config: Config, client: RegistryClient | None, now_ms: int) -> dict[str, Any] | None:
    if client is None:
        return None
    registry, state = client.current(), client.state(now_ms)
    entry = registry.network.members.get(config.member.id)
    return {
        "network": registry.network_id,
        "standing": entry.status if entry else "not listed",
        "freshness": str(state.freshness),
        "issued_ms": state.issued_ms,
        "expires_ms": state.expires_ms,
        "checked_ms": state.checked_ms,
        "timestamp_version": registry.timestamp_version,
        "members": len(registry.members),
        "pulls": config.member.id in registry.members
        and not registry.members[config.member.id].reachable,
        "recovering": sorted(m for m, d in registry.members.items() if d.recovering),
        "alarms": [{"member": a.member, "code": a.code} for a in state.alarms],
    }


def _ledger(
    config: Config, client: RegistryClient | None, figures: LedgerFigures
) -> dict[str, Any]:
    us = config.member.id
    able = [] if client is None else candidates(client.current(), us)
    on_it = figures.given
    given = times_of(on_it) if client is None else counting(client.current(), on_it)
    stands = standing(us, figures.partners, given, able)
    return {
        "signed_ms": figures.signed_ms,
        "witnessed_s": stands.since_s,
        "witnesses": list(stands.by),
        "not_witnessed_for": list(stands.lacking),
        "too_few_witnesses_for": list(stands.too_few),
        "problems": {one: ask.problem for one, ask in figures.asks.items() if ask.problem},
    }


def ledger_text(ledger: dict[str, Any], now_ms: int) -> str:
    """Say in one line how our ledger is witnessed (`status`, `ledger`)."""
    if ledger["signed_ms"] is None:
        return "ledger: no head yet"
    line = f"ledger: signed {span(now_ms - ledger['signed_ms'])} ago"
    if ledger["witnessed_s"] is not None:
        return f"{line}, witnessed by {', '.join(ledger['witnesses'])}"
    missing = ", ".join(ledger["not_witnessed_for"])
    if ledger["not_witnessed_for"] == ledger["too_few_witnesses_for"]:
        return f"{line}; not witnessed for {missing}: the network has too few members"
    problems = "".join(f"; {one} {code}" for one, code in sorted(ledger["problems"].items()))
    return f"{line}; not witnessed for {missing}{problems}"


def _text(data: dict[str, Any], running: Running, now_ms: int) -> str:
    state = "runs" if running.answers else "does not run"
    if running.upgrades is not None:
        state = f"brings its store up to date: {running.upgrades}"
    elif running.missing:
        state += f"; still needs {', '.join(running.missing)}"
    lines = [f"{data['member']}: {state}"]
    registry = data["registry"]
    if registry is None:
        lines.append("registry: none yet; hotline join")
    else:
        age = span(now_ms - registry["issued_ms"])
        lines.append(
            f"registry: {registry['network']}, {registry['standing']}, {registry['freshness']},"
            f" signed {age} ago, {registry['members']} members"
        )
        if registry["pulls"]:
            lines.append("not reachable: pulls")
        lines.extend(f"  recovers after a loss: {member}" for member in registry["recovering"])
        lines.extend(f"  alarm: {a['member']} {a['code']}" for a in registry["alarms"])
    lines.append(ledger_text(data["ledger"], now_ms))
    contacts = data["contacts"]
    lines.append(
        f"hosters: {contacts['verified']} with a verified contact, {contacts['unverified']} wait"
        f" for a person ({contacts['overdue']} contacts overdue), {contacts['unknown']} without"
    )
    sought = data["sought"]
    if sought["blocks"]:
        age = span(now_ms - sought["oldest_ms"])
        lines.append(f"contacts: {sought['blocks']} blocks are looked up, for up to {age}")
    origins = data["origins"]
    if origins["waiting"]:
        age = span(now_ms - origins["oldest_ms"])
        lines.append(f"hidden: {origins['waiting']} hosts wait for a proxy's word, for up to {age}")
    rows = [(NAMES.get(name, name), count) for name, count in data["figures"].items()]
    lines.append(table(("", "count"), rows))
    lines.extend(
        f"task: {task['code']} {task['subject']}, open for {span(now_ms - task['opened_ms'])}"
        for task in data["tasks"]
    )
    return "\n".join(lines)


def peers(path: Path) -> Result:
    """Show every member of the network and the channels to it.

    Raises:
        ConfigError, KeysError, StoreError, RegistryError: it cannot be read.
    """
    config, now_ms = load(path), time.time_ns() // 1_000_000
    client = joined(config)
    with store_of(config) as queries:
        channels = asyncio.run(queries.channels())
    listed = [] if client is None else _members(config, client)
    known = {entry["member"] for entry in listed}
    listed += [
        {
            "member": peer,
            "status": "not listed",
            "endpoint": None,
            "reachable": False,
            "jurisdictions": [],
        }
        for peer in sorted({channel.peer for channel in channels} - known)
    ]
    for entry in listed:
        entry["channels"] = [asdict(c) for c in channels if c.peer == entry["member"]]
    return Result({"peers": listed}, _peers_text(listed, channels, now_ms))


def _members(config: Config, client: RegistryClient) -> list[dict[str, Any]]:
    registry = client.current()
    return [
        {
            "member": member,
            "status": entry.status,
            "roles": list(entry.roles),
            "jurisdictions": list(entry.jurisdictions),
            "successor": entry.successor,
            "terms": {
                "send": _terms(registry, config.member.id, member),
                "receive": _terms(registry, member, config.member.id),
            },
            "endpoint": registry.members[member].endpoint if member in registry.members else None,
            "reachable": member in registry.members and registry.members[member].reachable,
        }
        for member, entry in sorted(registry.network.members.items())
        if member != config.member.id
    ]


def _where(entry: dict[str, Any]) -> str | None:
    """Where a member is called; one that cannot be called comes for what waits for it."""
    if entry["status"] == "not listed" or entry["reachable"]:
        return entry["endpoint"]  # type: ignore[no-any-return]
    return "not reachable: pulls"


def _terms(registry: Registry, sender: str, receiver: str) -> dict[str, Any]:
    terms = registry.network.transfers.between(sender, receiver)
    return {"basis": terms.basis, "fields": [] if terms.basis == NOTHING else list(terms.fields)}


def _terms_text(entry: dict[str, Any]) -> str:
    """What may go to a member: the basis, and the fields that are left out."""
    terms = entry.get("terms")
    if terms is None:
        return "-"
    sent, basis = terms["send"]["fields"], terms["send"]["basis"]
    withheld = [name for name in TRANSFER_FIELDS if name not in sent]
    return basis if not withheld or basis == NOTHING else f"{basis} without {' '.join(withheld)}"


def _peers_text(listed: list[dict[str, Any]], channels: list[ChannelFigures], now_ms: int) -> str:
    members = [
        (
            entry["member"],
            entry["status"],
            " ".join(entry["jurisdictions"]),
            _terms_text(entry),
            _where(entry),
        )
        for entry in listed
    ]
    rows = [
        (
            channel.peer,
            channel.lane,
            channel.waiting,
            channel.unreceipted,
            None if channel.oldest_waiting_ms is None else span(now_ms - channel.oldest_waiting_ms),
            channel.attempts,
            channel.stopped or channel.problem,
        )
        for channel in channels
    ]
    headings = ("peer", "lane", "waiting", "unreceipted", "oldest", "failures", "problem")
    text = table(("member", "status", "countries", "sent", "endpoint"), members)
    return f"{text}\n\n{table(headings, rows)}" if rows else text
