"""`hotline hoster show | contacts | verify`: who hosts where, and whom to tell there.

They need no running node: configuration, data files and the store. What is printed was asked for,
so it names addresses; nothing is logged.
"""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from node.asking.build import open_directory, open_places
from node.cli.locate import as_url, hop_line, refused
from node.cli.looking import store_of
from node.cli.output import CliError, Result, table
from node.config import load
from node.doctor.findings import span
from node.jurisdiction.contacts import read_contact
from node.jurisdiction.directory import block_of
from node.jurisdiction.errors import UnlocatableError
from node.jurisdiction.explaining import Step, explain
from node.jurisdiction.locations import canonical
from node.setup.opening import open_database_key, store_place
from node.store.beside import writing
from node.store.places.hosters import HosterBook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from node.config import Config
    from node.jurisdiction.build import Jurisdiction
    from node.jurisdiction.contacts import Hoster
    from node.jurisdiction.directory import Found
    from node.jurisdiction.locate import Located
    from node.jurisdiction.locations import Location

PSEUDONYM = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_ANSWERED = {
    "found": "its register says so",
    "not_found": "its register knows nobody there",
    "failed": "no register could be asked",
    "put_off": "its register asks for a pause",
    "special": "nobody hosts at a special-purpose address",
    "not_asked": "registers are not asked: [hosters] rdap is off",
    "operator": "this hotline's own file says so",
}


def show(path: Path, target: str) -> Result:
    """Show who hosts `target` (a URL or an address) and whom to tell; what was found is kept.

    Raises:
        ConfigError, KeysError, StoreError: the node's own files cannot be read.
        DataFileError: a data file cannot be used.
    """
    config = load(path)
    text = as_url(target)
    try:
        location = canonical(text, "location")
    except UnlocatableError as error:
        return refused(target, text, error)
    now_ms = _now_ms()
    with hoster_book(config) as book:
        located, last, places = asyncio.run(_look(config, book, location, now_ms))
    proxies = {row[1]: row[2] for row in located.evidence if row[0] == "beside"}
    told = {
        "given": target,
        "hops": [msgspec.to_builtins(hop) for hop in explain(location, located).hops],
        "leads_to": None if last.canonical == location.canonical else last.canonical,
        "state": located.state,
        "country": located.country,
        "places": [{**_place(one, now_ms), "proxy": proxies.get(one.address)} for one in places],
    }
    return Result(told, "\n".join(_lines(told, now_ms)))


def contacts(path: Path) -> Result:
    """List all hosters that are known with their contacts, what waits longest first.

    Raises:
        ConfigError, KeysError, StoreError: it cannot be read.
    """
    now_ms = _now_ms()
    with store_of(load(path)) as queries:
        hosters = asyncio.run(queries.hosters())
    told = sorted(
        (_hoster(one, now_ms) for one in hosters),
        key=lambda one: min((c["due_ms"] for c in one["contacts"] if c["waits"]), default=1 << 62),
    )
    rows = [
        (one["key"], one["name"], contact["address"], _state(contact, now_ms))
        for one in told
        for contact in one["contacts"] or (_no_contact(one),)
    ]
    text = table(("hoster", "name", "contact", "state"), rows) if rows else "no hoster is known"
    return Result({"hosters": told}, text)


def verify(path: Path, key: str, address: str, by: str, *, refuse: bool) -> Result:
    """Keep what a person decided on a contact; the node may run meanwhile.

    Raises:
        CliError: no such hoster or contact, or the pseudonym is none.
        ConfigError, KeysError, StoreError: it cannot be written.
    """
    if not PSEUDONYM.fullmatch(by):
        raise CliError(
            "bad_pseudonym", "by: write a pseudonym of lower case letters, digits, . _ -"
        )
    read = read_contact(address)
    decision: Literal["verified", "refused"] = "refused" if refuse else "verified"
    with hoster_book(load(path)) as book:
        wanted = address if read is None else read[0]
        hoster = asyncio.run(book.decide(key, wanted, decision, by, _now_ms()))
    if hoster is None:
        raise CliError(
            "unknown_contact", "contact: no such hoster or contact; see hotline hoster contacts"
        )
    told = _hoster(hoster, _now_ms())
    return Result(told, f"{key}: {decision}; the hoster stands as {hoster.standing}")


@contextmanager
def hoster_book(config: Config) -> Iterator[HosterBook]:
    """Open what the store keeps of hosters, beside a node or alone."""
    key = open_database_key(config)
    with writing(store_place(config), key) as store:
        yield HosterBook(store.writer, store.readers)


