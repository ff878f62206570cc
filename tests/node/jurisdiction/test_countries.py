"""Where an address stands: a vote, with every ballot kept."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from node.jurisdiction.countries import Ballot, Databases, DatabaseSource, count
from node.jurisdiction.errors import DataFileError
from tests.builders.databases import write_database

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Make = Callable[[str, Mapping[str, Any]], DatabaseSource]


def ballots(*countries: str | None) -> tuple[Ballot, ...]:
    """Make one ballot for each country."""
    return tuple(Ballot(f"db{n}", 1, "192.0.2.0/24", c, c) for n, c in enumerate(countries))


class TestCount:
    """The rule of the vote, row by row."""

    @pytest.mark.parametrize(
        ("cast", "country", "confidence"),
        [
            (("NL", "NL", "NL"), "NL", "high"),
            (("NL", "NL"), "NL", "high"),
            (("NL", "NL", None), "NL", "high"),
            (("NL", "NL", "DE"), "NL", "medium"),
            (("NL", "NL", "NL", "DE", "FR"), "NL", "medium"),
            (("NL",), "NL", "medium"),
            (("NL", None), "NL", "low"),
            ((None, None, "NL"), "NL", "low"),
            (("NL", "DE"), None, "low"),
            (("NL", "DE", None), None, "low"),
            (("NL", "DE", "FR"), None, "low"),
            (("NL", "NL", "DE", "DE"), None, "low"),
            (("NL", "NL", "DE", "FR"), None, "low"),
            ((None, None, None), None, "low"),
            ((), None, "low"),
        ],
    )
    def test_the_rule(
        self, cast: tuple[str | None, ...], country: str | None, confidence: str
    ) -> None:
        """Each row of the table at the head of the module."""
        vote = count(ballots(*cast))
        assert (vote.country, vote.confidence) == (country, confidence)

    def test_the_order_of_databases_does_not_matter(self) -> None:
        """No database weighs more than another."""
        assert count(ballots("NL", "DE", "NL")).country == count(ballots("DE", "NL", "NL")).country

    def test_all_named_countries_are_candidates(self) -> None:
        """Who decides later must see the minority too."""
        assert count(ballots("NL", "NL", "DE", None)).candidates == ("DE", "NL")


class TestDatabases:
    """Reading MMDB files."""

    @pytest.mark.parametrize(
        "record",
        [
            {"country": {"iso_code": "NL"}, "registered_country": {"iso_code": "US"}},
            {"country_code": "NL"},
            {"country": "NL"},
            {"country": "Netherlands", "country_code": "NL"},
            {"country": {"names": {"en": "Netherlands"}}, "country_code": "NL"},
        ],
    )
    def test_the_record_forms_in_use_are_read(
        self, make_database: Make, record: dict[str, Any]
    ) -> None:
        """Several layouts, one meaning."""
        databases = Databases.open([make_database("one", {"192.0.2.0/24": record})])
        assert databases.country("192.0.2.1").country == "NL"

    @pytest.mark.parametrize(
        "record",
        [
            {"registered_country": {"iso_code": "NL"}},
            {"continent": {"code": "EU"}},
            {"country": {"geoname_id": 1}},
            {"country": ""},
            "NL",
        ],
    )
    def test_a_record_without_a_location_country_is_no_answer(
        self, make_database: Make, record: dict[str, Any] | str
    ) -> None:
        """Above all the registered country never votes."""
        databases = Databases.open([make_database("one", {"192.0.2.0/24": record})])
        assert databases.country("192.0.2.1").country is None

    def test_the_ballot_names_database_build_prefix_and_answer(self, make_database: Make) -> None:
        """Everything that one needs to check it later."""
        source = make_database("one", {"192.0.2.0/25": {"country_code": "UK"}})
        (ballot,) = Databases.open([source]).country("192.0.2.1").ballots
        assert ballot == ("one", 1_790_000_000_000, "192.0.2.0/25", "UK", "GB")

    def test_an_address_nobody_knows_has_empty_ballots(self, make_database: Make) -> None:
        """Silence is recorded as silence."""
        source = make_database("one", {"192.0.2.0/25": {"country_code": "NL"}})
        (ballot,) = Databases.open([source]).country("192.0.2.200").ballots
        assert (ballot.prefix, ballot.answer, ballot.country) == ("192.0.2.128/25", None, None)

    def test_ipv4_inside_ipv6_is_looked_up_as_ipv4(self, databases: Databases) -> None:
        """A mapped address stands where the IPv4 address stands."""
        vote = databases.country("::ffff:192.0.2.1")
        assert (vote.country, vote.ballots[0].prefix) == ("NL", "192.0.2.0/24")

    def test_ipv6_prefixes_are_written_as_networks(self, databases: Databases) -> None:
        """The prefix in evidence is the network, not the address asked for."""
        assert databases.country("2001:db8:1::77").ballots[0].prefix == "2001:db8:1::/48"

    def test_an_ipv4_database_is_silent_on_ipv6(self, tmp_path: Path) -> None:
        """It does not fail, and it does not vote."""
        from mmdb_writer import MMDBWriter  # noqa: PLC0415
        from netaddr import IPSet  # type: ignore[import-untyped]  # noqa: PLC0415

        writer = MMDBWriter(4, languages=["en"], description={"en": "test"})
        writer.insert_network(IPSet(["192.0.2.0/24"]), {"country_code": "NL"})
        writer.to_db_file(str(tmp_path / "four.mmdb"))
        databases = Databases.open([DatabaseSource(tmp_path / "four.mmdb", "four")])
        assert databases.country("2001:db8::1").ballots[0][2:] == ("", None, None)
        assert databases.country("192.0.2.1").country == "NL"

    @pytest.mark.parametrize("damage", [b"\xff", b"\x42\xff\xfe"], ids=["form", "text"])
    def test_a_record_that_cannot_be_read_does_not_vote_and_is_told(
        self, make_database: Make, damage: bytes
    ) -> None:
        """A file damaged on disk holds nothing up, and the rest of it still counts."""
        rows = {"192.0.2.0/24": {"country_code": "NL"}, "198.51.100.0/24": {"country_code": "DE"}}
        source = make_database("one", rows)
        whole = source.path.read_bytes()
        at = whole.index(b"\x42NL")
        source.path.write_bytes(whole[:at] + damage + whole[at + len(damage) :])
        databases = Databases.open([source, make_database("two", rows)])
        assert databases.country("192.0.2.1").ballots[0][2:] == ("", None, None)
        assert databases.country("192.0.2.1").country == "NL"
        assert databases.country("198.51.100.1").confidence == "high"
        assert databases.damaged() == ("one",)

    def test_a_file_without_a_build_date_is_refused(self, make_database: Make) -> None:
        """Its age could not be told, in evidence or to the doctor."""
        source = make_database("one", {"192.0.2.0/24": {"country_code": "NL"}})
        whole = source.path.read_bytes()
        dated = whole.index(b"build_epoch") + len(b"build_epoch")
        source.path.write_bytes(whole[:dated] + b"\x42" + whole[dated + 1 :])
        with pytest.raises(DataFileError, match="not a readable MMDB"):
            Databases.open([source])

    def test_what_is_no_address_is_an_error(self, databases: Databases) -> None:
        """Names are resolved elsewhere."""
        with pytest.raises(ValueError, match="does not appear"):
            databases.country("site.example")


class TestFiles:
    """Only the configured bytes are believed."""

    def test_the_right_sha256_opens(self, make_database: Make) -> None:
        """In hex, of either case."""
        source = make_database("one", {"192.0.2.0/24": {"country_code": "NL"}})
        digest = hashlib.sha256(source.path.read_bytes()).hexdigest()
        databases = Databases.open([source._replace(sha256=digest.upper())])
        assert databases.files[0].sha256 == digest
        assert databases.files[0].built_ms == 1_790_000_000_000
        databases.close()

    def test_another_sha256_is_refused(self, make_database: Make) -> None:
        """A swapped file must not decide about countries."""
        source = make_database("one", {"192.0.2.0/24": {"country_code": "NL"}})
        with pytest.raises(DataFileError, match="'one': sha256 differs"):
            Databases.open([source._replace(sha256="0" * 64)])

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        """By its configured name, with the mend."""
        with pytest.raises(DataFileError, match=r"'gone': cannot be read .* check path"):
            Databases.open([DatabaseSource(tmp_path / "gone.mmdb", "gone")])

    def test_a_file_of_another_kind_is_refused(self, tmp_path: Path) -> None:
        """A download error page is no database."""
        path = tmp_path / "page.mmdb"
        path.write_text("<html>", encoding="utf-8")
        with pytest.raises(DataFileError, match="is not a readable MMDB"):
            Databases.open([DatabaseSource(path, "page")])

    def test_a_truncated_file_is_refused(self, make_database: Make) -> None:
        """Half a download is no database."""
        source = make_database("one", {"192.0.2.0/24": {"country_code": "NL"}})
        source.path.write_bytes(source.path.read_bytes()[:200])
        with pytest.raises(DataFileError, match="is not a readable MMDB"):
            Databases.open([source])

    def test_a_file_built_in_a_year_that_no_calendar_has_is_refused(self, tmp_path: Path) -> None:
        """Nothing could show when it was made."""
        made = write_database(tmp_path, "late", {}, built_s=253_402_300_799)
        assert Databases.open([made]).files[0].built_ms == 253_402_300_799_000
        made = write_database(tmp_path, "late", {}, built_s=253_402_300_800)
        with pytest.raises(DataFileError, match="is not a readable MMDB"):
            Databases.open([made])

    def test_a_file_that_is_written_over_answers_as_it_was_opened(
        self, make_database: Make
    ) -> None:
        """A copy into its place would end the node, or vote under the sha256 of another file."""
        source = make_database("one", {"192.0.2.0/24": {"country_code": "NL"}})
        databases = Databases.open([source])
        whole = source.path.read_bytes()
        with source.path.open("r+b") as file:
            file.write(whole.replace(b"\x42NL", b"\x42DE"))
        assert databases.country("192.0.2.1").country == "NL"
        source.path.open("wb").close()
        assert databases.country("192.0.2.2").country == "NL"
