"""`hotline hoster origins | origin`: whom proxies hide, since when it is asked, what people heard.

They need no running node; a running one goes by what is recorded within seconds.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import msgspec

from node.cli.hoster import PSEUDONYM
from node.cli.lists import opened_store
from node.cli.locate import as_url
from node.cli.looking import store_of
from node.cli.output import CliError, Result, table
from node.config import load
from node.doctor.findings import span
from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.directory import DAY_MS, HOUR_MS
from node.jurisdiction.errors import UnlocatableError
from node.jurisdiction.locations import canonical
from node.jurisdiction.origins import Question, answered, public
from node.store.places.origins import OriginBook

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SITES = frozenset({"name", "address"})
TOLD = "told"
"""Proxy of a host of which nobody here had asked."""


def listing(path: Path) -> Result:
    """List what proxies are asked, what waits longest first.

    Raises:
        ConfigError, KeysError, StoreError: it cannot be read.
    """
    config, now_ms = load(path), _now_ms()
    deadline_ms = config.hosters.origin_hours * HOUR_MS
    with store_of(config) as queries:
        found = asyncio.run(queries.origins())
    ordered = sorted(found, key=lambda one: (not one.waits, one.asked_ms, one.host))
    told = [
        {
            **msgspec.to_builtins(one),
            "waits": one.waits,
            "holds": one.holds(now_ms),
            "due_ms": one.asked_ms + deadline_ms,
            "overdue": one.waits and now_ms - one.asked_ms >= deadline_ms,
        }
        for one in ordered
    ]
    rows = [
        (
            one.provider,
            one.host,
            "people" if one.by_hand else "the node",
            _standing(one, now_ms, deadline_ms),
            one.attempts,
            one.problem or ", ".join(one.addresses) or None,
        )
        for one in ordered
    ]
    headings = ("proxy", "host", "asked by", "state", "tries", "answer")
    return Result({"origins": told}, table(headings, rows) if rows else "no proxy was asked")


def _standing(one: Question, now_ms: int, deadline_ms: int) -> str:
    if one.given_up_ms is not None:
        return f"given up {span(now_ms - one.given_up_ms)} ago"
    if not one.waits:
        return "answered" if one.told_by is None else f"answered, by {one.told_by}"
    waited_ms = now_ms - one.asked_ms
    late = f", OVERDUE for {span(waited_ms - deadline_ms)}" if waited_ms >= deadline_ms else ""
    return f"waits {span(waited_ms)}{late}"


def record(path: Path, target: str, addresses: Sequence[str], by: str, proxy: str | None) -> Result:
    """Keep where a host stands, as its proxy told a person; the node may run meanwhile.

    Raises:
        CliError: no host, an address that is none or not public, or the pseudonym is none.
        ConfigError, KeysError, StoreError: it cannot be written.
    """
    if not PSEUDONYM.fullmatch(by):
        mend = "by: write a pseudonym of lower case letters, digits, . _ -"
        raise CliError("bad_pseudonym", mend)
    config, now_ms = load(path), _now_ms()
    host = _host(target)
    policy = AddressPolicy(
        allow_documentation_ranges=config.jurisdiction.allow_documentation_ranges
    )
    if not addresses or any(not public([one], policy) for one in addresses):
        mend = (
            "address: write the public addresses that the proxy told, each as 192.0.2.7 is written"
        )
        raise CliError("bad_address", mend)
    with opened_store(config) as (store, fingerprints):
        book = OriginBook(store.writer, store.readers, fingerprints)
        known = {one.host: one for one in asyncio.run(book.questions())}.get(host)
        asked = known or Question(host, proxy or TOLD, now_ms, now_ms)
        asked = msgspec.structs.replace(asked, by_hand=True, told_by=by, expires_ms=None)
        made = answered(asked, addresses, policy, now_ms, config.hosters.origin_days * DAY_MS)
        asyncio.run(book.tell(made, now_ms))
    text = (
        f"{len(made.addresses)} addresses, told by {made.provider} after"
        f" {span(now_ms - made.asked_ms)}; a running node locates its items again within seconds"
    )
    if known is None:
        text = (
            f"{len(made.addresses)} addresses kept; warning: no item here asks about this host yet:"
            " is it spelled as hotline hoster origins has it?"
        )
    return Result({**msgspec.to_builtins(made), "asked_about": known is not None}, text)


def _host(target: str) -> str:
    """Return the host of a URL, a name or an address, as locations have it.

    Raises:
        CliError: there is none.
    """
    text = as_url(target)
    try:
        place = canonical(text if "://" in text else f"http://{text}/", "host")
    except UnlocatableError:
        place = None
    if place is None or place.kind not in SITES:
        raise CliError("bad_host", "host: write the host's name, its address, or a URL there")
    return place.host


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
