"""A small year through real nodes, and a checker that sees what is missing and what is too much."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import pytest

from node.store.connection import open_writer
from tests.simulation.europe import checker, playing
from tests.simulation.europe.replay import START_MS, Result
from tests.simulation.europe.year import NOBODY, Year

ITEMS, MEMBERS, DAYS, SEED = 80, 4, 7, 11
ITEM = "report_id, custody, responsible, country, urgency, due_ms, review, changed_seq, state"
ENTRY = "9999, peer, lane, epoch, 9999, leaf, entry, judged, waits_for, taken_ms"
SECOND = "FROM entries_in WHERE seq = 2"


def play(folder: Path, processes: int = 1) -> Result:
    """Play the small year in a new folder."""
    folder.mkdir()
    year = Year(ITEMS, MEMBERS, DAYS, SEED, START_MS)
    return playing.play(year, folder, SEED, lambda _: None, processes)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """One year, played once."""
    folder = tmp_path_factory.mktemp("europe") / "one"
    return folder, play(folder)


def ledger(folder: Path) -> list[list[Any]]:
    """The truth, line by line."""
    return [json.loads(line) for line in (folder / "ledger.ndjson").read_text().splitlines()]


def states(folder: Path) -> list[tuple[str, list[Any]]]:
    """Every item of every member, as it is stored."""
    found = []
    for member, (file, key) in json.loads((folder / "databases.json").read_text()).items():
        connection = open_writer(folder / file, bytes.fromhex(key))
        rows = connection.execute("SELECT state FROM items ORDER BY id").fetchall()
        connection.close()
        found += [(member, msgpack.unpackb(state)) for (state,) in rows]
    return found


class TestSmallYear:
    """Outages, moves, second reports, known content: nothing lost, nothing twice."""

    def test_g1_g2_nothing_is_lost_and_nothing_stands_twice(
        self, played: tuple[Path, Result]
    ) -> None:
        """By the word of a checker that owes nothing to the node."""
        verdict = checker.check(played[0])
        assert verdict.findings == []

    def test_everything_that_was_planned_was_done(self, played: tuple[Path, Result]) -> None:
        """Nothing was left because it never came."""
        assert played[1].undone == 0

    def test_what_the_year_is_about_really_happened(self, played: tuple[Path, Result]) -> None:
        """A year in which nothing goes wrong would prove nothing."""
        lines = ledger(played[0])
        items = [line for line in lines if line[0] == "item"]
        assert len(items) == ITEMS
        assert len(lines) > 2 * ITEMS, "nothing was reported a second time"
        assert any(via != NOBODY for _, _, _, _, via, _, _ in items), "nothing moved"
        assert played[1].counted.of["calls_in_vain"], "nobody was away"
        assert played[1].counted.of["carried_over"], "no verdict was carried over"

    def test_one_seed_plays_one_year(self, played: tuple[Path, Result], tmp_path: Path) -> None:
        """Every item of every member, with every event's id and time."""
        play(tmp_path / "again")
        assert states(tmp_path / "again") == states(played[0])

    def test_two_processes_play_the_same_year_as_one(
        self, played: tuple[Path, Result], tmp_path: Path
    ) -> None:
        """Who shares the members out changes nothing of what becomes of an item."""
        shared = play(tmp_path / "shared", processes=2)
        assert states(tmp_path / "shared") == states(played[0])
        assert shared.counted.of == played[1].counted.of
        assert checker.check(tmp_path / "shared").findings == []


class TestCheckerSees:
    """Each thing that may go wrong, done to a copy of a year that went well."""

    @pytest.fixture
    def found(self, played: tuple[Path, Result], tmp_path: Path) -> Callable[[str, str], set[str]]:
        """Change one member's database and say of which kinds the findings are."""
        folder = shutil.copytree(played[0], tmp_path / "copy")

        def change(member: str, sql: str) -> set[str]:
            file, key = json.loads((folder / "databases.json").read_text())[member]
            connection = open_writer(folder / file, bytes.fromhex(key))
            connection.create_function("without", 2, without)
            assert connection.execute(sql).rowcount > 0
            connection.close()
            return {finding.kind for finding in checker.check(folder).findings}

        return change

    @pytest.mark.parametrize(
        ("sql", "kinds"),
        [
            ("DELETE FROM items WHERE rowid = 1", {"lost"}),
            ("UPDATE items SET state = x'' WHERE rowid = 1", {"lost"}),
            ("UPDATE items SET state = without(state, 16) WHERE custody = 'here'", {"lost"}),
            ("UPDATE items SET state = without(state, 20)", {"lost"}),
            ("UPDATE items SET state = without(state, 26)", {"lost"}),
            ("UPDATE items SET state = without(state, 27)", {"lost"}),
            ("INSERT INTO waiting_out VALUES ('gb-one', 'reports', 1, 1)", {"lost"}),
            ("UPDATE entries_in SET judged = 2 WHERE seq = 1", {"lost"}),
            ("UPDATE entries_in SET answer = 'not_permitted' WHERE seq = 1", {"lost"}),
            ("UPDATE channels_out SET receipted = receipted - 1", {"lost"}),
            ("UPDATE channels_in SET stopped = 'fork'", {"lost"}),
            (f"INSERT INTO items SELECT 'x', {ITEM} FROM items LIMIT 1", {"twice"}),
            (f"INSERT INTO entries_in SELECT {ENTRY}, answer, item {SECOND}", {"twice"}),
            (f"INSERT INTO entries_in SELECT {ENTRY}, 'repeat', item {SECOND}", set()),
        ],
    )
    def test_what_is_missing_and_what_is_too_much(
        self, found: Callable[[str, str], set[str]], sql: str, kinds: set[str]
    ) -> None:
        """At a member that others hand items to."""
        assert found("nl-one", sql) == kinds


def without(raw: bytes, place: int) -> bytes:
    """A stored state that has forgotten one thing."""
    state = msgpack.unpackb(raw)
    state[place] = None if isinstance(state[place], str) else state[place][:-1]
    return bytes(msgpack.packb(state))
