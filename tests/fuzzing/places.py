"""What says where something stands and whose it is: names, databases, lists, registers."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from ipaddress import ip_address, ip_network
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

from benchmarks.jurisdiction.published import FORMATS, PublishedFileError
from benchmarks.jurisdiction.published import read as read_published
from node.asking.origins import read_origin
from node.jurisdiction import answers, hosters
from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.answers import MAX_ADDRESSES, MAX_CHAIN, Half
from node.jurisdiction.contacts import MAX_CONTACTS, read_contact
from node.jurisdiction.countries import Databases, DatabaseSource
from node.jurisdiction.errors import DataFileError, RdapAnswerError
from node.jurisdiction.mmdb import open_mmdb
from node.jurisdiction.overrides import Overrides
from node.jurisdiction.proxies import ProxyList, ProxySource
from node.jurisdiction.rdap import Bootstrap, read_entity, read_network
from node.jurisdiction.watching import AnycastList, WatchList
from tests.builders.network import NOW_MS
from tests.builders.registers import abuse, entity, holder, network
from tests.fuzzing.target import Target

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

ANYCAST: Final = (
    b"built 2026-11-01T00:00:00Z\n192.0.2.0/24\n2001:db8::/32  # announced everywhere\n"
)


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
    assert len(half.chain) <= MAX_CHAIN
    answer = answers.join(HOST, (half, Half("timeout")), POLICY, NOW_MS)
    assert answer.is_failure or answer.addresses
    assert len(answer.addresses) <= MAX_ADDRESSES
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


def _file(name: str, raw: bytes) -> Path:
    """Write one case; not over the case before, which ext4 would take to the disk each time."""
    path = Path(_folder().name, name)
    path.unlink(missing_ok=True)
    path.write_bytes(raw)
    return path


def read_mmdb(raw: bytes) -> None:
    """Open a country database and ask it about every kind of address."""
    path = _file("country.mmdb", raw)
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
    path = _file("proxies.txt", raw)
    found = ProxyList.open(ProxySource(path, "fuzzed"))
    assert all(hit is None or hit.entry for hit in map(found.by_address, ASKED))
    found.by_name(HOST)
    found.by_asn(64500)


def proxy_list() -> bytes:
    """Return a small list of proxies."""
    return (
        b"built 2026-11-01T00:00:00Z  # made by hand\n"
        b"range 192.0.2.0/24 one\nrange 2001:db8::/32 two\n\nsuffix site7.example three\n"
        b"asn AS64500 four\n"
    )


def read_overrides(raw: bytes) -> None:
    """Open a file of overrides and ask it about every kind of address, and a name."""
    path = _file("overrides.toml", raw)
    made = Overrides.open(path)
    for address in ASKED:
        made.by_address(address, NOW_MS)
    made.by_name(HOST, NOW_MS)


def override_file() -> bytes:
    """Return a small file of overrides."""
    return (
        b'[[override]]\nid = "a"\nkind = "origin"\nname = "site7.example"\ncountry = "NL"\n'
        b'author = "a-7"\nreason = "told"\nexpires = 2099-01-01T00:00:00Z\n'
        b'[[override]]\nid = "b"\nkind = "rule"\nrange = "192.0.2.0/24"\ncountry = "DE"\n'
        b'author = "a-8"\nreason = "seen"\nexpires = 2099-01-01T00:00:00+01:00\n'
    )


def read_hosters(raw: bytes) -> None:
    """Open a file of hosters and ask it about every kind of address; chains end."""
    path = _file("hosters.toml", raw)
    made = hosters.Hosters.open(path)
    for address in ASKED:
        made.at(address, 64500, NOW_MS)
    assert all(len(made.chain(one)) <= hosters.MAX_CHAIN for one in made.entries)


def hoster_file() -> bytes:
    """Return a small file of hosters."""
    return (
        b'[[hoster]]\nid = "a"\nname = "A"\nranges = ["192.0.2.0/24", "2001:db8::/32"]\n'
        b'asns = [64500]\nhandle = "ORG-1"\nreseller_of = "b"\n'
        b'contacts = ["abuse@fast.example", "https://fast.example/abuse"]\n'
        b'author = "a-7"\nreason = "told"\nexpires = 2099-01-01T00:00:00Z\n'
        b'[[hoster]]\nid = "b"\nname = "B"\n'
        b'author = "a-7"\nreason = "told"\nexpires = 2099-01-01T00:00:00Z\n'
    )


def read_watched(raw: bytes) -> None:
    """Open a watch list and ask it about every kind of address."""
    path = _file("watch.txt", raw)
    made = WatchList.open(path, None)
    for address in ASKED:
        made.watched(address, None)


def watch_list() -> bytes:
    """Return a small watch list."""
    return b"built 2026-11-01T00:00:00Z\nasn AS64500 out\nrange 192.0.2.0/24 leased  # seen\n"


def read_anycast(raw: bytes) -> None:
    """Open a list of anycast ranges and ask it about every kind of address."""
    made = AnycastList.open(_file("anycast.txt", raw))
    for address in ASKED:
        made.holding(address)


def read_asn_database(raw: bytes) -> None:
    """Open a database of networks and ask it, through a watch list, about every kind of address."""
    listed = _file("watch.txt", watch_list())
    opened = open_mmdb(DatabaseSource(_file("asn.mmdb", raw), "fuzzed"))
    try:
        made = WatchList.open(listed, opened)
        for address in ASKED:
            made.watched(address, made.announced(address))
    finally:
        opened.reader.close()


def asn_databases() -> list[bytes]:
    """Return small databases of networks in the two forms in use."""
    return [
        _mmdb(6, {"192.0.2.0/24": {"autonomous_system_number": 64500}, "2001:db8::/32": {"x": 1}}),
        _mmdb(4, {"192.0.2.0/24": {"asn": "AS64500"}, "203.0.113.0/24": {"asn": 64501}}),
    ]


def read_bootstrap(raw: bytes) -> None:
    """Open a bootstrap file and ask it whom to ask; only https is ever named."""
    path = _file("ipv4.json", raw)
    made = Bootstrap.open([path])
    named = [server for address in ASKED for server in made.servers(address)]
    assert all(server.startswith("https://") for server in (*named, *made.everybody()))


def bootstrap_file() -> bytes:
    """Return a small bootstrap file."""
    return (
        b'{"version": "1.0", "services": [[["192.0.2.0/24", "203.0.113.0/24"],'
        b' ["https://rdap.example/rdap/", "http://rdap.example/rdap/"]],'
        b' [["2001:db8::/32"], ["https://six.example:8443"]]]}'
    )


def read_rdap(raw: bytes) -> None:
    """Read a register's answer about an address; whatever is believed is within bounds."""
    found = read_network(raw, "192.0.2.7")
    assert ip_address("192.0.2.7") in ip_network(found.prefix)
    assert all(read_contact(one) for one in found.contacts)
    assert len(found.contacts) <= MAX_CONTACTS
    assert found.name.isprintable()


