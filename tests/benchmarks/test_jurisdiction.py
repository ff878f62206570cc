"""How right country databases are is measured against what did not go into them, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.jurisdiction.__main__ import main
from benchmarks.jurisdiction.measuring import wilson
from benchmarks.jurisdiction.published import FORMATS, Published, PublishedFileError, read
from node.jurisdiction.addresses import AddressPolicy
from tests.builders.databases import write_database

REGIONS = {"eu-1": "NL", "eu-2": "DE"}
DOCUMENTED = AddressPolicy(allow_documentation_ranges=True)
ROWS: dict[str, dict[str, str]] = {
    "right": {"192.0.2.0/24": "NL", "198.51.100.0/24": "DE"},
    "also-right": {"192.0.2.0/24": "NL", "198.51.100.0/24": "DE"},
    "half-right": {"192.0.2.0/24": "NL", "198.51.100.0/24": "US"},
}
FEED = "192.0.2.0/24,NL,,,\n198.51.100.0/24,DE,,,\n"


def told(form: str, found: object) -> Published:
    """Read what a provider publishes: text of a geofeed, or JSON."""
    raw = found.encode() if isinstance(found, str) else json.dumps(found).encode()
    return read(raw, form, REGIONS, policy=DOCUMENTED)


def where(found: Published, address: str) -> str | None:
    """Return the published country of an address."""
    entry = found.places.get(address)
    return None if entry is None else entry[1]


AWS = {
    "prefixes": [
        {"ip_prefix": "192.0.2.0/25", "region": "eu-1", "service": "EC2",
         "network_border_group": "eu-1"},
        {"ip_prefix": "192.0.2.128/25", "region": "eu-1", "service": "EC2",
         "network_border_group": "eu-1-elsewhere-1"},
        {"ip_prefix": "198.51.100.0/25", "region": "eu-2", "service": "CLOUDFRONT",
         "network_border_group": "eu-2"},
        {"ip_prefix": "198.51.100.128/25", "region": "GLOBAL", "service": "AMAZON",
         "network_border_group": "GLOBAL"},
    ],
    "ipv6_prefixes": [
        {"ipv6_prefix": "2001:db8::/48", "region": "eu-2", "service": "AMAZON",
         "network_border_group": "eu-2"},
    ],
}  # fmt: skip
GOOGLE = {
    "prefixes": [
        {"ipv4Prefix": "192.0.2.0/25", "service": "Cloud", "scope": "eu-1"},
        {"ipv4Prefix": "192.0.2.128/25", "service": "Cloud", "scope": "global"},
        {"ipv6Prefix": "2001:db8::/48", "service": "Cloud", "scope": "eu-2"},
    ]
}
AZURE = {
    "values": [
        {"name": "AzureCloud.eu-1",
         "properties": {"region": "eu-1", "addressPrefixes": ["192.0.2.0/25"]}},
        {"name": "AzureCloud.eu-2",
         "properties": {"region": "eu-2", "addressPrefixes": ["2001:db8::/48"]}},
        {"name": "FrontDoor.eu-1",
         "properties": {"region": "eu-1", "addressPrefixes": ["192.0.2.128/25"]}},
    ]
}  # fmt: skip
ORACLE = {
    "regions": [
        {"region": "eu-1", "cidrs": [{"cidr": "192.0.2.0/25", "tags": ["OCI"]}]},
        {"region": "eu-2", "cidrs": [{"cidr": "2001:db8::/48", "tags": ["OCI"]}]},
    ]
}
GEOFEED = "# made\n192.0.2.0/25,NL,NL-NH,Town,\n192.0.2.128/25,,,,\n2001:db8::/48,DE,,,\n"
SAMPLES: dict[str, object] = {
    "aws": AWS, "google": GOOGLE, "azure": AZURE, "oracle": ORACLE, "geofeed": GEOFEED,
}  # fmt: skip


class TestPublished:
    """Files of providers."""

    @pytest.mark.parametrize("form", FORMATS)
    def test_each_format_says_where_its_prefixes_stand(self, form: str) -> None:
        """Of both versions of IP."""
        found = told(form, SAMPLES[form])
        assert where(found, "192.0.2.1") == "NL"
        assert where(found, "2001:db8::1") == "DE"

    @pytest.mark.parametrize("form", FORMATS)
    def test_what_is_in_no_one_country_counts_for_nothing(self, form: str) -> None:
        """Global services, delivery networks, zones outside their region, places withheld."""
        found = told(form, SAMPLES[form])
        assert found.placed == ("192.0.2.0/25", "2001:db8::/48")
        assert where(found, "192.0.2.200") is None

    def test_a_prefix_of_a_delivery_network_hides_its_region(self) -> None:
        """AWS lists it twice: as a part of the region, and as a service that is everywhere."""
        twice = {"prefixes": [
            {"ip_prefix": "192.0.2.0/25", "region": "eu-1", "service": service,
             "network_border_group": "eu-1"} for service in ("AMAZON", "CLOUDFRONT")
        ], "ipv6_prefixes": []}  # fmt: skip
        found = told("aws", twice)
        assert (found.placed, found.unplaced) == ((), 1)

    def test_a_region_that_the_tables_do_not_know_is_named_and_left_out(self) -> None:
        """A guess at its country would be our truth, not the provider's."""
        regions = [{"region": "moon-1", "cidrs": [{"cidr": "192.0.2.0/25"}]}]
        found = told("oracle", {"regions": regions})
        assert (found.placed, found.unknown_regions) == ((), ("moon-1",))

    def test_a_prefix_in_two_countries_counts_for_nothing(self) -> None:
        """The file contradicts itself: neither line is the truth, nor a third one."""
        found = told("geofeed", "192.0.2.0/25,NL,,,\n192.0.2.0/25,DE,,,\n192.0.2.0/25,NL,,,\n")
        assert (found.placed, found.contradicted) == ((), 1)

    def test_a_smaller_prefix_stands_over_a_wider_one(self) -> None:
        """As in routing: the wider one is right elsewhere."""
        found = told("geofeed", "192.0.2.0/24,NL,,,\n192.0.2.128/25,DE,,,\n")
        assert where(found, "192.0.2.200") == "DE"

    @pytest.mark.parametrize(
        "line",
        [
            "10.0.0.0/8,NL,,,",
            "0.0.0.0/0,NL,,,",
            "192.0.2.1/24,NL,,,",
            "nonsense,NL,,,",
            "192.0.2.0/24,Holland,,,",
            "192.0.2.0/24,EU,,,",
            "192.0.2.0/24",
            "4294967295,NL",
        ],
    )
    def test_a_line_that_says_nothing_is_counted_and_the_rest_stands(self, line: str) -> None:
        """RFC 8805 section 2.1.1: one mistyped line costs one line."""
        found = told("geofeed", f"{line}\n198.51.100.0/24,DE,,,\n")
        assert (found.placed, found.refused) == (("198.51.100.0/24",), 1)

    def test_documentation_ranges_are_nobodys_hosting_unless_they_are_allowed(self) -> None:
        """They are for these tests alone."""
        assert read(FEED.encode(), "geofeed", {}).refused == 2

    @pytest.mark.parametrize("form", [one for one in FORMATS if one != "geofeed"])
    @pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"a": ', b"[" * 100_000, b"\xff\xfe"])
    def test_a_file_of_another_kind_is_refused_whole(self, form: str, raw: bytes) -> None:
        """Half of a file would be measured as if it were all of it."""
        with pytest.raises(PublishedFileError):
            read(raw, form, REGIONS)

    def test_the_refusal_names_the_field_and_no_value(self) -> None:
        """Whoever keeps the file must find the place; what stands there may be anybody's."""
        broken = {"regions": [{"region": "eu-1", "cidrs": [{"cidr": ["192.0.2.77/32"]}]}]}
        with pytest.raises(PublishedFileError, match=r"regions\[0\]\.cidrs\[0\]\.cidr") as caught:
            told("oracle", broken)
        assert "192.0.2.77" not in str(caught.value)


