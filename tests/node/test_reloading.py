"""A running node takes up newer data, and goes on with what it has if it cannot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from node.config import load
from node.config.edit import change_file
from node.jurisdiction.build import Jurisdiction, open_jurisdiction
from node.jurisdiction.locations import canonical
from node.reloading import DataWatch
from node.setup.member import NewMember, make_member
from tests.builders.databases import write_database

NOW = 1_790_000_000_000
PLACE = canonical("http://192.0.2.1/")


def make(folder: Path, country: str) -> None:
    """Put a database that says `country` in the place of the last one."""
    made = write_database(folder, "made", {"192.0.2.0/24": {"country": country}})
    made.path.replace(folder / "one.mmdb")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Give the configuration of a member with one database, `one.mmdb`."""
    wish = NewMember(
        directory=tmp_path / "node",
        member="gb-iwf",
        name="Hotline of the north",
        network="demo-0123456789abcdef",
        jurisdictions=("GB",),
    )
    path = make_member(wish, NOW).config.source
    change_file(path, "jurisdiction", {"allow_documentation_ranges": True})
    make(tmp_path, "NL")
    with path.open("a", encoding="utf-8") as file:
        named = tmp_path / "one.mmdb"
        file.write(f'[[jurisdiction.databases]]\nname = "one"\npath = "{named}"\n')
    return path


@pytest.fixture
async def jurisdiction(source: Path) -> AsyncIterator[Jurisdiction]:
    """Give what the node located by at its start."""
    opened = open_jurisdiction(load(source).jurisdiction)
    yield opened
    await opened.close()


@pytest.fixture
def watch(jurisdiction: Jurisdiction, source: Path) -> DataWatch:
    """Give what looks for newer files."""
    return DataWatch(jurisdiction, source, structlog.get_logger())


async def country(jurisdiction: Jurisdiction) -> str | None:
    """Locate the one place."""
    return (await jurisdiction.locator.locate(PLACE, NOW)).country


def cut_short(source: Path, more: str = "") -> None:
    """Leave a file as it is while somebody writes it."""
    source.write_text("[jurisdiction" + more, encoding="utf-8")


async def test_a_replaced_file_is_taken_up_once(
    jurisdiction: Jurisdiction, watch: DataWatch, tmp_path: Path
) -> None:
    """What is located after it goes by the new file; nothing is opened again without need."""
    assert await country(jurisdiction) == "NL"
    assert not await watch.look()
    make(tmp_path, "DE")
    assert await watch.look()
    assert await country(jurisdiction) == "DE"
    assert not await watch.look()


async def test_a_file_that_is_written_into_is_taken_up_once_it_rests(
    jurisdiction: Jurisdiction, watch: DataWatch, source: Path, tmp_path: Path
) -> None:
    """Half a list of proxies reads as a whole one: whom the other half hides would go abroad."""
    listed = tmp_path / "proxies.txt"
    listed.write_text("built 2026-11-01T00:00:00Z\nrange 192.0.2.0/24 veil\n", encoding="utf-8")
    change_file(source, "jurisdiction", {"proxy_list": str(listed)})
    assert await watch.look()
    assert await country(jurisdiction) is None
    listed.write_text("built 2026-11-02T00:00:00Z\n", encoding="utf-8")
    assert not await watch.look()
    assert await country(jurisdiction) is None
    with listed.open("a", encoding="utf-8") as file:
        file.write("range 192.0.2.0/26 veil\n")
    assert [await watch.look() for _ in range(3)] == [False, True, False]
    assert await country(jurisdiction) is None
    assert jurisdiction.data.proxies[0].file.built_ms == 1_793_577_600_000


async def test_a_damaged_file_changes_nothing_and_is_told_once(
    jurisdiction: Jurisdiction, watch: DataWatch, tmp_path: Path
) -> None:
    """Old data is better than none; the log names a code, and not every half minute."""
    (tmp_path / "broken").write_bytes(b"no database")
    (tmp_path / "broken").replace(tmp_path / "one.mmdb")
    with capture_logs() as logs:
        assert [await watch.look(), await watch.look()] == [False, False]
    assert await country(jurisdiction) == "NL"
    assert [(line["event"], line["code"]) for line in logs] == [("data_not_taken_up", "data_file")]
    make(tmp_path, "FR")
    assert await watch.look()
    assert await country(jurisdiction) == "FR"


async def test_a_file_that_is_away_changes_nothing(
    jurisdiction: Jurisdiction, watch: DataWatch, tmp_path: Path
) -> None:
    """What was read stays at hand."""
    (tmp_path / "one.mmdb").unlink()
    with capture_logs():
        assert not await watch.look()
    assert await country(jurisdiction) == "NL"


async def test_a_configuration_that_names_another_file_is_followed(
    jurisdiction: Jurisdiction, watch: DataWatch, source: Path, tmp_path: Path
) -> None:
    """Overrides can come into force while the node runs."""
    overrides = tmp_path / "overrides.toml"
    overrides.write_text(
        '[[override]]\nid = "r1"\nkind = "rule"\nrange = "192.0.2.0/24"\ncountry = "BE"\n'
        'author = "analyst-7"\nreason = "seen there"\nexpires = 2099-01-01T00:00:00Z\n',
        encoding="utf-8",
    )
    change_file(source, "jurisdiction", {"overrides": str(overrides)})
    assert await watch.look()
    assert await country(jurisdiction) == "BE"


@pytest.mark.parametrize("file", ["overrides.toml", "the configuration"])
async def test_a_number_too_long_to_be_read_changes_nothing(
    jurisdiction: Jurisdiction, watch: DataWatch, source: Path, tmp_path: Path, file: str
) -> None:
    """TOML has no bound for one, and Python has."""
    number = "9" * 5000
    overrides = tmp_path / "overrides.toml"
    overrides.write_text(f"[[override]]\nid = {number}\n", encoding="utf-8")
    change_file(source, "jurisdiction", {"overrides": str(overrides)})
    if file == "the configuration":
        cut_short(source, f"]\nmax_age_days = {number}\n")
    with capture_logs() as logs:
        assert not await watch.look()
    assert [line["event"] for line in logs] == ["data_not_taken_up"]
    assert await country(jurisdiction) == "NL"


async def test_a_configuration_that_is_none_changes_nothing(
    jurisdiction: Jurisdiction, watch: DataWatch, source: Path
) -> None:
    """Somebody is just writing it."""
    cut_short(source)
    with capture_logs() as logs:
        assert not await watch.look()
    assert await country(jurisdiction) == "NL"
    assert logs[0]["code"] == "config_invalid"
