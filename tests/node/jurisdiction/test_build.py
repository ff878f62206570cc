"""From the configuration to a locator."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from node.config.places import JurisdictionSection
from node.config.values import DatabaseRef
from node.jurisdiction.build import open_data, open_jurisdiction
from node.jurisdiction.errors import DataFileError
from node.jurisdiction.locations import canonical
from tests.builders.databases import write_database

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from examples.demo.dns_server import ZoneServer
    from node.jurisdiction.countries import DatabaseSource

NOW = 1_800_000_000_000


@pytest.fixture
def section(
    make_database: Callable[[str, Mapping[str, Any]], DatabaseSource],
    server: ZoneServer,
    tmp_path: Path,
) -> JurisdictionSection:
    """Give a configuration with one database, one proxy list and the test's name server."""
    source = make_database("one", {"192.0.2.0/24": {"country_code": "NL"}})
    digest = hashlib.sha256(source.path.read_bytes()).hexdigest()
    proxies = tmp_path / "proxies.txt"
    proxies.write_text("built 2026-11-01T00:00:00Z\nrange 203.0.113.0/24 veil\n", encoding="utf-8")
    return JurisdictionSection(
        databases=(DatabaseRef("one", source.path, digest),),
        proxy_list=proxies,
        resolvers=(f"127.0.0.1:{server.port}",),
        allow_documentation_ranges=True,
    )


async def test_a_configured_node_locates(section: JurisdictionSection) -> None:
    """Names, databases and proxies are all in use."""
    jurisdiction = open_jurisdiction(section)
    plain = await jurisdiction.locator.locate(canonical("http://plain.example/"), NOW)
    veiled = await jurisdiction.locator.locate(canonical("http://veiled.example/"), NOW)
    await jurisdiction.close()
    assert (plain.country, plain.confidence, veiled.state) == ("NL", "medium", "hidden")


async def test_ages_of_all_data_files_are_told(section: JurisdictionSection) -> None:
    """The proxy list too."""
    jurisdiction = open_jurisdiction(section)
    ages = jurisdiction.ages(NOW)
    await jurisdiction.close()
    assert {age.name for age in ages} == {"one", "proxies"}


async def test_a_swapped_database_stops_the_start(section: JurisdictionSection) -> None:
    """Better no node than one that believes a foreign file."""
    section.databases[0].path.write_bytes(b"something else")
    with pytest.raises(DataFileError, match="sha256 differs"):
        open_jurisdiction(section)


class TestPins:
    """Every file that decides can be pinned, not the voters alone."""

    @pytest.mark.parametrize(
        "key", ["proxy_list", "watch_list", "anycast_list", "overrides", "asn_database"]
    )
    def test_a_list_that_is_not_the_one_configured_is_refused(
        self, section: JurisdictionSection, tmp_path: Path, key: str
    ) -> None:
        """The right one is taken."""
        path = write_database(tmp_path, "networks", {"192.0.2.0/24": {"asn": 64500}}).path
        if key != "asn_database":
            path = tmp_path / "list.txt"
            path.write_text("" if key == "overrides" else "built 2026-11-01T00:00:00Z\n", "utf-8")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        pinned: dict[str, Any] = {key: path, f"{key}_sha256": digest}
        open_data(replace(section, **pinned)).close()
        pinned[f"{key}_sha256"] = "0" * 64
        with pytest.raises(DataFileError, match="sha256 differs"):
            open_data(replace(section, **pinned))


def test_a_database_that_names_no_network_is_refused_as_one_of_networks(
    section: JurisdictionSection, tmp_path: Path
) -> None:
    """No `asn` entry would ever match, and what stands behind a proxy would be the proxy's."""
    (voter,) = section.databases
    with pytest.raises(DataFileError, match="names no network"):
        open_data(replace(section, asn_database=voter.path))
    for name, rows in (("sparse", {"198.51.100.0/24": {"asn": 64500}}), ("empty", {})):
        networks = write_database(tmp_path, name, rows).path
        open_data(replace(section, asn_database=networks)).close()


async def test_one_file_under_two_names_is_one_voter(
    section: JurisdictionSection, tmp_path: Path
) -> None:
    """Two that agree because they are one would make every answer sure."""
    (one,) = section.databases
    copy = tmp_path / "copy.mmdb"
    copy.write_bytes(one.path.read_bytes())
    twice = replace(
        section, databases=(one, DatabaseRef("two", copy, None), DatabaseRef("3", one.path, None))
    )
    jurisdiction = open_jurisdiction(twice)
    plain = await jurisdiction.locator.locate(canonical("http://plain.example/"), NOW)
    await jurisdiction.close()
    assert plain.confidence == "medium"
    assert jurisdiction.databases.copies == (("two", "one"), ("3", "one"))


def test_entries_for_networks_without_a_database_of_networks_are_counted(
    section: JurisdictionSection, tmp_path: Path
) -> None:
    """They match nothing, and whoever wrote them believes that they do."""
    paths = [tmp_path / name for name in ("veils.txt", "watch.txt")]
    for path in paths:
        path.write_text("built 2026-11-01T00:00:00Z\nasn 64500 word\nasn 64501 word\n", "utf-8")
    without = replace(section, proxy_list=paths[0], watch_list=paths[1])
    source = write_database(tmp_path, "networks", {"192.0.2.0/24": {"asn": 64500}})
    found = [
        open_data(one) for one in (section, without, replace(without, asn_database=source.path))
    ]
    assert [one.idle for one in found] == [(), (("veils", 2), ("watch", 2)), ()]
    for one in found:
        one.close()


class TestReplacedFiles:
    """Newer data comes without a gap, or not at all."""

    async def test_nothing_is_behind_while_nothing_changes(
        self, section: JurisdictionSection
    ) -> None:
        """Files are not opened again for nothing."""
        jurisdiction = open_jurisdiction(section)
        assert not jurisdiction.is_behind(section)
        await jurisdiction.close()

    async def test_what_is_judged_after_is_judged_by_the_new_file(
        self,
        section: JurisdictionSection,
        make_database: Callable[[str, Mapping[str, Any]], DatabaseSource],
    ) -> None:
        """A literal that was remembered for ever, and a name whose answer still holds."""
        jurisdiction = open_jurisdiction(section)
        places = [canonical("http://192.0.2.1/"), canonical("http://plain.example/")]
        before = [(await jurisdiction.locator.locate(place, NOW)).country for place in places]
        newer = make_database("newer", {"192.0.2.0/24": {"country_code": "DE"}})
        changed = replace(section, databases=(DatabaseRef("one", newer.path, None),))
        assert jurisdiction.is_behind(changed)
        jurisdiction.take_up(open_data(changed), changed)
        after = [jurisdiction.locator.locate_cached(place, NOW) for place in places]
        assert not jurisdiction.is_behind(changed)
        await jurisdiction.close()
        assert before == ["NL", "NL"]
        assert [found and found.country for found in after] == ["DE", "DE"]

    async def test_a_list_that_was_replaced_is_seen(self, section: JurisdictionSection) -> None:
        """By the file system, without a word in the configuration."""
        jurisdiction = open_jurisdiction(section)
        assert section.proxy_list is not None
        newer = section.proxy_list.with_name("newer")
        newer.write_text("built 2026-11-02T00:00:00Z\n", encoding="utf-8")
        newer.replace(section.proxy_list)
        assert jurisdiction.is_behind(section)
        await jurisdiction.close()
