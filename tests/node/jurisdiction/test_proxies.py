"""Proxies by range and by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from node.jurisdiction.errors import DataFileError
from node.jurisdiction.locate import Locator
from node.jurisdiction.locations import canonical
from node.jurisdiction.mmdb import open_mmdb
from node.jurisdiction.proxies import ProxyList, ProxySource
from node.jurisdiction.watching import WatchList

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from node.jurisdiction.countries import Databases, DatabaseSource
    from node.jurisdiction.names import Resolver

NOW = 1_800_000_000_000

TEXT = """\
# a comment
built 2026-11-01T00:00:00Z   # when it was made

range 198.51.100.0/24 wide-cdn
range 198.51.100.128/26 narrow-cdn
range 2001:db8:6::/48 six-cdn
suffix cdn.example some-cdn
suffix edge.cdn.example edge-cdn
"""


@pytest.fixture
def proxies(tmp_path: Path) -> ProxyList:
    """Give the list of `TEXT`."""
    path = tmp_path / "proxies.txt"
    path.write_text(TEXT, encoding="utf-8")
    return ProxyList.open(ProxySource(path, "mine"))


@pytest.mark.parametrize(
    ("address", "entry", "provider"),
    [
        ("198.51.100.1", "198.51.100.0/24", "wide-cdn"),
        ("198.51.100.129", "198.51.100.128/26", "narrow-cdn"),
        ("::ffff:198.51.100.129", "198.51.100.128/26", "narrow-cdn"),
        ("2001:db8:6:1::1", "2001:db8:6::/48", "six-cdn"),
    ],
)
def test_the_most_specific_range_is_told(
    proxies: ProxyList, address: str, entry: str, provider: str
) -> None:
    """With list, build time and provider, for the evidence."""
    assert proxies.by_address(address) == ("mine", 1_793_491_200_000, entry, provider)


@pytest.mark.parametrize("address", ["198.51.101.1", "192.0.2.1", "2001:db8:7::1", "::c633:6401"])
def test_other_addresses_are_no_proxies(proxies: ProxyList, address: str) -> None:
    """Ranges end where they end, and families are not mixed up."""
    assert proxies.by_address(address) is None


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("cdn.example", "some-cdn"),
        ("a.b.cdn.example", "some-cdn"),
        ("x.edge.cdn.example", "edge-cdn"),
    ],
)
def test_the_most_specific_suffix_is_told(proxies: ProxyList, name: str, provider: str) -> None:
    """The name itself and all below it."""
    found = proxies.by_name(name)
    assert found is not None
    assert found.provider == provider


@pytest.mark.parametrize("name", ["mycdn.example", "cdn.example.org.example", "example", ""])
def test_suffixes_match_at_label_borders_only(proxies: ProxyList, name: str) -> None:
    """An innocent name that ends alike is not hidden."""
    assert proxies.by_name(name) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "begin it with `built"),
        ("range 192.0.2.0/24 x\n", "begin it with `built"),
        ("built yesterday\n", "begin it with `built"),
        ("built 2026-11-01T00:00:00\n", "begin it with `built"),
        ("built 9999-12-31T23:59:59-01:00\n", "begin it with `built"),
        ("built 2026-11-01T00:00:00Z\nrange 192.0.2.1/24 x\n", "line 2: write"),
        ("built 2026-11-01T00:00:00Z\n\nrange 192.0.2.0/24\n", "line 3: write"),
        ("built 2026-11-01T00:00:00Z\nowner 64500 x\n", "line 2: write"),
        ("built 2026-11-01T00:00:00Z\nasn AS x\n", "line 2: write the number of a network"),
        ("built 2026-11-01T00:00:00Z\nasn 4294967296 x\n", "line 2: write the number"),
        ("built 2026-11-01T00:00:00Z\nrange 0.0.0.0/0 x\n", "line 2: write ranges of /8 at most"),
        ("built 2026-11-01T00:00:00Z\nrange 2000::/3 x\n", "of IPv6 /16"),
        ("built 2026-11-01T00:00:00Z\nsuffix *.cdn.example x\n", "line 2: write a public host"),
        ("built 2026-11-01T00:00:00Z\nsuffix https://cdn.example/ x\n", "without scheme"),
        ("built 2026-11-01T00:00:00Z\nsuffix cdn.example:443 x\n", "without scheme, port"),
    ],
)
def test_a_line_that_says_nothing_is_refused_by_number(
    tmp_path: Path, text: str, message: str
) -> None:
    """A half-read list would show hidden sites as hosted."""
    path = tmp_path / "bad.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataFileError, match=message):
        ProxyList.open(ProxySource(path, "bad"))


@pytest.mark.parametrize(
    "spelling", ["b\u00fccher.example", "B\u00dcCHER.example.", ".xn--bcher-kva.example"]
)
def test_a_suffix_is_read_as_locations_are(tmp_path: Path, spelling: str) -> None:
    """Names of CNAME chains come in A-labels: another spelling would never match."""
    path = tmp_path / "proxies.txt"
    path.write_text(f"built 2026-11-01T00:00:00Z\nsuffix {spelling} cdn\n", encoding="utf-8")
    found = ProxyList.open(ProxySource(path, "mine")).by_name("www.xn--bcher-kva.example")
    assert found is not None
    assert found.entry == "xn--bcher-kva.example"


def test_the_widest_range_of_anybody_is_taken(tmp_path: Path) -> None:
    """A few companies have a whole /8."""
    path = tmp_path / "proxies.txt"
    path.write_text("built 2026-11-01T00:00:00Z\nrange 10.0.0.0/8 cdn\n", encoding="utf-8")
    assert ProxyList.open(ProxySource(path, "mine")).by_address("10.1.2.3") is not None


class TestNetworks:
    """By who announces an address, as the ASN database says."""

    @pytest.fixture
    def locator(
        self,
        resolver: Resolver,
        databases: Databases,
        make_database: Callable[[str, Mapping[str, Any]], DatabaseSource],
        tmp_path: Path,
    ) -> Locator:
        """Give a locator with a proxy list of one network and one range, and an ASN database."""
        numbers = {"192.0.2.0/25": 64500, "2001:db8:1::/48": 64501, "203.0.113.0/24": 64500}
        rows = {prefix: {"autonomous_system_number": asn} for prefix, asn in numbers.items()}
        path = tmp_path / "proxies.txt"
        lines = "asn AS64500 veil\nrange 203.0.113.0/24 narrow\n"
        path.write_text(f"built 2026-11-01T00:00:00Z\n{lines}", encoding="utf-8")
        watch = WatchList(None, open_mmdb(make_database("networks", rows)))
        return Locator(
            resolver, databases, [ProxyList.open(ProxySource(path, "mine"))], watch=watch
        )

    async def test_what_a_proxys_network_announces_is_hidden(self, locator: Locator) -> None:
        """The network is the entry that the evidence names."""
        located = await locator.locate(canonical("http://192.0.2.1/"), NOW)
        row = ("proxy", "192.0.2.1", "mine", 1_793_491_200_000, "asn 64500", "veil")
        assert located.state == "hidden"
        assert row in located.evidence

    @pytest.mark.parametrize("url", ["http://192.0.2.129/", "http://[2001:db8:1::1]/"])
    async def test_other_networks_are_not(self, locator: Locator, url: str) -> None:
        """Nor an address that nobody is known to announce."""
        assert (await locator.locate(canonical(url), NOW)).state == "country"

    async def test_a_range_says_more_than_a_network(self, locator: Locator) -> None:
        """One of its customers may have a provider of its own."""
        located = await locator.locate(canonical("http://203.0.113.5/"), NOW)
        assert [row[5] for row in located.evidence if row[0] == "proxy"] == ["narrow"]


def test_another_sha256_is_refused(tmp_path: Path) -> None:
    """As with databases."""
    path = tmp_path / "proxies.txt"
    path.write_text(TEXT, encoding="utf-8")
    with pytest.raises(DataFileError, match="sha256 differs"):
        ProxyList.open(ProxySource(path, "mine", "0" * 64))


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """A binary file is no list."""
    path = tmp_path / "proxies.txt"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DataFileError, match="not UTF-8"):
        ProxyList.open(ProxySource(path, "mine"))
