"""`hotline locate URL|IP`: where a location is hosted, what says so, and who would have it.

It needs no running node: configuration, data files, resolvers, and the registry as it was last
verified here. What is printed was asked for, so it names the location; nothing is logged or stored.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any

import msgspec

from node.asking.build import open_places
from node.casework.passing_on.routing import choose_new
from node.casework.places.placing import jurisdiction
from node.cli.exits import Exit
from node.cli.output import Result
from node.config import load
from node.jurisdiction.errors import HostNotPublicError, UnlocatableError
from node.jurisdiction.explaining import Address, Explanation, Step, explain, special_address
from node.jurisdiction.locations import canonical
from node.setup.joining import joined

if TYPE_CHECKING:
    from pathlib import Path

    from keys.registry import Registry
    from node.config import Config
    from node.jurisdiction.locate import Located
    from node.jurisdiction.locations import Location


class Responsible(msgspec.Struct, frozen=True):
    """Who would have the item, and why. `member` is None while it is not decided."""

    member: str | None
    because: str
    orphan: bool = False
    review: str | None = None


def locate(path: Path, target: str, *, offline: bool) -> Result:
    """Explain where `target` (a URL, an address, or `service:NAME/ACCOUNT`) is hosted.

    Raises:
        ConfigError: the configuration cannot be read.
        DataFileError: a database or proxy list cannot be used.
        RegistryError: the registry that lies here is damaged.
    """
    config = load(path)
    text = as_url(target)
    try:
        location = canonical(text, "location")
    except UnlocatableError as error:
        return refused(target, text, error)
    located = asyncio.run(_look(config, location, offline=offline))
    explanation = explain(location, located)
    client = joined(config)
    answer = _responsible(None if client is None else client.current(), config.member.id, located)
    data = {**msgspec.to_builtins(explanation), "responsible": msgspec.to_builtins(answer)}
    data["given"] = target
    return Result(data, _text(target, explanation, answer))


def as_url(target: str) -> str:
    """Read a bare address as the place that a URL with it names."""
    try:
        address = ip_address(target.strip().removeprefix("[").removesuffix("]"))
    except ValueError:
        return target
    return f"http://[{address}]/" if isinstance(address, IPv6Address) else f"http://{address}/"


async def _look(config: Config, location: Location, *, offline: bool) -> Located:
    opened = open_places(config)
    now_ms = time.time_ns() // 1_000_000
    try:
        if offline:
            return opened.locator.locate_unasked(location, now_ms)
        located, _ = await opened.look(location, now_ms)
        return located
    finally:
        await opened.close()


def refused(target: str, text: str, error: UnlocatableError) -> Result:
    """Say why intake would refuse it; of an internal address, in which range it is."""
    told: dict[str, Any] = {"code": error.code, "message": str(error)}
    lines = [f"refused      {error.code}: {error}"]
    inside = special_address(text) if isinstance(error, HostNotPublicError) else None
    if inside is not None:
        told |= {
            "address": inside.address,
            "reached": inside.reached,
            "name": inside.refused,
            "range": inside.range,
            "source": inside.source,
        }
        through = "" if inside.reached == inside.address else f", which reaches {inside.reached}"
        lines.append(f"             {inside.address}{through}: {_range(inside)}")
    return Result({"given": target, "refused": told}, "\n".join(lines), Exit.INPUT)


def _responsible(registry: Registry | None, us: str, located: Located) -> Responsible:
    """Say who would have an item found here now, by the registry in force here."""
    if located.state == "unresolved":
        return Responsible(None, "it is not decided before the names are known")
    if registry is None:
        return Responsible(None, "no verified registry lies here: hotline join")
    choice = choose_new(registry, us, jurisdiction(located))
    review = None if choice.review is None else choice.review.value
    because = _why(registry, located, review)
    return Responsible(choice.member, because, choice.orphan, review)


def _why(registry: Registry, located: Located, review: str | None) -> str:
    if review is not None:
        return "where it is hosted is not sure enough to hand it on: an analyst here looks first"
    if located.country is None:
        return f"{located.state}: no country's hotline has it, so it stays with who found it"
    network, country = registry.network, located.country
    if network.responsible_for(country) is None:
        if network.fallback() is None:
            return f"no active member has {country} and there is no fallback member: it stays here"
        return f"no active member has {country}: the first active fallback member takes it"
    if (rule := network.choice_rules.get(country)) is not None:
        return f"the first active of the choice rule for {country}: {', '.join(rule)}"
    return f"the one active hotline that lists {country}"


def _text(target: str, told: Explanation, answer: Responsible) -> str:
    lines = [
        f"given        {target}",
        f"canonical    {told.canonical}",
        f"             {told.kind}, form {told.form_version}",
    ]
    lines += map(hop_line, told.hops)
    if told.names is not None:
        lines.append(f"names        {told.names}, {_time(told.asked_ms)}")
    lines += [f"  alias      {link.target}  ttl {link.ttl_s} s" for link in told.cname_chain]
    lines += _addresses(told)
    if told.left_out:
        lines.append(f"left out     {told.left_out} more addresses, at which nobody looked")
    lines += [
        f"proxy        {veil.matched} is {veil.provider} by {veil.entry} of {veil.list}, "
        f"built {_time(veil.built_ms)}"
        for veil in told.proxies
    ]
    lines += [
        f"watched      {sign.address} in {sign.entry} of {sign.list}: {sign.reason}"
        for sign in told.watched
    ]
    lines += _rules(told)
    country = told.country or told.state
    lines.append(f"hosted in    {country}, confidence {told.confidence}, rule {told.rule_version}")
    lines.append(f"             {told.because}")
    if told.retry_ms is not None:
        lines.append(f"             a node asks again at {_time(told.retry_ms)}")
    orphan = ", as an orphan" if answer.orphan else ""
    lines.append(f"responsible  {answer.member or 'nobody yet'}{orphan}")
    lines.append(f"             {answer.because}")
    return "\n".join(lines)


def hop_line(hop: Step) -> str:
    """Say what one site on the way answered."""
    told = f"{hop.status or 'no answer'}{'' if hop.problem is None else ', ' + hop.problem}"
    return f"hop          {hop.number} {hop.host} at {hop.address or 'no address'}: {told}"


def _rules(told: Explanation) -> list[str]:
    return [
        f"{rule.kind:<11}  {rule.id}: {rule.matched} in {rule.entry} is in {rule.country}, "
        f"until {_time(rule.expires_ms)}\n             {rule.author}: {rule.reason}"
        for rule in told.overrides
    ]


def _addresses(told: Explanation) -> list[str]:
    lines = []
    for one in told.addresses:
        through = "" if one.reached == one.address else f"  reaches {one.reached}"
        ttl = "" if one.ttl_s is None else f"  ttl {one.ttl_s} s"
        lines.append(f"address      {one.address}{through}{ttl}")
        if one.refused is not None:
            lines.append(f"  refused    {_range(one)}")
            continue
        for ballot in one.ballots:
            said = ballot.answer or "nothing"
            read = "" if said == ballot.read_as else f", read as {ballot.read_as or 'no country'}"
            where = f" for {ballot.prefix}" if ballot.prefix else ""
            lines.append(
                f"  {ballot.database} of {_time(ballot.built_ms)[:10]} says {said}{where}{read}"
            )
        if one.network is not None:
            named = "" if one.network.organisation is None else f" {one.network.organisation}"
            lines.append(
                f"  network    AS{one.network.asn}{named}, by {one.network.database} of "
                f"{_time(one.network.built_ms)[:10]}"
            )
        lines.append(f"  vote       {one.country or 'no country'}, {one.confidence}")
    return lines


def _range(one: Address) -> str:
    """Name a special-purpose range, with its prefix and who reserved it."""
    return f"{one.refused} ({one.range}, {one.source})"


def _time(ms: int | None) -> str:
    return "-" if ms is None else datetime.fromtimestamp(ms / 1000, UTC).strftime("%FT%TZ")