async def _look(
    config: Config, book: HosterBook, location: Location, now_ms: int
) -> tuple[Located, Location, list[Found]]:
    """Locate, and find who hosts at each address; where it leads, if redirects are followed."""
    opened = open_places(config)
    try:
        return await _find(config, opened, book, location, now_ms)
    finally:
        await opened.close()


async def _find(
    config: Config, opened: Jurisdiction, book: HosterBook, location: Location, now_ms: int
) -> tuple[Located, Location, list[Found]]:
    located, last = await opened.look(location, now_ms)
    addresses = [str(row[1]) for row in located.evidence if row[0] in {"address", "refused"}]
    asking = open_directory(config.hosters, book, opened.data.watch, opened.resolver.policy)
    try:
        found = [await asking.directory.find(one, now_ms) for one in addresses]
        for one in found:
            if one.hoster is not None:
                await book.sought.end(block_of(one.address), now_ms)
        return located, last, found
    finally:
        await asking.close()


def _place(found: Found, now_ms: int) -> dict[str, Any]:
    known = found.known
    return {
        "address": found.address,
        "answered": found.answered,
        "special": found.special,
        "hoster": None if found.hoster is None else _hoster(found.hoster, now_ms),
        "standing": "unknown_contact" if found.hoster is None else found.hoster.standing,
        "range": None if found.range is None else msgspec.to_builtins(found.range),
        "network": None if found.announced is None else found.announced._asdict(),
        "known": None
        if known is None
        else {"id": known.id, "author": known.author, "reason": known.reason,
              "expires_ms": known.expires_ms},
        "resellers": [{"id": one.id, "name": one.name} for one in found.chain],
    }  # fmt: skip


def _hoster(hoster: Hoster, now_ms: int) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(hoster)
    told["standing"] = hoster.standing
    for contact in told["contacts"]:
        contact["waits"] = contact["state"] == "unverified"
        contact["overdue"] = contact["waits"] and contact["due_ms"] <= now_ms
    return told


def _lines(told: dict[str, Any], now_ms: int) -> Iterator[str]:
    yield f"given        {told['given']}"
    yield from (hop_line(Step(**hop)) for hop in told["hops"])
    if told["leads_to"] is not None:
        yield f"leads to     {told['leads_to']}: what follows is who hosts there"
    yield f"hosted in    {told['country'] or told['state']}"
    if told["state"] == "hidden":
        yield "             a proxy stands before it: what follows is the proxy, not the host"
    if not told["places"]:
        yield "             no address is known: nobody can be named"
    for place in told["places"]:
        yield from _place_lines(place, now_ms)


def _place_lines(place: dict[str, Any], now_ms: int) -> Iterator[str]:
    yield f"address      {place['address']}"
    if place["proxy"] is not None:
        yield f"  proxy      {place['proxy']}: what follows is the proxy, not the host"
    network = place["network"]
    if network is not None:
        yield f"  network    AS{network['asn']} {network['organisation'] or ''}".rstrip()
    found = place["range"]
    if found is not None:
        age = span(now_ms - found["asked_ms"])
        around = f", inside {found['parent']}" if found["parent"] else ""
        yield f"  range      {found['prefix']} {found['handle'] or ''}{around}, asked {age} ago"
    hoster = place["hoster"]
    yield f"  hoster     {'unknown' if hoster is None else hoster['key'] + '  ' + hoster['name']}"
    why = place["special"] if place["answered"] == "special" else _ANSWERED[place["answered"]]
    yield f"             {why}"
    if place["known"] is not None:
        known = place["known"]
        until = _day(known["expires_ms"])
        yield f"             {known['author']}: {known['reason']}, until {until}"
    for above in place["resellers"]:
        yield f"  rents from {above['name']} ({above['id']})"
    lines = [] if hoster is None else hoster["contacts"]
    for contact in lines:
        yield f"  contact    {contact['address']}  {_state(contact, now_ms)}"
    if place["standing"] == "unknown_contact":
        yield "  contact    unknown"


def _no_contact(hoster: dict[str, Any]) -> dict[str, Any]:
    """Say of a hoster without contacts that it has none, and since when."""
    return {"address": None, "state": "unknown_contact", "since_ms": hoster["changed_ms"]}


def _state(contact: dict[str, Any], now_ms: int) -> str:
    """Say how a contact stands, and since when or until when."""
    if contact["state"] == "unverified":
        left = contact["due_ms"] - now_ms
        when = f"due in {span(left)}" if left > 0 else f"OVERDUE for {span(-left)}"
        return f"unverified, {when}"
    if contact.get("decided_ms"):
        return f"{contact['state']} {_day(contact['decided_ms'])} by {contact['decided_by']}"
    since_ms = contact.get("since_ms")
    age = "" if since_ms is None else f" for {span(now_ms - since_ms)}"
    return f"{contact['state']}{age}"


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).date().isoformat()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
