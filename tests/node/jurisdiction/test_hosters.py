"""The operator's own hosters: found while they last, refused when incomplete, no rings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.jurisdiction.errors import DataFileError
from node.jurisdiction.hosters import Hosters

END_MS = 1_800_000_000_000
BEFORE = END_MS - 1
ENTRY: dict[str, Any] = {
    "id": '"fast"',
    "name": '"Fast Hosting"',
    "author": '"analyst-7"',
    "reason": '"told us"',
    "expires": "2027-01-15T08:00:00Z",
}
Opener = Callable[..., Hosters]


@pytest.fixture
def open_with(tmp_path: Path) -> Opener:
    """Give `open_with(change, ...)`: hosters made of `ENTRY` with changes; None takes a key out."""

    def make(*changes: dict[str, str | None]) -> Hosters:
        tables = []
        for change in changes:
            keys = {**ENTRY, **change}
            lines = [f"{key} = {value}" for key, value in keys.items() if value is not None]
            tables.append("\n".join(["[[hoster]]", *lines]))
        path = tmp_path / "hosters.toml"
        path.write_text("\n".join(tables) + "\n", encoding="utf-8")
        return Hosters.open(path)

    return make


class TestFinding:
    """By range, by network, by handle; in this order."""

    def test_the_most_specific_range_wins(self, open_with: Opener) -> None:
        """Whatever the order in the file; a range goes before the network."""
        made = open_with(
            {"ranges": '["192.0.2.0/24"]'},
            {"id": '"inner"', "ranges": '["192.0.2.64/26"]'},
            {"id": '"net"', "asns": "[64500]"},
        )
        cases = {"192.0.2.1": "fast", "192.0.2.65": "inner", "198.51.100.1": "net"}
        for address, wanted in cases.items():
            found = made.at(address, 64500, BEFORE)
            assert found is not None
            assert found.id == wanted
        assert made.at("198.51.100.1", 64501, BEFORE) is None
        assert made.at("198.51.100.1", None, BEFORE) is None

    @pytest.mark.parametrize(
        "handle",
        ["ORG-FH1-EXAMPLE", "192.0.2.0 - 192.0.2.255", "2001:db8::/32", "05.506.560/0001-36"],
    )
    def test_it_stands_for_an_entity_of_a_register(self, open_with: Opener, handle: str) -> None:
        """By its handle, to the letter."""
        made = open_with({"handle": f'"{handle}"'})
        found = made.named(handle, BEFORE)
        assert found is not None
        assert (found.key, found.author) == ("own:fast", "analyst-7")
        assert made.named(f"{handle}x", BEFORE) is None

    def test_it_ends_by_itself(self, open_with: Opener) -> None:
        """To the millisecond, however it was found."""
        made = open_with({"ranges": '["192.0.2.0/24"]', "asns": "[1]", "handle": '"H"'})
        assert made.at("192.0.2.1", None, BEFORE) is not None
        assert made.at("192.0.2.1", 1, END_MS) is None
        assert made.named("H", END_MS) is None


class TestResellers:
    """Whose machines it rents: the notice may have to climb."""

    def test_the_chain_leads_upwards(self, open_with: Opener) -> None:
        """The nearest first."""
        made = open_with(
            {"reseller_of": '"mid"'},
            {"id": '"mid"', "reseller_of": '"top"'},
            {"id": '"top"'},
        )
        first = made.entries[0]
        assert [one.id for one in made.chain(first)] == ["mid", "top"]
        assert made.chain(made.entries[2]) == ()

    @pytest.mark.parametrize("above", ["nobody", "fast"])
    def test_a_ring_or_a_gap_is_refused(self, open_with: Opener, above: str) -> None:
        """A chain must end at somebody."""
        with pytest.raises(DataFileError, match=r"^hosters, entry 1: reseller_of: "):
            open_with({"reseller_of": f'"{above}"'})

    def test_a_longer_ring_is_refused(self, open_with: Opener) -> None:
        """However many stand in it."""
        with pytest.raises(DataFileError, match="no rings"):
            open_with({"reseller_of": '"b"'}, {"id": '"b"', "reseller_of": '"fast"'})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"author": None}, "author"),
        ({"reason": '" "'}, "reason"),
        ({"expires": "2027-01-15"}, "expires"),
        ({"id": '"F 1"'}, "id"),
        ({"handle": '"own:fast"'}, "handle"),
        ({"ranges": '["192.0.2.1/24"]'}, "ranges"),
        ({"ranges": '"192.0.2.0/24"'}, "ranges"),
        ({"asns": "[-1]"}, "asns"),
        ({"asns": "[true]"}, "asns"),
        ({"contacts": '["nobody"]'}, "contacts"),
        ({"contacts": "[7]"}, "contacts"),
        ({"contacts": '["http://fast.example/abuse"]'}, "contacts"),
        ({"contacts": '["https://fast.example/abuse?case=1"]'}, "contacts"),
        ({"email": '"abuse@fast.example"'}, "no other key"),
    ],
)
def test_an_incomplete_entry_is_refused_by_number_and_field(
    open_with: Opener, change: dict[str, str | None], field: str
) -> None:
    """Nothing half known is in force; the file's words are not shown."""
    with pytest.raises(DataFileError, match=r"^hosters, entry 2: ") as caught:
        open_with({"id": '"first"'}, change)
    assert field in str(caught.value)
    assert "fast.example" not in str(caught.value)
