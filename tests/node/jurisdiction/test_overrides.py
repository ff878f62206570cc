"""What people know better: decides while it lasts, says whose it is, and ends by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.jurisdiction.countries import Databases
from node.jurisdiction.errors import DataFileError
from node.jurisdiction.locate import Located, Locator
from node.jurisdiction.locations import canonical
from node.jurisdiction.names import Resolver
from node.jurisdiction.overrides import Overrides
from node.jurisdiction.proxies import ProxyList, ProxySource

END_MS = 1_800_000_000_000
BEFORE = END_MS - 1
ENTRY: dict[str, Any] = {
    "id": '"r1"',
    "kind": '"rule"',
    "name": '"site.example"',
    "country": '"NL"',
    "author": '"analyst-7"',
    "reason": '"seen there"',
    "expires": "2027-01-15T08:00:00Z",
}


def write(path: Path, *changes: dict[str, str | None]) -> Path:
    """Write one entry for each change to `ENTRY`; None leaves a key out."""
    tables = []
    for change in changes:
        keys = {**ENTRY, **change}
        lines = [f"{key} = {value}" for key, value in keys.items() if value is not None]
        tables.append("\n".join(["[[override]]", *lines]))
    path.write_text("\n".join(tables) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def open_with(tmp_path: Path) -> Callable[..., Overrides]:
    """Give `open_with(change, ...)`: overrides made of `ENTRY` with changes."""
    return lambda *changes: Overrides.open(write(tmp_path / "overrides.toml", *changes))


class TestNames:
    """By name: the host and what is below it."""

    @pytest.mark.parametrize("host", ["site.example", "www.site.example"])
    def test_it_holds_for_the_host_and_below(
        self, open_with: Callable[..., Overrides], host: str
    ) -> None:
        """A site and its hosts are one."""
        found = open_with({}).by_name(host, BEFORE)
        assert found is not None
        assert (found.id, found.author, found.country) == ("r1", "analyst-7", "NL")

    @pytest.mark.parametrize("host", ["mysite.example", "example", "other.example"])
    def test_it_holds_at_label_borders_only(
        self, open_with: Callable[..., Overrides], host: str
    ) -> None:
        """A name that ends in the same letters is another's."""
        assert open_with({}).by_name(host, BEFORE) is None

    def test_the_most_specific_name_wins(self, open_with: Callable[..., Overrides]) -> None:
        """Whatever the order in the file."""
        made = open_with({}, {"id": '"r2"', "name": '"www.site.example"', "country": '"DE"'})
        found = made.by_name("a.www.site.example", BEFORE)
        assert found is not None
        assert found.country == "DE"

    def test_a_name_is_read_as_locations_are(self, open_with: Callable[..., Overrides]) -> None:
        """In A-labels, lower case, without the last dot."""
        made = open_with({"name": '"B\u00dcCHER.example."'})
        assert made.by_name("xn--bcher-kva.example", BEFORE) is not None


