"""A register that speaks RDAP (RFC 9082, RFC 9083) on loopback, with moods."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from tests.builders.authority import Authority

RDAP_JSON: Final = "application/rdap+json"


def card(name: str, *properties: tuple[str, str]) -> list[Any]:
    """Return a jCard (RFC 7095) with a name and further properties."""
    lines: list[Any] = [["version", {}, "text", "4.0"], ["fn", {}, "text", name]]
    lines += [[kind, {}, "text", value] for kind, value in properties]
    return ["vcard", lines]


def entity(handle: str, role: str, vcard: list[Any] | None = None, *inner: Any) -> dict[str, Any]:
    """Return an entity in a role; without a card it is only named."""
    found: dict[str, Any] = {"objectClassName": "entity", "handle": handle, "roles": [role]}
    if vcard is not None:
        found["vcardArray"] = vcard
    if inner:
        found["entities"] = list(inner)
    return found


def network(first: str, last: str, handle: str, *entities: Any, **more: Any) -> dict[str, Any]:
    """Return the answer about a network."""
    return {
        "objectClassName": "ip network",
        "rdapConformance": ["rdap_level_0"],
        "handle": handle,
        "startAddress": first,
        "endAddress": last,
        "ipVersion": f"v{ip_address(first).version}",
        "name": f"NAME-{handle}",
        "country": "SC",
        "entities": list(entities),
        **more,
    }


def holder(*inner: Any, handle: str = "ORG-FH1-EXAMPLE") -> dict[str, Any]:
    """Return the registrant Fast Hosting with what stands in it."""
    return entity(handle, "registrant", card("Fast Hosting B.V."), *inner)


def abuse(address: str = "abuse@fast.example", handle: str = "AB1-EXAMPLE") -> dict[str, Any]:
    """Return an abuse contact."""
    return entity(handle, "abuse", card("Abuse desk", ("email", address)))


def maintainer(handle: str = "lir-xx-fast-1-MNT") -> dict[str, Any]:
    """Return who keeps the entry, as RIPE names him: a registrant whose only name is his handle."""
    return entity(handle, "registrant", card(handle, ("kind", "individual")))


def organisation(handle: str, *inner: Any) -> dict[str, Any]:
    """Return the registrant Fast Hosting, said to be an organisation."""
    return entity(handle, "registrant", card("Fast Hosting B.V.", ("kind", "org")), *inner)


def _of_a_range(handle: str, *entities: Any) -> dict[str, Any]:
    return network("192.0.2.0", "192.0.2.255", handle, *entities)


_RANGE: Final = "192.0.2.0 - 192.0.2.255"
ANSWERS: Final[Mapping[str, dict[str, Any]]] = {
    "arin": _of_a_range("NET-192-0-2-0-1", organisation("FAST-7", abuse(handle="FASTA-ARIN"))),
    "ripe": {
        **_of_a_range(
            _RANGE,
            maintainer(),
            organisation("ORG-FH1-RIPE"),
            maintainer("RIPE-NCC-HM-MNT"),
            entity("FH7-RIPE", "technical", card("Tech support", ("kind", "group"))),
            {**abuse(handle="AR1-RIPE"), "entities": [maintainer()]},
        ),
        "parentHandle": "0.0.0.0 - 255.255.255.255",
    },
    "ripe, IPv6": network(
        "2001:db8::",
        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db8::/32",
        entity("FAST-MNT", "registrant"),
        organisation("ORG-FH1-RIPE"),
        abuse(handle="AR1-RIPE"),
    ),
    "apnic": _of_a_range(
        _RANGE,
        entity("AIC3-AP", "administrative", card("Infrastructure", ("kind", "group"))),
        abuse(handle="IRT-FAST-AU"),
        organisation("ORG-FH1-AP"),
    ),
    "afrinic": _of_a_range(
        _RANGE,
        entity("AFRINIC-HM-MNT", "registrant"),
        abuse(handle="AR1-AFRINIC"),
        organisation("ORG-FH1-AFRINIC"),
    ),
    "lacnic": _of_a_range(
        "192.0.2.0/24",
        abuse(handle="AIL"),
        entity("05.506.560/0001-36", "registrant", card("Fast Hosting B.V.")),
    ),
}
"""How each of the registers answers about Fast Hosting: forms of handles, order, and roles."""
ASSIGNED: Final = _of_a_range(_RANGE, maintainer(), abuse(handle="AR1-RIPE"))
"""A network of a customer at RIPE: of its registrants none is an organisation."""


class Register:
    """One server. What it knows and how it feels may be changed while it runs."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self.networks: list[dict[str, Any]] = []
        self.entities: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.mood: web.Response | None = None
        """Answered once, instead of what it knows."""
        self.entity_mood: web.Response | None = None
        self.leads_to_itself = False
        self.gate: asyncio.Event | None = None
        """If set: nothing is answered before the event."""
        self.reached = asyncio.Event()
        """Set with the first question."""
        self.port = 0

    @property
    def base(self) -> str:
        """Where it answers."""
        return f"https://127.0.0.1:{self.port}/rdap/"

    async def start(self) -> None:
        """Listen."""
        app = web.Application()
        app.router.add_get("/rdap/ip/{address}", self._ip)
        app.router.add_get("/rdap/entity/{handle}", self._entity)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._authority.server)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close."""
        await self._runner.cleanup()

    async def _ip(self, request: web.Request) -> web.StreamResponse:
        address = ip_address(request.match_info["address"])
        found = next(
            (
                one
                for one in self.networks
                if ip_address(one["startAddress"]).version == address.version
                and ip_address(one["startAddress"]) <= address <= ip_address(one["endAddress"])  # type: ignore[operator]
            ),
            None,
        )
        return await self._answer(request, found)

    async def _entity(self, request: web.Request) -> web.StreamResponse:
        self.mood, self.entity_mood = self.entity_mood, None
        return await self._answer(request, self.entities.get(request.match_info["handle"]))

    async def _answer(
        self, request: web.Request, found: Mapping[str, Any] | None
    ) -> web.StreamResponse:
        self.asked.append(request.path.removeprefix("/rdap/"))
        self.reached.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.mood is not None:
            mood, self.mood = self.mood, None
            return mood
        if self.leads_to_itself:
            return web.Response(status=307, headers={"Location": str(request.url)})
        if found is None:
            return web.json_response({"errorCode": 404}, status=404, content_type=RDAP_JSON)
        return web.json_response(found, content_type=RDAP_JSON)


def write_bootstrap(path: Path, services: Mapping[str, list[str]]) -> Path:
    """Write a bootstrap file as IANA publishes it (RFC 9224): prefix -> bases of servers."""
    told = {
        "version": "1.0",
        "publication": "2026-11-01T00:00:00Z",
        "services": [[[prefix], urls] for prefix, urls in services.items()],
    }
    path.write_text(json.dumps(told), encoding="utf-8")
    return path
