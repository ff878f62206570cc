"""What says where something stands: answers of name servers, and country databases."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import dns.exception
import dns.flags
import dns.message
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pycares
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]

from node.jurisdiction import answers
from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.answers import MAX_ADDRESSES, MAX_CHAIN, Half
from node.jurisdiction.countries import Databases, DatabaseSource
from node.jurisdiction.proxies import ProxyList, ProxySource
from tests.builders.network import NOW_MS

HOST: Final = "www.site7.example"
OWNER: Final = f"{HOST}."
POLICY: Final = AddressPolicy(allow_documentation_ranges=True)
ASKED: Final = ("192.0.2.1", "198.51.100.255", "203.0.113.9", "2001:db8:1::1", "::", "10.0.0.1")
FORMS: dict[int, Callable[[str], Any]] = {
    dns.rdatatype.A: pycares.ARecordData,
    dns.rdatatype.AAAA: pycares.AAAARecordData,
    dns.rdatatype.CNAME: pycares.CNAMERecordData,
    dns.rdatatype.NS: pycares.NSRecordData,
}


def read_dns(raw: bytes) -> object:
    """Read a message off the wire as the answer to A and to AAAA.

    dnspython stands in for c-ares, which has no function that reads bytes: what it cannot read
    is a bad response there.
    """
    try:
        records = list(_records(dns.message.from_wire(raw, ignore_trailing=True)))
    except (dns.exception.DNSException, ValueError):
        half = answers.failed(pycares.errno.ARES_EBADRESP)
    else:
        half = answers.read(HOST, records)
    assert len(half.records) <= MAX_ADDRESSES
    assert len(half.chain) <= MAX_CHAIN
    answer = answers.join(HOST, (half, Half("timeout")), POLICY, NOW_MS)
    assert answer.is_failure or answer.addresses
    return answer


def _records(message: dns.message.Message) -> Iterator[pycares.DNSRecord]:
    for rrset in message.answer:
        form = FORMS.get(rrset.rdtype)
        if form is None or rrset.rdclass != dns.rdataclass.IN:
            continue
        name, rdclass = rrset.name.to_text(), int(rrset.rdclass)
        for one in rrset:
            data = form(one.to_text())
            yield pycares.DNSRecord(name, int(rrset.rdtype), rdclass, rrset.ttl, data)


def dns_answers() -> list[bytes]:
    """Return answers in wire form: plain, through a chain, in a loop, inside, many, none."""
    many = [f"192.0.2.{last}" for last in range(1, 90)]
    found = [
        [(OWNER, "A", ["192.0.2.1", "10.0.0.1"])],
        [(OWNER, "AAAA", ["2001:db8:1::1", "64:ff9b::a00:1"])],
        [(OWNER, "CNAME", ["edge.example."]), ("edge.example.", "A", many)],
        [(OWNER, "CNAME", ["loop.example."]), ("loop.example.", "CNAME", [OWNER])],
        [(OWNER, "NS", ["ns.example."])],
        [],
    ]  # type: list[list[tuple[str, str, list[str]]]]
    return [_wire(records) for records in found]


def _wire(records: list[tuple[str, str, list[str]]]) -> bytes:
    answer = dns.message.make_response(dns.message.make_query(HOST, "A", id=7))
    for owner, rdtype, values in records:
        answer.answer.append(dns.rrset.from_text_list(owner, 60, "IN", rdtype, values))
    return answer.to_wire()


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


def read_mmdb(raw: bytes) -> None:
    """Open a country database and ask it about every kind of address."""
    path = Path(_folder().name, "country.mmdb")
    path.write_bytes(raw)
    databases = Databases.open([DatabaseSource(path, "fuzzed")])
    try:
        votes = [databases.country(address) for address in ASKED]
        assert all(isinstance(ballot.built_ms, int) for vote in votes for ballot in vote.ballots)
    finally:
        databases.close()


def mmdb_files() -> list[bytes]:
    """Return small country databases in the forms in use, for IPv6 and for IPv4 alone."""
    plain = {"192.0.2.0/24": {"country_code": "NL"}, "203.0.113.0/24": {"country_code": "US"}}
    nested = {"192.0.2.0/24": {"country": {"iso_code": "NL"}}, "198.51.100.0/24": {"country": "DE"}}
    return [
        _mmdb(6, plain | {"2001:db8:1::/48": {"country_code": "NL"}}),
        _mmdb(6, nested),
        _mmdb(4, plain),
    ]


def read_proxies(raw: bytes) -> None:
    """Open a list of proxies and ask it about every kind of address, and a name."""
    path = Path(_folder().name, "proxies.txt")
    path.write_bytes(raw)
    found = ProxyList.open(ProxySource(path, "fuzzed"))
    assert all(hit is None or hit.entry for hit in map(found.by_address, ASKED))
    found.by_name(HOST)


def proxy_list() -> bytes:
    """Return a small list of proxies."""
    return (
        b"built 2026-11-01T00:00:00Z  # made by hand\n"
        b"range 192.0.2.0/24 one\nrange 2001:db8::/32 two\n\nsuffix site7.example three\n"
    )


def _mmdb(version: int, rows: Mapping[str, Any]) -> bytes:
    writer = MMDBWriter(version, "Test-Country", languages=["en"], ipv4_compatible=version != 4)
    for prefix, record in rows.items():
        writer.insert_network(IPSet([prefix]), record)
    path = Path(_folder().name, "made.mmdb")
    writer.to_db_file(str(path))
    return path.read_bytes()