def rdap_answers() -> list[bytes]:
    """Return answers of registers: nested, referred, of an odd range."""
    answers = (
        network("192.0.2.0", "192.0.2.255", "NET-1", holder(abuse()), parentHandle="NET-0"),
        network("192.0.2.4", "192.0.2.20", "NET-2", entity("AB1", "abuse")),
    )
    return [json.dumps(one).encode() for one in answers]


def rdap_entity() -> bytes:
    """Return the answer about an abuse entity."""
    return json.dumps(abuse()).encode()


def _mmdb(version: int, rows: Mapping[str, Any]) -> bytes:
    writer = MMDBWriter(version, "Test-Country", languages=["en"], ipv4_compatible=version != 4)
    for prefix, record in rows.items():
        writer.insert_network(IPSet([prefix]), record)
    path = Path(_folder().name, "made.mmdb")
    writer.to_db_file(str(path))
    return path.read_bytes()


def read_all_published(raw: bytes) -> object:
    """Read bytes as each format in which providers publish where they stand."""
    found = []
    for form in FORMATS:
        try:
            found.append(read_published(raw, form, {"eu-1": "NL"}, policy=POLICY))
        except PublishedFileError:
            continue
    return found


def published_files() -> list[bytes]:
    """Return a file of each format."""
    one = {"ip_prefix": "192.0.2.0/25", "region": "eu-1", "service": "X",
           "network_border_group": "eu-1"}  # fmt: skip
    tag = {"region": "eu-1", "addressPrefixes": ["2001:db8::/48"]}
    found = (
        {"prefixes": [one], "ipv6_prefixes": []},
        {"prefixes": [{"ipv4Prefix": "192.0.2.0/25", "scope": "eu-1"}]},
        {"values": [{"name": "AzureCloud.eu-1", "properties": tag}]},
        {"regions": [{"region": "eu-1", "cidrs": [{"cidr": "192.0.2.0/25"}]}]},
    )
    feed = b'# made\n192.0.2.0/25,NL,"NL-NH",Town,\n2001:db8::/48,,,,\n'
    return [feed, *(json.dumps(file).encode() for file in found)]


def places() -> tuple[Target, ...]:
    """Return the targets of this module."""
    refused, misread = (DataFileError,), (RdapAnswerError,)
    return (
        Target("dns_answer", read_dns, (), dns_answers()),
        Target("country_database", read_mmdb, refused, mmdb_files()),
        Target("anycast_list", read_anycast, refused, [ANYCAST]),
        Target("asn_database", read_asn_database, refused, asn_databases()),
        Target("proxy_list", read_proxies, refused, [proxy_list()]),
        Target("overrides", read_overrides, refused, [override_file()]),
        Target("hosters", read_hosters, refused, [hoster_file()]),
        Target("watch_list", read_watched, refused, [watch_list()]),
        Target("rdap.bootstrap", read_bootstrap, refused, [bootstrap_file()]),
        Target("rdap.network", read_rdap, misread, rdap_answers()),
        Target(
            "origin_answer",
            read_origin,
            (),
            [b'{"originIPv4": "192.0.2.7", "originIPv6": ["2001:db8::1"], "addresses": [7]}'],
        ),
        Target("rdap.entity", read_entity, misread, [rdap_entity()]),
        Target("published_places", read_all_published, (), published_files()),
    )
