"""Proxies by range and by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from node.jurisdiction.errors import DataFileError
from node.jurisdiction.proxies import ProxyList, ProxySource

if TYPE_CHECKING:
    from pathlib import Path

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
        ("built 2026-11-01T00:00:00Z\nrange 192.0.2.1/24 x\n", "line 2: write"),
        ("built 2026-11-01T00:00:00Z\n\nrange 192.0.2.0/24\n", "line 3: write"),
        ("built 2026-11-01T00:00:00Z\nasn 64500 x\n", "line 2: write"),
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
