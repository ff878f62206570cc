"""Leased blocks and watched networks keep their country and lose a step of confidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from node.jurisdiction.countries import Databases, DatabaseSource
from node.jurisdiction.errors import DataFileError
from node.jurisdiction.explaining import explain
from node.jurisdiction.locate import Located, Locator
from node.jurisdiction.locations import canonical
from node.jurisdiction.mmdb import open_mmdb
from node.jurisdiction.names import Resolver
from node.jurisdiction.overrides import Override, Overrides
from node.jurisdiction.watching import AnycastList, WatchList

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


class TestAnycast:
    """What is announced from many places is in no one country."""

    @pytest.fixture
    def locator(self, resolver: Resolver, databases: Databases, tmp_path: Path) -> Locator:
        """Give a locator with an anycast range, and an override in it."""
        path = tmp_path / "census.txt"
        path.write_text(HEAD + "192.0.2.0/30  # a comment\n2001:db8:1::/48\n", encoding="utf-8")
        watch = WatchList()
        watch.anycast = AnycastList.open(path)
        rule = Override("r1", "rule", "192.0.2.2/32", "GB", "analyst-7", "seen", NOW + 1)
        return Locator(resolver, databases, watch=watch, overrides=Overrides((rule,)))

    @pytest.mark.parametrize(
        "url", ["http://192.0.2.1/", "http://plain.example/", "http://[2001:db8:1::5]/"]
    )
    async def test_one_address_is_enough_for_a_dispute(self, locator: Locator, url: str) -> None:
        """Though all databases agree, they can only know one of its places."""
        located = await locator.locate(canonical(url), NOW)
        assert (located.state, located.country, located.candidates) == ("disputed", None, ("NL",))

    async def test_the_range_is_evidence_and_said_in_words(self, locator: Locator) -> None:
        """With list, build and prefix."""
        place = canonical("http://192.0.2.1/")
        located = await locator.locate(place, NOW)
        assert rows(located, "watched") == [
            ("192.0.2.1", "census", 1_793_491_200_000, "192.0.2.0/30", "anycast")
        ]
        assert "anycast" in explain(place, located).because

    async def test_an_address_beside_it_is_not(self, locator: Locator) -> None:
        """Ranges end where they end."""
        located = await locator.locate(canonical("http://192.0.2.4/"), NOW)
        assert (located.state, located.confidence) == ("country", "high")

    async def test_what_people_know_stands_above_it(self, locator: Locator) -> None:
        """Somebody may have asked whose machine answers."""
        located = await locator.locate(canonical("http://192.0.2.2/"), NOW)
        assert (located.country, located.confidence) == ("GB", "high")

    @pytest.mark.parametrize("line", ["192.0.2.1/24", "192.0.2.0/24 word", "0.0.0.0/0", "site"])
    def test_a_line_that_is_no_range_is_refused(self, tmp_path: Path, line: str) -> None:
        """By its number."""
        path = tmp_path / "census.txt"
        path.write_text(f"{HEAD}{line}\n", encoding="utf-8")
        with pytest.raises(DataFileError, match=r"anycast list 'census', line 2: write "):
            AnycastList.open(path)


@pytest.mark.parametrize(
    "line",
    [
        "asn sixty leased", "asn 4294967296 leased", "asn -1 leased", "asn 64500",
        "asn 64500 two words", "range 192.0.2.1/24 leased", "range site.example leased",
        "suffix site.example leased", "range 0.0.0.0/0 leased",
    ],
)  # fmt: skip
def test_a_line_that_says_nothing_is_refused_by_its_number(
    watch: Callable[[str], WatchList], line: str
) -> None:
    """A list that is half read would watch half."""
    with pytest.raises(DataFileError, match=r"line 3: write "):
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