class TestEnds:
    """Nothing that somebody once believed holds for ever."""

    def test_it_ends_by_itself(self, open_with: Callable[..., Overrides]) -> None:
        """To the millisecond."""
        made = open_with({})
        assert made.by_name("site.example", BEFORE) is not None
        assert made.by_name("site.example", END_MS) is None

    def test_what_is_over_uncovers_what_is_behind(
        self, open_with: Callable[..., Overrides]
    ) -> None:
        """A wider entry that lasts longer holds again."""
        made = open_with(
            {"name": '"www.site.example"'}, {"id": '"r2"', "expires": "2028-01-01T00:00:00Z"}
        )
        found = made.by_name("www.site.example", END_MS)
        assert found is not None
        assert found.id == "r2"

    def test_ranges_end_too(self, open_with: Callable[..., Overrides]) -> None:
        """As names do."""
        made = open_with({"name": None, "range": '"192.0.2.0/24"'})
        assert made.by_address("::ffff:192.0.2.7", BEFORE) is not None
        assert made.by_address("192.0.2.7", END_MS) is None
        assert made.by_address("198.51.100.1", BEFORE) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"expires": None}, "expires"),
        ({"author": None}, "author"),
        ({"reason": '" "'}, "reason"),
        ({"country": '"EU"'}, "country"),
        ({"country": "7"}, "country"),
        ({"kind": '"guess"'}, "kind"),
        ({"id": '"R 1"'}, "id"),
        ({"name": '"http://site.example/a"'}, "name"),
        ({"name": '"192.0.2.1"'}, "name"),
        ({"name": '"localhost"'}, "name"),
        ({"name": '"*.site.example"'}, "name: write a public host name alone"),
        ({"name": "7"}, "name"),
        ({"name": None, "range": '"0.0.0.0/0"'}, "range: write ranges of /8 at most"),
        ({"name": None, "range": '"8.0.0.0/7"'}, "range: write ranges of /8 at most"),
        ({"name": None, "range": '"2000::/3"'}, "of IPv6 /16"),
        ({"name": None}, "name or range"),
        ({"range": '"192.0.2.0/24"'}, "name or range"),
        ({"name": None, "range": '"192.0.2.1/24"'}, "range"),
        ({"name": None, "range": '"site"'}, "range"),
        ({"expires": "2027-01-15"}, "expires"),
        ({"expires": "2027-01-15T08:00:00"}, "expires"),
        ({"expires": "9999-12-31T23:59:59-01:00"}, "expires"),
        ({"hidden": "true"}, "no other key"),
    ],
)
def test_an_incomplete_entry_is_refused_by_number_and_field(
    open_with: Callable[..., Overrides], change: dict[str, str | None], field: str
) -> None:
    """Nobody's rule, or one without end, never comes into force; the file's words are not shown."""
    with pytest.raises(DataFileError, match=r"^overrides, entry 2: ") as caught:
        open_with({"id": '"r0"'}, change)
    assert field in str(caught.value)
    assert "site.example" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["override = 3", "[override", "[[rule]]\nid = 1", "\xff", f"a = {'9' * 5000}"]
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """A slip of the pen must not read as "no overrides"."""
    path = tmp_path / "overrides.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataFileError, match=r"^overrides: "):
        Overrides.open(path)


def test_two_entries_of_one_id_are_refused(open_with: Callable[..., Overrides]) -> None:
    """Evidence names the entry by its id."""
    with pytest.raises(DataFileError, match=r"^overrides, entry 2: id: .* an id of its own"):
        open_with({}, {})


def test_a_slip_of_the_pen_is_named_by_its_line_without_its_words(tmp_path: Path) -> None:
    """Who keeps hundreds of entries finds it; what stands there may be a site's name."""
    path = tmp_path / "overrides.toml"
    path.write_text("[[override]]\nname = site.example\n")
    with pytest.raises(DataFileError, match="is not TOML at line 2, column") as caught:
        Overrides.open(path)
    assert "site" not in str(caught.value)


