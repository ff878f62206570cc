"""The synthetic world is what its ledger says, by the eyes of the node's own rooms."""

from __future__ import annotations

import ast
import csv
import hashlib
import json
import re
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from examples.demo import places, world
from examples.demo.dns_server import ZoneServer
from examples.demo.scenarios import SCENARIOS
from examples.demo.sites import make_sites, zone
from examples.demo.spellings import make_location, spell
from examples.demo.story import TooFewReportsError
from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.countries import Databases, DatabaseSource
from node.jurisdiction.locate import Locator
from node.jurisdiction.locations import canonical
from node.jurisdiction.names import Resolver
from node.jurisdiction.proxies import ProxyList, ProxySource

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_767_600_000_000
Ledger = dict[str, Any]
GENERATOR = (
    "broken",
    "cast",
    "dns_server",
    "files",
    "ledger",
    "places",
    "scenarios",
    "sites",
    "spellings",
    "story",
    "work",
    "world",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a whole world of 1,000 reports."""
    made = tmp_path_factory.mktemp("world")
    world.write_world(made, seed=3, total=1000, now_ms=NOW)
    return made


@pytest.fixture(scope="module")
def ledger(folder: Path) -> Ledger:
    """Give that world's ledger."""
    loaded: Ledger = json.loads((folder / "ledger.json").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def items(ledger: Ledger) -> list[dict[str, Any]]:
    """Give the ledger's items."""
    return list(ledger["items"].values())


def spelled_places(folder: Path, line: dict[str, Any]) -> list[str | None]:
    """Read the URLs of one line with the standard library alone."""
    text = (folder / line["file"]).read_text(encoding="utf-8").split("\n")[line["line"] - 1]
    if line["file"].endswith(".csv"):
        return [next(csv.reader([text], delimiter=";"))[0]]
    return [item.get("url") for item in json.loads(text)["items"]]


class TestGenerator:
    """Repeatable, and ignorant of the node."""

    def test_the_same_seed_gives_the_same_bytes(self, folder: Path, tmp_path: Path) -> None:
        """Every file, the ledger included."""
        world.write_world(tmp_path, seed=3, total=1000, now_ms=NOW)
        names = [p.relative_to(folder) for p in sorted(folder.rglob("*")) if p.is_file()]
        assert len(names) == 17
        for name in names:
            assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name

    def test_nothing_of_the_node_is_imported(self, repository: Path) -> None:
        """Truth that comes from the node could not judge it."""
        for name in GENERATOR:
            path = repository / "examples" / "demo" / f"{name}.py"
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for found in ast.walk(tree):
                modules = [found.module or ""] if isinstance(found, ast.ImportFrom) else []
                modules += [a.name for a in found.names] if isinstance(found, ast.Import) else []
                roots = {module.partition(".")[0] for module in modules}
                assert not roots & {"node", "protocol", "keys"}, name

    def test_the_committed_country_data_is_what_the_map_says(
        self, repository: Path, tmp_path: Path
    ) -> None:
        """`examples/world/` can be made again, byte for byte."""
        for name in places.BUILT_S:
            places.write_database(tmp_path / f"{name}.mmdb", name)
            committed = repository / "examples" / "world" / f"{name}.mmdb"
            assert (tmp_path / f"{name}.mmdb").read_bytes() == committed.read_bytes()
        proxies = repository / "examples" / "world" / "proxies.txt"
        assert proxies.read_text(encoding="utf-8") == places.proxy_list()

    def test_only_synthetic_hosts_are_named(self, folder: Path) -> None:
        """`.example`, overlays, documentation addresses; one line is broken on purpose."""
        hosts: set[str] = set()
        for path in folder.rglob("reports/*"):
            text = path.read_text(encoding="utf-8").lower()
            hosts |= {host.rstrip(".") for host in re.findall(r"https?://([^/:;\"\s?#]+)", text)}
        odd = {h for h in hosts if not h.endswith((".example", ".onion", ".i2p"))}
        documentation = re.compile(r"192\.0\.2\.\d+|0xc00002..|\[2001")
        assert {h for h in odd if not documentation.fullmatch(h)} == {"192.168.1.1"}


class TestTruth:
    """The ledger against the files and the node's rooms."""

    def test_files_are_as_listed(self, folder: Path, ledger: Ledger) -> None:
        """Path, SHA-256 and number of lines."""
        for made in ledger["files"]:
            raw = (folder / made["path"]).read_bytes()
            assert hashlib.sha256(raw).hexdigest() == made["sha256"]
            assert raw.count(b"\n") - made["path"].endswith(".csv") == made["lines"]

    def test_every_line_has_the_canonical_locations_of_the_ledger(
        self, folder: Path, ledger: Ledger
    ) -> None:
        """However it is spelled."""
        for line in ledger["lines"]:
            if "rejected" in line:
                continue
            spelled = spelled_places(folder, line)
            for text, item in zip(spelled, line["items"], strict=True):
                if text is not None:
                    assert canonical(text).canonical == item["location"], line

    def test_spelling_never_changes_the_place(self) -> None:
        """On every sort of site, thousands of times."""
        random = Random(5)  # noqa: S311
        sites = make_sites(random)
        for number in range(5000):
            site = random.choice(sites)
            location = make_location(random, site, random.choice(("image", "page")), number)
            assert canonical(spell(random, site, location)).canonical == location

    @pytest.mark.parametrize("moved", [False, True])
    async def test_every_site_is_located_where_it_is(
        self, repository: Path, tmp_path: Path, *, moved: bool
    ) -> None:
        """By name server, databases and proxy list, as the demo's nodes will do it."""
        sites = make_sites(Random(3))  # noqa: S311
        zone_file = tmp_path / "zone.json"
        zone_file.write_text(json.dumps(zone(sites, moved=moved)), encoding="utf-8")
        server = ZoneServer(zone_file)
        await server.start()
        data = repository / "examples" / "world"
        policy = AddressPolicy(allow_documentation_ranges=True)
        names = Resolver([f"127.0.0.1:{server.port}"], policy=policy)
        databases = Databases.open(
            [DatabaseSource(data / f"{name}.mmdb", name) for name in places.BUILT_S]
        )
        proxies = ProxyList.open(ProxySource(data / "proxies.txt", "proxies"))
        locator = Locator(names, databases, [proxies], absent_looks=0)
        for site in sites:
            found = await locator.locate(canonical(f"{site.scheme}://{site.host}/"), NOW)
            expected = site.hosting.country
            if site.sort == "moving":
                expected = "DE" if moved else "NL"
            assert (found.state, found.country) == (site.hosting.state, expected), site.sort
            assert found.candidates == site.hosting.candidates, site.sort
            if site.sort == "uncertain":
                assert found.confidence == "low"
            elif site.hosting.state == "country":
                assert found.confidence in {"high", "medium"}
        await names.close()
        await server.stop()

    def test_totals_are_counted_from_the_lines(self, ledger: Ledger) -> None:
        """The figures of the demo's last line add up."""
        totals = ledger["totals"]
        handed_in = [item for line in ledger["lines"] for item in line.get("items", [])]
        assert totals["handed_in"] + totals["repeated"] + totals["revised"] == len(handed_in)
        assert totals["items"] + totals["duplicates"] == totals["handed_in"]
        assert totals["rejected"] == sum("rejected" in line for line in ledger["lines"])

    def test_half_of_the_items_have_no_hashes(self, items: list[dict[str, Any]]) -> None:
        """As in life."""
        without = sum(item["content"] is None for item in items)
        assert 0.45 < without / len(items) < 0.6

    def test_every_scenario_and_sort_of_site_occurs(self, items: list[dict[str, Any]]) -> None:
        """A demo without one of them would show less than it claims."""
        scenarios = {*SCENARIOS, "moving", "moved_before", "ordinary"}
        assert scenarios == {item["scenario"] for item in items}
        sorts = {site.sort for site in make_sites(Random(3))}  # noqa: S311
        assert sorts <= {item["sort"] for item in items}

    def test_every_item_has_one_holder_at_the_end_of_every_chain(
        self, items: list[dict[str, Any]]
    ) -> None:
        """Whoever found it, it ends with the same member, without going round."""
        for item in items:
            for finder, chain in item["chains"].items():
                assert (chain[0], chain[-1]) == (finder, item["holder"])
                assert len(set(chain)) == len(chain)

    def test_what_is_closed_between_the_halves_is_left_alone_afterwards(
        self, ledger: Ledger
    ) -> None:
        """Except by the scenarios that are about it."""
        closing = {"removed", "unavailable", "not_illegal"}
        closed = {
            work["item"]
            for work in ledger["work"]
            if work["half"] == 1
            and any(step.get("act", {}).get("action") in closing for step in work["steps"])
        }
        for line in ledger["lines"]:
            for one in line.get("items", []):
                if line["half"] == 2 and one["item"] in closed:
                    scenario = ledger["items"][one["item"]]["scenario"]
                    assert scenario in {"perhaps_back", "late_duplicate", "counted_again"}

    def test_the_away_member_is_silent_in_the_first_half(self, ledger: Ledger) -> None:
        """It neither hands in nor works."""
        away = ledger["network"]["away"]
        assert all(line["member"] != away for line in ledger["lines"] if line["half"] == 1)
        assert all(work["member"] != away for work in ledger["work"] if work["half"] == 1)


def test_too_few_reports_are_named_with_the_mend(tmp_path: Path) -> None:
    """Not as a mistake of the demo's own."""
    with pytest.raises(TooFewReportsError, match="ask for more"):
        world.write_world(tmp_path, 1, 40, NOW)
