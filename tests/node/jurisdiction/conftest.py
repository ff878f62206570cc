"""Country databases, proxy lists and a real name server on loopback, made for each test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from examples.demo.dns_server import Zone, ZoneServer
from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.countries import Databases, DatabaseSource
from node.jurisdiction.names import NameCache, Resolver
from tests.builders.databases import write_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

ZONE: Zone = {
    "plain.example": [{"type": "A", "ttl": 60, "data": "192.0.2.1"}],
    "both.example": [
        {"type": "A", "ttl": 60, "data": "192.0.2.1"},
        {"type": "A", "ttl": 60, "data": "192.0.2.2"},
        {"type": "AAAA", "ttl": 30, "data": "2001:db8:1::1"},
    ],
    "six.example": [{"type": "AAAA", "ttl": 60, "data": "2001:db8:1::1"}],
    "two-lands.example": [
        {"type": "A", "ttl": 60, "data": "192.0.2.1"},
        {"type": "A", "ttl": 60, "data": "198.51.100.1"},
    ],
    "www.example": [{"type": "CNAME", "ttl": 20, "data": "edge.cdn.example"}],
    "edge.cdn.example": [{"type": "CNAME", "ttl": 10, "data": "pop.cdn.example"}],
    "pop.cdn.example": [{"type": "A", "ttl": 5, "data": "192.0.2.9"}],
    "dangling.example": [{"type": "CNAME", "ttl": 60, "data": "gone.example"}],
    "empty-end.example": [{"type": "CNAME", "ttl": 60, "data": "txt-only.example"}],
    "txt-only.example": [{"type": "TXT", "ttl": 60, "data": "nothing"}],
    "loop-a.example": [{"type": "CNAME", "ttl": 60, "data": "loop-b.example"}],
    "loop-b.example": [{"type": "CNAME", "ttl": 60, "data": "loop-a.example"}],
    "ill.example": [{"type": "SERVFAIL"}],
    "mute.example": [{"type": "DROP"}],
    "inside.example": [
        {"type": "A", "ttl": 60, "data": "10.0.0.1"},
        {"type": "AAAA", "ttl": 60, "data": "64:ff9b::a00:1"},
    ],
    "half-inside.example": [
        {"type": "A", "ttl": 60, "data": "127.0.0.1"},
        {"type": "A", "ttl": 60, "data": "192.0.2.1"},
    ],
    "many.example": [{"type": "A", "ttl": 60, "data": f"192.0.2.{n}"} for n in range(1, 60)],
    "crowd.example": [{"type": "A", "ttl": 60, "data": f"192.0.2.{n}"} for n in range(1, 71)],
    "veiled-crowd.example": [
        {"type": "A", "ttl": 60, "data": f"203.0.113.{n}"} for n in range(1, 71)
    ],
    "inside-first.example": [
        {"type": "A", "ttl": 60, "data": address}
        for address in (*(f"10.0.0.{n}" for n in range(1, 70)), "192.0.2.1")
    ],
    "xn--pokxncvks.example": [{"type": "A", "ttl": 60, "data": "192.0.2.1"}],
    "xn--bcher-kva.example": [{"type": "A", "ttl": 60, "data": "192.0.2.1"}],
    "short.example": [{"type": "A", "ttl": 0, "data": "192.0.2.1"}],
    "half-veiled.example": [
        {"type": "A", "ttl": 60, "data": "192.0.2.1"},
        {"type": "A", "ttl": 60, "data": "192.0.2.2"},
        {"type": "A", "ttl": 60, "data": "203.0.113.5"},
    ],
    "half-veiled-lands.example": [
        {"type": "A", "ttl": 60, "data": "192.0.2.1"},
        {"type": "A", "ttl": 60, "data": "198.51.100.1"},
        {"type": "A", "ttl": 60, "data": "203.0.113.5"},
    ],
    "veiled.example": [{"type": "A", "ttl": 60, "data": "203.0.113.5"}],
}


@pytest.fixture
def make_database(tmp_path: Path) -> Callable[[str, Mapping[str, Any]], DatabaseSource]:
    """Give `make(name, {prefix: record})`, which writes an MMDB file built in the year 2026."""

    def make(name: str, rows: Mapping[str, Any]) -> DatabaseSource:
        return write_database(tmp_path, name, rows)

    return make


@pytest.fixture
def databases(make_database: Callable[[str, Mapping[str, Any]], DatabaseSource]) -> Databases:
    """Give two databases that agree: 192.0.2.0/24 in NL, 198.51.100.0/24 in DE, and so on."""
    rows = {
        "192.0.2.0/24": {"country_code": "NL"},
        "198.51.100.0/24": {"country_code": "DE"},
        "203.0.113.0/24": {"country_code": "US"},
        "2001:db8:1::/48": {"country_code": "NL"},
    }
    return Databases.open([make_database("one", rows), make_database("two", rows)])


@pytest.fixture
def zone_file(tmp_path: Path) -> Path:
    """Give the path of the zone file that `server` serves."""
    path = tmp_path / "zone.json"
    path.write_text(json.dumps(ZONE), encoding="utf-8")
    return path


@pytest.fixture
def rewrite_zone(zone_file: Path) -> Callable[[Zone], None]:
    """Give `rewrite(zone)`: from then on `server` answers from that zone."""

    def rewrite(zone: Zone) -> None:
        zone_file.write_text(json.dumps(zone), encoding="utf-8")

    return rewrite


@pytest.fixture
async def server(zone_file: Path) -> AsyncIterator[ZoneServer]:
    """Give a running name server on loopback."""
    running = ZoneServer(zone_file)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def resolver(server: ZoneServer) -> AsyncIterator[Resolver]:
    """Give a resolver that asks `server` and accepts documentation ranges."""
    made = Resolver(
        [f"127.0.0.1:{server.port}"],
        timeout_s=5.0,
        cache=NameCache(),
        policy=AddressPolicy(allow_documentation_ranges=True),
    )
    yield made
    await made.close()