class TestDecisions:
    """Over the databases, while it lasts."""

    @pytest.fixture
    def locator(
        self,
        resolver: Resolver,
        databases: Databases,
        open_with: Callable[..., Overrides],
        tmp_path: Path,
    ) -> Locator:
        """Give a locator with a proxy list, and overrides for a name and two ranges."""
        proxies = tmp_path / "proxies.txt"
        proxies.write_text("built 2026-11-01T00:00:00Z\nrange 203.0.113.0/24 veil\n", "utf-8")
        return Locator(
            resolver,
            databases,
            [ProxyList.open(ProxySource(proxies, "proxies"))],
            overrides=open_with(
                {"kind": '"origin"', "name": '"veiled.example"', "country": '"GB"'},
                {"id": '"r2"', "name": None, "range": '"198.51.100.0/24"'},
                {"id": '"r3"', "name": None, "range": '"203.0.113.0/24"'},
            ),
        )

    async def test_a_confirmed_origin_lifts_the_veil(self, locator: Locator) -> None:
        """The proxy's answer counts, and the proxy stays in the evidence."""
        located = await locator.locate(canonical("http://veiled.example/"), BEFORE)
        assert (located.state, located.country, located.confidence) == ("country", "GB", "high")
        assert kinds(located) >= {"override", "proxy", "ballot", "address"}

    async def test_the_veil_falls_again_when_it_is_over(self, locator: Locator) -> None:
        """Also where the answer was remembered: the same locator, a millisecond later."""
        place = canonical("http://veiled.example/")
        await locator.locate(place, BEFORE)
        assert locator.locate_cached(place, BEFORE) is not None
        again = locator.locate_cached(place, END_MS)
        assert again is not None
        assert (again.state, again.country) == ("hidden", None)
        assert "override" not in kinds(again)

    async def test_a_literal_is_judged_anew_when_it_is_over(self, locator: Locator) -> None:
        """Addresses have no TTL: what ends is the override."""
        place = canonical("http://198.51.100.7/")
        assert (await locator.locate(place, BEFORE)).country == "NL"
        assert (await locator.locate(place, END_MS)).country == "DE"

    async def test_a_range_votes_for_its_addresses_alone(self, locator: Locator) -> None:
        """The other address keeps its own vote; both in one country is no dispute."""
        located = await locator.locate(canonical("http://two-lands.example/"), BEFORE)
        assert (located.state, located.country) == ("country", "NL")

    async def test_a_range_lifts_no_veil(self, locator: Locator) -> None:
        """Where the proxy stands is not where it is hosted."""
        located = await locator.locate(canonical("http://203.0.113.9/"), BEFORE)
        assert located.state == "hidden"

    async def test_the_evidence_says_whose_it_is_and_until_when(self, locator: Locator) -> None:
        """Matched, kind, id, entry, country, author, reason, end."""
        located = await locator.locate(canonical("http://198.51.100.7/"), BEFORE)
        (row,) = [row for row in located.evidence if row[0] == "override"]
        assert row[1:] == (
            "198.51.100.7", "rule", "r2", "198.51.100.0/24", "NL", "analyst-7",
            "seen there", END_MS,
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("about", "place"),
        [
            ({"name": '"plain.example"'}, "http://www.plain.example/"),
            ({"name": '"veiled.example"'}, "http://veiled.example/"),
            ({"name": None, "range": '"192.0.2.0/24"'}, "http://192.0.2.7/"),
        ],
    )
    async def test_two_that_contradict_each_other_decide_nothing(
        self,
        resolver: Resolver,
        databases: Databases,
        open_with: Callable[..., Overrides],
        about: dict[str, str | None],
        place: str,
    ) -> None:
        """Whichever is wrong would send the report astray, and nobody would look."""
        later = {"id": '"r2"', "country": '"DE"', "expires": "2028-01-01T00:00:00Z"}
        made = open_with(about, {**about, **later}, {**about, "id": '"r3"'})
        locator = Locator(resolver, databases, overrides=made)
        located = locator.locate_unasked(canonical(place), BEFORE)
        assert (located.state, located.confidence) == ("disputed", "low")
        assert located.candidates == ("DE", "NL")
        assert {row[3] for row in located.evidence if row[0] == "override"} >= {"r1", "r2"}
        over = locator.locate_unasked(canonical(place), END_MS)
        assert (over.state, over.country) == ("country", "DE")
        assert made.contradictions(BEFORE) == [("r2", "r1", "r3")]
        assert made.contradictions(END_MS) == []

    async def test_a_name_that_fails_is_not_decided_by_it(self, locator: Locator) -> None:
        """Nobody knows whether the site is there: it is asked again."""
        located = await locator.locate(canonical("http://ill.example/"), BEFORE)
        assert located.state == "unresolved"

    def test_without_looking_names_up_it_counts_too(self, locator: Locator) -> None:
        """What people know needs no name server."""
        place = canonical("http://veiled.example/")
        assert locator.locate_unasked(place, BEFORE).country == "GB"
        assert locator.locate_unasked(place, END_MS).state == "unresolved"


def kinds(located: Located) -> set[str]:
    """Return the kinds of evidence."""
    return {str(row[0]) for row in located.evidence}