@pytest.fixture
def run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[dict[str, Any], str]]:
    """Give `run(voters=..., **standings)`: the outcome as JSON, and what was printed."""
    for name, rows in ROWS.items():
        records = {prefix: {"country_code": country} for prefix, country in rows.items()}
        write_database(tmp_path, name, records)

    def work(
        voters: tuple[str, ...] = tuple(ROWS), feed: str = FEED, each: int = 9, **more: list[str]
    ) -> tuple[dict[str, Any], str]:
        (tmp_path / "feed.csv").write_text(feed, "utf-8")
        text = "".join(
            f'[[database]]\nname = "{name}"\npath = "{name}.mmdb"\nsource = "made here"\n'
            f"votes = {str(name in voters).lower()}\n"
            for name in ROWS
        )
        text += (
            '[[published]]\nprovider = "cloud"\nformat = "geofeed"\npath = "feed.csv"\n'
            'date = 2026-11-01\nsource = "made here"\n'
        )
        text += "".join(f"{name} = {json.dumps(value)}\n" for name, value in more.items())
        (tmp_path / "what.toml").write_text(text, "utf-8")
        kept = tmp_path / "out.json"
        words = ["--json", str(kept), "--each", str(each), "--documentation-ranges"]
        main([str(tmp_path / "what.toml"), *words])
        return json.loads(kept.read_text("utf-8")), capsys.readouterr().out

    return work


def row(outcome: dict[str, Any], what: str) -> dict[str, Any]:
    """Return the only row of a database or a level of the vote."""
    found: list[dict[str, Any]] = [one for one in outcome["rows"] if one["what"] == what]
    assert len(found) == 1
    return found[0]


Run = Callable[..., tuple[dict[str, Any], str]]


