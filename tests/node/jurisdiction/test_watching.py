"""Leased blocks and watched networks keep their country and lose a step of confidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from node.jurisdiction.countries import Databases, DatabaseSource
from node.jurisdiction.errors import DataFileError
from node.jurisdiction.locate import Located, Locator
from node.jurisdiction.locations import canonical
from node.jurisdiction.mmdb import open_mmdb
from node.jurisdiction.names import Resolver
from node.jurisdiction.watching import WatchList

NOW = 1_800_000_000_000
HEAD = "built 2026-11-01T00:00:00Z\n"
Make = Callable[[str, Mapping[str, Any]], DatabaseSource]


@pytest.fixture
def networks(make_database: Make) -> DatabaseSource:
    """Give an ASN database of three networks, in the record forms in use."""
    return make_database(
        "networks",
        {
            "192.0.2.0/25": {
                "autonomous_system_number": 64500,
                "autonomous_system_organization": "Lease and Sons",
            },
            "198.51.100.0/24": {"asn": "AS64501", "name": "Quiet"},
            "203.0.113.0/24": {"asn": "many"},
        },
    )


@pytest.fixture
def watch(networks: DatabaseSource, tmp_path: Path) -> Callable[[str], WatchList]:
    """Give `watch(lines)`: a list of these lines beside the ASN database."""

    def make(lines: str) -> WatchList:
        path = tmp_path / "watch.txt"
        path.write_text(HEAD + lines, encoding="utf-8")
        return WatchList.open(path, open_mmdb(networks))

    return make


class TestSteps:
    """What a sign does to a decision."""

    @pytest.mark.parametrize(
        ("lines", "confidence"),
        [
            ("", "high"),
            ("asn 64501 leases-out\n", "high"),
            ("asn 64500 leases-out\n", "medium"),
            ("asn AS64500 leases-out  # a comment\n", "medium"),
            ("range 192.0.2.0/30 leased\n", "medium"),
            ("range 192.0.2.0/30 leased\nasn 64500 leases-out\n", "medium"),
            ("range 192.0.2.128/25 leased\n", "high"),
        ],
    )
    async def test_a_watched_place_loses_one_step(
        self,
        resolver: Resolver,
        databases: Databases,
        watch: Callable[[str], WatchList],
        lines: str,
        confidence: str,
    ) -> None:
        """One step, however many signs; the country stays."""
        locator = Locator(resolver, databases, watch=watch(lines))
        located = await locator.locate(canonical("http://plain.example/"), NOW)
        assert (located.country, located.confidence) == ("NL", confidence)

    async def test_medium_becomes_low(
        self, resolver: Resolver, make_database: Make, watch: Callable[[str], WatchList]
    ) -> None:
        """So that a person looks before it is handed on."""
        one = Databases.open([make_database("one", {"192.0.2.0/24": {"country": "NL"}})])
        locator = Locator(resolver, one, watch=watch("asn 64500 leases-out\n"))
        located = await locator.locate(canonical("http://192.0.2.1/"), NOW)
        assert (located.country, located.confidence) == ("NL", "low")

    async def test_one_watched_address_of_several_is_enough(
        self, resolver: Resolver, databases: Databases, watch: Callable[[str], WatchList]
    ) -> None:
        """A decision is as sure as its weakest part."""
        locator = Locator(resolver, databases, watch=watch("range 192.0.2.2/32 leased\n"))
        located = await locator.locate(canonical("http://both.example/"), NOW)
        assert (located.country, located.confidence) == ("NL", "medium")


class TestEvidence:
    """What was read stands in it."""

    async def test_network_and_sign_are_evidence(
        self, resolver: Resolver, databases: Databases, watch: Callable[[str], WatchList]
    ) -> None:
        """With database, build, prefix, organisation; with list, entry, word."""
        locator = Locator(resolver, databases, watch=watch("asn 64500 leases-out\n"))
        located = await locator.locate(canonical("http://192.0.2.1/"), NOW)
        assert rows(located, "network") == [
            ("192.0.2.1", "networks", 1_790_000_000_000, "192.0.2.0/25", 64500, "Lease and Sons")
        ]
        assert rows(located, "watched") == [
            ("192.0.2.1", "watch", 1_793_491_200_000, "asn 64500", "leases-out")
        ]

    def test_a_record_that_is_none_is_no_network(self, watch: Callable[[str], WatchList]) -> None:
        """Nothing is read into it."""
        assert watch("").announced("203.0.113.1") is None
        assert watch("").announced("2001:db8::1") is None

    def test_both_record_forms_are_read(self, watch: Callable[[str], WatchList]) -> None:
        """A number, or text that begins with AS."""
        found = watch("").announced("198.51.100.1")
        assert found is not None
        assert (found.asn, found.organisation) == (64501, "Quiet")


@pytest.mark.parametrize(
    "line",
    [
        "asn sixty leased", "asn 4294967296 leased", "asn -1 leased", "asn 64500",
        "asn 64500 two words", "range 192.0.2.1/24 leased", "range site.example leased",
        "suffix site.example leased",
    ],
)  # fmt: skip
def test_a_line_that_says_nothing_is_refused_by_its_number(
    watch: Callable[[str], WatchList], line: str
) -> None:
    """A list that is half read would watch half."""
    with pytest.raises(DataFileError, match=r"line 3: write `asn NUMBER WORD`"):
        watch(f"asn 64500 leased\n{line}\n")


def test_a_list_without_its_date_is_refused(tmp_path: Path) -> None:
    """How old it is must be known."""
    path = tmp_path / "watch.txt"
    path.write_text("asn 64500 leased\n", encoding="utf-8")
    with pytest.raises(DataFileError, match="begin it with"):
        WatchList.open(path, None)


def rows(located: Located, kind: str) -> list[tuple[str | int | None, ...]]:
    """Return the evidence rows of one kind, without the kind."""
    return [row[1:] for row in located.evidence if row[0] == kind]
