"""`hotline geo status`: what the data files are, and what is wrong with them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from node.cli.exits import Exit
from node.cli.geo import status
from node.config import Config
from node.config.edit import change_file
from tests.builders.databases import BUILT_S, write_database
from tests.node.cli.conftest import Typing

DAY_MS = 86_400_000
NOW = BUILT_S * 1000 + DAY_MS

OVERRIDES = """
[[override]]
id = "late"
kind = "origin"
name = "shop.site.example"
country = "NL"
author = "analyst-7"
reason = "told by the proxy"
expires = 2099-01-01T00:00:00Z

[[override]]
id = "over"
kind = "rule"
range = "192.0.2.0/24"
country = "DE"
author = "analyst-8"
reason = "seen there"
expires = 2020-01-01T00:00:00Z
"""


@pytest.fixture
def source(member: Config, tmp_path: Path) -> Path:
    """Give a configuration with a pinned voter, a watch list and two overrides."""
    (tmp_path / "overrides.toml").write_text(OVERRIDES, encoding="utf-8")
    (tmp_path / "watch.txt").write_text("built 2026-09-22T00:00:00Z\nasn 64500 leased\n", "utf-8")
    networks = write_database(tmp_path, "networks", {"192.0.2.0/24": {"asn": 64500}}).path
    lists = {
        "asn_database": str(networks),
        "asn_database_sha256": hashlib.sha256(networks.read_bytes()).hexdigest(),
        "overrides": str(tmp_path / "overrides.toml"),
        "watch_list": str(tmp_path / "watch.txt"),
        "max_age_days": 30,
    }
    change_file(member.source, "jurisdiction", lists)
    voter = write_database(tmp_path, "one", {"192.0.2.0/24": {"country": "NL"}}).path
    digest = hashlib.sha256(voter.read_bytes()).hexdigest()
    with member.source.open("a", encoding="utf-8") as file:
        file.write(f'[[jurisdiction.databases]]\nname = "one"\npath = "{voter}"\n')
        file.write(f'sha256 = "{digest}"\n')
    return member.source


def test_each_file_stands_with_digest_build_and_age(source: Path, tmp_path: Path) -> None:
    """Everything by which one file is told from another."""
    shown = status(source, NOW)
    voter, networks, watched = shown.data["files"]
    assert (voter["name"], voter["use"], voter["pinned"]) == ("one", "votes", True)
    assert (voter["built_ms"], voter["age_days"], voter["verdict"]) == (NOW - DAY_MS, 1, "fresh")
    assert voter["sha256"] == hashlib.sha256((tmp_path / "one.mmdb").read_bytes()).hexdigest()
    assert (watched["use"], watched["pinned"]) == ("watched", False)
    assert (networks["use"], networks["pinned"]) == ("networks", True)
    assert shown.exit == Exit.OK
    assert voter["sha256"] in shown.text


@pytest.mark.parametrize(("days", "verdict"), [(31, "old"), (-3, "from_future")])
def test_a_wrong_age_is_an_alarm(source: Path, days: int, verdict: str) -> None:
    """Too old, or from a time that has not come."""
    shown = status(source, NOW + days * DAY_MS)
    assert shown.data["files"][0]["verdict"] == verdict
    assert shown.exit == Exit.PROBLEM


def test_overrides_stand_with_author_and_end(source: Path) -> None:
    """Those that are over too, until somebody takes them out."""
    shown = status(source, NOW)
    told = [(one["id"], one["author"], one["in_force"]) for one in shown.data["overrides"]]
    assert told == [("over", "analyst-8", False), ("late", "analyst-7", True)]
    assert "override over: 192.0.2.0/24 in DE (rule), OVER since 2020-01-01" in shown.text


async def test_overrides_that_contradict_each_other_are_said(
    source: Path, tmp_path: Path, typed: Typing
) -> None:
    """By their ids, here and by the doctor: until then their place goes to a person."""
    path = tmp_path / "overrides.toml"
    other = OVERRIDES.replace('"late"', '"other"').replace('"NL"', '"BE"').replace('"over"', '"o2"')
    path.write_text(OVERRIDES + other, encoding="utf-8")
    shown = status(source, NOW)
    assert (shown.exit, shown.data["contradictions"]) == (Exit.PROBLEM, [("late", "other")])
    assert "overrides late, other contradict each other" in shown.text
    _, told = await typed("doctor")
    assert "override_contradicts" in {one["code"] for one in told["findings"]}


def test_one_file_under_two_names_is_said(source: Path, tmp_path: Path) -> None:
    """It votes once, and that is no state to leave it in."""
    with source.open("a", encoding="utf-8") as file:
        file.write(f'[[jurisdiction.databases]]\nname = "two"\npath = "{tmp_path / "one.mmdb"}"\n')
    shown = status(source, NOW)
    assert (shown.exit, shown.data["voters"]) == (Exit.PROBLEM, 1)
    assert shown.data["copies"] == [{"name": "two", "same_as": "one"}]
    assert "two is the same file as one: it votes once" in shown.text


async def test_a_voter_that_names_no_country_is_said(
    source: Path, tmp_path: Path, typed: Typing
) -> None:
    """A file of networks among the voters lowers every answer and gives none."""
    networks = tmp_path / "networks.mmdb"
    copy = tmp_path / "two.mmdb"
    copy.write_bytes(networks.read_bytes())
    with source.open("a", encoding="utf-8") as file:
        file.write(f'[[jurisdiction.databases]]\nname = "two"\npath = "{copy}"\n')
    shown = status(source, NOW)
    assert shown.exit == Exit.PROBLEM
    assert [one["verdict"] for one in shown.data["files"][:2]] == ["fresh", "names no country"]
    _, told = await typed("doctor")
    (found,) = [one for one in told["findings"] if one["code"] == "data_silent"]
    assert found["what"] == "two names no country anywhere: it never votes"


def test_entries_that_can_match_nothing_are_said(source: Path) -> None:
    """Networks are known by a database of networks alone."""
    lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("asn_database")]
    source.write_text("".join(kept), encoding="utf-8")
    shown = status(source, NOW)
    assert shown.exit == Exit.PROBLEM
    assert "watch: 1 asn entries match nothing" in shown.text


def test_no_voter_is_a_problem(member: Config) -> None:
    """Every item would stay with its finder."""
    shown = status(member.source, NOW)
    assert (shown.exit, shown.data["voters"]) == (Exit.PROBLEM, 0)
    assert "no database votes" in shown.text


async def test_doctor_names_what_is_over(source: Path, tmp_path: Path, typed: Typing) -> None:
    """By its id, and the file of hosters beside it; a voter's file under a second name too."""
    with source.open("a", encoding="utf-8") as file:
        file.write(f'[[jurisdiction.databases]]\nname = "two"\npath = "{tmp_path / "one.mmdb"}"\n')
    hosters = source.parent / "hosters.toml"
    hosters.write_text("[[hoster]]\nid = 1\n", encoding="utf-8")
    change_file(source, "hosters", {"file": str(hosters)})
    _, told = await typed("doctor")
    found = {one["code"]: one for one in told["findings"] if one["check"] != "tasks"}
    assert found["override_over"]["what"].endswith(": over")
    assert "two is the same file as one" in found["data_twice"]["what"]
    broken = [one["code"] for one in told["findings"] if one["check"] == "hosters"]
    assert broken == ["data_file"]