class TestOutcome:
    """What comes out."""

    def test_each_database_is_judged_by_what_is_published(self, run: Run) -> None:
        """Coverage and accuracy are two things: a silent database is not a wrong one."""
        outcome, _ = run()
        assert [row(outcome, name)["accuracy"] for name in ROWS] == [1.0, 1.0, 0.5]
        assert [row(outcome, name)["coverage"] for name in ROWS] == [1.0, 1.0, 1.0]

    def test_each_level_of_the_vote_has_its_share_and_its_accuracy(self, run: Run) -> None:
        """One address is unanimous, the other has a majority: the levels mean what they say."""
        outcome, _ = run()
        high, medium, low = (row(outcome, f"vote {level}") for level in ("high", "medium", "low"))
        assert [one["given"] for one in (high, medium, low)] == [1, 1, 0]
        assert [one["accuracy"] for one in (high, medium, low)] == [1.0, 1.0, None]

    def test_a_vote_that_is_no_answer_may_still_name_the_truth(self, run: Run) -> None:
        """Of two that disagree, one is right: an analyst finds it among the candidates."""
        low = row(run(voters=("right", "half-right"))[0], "vote low")
        assert (low["given"], low["named"], low["among"]) == (1, 0, 1)

    def test_a_database_is_never_judged_by_what_went_into_it(self, run: Run) -> None:
        """It would be right by copying, and the figure would say nothing."""
        outcome, _ = run(input_of=["right"])
        found = row(outcome, "right")
        assert (found["standing"], found["right"], found["accuracy"]) == ("input", None, None)

    def test_a_database_does_not_vote_where_the_truth_went_into_it(self, run: Run) -> None:
        """Of the other two, one is wrong: without the copy there is no majority."""
        outcome, _ = run(input_of=["right"])
        assert row(outcome, "vote low")["voters"] == ["also-right", "half-right"]
        assert row(outcome, "vote medium")["given"] == 0

    def test_with_one_voter_left_there_is_no_figure(self, run: Run) -> None:
        """One answer is no vote."""
        outcome, printed = run(input_of=["right", "also-right"])
        assert row(outcome, "vote high")["standing"] == "input"
        assert row(outcome, "vote high")["given"] is None
        assert "There is no figure." in printed

    def test_a_vote_is_as_independent_as_its_weakest_voter(self, run: Run) -> None:
        """One of unknown making spoils the proof."""
        some, _ = run(independent_of=["right", "also-right"])
        every, _ = run(independent_of=list(ROWS))
        assert row(some, "vote high")["standing"] == "unknown"
        assert row(every, "vote high")["standing"] == "independent"

    def test_sources_dates_digests_and_limits_stand_with_the_figures(self, run: Run) -> None:
        """A figure without them can be neither repeated nor believed."""
        outcome, printed = run()
        published, database = outcome["published"][0], outcome["databases"][0]
        assert (published["date"], published["source"]) == ("2026-11-01", "made here")
        assert len(published["sha256"]) == len(database["sha256"]) == 64
        assert all(limit in printed for limit in outcome["limits"])

    def test_the_table_has_a_line_for_each_row(self, run: Run) -> None:
        """People and programs read the same."""
        outcome, printed = run()
        lines = [line for line in printed.splitlines() if line.startswith("| cloud ")]
        assert len(lines) == len(outcome["rows"]) == 6

    @pytest.mark.parametrize(
        ("wrong", "named"),
        [
            ({"input_of": ["nobody"]}, "input_of"),
            ({"input_of": ["right"], "independent_of": ["right"]}, "both"),
            ({"surprise": ["x"]}, "surprise"),
        ],
    )
    def test_a_description_that_is_wrong_is_refused_by_its_field(
        self, run: Run, capsys: pytest.CaptureFixture[str], wrong: dict[str, list[str]], named: str
    ) -> None:
        """A misspelt name must not make a copied figure look independent."""
        with pytest.raises(SystemExit) as caught:
            run(**wrong)
        assert caught.value.code == 2
        assert named in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("how", "named"),
        [
            ({"each": 0}, "--each: write 1 or more"),
            ({"each": -5}, "--each: write 1 or more"),
            ({"feed": "192.0.2.0/24,,,,\n"}, "published 'cloud': names no public prefix"),
            ({"feed": "10.0.0.0/8,NL,,,\n"}, "published 'cloud': names no public prefix"),
        ],
    )
    def test_an_empty_sample_is_no_outcome(
        self, run: Run, capsys: pytest.CaptureFixture[str], how: dict[str, Any], named: str
    ) -> None:
        """A table without a line looks like one without a fault."""
        with pytest.raises(SystemExit) as caught:
            run(**how)
        assert caught.value.code == 2
        assert named in capsys.readouterr().err

    def test_a_share_of_few_has_wide_bounds(self) -> None:
        """Ten of ten are no proof of always (Wilson 1927)."""
        low, high = wilson(10, 10)
        assert (round(low, 3), high) == (0.722, 1.0)
